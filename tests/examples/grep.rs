//! Tests of the example `grep`: it prints what `grep -F` prints.

use std::fs;
use std::process::Command;

use libtest_mimic::Trial;

use super::{example, fed};
use crate::per_arch;
use crate::support::{Arch, Folder, Ran, pairwise, ran};
use crate::trial::{LONG, may_take};

pub fn trials() -> Vec<Trial> {
    per_arch![
        prints_what_grep_prints,
        prints_many_files_in_order,
        reports_files_that_cannot_be_read,
        reports_a_full_disk,
    ]
    .collect()
}

/// Runs a grep with these arguments in a folder of files.
fn in_folder(mut grep: Command, arguments: &[&str]) -> Ran {
    let folder = Folder::new();
    for (name, text) in [
        ("a", "ab\ncd\nxaby"),
        ("b", "AB\n\nxaBy\naab\n"),
        ("empty", ""),
        ("bytes", "\u{e4}b\r\nab\r\n\x7f\n"),
    ] {
        fs::write(folder.path(name), text).unwrap();
    }
    let grep = grep.args(arguments).current_dir(folder.root());
    fed(grep.env("LC_ALL", "C"), b"q\nab\nAb")
}

fn prints_what_grep_prints(arch: Arch) {
    may_take(LONG);
    const OPTIONS: [&str; 5] = ["-c", "-l", "-n", "-i", "-v"];
    for selected in pairwise::<5>() {
        let options = OPTIONS.into_iter().zip(selected);
        let options = options.filter_map(|(option, is_selected)| is_selected.then_some(option));
        let options: Vec<_> = options.collect();
        for text in ["ab", "\u{e4}b", "ab\ncd", "nowhere", "aab", ""] {
            for files in [&["a"][..], &["a", "b", "-", "empty", "bytes"], &[]] {
                if text.is_empty() && options.contains(&"-v") {
                    continue; // GNU grep leaves out the counts of lines, which are 0
                }
                let arguments = [&options[..], &["--", text], files].concat();
                let mut theirs = Command::new("grep");
                theirs.args(["-F", "-a"]);
                let expected = in_folder(theirs, &arguments);
                let found = in_folder(example(arch, "grep"), &arguments);
                assert_eq!(found, expected, "{arguments:?}");
            }
        }
    }
}

/// More files than are searched ahead, and the first is the largest.
fn prints_many_files_in_order(arch: Arch) {
    let folder = Folder::new();
    let names: Vec<_> = (0..300).map(|number| format!("{number:03}")).collect();
    for (number, name) in names.iter().enumerate() {
        let lines = if number == 0 { 100_000 } else { number };
        fs::write(folder.path(name), "needle\nhay\n".repeat(lines)).unwrap();
    }
    let run = |mut grep: Command| {
        let grep = grep.current_dir(folder.root()).args(["-n", "needle"]);
        fed(grep.args(&names), b"")
    };
    let mut theirs = Command::new("grep");
    theirs.arg("-F");
    assert!(run(example(arch, "grep")) == run(theirs));
}

/// The other files are searched. The message comes where the lines would.
fn reports_files_that_cannot_be_read(arch: Arch) {
    let messages = "\
        grep: open nothing: No such file or directory (ENOENT)\n\
        grep: read .: Is a directory (EISDIR)\n";
    let files = ["ab", "nothing", "a", ".", "b"];
    let ran = in_folder(example(arch, "grep"), &files);
    assert_eq!(ran, Ran::new(2, "a:ab\na:xaby\nb:aab\n", messages));
    let ran = in_folder(example(arch, "grep"), &[]);
    assert_eq!(ran, Ran::misused("grep", "expected a STRING"));
}

fn reports_a_full_disk(arch: Arch) {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut grep = example(arch, "grep");
    let output = grep
        .args(["", "/etc/passwd"])
        .stdout(full)
        .output()
        .unwrap();
    let message = "grep: write stdout: No space left on device (ENOSPC)\n";
    assert_eq!(ran(output), Ran::new(2, "", message));
}
