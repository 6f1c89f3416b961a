//! Self-test cases of command lines. They run in a child, because the exit status is a part of an error.

use ring3::Errno;
use ring3::cli::{Duration, Limit, Mode, Number, OrFail, Size, Texts};

use crate::case::*;
use crate::cases;
use crate::child::{code, prints};

cases! {
    "an error on the way out", [OrFail::or_fail], code(&[c"fail"]) => value(1);
    "no error", [OrFail::or_fail], Ok::<_, Errno>(5).or_fail(crate::PROGRAM, "do", "it").map_or(-1, i64::from) => value(5);
    "no options", [Options::new, Options::next_arg], code(&[c"cli"]) => value(60);
    "operands", [Options::next_arg, Table::operand], code(&[c"cli", c"a", c"-", c"b"]) => value(63);
    "operands after --", [Options::next_arg], code(&[c"cli", c"--", c"-n", c"--help"]) => value(62);
    "--help", [Options::next_arg], prints(&[c"cli", c"--help"], HELP) => YES;
    "--version", [Options::next_arg], code(&[c"cli", c"--version"]) => value(0);
    "a number", [Table::read, Value::read], code(&[c"cli", c"-n", c"42"]) => value(42);
    "a number at once", [Table::read, Value::read], code(&[c"cli", c"-n10"]) => value(10);
    "a number that is too large", [Table::read, Value::read], code(&[c"cli", c"-n51"]) => value(2);
    "a number that is too small", [Table::read, Value::read], code(&[c"cli", c"-n9"]) => value(2);
    "no number", [Table::read, Value::read], code(&[c"cli", c"-nx"]) => value(2);
    "a size", [Table::read, Value::read], code(&[c"cli", c"--size", c"42k"]) => value(42);
    "a size that is too large", [Table::read, Value::read], code(&[c"cli", c"--size=65k"]) => value(2);
    "no size", [Table::read, Value::read], code(&[c"cli", c"--size=x"]) => value(2);
    "a duration", [Table::read, Value::read], code(&[c"cli", c"--duration", c"1.5"]) => value(15);
    "no duration", [Table::read, Value::read], code(&[c"cli", c"--duration=x"]) => value(2);
    "an operand that is no duration", [Parser::duration], code(&[c"cli", c"1.5.s"]) => value(2);
    "a limit", [Table::read, Value::read], code(&[c"cli", c"--limit=1500ms"]) => value(15);
    "no limit", [Table::read, Value::read], code(&[c"cli", c"--limit=0"]) => value(99);
    "a mode", [Table::read, Value::read], code(&[c"cli", c"--mode=077"]) => value(0o77);
    "no mode", [Table::read, Value::read], code(&[c"cli", c"--mode=10000"]) => value(2);
    "a signal", [Table::read, Value::read], code(&[c"cli", c"--signal=term"]) => value(15);
    "no signal", [Table::read, Value::read], code(&[c"cli", c"--signal=0"]) => value(2);
    "a text", [Value::read, Parser::value], code(&[c"cli", c"-ofile"]) => value(4);
    "a file", [Value::read, Parser::value], code(&[c"cli", c"--path=file"]) => value(4);
    "a directory", [Value::read, Parser::value], code(&[c"cli", c"--dir", c"name"]) => value(4);
    "a value of another form", [Parser::parse], code(&[c"cli", c"--form=yes"]) => value(1);
    "a wrong value of another form", [Parser::parse], code(&[c"cli", c"--form=no"]) => value(2);
    "an optional value", [Value::read], code(&[c"cli", c"--optional=15"]) => value(15);
    "an optional value that is missing", [Value::read], code(&[c"cli", c"--optional", c"15"]) => value(59);
    "an optional value that is wrong", [Value::read], code(&[c"cli", c"--optional="]) => value(2);
    "no value", [Parser::value], code(&[c"cli", c"-o"]) => value(2);
    "an address", [Value::read, Parser::address], code(&[c"cli", c"-a[::1%lo]:77"]) => value(77);
    "no address", [Parser::address], code(&[c"cli", c"-alo:77"]) => value(2);
    "an operand that is no address", [Options::parser, Parser::address], code(&[c"cli", c"lo:7"]) => value(2);
    "a host, by name", [Parser::host], code(&[c"cli", c"localhost:77"]) => value(77);
    "a host that has no name", [Parser::host], code(&[c"cli", c"a..b:77"]) => value(2);
    "an address without its zone", [Parser::address], code(&[c"cli", c"-a[fe80::1]:77"]) => value(2);
    "an address of no interface", [Parser::address, Parser::program], code(&[c"cli", c"-a[fe80::1%nothing0]:77"]) => value(1);
    "a number in a constant", [Number::constant], Number::<1, 9>::constant("9") => value(9);
    "a size in a constant", [Size::constant], Size::<1, 4096>::constant("4k") => value(4096);
    "a duration in a constant", [Duration::constant], Duration::constant("1.5us") => value(1500);
    "a mode in a constant", [Mode::constant], Mode::constant("644") => value(0o644);
    "a limit in a constant", [Limit::constant], Limit::constant("0") => value(-1);
    "a version", [Texts::version], Texts::version(["x", "y"], "x 1\n", "x (y) 1\n").len() => value(8);
    "the version of a package with the program's name", [Texts::version], Texts::version(["x", "x"], "x 1\n", "x (x) 1\n").len() => value(4);
    "texts", [Texts::checked], texts().checked().options.len() => value(21);
    "the defaults", [], code(&[c"cli", c"--defaults"]) => value(11 + 12 + 13 + 14);
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
      --form=FORM           a value of another form
      --optional[=N]        a number, or none
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

/// The texts of a program with one option.
fn texts() -> Texts {
    Texts {
        program: crate::PROGRAM,
        version: "x 1\n",
        usage: "usage: x\n\n",
        options: "  -x, --xxx=Y\thelp x\n",
        end: "\nExamples:\n",
    }
}
