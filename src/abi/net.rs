//! Constants and structures of sockets.

super::abi! {
    consts ["sys/socket.h" i32] {
        /// Local sockets (unix(7)): between processes of this machine, by path or abstract name.
        AF_UNIX = 1,
        /// IPv4.
        AF_INET = 2,
        /// IPv6.
        AF_INET6 = 10,
    }

    /// A socket's type, and flags for its creation.
    flags ["sys/socket.h" Sock: u32] {
        /// A byte stream in both directions: TCP.
        SOCK_STREAM = 1,
        /// Datagrams: UDP.
        SOCK_DGRAM = 2,
        /// A connection in both directions that keeps message boundaries and order.
        SOCK_SEQPACKET = 5,
        /// Calls on the socket do not wait: they fail with `EAGAIN`.
        SOCK_NONBLOCK = 0o4000,
        /// execve closes it.
        SOCK_CLOEXEC = 0o2000000,
    }

    /// An IPv4 address and a port.
    record ["linux/in.h" "struct sockaddr_in" SockaddrIn] {
        /// `AF_INET`
        sin_family: u16,
        /// The port, in network byte order.
        sin_port: [u8; 2],
        /// The address, in network byte order.
        sin_addr: [u8; 4],
        /// Zeros.
        __pad: [u8; 8],
    }

    /// An IPv6 address and a port.
    record ["linux/in6.h" "struct sockaddr_in6" SockaddrIn6] {
        /// `AF_INET6`
        sin6_family: u16,
        /// The port, in network byte order.
        sin6_port: [u8; 2],
        /// Flow label, in network byte order.
        sin6_flowinfo: [u8; 4],
        /// The address, in network byte order.
        sin6_addr: [u8; 16],
        /// For a link-local address: the number of its interface.
        sin6_scope_id: u32,
    }

    /// The address of a local socket: a path; or a zero byte, and after it an abstract name.
    record ["linux/un.h" "struct sockaddr_un" SockaddrUn] {
        /// `AF_UNIX`
        sun_family: u16,
        /// A path ends with a zero. An abstract name ends at the address's length.
        sun_path: [u8; 108],
    }

    consts ["asm/socket.h" i32] {
        /// The level of the options that every socket has.
        SOL_SOCKET = 1,
        /// Allows binding to an address where connections of an earlier socket are still in TIME_WAIT.
        SO_REUSEADDR = 2,
        /// The type of the socket: `SOCK_STREAM` and others.
        SO_TYPE = 3,
        /// The error of a failed connection or connection attempt. Reading the option clears the error.
        SO_ERROR = 4,
        /// Bytes sent out of band stay in their place in the byte stream.
        SO_OOBINLINE = 10,
        /// Sets what `close` does with unsent bytes.
        SO_LINGER = 13,
        /// Each received message carries the sender's process, user and group id as ancillary data.
        SO_PASSCRED = 16,
        /// Several sockets may bind to one address. The kernel distributes connections and datagrams among
        /// them.
        SO_REUSEPORT = 15,
        /// Whether the socket listens.
        SO_ACCEPTCONN = 30,
        /// The address family: `AF_INET` and others.
        SO_DOMAIN = 39,
        /// A filter program chooses the socket of a `SO_REUSEPORT` group for each connection.
        SO_ATTACH_REUSEPORT_CBPF = 51,
    }

    consts ["linux/in.h" i32] {
        /// The level of IPv4's options.
        IPPROTO_IP = 0,
        /// The level of TCP's options.
        IPPROTO_TCP = 6,
        /// The level of IPv6's options.
        IPPROTO_IPV6 = 41,
        /// Option: each received datagram carries its destination address. Ancillary data of a sent datagram:
        /// the source address.
        IP_PKTINFO = 8,
    }

    consts ["linux/in6.h" i32] {
        /// The IPv6 socket does not accept IPv4 traffic.
        IPV6_V6ONLY = 26,
        /// Option: each received datagram carries its destination address, as `IPV6_PKTINFO`.
        IPV6_RECVPKTINFO = 49,
        /// Ancillary data: the destination address of a received datagram, or the source address of a sent
        /// datagram.
        IPV6_PKTINFO = 50,
    }

    consts ["linux/tcp.h" i32] {
        /// Sends small segments at once (disables Nagle's algorithm).
        TCP_NODELAY = 1,
    }

    /// The value of `SO_LINGER`.
    record ["sys/socket.h" "struct linger" Linger] {
        /// Whether lingering is on.
        l_onoff: i32,
        /// Timeout in seconds; 0 makes `close` reset the connection.
        l_linger: i32,
    }

    consts ["sys/socket.h" i32] {
        /// `shutdown` of the sending direction: the peer reads EOF (half-close).
        SHUT_WR = 1,
    }

    consts ["linux/filter.h" u16] {
        /// Load a value from the packet into the accumulator.
        BPF_LD = 0x00,
        /// The value has 32 bits.
        BPF_W = 0x00,
        /// The value is at a fixed offset.
        BPF_ABS = 0x20,
        /// Jump.
        BPF_JMP = 0x05,
        /// Jump if the accumulator equals the constant.
        BPF_JEQ = 0x10,
        /// The operand is the constant in the instruction.
        BPF_K = 0x00,
        /// Return a result.
        BPF_RET = 0x06,
        /// The result is the accumulator.
        BPF_A = 0x10,
    }

    consts ["linux/filter.h" i32] {
        /// Offsets from here on do not refer to the packet, but to values of the kernel.
        SKF_AD_OFF = (-0x1000),
        /// Offset from `SKF_AD_OFF`: the number of the current CPU.
        SKF_AD_CPU = 36,
    }

    /// An instruction of a classic Berkeley packet filter.
    record ["linux/filter.h" "struct sock_filter" SockFilter] {
        /// The operation: `BPF_*`.
        code: u16,
        /// How many instructions to skip if a condition is true.
        jt: u8,
        /// How many instructions to skip if a condition is false.
        jf: u8,
        /// The constant.
        k: u32,
    }

    /// A filter program: an array of instructions.
    record ["linux/filter.h" "struct sock_fprog" SockFprog] {
        /// The number of instructions.
        len: u16,
        /// The first instruction.
        filter: *const SockFilter,
    }

    consts ["sys/socket.h" i32] {
        /// Ancillary data: file descriptors.
        SCM_RIGHTS = 1,
        /// Ancillary data: the sender's process, user and group id.
        SCM_CREDENTIALS = 2,
    }

    /// A buffer.
    record ["sys/uio.h" "struct iovec" Iovec] {
        /// The address of the first byte.
        iov_base: *mut u8,
        /// The length in bytes.
        iov_len: usize,
    }

    /// A message with its address and its ancillary data, for sendmsg(2) and recvmsg(2).
    record ["sys/socket.h" "struct msghdr" Msghdr] {
        /// The source or destination address, or null.
        msg_name: *mut u8,
        /// The address's length in bytes. Receiving sets it.
        msg_namelen: u32,
        /// The buffers with the message's bytes.
        msg_iov: *mut Iovec,
        /// The number of buffers.
        msg_iovlen: usize,
        /// Ancillary data: records, each of which starts with a `Cmsghdr`.
        msg_control: *mut u8,
        /// The ancillary data's length in bytes. Receiving sets it.
        msg_controllen: usize,
        /// Flags of a received message, set by the kernel.
        msg_flags: u32,
    }

    /// The header of a record of ancillary data.
    record ["sys/socket.h" "struct cmsghdr" Cmsghdr] {
        /// The record's length in bytes, including this header.
        cmsg_len: usize,
        /// The protocol that defines the type: `SOL_SOCKET`, `IPPROTO_*`.
        cmsg_level: i32,
        /// The record's type.
        cmsg_type: i32,
    }

    /// Flags for sending and receiving.
    flags ["sys/socket.h" Msg: u32] {
        /// The ancillary data was truncated: its buffer was too small.
        MSG_CTRUNC = 0x8,
        /// If the peer has closed, the call fails with `EPIPE`, and raises no SIGPIPE.
        MSG_NOSIGNAL = 0x4000,
        /// This call does not wait.
        MSG_DONTWAIT = 0x40,
        /// execve closes the received descriptors.
        MSG_CMSG_CLOEXEC = 0x40000000,
    }

    /// One of several messages that sendmmsg(2) or recvmmsg(2) transfers in one call.
    record ["sys/socket.h" "struct mmsghdr" Mmsghdr] {
        /// The message.
        msg_hdr: Msghdr,
        /// How many bytes were received or sent.
        msg_len: u32,
    }

    /// Ancillary data of type `IP_PKTINFO`.
    record ["linux/in.h" "struct in_pktinfo" InPktinfo] {
        /// The interface's number; 0 lets the kernel choose by the destination.
        ipi_ifindex: i32,
        /// The local address: the source address of a reply; 0 lets the kernel choose.
        ipi_spec_dst: [u8; 4],
        /// The destination address of a received datagram. May be a broadcast or multicast address.
        ipi_addr: [u8; 4],
    }

    /// Ancillary data of type `IPV6_PKTINFO`.
    record ["linux/ipv6.h" "struct in6_pktinfo" In6Pktinfo] {
        /// The destination address of a received datagram, or the source address of a sent datagram.
        ipi6_addr: [u8; 16],
        /// The interface's number; 0 lets the kernel choose by the destination.
        ipi6_ifindex: i32,
    }
}

/// Ancillary data: a pidfd of the sender (`SO_PASSPIDFD`, Linux 6.5). No UAPI header defines this number; the
/// kernel's `include/linux/socket.h` does.
pub const SCM_PIDFD: i32 = 4;
