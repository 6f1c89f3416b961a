//! A running echod for the tests, and information about its process from /proc.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Resource, Rlimit, Signal};

use crate::support::{Arch, Ran, wait_until};

/// The child is killed if a test ends without waiting for it.
pub struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// The TCP addresses that the server has reported, in their order. The UDP address is the same.
    pub addresses: Vec<SocketAddr>,
    /// The names of all listening sockets, as the server has reported them.
    pub listens: Vec<String>,
    /// The standard output so far.
    printed: String,
}

impl Server {
    /// Starts echod at one port of IPv4's loopback address, with the arguments `more`.
    pub fn new(arch: Arch, more: &[&str]) -> Self {
        Self::start(
            arch.program("echod").args(["-l", "127.0.0.1:0"]).args(more),
            1,
        )
    }

    /// Runs a command that starts echod, and waits for `listeners` lines about listening addresses.
    pub fn start(command: &mut Command, listeners: usize) -> Self {
        Self::run(command.stdin(Stdio::null()), listeners)
    }

    /// Like [`Server::start`], but keeps the command's standard input.
    pub fn run(command: &mut Command, listeners: usize) -> Self {
        match Self::attempt(command, listeners) {
            Ok(server) => server,
            Err(ran) => panic!("echod does not listen: {ran:?}"),
        }
    }

    /// Like [`Server::start`], with `stderr` as standard error.
    pub fn with_stderr(command: &mut Command, listeners: usize, stderr: impl Into<Stdio>) -> Self {
        let command = command.stdin(Stdio::null()).stderr(stderr);
        match Self::begin(command, listeners) {
            Ok(server) => server,
            Err(ran) => panic!("echod does not listen: {ran:?}"),
        }
    }

    /// Like [`Server::run`], for a server that may end before it listens.
    pub fn attempt(command: &mut Command, listeners: usize) -> Result<Self, Ran> {
        Self::begin(command.stderr(Stdio::piped()), listeners)
    }

    fn begin(command: &mut Command, listeners: usize) -> Result<Self, Ran> {
        let command = command.stdout(Stdio::piped());
        let mut child = command.spawn().expect("the command starts");
        let stdout = BufReader::new(child.stdout.take().expect("standard output is piped"));
        let mut server = Self {
            child,
            stdout,
            addresses: Vec::new(),
            listens: Vec::new(),
            printed: String::new(),
        };
        for _ in 0..listeners {
            let mut line = String::new();
            server
                .stdout
                .read_line(&mut line)
                .expect("standard output can be read");
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

    /// The first TCP address.
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn signal(&self, signal: Signal) {
        rustix::process::kill_process(self.pid(), signal).expect("echod is running");
    }

    /// Sets the server's limit of descriptors: new descriptors must have numbers below `limit`.
    pub fn limit_descriptors(&self, limit: u64) {
        let limit = Rlimit {
            current: Some(limit),
            maximum: Some(limit),
        };
        rustix::process::prlimit(Some(self.pid()), Resource::Nofile, limit)
            .expect("echod is a child of the test");
    }

    /// The numbers of the server's descriptors.
    pub fn descriptors(&self) -> Vec<String> {
        let folder = std::fs::read_dir(format!("/proc/{}/fd", self.pid()))
            .expect("echod is a child of the test");
        folder
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    /// How many of the server's descriptors are of this kind (`socket`, `pipe`).
    pub fn count(&self, kind: &str) -> usize {
        let target = |number: &String| {
            // A descriptor that has been closed meanwhile is not counted.
            let link = std::fs::read_link(format!("/proc/{}/fd/{number}", self.pid()));
            link.unwrap_or_default().to_string_lossy().into_owned()
        };
        let is_one = |number: &&String| target(number).split(':').next() == Some(kind);
        self.descriptors().iter().filter(is_one).count()
    }

    /// Whether the server has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("echod is a child of the test")
            .is_some()
    }

    /// The server's resident memory in KiB (VmRSS).
    pub fn resident(&self) -> u64 {
        self.kibibytes("VmRSS:")
    }

    /// The server's mapped address space in KiB (VmSize).
    pub fn mapped(&self) -> u64 {
        self.kibibytes("VmSize:")
    }

    /// The server's CPU time in clock ticks (proc_pid_stat(5), utime and stime).
    pub fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        // The name may have spaces. The third field begins after the last parenthesis.
        let (_, fields) = stat.rsplit_once(')').expect("a name");
        let fields: Vec<_> = fields.split_whitespace().collect();
        fields[14 - 3].parse::<u64>().unwrap() + fields[15 - 3].parse::<u64>().unwrap()
    }

    fn kibibytes(&self, name: &str) -> u64 {
        let value = self.status(name);
        value.strip_suffix(" kB").expect("in KiB").parse().unwrap()
    }

    /// The value of a line of proc_pid_status(5).
    pub fn status(&self, name: &str) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let mut lines = status.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)).unwrap();
        value.trim().to_owned()
    }

    /// Waits until the server has ended.
    pub fn wait(mut self) -> Ran {
        let mut status = None;
        wait_until("echod has ended", || {
            status = self.child.try_wait().expect("echod is a child of the test");
            status.is_some()
        });
        self.stdout.read_to_string(&mut self.printed).expect("text");
        Ran {
            status: status.expect("echod has ended").code(),
            stdout: std::mem::take(&mut self.printed),
            stderr: self.stderr(),
        }
    }

    /// Ends the server with SIGTERM. The exit status must be 0, and standard error must be exactly `stderr`.
    pub fn end(self, stderr: &str) {
        let printed = self.printed.clone();
        self.signal(Signal::TERM);
        assert_eq!(self.wait(), Ran::new(0, &printed, stderr));
    }

    /// Takes the server's standard error, which the test reads itself.
    pub fn take_stderr(&mut self) -> ChildStderr {
        self.child.stderr.take().expect("standard error is piped")
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
        // Both fail if the server has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
