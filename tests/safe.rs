//! Tests that a crate without `unsafe` cannot break memory safety through the library. The compiler rejects the unsound
//! uses (`safe/uses.rs`), and the uses that compile do no harm (the probe `safe`).

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Trial;

use crate::per_arch;
use crate::support::{Arch, Folder, Ran, once, run};
use crate::trial::{LONG, may_take};

pub fn trials() -> Vec<Trial> {
    [once(
        "safe::what_is_unsound_does_not_compile",
        what_is_unsound_does_not_compile,
    )]
    .into_iter()
    .chain(per_arch![
        what_compiles_does_no_harm,
        no_number_is_wrapped,
        owns_what_was_inherited,
    ])
    .collect()
}

/// A `rustc` command that only checks a crate, and writes the crate's metadata to `folder`.
fn rustc(folder: &Path) -> Command {
    let mut rustc = Command::new("rustc");
    rustc
        .args(["--edition", "2024", "--crate-type", "lib", "--emit"])
        .args(["metadata", "--error-format", "short", "--out-dir"])
        .arg(folder);
    rustc
}

/// The line and the code of each error in `report`, from lines like `uses.rs:7:5: error[E0133]`.
fn errors(report: &str) -> Vec<(usize, String)> {
    let errors = report.lines().filter_map(|line| {
        let (place, rest) = line.split_once(": error[")?;
        let line = place.rsplit(':').nth(1)?.parse().ok()?;
        Some((line, rest.split_once(']')?.0.to_owned()))
    });
    errors.collect()
}

fn what_is_unsound_does_not_compile() {
    may_take(LONG);
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Folder::new();
    let library = run(rustc(folder.root())
        .args(["--crate-name", "ring3"])
        .arg(tests.join("../src/lib.rs")));
    assert_eq!(library.status, Some(0), "{}", library.stderr);
    let text = fs::read_to_string(tests.join("safe/uses.rs")).unwrap();
    let marked: Vec<_> = (1..)
        .zip(text.lines())
        .filter_map(|(number, line)| Some((number, line.split_once(" //~ ")?.1)))
        .collect();
    assert!(marked.len() > 10, "{marked:?}");
    // Keeps this marked line and blanks all other marked lines.
    let check = |with: usize| {
        let lines = (1..).zip(text.lines()).map(|(number, line)| {
            let is_out = number != with && line.contains(" //~ ");
            if is_out { "" } else { line }
        });
        let file = folder.path("uses.rs");
        fs::write(&file, lines.collect::<Vec<_>>().join("\n")).unwrap();
        run(rustc(folder.root())
            .arg("--extern")
            .arg(format!("ring3={}", folder.path("libring3.rmeta").display()))
            .arg(file))
    };
    let none = check(0);
    assert_eq!(none.status, Some(0), "{}", none.stderr);
    for (number, code) in marked {
        let ran = check(number);
        assert_eq!(ran.status, Some(1), "line {number} compiles");
        let found = errors(&ran.stderr);
        assert_eq!(found, [(number, code.to_owned())], "{}", ran.stderr);
    }
}

fn what_compiles_does_no_harm(arch: Arch) {
    let ran = run(arch.probe("safe").arg("library"));
    assert_eq!(ran, Ran::new(0, "", ""));
}

fn no_number_is_wrapped(arch: Arch) {
    let number = |text: &str| run(arch.probe("safe").args(["number", "-n", text]));
    let most = u64::MAX.to_string();
    assert_eq!(number(&most), Ran::new(0, &format!("{most}\n"), ""));
    for wrong in ["18446744073709551616", "184467440737095516150", "0x1", ""] {
        let why = format!("-n: {wrong} is not a number from 0 to {most}");
        assert_eq!(number(wrong), Ran::misused("safe", &why));
    }
}

/// The program owns descriptor 3, exactly once, and closes it.
fn owns_what_was_inherited(arch: Arch) {
    let probe = arch.probe("safe");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let given = |variables: &str| {
        let mut shell = Command::new("sh");
        let line = format!("exec 3<&0 0</dev/null; export {variables}; exec \"$0\" \"$@\"");
        shell
            .args(["-c", &line])
            .arg(probe.get_program())
            .args(probe.get_args())
            .arg("inherited")
            .stdin(std::os::fd::OwnedFd::from(listener.try_clone().unwrap()));
        crate::support::ran(shell.output().unwrap())
    };
    let ours = given("LISTEN_PID=$$ LISTEN_FDS=1");
    assert_eq!(ours, Ran::new(0, "open 3\nclosed\n", ""));
    assert_eq!(given("LISTEN_PID=1 LISTEN_FDS=1"), Ran::new(0, "", ""));
    assert_eq!(
        given("LISTEN_PID=$$ LISTEN_FDS=90"),
        Ran::new(0, "EBADF\n", "")
    );
}
