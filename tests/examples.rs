//! Tests of the programs in `examples/`: each does what the tool of the same name does.

mod date;
mod dns;
mod find;
mod grep;
mod httpd;
mod tee;
mod timeout;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use libtest_mimic::Trial;

use crate::support::{Arch, Ran, once, ran};

pub fn trials() -> Vec<Trial> {
    let own = vec![once(
        "examples::have_no_unsafe_and_have_tests",
        have_no_unsafe_and_have_tests,
    )];
    [
        own,
        date::trials(),
        dns::trials(),
        find::trials(),
        grep::trials(),
        httpd::trials(),
        tee::trials(),
        timeout::trials(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A command that runs an example.
fn example(arch: Arch, name: &str) -> Command {
    arch.program(&format!("examples/{name}"))
}

/// Runs a command with `input` as its standard input.
fn fed(command: &mut Command, input: &[u8]) -> Ran {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // A command that does not read its input to the end closes the pipe.
        scope.spawn(move || drop(stdin.write_all(input)));
        ran(child.wait_with_output().unwrap())
    })
}

/// As in cargo, an example is NAME.rs or NAME/main.rs.
fn have_no_unsafe_and_have_tests() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let suites = fs::read_to_string(tests.join("examples.rs")).unwrap();
    let manifest = fs::read_to_string(tests.join("../Cargo.toml")).unwrap();
    let mut count = 0;
    for entry in fs::read_dir(tests.join("../examples")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let front = [path.clone(), path.join("main.rs")];
        let front = front
            .iter()
            .find_map(|path| fs::read_to_string(path).ok())
            .unwrap();
        for line in [
            "#![cfg_attr(not(test), no_std, no_main)]",
            "#![forbid(unsafe_code)]",
        ] {
            assert!(front.lines().any(|other| other == line), "{name}: {line}");
        }
        assert!(suites.contains(&format!("\nmod {name};\n")), "{name}");
        let entry = format!("[[example]]\nname = \"{name}\"\ntest = true\n");
        assert!(manifest.contains(&entry), "{name}");
        count += 1;
    }
    assert!(count > 1);
}
