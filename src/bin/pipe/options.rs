//! The options.

use ring3::cli::{Argument, Duration, Limit, Size, Text};

ring3::options! {
    "pipe", "[OPTION]... CMD [ARG]... ['|' CMD [ARG]...]...", "\
Run the programs at once. The standard output of each is the standard input of
the next. The bar is a separate argument.";

    /// SEP separates the programs, instead of the bar.
    Separator(Text) "-s, --separator=SEP" "separate the programs by SEP, not by the bar";

    /// Exits with the status of the last program, as a plain shell does, not with that of the rightmost program that
    /// failed.
    Last "    --last" "exit with the status of the last program";

    /// Death by SIGPIPE of a program before the last one is no failure: `pipe --allow-sigpipe yes '|' head -1` exits with 0.
    AllowSigpipe "    --allow-sigpipe" "death by SIGPIPE before the last is no failure";

    /// Withholds EOF from the last program until all others have ended without failure, and ends the last program if one has
    /// failed. So `pipe --commit source '|' save FILE` keeps the old FILE if `source` fails.
    Commit "    --commit" "no end-of-file for the last if another one fails";

    /// Reports on standard error how each program ended: `pipe: sort: pid 71, exit 0, wall 0.251301 s, user 0.240112 s,
    /// system 0.008004 s, 9812 KiB`.
    Status "    --status" "print how each program ended";

    /// Sends SIGTERM to all programs after this time, and exits with 124. 0 means no limit.
    Timeout(Limit) "    --timeout=DURATION" "after this time, send SIGTERM to all; exit 124";

    /// Sends SIGKILL this long after SIGTERM: after `--timeout`, after a failed start, and after a failure with `--commit`.
    Grace(Duration, GRACE = "5s") "    --grace=DURATION" "send SIGKILL this long after SIGTERM";

    /// Connects the programs by Unix sockets, in which bytes can flow both ways (and which cannot be opened as
    /// `/dev/stdin`).
    Socket "    --socket" "connect the programs by Unix sockets";

    /// Sets the capacity of each pipe, which the kernel rounds up to a power of two. If the kernel refuses BYTES to this
    /// user, `pipe` fails; if it refuses the default, the pipes keep the kernel's own default.
    Size(Size<1, 0x7fff_ffff>, SIZE = "128k") "    --size=BYTES" "capacity of each pipe";

    operands: Argument::Command;
    note: "\
Exit 127: a program was not found; 126: it can't be executed; 128 + N: signal N
ended it.";
    example: "pipe --commit source '|' msort -u '|' save list", "Save the lines of a program, unless it fails.";
}
