//! Tests of `save`: either the file gets all of standard input, or the file stays unchanged.

mod append;
pub mod attributes;
mod faults;
mod kills;
mod mounts;
mod options;
mod places;
mod temporary;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use libtest_mimic::{Completion, Trial};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_setfl};

use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, Ran, ran};
use crate::trial::{LONG, may_take};

pub fn trials() -> Vec<Trial> {
    per_arch![
        saves_what_a_pipe_holds,
        saves_what_a_file_holds,
        saves_what_a_socket_holds,
        saves_the_rest_of_a_file,
        saves_files_that_have_no_length,
        saves_a_file_into_itself,
        saves_on_a_small_stack,
        keeps_the_old_content_on_a_full_disk,
        keeps_the_old_content_beyond_a_limit,
        keeps_the_old_content_when_reading_fails,
        keeps_the_old_content_when_reading_fails_midway,
        understands_its_command_line,
        refuses_what_it_does_not_understand,
    ]
    .chain(append::trials())
    .chain(attributes::trials())
    .chain(faults::trials())
    .chain(kills::trials())
    .chain(mounts::trials())
    .chain(options::trials())
    .chain(places::trials())
    .chain(temporary::trials())
    .collect()
}

impl Folder {
    /// A folder with a file `f` that holds [`OLD`].
    fn with_old() -> Self {
        let folder = Self::new();
        fs::write(folder.path("f"), OLD).unwrap();
        folder
    }

    /// Runs a command in the folder, with `stdin` as standard input.
    fn run(&self, command: &mut Command, stdin: impl Into<Stdio>) -> Ran {
        command
            .current_dir(self.root())
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        // The command still holds its standard input. A writer must get EPIPE when `save` has ended, so the command
        // drops it.
        command.stdin(Stdio::null());
        ran(child.wait_with_output().unwrap())
    }

    /// Runs `save ARGUMENTS` with these bytes in a pipe.
    fn save(&self, arch: Arch, arguments: &[impl AsRef<OsStr>], input: &[u8]) -> Ran {
        self.feed(arch.program("save").args(arguments), input)
    }

    /// Runs a command in the folder with these bytes in a pipe.
    fn feed(&self, command: &mut Command, input: &[u8]) -> Ran {
        let (reader, mut writer) = std::io::pipe().unwrap();
        std::thread::scope(|scope| {
            // An error is ignored: the program may end without reading all of its input.
            scope.spawn(move || drop(writer.write_all(input)));
            self.run(command, reader)
        })
    }
}

const OLD: &[u8] = b"the old content\n";

/// The result of a run without output, with exit status 0.
fn fine() -> Ran {
    Ran::new(0, "", "")
}

/// The result of a run that fails with this message, with exit status 1.
fn failed(message: &str) -> Ran {
    Ran::new(1, "", &format!("save: {message}\n"))
}

/// `length` bytes without repetition.
fn content(length: usize) -> Vec<u8> {
    (0..length.div_ceil(8))
        .flat_map(|i| (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes())
        .take(length)
        .collect()
}

/// Lengths around a page of each size, a pipe and the buffer, and larger lengths.
const LENGTHS: [usize; 14] = [
    0, 1, 2, 4095, 4096, 4097, 16384, 65535, 65536, 65537, 131_072, 1_000_000, 1_048_577, 5_000_003,
];

fn saves_what_a_pipe_holds(arch: Arch) {
    let folder = Folder::new();
    for length in LENGTHS {
        let content = content(length);
        assert_eq!(folder.save(arch, &["f"], &content), fine());
        assert!(folder.read("f") == content, "{length} bytes");
        // Over an existing file, and in pieces.
        let (reader, mut writer) = std::io::pipe().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for piece in content.chunks(777) {
                    writer.write_all(piece).unwrap();
                }
                drop(writer);
            });
            assert_eq!(folder.run(arch.program("save").arg("f"), reader), fine());
        });
        assert!(folder.read("f") == content, "{length} bytes in pieces");
    }
    assert_eq!(folder.names(), ["f"]);
}

fn saves_what_a_file_holds(arch: Arch) {
    let folder = Folder::new();
    for length in LENGTHS {
        fs::write(folder.path("in"), content(length)).unwrap();
        let input = File::open(folder.path("in")).unwrap();
        assert_eq!(folder.run(arch.program("save").arg("f"), input), fine());
        assert!(folder.read("f") == content(length), "{length} bytes");
    }
    assert_eq!(folder.names(), ["f", "in"]);
}

fn saves_what_a_socket_holds(arch: Arch) {
    may_take(LONG);
    let folder = Folder::new();
    for length in LENGTHS {
        let (ours, its) = UnixStream::pair().unwrap();
        let content = content(length);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                (&ours).write_all(&content).unwrap();
                drop(ours);
            });
            let its = std::os::fd::OwnedFd::from(its);
            assert_eq!(folder.run(arch.program("save").arg("f"), its), fine());
        });
        assert!(folder.read("f") == content, "{length} bytes");
    }
    assert_eq!(folder.names(), ["f"]);
}

fn saves_the_rest_of_a_file(arch: Arch) {
    let folder = Folder::new();
    fs::write(folder.path("in"), content(100_000)).unwrap();
    let mut input = File::open(folder.path("in")).unwrap();
    input.seek(SeekFrom::Start(70_001)).unwrap();
    assert_eq!(folder.run(arch.program("save").arg("f"), input), fine());
    assert!(folder.read("f") == content(100_000)[70_001..]);
}

/// Files of /proc have content, but copy_file_range(2) copies none of it.
fn saves_files_that_have_no_length(arch: Arch) {
    let folder = Folder::new();
    for file in ["/proc/version", "/proc/filesystems"] {
        let input = File::open(file).unwrap();
        assert_eq!(folder.run(arch.program("save").arg("f"), input), fine());
        let wanted = fs::read(file).unwrap();
        assert!(!wanted.is_empty());
        assert_eq!(folder.read("f"), wanted);
    }
    let input = Stdio::null();
    assert_eq!(folder.run(arch.program("save").arg("f"), input), fine());
    assert!(folder.read("f").is_empty());
}

fn saves_a_file_into_itself(arch: Arch) {
    let folder = Folder::new();
    fs::write(folder.path("f"), content(300_000)).unwrap();
    let input = File::open(folder.path("f")).unwrap();
    assert_eq!(folder.run(arch.program("save").arg("f"), input), fine());
    assert!(folder.read("f") == content(300_000));
}

fn saves_on_a_small_stack(arch: Arch) {
    let folder = Folder::with_old();
    // Limits the stack, natively and under qemu-user.
    let script = "ulimit -s 48; export QEMU_STACK_SIZE=49152";
    for arguments in [&["f"][..], &["-a", "f"]] {
        let mut command = after(script, arch.program("save").args(arguments));
        assert_eq!(folder.feed(&mut command, &content(150_000)), fine());
    }
    assert!(folder.read("f") == [content(150_000), content(150_000)].concat());
}

/// A shell in a new mount namespace, which mounts a file system of 64 KiB over the current directory and runs `script`
/// there.
pub fn on_a_small_disk(script: &str) -> Command {
    let namespace = match rustix::process::geteuid().is_root() {
        true => "-m",
        false => "-rm",
    };
    let script = format!(r#"mount -t tmpfs -o size=64k none . && cd "$PWD" && {script}"#);
    let mut command = Command::new("unshare");
    command.args([namespace, "sh", "-c", &script, "sh"]);
    command
}

/// Runs `save` on such a file system, over an existing file `f`.
fn save_on_a_small_disk(arch: Arch, arguments: &str, input: &[u8]) -> Ran {
    let folder = Folder::new();
    let program = arch.program("save");
    let mut command = on_a_small_disk(&format!(
        r#"printf 'the old content\n' >f && {{ "$@" {arguments}; echo "exit $?"; cat f; ls -A; }}"#
    ));
    command.arg(program.get_program()).args(program.get_args());
    folder.feed(&mut command, input)
}

fn keeps_the_old_content_on_a_full_disk(arch: Arch) -> Completion {
    let folder = Folder::new();
    let mount = folder.run(&mut on_a_small_disk("true"), Stdio::null());
    if mount != fine() {
        return Completion::ignored_with(skip::namespaces(&mount.stderr));
    }
    let printed = "save: write f: No space left on device (ENOSPC)\n";
    let kept = Ran::new(0, "exit 1\nthe old content\nf\n", printed);
    let input = content(200_000);
    assert_eq!(save_on_a_small_disk(arch, "f", &input), kept);
    assert_eq!(save_on_a_small_disk(arch, "-a f", &input), kept);
    let saved = Ran::new(0, "exit 0\nnew\nf\n", "");
    assert_eq!(save_on_a_small_disk(arch, "f", b"new\n"), saved);
    Completion::Completed
}

/// The reader of a FIFO. The reader is there before the writer, so neither waits in open(2). There, a writer that is
/// interrupted after the reader was woken waits for the next reader.
struct Reader(File);

impl Reader {
    fn of(fifo: &Path) -> Self {
        let mut options = File::options();
        options.read(true);
        options.custom_flags(OFlags::NONBLOCK.bits() as i32);
        Self(options.open(fifo).unwrap())
    }

    /// Waits for a writer, and reads to its end.
    fn rest(mut self) -> Vec<u8> {
        poll(&mut [PollFd::new(&self.0, PollFlags::IN)], None).unwrap();
        fcntl_setfl(&self.0, OFlags::empty()).unwrap();
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes).unwrap();
        bytes
    }
}

/// Runs a command by a shell that executes `shell` first.
fn after(shell: &str, program: &Command) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("{shell}; exec \"$@\""), "sh"])
        .arg(program.get_program())
        .args(program.get_args());
    command
}

fn keeps_the_old_content_beyond_a_limit(arch: Arch) {
    let folder = Folder::with_old();
    // The unit is 512 bytes.
    let mut command = after("ulimit -f 100", arch.program("save").arg("f"));
    let ran = folder.feed(&mut command, &content(200_000));
    assert_eq!(ran, failed("write f: File too large (EFBIG)"));
    assert_eq!(folder.read("f"), OLD);
    assert_eq!(folder.names(), ["f"]);
}

fn keeps_the_old_content_when_reading_fails(arch: Arch) {
    let folder = Folder::with_old();
    let save = || {
        let mut save = arch.program("save");
        save.arg("f");
        save
    };
    let directory = File::open("/").unwrap();
    let ran = folder.run(&mut save(), directory);
    assert_eq!(ran, failed("read stdin: Is a directory (EISDIR)"));
    let write_only = fs::OpenOptions::new().write(true).open("/dev/null");
    let ran = folder.run(&mut save(), write_only.unwrap());
    assert_eq!(ran, failed("read stdin: Bad file descriptor (EBADF)"));
    for closed in ["exec <&-", "exec <&- >&-"] {
        let ran = folder.run(&mut after(closed, &save()), Stdio::null());
        assert_eq!(ran, failed("stat stdin: Bad file descriptor (EBADF)"));
    }
    let ran = folder.run(&mut after("exec <&- 2>&-", &save()), Stdio::null());
    assert_eq!(ran, Ran::new(1, "", ""));
    assert_eq!(folder.read("f"), OLD);
    assert_eq!(folder.names(), ["f"]);
}

/// The two ends of a connection over loopback.
fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("[::1]:0")
        .or_else(|_| TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (ours, listener.accept().unwrap().0)
}

/// Closes the connection by a reset: a read at the other end returns ECONNRESET.
fn reset(ours: TcpStream) {
    rustix::net::sockopt::set_socket_linger(&ours, Some(std::time::Duration::ZERO)).unwrap();
}

fn keeps_the_old_content_when_reading_fails_midway(arch: Arch) {
    let folder = Folder::with_old();
    let (mut ours, its) = connection();
    std::thread::scope(|scope| {
        let ran = scope.spawn(|| {
            let its = std::os::fd::OwnedFd::from(its);
            folder.run(arch.program("save").arg("f"), its)
        });
        // More bytes than fit into the buffers of a connection whose other end does not read.
        ours.write_all(&content(30_000_000)).unwrap();
        reset(ours);
        let ran = ran.join().unwrap();
        assert_eq!(
            ran,
            failed("read stdin: Connection reset by peer (ECONNRESET)")
        );
    });
    assert_eq!(folder.read("f"), OLD);
    assert_eq!(folder.names(), ["f"]);
}

fn understands_its_command_line(arch: Arch) {
    let folder = Folder::new();
    for (arguments, file) in [
        (&["f"][..], "f"),
        (&["--", "-f"], "-f"),
        (&["--", "--help"], "--help"),
        (&["-"], "-"),
        (&["f", "--no-sync"], "f"),
        (&["-am600", "g"], "g"),
        (&["-m", "0000600", "--no-sync", "-a", "--", "h"], "h"),
    ] {
        assert_eq!(
            folder.save(arch, arguments, b"new"),
            fine(),
            "{arguments:?}"
        );
        assert_eq!(folder.read(file), b"new", "{arguments:?}");
    }
}

/// (`tests/cli.rs` tests each option.)
fn refuses_what_it_does_not_understand(arch: Arch) {
    let folder = Folder::with_old();
    for (arguments, message) in [
        (&[][..], "no FILE"),
        (&["f", "g"], "unexpected g"),
        (&["-ax", "f"], "unknown option -x"),
        (&["f", "-m"], "-m needs a value"),
    ] {
        assert_eq!(
            folder.save(arch, arguments, b"new"),
            Ran::misused("save", message)
        );
    }
    assert_eq!(folder.read("f"), OLD);
    assert_eq!(folder.names(), ["f"]);
}
