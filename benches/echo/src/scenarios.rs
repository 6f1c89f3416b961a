//! The scenarios: the load on the servers, and the figures that the table shows.

/// The core of a server that runs on one core.
pub const SERVER: &[usize] = &[0];

/// The core of clients.
pub const CLIENT: &[usize] = &[1];

/// Both cores. The bench uses two cores, on a larger machine too.
pub const BOTH: &[usize] = &[0, 1];

/// A scenario: one or more rows of the table.
pub struct Scenario {
    /// The name on the command line.
    pub name: &'static str,
    pub title: &'static str,
    pub work: Work,
}

/// The work of a scenario.
pub enum Work {
    /// Closed loop: clients send the next request when a reply arrives.
    Load(Load),
    /// The same, with the server under strace, to count its system calls. The rates are not used: strace makes the
    /// server slow.
    Calls(Load),
    /// Opens connections, with one echo each. Then each connection has this number of further echoes.
    Held { connections: usize, echoes: usize },
    /// Runs nothing: measures the size of the server's file.
    File,
}

/// A load of clients, and the cores of all processes.
pub struct Load {
    /// The number of connections of each client.
    pub connections: usize,
    /// Bytes in a request.
    pub size: usize,
    /// The cores of the server.
    pub server: &'static [usize],
    /// The cores of each client.
    pub clients: &'static [&'static [usize]],
}

/// A figure of a scenario.
pub struct Figure {
    pub title: &'static str,
    pub kind: Kind,
    /// Decimal places.
    pub digits: usize,
}

/// How a figure is shown.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    /// As a ratio to the figure of [`BASE`](crate::BASE) in the same round.
    Ratio,
    /// As it is.
    Plain,
}

/// All scenarios.
pub const SCENARIOS: [Scenario; 11] = [
    load("1", "1 conn, 64 B", 1, 64),
    load("64", "64 conns, 64 B", 64, 64),
    load("1000", "1000 conns, 64 B", 1000, 64),
    load("large", "8 conns, 64 KiB", 8, 64 * 1024),
    Scenario {
        name: "one-core",
        title: "64 conns, 64 B, all on one core",
        work: Work::Load(Load {
            connections: 64,
            size: 64,
            server: SERVER,
            clients: &[SERVER],
        }),
    },
    Scenario {
        name: "whole",
        title: "2 x 64 conns, 64 B, server on both cores",
        work: Work::Load(Load {
            connections: 64,
            size: 64,
            server: BOTH,
            clients: &[SERVER, CLIENT],
        }),
    },
    Scenario {
        name: "calls",
        title: "64 conns, 64 B, under strace",
        work: Work::Calls(Load {
            connections: 64,
            size: 64,
            server: SERVER,
            clients: &[CLIENT],
        }),
    },
    Scenario {
        name: "none",
        title: "no connection",
        work: Work::Held {
            connections: 0,
            echoes: 0,
        },
    },
    Scenario {
        name: "idle",
        title: "10k idle connections",
        work: Work::Held {
            connections: 10_000,
            echoes: 0,
        },
    },
    Scenario {
        name: "many",
        title: "100k connections, 3 echoes of each",
        work: Work::Held {
            connections: 100_000,
            echoes: 3,
        },
    },
    Scenario {
        name: "file",
        title: "the file",
        work: Work::File,
    },
];

/// Returns a scenario with the server on one core, and a client on the other.
const fn load(
    name: &'static str,
    title: &'static str,
    connections: usize,
    size: usize,
) -> Scenario {
    Scenario {
        name,
        title,
        work: Work::Load(Load {
            connections,
            size,
            server: SERVER,
            clients: &[CLIENT],
        }),
    }
}

static LOAD: [Figure; 3] = [
    ratio("requests/s", 0),
    ratio("p99, us", 1),
    ratio("CPU us a request", 2),
];
static CALLS: [Figure; 1] = [plain("system calls a request", 2)];
static HELD: [Figure; 3] = [
    plain("resident, KiB", 0),
    plain("resident bytes a connection", 0),
    ratio("CPU us an echo", 2),
];
static FILE: [Figure; 1] = [plain("bytes", 0)];

impl Work {
    /// Returns the figures of this work, in the order of their values in [`Outcome`](crate::run::Outcome).
    pub fn figures(&self) -> &'static [Figure] {
        match self {
            Self::Load(_) => &LOAD,
            Self::Calls(_) => &CALLS,
            Self::Held { connections: 0, .. } => &HELD[..1],
            Self::Held { echoes: 0, .. } => &HELD[..2],
            Self::Held { .. } => &HELD,
            Self::File => &FILE,
        }
    }

    /// Returns how many descriptors the server, and the bench, need for this work.
    pub fn files(&self) -> u64 {
        match self {
            // 100: the descriptors that every process has, with a reserve.
            Self::Held { connections, .. } => *connections as u64 + 100,
            _ => 0,
        }
    }

    /// Returns the number of rounds, if `asked` rounds are asked for: one, for work that takes long or whose result
    /// does not vary.
    pub fn rounds(&self, asked: usize) -> usize {
        match self {
            Self::File => 1,
            Self::Held { echoes, .. } if *echoes > 0 => 1,
            _ => asked,
        }
    }
}

const fn ratio(title: &'static str, digits: usize) -> Figure {
    Figure {
        title,
        kind: Kind::Ratio,
        digits,
    }
}

const fn plain(title: &'static str, digits: usize) -> Figure {
    Figure {
        title,
        kind: Kind::Plain,
        digits,
    }
}
