//! Tests of `pipe`'s search for programs in `PATH`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use libtest_mimic::Trial;

use super::command;
use crate::per_arch;
use crate::support::{Arch, Folder, Ran, run};

pub fn trials() -> Vec<Trial> {
    per_arch![
        takes_the_first_that_may_run,
        takes_an_empty_entry_for_here,
        has_a_default,
        passes_over_what_is_too_long,
        guesses_at_no_shell,
        gives_the_name_as_it_was_written,
    ]
    .collect()
}

const SCRIPT: &str = "#!/bin/sh\necho \"$0\" \"$@\"\n";

impl Folder {
    fn with_file(self, name: &str, content: &str, mode: u32) -> Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    /// Runs `pipe` in the folder with this `PATH`, or without `PATH`.
    fn search(&self, arch: Arch, path: Option<&str>, words: &[&str]) -> Ran {
        let mut command = command(arch, words);
        match path {
            Some(path) => command.env("PATH", path),
            None => command.env_remove("PATH"),
        };
        run(command.current_dir(self.root()))
    }
}

fn takes_the_first_that_may_run(arch: Arch) {
    let folder = Folder::new()
        .with_file("a/prog", SCRIPT, 0o644)
        .with_file("b/prog", SCRIPT, 0o755)
        .with_file("c/prog", SCRIPT, 0o755)
        .with_file("a/plain", SCRIPT, 0o644);
    let search = |path, words: &[&str]| folder.search(arch, Some(path), words);
    let printed = Ran::new(0, "b/prog x\n", "");
    assert_eq!(search("a:b:c", &["prog", "x"]), printed);
    assert_eq!(search("missing:a/plain:b", &["prog", "x"]), printed);
    // The file is not executable and no other directory has the name: the error is EACCES, not ENOENT.
    let printed = "pipe: run plain: Permission denied (EACCES)\n";
    assert_eq!(search("a:b:c", &["plain"]), Ran::new(126, "", printed));
    let printed = "pipe: run none: No such file or directory (ENOENT)\n";
    assert_eq!(search("a:b:c", &["none"]), Ran::new(127, "", printed));
}

fn takes_an_empty_entry_for_here(arch: Arch) {
    let folder = Folder::new().with_file("prog", SCRIPT, 0o755);
    for path in ["", ":", "missing:", ":missing", "missing::missing"] {
        let ran = folder.search(arch, Some(path), &["prog"]);
        assert_eq!(ran, Ran::new(0, "prog\n", ""), "{path:?}");
    }
    let ran = folder.search(arch, Some("missing"), &["prog"]);
    assert_eq!(ran.status, Some(127));
}

fn has_a_default(arch: Arch) {
    let ran = Folder::new().search(arch, None, &["echo", "found", "|", "cat"]);
    assert_eq!(ran, Ran::new(0, "found\n", ""));
}

fn passes_over_what_is_too_long(arch: Arch) {
    let folder = Folder::new().with_file("b/prog", SCRIPT, 0o755);
    let path = format!("{}:b", "d".repeat(5000));
    let ran = folder.search(arch, Some(&path), &["prog"]);
    assert_eq!(ran, Ran::new(0, "b/prog\n", ""));
    let name = "n".repeat(300);
    let printed = format!("pipe: run {name}: File name too long (ENAMETOOLONG)\n");
    let ran = folder.search(arch, Some("b"), &[&name]);
    assert_eq!(ran, Ran::new(127, "", &printed));
}

fn guesses_at_no_shell(arch: Arch) {
    let folder = Folder::new().with_file("b/prog", "echo guessed\n", 0o755);
    let printed = "pipe: run prog: Exec format error (ENOEXEC)\n";
    let ran = folder.search(arch, Some("b:/bin"), &["prog"]);
    assert_eq!(ran, Ran::new(126, "", printed));
}

fn gives_the_name_as_it_was_written(arch: Arch) {
    let folder = Folder::new();
    let words = ["/bin/sh", "-c", "tr '\\0' ' ' </proc/$$/cmdline; :", "x"];
    let ran = folder.search(arch, Some("/bin"), &words);
    let printed = "/bin/sh -c tr '\\0' ' ' </proc/$$/cmdline; : x ";
    assert_eq!(ran, Ran::new(0, printed, ""));
    let words = ["sh", "-c", "tr '\\0' ' ' </proc/$$/cmdline; :", "x"];
    let ran = folder.search(arch, Some("/nowhere:/bin"), &words);
    assert_eq!(ran, Ran::new(0, &printed[5..], ""));
}
