//! The programs' tables of options, from the sources of the programs.

#![allow(dead_code)] // the tests use a table's data, not its parser

use ring3::cli::{Documentation, Table};

#[path = "../src/bin/echoc/options.rs"]
mod echoc;
#[path = "../src/bin/echod/options.rs"]
mod echod;
#[path = "../src/bin/init/options.rs"]
mod init;
#[path = "../src/bin/msort/options.rs"]
mod msort;
#[path = "../src/bin/pipe/options.rs"]
mod pipe;
#[path = "../src/bin/save/options.rs"]
mod save;

/// The table of each program that has one: of all programs except `hello`, which is too small.
pub const ALL: &[Documentation] = &[
    save::Given::DOCUMENTATION,
    msort::Given::DOCUMENTATION,
    echod::Given::DOCUMENTATION,
    echoc::Given::DOCUMENTATION,
    pipe::Given::DOCUMENTATION,
    init::Given::DOCUMENTATION,
];
