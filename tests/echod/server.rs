//! A running echod, and what the kernel says of it.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Resource, Rlimit, Signal};

use crate::support::{Arch, Ran, wait_until};

/// It is killed where a test ends without it.
pub struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// Where it says that it listens, in its order: those that are addresses of TCP. That of UDP is the same.
    pub addresses: Vec<SocketAddr>,
    /// All of them, as it says it.
    pub listens: Vec<String>,
    /// What it printed so far.
    printed: String,
}

impl Server {
    /// echod on one port of IPv4's loopback address, with more arguments.
    pub fn new(arch: Arch, more: &[&str]) -> Self {
        Self::start(
            arch.program("echod").args(["-l", "127.0.0.1:0"]).args(more),
            1,
        )
    }

    /// A command that runs echod, up to so many lines that say where it listens.
    pub fn start(command: &mut Command, listeners: usize) -> Self {
        Self::run(command.stdin(Stdio::null()), listeners)
    }

    /// The same, with whatever standard input it has.
    pub fn run(command: &mut Command, listeners: usize) -> Self {
        match Self::attempt(command, listeners) {
            Ok(server) => server,
            Err(ran) => panic!("it does not listen: {ran:?}"),
        }
    }

    /// The same, with nothing to read and its standard error elsewhere.
    pub fn with_stderr(command: &mut Command, listeners: usize, stderr: impl Into<Stdio>) -> Self {
        let command = command.stdin(Stdio::null()).stderr(stderr);
        match Self::begin(command, listeners) {
            Ok(server) => server,
            Err(ran) => panic!("it does not listen: {ran:?}"),
        }
    }

    /// The same, of a server that may end before it listens.
    pub fn attempt(command: &mut Command, listeners: usize) -> Result<Self, Ran> {
        Self::begin(command.stderr(Stdio::piped()), listeners)
    }

    fn begin(command: &mut Command, listeners: usize) -> Result<Self, Ran> {
        let command = command.stdout(Stdio::piped());
        let mut child = command.spawn().expect("the command starts");
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut server = Self {
            child,
            stdout,
            addresses: Vec::new(),
            listens: Vec::new(),
            printed: String::new(),
        };
        for _ in 0..listeners {
            let mut line = String::new();
            server.stdout.read_line(&mut line).expect("it can be read");
            server.printed += &line;
            let Some(address) = line.trim_end().strip_prefix("echod: listening on ") else {
                server.printed += &line;
                return Err(server.wait());
            };
            server.listens.push(address.to_owned());
            match address.strip_prefix("udp ").map(str::parse) {
                None => server.addresses.extend(address.parse::<SocketAddr>()),
                Some(udp) => assert_eq!(udp.ok().as_ref(), server.addresses.last()),
            }
        }
        Ok(server)
    }

    /// The first address.
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn signal(&self, signal: Signal) {
        rustix::process::kill_process(self.pid(), signal).expect("it is there");
    }

    /// Has it have no descriptor of this number or above from now on.
    pub fn limit_descriptors(&self, limit: u64) {
        let limit = Rlimit {
            current: Some(limit),
            maximum: Some(limit),
        };
        rustix::process::prlimit(Some(self.pid()), Resource::Nofile, limit).expect("it is ours");
    }

    /// Its descriptors' numbers.
    pub fn descriptors(&self) -> Vec<String> {
        let folder = std::fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("it is ours");
        folder
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    /// How many of them are of this kind: `socket`, `pipe`.
    pub fn count(&self, kind: &str) -> usize {
        let target = |number: &String| {
            // One that is closed meanwhile is none.
            let link = std::fs::read_link(format!("/proc/{}/fd/{number}", self.pid()));
            link.unwrap_or_default().to_string_lossy().into_owned()
        };
        let is_one = |number: &&String| target(number).split(':').next() == Some(kind);
        self.descriptors().iter().filter(is_one).count()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it is ours").is_some()
    }

    /// The memory it occupies, in KiB.
    pub fn resident(&self) -> u64 {
        self.kibibytes("VmRSS:")
    }

    /// How much of its address space is mapped, in KiB (VmSize).
    pub fn mapped(&self) -> u64 {
        self.kibibytes("VmSize:")
    }

    /// The CPU time it used, in clock ticks (proc_pid_stat(5), utime and stime).
    pub fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        // The name may have spaces; behind its parenthesis the third field begins.
        let (_, fields) = stat.rsplit_once(')').expect("a name");
        let fields: Vec<_> = fields.split_whitespace().collect();
        fields[14 - 3].parse::<u64>().unwrap() + fields[15 - 3].parse::<u64>().unwrap()
    }

    fn kibibytes(&self, name: &str) -> u64 {
        let value = self.status(name);
        value.strip_suffix(" kB").expect("in KiB").parse().unwrap()
    }

    /// A line of proc_pid_status(5).
    pub fn status(&self, name: &str) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let mut lines = status.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)).unwrap();
        value.trim().to_owned()
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Ran {
        let mut status = None;
        wait_until("echod has ended", || {
            status = self.child.try_wait().expect("it is ours");
            status.is_some()
        });
        self.stdout.read_to_string(&mut self.printed).expect("text");
        Ran {
            status: status.expect("it has ended").code(),
            stdout: std::mem::take(&mut self.printed),
            stderr: self.stderr(),
        }
    }

    /// Asks it to end, which it must do well, having said `stderr` and nothing else.
    pub fn end(self, stderr: &str) {
        let printed = self.printed.clone();
        self.signal(Signal::TERM);
        assert_eq!(self.wait(), Ran::new(0, &printed, stderr));
    }

    /// What it says on standard error, for the test to read.
    pub fn take_stderr(&mut self) -> ChildStderr {
        self.child.stderr.take().expect("it is piped")
    }

    fn stderr(&mut self) -> String {
        let mut text = String::new();
        if let Some(stderr) = &mut self.child.stderr {
            stderr.read_to_string(&mut text).expect("text");
        }
        text
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Where it has ended already, these have nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
