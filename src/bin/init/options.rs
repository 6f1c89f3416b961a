//! The options.

use ring3::cli::{Argument, Directory, Duration, Number, Parser, Signal, Text, Value};
use ring3::rt::Exit;
use ring3::signal::named;

ring3::options! {
    "init", "[OPTION]... [--] CMD [ARG]...", "\
Run CMD as the first process of a container or a machine: pass signals on to it,
reap orphans, and exit with CMD's status.";

    /// Passes signals on to CMD's whole process group, not only to CMD.
    Group "-g, --group" "pass signals on to CMD's process group";

    /// Runs CMD in a new session, without a terminal.
    Session "-S, --session" "run CMD in a new session, without a terminal";

    /// Passes on signal R in place of S (`--rewrite=TERM:QUIT`), or no signal if R is 0; may be repeated. A signal is a
    /// number or a name: `TERM`, `SIGTERM`, `term`, `RTMIN+3`.
    Rewrite(Rewriting) "-r, --rewrite=S:R" "pass on R, not S; nothing if R is 0; repeatable";

    /// Exits with 0 if CMD exits with STATUS; may be repeated.
    Success(Number<0, 255>) "-e, --success=STATUS" "exit with 0 if CMD exits with STATUS; repeatable";

    /// Adopts CMD's orphans also if `init` is not process 1 (a subreaper).
    Subreaper "-s, --subreaper" "adopt orphans even if this is not process 1";

    /// Receives SIGNAL when the parent of `init` ends, and passes it on.
    ParentEnd(Signal) "-p, --parent-end=SIGNAL" "receive SIGNAL when the parent ends";

    /// Ends the remaining processes when CMD has ended, or on SIGTERM: each gets SIGTERM, and SIGKILL if it has not ended
    /// after DURATION. 0, the default, sends no signal. Implies `--subreaper`.
    Grace(Duration) "    --grace=DURATION" "time to end for the rest";

    /// Runs no CMD: reaps orphans, and exits with 0 on SIGTERM or SIGINT.
    Pause "-P, --pause" "run no CMD; wait for SIGTERM";

    /// Expands `${VAR}`, `${VAR:-WORD}` and `${VAR:?WORD}` in CMD and each ARG, as a shell does within double quotes.
    /// `\${` stands for `${`.
    Expand "    --expand" "expand ${VAR}, ${VAR:-WORD} in ARGs";

    /// Runs CMD as USER, a name or a number, with the user's groups or with GROUP only. Sets `HOME`.
    User(Text) "    --user=USER[:GROUP]" "run CMD as USER";

    /// With `--user`: creates the directory PATH if it is missing, and gives it to the user, without its contents; may be
    /// repeated. The directory above PATH must exist. A symbolic link is refused.
    Own(Directory) "    --own=PATH" "give PATH to USER; repeatable";

    /// Denies CMD and its children the privileges of set-user-ID programs.
    NoNewPrivs "    --no-new-privs" "no set-user-ID";

    /// Reports on standard error which orphans ended, and how.
    Warn "-w, --warn" "print a line for each orphan that ended";

    /// For the first process of a machine: mounts `/proc`, `/sys` and `/dev`, and brings `lo` up. When CMD has ended,
    /// gives all other processes 2 s to end, or the time of `--grace`, prints the exit status and powers the machine off.
    Boot "    --boot" "prepare a machine, and switch it off at the end";

    operands: Argument::Command;
    note: "\
Exit 127: CMD not found; 126: CMD can't be executed; 128 + N: ended by signal N.";
    example: "init -- server --port=80", "Run a server in a container.";
    example: "init -g -r TERM:QUIT server", "Stop the server's processes by SIGQUIT.";
}

/// `SIGNAL:SIGNAL` or `SIGNAL:0`.
pub struct Rewriting;

impl Value for Rewriting {
    type Is = (i32, i32);
    const ARGUMENT: Argument = Argument::Form {
        right: &["TERM:QUIT", "sigterm:3", "15:0", "RTMIN+3:HUP"],
        wrong: &[
            "",
            "TERM",
            "TERM:",
            ":TERM",
            "0:TERM",
            "TERM:65",
            "TERM:QUIT:",
            "FOO:TERM",
        ],
    };

    fn read(parser: &mut Parser) -> Result<(i32, i32), Exit> {
        parser.parse(rewriting, "two signals such as TERM:QUIT or HUP:0")
    }
}

fn rewriting(text: &[u8]) -> Option<(i32, i32)> {
    let colon = text.iter().position(|&byte| byte == b':')?;
    let to = match &text[colon + 1..] {
        b"0" => 0,
        name => named(name)?,
    };
    Some((named(&text[..colon])?, to))
}
