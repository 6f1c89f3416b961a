//! Child processes: reads their output, and makes sure that they end when the bench ends.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddrV4;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::machine;

/// How many seconds a process has for its first output.
pub const PATIENCE: u64 = 10;

/// A child process. Dropping it kills the process.
pub struct Process {
    child: Child,
    output: BufReader<File>,
}

/// The stream of the process that is read.
pub enum Stream {
    Stdout,
    Stderr,
}

impl Process {
    /// Starts a process on these cores.
    pub fn start(mut command: Command, cores: &'static [usize], read: Stream) -> Self {
        machine::confine(&mut command, cores);
        command.stdin(Stdio::null());
        match read {
            Stream::Stdout => command.stdout(Stdio::piped()),
            Stream::Stderr => command.stderr(Stdio::piped()).stdout(Stdio::null()),
        };
        let child = command.spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let pipe: OwnedFd = match read {
            Stream::Stdout => child.stdout.take().expect("it is a pipe").into(),
            Stream::Stderr => child.stderr.take().expect("it is a pipe").into(),
        };
        let output = BufReader::new(File::from(pipe));
        Self { child, output }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the next line of the output, if output begins within `seconds`.
    pub fn line(&mut self, seconds: u64) -> Option<String> {
        let mut line = String::new();
        self.await_output(seconds)?;
        self.output.read_line(&mut line).ok()?;
        (!line.is_empty()).then_some(line)
    }

    /// Returns all output until EOF, if output or EOF begins within `seconds`.
    pub fn rest(&mut self, seconds: u64) -> Option<String> {
        let mut rest = String::new();
        self.await_output(seconds)?;
        self.output.read_to_string(&mut rest).ok()?;
        Some(rest)
    }

    /// Waits until the process ends. Returns whether it exited with 0. It must have closed its output already.
    pub fn succeeds(&mut self) -> bool {
        self.child.wait().is_ok_and(|status| status.success())
    }

    /// Waits until there is output or EOF. Returns `None` after `seconds`.
    fn await_output(&self, seconds: u64) -> Option<()> {
        if !self.output.buffer().is_empty() {
            return Some(());
        }
        let mut pipe = libc::pollfd {
            fd: self.output.get_ref().as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: poll reads and writes one pollfd: `pipe`, a local variable.
        (unsafe { libc::poll(&mut pipe, 1, seconds as i32 * 1000) } == 1).then_some(())
    }

    /// Sends SIGINT to the process, as Ctrl-C does.
    pub fn interrupt(&self) {
        // SAFETY: kill takes numbers only. The child was not reaped yet, so its id belongs to no other process.
        unsafe { libc::kill(self.id() as i32, libc::SIGINT) };
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // `kill` fails if the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server, and the address that it listens on.
pub struct Server {
    pub process: Process,
    pub address: SocketAddrV4,
}

impl Server {
    /// Starts the server `name`. Returns `None` if it ends, or prints no address in time.
    pub fn start(directory: &Path, name: &str, cores: &'static [usize]) -> Option<Self> {
        let mut command = Command::new(directory.join(name));
        match name {
            "echod" => command.args(["-l", "127.0.0.1:0"]),
            _ => command.args(["127.0.0.1", "0"]),
        };
        let mut process = Process::start(command, cores, Stream::Stdout);
        let line = process.line(PATIENCE)?;
        let address = line.trim_end().rsplit(' ').next()?.parse().ok()?;
        Some(Self { process, address })
    }
}
