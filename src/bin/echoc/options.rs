//! The options.

use ring3::cli::{Argument, Duration, Limit, Number, Size};

ring3::options! {
    "echoc", "[OPTION]... HOST:PORT", "Send messages to a TCP echo server, and print the rate and the latency.";

    /// Sets the number of connections.
    Connections(Number<1, 1_000_000>, CONNECTIONS = "1") "-c, --connections=N" "number of connections";

    /// Sets the length of a message.
    Size(Size<1, 0x100_0000>, SIZE = "64") "-s, --size=BYTES" "bytes in a message";

    /// Sets the number of messages that a connection has in flight.
    Depth(Number<1, 1024>, DEPTH = "1") "-d, --depth=N" "messages in flight on each connection";

    /// Sends N messages in total, or fewer if `-t` or a signal ends the run. The connections share the messages evenly, and
    /// there are at most N connections.
    Requests(Number<1, 1_000_000_000_000>) "-n, --requests=N" "number of messages on all connections";

    /// Sends no new messages after this time, or after SIGTERM or SIGINT. `-n` without `-t` has no limit of time.
    Time(Duration, TIME = "1s") "-t, --time=DURATION" "how long to send new messages";

    /// Compares every byte of the replies.
    Verify "    --verify" "compare every byte";

    /// Fails if a connection makes no progress for this time, rounded up to 0.1 s, while it connects, awaits a reply, or
    /// awaits the end. Name servers have the same time. 0 means no limit.
    Stall(Limit, STALL = "5s") "    --stall=DURATION" "fail if a reply makes no progress";

    operands: Argument::Text;
    note: "HOST is a name or a numeric address. A missing or an extra byte is an error.";
    example: "echoc -n 1 127.0.0.1:7007", "Check whether a server answers.";
    example: "echoc -c 64 -t 10s 127.0.0.1:7007", "Put 64 clients on a server, for 10 seconds.";
}
