//! Tests of the operations for the administrator of a machine (`ring3::system`), in separate namespaces.

use std::process::Command;

use libtest_mimic::{Completion, Trial};

use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, Ran, run};

pub fn trials() -> Vec<Trial> {
    per_arch![
        mounts_and_unmounts,
        brings_an_interface_up,
        names_the_machine_in_a_namespace,
        changes_the_root,
    ]
    .collect()
}

/// The output of `script`, which runs as root of new namespaces. In the script `"$@"` starts a child of the self-test
/// that performs one operation.
fn as_root_of_namespaces(arch: Arch, script: &str) -> Result<Ran, Completion> {
    let folder = Folder::new();
    let unshared = |script: &str| {
        let mut command = Command::new("unshare");
        command
            .args(["--user", "--map-root-user", "--net", "--mount", "--uts"])
            .args(["sh", "-c", script, "sh"])
            .current_dir(folder.root());
        command
    };
    let mount = run(&mut unshared("mount -t sysfs none /sys"));
    if mount.status != Some(0) {
        return Err(Completion::ignored_with(skip::namespaces(&mount.stderr)));
    }
    let probe = arch.probe("selftest");
    let mut command = unshared(script);
    command
        .arg(probe.get_program())
        .args(probe.get_args())
        .arg("--child");
    Ok(run(&mut command))
}

fn mounts_and_unmounts(arch: Arch) -> Completion {
    let script = r#"cd "$(pwd -P)" && mkdir d && "$@" mount d && grep " $PWD/d " /proc/self/mountinfo &&
        "$@" unmount d; echo "exit $?"; "$@" unmount d; echo "exit $?"; grep " $PWD/d " /proc/self/mountinfo"#;
    let ran = match as_root_of_namespaces(arch, script) {
        Ok(ran) => ran,
        Err(ignored) => return ignored,
    };
    let printed = "selftest: do unmount: Invalid argument (EINVAL)\n";
    assert_eq!((ran.status, &*ran.stderr), (Some(1), printed), "{ran:?}");
    let [mount, first, second] = ran.stdout.lines().collect::<Vec<_>>()[..] else {
        panic!("{ran:?}")
    };
    assert_eq!((first, second), ("exit 0", "exit 1"));
    let (of_mount, of_file_system) = mount.split_once(" - ").unwrap();
    let options = of_mount.split(' ').nth(5).unwrap();
    assert!(options.starts_with("rw,nosuid,nodev,noexec"), "{mount}");
    assert!(of_file_system.starts_with("tmpfs ring3 "), "{mount}");
    Completion::Completed
}

fn brings_an_interface_up(arch: Arch) -> Completion {
    // The flags are IFF_UP and IFF_LOOPBACK.
    let script = r#"mount -t sysfs none /sys && cd /sys/class/net/lo && cat flags &&
        "$@" up lo && cat flags && "$@" up lo && cat flags"#;
    match as_root_of_namespaces(arch, script) {
        Ok(ran) => assert_eq!(ran, Ran::new(0, "0x8\n0x9\n0x9\n", "")),
        Err(ignored) => return ignored,
    }
    Completion::Completed
}

/// The child leaves the UTS namespace, changes the name of its own, and comes back.
fn names_the_machine_in_a_namespace(arch: Arch) -> Completion {
    let script =
        r#"before=$(hostname) && "$@" rename another-name && test "$(hostname)" = "$before""#;
    match as_root_of_namespaces(arch, script) {
        Ok(ran) => assert_eq!(ran, Ran::new(0, "", "")),
        Err(ignored) => return ignored,
    }
    Completion::Completed
}

/// The kernel also changes the root of the shell, which waits for the child.
fn changes_the_root(arch: Arch) -> Completion {
    let script = r#"mkdir d && mount -t tmpfs none d && echo "in it" >d/file && root=$(pwd -P)/d &&
        mount --make-rprivate / && "$@" pivot "$root" && cd / && read -r line </file && echo "$line""#;
    match as_root_of_namespaces(arch, script) {
        Ok(ran) => assert_eq!(ran, Ran::new(0, "in it\n", "")),
        Err(ignored) => return ignored,
    }
    Completion::Completed
}
