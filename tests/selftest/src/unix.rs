//! Self-test cases of Unix domain sockets, and of descriptors passed through them.

use ring3::Errno;
use ring3::abi::nr;
use ring3::arch::syscall3;
use ring3::fd::{BorrowedFd, STDERR, STDOUT};
use ring3::fs::stat;
use ring3::io::{read, write};
use ring3::net::unix::{
    Address, DESCRIPTORS, Received, bind, connect, pair, receive, send, socket,
};
use ring3::net::{
    Cmsghdr, Iovec, Msghdr, SCM_RIGHTS, SO_PASSCRED, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_SEQPACKET,
    SOCK_STREAM, SOL_SOCKET, Sock, set_option,
};

use crate::case::*;
use crate::cases;
use crate::fd::closes_at_exec;

cases! {
    "two that are joined", [unix::pair], joined() => value(5);
    "messages, one by one", [unix::pair], messages() => value(2);
    "no such kind", [unix::pair], pair(Sock::NONE | SOCK_CLOEXEC).map(drop) => error(Errno::ESOCKTNOSUPPORT), cannot EPROTONOSUPPORT;
    "a descriptor goes over", [unix::send, unix::receive], goes_over() => YES;
    "one that came is closed at execve", [unix::receive], came() => YES;
    "as many as there can be", [unix::send, unix::receive], many(DESCRIPTORS) => value(DESCRIPTORS as i64);
    "more than that", [unix::send], many(DESCRIPTORS + 1) => error(Errno::EINVAL);
    "a descriptor behind credentials", [unix::receive], behind(SO_PASSCRED) => value(1);
    "a descriptor before another record", [unix::receive], behind(PASS_PIDFD) => value(1), cannot ENOPROTOOPT;
    "more than there is room for: told, and closed", [unix::receive], more_than_room() => value(DESCRIPTORS as i64);
    "bytes alone", [unix::send, unix::receive], bytes_alone() => value(0);
    "no message there yet", [unix::receive], stream().and_then(|[_one, two]| receive(two.as_fd(), &mut [0])).map(|received| received.bytes) => error(Errno::EAGAIN);
    "the end of them", [unix::receive], stream().and_then(|[one, two]| { drop(one); receive(two.as_fd(), &mut [0]) }).map(|received| received.bytes) => value(0);
    "the peer is gone: no SIGPIPE", [unix::send], stream().and_then(|[one, two]| { drop(one); send(two.as_fd(), b"x", &[]) }) => error(Errno::EPIPE);
    "an address by a path, and by a name", [unix::Address::new, unix::Address::is_path], Address::new(c"path").is_ok_and(|path| path.is_path()) && Address::new(c"@name").is_ok_and(|name| !name.is_path()) => YES;
    "no address", [unix::Address::new], Address::new(c"").map(drop) => error(Errno::EINVAL);
    "an address too long", [unix::Address::new], Address::new(LONG).map(drop) => error(Errno::ENAMETOOLONG);
    "listening by a name", [unix::socket, unix::bind, unix::connect], by_a_name() => value(2);
    "nobody is called so", [unix::connect], stream_socket().and_then(|fd| connect(fd.as_fd(), &Address::new(c"@ring3-selftest-nobody")?)) => error(Errno::ECONNREFUSED);
    "no such path", [unix::connect], stream_socket().and_then(|fd| connect(fd.as_fd(), &Address::new(c"nothing/socket")?)) => error(Errno::ENOENT);
    "a name that is taken", [unix::bind], taken() => error(Errno::EADDRINUSE);
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

fn by_a_name() -> Result<usize, Errno> {
    let name = Address::new(c"@ring3-selftest-listener")?;
    let (listener, client) = (stream_socket()?, stream_socket()?);
    bind(listener.as_fd(), &name)?;
    ring3::net::listen(listener.as_fd(), 1)?;
    connect(client.as_fd(), &name)?;
    let server = ring3::net::accept(listener.as_fd(), SOCK_CLOEXEC)?;
    write(client.as_fd(), b"hi")?;
    read(server.as_fd(), &mut [0; 8])
}

fn taken() -> Result<(), Errno> {
    let name = Address::new(c"@ring3-selftest-taken")?;
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
fn behind(option: i32) -> Result<usize, Errno> {
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
    let sent = unsafe { syscall3(nr::sendmsg, socket, place.expose_provenance(), 0) };
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
