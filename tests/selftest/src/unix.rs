//! Self-test cases of Unix domain sockets, and of descriptors passed through them.

extern crate alloc;

use alloc::ffi::CString;
use alloc::format;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::SeqCst;
use core::time::Duration;

use ring3::Errno;
use ring3::abi::nr;
use ring3::arch::syscall3;
use ring3::fd::{BorrowedFd, STDERR, STDOUT};
use ring3::fs::{O_CLOEXEC, O_RDONLY, seek, stat};
use ring3::io::{read, write};
use ring3::net::unix::{
    Address, DESCRIPTORS, Received, bind, connect, pair, receive, send, socket,
};
use ring3::net::{
    Cmsghdr, Iovec, Msghdr, SCM_RIGHTS, SO_PASSCRED, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_SEQPACKET,
    SOCK_STREAM, SOL_SOCKET, Sock, set_option,
};
use ring3::process::{getpid, gettid};
use ring3::signal::{SIGUSR2, on, set_default};
use ring3::sync::OnceLock;
use ring3::thread::{scope, yield_now};
use ring3::time::{Clock, now};

use crate::case::*;
use crate::cases;
use crate::fd::closes_at_exec;
use crate::fs::at;
use crate::signal::send_to;

cases! {
    "two that are joined", [unix::pair], joined() => value(5);
    "messages, one by one", [unix::pair], messages() => value(2);
    "no such kind", [unix::pair], pair(Sock::NONE | SOCK_CLOEXEC).map(drop) => error(Errno::ESOCKTNOSUPPORT), cannot EPROTONOSUPPORT;
    "a descriptor goes over", [unix::send, unix::receive], goes_over() => YES;
    "one that came is closed at execve", [unix::receive], came() => YES;
    "as many as there can be", [unix::send, unix::receive], many(DESCRIPTORS) => value(DESCRIPTORS as i64);
    "more than that", [unix::send], many(DESCRIPTORS + 1) => error(Errno::EINVAL);
    "a descriptor after credentials", [unix::receive], after(SO_PASSCRED) => value(1);
    "a descriptor before another record", [unix::receive], after(PASS_PIDFD) => value(1), cannot ENOPROTOOPT;
    "more than there is room for: reported, and closed", [unix::receive], more_than_room() => value(DESCRIPTORS as i64);
    "bytes alone", [unix::send, unix::receive], bytes_alone() => value(0);
    "no message there yet", [unix::receive], stream().and_then(|[_one, two]| receive(two.as_fd(), &mut [0])).map(|received| received.bytes) => error(Errno::EAGAIN);
    "the end of them", [unix::receive], stream().and_then(|[one, two]| { drop(one); receive(two.as_fd(), &mut [0]) }).map(|received| received.bytes) => value(0);
    "the peer is gone: no SIGPIPE", [unix::send], stream().and_then(|[one, two]| { drop(one); send(two.as_fd(), b"x", &[]) }) => error(Errno::EPIPE);
    "an address by a path, and by a name", [unix::Address::new, unix::Address::is_path], Address::new(c"path").is_ok_and(|path| path.is_path()) && Address::new(c"@name").is_ok_and(|name| !name.is_path()) => YES;
    "no address", [unix::Address::new], Address::new(c"").map(drop) => error(Errno::EINVAL);
    "an address too long", [unix::Address::new], Address::new(LONG).map(drop) => error(Errno::ENAMETOOLONG);
    "listening by a name", [unix::socket, unix::bind, unix::connect], by_a_name() => value(2);
    "nobody is called so", [unix::connect], stream_socket().and_then(|fd| connect(fd.as_fd(), &Address::new(&own_name("nobody"))?)) => error(Errno::ECONNREFUSED);
    "no such path", [unix::connect], stream_socket().and_then(|fd| connect(fd.as_fd(), &Address::new(c"nothing/socket")?)) => error(Errno::ENOENT);
    "a name that is taken", [unix::bind], taken() => error(Errno::EADDRINUSE);
    "a handler interrupts no send", [unix::send], interrupted_send() => value(1 << 20);
    "a handler interrupts no receive", [unix::receive], interrupted_receive() => value(1);
    "sending into what is no socket", [unix::send], crate::fd::open().and_then(|file| send(file.as_fd(), b"x", &[])) => error(Errno::ENOTSOCK);
}

const LONG: &core::ffi::CStr = {
    const NAME: [u8; 109] = {
        let mut name = [b'n'; 109];
        name[108] = 0;
        name
    };
    match core::ffi::CStr::from_bytes_with_nul(&NAME) {
        Ok(name) => name,
        Err(_) => panic!(),
    }
};

fn stream_socket() -> Result<ring3::fd::OwnedFd, Errno> {
    socket(SOCK_STREAM | SOCK_CLOEXEC)
}

/// The name `@ring3-WHAT-PID`: other self-tests that run at the same time have other names.
pub fn own_name(what: &str) -> CString {
    let name = format!("@ring3-{what}-{}", getpid().as_raw());
    CString::new(name).unwrap_or_default()
}

fn by_a_name() -> Result<usize, Errno> {
    let name = Address::new(&own_name("listener"))?;
    let (listener, client) = (stream_socket()?, stream_socket()?);
    bind(listener.as_fd(), &name)?;
    ring3::net::listen(listener.as_fd(), 1)?;
    connect(client.as_fd(), &name)?;
    let server = ring3::net::accept(listener.as_fd(), SOCK_CLOEXEC)?;
    write(client.as_fd(), b"hi")?;
    read(server.as_fd(), &mut [0; 8])
}

fn taken() -> Result<(), Errno> {
    let name = Address::new(&own_name("taken"))?;
    let (one, two) = (stream_socket()?, stream_socket()?);
    bind(one.as_fd(), &name)?;
    bind(two.as_fd(), &name)
}

type Pair = [ring3::fd::OwnedFd; 2];

fn stream() -> Result<Pair, Errno> {
    pair(SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK)
}

fn joined() -> Result<usize, Errno> {
    let [one, two] = pair(SOCK_STREAM | SOCK_CLOEXEC)?;
    write(one.as_fd(), b"hello")?;
    let mut buffer = [0; 8];
    let count = read(two.as_fd(), &mut buffer)?;
    write(two.as_fd(), &buffer[..count])?;
    read(one.as_fd(), &mut buffer)
}

/// The length of the second of two messages.
fn messages() -> Result<usize, Errno> {
    let [one, two] = pair(SOCK_SEQPACKET | SOCK_CLOEXEC)?;
    write(one.as_fd(), b"one")?;
    write(one.as_fd(), b"22")?;
    read(two.as_fd(), &mut [0; 8])?;
    read(two.as_fd(), &mut [0; 8])
}

fn goes_over() -> Result<bool, Errno> {
    let [one, two] = stream()?;
    let file = crate::fd::open()?;
    send(one.as_fd(), b"x", &[file.as_fd()])?;
    let [received, ..] = receive(two.as_fd(), &mut [0])?.descriptors;
    let received = received.ok_or(Errno::ENOMSG)?;
    Ok(stat(received.as_fd())?.is_same_file(&stat(file.as_fd())?)
        && received.as_fd().as_raw() != file.as_fd().as_raw())
}

/// Whether execve(2) closes two received descriptors, although it leaves the sender's originals open.
fn came() -> Result<bool, Errno> {
    let [one, two] = stream()?;
    send(one.as_fd(), b"x", &[STDOUT, STDERR])?;
    let received = receive(two.as_fd(), &mut [0])?;
    let mut came = received.descriptors.iter().flatten();
    let mut closes = || closes_at_exec(came.next().ok_or(Errno::ENOMSG)?.as_fd());
    Ok(closes()? && closes()?)
}

fn many(count: usize) -> Result<usize, Errno> {
    let [one, two] = stream()?;
    let file = crate::fd::open()?;
    let fds: [BorrowedFd<'_>; DESCRIPTORS + 1] = [file.as_fd(); DESCRIPTORS + 1];
    send(one.as_fd(), b"x", &fds[..count])?;
    whole(receive(two.as_fd(), &mut [0])?)
}

/// How many descriptors were received. An error if some were lost.
fn whole(received: Received) -> Result<usize, Errno> {
    match received.is_cut {
        true => Err(Errno::EMSGSIZE),
        false => Ok(received.descriptors.iter().flatten().count()),
    }
}

/// `SO_PASSPIDFD`, which the headers of Linux 6.1 do not have yet.
const PASS_PIDFD: i32 = 76;

/// How many descriptors are received of one sent descriptor, if the receiver has also asked for other ancillary data.
/// Checks that no descriptor stays open.
fn after(option: i32) -> Result<usize, Errno> {
    let [one, two] = stream()?;
    let file = crate::fd::open()?;
    set_option(two.as_fd(), SOL_SOCKET, option, 1)?;
    let before = open_descriptors();
    send(one.as_fd(), b"x", &[file.as_fd()])?;
    let count = whole(receive(two.as_fd(), &mut [0])?)?;
    match open_descriptors() == before {
        true => Ok(count),
        false => Err(Errno::EMFILE),
    }
}

/// A message with more descriptors than [`send`] accepts: as many are received as there is room for. Checks that no
/// descriptor stays open.
fn more_than_room() -> Result<usize, Errno> {
    #[repr(C)]
    struct Beside {
        head: Cmsghdr,
        fds: [i32; DESCRIPTORS + 4],
    }
    let [one, two] = stream()?;
    let before = open_descriptors();
    let mut beside = Beside {
        head: Cmsghdr {
            cmsg_len: size_of::<Beside>(),
            cmsg_level: SOL_SOCKET,
            cmsg_type: SCM_RIGHTS,
        },
        fds: [one.as_fd().as_raw(); DESCRIPTORS + 4],
    };
    let mut byte = Iovec {
        iov_base: (&raw const b"x"[0]).cast_mut(),
        iov_len: 1,
    };
    let message = Msghdr {
        msg_iov: &raw mut byte,
        msg_iovlen: 1,
        msg_control: (&raw mut beside).cast(),
        msg_controllen: size_of::<Beside>(),
        ..Msghdr::ZERO
    };
    let (socket, place) = (one.as_fd().as_raw() as usize, &raw const message);
    // SAFETY: the kernel reads the message and the memory that it points to. All of it is in locals that live until the
    // call returns.
    let sent = unsafe { syscall3::<{ nr::sendmsg }>(socket, place.expose_provenance(), 0) };
    if sent != 1 {
        return Err(Errno::EIO);
    }
    let received = receive(two.as_fd(), &mut [0])?;
    let count = received.descriptors.iter().flatten().count();
    match (received.is_cut, open_descriptors() == before + count) {
        (true, true) => Ok(count),
        _ => Err(Errno::EMFILE),
    }
}

fn open_descriptors() -> usize {
    // SAFETY: the borrow is only used to check whether the descriptor is open.
    let of = |raw| unsafe { BorrowedFd::borrow_raw(raw) };
    (0..200).filter(|&raw| of(raw).is_open()).count()
}

fn bytes_alone() -> Result<usize, Errno> {
    let [one, two] = stream()?;
    send(one.as_fd(), b"abc", &[])?;
    let received = receive(two.as_fd(), &mut [0; 8])?;
    if received.bytes == 3 {
        whole(received)
    } else {
        Err(Errno::EIO)
    }
}

/// Runs `work` in a thread. A handler runs in that thread three times while the thread sleeps in the kernel; then `release`
/// ends the sleep.
fn while_interrupted<T: Send>(
    work: impl FnOnce() -> Result<T, Errno> + Send,
    release: impl FnOnce() -> Result<(), Errno>,
) -> Result<T, Errno> {
    static HANDLED: AtomicU32 = AtomicU32::new(0);
    on(SIGUSR2, &HANDLED)?;
    let thread = OnceLock::new();
    scope(|scope| {
        let started = scope.spawn(|| {
            let state = at(c"/proc/thread-self/stat", O_RDONLY | O_CLOEXEC);
            thread.get_or_init(|| (gettid().as_raw(), state));
            work()
        })?;
        wait_until(|| Ok(thread.get().is_some()))?;
        let interrupted = || {
            let Some((id, Ok(state))) = thread.get() else {
                return Err(Errno::ESRCH);
            };
            for _ in 0..3 {
                wait_until(|| sleeps(state.as_fd()))?;
                let before = HANDLED.load(SeqCst);
                send_to(*id, SIGUSR2);
                wait_until(|| Ok(HANDLED.load(SeqCst) != before))?;
            }
            wait_until(|| sleeps(state.as_fd()))
        };
        let interrupted = interrupted();
        release()?;
        let result = started.join();
        set_default(SIGUSR2)?;
        // The error of `work` is the reason if the thread has ended too soon.
        result.and_then(|result| interrupted.map(|()| result))
    })
}

/// Whether a thread sleeps: the word after the name in `/proc/PID/task/TID/stat` (proc_pid_stat(5)).
fn sleeps(state: BorrowedFd<'_>) -> Result<bool, Errno> {
    let mut text = [0; 512];
    seek(state, 0)?;
    let count = read(state, &mut text)?;
    let name = text[..count].iter().rposition(|&byte| byte == b')');
    let name = name.ok_or(Errno::EIO)?;
    Ok(text[name..].starts_with(b") S"))
}

/// Waits until `holds` returns true, for a minute at most.
fn wait_until(mut holds: impl FnMut() -> Result<bool, Errno>) -> Result<(), Errno> {
    let begin = now(Clock::Monotonic);
    while !holds()? {
        if now(Clock::Monotonic) - begin > Duration::from_secs(60) {
            return Err(Errno::ETIMEDOUT);
        }
        yield_now();
    }
    Ok(())
}

/// The number of bytes that are sent although a handler interrupts a full socket's sender.
fn interrupted_send() -> Result<usize, Errno> {
    const ALL: usize = 1 << 20;
    let [one, two] = pair(SOCK_STREAM | SOCK_CLOEXEC)?;
    let sender = move || {
        let mut sent = 0;
        while sent < ALL {
            sent += send(one.as_fd(), &[1; 4096], &[])?;
        }
        Ok(sent)
    };
    while_interrupted(sender, || {
        let mut bytes = [0; 4096];
        while receive(two.as_fd(), &mut bytes)?.bytes != 0 {}
        Ok(())
    })
}

fn interrupted_receive() -> Result<usize, Errno> {
    let [one, two] = pair(SOCK_STREAM | SOCK_CLOEXEC)?;
    let receiver = move || receive(two.as_fd(), &mut [0; 8]).map(|received| received.bytes);
    while_interrupted(receiver, || match send(one.as_fd(), b"x", &[]) {
        Ok(_) | Err(Errno::EPIPE) => Ok(()), // EPIPE: the receiver has returned
        Err(errno) => Err(errno),
    })
}
