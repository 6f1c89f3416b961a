//! Self-test cases of command lines and messages. They run in a child, because the exit status is a part of an error.

use ring3::Errno;
use ring3::cli::OrFail;

use crate::case::*;
use crate::cases;
use crate::child::{code, prints};

cases! {
    "a message", [Program::new, Program::say, Program::fail], code(&[c"say"]) => value(1);
    "an error on the way out", [OrFail::or_fail], code(&[c"fail"]) => value(1);
    "no error", [OrFail::or_fail], Ok::<_, Errno>(5).or_fail(crate::PROGRAM, "do", "it").map_or(-1, i64::from) => value(5);
    "no options", [Options::new, Options::next_arg], code(&[c"cli"]) => value(60);
    "operands", [Options::next_arg], code(&[c"cli", c"a", c"-", c"b"]) => value(63);
    "operands behind --", [Options::next_arg], code(&[c"cli", c"--", c"-n", c"--help"]) => value(62);
    "--help", [Options::next_arg], prints(&[c"cli", c"--help"], b"usage: cli [OPTION...]\n") => YES;
    "--version", [Options::next_arg], code(&[c"cli", c"--version"]) => value(0);
    "a number", [Options::number], code(&[c"cli", c"-n", c"42"]) => value(42);
    "a number at once", [Options::number], code(&[c"cli", c"-n7"]) => value(7);
    "a number that is too large", [Options::number], code(&[c"cli", c"-n51"]) => value(2);
    "no number", [Options::number], code(&[c"cli", c"-nx"]) => value(2);
    "seconds", [Options::seconds], code(&[c"cli", c"--seconds", c"1.5"]) => value(15);
    "no seconds", [Options::seconds], code(&[c"cli", c"--seconds=x"]) => value(2);
    "a value", [Options::value], code(&[c"cli", c"-ofile"]) => value(4);
    "no value", [Options::value], code(&[c"cli", c"-o"]) => value(2);
    "an address", [Options::address], code(&[c"cli", c"-a[::1%lo]:77"]) => value(77);
    "no address", [Options::address], code(&[c"cli", c"-alo:77"]) => value(2);
    "an address without its zone", [Options::address], code(&[c"cli", c"-a[fe80::1]:77"]) => value(2);
    "an address of no interface", [Options::address], code(&[c"cli", c"-a[fe80::1%nothing0]:77"]) => value(1);
    "the rest", [Options::rest], code(&[c"cli", c"-r", c"a", c"-b"]) => value(2);
    "an unknown option", [Options::unknown], code(&[c"cli", c"-x"]) => value(2);
    "wrong use", [Options::usage], code(&[c"cli", c"-u"]) => value(2);
}
