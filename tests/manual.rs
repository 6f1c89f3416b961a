//! Checks what the crate `manual` makes of the programs' tables of options: the tables in `docs/`, the man pages, and the
//! completions, in the real shells.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use libtest_mimic::{Completion, Trial};
use ring3_manual::File;

use crate::init::terminal::Session;
use crate::skip;
use crate::support::{Arch, Folder, Ran, once, root, run};
use crate::trial::{LONG, may_take};

pub fn trials() -> Vec<Trial> {
    vec![
        once("manual::hello_has_its_usage", hello_has_its_usage),
        once(
            "manual::docs_are_those_of_the_table",
            docs_are_those_of_the_table,
        ),
        once("manual::pages_have_no_mistakes", pages_have_no_mistakes),
        once("manual::pages_have_all_options", pages_have_all_options),
        once("manual::groff_has_no_warnings", groff_has_no_warnings),
        once("manual::completes_in_bash", completes_in_bash),
        once("manual::completes_in_zsh", completes_in_zsh),
        once("manual::completes_in_fish", completes_in_fish),
    ]
}

/// The files as `make manual` makes them.
fn files() -> Vec<File> {
    ring3_manual::files(&root(), "2026-01-31").unwrap()
}

/// Writes the files whose path begins with `kind`. Returns their paths.
fn write(folder: &Folder, kind: &str) -> Vec<PathBuf> {
    let files = files()
        .into_iter()
        .filter(|file| file.path.starts_with(kind));
    let paths = files.map(|file| {
        let path = folder.path(&file.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, file.text).unwrap();
        path
    });
    paths.collect()
}

/// `tests/cli.rs` compares the tables of the other programs with `--help`.
fn hello_has_its_usage() {
    let programs = ring3_manual::all();
    let hello = programs.iter().find(|program| program.name == "hello");
    let usage = format!("usage: hello {}\n", hello.unwrap().usage);
    let ran = run(Arch::NATIVE.program("hello").arg("--help"));
    assert_eq!(ran, Ran::new(0, &usage, ""));
}

fn docs_are_those_of_the_table() {
    for file in files().iter().filter(|file| file.path.starts_with("docs/")) {
        let is = fs::read_to_string(root().join(&file.path)).unwrap();
        let mut lines = is.lines().zip(file.text.lines());
        let wrong = lines.find(|(is, right)| is != right);
        assert!(
            is == file.text,
            "{} differs from the program's table: run make manual\n{wrong:?}",
            file.path
        );
    }
}

/// `mandoc -Tlint` finds neither errors nor warnings.
fn pages_have_no_mistakes() {
    let folder = Folder::new();
    let pages = write(&folder, "target/man/");
    assert_eq!(pages.len(), ring3_manual::all().len() + 1);
    let lint = |pages: &[PathBuf]| {
        run(Command::new("mandoc")
            .args(["-Tlint", "-W", "warning"])
            .args(pages))
    };
    assert_eq!(lint(&pages), Ran::new(0, "", ""));
    // The lint finds a mistake.
    let text = fs::read_to_string(&pages[0]).unwrap();
    fs::write(&pages[0], text.replacen(".TP\n", ".TB\n", 1)).unwrap();
    assert_ne!(lint(&pages).status, Some(0));
}

/// A rendered page, without the overstrikes of bold letters.
fn rendered(page: &Path) -> String {
    let ran = run(Command::new("mandoc")
        .args(["-Tutf8", "-Owidth=78"])
        .arg(page));
    assert_eq!((ran.status, &*ran.stderr), (Some(0), ""));
    let mut text = String::new();
    for char in ran.stdout.chars() {
        match char {
            '\x08' => drop(text.pop()),
            char => text.push(char),
        }
    }
    text
}

/// A rendered page has the program's options, each at the beginning of a line, in the order of `--help`, and no escape
/// sequence of roff. Its sections are in the usual order.
fn pages_have_all_options() {
    let folder = Folder::new();
    write(&folder, "target/man/");
    for program in ring3_manual::all() {
        let path = folder.path(format!("target/man/man1/{}.1", program.page()));
        let text = rendered(&path);
        let names = program
            .options
            .iter()
            .map(|option| option.names_and_word().join(", "));
        let sections = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS"].map(str::to_owned);
        let ends = ["EXAMPLES", "SEE ALSO"].map(str::to_owned);
        let mut rest = &*text;
        for expected in sections.into_iter().chain(names).chain(ends) {
            let found = rest.match_indices(&expected).find(|(at, _)| {
                let line = rest[..*at].rsplit('\n').next().unwrap();
                line.trim().is_empty()
            });
            let (at, _) =
                found.unwrap_or_else(|| panic!("{expected} is not in its place in\n{text}"));
            rest = &rest[at + expected.len()..];
        }
        assert!(!text.contains("\\f") && !text.contains("\\("), "{text}");
    }
}

fn groff_has_no_warnings() -> Completion {
    let folder = Folder::new();
    for page in write(&folder, "target/man/") {
        let mut groff = Command::new("groff");
        let groff = groff.args(["-man", "-Tutf8", "-ww"]).arg(page);
        let Ok(output) = groff.stdin(Stdio::null()).output() else {
            return Completion::ignored_with(skip::GROFF);
        };
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert!(output.status.success());
    }
    Completion::Completed
}

/// Command lines, and the last word as a shell completes it. See [`desk`].
const LINES: [(&str, &str); 13] = [
    ("echod --lis", "--listen="),
    ("save --in-p", "--in-place"),
    ("save FI", "FILE"),
    ("save -m 600 FI", "FILE"),
    ("msort -o FI", "FILE"),
    ("echod --chroot DAT", "DATA.d/"),
    ("echod --idle 5m --unix DATA.f", "DATA.file"),
    ("init --parent-end=WIN", "--parent-end=WINCH"),
    ("init -p WIN", "WINCH"),
    ("init ring3-th", "ring3-the-command"),
    ("init -S --success 3 ring3-th", "ring3-the-command"),
    ("init -- ring3-th", "ring3-the-command"),
    ("pipe --last ring3-th", "ring3-the-command"),
];

/// A folder with a file, a directory, a command, and the completions.
fn desk() -> Folder {
    let folder = Folder::new();
    for file in ["FILE", "DATA.file"] {
        fs::write(folder.path(file), "").unwrap();
    }
    for directory in ["DATA.d", "bin"] {
        fs::create_dir(folder.path(directory)).unwrap();
    }
    let command = folder.path("bin/ring3-the-command");
    fs::write(&command, "#!/bin/sh\n").unwrap();
    fs::set_permissions(command, fs::Permissions::from_mode(0o755)).unwrap();
    write(&folder, "target/completions/");
    folder
}

/// A shell that finds the command in the folder, and no configuration of the user.
fn shell(folder: &Folder, program: &str) -> Command {
    let mut shell = Command::new(program);
    let path = std::env::var("PATH").unwrap();
    shell
        .env("PATH", format!("{}:{path}", folder.path("bin").display()))
        .env("HOME", folder.root())
        .env("HISTFILE", "/dev/null")
        .env("LC_ALL", "C.UTF-8")
        .current_dir(folder.root());
    shell
}

/// Types each line and a tab into an interactive shell, and expects the completed line on the screen.
fn types_lines(session: &mut Session, lines: &[(&str, &str)]) {
    for (line, word) in lines {
        let (begin, _) = line.rsplit_once(' ').unwrap();
        session.types(&format!("{line}\t"));
        session.shows(&format!("{begin} {word}"));
        session.types("\x15"); // removes the line
        session.types("\n");
    }
}

fn completes_in_bash() {
    may_take(LONG);
    let folder = desk();
    let mut bash = shell(&folder, "bash");
    bash.args(["--norc", "--noprofile", "-i"]);
    let mut session = Session::new(bash, folder.root());
    session.types("for file in target/completions/bash/*; do . $file; done; echo re''ady\n");
    session.shows("ready");
    types_lines(&mut session, &LINES);
    types_lines(
        &mut session,
        &[
            ("pipe source '|' ring3-the-command FI", "FILE"),
            ("init ring3-the-command FI", "FILE"),
        ],
    );
    // With the package bash-completion, a function completes the command line that begins at this word.
    session.types("_comp_command_offset() { COMPREPLY=(from-$1); }; echo re''ady\n");
    session.shows("ready");
    types_lines(
        &mut session,
        &[
            ("init -p HUP --success=3 -- save ", "from-7"),
            ("pipe source x ", "from-1"),
            ("pipe source '|' save ", "from-3"),
        ],
    );
}

fn completes_in_zsh() {
    may_take(LONG);
    let folder = desk();
    let mut zsh = shell(&folder, "zsh");
    zsh.args(["-f", "-i"]);
    let mut session = Session::new(zsh, folder.root());
    session.types("fpath=($PWD/target/completions/zsh $fpath); autoload -Uz compinit; compinit -u -D; echo re''ady\n");
    session.shows("ready");
    types_lines(&mut session, &LINES);
}

fn completes_in_fish() {
    may_take(LONG);
    let folder = desk();
    for (line, word) in LINES {
        let program = line.split(' ').next().unwrap();
        let script = format!("source target/completions/fish/{program}.fish; complete -C '{line}'");
        let ran = run(shell(&folder, "fish").args(["--no-config", "-c", &script]));
        assert_eq!((ran.status, &*ran.stderr), (Some(0), ""), "{line}");
        let words: Vec<_> = ran
            .stdout
            .lines()
            .map(|line| line.split('\t').next().unwrap())
            .collect();
        // fish prints an option without the equals sign.
        assert_eq!(words, [word.trim_end_matches('=')], "{line}");
    }
}
