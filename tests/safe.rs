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
    [
        once(
            "safe::what_is_unsound_does_not_compile",
            what_is_unsound_does_not_compile,
        ),
        once(
            "safe::a_mistake_names_its_remedy",
            a_mistake_names_its_remedy,
        ),
    ]
    .into_iter()
    .chain(per_arch![
        what_compiles_does_no_harm,
        no_number_is_wrapped,
        owns_what_was_inherited,
    ])
    .collect()
}

/// Programs that must not compile: the program's code, how its panics end, and texts of the compiler's report.
const MISTAKES: &[(&str, &str, &[&str])] = &[
    (
        "fn main(_: ring3::env::Start) -> u32 { 0 }",
        "abort",
        &["`main` cannot return `u32`", "or_fail(PROGRAM,"],
    ),
    (
        "fn main(_: ring3::env::Start) -> Result<(), &'static str> { Ok(()) }",
        "abort",
        &["`main` cannot return `&'static str`", "or_fail(PROGRAM,"],
    ),
    (
        "fn main() {}",
        "abort",
        &["function is expected to take 1 argument, but it takes 0 arguments"],
    ),
    (
        "fn main(_: u32) {}",
        "abort",
        &[
            "type mismatch in function arguments",
            "expected function signature `fn(ring3::env::Start) -> _`",
        ],
    ),
    (
        "fn main(_: ring3::env::Start) { PROGRAM.say(1.5_f32) }",
        "abort",
        &["`f32` cannot be printed", "implements `ring3::text::Print`"],
    ),
    (
        "fn main(_: ring3::env::Start) { duplicate(&1) } fn duplicate(_: impl ring3::fd::AsFd) {}",
        "abort",
        &["`{integer}` has no descriptor", "such as `Epoll`"],
    ),
    (
        "fn main(_: ring3::env::Start) { argument::<u8>() } fn argument<T: ring3::cli::Value>() {}",
        "abort",
        &["`u8` is not a type of an option's argument", "`Number`"],
    ),
    (
        "fn main(_: ring3::env::Start) {} ring3::options! { \"list\", \"\", \"Print names.\"; \
         /// Prints all.\n All \"-a, --all\" \"print all\"; \
         Width(ring3::cli::Number<1, 9>, WIDTH = \"8\") \"-w, --width=N\" \"the width\"; \
         operands: ring3::cli::Argument::None; example: \"list\", \"names\"; }",
        "abort",
        &["the option `Width` has no doc comment", "`/// ...`"],
    ),
    // Another mistake in a table: the compiler points at the place.
    (
        "fn main(_: ring3::env::Start) {} ring3::options! { \"list\", \"\", \"Print names.\"; \
         /// Prints all.\n All \"-a, --all\" \"print all\"; \
         operands: ring3::cli::Argument::None; note \"note\"; example: \"list\", \"names\"; }",
        "abort",
        &[
            "note \"note\"",
            "no rules expected",
            "while trying to match `:`",
        ],
    ),
    (
        "fn main(_: ring3::env::Start) {}",
        "unwind",
        &[
            "needs `panic = \"abort\"`",
            "[profile.dev] and [profile.release]",
        ],
    ),
    (
        "fn main(_: ring3::env::Start) { let mut n = 0; unsafe { ring3::syscall!(read(0, &mut n, 4)) }.unwrap(); }",
        "abort",
        &[
            "`&mut {integer}` cannot be an argument of a system call",
            "by `&raw const` or `&raw mut`",
        ],
    ),
];

/// Programs that must compile.
const RIGHT: &[&str] = &[
    "fn main(_: ring3::env::Start) {}",
    "fn main(_: ring3::env::Start) -> ! { loop {} }",
    "fn main(_: ring3::env::Start) -> ring3::rt::Exit { ring3::rt::Exit(3) }",
    "fn main(_: ring3::env::Start) -> ring3::Result<()> { ring3::fd::STDIN.set_cloexec() }",
];

fn a_mistake_names_its_remedy() {
    may_take(LONG);
    let folder = Folder::new();
    let library = library(&folder);
    let check = |code: &str, panic: &str| {
        let text = format!("#![no_std]\n#![no_main]\nring3::program!(\"mine\", main);\n{code}\n");
        let file = folder.path("mine.rs");
        fs::write(&file, text).unwrap();
        let mut rustc = rustc(folder.root(), "bin", "human");
        run(rustc
            .args(["-C", &format!("panic={panic}")])
            .arg("--extern")
            .arg(&library)
            .arg(file))
    };
    for code in RIGHT {
        let ran = check(code, "abort");
        assert_eq!(ran.status, Some(0), "{code}: {}", ran.stderr);
    }
    for (code, panic, reported) in MISTAKES {
        let ran = check(code, panic);
        assert_eq!(ran.status, Some(1), "{code} compiles");
        for text in *reported {
            assert!(ran.stderr.contains(text), "{text}: {}", ran.stderr);
        }
    }
}

/// Checks the library, and returns the argument of `--extern` for it.
pub fn library(folder: &Folder) -> String {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/lib.rs");
    let mut rustc = rustc(folder.root(), "lib", "short");
    let ran = run(rustc
        .args(["--crate-name", "ring3", "-C", "panic=abort"])
        .arg(source));
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    format!("ring3={}", folder.path("libring3.rmeta").display())
}

/// A `rustc` command that only checks a crate, and writes the crate's metadata to `folder`.
pub fn rustc(folder: &Path, kind: &str, format: &str) -> Command {
    let mut rustc = Command::new("rustc");
    rustc
        .args(["--edition", "2024", "--crate-type", kind, "--emit"])
        .args(["metadata", "--error-format", format, "--out-dir"])
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
    let library = library(&folder);
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
        let mut rustc = rustc(folder.root(), "lib", "short");
        run(rustc.arg("--extern").arg(&library).arg(file))
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
