//! Checks docs/syscalls.md, which lists the system calls of each program, with strace. The test fails if a run makes a
//! call that the file does not list, or if no run makes a listed call.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use libtest_mimic::{Completion, Trial};
use rustix::fs::{XattrFlags, setxattr};
use rustix::process::{Pid, Signal, getuid, kill_process};

use crate::echod::server::Server;
use crate::probe::server::Server as HttpServer;
use crate::resolve::Machine;
use crate::save::attributes::{ACCESS, list};
use crate::skip;
use crate::support::{Arch, Folder, Ran, once, run};
use crate::trial::{LONG, may_take};

pub fn trials() -> Vec<Trial> {
    let trial = |(program, test): &Run| once(&format!("syscalls::of_{program} [x86_64]"), *test);
    RUNS.iter().map(trial).collect()
}

/// A program, and a test that runs it under strace.
type Run = (&'static str, fn() -> Completion);

/// All programs.
pub const RUNS: &[Run] = &[
    ("hello", of_hello),
    ("save", of_save),
    ("msort", of_msort),
    ("echod", of_echod),
    ("echoc", of_echoc),
    ("pipe", of_pipe),
    ("probe", of_probe),
    ("init", of_init),
];

/// The calls of a program in docs/syscalls.md: the names in backquotes at the start of the rows of its table.
pub fn calls_of(program: &str) -> BTreeSet<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/syscalls.md");
    let text = fs::read_to_string(file).unwrap();
    let (_, section) = text.split_once(&format!("## `{program}`\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let name = |row: &str| Some(row.strip_prefix("| `")?.split_once('`')?.0.to_owned());
    section.lines().filter_map(name).collect()
}

/// A program under strace: a folder for its runs, and the calls seen so far.
struct Watch {
    program: &'static str,
    folder: Folder,
    seen: BTreeSet<String>,
}

impl Watch {
    /// `Err` with the reason if this machine cannot trace the programs.
    fn new(program: &'static str) -> Result<Self, Completion> {
        if !Arch::X86_64.is_native() {
            return Err(Completion::ignored_with(skip::STRACE));
        }
        let folder = Folder::new();
        symlink(Arch::X86_64.shipped(program), folder.path(program)).unwrap();
        Ok(Self {
            program,
            folder,
            seen: BTreeSet::new(),
        })
    }

    /// A command line for the shell, in which `$strace` stands for strace with the options that keep it quiet and write
    /// the log.
    fn command(&self, line: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.current_dir(self.folder.root()).stdin(Stdio::null());
        shell.args(["-c", line]).env("strace", "strace -qq -o log");
        shell
    }

    /// Runs such a line and checks its exit status.
    fn run(&mut self, line: &str, status: i32) {
        let ran = run(&mut self.command(line));
        assert_eq!(ran.status, Some(status), "{line}: {ran:?}");
        self.collect();
    }

    /// Reads strace's log. Its lines are `NAME(ARGUMENTS) = RESULT`, after the id of the thread with `-f`. With `-f`
    /// the end of a long call is a separate line (`resumed`).
    fn collect(&mut self) {
        let log = fs::read_to_string(self.folder.path("log")).unwrap();
        let calls = log
            .lines()
            .filter(|line| !line.contains(" resumed>"))
            .filter_map(|line| line.split_once('(')?.0.rsplit(' ').next())
            .map(str::to_owned);
        // The first call is the execve with which the shell becomes the program.
        self.seen.extend(calls.skip(1));
    }

    /// Compares the calls with docs/syscalls.md.
    fn check(&self) -> Completion {
        let said = calls_of(self.program);
        let unsaid: Vec<_> = self.seen.difference(&said).collect();
        let unseen: Vec<_> = said.difference(&self.seen).collect();
        assert!(
            unsaid.is_empty() && unseen.is_empty(),
            "{}: made but not in docs/syscalls.md: {unsaid:?}; listed there but not made: {unseen:?}",
            self.program
        );
        Completion::Completed
    }
}

fn of_hello() -> Completion {
    let mut watch = match Watch::new("hello") {
        Ok(watch) => watch,
        Err(ignored) => return ignored,
    };
    watch.run("$strace ./hello", 0);
    watch.run("$strace ./hello Ada Grace", 0);
    watch.run("$strace ./hello --help", 0);
    watch.run("$strace ./hello -x", 2);
    watch.run("$strace ./hello >/dev/full", 1);
    watch.check()
}

/// Runs in which a program replaces the file `f`. `writer` is the command line that writes the whole file. `f` exists
/// or not, has an access control list or not, and in some runs the kernel refuses the call that is tried first. `nth`
/// is the number of the openat that opens the directory to be synced.
fn replace(watch: &mut Watch, writer: &str, nth: u32) -> Result<(), Completion> {
    let strace = |options: &str| writer.replace("$strace", &format!("$strace {options}"));
    watch.run(writer, 0);
    watch.run(writer, 0);
    match setxattr(watch.folder.path("f"), ACCESS, &list(), XattrFlags::empty()) {
        Err(rustix::io::Errno::OPNOTSUPP) => {
            return Err(Completion::ignored_with(skip::ACCESS_LISTS));
        }
        result => result.unwrap(),
    }
    watch.run(writer, 0);
    watch.run(&strace("-e inject=linkat:error=EPERM"), 0);
    watch.run(&strace("-e inject=renameat2:error=EPERM"), 1);
    watch.run(&strace("-e inject=linkat:error=EEXIST:when=1..4"), 0);
    watch.run(&strace("-e inject=statx:error=ENOSYS"), 0);
    let unreadable = format!("-e inject=openat:error=EACCES:when={nth}");
    watch.run(&strace(&unreadable), 0);
    // A signal arrives while the file has a temporary name.
    let signal = strace("-e inject=linkat:error=EPERM -e inject=lseek:signal=TERM");
    watch.run(&format!("{signal}; exit $?"), 128 + 15);
    Ok(())
}

fn of_save() -> Completion {
    let mut watch = match Watch::new("save") {
        Ok(watch) => watch,
        Err(ignored) => return ignored,
    };
    if let Err(ignored) = replace(&mut watch, "echo new | $strace ./save f", 2) {
        return ignored;
    }
    watch.run("$strace ./save f </proc/self/status", 0);
    watch.run("$strace ./save --no-sync -m 600 g <save", 0);
    watch.run("echo more | $strace ./save -a g", 0);
    watch.run("echo new | $strace ./save --in-place g", 0);
    watch.run(
        "echo more | $strace -e inject=fsync:error=EIO ./save -a g",
        1,
    );
    watch.run("$strace ./save --help", 0);
    watch.run("$strace ./save . 2>/dev/null", 1);
    watch.run("$strace ./save", 2);
    watch.check()
}

fn of_msort() -> Completion {
    may_take(LONG);
    let mut watch = match Watch::new("msort") {
        Ok(watch) => watch,
        Err(ignored) => return ignored,
    };
    fs::write(watch.folder.path("lines"), "a line\n".repeat(100_000)).unwrap();
    fs::write(
        watch.folder.path("many"),
        "one line of many\n".repeat(5_000_000),
    )
    .unwrap();
    if let Err(ignored) = replace(&mut watch, "$strace ./msort -o f lines", 3) {
        return ignored;
    }
    watch.run("$strace ./msort --in-place -o f lines", 0);
    watch.run("$strace ./msort -r -u lines - <lines", 0);
    // Enough lines that a second thread gets a part. The length of a pipe is unknown, so the buffer for its content
    // must grow and move.
    watch.run("$strace -f ./msort many >sorted", 0);
    watch.run("cat many | $strace -f ./msort >sorted", 0);
    watch.run("$strace ./msort -n many >sorted", 0);
    watch.run("$strace ./msort -c lines", 0);
    watch.run("$strace ./msort -m lines - <lines >sorted", 0);
    watch.run("$strace ./msort -m -o f lines f", 0);
    watch.run("$strace ./msort lines >/dev/full", 1);
    watch.run("$strace ./msort .", 1);
    watch.run("$strace ./msort -x", 2);
    watch.check()
}

/// An echod under strace, and its listening address.
struct Echod {
    strace: Child,
    address: String,
}

impl Echod {
    fn start(watch: &Watch, before: &str, more: &str) -> Self {
        let line = format!("{before} exec $strace -f ./echod -l 127.0.0.1:0 --grace 1 {more}");
        let mut strace = watch.command(&line).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(strace.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .trim_end()
            .strip_prefix("echod: listening on ")
            .unwrap()
            .to_owned();
        Self { strace, address }
    }

    fn client(&self) -> TcpStream {
        TcpStream::connect(&self.address).unwrap()
    }

    /// Ends the program, which is strace's only child, with SIGTERM.
    fn end(mut self) {
        let id = self.strace.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
        let program = Pid::from_raw(children.trim().parse().unwrap()).unwrap();
        kill_process(program, Signal::TERM).unwrap();
        assert_eq!(self.strace.wait().unwrap().code(), Some(0));
    }
}

/// Sends a byte and waits for its echo.
fn echoes(mut client: &TcpStream) {
    client.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
}

fn of_echod() -> Completion {
    may_take(LONG);
    let mut watch = match Watch::new("echod") {
        Ok(watch) => watch,
        Err(ignored) => return ignored,
    };
    if std::thread::available_parallelism().unwrap().get() == 1 {
        return Completion::ignored_with(skip::ONE_CPU);
    }
    // Three clients. The first ends normally. The second sends more bytes than the kernel's buffers hold before it
    // reads. The third is still connected when the server is asked to end.
    let echod = Echod::start(&watch, "", "");
    let mut client = echod.client();
    echoes(&client);
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    let client = echod.client();
    const FLOOD: usize = 32 << 20;
    std::thread::scope(|scope| {
        scope.spawn(|| (&client).write_all(&vec![0; FLOOD]).unwrap());
        std::thread::sleep(std::time::Duration::from_millis(300));
        (&client).read_exact(&mut vec![0; FLOOD]).unwrap();
    });
    echod.end();
    drop(client);
    watch.collect();

    // One descriptor is missing for a second client, which is served when the first has left.
    let echod = Echod::start(&watch, "ulimit -n 8;", "-w 1");
    let first = echod.client();
    echoes(&first);
    let second = echod.client();
    std::thread::sleep(std::time::Duration::from_millis(100));
    drop(first);
    echoes(&second);
    drop(second);
    echod.end();
    watch.collect();

    // A stale Unix socket, all options that give up privileges, and an end with -v.
    drop(UnixListener::bind(watch.folder.path("socket")).unwrap());
    let granted = "-e inject=chroot,chdir,setgroups,setresgid,setresuid:retval=0";
    let echod = Echod::start(
        &watch,
        &format!("strace=\"$strace {granted}\";"),
        "-x socket -v --chroot / --user 1:1",
    );
    let mut client = UnixStream::connect(watch.folder.path("socket")).unwrap();
    client.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
    drop(client);
    echod.end();
    watch.collect();

    // A passed descriptor that is not a socket.
    watch.run(
        "export LISTEN_PID=7 LISTEN_FDS=1; $strace -e inject=getpid:retval=7 ./echod 3</dev/null",
        1,
    );
    // UDP.
    let echod = Echod::start(&watch, "", "-u");
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    datagrams.connect(&echod.address).unwrap();
    datagrams.send(b"x").unwrap();
    datagrams.recv(&mut [0]).unwrap();
    echod.end();
    watch.collect();

    watch.run("$strace ./echod --help", 0);
    watch.run("$strace ./echod -l here", 2);
    watch.run("$strace ./echod -l 192.0.2.1:7", 1);
    watch.check()
}

fn of_echoc() -> Completion {
    may_take(LONG);
    let mut watch = match Watch::new("echoc") {
        Ok(watch) => watch,
        Err(ignored) => return ignored,
    };
    let server = Server::new(Arch::X86_64, &[]);
    let address = server.address();
    watch.run(&format!("$strace ./echoc -c 10 {address}"), 0);
    watch.run(
        &format!("$strace ./echoc --verify -s 5000000 -d 4 {address}"),
        0,
    );
    // A signal arrives during the first message.
    watch.run(
        &format!("$strace -e inject=sendto:signal=TERM:when=1 ./echoc -t 1000 {address}"),
        0,
    );
    watch.run(
        &format!("ulimit -Sn 20; $strace ./echoc -c 30 {address}"),
        0,
    );
    watch.run(&format!("$strace ./echoc -n 100 -c 3 {address}"), 0);
    watch.run("$strace ./echoc 127.0.0.1:1", 1);
    watch.run(
        &format!("$strace ./echoc -n 1 localhost:{}", address.port()),
        0,
    );
    watch.run("$strace ./echoc --help", 0);
    watch.run("$strace ./echoc -x", 2);
    server.end("");
    // A name of DNS, whose server is silent.
    let machine = match Machine::new(Arch::X86_64) {
        Ok(machine) => machine,
        Err(ignored) => return ignored,
    };
    machine.write("resolv.conf", "nameserver 127.0.0.9\n");
    let _silent = UdpSocket::bind("127.0.0.9:53").unwrap();
    let mut strace = machine.command();
    strace.current_dir(watch.folder.root());
    strace.args(["strace", "-qq", "-o", "log"]);
    let ran = run(strace.args(["./echoc", "--stall=0.1", "none.example:1"]));
    let why = "echoc: resolve none.example: the name server 127.0.0.9 did not answer\n";
    assert_eq!(ran, Ran::new(1, "", why));
    watch.collect();
    watch.check()
}

fn of_init() -> Completion {
    let mut watch = match Watch::new("init") {
        Ok(watch) => watch,
        Err(ignored) => return ignored,
    };
    symlink(Arch::X86_64.shipped("hello"), watch.folder.path("hello")).unwrap();
    watch.run("$strace -f ./init -s -w -p TERM ./hello", 0);
    watch.run("$strace -f ./init -S hello-that-is-not-there", 127);
    watch.run(
        "$strace -e inject=wait4:signal=TERM:when=1 ./init -g sleep 100",
        143,
    );
    // A descriptor as a service manager would pass it.
    watch.run(
        "export LISTEN_PID=7 LISTEN_FDS=1; $strace -f -e inject=getpid:retval=7 ./init ./hello 3</dev/null",
        0,
    );
    watch.run("$strace ./init --help", 0);
    watch.run("$strace ./init", 2);
    if getuid().is_root() {
        watch.run("$strace -f ./init --user 0 --own directory ./hello", 0);
    }
    watch.run(
        "$strace -e inject=wait4:signal=TERM:when=1 ./init --grace 0.1 -g -r TERM:USR1 --no-new-privs sleep 100",
        138,
    );
    // `init --boot` with its own processes, mounts and interfaces. Powering off ends the namespace by SIGINT. Only the
    // log of process 1 is read. `init` ends and reaps the orphan.
    let line = "strace -qq -ff -o boot unshare --pid --fork --mount --net ./init --boot sh -c 'sleep 100 &'";
    let ran = run(&mut watch.command(line));
    let Some(log) = watch.folder.names().into_iter().find(|name| {
        let log = fs::read_to_string(watch.folder.path(name));
        name.starts_with("boot.") && log.is_ok_and(|log| log.contains("execve(\"./init\""))
    }) else {
        return Completion::ignored_with(skip::namespaces(&ran.stderr));
    };
    assert!(ran.stderr.contains("init: exit status 0\n"), "{ran:?}");
    fs::rename(watch.folder.path(log), watch.folder.path("log")).unwrap();
    // Up to its execve, process 1 is `unshare`.
    let text = fs::read_to_string(watch.folder.path("log")).unwrap();
    let (_, own) = text.split_once("execve(\"./init\"").unwrap();
    fs::write(watch.folder.path("log"), own).unwrap();
    watch.collect();
    watch.check()
}

fn of_probe() -> Completion {
    let mut watch = match Watch::new("probe") {
        Ok(watch) => watch,
        Err(ignored) => return ignored,
    };
    symlink(Arch::X86_64.shipped("hello"), watch.folder.path("hello")).unwrap();
    let http = HttpServer::answering(b"\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n");
    let target = format!("http://{}", http.address);
    watch.run(
        &format!("PATH=/nonexistent:.:$PATH $strace ./probe {target} -- hello"),
        0,
    );
    let name = format!("http://localhost:{}", http.address.port());
    watch.run(&format!("$strace -f ./probe {name} {target}"), 0);
    watch.run("$strace ./probe --wait=0.2 unix:nothing", 1);
    watch.run("$strace ./probe localhost:1", 1);
    // A thread ends while another one still runs: it unmaps its own memory.
    let silent = HttpServer::silent();
    watch.run(
        &format!(
            "$strace -f ./probe -t 0.3 {target} redis://{}",
            silent.address
        ),
        1,
    );
    // A name that /etc/hosts does not have, and a name server that is not there.
    fs::write(watch.folder.path("resolv.conf"), "nameserver 127.0.0.1\n").unwrap();
    let line = "unshare --map-root-user --mount sh -c \
                'mount --bind resolv.conf /etc/resolv.conf && exec $strace ./probe -t 0.3 no-such-name:1'";
    let ran = run(&mut watch.command(line));
    if !ran.stderr.starts_with("probe: no-such-name:1: ") {
        return Completion::ignored_with(skip::namespaces(&ran.stderr));
    }
    watch.collect();
    watch.run("$strace ./probe --help", 0);
    watch.run("$strace ./probe", 2);
    watch.check()
}

fn of_pipe() -> Completion {
    let mut watch = match Watch::new("pipe") {
        Ok(watch) => watch,
        Err(ignored) => return ignored,
    };
    // The started program is `hello`, which makes no call that `pipe` does not make.
    symlink(Arch::X86_64.shipped("hello"), watch.folder.path("hello")).unwrap();
    let strace = "$strace -f ./pipe";
    watch.run(&format!("{strace} ./hello"), 0);
    watch.run(
        &format!("{strace} --size 8192 --status --last ./hello '|' ./hello"),
        0,
    );
    watch.run(
        &format!("PATH=/nonexistent:.:$PATH {strace} --socket --last hello '|' hello"),
        0,
    );
    watch.run(&format!("{strace} ./hello '|' ./nothing"), 127);
    watch.run("$strace ./pipe --timeout 0.1 sleep 100", 124);
    watch.run(
        &format!("{strace} --commit --allow-sigpipe ./hello '|' ./hello"),
        0,
    );
    watch.run("$strace ./pipe --commit false '|' cat", 1);
    watch.run(
        "export LISTEN_PID=7 LISTEN_FDS=1; $strace -f -e inject=getpid:retval=7 ./pipe ./hello 3</dev/null",
        0,
    );
    watch.run("$strace ./pipe --help", 0);
    watch.run("$strace ./pipe", 2);
    watch.check()
}
