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
    "operands after --", [Options::next_arg], code(&[c"cli", c"--", c"-n", c"--help"]) => value(62);
    "--help", [Options::next_arg, Texts::checked], prints(&[c"cli", c"--help"], HELP) => YES;
    "--version", [Options::next_arg], code(&[c"cli", c"--version"]) => value(0);
    "a number", [Number::read], code(&[c"cli", c"-n", c"42"]) => value(42);
    "a number at once", [Number::read], code(&[c"cli", c"-n10"]) => value(10);
    "a number that is too large", [Number::read], code(&[c"cli", c"-n51"]) => value(2);
    "a number that is too small", [Number::read], code(&[c"cli", c"-n9"]) => value(2);
    "no number", [Number::read], code(&[c"cli", c"-nx"]) => value(2);
    "a size", [Size::read], code(&[c"cli", c"--size", c"42k"]) => value(42);
    "a size that is too large", [Size::read], code(&[c"cli", c"--size=65k"]) => value(2);
    "no size", [Size::read], code(&[c"cli", c"--size=x"]) => value(2);
    "a duration", [Duration::read], code(&[c"cli", c"--duration", c"1.5"]) => value(15);
    "no duration", [Duration::read], code(&[c"cli", c"--duration=x"]) => value(2);
    "a limit", [Limit::read], code(&[c"cli", c"--limit=1500ms"]) => value(15);
    "no limit", [Limit::read], code(&[c"cli", c"--limit=0"]) => value(99);
    "a mode", [Octal::read], code(&[c"cli", c"--mode=077"]) => value(0o77);
    "no mode", [Octal::read], code(&[c"cli", c"--mode=100"]) => value(2);
    "a signal", [Signal::read], code(&[c"cli", c"--signal=term"]) => value(15);
    "no signal", [Signal::read], code(&[c"cli", c"--signal=0"]) => value(2);
    "a text", [Text::read, Parser::value], code(&[c"cli", c"-ofile"]) => value(4);
    "a file", [Path::read, Parser::value], code(&[c"cli", c"--path=file"]) => value(4);
    "a directory", [Directory::read, Parser::value], code(&[c"cli", c"--dir", c"name"]) => value(4);
    "no value", [Parser::value], code(&[c"cli", c"-o"]) => value(2);
    "an address", [Address::read, Parser::address], code(&[c"cli", c"-a[::1%lo]:77"]) => value(77);
    "no address", [Parser::address], code(&[c"cli", c"-alo:77"]) => value(2);
    "an operand that is no address", [Options::parser, Parser::address], code(&[c"cli", c"lo:7"]) => value(2);
    "an address without its zone", [Parser::address], code(&[c"cli", c"-a[fe80::1]:77"]) => value(2);
    "an address of no interface", [Parser::address, Parser::program], code(&[c"cli", c"-a[fe80::1%nothing0]:77"]) => value(1);
    "the defaults", [Number::constant, Size::constant, Duration::constant, Limit::constant], code(&[c"cli", c"--defaults"]) => value(11 + 12 + 13 + 14);
    "the rest", [Options::rest], code(&[c"cli", c"-r", c"a", c"-b"]) => value(2);
    "an unknown option", [Parser::unknown], code(&[c"cli", c"-x"]) => value(2);
    "an option that is refused", [Options::refuse, Parser::refuse], code(&[c"cli", c"-u"]) => value(2);
    "an operand that is refused", [Options::unexpected], code(&[c"cli", c"no"]) => value(2);
    "an operand that is not expected", [Parser::expected], code(&[c"cli", c"what"]) => value(2);
    "wrong use", [Options::usage, Parser::usage], code(&[c"cli", c"-u", c"x"]) => value(2);
}

const HELP: &[u8] = b"\
usage: cli [OPTION]...
Return what an option is, in the exit status.

  -n, --number=N            a number (default 11)
      --size=SIZE           a size (default 12k)
      --duration=DURATION   a duration (default 1.3s)
      --limit=DURATION      a limit (default 1.4)
  -a, --address=ADDR:PORT   an address
      --mode=MODE           a mode
      --signal=SIGNAL       a signal
  -o, --text=TEXT           a text
      --path=FILE           a file
      --directory=DIR       a directory
      --defaults            the sum of the defaults
  -r, --rest                the number of the other arguments
  -u, --refused             refused
  -h, --help                print this help
  -V, --version             print the version

The status is 60 and the number of operands, without options.

Examples:
  cli -n 5
      Exit with status 5.
";
