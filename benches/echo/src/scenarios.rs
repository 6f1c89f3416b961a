//! What is done to the servers, and which lines of the table come of it.

/// The core of servers, where they have one.
pub const SERVER: &[usize] = &[0];

/// The core of clients.
pub const CLIENT: &[usize] = &[1];

/// Those that we use, of a larger machine too.
pub const BOTH: &[usize] = &[0, 1];

/// A row of the table, or some.
pub struct Scenario {
    /// What it is called on the command line.
    pub name: &'static str,
    pub title: &'static str,
    pub work: Work,
}

/// What is done.
pub enum Work {
    /// Clients send as fast as they get answers.
    Load(Load),
    /// The same for the system calls, which are slow because they are counted.
    Calls(Load),
    /// So many connections are opened, and each then has so many echoes more.
    Held { connections: usize, echoes: usize },
    /// Nothing: the file is looked at.
    File,
}

/// What the clients do, and where all run.
pub struct Load {
    /// Of each client.
    pub connections: usize,
    /// Bytes of a request.
    pub size: usize,
    pub server: &'static [usize],
    /// Of each client.
    pub clients: &'static [&'static [usize]],
}

/// One number of a scenario.
pub struct Figure {
    pub title: &'static str,
    pub kind: Kind,
    /// Digits behind the point.
    pub digits: usize,
}

/// What is made of a figure.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    /// The ratio to that of [`BASE`](crate::BASE) in the same round.
    Ratio,
    /// It is shown as it is.
    Plain,
}

/// All of them.
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

/// The server on a core, and a client on the other.
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
    /// Its figures, in the order in which it gives them.
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

    /// How many files it takes, on both sides.
    pub fn files(&self) -> u64 {
        match self {
            // Those that a process has anyway, with room.
            Self::Held { connections, .. } => *connections as u64 + 100,
            _ => 0,
        }
    }

    /// How often it is done, where so many rounds are asked for: what takes long, and counts what does not
    /// vary, once.
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
