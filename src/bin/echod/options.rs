//! The options.

use ring3::cli::{Address, Argument, Directory, Duration, Limit, Number, Parser, Path, Value};
use ring3::rt::Exit;
use ring3::text::number;

ring3::options! {
    "echod", "[OPTION]...", "Send back what clients send, over TCP, Unix sockets and UDP (RFC 862).";

    /// Listens on this address; may be repeated. Port 0 lets the kernel choose the port. `[::]` accepts only IPv6. A
    /// link-local address needs its interface: `[fe80::1%eth0]:7`. Without `--listen`, `--unix` and passed sockets,
    /// `echod` listens on `127.0.0.1:7007`, and on `[::1]:7007` if there is IPv6.
    Listen(Address) "-l, --listen=ADDR:PORT" "listen on this address; repeatable";

    /// Listens on this Unix socket; may be repeated. `echod` replaces a socket file on which no process listens any
    /// more. `@NAME` is an abstract address.
    Unix(Path) "-x, --unix=PATH" "listen on this Unix socket; repeatable";

    /// Serves UDP too, on the same addresses and ports. [Some datagrams](#datagrams) are not answered.
    Udp "-u, --udp" "serve UDP too, on the same addresses";

    /// Sets the number of threads. By default there is a thread for each CPU that `echod` may use, and a client is
    /// served by the CPU on which its packets arrive.
    Workers(Number<1, 1024>) "-w, --workers=N" "number of threads (default: one for each CPU)";

    /// Sets the length of the queue of clients that are not yet accepted. The kernel's limit is
    /// `net.core.somaxconn`.
    Backlog(Number<1, 65_535>, BACKLOG = "4096") "-b, --backlog=N" "length of the accept queue";

    /// Serves at most N clients at once. Other clients wait; `echod` reports the first wait.
    MaxConns(Number<1, 0x7fff_ffff>) "    --max-conns=N" "serve at most N clients at once; others wait";

    /// Closes a client after this time without activity, at most a sixteenth and 20 ms later. 0 means no limit.
    Idle(Limit) "    --idle=DURATION" "close a client that is idle for this time";

    /// Limits how long connections may continue after SIGTERM or SIGINT. A second signal ends `echod` at once. (`docker
    /// stop` kills after 10 seconds.)
    Grace(Duration, GRACE = "5s") "    --grace=DURATION" "time for connections after SIGTERM";

    /// Polls for events for this time before a thread sleeps. The latency is lower, but a thread that polls uses its CPU.
    Spin(Duration, SPIN = "0") "    --spin=DURATION" "poll this long before sleeping";

    /// Changes to this user and group, by numbers, once all addresses are bound.
    User(UserGroup) "    --user=UID:GID" "when it listens, change to this user and group";

    /// Changes the root directory to DIR, once all addresses are bound.
    Chroot(Directory) "    --chroot=DIR" "when it listens, change the root directory";

    /// Prints the numbers of clients, bytes, requests, resets by clients and errors on standard error, at this
    /// interval. SIGUSR1 prints them once. 0 means never.
    Stats(Limit) "    --stats=DURATION" "print counts at this interval";

    /// Prints only the errors that end `echod`.
    Quiet "-q, --quiet" "print only fatal errors";

    /// Prints a line for each client that connects or leaves.
    Verbose "-v, --verbose" "print a line for each client";

    operands: Argument::None;
    example: "echod --udp", "Serve 127.0.0.1:7007 and [::1]:7007.";
    example: "echod -l 0.0.0.0:7 -l [::]:7 --max-conns=100000 --idle=5m", "Serve the network.";
}

/// `UID:GID`. Both are numbers: names would need /etc/passwd, which may not exist. 2^32 - 1 is refused, because
/// setresuid(2) takes -1 as "no change".
pub struct UserGroup;

impl Value for UserGroup {
    type Is = (u32, u32);
    const ARGUMENT: Argument = Argument::Form {
        right: &["0:0", "65534:65534", "4294967294:4294967294"],
        wrong: &[
            "",
            "0",
            "0:",
            ":0",
            "0:0:0",
            "root:root",
            "-1:0",
            "0:4294967295",
            "4294967295:0",
        ],
    };

    fn read(parser: &mut Parser) -> Result<(u32, u32), Exit> {
        parser.parse(user_group, "two numbers such as 1000:1000")
    }
}

fn user_group(mut text: &[u8]) -> Option<(u32, u32)> {
    const MOST: u64 = u32::MAX as u64 - 1;
    let uid = number::take(&mut text, 10, MOST)?;
    let [b':', gid @ ..] = text else { return None };
    let gid = number::whole(gid, 10, MOST)?;
    Some((uid as u32, gid as u32))
}
