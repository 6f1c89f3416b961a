//! Tests of `probe`: which answers count, which do not and why, the times, the memory, and the program that it
//! executes.

pub mod grpc;
pub mod http;
mod others;
mod real;
pub mod server;
mod settings;
mod times;

use std::fmt::Display;
use std::process::Command;

use libtest_mimic::Trial;

use crate::support::{Arch, Ran, run};

pub fn trials() -> Vec<Trial> {
    [
        settings::trials(),
        others::trials(),
        http::trials(),
        grpc::trials(),
        times::trials(),
        real::trials(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A command that runs `probe` with these words.
fn probe(arch: Arch, arguments: &str) -> Command {
    let mut command = arch.program("probe");
    command.args(arguments.split_whitespace());
    command.env_remove("REDISCLI_AUTH");
    command
}

/// Runs `probe` with these words.
fn ran(arch: Arch, arguments: &str) -> Ran {
    run(&mut probe(arch, arguments))
}

/// Checks that the target answers.
fn answers(arch: Arch, arguments: &str) {
    assert_eq!(ran(arch, arguments), Ran::new(0, "", ""), "{arguments}");
}

/// Checks that the target does not answer, and that the message is `TARGET: WHY`.
fn fails(arch: Arch, options: &str, target: impl Display, why: &str) {
    let arguments = format!("{options} {target}");
    let message = format!("probe: {target}: {why}\n");
    assert_eq!(
        ran(arch, &arguments),
        Ran::new(1, "", &message),
        "{arguments}"
    );
}

/// The same for a call that fails: the message is `CALL TARGET: WORDS`.
fn call_fails(arch: Arch, options: &str, call: &str, target: impl Display, words: &str) {
    let arguments = format!("{options} {target}");
    let message = format!("probe: {call} {target}: {words}\n");
    assert_eq!(
        ran(arch, &arguments),
        Ran::new(1, "", &message),
        "{arguments}"
    );
}
