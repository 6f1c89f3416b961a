//! Sockets.

super::abi! {
    consts ["sys/socket.h" i32] {
        /// IPv4.
        AF_INET = 2,
        /// IPv6.
        AF_INET6 = 10,
    }

    /// The kind of a socket, and what it is born with.
    flags ["sys/socket.h" Sock: u32] {
        /// A stream of bytes both ways: TCP.
        SOCK_STREAM = 1,
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

    consts ["asm/socket.h" i32] {
        /// Level of the options of every socket.
        SOL_SOCKET = 1,
        /// Bind where connections of an earlier socket are still in TIME_WAIT.
        SO_REUSEADDR = 2,
        /// The error that a connection ended with, or could not be made for; asking takes it away.
        SO_ERROR = 4,
        /// Bytes sent out of band stay in their place in the stream.
        SO_OOBINLINE = 10,
        /// What `close` does with bytes not yet sent.
        SO_LINGER = 13,
    }

    consts ["linux/in.h" i32] {
        /// Level of the options of TCP.
        IPPROTO_TCP = 6,
        /// Level of the options of IPv6.
        IPPROTO_IPV6 = 41,
    }

    consts ["linux/in6.h" i32] {
        /// An IPv6 socket does not take IPv4's connections too.
        IPV6_V6ONLY = 26,
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

    /// How to send.
    flags ["sys/socket.h" Msg: u32] {
        /// No SIGPIPE where the peer is gone, only `EPIPE`.
        MSG_NOSIGNAL = 0x4000,
    }
}
