//! Tests of `save` with more than one file system: the tests mount file systems in namespaces.

use std::process::{Command, Stdio};

use libtest_mimic::{Completion, Trial};

use super::{content, fine, on_a_small_disk};
use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, Ran};

pub fn trials() -> Vec<Trial> {
    per_arch![
        copies_between_file_systems,
        knows_files_by_file_system_and_number,
        writes_into_a_read_only_directory,
        knows_the_file_systems_of_the_kernel,
        makes_memory_that_cannot_be_executed,
    ]
    .collect()
}

/// Returns the output of `script`, in which `"$@"` is `save`. `Err` with the reason if this machine has no namespaces.
fn with_mounts(
    arch: Arch,
    folder: &Folder,
    shell: impl Fn(&str) -> Command,
    script: &str,
) -> Result<Ran, Completion> {
    let mount = folder.run(&mut shell("true"), Stdio::null());
    if mount != fine() {
        return Err(Completion::ignored_with(skip::namespaces(&mount.stderr)));
    }
    let mut command = shell(script);
    let program = arch.program("save");
    command.arg(program.get_program()).args(program.get_args());
    Ok(folder.run(&mut command, Stdio::null()))
}

/// copy_file_range(2) refuses to copy between the two file systems.
fn copies_between_file_systems(arch: Arch) -> Completion {
    let folder = Folder::new();
    let aside = Folder::new();
    let source = aside.path("in");
    std::fs::write(&source, content(30_000)).unwrap();
    let script = format!(
        r#""$@" here <{0} && cmp here {0} && mkdir sub && mount -t tmpfs none sub &&
           "$@" sub/there <here && cmp sub/there here && "$@" -a here <sub/there &&
           wc -c <here && "$@" --in-place here <sub/there && cmp here {0} && ls -A . sub"#,
        source.display()
    );
    match with_mounts(arch, &folder, on_a_small_disk, &script) {
        Ok(ran) => assert_eq!(
            ran,
            Ran::new(0, "60000\n.:\nhere\nsub\n\nsub:\nthere\n", "")
        ),
        Err(ignored) => return ignored,
    }
    Completion::Completed
}

/// Two files with the same inode number on two file systems are different files, also if statx is refused.
fn knows_files_by_file_system_and_number(arch: Arch) -> Completion {
    let folder = Folder::new();
    let strace = match arch.is_native() {
        true => "strace -o /dev/null -e inject=statx:error=ENOSYS",
        false => "",
    };
    let script = format!(
        r#"mkdir a b && mount -t tmpfs none a && mount -t tmpfs none b && echo one >a/f && echo two >b/f &&
           [ $(stat -c %i a/f) = $(stat -c %i b/f) ] &&
           "$@" -a a/f <b/f && {strace} "$@" -a a/f <b/f && cat a/f
           "$@" -a a/f <a/f; {strace} "$@" -a a/f <a/f; echo "exit $?""#
    );
    let refused = "save: append to itself a/f: Invalid argument (EINVAL)\n";
    match with_mounts(arch, &folder, on_a_small_disk, &script) {
        Ok(ran) => {
            let wanted = Ran::new(0, "one\ntwo\ntwo\nexit 1\n", &refused.repeat(2));
            assert_eq!(ran, wanted);
        }
        Err(ignored) => return ignored,
    }
    Completion::Completed
}

/// A read-only directory with a writable file mounted in it, as in containers.
fn writes_into_a_read_only_directory(arch: Arch) -> Completion {
    let folder = Folder::new();
    let script = r#"mkdir d && echo old >d/f && echo old >d/g && echo old >w &&
        mount --bind d d && mount --bind w d/f && mount -o remount,bind,ro d && {
        echo new | "$@" d/f; echo new | "$@" d/g; echo new | "$@" d/h; cat d/f
        echo new | "$@" --in-place d/f; echo more | "$@" -a d/f; cat d/f; ls -A d; }"#;
    let why = "Read-only file system (EROFS)";
    let printed = format!(
        "save: open d/f: {why}: its directory does not allow that; --in-place writes into it\n\
         save: open d/g: {why}\nsave: open d/h: {why}\n"
    );
    match with_mounts(arch, &folder, on_a_small_disk, script) {
        Ok(ran) => assert_eq!(ran, Ran::new(0, "old\nnew\nmore\nf\ng\n", &printed)),
        Err(ignored) => return ignored,
    }
    Completion::Completed
}

/// In the kernel's own file systems `save` creates no file: a name that does not exist is an error.
fn knows_the_file_systems_of_the_kernel(arch: Arch) -> Completion {
    let folder = Folder::new();
    let kinds = "proc sysfs cgroup2 debugfs tracefs configfs securityfs bpf selinuxfs binfmt_misc";
    let script = format!(
        r#"mkdir k && for kind in {kinds}; do mount -t $kind none k 2>/dev/null || continue
               echo x | "$@" k/nothing 2>said; echo "$kind $? $(cat said)"; umount k; done
           mount -t ramfs none k && echo x | "$@" k/nothing && cat k/nothing"#
    );
    let ran = match with_mounts(arch, &folder, on_a_small_disk, &script) {
        Ok(ran) => ran,
        Err(ignored) => return ignored,
    };
    let (ends, _) = ran.stdout.split_at(ran.stdout.len().saturating_sub(2));
    assert_eq!((ran.status, &*ran.stderr), (Some(0), ""), "{ran:?}");
    let refused = "1 save: open k/nothing: No such file or directory (ENOENT)";
    let mut mounted = Vec::new();
    for line in ends.lines() {
        let (kind, printed) = line.split_once(' ').unwrap();
        assert_eq!(printed, refused, "{kind}");
        mounted.push(kind);
    }
    assert!(ran.stdout.ends_with("x\n"), "{ran:?}");
    // A user namespace may mount fewer of them.
    if mounted.is_empty() {
        return Completion::ignored_with(skip::namespaces("none of the kernel's"));
    }
    Completion::Completed
}

/// With `vm.memfd_noexec=2` the kernel refuses executable memfds. The setting applies to a PID namespace.
fn makes_memory_that_cannot_be_executed(arch: Arch) -> Completion {
    let folder = Folder::with_old();
    let setting = "/proc/sys/vm/memfd_noexec";
    let shell = |script: &str| {
        let mut command = Command::new("unshare");
        let script = format!("echo 2 >{setting} && {script}");
        command.args(["-rpf", "--mount-proc", "sh", "-c", &script, "sh"]);
        command
    };
    let script = format!(r#"echo new | "$@" --in-place f && cat f {setting}"#);
    match with_mounts(arch, &folder, shell, &script) {
        Ok(ran) => assert_eq!(ran, Ran::new(0, "new\n2\n", "")),
        Err(ignored) => return ignored,
    }
    Completion::Completed
}
