//! Sockets.

super::abi! {
    consts ["sys/socket.h" i32] {
        /// Between processes of this machine, by paths and names.
        AF_UNIX = 1,
        /// IPv4.
        AF_INET = 2,
        /// IPv6.
        AF_INET6 = 10,
    }

    /// The kind of a socket, and what it is born with.
    flags ["sys/socket.h" Sock: u32] {
        /// A stream of bytes both ways: TCP.
        SOCK_STREAM = 1,
        /// Datagrams: UDP.
        SOCK_DGRAM = 2,
        /// Messages, one by one and in order, both ways.
        SOCK_SEQPACKET = 5,
        /// No call on it waits.
        SOCK_NONBLOCK = 0o4000,
        /// Closed by execve.
        SOCK_CLOEXEC = 0o2000000,
    }

    /// An address of IPv4.
    record ["linux/in.h" "struct sockaddr_in" SockaddrIn] {
        /// `AF_INET`
        sin_family: u16,
        /// The port, high byte first.
        sin_port: [u8; 2],
        /// The address, high byte first.
        sin_addr: [u8; 4],
        /// Zeros.
        __pad: [u8; 8],
    }

    /// An address of IPv6.
    record ["linux/in6.h" "struct sockaddr_in6" SockaddrIn6] {
        /// `AF_INET6`
        sin6_family: u16,
        /// The port, high byte first.
        sin6_port: [u8; 2],
        /// Flow label, high byte first.
        sin6_flowinfo: [u8; 4],
        /// The address, high byte first.
        sin6_addr: [u8; 16],
        /// The interface that a link-local address is of.
        sin6_scope_id: u32,
    }

    /// A path, or behind a zero a name of no file.
    record ["linux/un.h" "struct sockaddr_un" SockaddrUn] {
        /// `AF_UNIX`
        sun_family: u16,
        /// The path, up to its zero; the name, up to the address's length.
        sun_path: [u8; 108],
    }

    consts ["asm/socket.h" i32] {
        /// Level of the options of every socket.
        SOL_SOCKET = 1,
        /// Bind where connections of an earlier socket are still in TIME_WAIT.
        SO_REUSEADDR = 2,
        /// The kind of the socket: `SOCK_STREAM` and others.
        SO_TYPE = 3,
        /// The error that a connection ended with, or could not be made for; asking takes it away.
        SO_ERROR = 4,
        /// Bytes sent out of band stay in their place in the stream.
        SO_OOBINLINE = 10,
        /// What `close` does with bytes not yet sent.
        SO_LINGER = 13,
        /// Each message received has the sender's process, user and group as ancillary data.
        SO_PASSCRED = 16,
        /// Several sockets may listen at one address; the kernel deals connections out among them.
        SO_REUSEPORT = 15,
        /// Whether it listens.
        SO_ACCEPTCONN = 30,
        /// The family: `AF_INET` and others.
        SO_DOMAIN = 39,
        /// A program says to which of them a connection goes.
        SO_ATTACH_REUSEPORT_CBPF = 51,
    }

    consts ["linux/in.h" i32] {
        /// Level of the options of IPv4.
        IPPROTO_IP = 0,
        /// Level of the options of TCP.
        IPPROTO_TCP = 6,
        /// Level of the options of IPv6.
        IPPROTO_IPV6 = 41,
        /// Tell of each datagram where it was sent to; beside one that is sent, where it comes from.
        IP_PKTINFO = 8,
    }

    consts ["linux/in6.h" i32] {
        /// An IPv6 socket does not take IPv4's connections too.
        IPV6_V6ONLY = 26,
        /// Tell of each datagram where it was sent to.
        IPV6_RECVPKTINFO = 49,
        /// That; beside a datagram that is sent, where it comes from.
        IPV6_PKTINFO = 50,
    }

    consts ["linux/tcp.h" i32] {
        /// Send small segments at once.
        TCP_NODELAY = 1,
    }

    /// The value of `SO_LINGER`.
    record ["sys/socket.h" "struct linger" Linger] {
        /// Whether to linger at all.
        l_onoff: i32,
        /// Seconds; with 0 the connection is reset.
        l_linger: i32,
    }

    consts ["sys/socket.h" i32] {
        /// `shutdown` of our own direction: the peer reads the end of file.
        SHUT_WR = 1,
    }

    consts ["linux/filter.h" u16] {
        /// Load a number from the packet into the accumulator.
        BPF_LD = 0x00,
        /// The number has 32 bits.
        BPF_W = 0x00,
        /// It is at a fixed place.
        BPF_ABS = 0x20,
        /// Jump.
        BPF_JMP = 0x05,
        /// Where the accumulator is the constant.
        BPF_JEQ = 0x10,
        /// The constant is in the instruction.
        BPF_K = 0x00,
        /// End with a result.
        BPF_RET = 0x06,
        /// The result is the accumulator.
        BPF_A = 0x10,
    }

    consts ["linux/filter.h" i32] {
        /// From here on are places of no packet, but of what the kernel knows.
        SKF_AD_OFF = (-0x1000),
        /// Which CPU this runs on.
        SKF_AD_CPU = 36,
    }

    /// An instruction of the classic Berkeley packet filter.
    record ["linux/filter.h" "struct sock_filter" SockFilter] {
        /// What to do: `BPF_*`.
        code: u16,
        /// How many instructions to skip where a condition holds.
        jt: u8,
        /// And where it does not.
        jf: u8,
        /// The constant.
        k: u32,
    }

    /// A program of these.
    record ["linux/filter.h" "struct sock_fprog" SockFprog] {
        /// How many there are.
        len: u16,
        /// The first.
        filter: *const SockFilter,
    }

    consts ["sys/socket.h" i32] {
        /// What is sent beside bytes: descriptors.
        SCM_RIGHTS = 1,
        /// Ancillary data: the sender's process, user and group.
        SCM_CREDENTIALS = 2,
    }

    /// Bytes, and where they are.
    record ["sys/uio.h" "struct iovec" Iovec] {
        /// The first.
        iov_base: *mut u8,
        /// How many.
        iov_len: usize,
    }

    /// A message, and what goes beside it.
    record ["sys/socket.h" "struct msghdr" Msghdr] {
        /// The address that it is from or to, or null.
        msg_name: *mut u8,
        /// Its length in bytes; receiving sets it.
        msg_namelen: u32,
        /// Where the bytes are.
        msg_iov: *mut Iovec,
        /// In how many pieces.
        msg_iovlen: usize,
        /// Records that go beside them, each behind a `Cmsghdr`.
        msg_control: *mut u8,
        /// Their length in bytes; receiving sets it.
        msg_controllen: usize,
        /// What the kernel says of a message received.
        msg_flags: u32,
    }

    /// What stands before a record beside a message.
    record ["sys/socket.h" "struct cmsghdr" Cmsghdr] {
        /// The length in bytes, this included.
        cmsg_len: usize,
        /// Whose kind it is: `SOL_SOCKET`, `IPPROTO_*`.
        cmsg_level: i32,
        /// The kind.
        cmsg_type: i32,
    }

    /// How to send, or receive.
    flags ["sys/socket.h" Msg: u32] {
        /// There was more beside the message than room for it.
        MSG_CTRUNC = 0x8,
        /// No SIGPIPE where the peer is gone, only `EPIPE`.
        MSG_NOSIGNAL = 0x4000,
        /// This call does not wait.
        MSG_DONTWAIT = 0x40,
        /// Descriptors received are closed by execve.
        MSG_CMSG_CLOEXEC = 0x40000000,
    }

    /// One of several messages.
    record ["sys/socket.h" "struct mmsghdr" Mmsghdr] {
        /// The message.
        msg_hdr: Msghdr,
        /// How many bytes were received or sent.
        msg_len: u32,
    }

    /// The record `IP_PKTINFO`.
    record ["linux/in.h" "struct in_pktinfo" InPktinfo] {
        /// The interface; 0 lets the kernel choose by the destination.
        ipi_ifindex: i32,
        /// Our address: to reply from, or 0 for the kernel's choice.
        ipi_spec_dst: [u8; 4],
        /// The address that a datagram was sent to, which may be that of many.
        ipi_addr: [u8; 4],
    }

    /// The record `IPV6_PKTINFO`.
    record ["linux/ipv6.h" "struct in6_pktinfo" In6Pktinfo] {
        /// The address that a datagram was sent to; or comes from.
        ipi6_addr: [u8; 16],
        /// The interface; 0 lets the kernel choose by the destination.
        ipi6_ifindex: i32,
    }
}

/// Ancillary data: a pidfd of the sender (`SO_PASSPIDFD`, Linux 6.5). No UAPI header defines the number; the kernel's
/// `include/linux/socket.h` does.
pub const SCM_PIDFD: i32 = 4;
