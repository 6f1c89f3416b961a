//! Constants and structures of sockets.

super::abi! {
    consts ["sys/socket.h" i32] {
        /// No family: any family, or none.
        AF_UNSPEC = 0,
        /// Local sockets (unix(7)): between processes of this machine, by path or abstract name.
        AF_UNIX = 1,
        /// IPv4.
        AF_INET = 2,
        /// Amateur radio, AX.25.
        AF_AX25 = 3,
        /// Novell IPX.
        AF_IPX = 4,
        /// AppleTalk.
        AF_APPLETALK = 5,
        /// Amateur radio, NET/ROM.
        AF_NETROM = 6,
        /// Bridges of network interfaces.
        AF_BRIDGE = 7,
        /// ATM, permanent circuits.
        AF_ATMPVC = 8,
        /// X.25.
        AF_X25 = 9,
        /// IPv6.
        AF_INET6 = 10,
        /// Amateur radio, ROSE.
        AF_ROSE = 11,
        /// DECnet.
        AF_DECnet = 12,
        /// NetBEUI. Reserved.
        AF_NETBEUI = 13,
        /// Security callbacks. Reserved.
        AF_SECURITY = 14,
        /// Keys of IPsec.
        AF_KEY = 15,
        /// Messages to and from parts of the kernel (netlink(7)).
        AF_NETLINK = 16,
        /// Packets of a network interface (packet(7)).
        AF_PACKET = 17,
        /// Ash.
        AF_ASH = 18,
        /// Acorn Econet.
        AF_ECONET = 19,
        /// ATM, switched circuits.
        AF_ATMSVC = 20,
        /// Reliable datagrams.
        AF_RDS = 21,
        /// IBM's SNA.
        AF_SNA = 22,
        /// Infrared.
        AF_IRDA = 23,
        /// PPP over Ethernet and over L2TP.
        AF_PPPOX = 24,
        /// Wanpipe.
        AF_WANPIPE = 25,
        /// IEEE 802.2 LLC.
        AF_LLC = 26,
        /// InfiniBand.
        AF_IB = 27,
        /// MPLS.
        AF_MPLS = 28,
        /// Controller area network.
        AF_CAN = 29,
        /// TIPC, for clusters.
        AF_TIPC = 30,
        /// Bluetooth.
        AF_BLUETOOTH = 31,
        /// Between virtual machines of z/VM.
        AF_IUCV = 32,
        /// RxRPC, the calls of AFS.
        AF_RXRPC = 33,
        /// ISDN.
        AF_ISDN = 34,
        /// Phonet, for modems.
        AF_PHONET = 35,
        /// IEEE 802.15.4, for small radios.
        AF_IEEE802154 = 36,
        /// CAIF, for modems.
        AF_CAIF = 37,
        /// The kernel's cryptography.
        AF_ALG = 38,
        /// Near-field communication.
        AF_NFC = 39,
        /// Between a virtual machine and its host (vsock(7)).
        AF_VSOCK = 40,
        /// Messages in a stream of TCP.
        AF_KCM = 41,
        /// Between processors of Qualcomm.
        AF_QIPCRTR = 42,
        /// Shared memory between machines.
        AF_SMC = 43,
        /// Packets of a network interface, without copies.
        AF_XDP = 44,
        /// MCTP, for the management of a machine.
        AF_MCTP = 45,
    }

    /// A socket's type, and flags for its creation.
    flags ["sys/socket.h" Sock: u32] {
        /// A byte stream in both directions: TCP.
        SOCK_STREAM = 1,
        /// Datagrams: UDP.
        SOCK_DGRAM = 2,
        /// Packets of a network protocol, with a header made by the program.
        SOCK_RAW = 3,
        /// Datagrams that arrive, but not in order.
        SOCK_RDM = 4,
        /// A connection in both directions that keeps message boundaries and order.
        SOCK_SEQPACKET = 5,
        /// Datagrams with congestion control: DCCP.
        SOCK_DCCP = 6,
        /// Packets of a network interface. Obsolete: `AF_PACKET` replaces it.
        SOCK_PACKET = 10,
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
        /// Records debugging information.
        SO_DEBUG = 1,
        /// Allows binding to an address where connections of an earlier socket are still in TIME_WAIT.
        SO_REUSEADDR = 2,
        /// The type of the socket: `SOCK_STREAM` and others.
        SO_TYPE = 3,
        /// The error of a failed connection or connection attempt. Reading the option clears the error.
        SO_ERROR = 4,
        /// Sends only to machines of a directly connected network.
        SO_DONTROUTE = 5,
        /// Permits sending to a broadcast address.
        SO_BROADCAST = 6,
        /// The size of the buffer for sending, in bytes. The kernel doubles the value that is set.
        SO_SNDBUF = 7,
        /// The size of the buffer for receiving, in bytes. The kernel doubles the value that is set.
        SO_RCVBUF = 8,
        /// Probes an idle connection, and ends it if the peer does not answer.
        SO_KEEPALIVE = 9,
        /// Bytes sent out of band stay in their place in the byte stream.
        SO_OOBINLINE = 10,
        /// Sends UDP datagrams without a checksum.
        SO_NO_CHECK = 11,
        /// The priority of the packets that the socket sends.
        SO_PRIORITY = 12,
        /// Sets what `close` does with unsent bytes.
        SO_LINGER = 13,
        /// Has no effect.
        SO_BSDCOMPAT = 14,
        /// Several sockets may bind to one address. The kernel distributes connections and datagrams among
        /// them.
        SO_REUSEPORT = 15,
        /// Each received message carries the sender's process, user and group id as ancillary data.
        SO_PASSCRED = 16,
        /// The process, user and group id of the peer of a local socket.
        SO_PEERCRED = 17,
        /// The least number of bytes for which the socket is readable.
        SO_RCVLOWAT = 18,
        /// Always 1: can't be changed.
        SO_SNDLOWAT = 19,
        /// The time limit of receiving calls, as a `SockTimeval`; 0 is none.
        SO_RCVTIMEO = { 20, bits32 SO_RCVTIMEO_NEW 66 },
        /// The time limit of sending calls, as a `SockTimeval`; 0 is none.
        SO_SNDTIMEO = { 21, bits32 SO_SNDTIMEO_NEW 67 },
        /// The time limit of receiving calls, as a `Timeval`; 0 is none.
        SO_RCVTIMEO_OLD = 20,
        /// The time limit of sending calls, as a `Timeval`; 0 is none.
        SO_SNDTIMEO_OLD = 21,
        /// Has no effect.
        SO_SECURITY_AUTHENTICATION = 22,
        /// Has no effect.
        SO_SECURITY_ENCRYPTION_TRANSPORT = 23,
        /// Has no effect.
        SO_SECURITY_ENCRYPTION_NETWORK = 24,
        /// The name of the interface to which the socket is bound.
        SO_BINDTODEVICE = 25,
        /// Sets a filter program for received packets (`SockFprog`).
        SO_ATTACH_FILTER = 26,
        /// Removes the filter program.
        SO_DETACH_FILTER = 27,
        /// The address of the peer.
        SO_PEERNAME = 28,
        /// Whether the socket listens.
        SO_ACCEPTCONN = 30,
        /// The security context of the peer of a local socket.
        SO_PEERSEC = 31,
        /// As `SO_SNDBUF`, beyond the system's limit. Needs `CAP_NET_ADMIN`.
        SO_SNDBUFFORCE = 32,
        /// Each received message carries the sender's security context as ancillary data.
        SO_PASSSEC = 34,
        /// As `SO_RCVBUF`, beyond the system's limit. Needs `CAP_NET_ADMIN`.
        SO_RCVBUFFORCE = 33,
        /// The mark of the packets that the socket sends. Needs `CAP_NET_ADMIN`.
        SO_MARK = 36,
        /// The protocol: `IPPROTO_TCP` and others.
        SO_PROTOCOL = 38,
        /// The address family: `AF_INET` and others.
        SO_DOMAIN = 39,
        /// Each received datagram carries the number of datagrams dropped so far.
        SO_RXQ_OVFL = 40,
        /// Reports whether the receiver acknowledged a frame of a wireless network.
        SO_WIFI_STATUS = 41,
        /// Where `MSG_PEEK` reads, counted from the first unread byte; -1 turns the offset off.
        SO_PEEK_OFF = 42,
        /// The program appends the checksum of an Ethernet frame itself.
        SO_NOFCS = 43,
        /// The filter program can't be changed any more.
        SO_LOCK_FILTER = 44,
        /// Has no effect since Linux 4.16.
        SO_SELECT_ERR_QUEUE = 45,
        /// How long a receiving call polls the device, in microseconds.
        SO_BUSY_POLL = 46,
        /// The highest rate of sending, in bytes per second.
        SO_MAX_PACING_RATE = 47,
        /// Which extensions the filter programs have.
        SO_BPF_EXTENSIONS = 48,
        /// The CPU on which packets of the socket arrive.
        SO_INCOMING_CPU = 49,
        /// Sets an eBPF program as the filter.
        SO_ATTACH_BPF = 50,
        /// A filter program chooses the socket of a `SO_REUSEPORT` group for each connection.
        SO_ATTACH_REUSEPORT_CBPF = 51,
        /// As `SO_ATTACH_REUSEPORT_CBPF`, with an eBPF program.
        SO_ATTACH_REUSEPORT_EBPF = 52,
        /// Tells the kernel that the route to the peer does not work.
        SO_CNX_ADVICE = 53,
        /// Ancillary data: statistics of the connection when the packet was sent.
        SCM_TIMESTAMPING_OPT_STATS = 54,
        /// The memory that the socket uses.
        SO_MEMINFO = 55,
        /// The number of the receive queue of the last packet.
        SO_INCOMING_NAPI_ID = 56,
        /// A number that no other socket of this boot has.
        SO_COOKIE = 57,
        /// Ancillary data: the interface and the length of a packet with a time.
        SCM_TIMESTAMPING_PKTINFO = 58,
        /// The groups of the peer of a local socket.
        SO_PEERGROUPS = 59,
        /// Permits `MSG_ZEROCOPY`.
        SO_ZEROCOPY = 60,
        /// The program sets the time at which a packet is sent.
        SO_TXTIME = 61,
        /// The number of the interface to which the socket is bound.
        SO_BINDTOIFINDEX = 62,
        /// Each received datagram carries its time of arrival, as a `Timeval`.
        SO_TIMESTAMP_OLD = 29,
        /// Each received datagram carries its time of arrival, as a `Timespec`.
        SO_TIMESTAMPNS_OLD = 35,
        /// Times of arrival and of sending, by the kernel or by the device.
        SO_TIMESTAMPING_OLD = 37,
        /// As `SO_TIMESTAMP_OLD`, with 64 bits for the seconds on every architecture.
        SO_TIMESTAMP_NEW = 63,
        /// As `SO_TIMESTAMPNS_OLD`, with 64 bits for the seconds on every architecture.
        SO_TIMESTAMPNS_NEW = 64,
        /// As `SO_TIMESTAMPING_OLD`, with 64 bits for the seconds on every architecture.
        SO_TIMESTAMPING_NEW = 65,
        /// As `SO_RCVTIMEO_OLD`, with 64 bits for the seconds on every architecture. Since Linux 5.1.
        SO_RCVTIMEO_NEW = 66,
        /// As `SO_SNDTIMEO_OLD`, with 64 bits for the seconds on every architecture. Since Linux 5.1.
        SO_SNDTIMEO_NEW = 67,
        /// Removes the program of a `SO_REUSEPORT` group.
        SO_DETACH_REUSEPORT_BPF = 68,
        /// Prefers polling the device to its interrupts.
        SO_PREFER_BUSY_POLL = 69,
        /// The most packets of one poll of the device.
        SO_BUSY_POLL_BUDGET = 70,
        /// A number that identifies the network namespace.
        SO_NETNS_COOKIE = 71,
        /// Which buffer sizes the kernel does not change by itself.
        SO_BUF_LOCK = 72,
        /// Reserves memory for the socket, in bytes.
        SO_RESERVE_MEM = 73,
        /// Whether the kernel tries another path after a timeout.
        SO_TXREHASH = 74,
        /// Each received packet carries its mark as ancillary data.
        SO_RCVMARK = 75,
    }

    consts ["asm/socket.h" newer i32] {
        /// Each received message carries a pidfd of the sender, as `SCM_PIDFD`. Since Linux 6.5.
        SO_PASSPIDFD = 76,
        /// A pidfd of the peer of a local socket. Since Linux 6.5.
        SO_PEERPIDFD = 77,
    }

    consts ["linux/in.h" newer i32] {
        /// Option: the range of local ports that connect(2) and binding to port 0 choose from. Since Linux 6.3.
        IP_LOCAL_PORT_RANGE = 51,
        /// Option of a raw socket: the protocol. Since Linux 6.4.
        IP_PROTOCOL = 52,
    }

    consts ["linux/in.h" i32] {
        /// The level of IPv4's options.
        IPPROTO_IP = 0,
        /// ICMP, the messages of IPv4.
        IPPROTO_ICMP = 1,
        /// IGMP, the membership in multicast groups.
        IPPROTO_IGMP = 2,
        /// IPv4 in IPv4.
        IPPROTO_IPIP = 4,
        /// The level of TCP's options.
        IPPROTO_TCP = 6,
        /// EGP. Obsolete.
        IPPROTO_EGP = 8,
        /// PUP. Obsolete.
        IPPROTO_PUP = 12,
        /// UDP; the level of UDP's options.
        IPPROTO_UDP = 17,
        /// IDP of XNS. Obsolete.
        IPPROTO_IDP = 22,
        /// ISO transport, class 4. Obsolete.
        IPPROTO_TP = 29,
        /// DCCP.
        IPPROTO_DCCP = 33,
        /// The level of IPv6's options.
        IPPROTO_IPV6 = 41,
        /// RSVP.
        IPPROTO_RSVP = 46,
        /// GRE, tunnels.
        IPPROTO_GRE = 47,
        /// ESP of IPsec.
        IPPROTO_ESP = 50,
        /// AH of IPsec.
        IPPROTO_AH = 51,
        /// MTP. Obsolete.
        IPPROTO_MTP = 92,
        /// The pseudo header of IPsec's mode BEET.
        IPPROTO_BEETPH = 94,
        /// Encapsulation.
        IPPROTO_ENCAP = 98,
        /// PIM, multicast routing.
        IPPROTO_PIM = 103,
        /// Compression.
        IPPROTO_COMP = 108,
        /// L2TP, tunnels.
        IPPROTO_L2TP = 115,
        /// SCTP.
        IPPROTO_SCTP = 132,
        /// UDP-Lite.
        IPPROTO_UDPLITE = 136,
        /// MPLS in IP.
        IPPROTO_MPLS = 137,
        /// Ethernet in IPv6.
        IPPROTO_ETHERNET = 143,
        /// Raw packets, with a header made by the program.
        IPPROTO_RAW = 255,
        /// Multipath TCP.
        IPPROTO_MPTCP = 262,
        /// Option: the type of service of sent packets.
        IP_TOS = 1,
        /// Option: the time to live of sent packets.
        IP_TTL = 2,
        /// Option of a raw socket: the program makes the header.
        IP_HDRINCL = 3,
        /// Option: the IP options of sent packets.
        IP_OPTIONS = 4,
        /// Option of a raw socket: receives packets with the router alert.
        IP_ROUTER_ALERT = 5,
        /// Option: each received datagram carries its IP options.
        IP_RECVOPTS = 6,
        /// Option: each received datagram carries its IP options, for a reply.
        IP_RETOPTS = 7,
        /// Option: each received datagram carries its destination address. Ancillary data of a sent datagram:
        /// the source address.
        IP_PKTINFO = 8,
        /// Option of a stream: the ancillary data of the last packet.
        IP_PKTOPTIONS = 9,
        /// Option: the discovery of the path's MTU (`IP_PMTUDISC_*`).
        IP_MTU_DISCOVER = 10,
        /// Option: errors are queued, and read by `MSG_ERRQUEUE`.
        IP_RECVERR = 11,
        /// Option: each received datagram carries its time to live.
        IP_RECVTTL = 12,
        /// Option: each received datagram carries its type of service.
        IP_RECVTOS = 13,
        /// Option of a connected socket: the path's MTU.
        IP_MTU = 14,
        /// Option: permits binding to an address that this machine does not have.
        IP_FREEBIND = 15,
        /// Option: the policy of IPsec.
        IP_IPSEC_POLICY = 16,
        /// Option: the policy of transformations.
        IP_XFRM_POLICY = 17,
        /// Option: each received datagram carries the sender's security context.
        IP_PASSSEC = 18,
        /// Option: permits binding to foreign addresses. Needs `CAP_NET_ADMIN`.
        IP_TRANSPARENT = 19,
        /// Option and ancillary data: the destination address before a redirection.
        IP_ORIGDSTADDR = 20,
        /// Option: drops packets with a smaller time to live.
        IP_MINTTL = 21,
        /// Option: does not reassemble packets.
        IP_NODEFRAG = 22,
        /// Option: each received datagram carries its checksum.
        IP_CHECKSUM = 23,
        /// Option: binding to port 0 leaves the port to connect(2).
        IP_BIND_ADDRESS_NO_PORT = 24,
        /// Option: each reassembled datagram carries the size of its largest fragment.
        IP_RECVFRAGSIZE = 25,
        /// Option: queued errors say where the ICMP extensions are.
        IP_RECVERR_RFC4884 = 26,
        /// `IP_MTU_DISCOVER`: packets may be fragmented.
        IP_PMTUDISC_DONT = 0,
        /// `IP_MTU_DISCOVER`: discovers the MTU; the kernel fragments larger datagrams.
        IP_PMTUDISC_WANT = 1,
        /// `IP_MTU_DISCOVER`: discovers the MTU; larger datagrams fail with `EMSGSIZE`.
        IP_PMTUDISC_DO = 2,
        /// `IP_MTU_DISCOVER`: ignores the path's MTU, and sets "don't fragment".
        IP_PMTUDISC_PROBE = 3,
        /// `IP_MTU_DISCOVER`: uses the interface's MTU; larger datagrams fail with `EMSGSIZE`.
        IP_PMTUDISC_INTERFACE = 4,
        /// `IP_MTU_DISCOVER`: uses the interface's MTU; the kernel fragments larger datagrams.
        IP_PMTUDISC_OMIT = 5,
        /// Option: the interface of sent multicast packets.
        IP_MULTICAST_IF = 32,
        /// Option: the time to live of sent multicast packets.
        IP_MULTICAST_TTL = 33,
        /// Option: whether sent multicast packets come back to this machine.
        IP_MULTICAST_LOOP = 34,
        /// Option: joins a multicast group.
        IP_ADD_MEMBERSHIP = 35,
        /// Option: leaves a multicast group.
        IP_DROP_MEMBERSHIP = 36,
        /// Option: receives from a blocked source of a group again.
        IP_UNBLOCK_SOURCE = 37,
        /// Option: blocks a source of a group.
        IP_BLOCK_SOURCE = 38,
        /// Option: joins a group, for one source.
        IP_ADD_SOURCE_MEMBERSHIP = 39,
        /// Option: leaves a group, for one source.
        IP_DROP_SOURCE_MEMBERSHIP = 40,
        /// Option: the sources of a group.
        IP_MSFILTER = 41,
        /// Option: joins a group of IPv4 or IPv6.
        MCAST_JOIN_GROUP = 42,
        /// Option: blocks a source of a group of IPv4 or IPv6.
        MCAST_BLOCK_SOURCE = 43,
        /// Option: undoes `MCAST_BLOCK_SOURCE`.
        MCAST_UNBLOCK_SOURCE = 44,
        /// Option: leaves a group of IPv4 or IPv6.
        MCAST_LEAVE_GROUP = 45,
        /// Option: joins a group of IPv4 or IPv6, for one source.
        MCAST_JOIN_SOURCE_GROUP = 46,
        /// Option: leaves a group of IPv4 or IPv6, for one source.
        MCAST_LEAVE_SOURCE_GROUP = 47,
        /// Option: the sources of a group of IPv4 or IPv6.
        MCAST_MSFILTER = 48,
        /// Option: receives from all groups that any socket of the machine has joined.
        IP_MULTICAST_ALL = 49,
        /// Option: the interface of sent packets.
        IP_UNICAST_IF = 50,
    }

    consts ["linux/in6.h" i32] {
        /// The header of IPv6 with options for each hop.
        IPPROTO_HOPOPTS = 0,
        /// The routing header of IPv6.
        IPPROTO_ROUTING = 43,
        /// The fragment header of IPv6.
        IPPROTO_FRAGMENT = 44,
        /// ICMPv6, the messages of IPv6.
        IPPROTO_ICMPV6 = 58,
        /// No header follows.
        IPPROTO_NONE = 59,
        /// The header of IPv6 with options for the destination.
        IPPROTO_DSTOPTS = 60,
        /// The mobility header of IPv6.
        IPPROTO_MH = 135,
        /// Option: makes a socket of IPv4 from a socket of IPv6.
        IPV6_ADDRFORM = 1,
        /// Option of RFC 2292, which `IPV6_RECVPKTINFO` replaces.
        IPV6_2292PKTINFO = 2,
        /// Option of RFC 2292, which `IPV6_RECVHOPOPTS` replaces.
        IPV6_2292HOPOPTS = 3,
        /// Option of RFC 2292, which `IPV6_RECVDSTOPTS` replaces.
        IPV6_2292DSTOPTS = 4,
        /// Option of RFC 2292, which `IPV6_RECVRTHDR` replaces.
        IPV6_2292RTHDR = 5,
        /// Option of RFC 2292: the ancillary data of a stream.
        IPV6_2292PKTOPTIONS = 6,
        /// Option of a raw socket: the offset of the checksum.
        IPV6_CHECKSUM = 7,
        /// Option of RFC 2292, which `IPV6_RECVHOPLIMIT` replaces.
        IPV6_2292HOPLIMIT = 8,
        /// Ancillary data: the next hop.
        IPV6_NEXTHOP = 9,
        /// Ancillary data: the authentication header.
        IPV6_AUTHHDR = 10,
        /// Option: each received datagram carries its flow label and traffic class.
        IPV6_FLOWINFO = 11,
        /// Option: the hop limit of sent packets.
        IPV6_UNICAST_HOPS = 16,
        /// Option: the interface of sent multicast packets.
        IPV6_MULTICAST_IF = 17,
        /// Option: the hop limit of sent multicast packets.
        IPV6_MULTICAST_HOPS = 18,
        /// Option: whether sent multicast packets come back to this machine.
        IPV6_MULTICAST_LOOP = 19,
        /// Option: joins a multicast group.
        IPV6_ADD_MEMBERSHIP = 20,
        /// Option: leaves a multicast group.
        IPV6_DROP_MEMBERSHIP = 21,
        /// Option of a raw socket: receives packets with the router alert.
        IPV6_ROUTER_ALERT = 22,
        /// Option: the discovery of the path's MTU (`IPV6_PMTUDISC_*`).
        IPV6_MTU_DISCOVER = 23,
        /// Option of a connected socket: the path's MTU.
        IPV6_MTU = 24,
        /// Option: errors are queued, and read by `MSG_ERRQUEUE`.
        IPV6_RECVERR = 25,
        /// The IPv6 socket does not accept IPv4 traffic.
        IPV6_V6ONLY = 26,
        /// Option: joins an anycast group.
        IPV6_JOIN_ANYCAST = 27,
        /// Option: leaves an anycast group.
        IPV6_LEAVE_ANYCAST = 28,
        /// Option: receives from all groups that any socket of the machine has joined.
        IPV6_MULTICAST_ALL = 29,
        /// Option: router alerts of other network namespaces do not arrive.
        IPV6_ROUTER_ALERT_ISOLATE = 30,
        /// Option: queued errors say where the ICMP extensions are.
        IPV6_RECVERR_RFC4884 = 31,
        /// `IPV6_MTU_DISCOVER`: packets may be fragmented.
        IPV6_PMTUDISC_DONT = 0,
        /// `IPV6_MTU_DISCOVER`: discovers the MTU; the kernel fragments larger datagrams.
        IPV6_PMTUDISC_WANT = 1,
        /// `IPV6_MTU_DISCOVER`: discovers the MTU; larger datagrams fail with `EMSGSIZE`.
        IPV6_PMTUDISC_DO = 2,
        /// `IPV6_MTU_DISCOVER`: ignores the path's MTU.
        IPV6_PMTUDISC_PROBE = 3,
        /// `IPV6_MTU_DISCOVER`: uses the interface's MTU; larger datagrams fail with `EMSGSIZE`.
        IPV6_PMTUDISC_INTERFACE = 4,
        /// `IPV6_MTU_DISCOVER`: uses the interface's MTU; the kernel fragments larger datagrams.
        IPV6_PMTUDISC_OMIT = 5,
        /// Option: manages flow labels.
        IPV6_FLOWLABEL_MGR = 32,
        /// Option: sends the flow label of the destination's address.
        IPV6_FLOWINFO_SEND = 33,
        /// Option: the policy of IPsec.
        IPV6_IPSEC_POLICY = 34,
        /// Option: the policy of transformations.
        IPV6_XFRM_POLICY = 35,
        /// Option of a raw socket: the program makes the header.
        IPV6_HDRINCL = 36,
        /// Option: each received datagram carries its destination address, as `IPV6_PKTINFO`.
        IPV6_RECVPKTINFO = 49,
        /// Ancillary data: the destination address of a received datagram, or the source address of a sent
        /// datagram.
        IPV6_PKTINFO = 50,
        /// Option: each received datagram carries its hop limit, as `IPV6_HOPLIMIT`.
        IPV6_RECVHOPLIMIT = 51,
        /// Ancillary data: the hop limit.
        IPV6_HOPLIMIT = 52,
        /// Option: each received datagram carries its options for each hop.
        IPV6_RECVHOPOPTS = 53,
        /// Ancillary data: the options for each hop.
        IPV6_HOPOPTS = 54,
        /// Ancillary data: the options for the hops of the routing header.
        IPV6_RTHDRDSTOPTS = 55,
        /// Option: each received datagram carries its routing header.
        IPV6_RECVRTHDR = 56,
        /// Ancillary data: the routing header.
        IPV6_RTHDR = 57,
        /// Option: each received datagram carries its options for the destination.
        IPV6_RECVDSTOPTS = 58,
        /// Ancillary data: the options for the destination.
        IPV6_DSTOPTS = 59,
        /// Option: reports a change of the path's MTU, as `IPV6_PATHMTU`.
        IPV6_RECVPATHMTU = 60,
        /// Ancillary data, and option of a connected socket: the path's MTU.
        IPV6_PATHMTU = 61,
        /// Option: does not fragment datagrams.
        IPV6_DONTFRAG = 62,
        /// Option: each received datagram carries its traffic class, as `IPV6_TCLASS`.
        IPV6_RECVTCLASS = 66,
        /// Option and ancillary data: the traffic class.
        IPV6_TCLASS = 67,
        /// Option: the kernel chooses flow labels.
        IPV6_AUTOFLOWLABEL = 70,
        /// Option: which source addresses the kernel prefers (`IPV6_PREFER_SRC_*`).
        IPV6_ADDR_PREFERENCES = 72,
        /// Option: drops packets with a smaller hop limit.
        IPV6_MINHOPCOUNT = 73,
        /// Option and ancillary data: the destination address before a redirection.
        IPV6_ORIGDSTADDR = 74,
        /// Option: permits binding to foreign addresses. Needs `CAP_NET_ADMIN`.
        IPV6_TRANSPARENT = 75,
        /// Option: the interface of sent packets.
        IPV6_UNICAST_IF = 76,
        /// Option: each reassembled datagram carries the size of its largest fragment.
        IPV6_RECVFRAGSIZE = 77,
        /// Option: permits binding to an address that this machine does not have.
        IPV6_FREEBIND = 78,
        /// `IPV6_ADDR_PREFERENCES`: a temporary address.
        IPV6_PREFER_SRC_TMP = 0x1,
        /// `IPV6_ADDR_PREFERENCES`: a public address.
        IPV6_PREFER_SRC_PUBLIC = 0x2,
        /// `IPV6_ADDR_PREFERENCES`: a temporary or public address, as the system is set.
        IPV6_PREFER_SRC_PUBTMP_DEFAULT = 0x100,
        /// `IPV6_ADDR_PREFERENCES`: a care-of address.
        IPV6_PREFER_SRC_COA = 0x4,
        /// `IPV6_ADDR_PREFERENCES`: a home address.
        IPV6_PREFER_SRC_HOME = 0x400,
        /// `IPV6_ADDR_PREFERENCES`: a cryptographically generated address.
        IPV6_PREFER_SRC_CGA = 0x8,
        /// `IPV6_ADDR_PREFERENCES`: no cryptographically generated address.
        IPV6_PREFER_SRC_NONCGA = 0x800,
    }

    consts ["linux/tcp.h" i32] {
        /// Sends small segments at once (disables Nagle's algorithm).
        TCP_NODELAY = 1,
        /// The largest segment, in bytes.
        TCP_MAXSEG = 2,
        /// Holds partial segments back until the option is cleared, for at most 200 ms.
        TCP_CORK = 3,
        /// The seconds without traffic after which `SO_KEEPALIVE` sends its first probe.
        TCP_KEEPIDLE = 4,
        /// The seconds between two probes.
        TCP_KEEPINTVL = 5,
        /// The number of unanswered probes that ends the connection.
        TCP_KEEPCNT = 6,
        /// How often the first segment is sent before connect(2) fails.
        TCP_SYNCNT = 7,
        /// The seconds that a closed connection stays in FIN_WAIT2.
        TCP_LINGER2 = 8,
        /// Wakes the listening program only when data arrives; the value is a time limit in seconds.
        TCP_DEFER_ACCEPT = 9,
        /// The largest window that is advertised, in bytes.
        TCP_WINDOW_CLAMP = 10,
        /// Information about the connection (`struct tcp_info`).
        TCP_INFO = 11,
        /// Acknowledges at once; the kernel may return to delayed acknowledgements.
        TCP_QUICKACK = 12,
        /// The name of the algorithm of congestion control.
        TCP_CONGESTION = 13,
        /// A key for signatures of segments (RFC 2385).
        TCP_MD5SIG = 14,
        /// Retransmits after constant times if few segments are under way.
        TCP_THIN_LINEAR_TIMEOUTS = 16,
        /// Has no effect since Linux 4.15.
        TCP_THIN_DUPACK = 17,
        /// The milliseconds for which sent data may stay unacknowledged; 0 is the default.
        TCP_USER_TIMEOUT = 18,
        /// Freezes the connection, so that it can be moved.
        TCP_REPAIR = 19,
        /// Which queue of a frozen connection is read or written.
        TCP_REPAIR_QUEUE = 20,
        /// The sequence number of that queue.
        TCP_QUEUE_SEQ = 21,
        /// The negotiated options of a frozen connection.
        TCP_REPAIR_OPTIONS = 22,
        /// Of a listening socket: the longest queue of connections that begin with data.
        TCP_FASTOPEN = 23,
        /// The connection's clock.
        TCP_TIMESTAMP = 24,
        /// The number of unsent bytes below which the socket is writable.
        TCP_NOTSENT_LOWAT = 25,
        /// Information about congestion control.
        TCP_CC_INFO = 26,
        /// Of a listening socket: keeps the headers of the first segment.
        TCP_SAVE_SYN = 27,
        /// The headers that `TCP_SAVE_SYN` kept.
        TCP_SAVED_SYN = 28,
        /// The window of a frozen connection.
        TCP_REPAIR_WINDOW = 29,
        /// connect(2) returns at once, and the first write opens the connection.
        TCP_FASTOPEN_CONNECT = 30,
        /// The protocol above TCP: `tls`.
        TCP_ULP = 31,
        /// As `TCP_MD5SIG`, for a range of addresses.
        TCP_MD5SIG_EXT = 32,
        /// The key of `TCP_FASTOPEN`.
        TCP_FASTOPEN_KEY = 33,
        /// `TCP_FASTOPEN` without a cookie.
        TCP_FASTOPEN_NO_COOKIE = 34,
        /// Maps received data into memory.
        TCP_ZEROCOPY_RECEIVE = 35,
        /// Reports the number of unread bytes as ancillary data of recvmsg(2).
        TCP_INQ = 36,
        /// Delays sent segments by that many microseconds.
        TCP_TX_DELAY = 37,
    }

    /// The value of `SO_LINGER`.
    record ["sys/socket.h" "struct linger" Linger] {
        /// Whether lingering is on.
        l_onoff: i32,
        /// Timeout in seconds; 0 makes `close` reset the connection.
        l_linger: i32,
    }

    consts ["sys/socket.h" i32] {
        /// `shutdown` of the receiving direction: reads return EOF.
        SHUT_RD = 0,
        /// `shutdown` of the sending direction: the peer reads EOF (half-close).
        SHUT_WR = 1,
        /// `shutdown` of both directions.
        SHUT_RDWR = 2,
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
        /// A byte out of band.
        MSG_OOB = 0x1,
        /// Receives without removing the data.
        MSG_PEEK = 0x2,
        /// Sends only to a machine of a directly connected network.
        MSG_DONTROUTE = 0x4,
        /// The ancillary data was truncated: its buffer was too small.
        MSG_CTRUNC = 0x8,
        /// Has no effect.
        MSG_PROXY = 0x10,
        /// Received: the datagram was longer than the buffers. Asked for: returns the datagram's whole
        /// length.
        MSG_TRUNC = 0x20,
        /// This call does not wait.
        MSG_DONTWAIT = 0x40,
        /// The end of a record.
        MSG_EOR = 0x80,
        /// Receives until the buffers are full, an error, a signal or EOF.
        MSG_WAITALL = 0x100,
        /// Has no effect.
        MSG_FIN = 0x200,
        /// Has no effect.
        MSG_SYN = 0x400,
        /// The peer has answered: its link address is confirmed.
        MSG_CONFIRM = 0x800,
        /// Has no effect.
        MSG_RST = 0x1000,
        /// Receives a queued error (`IP_RECVERR`).
        MSG_ERRQUEUE = 0x2000,
        /// If the peer has closed, the call fails with `EPIPE`, and raises no SIGPIPE.
        MSG_NOSIGNAL = 0x4000,
        /// More data will follow: the kernel may wait for it.
        MSG_MORE = 0x8000,
        /// recvmmsg(2): waits for the first message only.
        MSG_WAITFORONE = 0x10000,
        /// sendmmsg(2): more messages will follow.
        MSG_BATCH = 0x40000,
        /// Sends without copying; a notification arrives in the error queue.
        MSG_ZEROCOPY = 0x4000000,
        /// Connects, and sends data in the first segment.
        MSG_FASTOPEN = 0x20000000,
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

    consts ["sys/socket.h" i32] {
        /// The level of the options of raw IPv4 sockets.
        SOL_RAW = 255,
        /// The level of DECnet's options.
        SOL_DECNET = 261,
        /// The level of X.25's options.
        SOL_X25 = 262,
        /// The level of the options of `AF_PACKET`.
        SOL_PACKET = 263,
        /// The level of ATM's options.
        SOL_ATM = 264,
        /// The level of the options of ATM's adaptation layer.
        SOL_AAL = 265,
        /// The level of the options of `AF_IRDA`.
        SOL_IRDA = 266,
        /// Reserved.
        SOL_NETBEUI = 267,
        /// The level of the options of `AF_LLC`.
        SOL_LLC = 268,
        /// The level of DCCP's options.
        SOL_DCCP = 269,
        /// The level of the options of `AF_NETLINK`.
        SOL_NETLINK = 270,
        /// The level of TIPC's options.
        SOL_TIPC = 271,
        /// The level of RxRPC's options.
        SOL_RXRPC = 272,
        /// The level of the options of PPP over L2TP.
        SOL_PPPOL2TP = 273,
        /// The level of Bluetooth's options.
        SOL_BLUETOOTH = 274,
        /// The level of the options of Phonet's pipes.
        SOL_PNPIPE = 275,
        /// The level of the options of `AF_RDS`.
        SOL_RDS = 276,
        /// The level of the options of `AF_IUCV`.
        SOL_IUCV = 277,
        /// The level of the options of `AF_CAIF`.
        SOL_CAIF = 278,
        /// The level of the options of `AF_ALG`.
        SOL_ALG = 279,
        /// The level of the options of `AF_NFC`.
        SOL_NFC = 280,
        /// The level of the options of `AF_KCM`.
        SOL_KCM = 281,
        /// The level of the options of TLS in the kernel.
        SOL_TLS = 282,
        /// The level of the options of `AF_XDP`.
        SOL_XDP = 283,
        /// The longest queue of a listening socket, as the kernel is built.
        SOMAXCONN = 4096,
    }

    /// The value of `IP_ADD_MEMBERSHIP` and `IP_DROP_MEMBERSHIP`.
    record ["linux/in.h" "struct ip_mreq" IpMreq] {
        /// The group.
        imr_multiaddr: [u8; 4],
        /// The address of an interface of this machine; 0 lets the kernel choose.
        imr_interface: [u8; 4],
    }

    /// The value of `IP_ADD_MEMBERSHIP` and `IP_MULTICAST_IF`, with the interface's number.
    record ["linux/in.h" "struct ip_mreqn" IpMreqn] {
        /// The group.
        imr_multiaddr: [u8; 4],
        /// The address of an interface of this machine; 0 lets the kernel choose.
        imr_address: [u8; 4],
        /// The interface's number, from 1; 0 lets the kernel choose.
        imr_ifindex: i32,
    }

    /// The value of `IPV6_ADD_MEMBERSHIP` and `IPV6_DROP_MEMBERSHIP`.
    record ["linux/in6.h" "struct ipv6_mreq" Ipv6Mreq] {
        /// The group.
        ipv6mr_multiaddr: [u8; 16],
        /// The interface's number, from 1; 0 lets the kernel choose.
        ipv6mr_ifindex: i32,
    }

    consts ["linux/udp.h" i32] {
        /// Collects the data of all calls into one datagram, until the option is cleared.
        UDP_CORK = 1,
        /// The socket carries encapsulated packets.
        UDP_ENCAP = 100,
        /// Sends datagrams over IPv6 without a checksum.
        UDP_NO_CHECK6_TX = 101,
        /// Accepts datagrams over IPv6 without a checksum.
        UDP_NO_CHECK6_RX = 102,
        /// The kernel cuts what is sent into datagrams of that many bytes.
        UDP_SEGMENT = 103,
        /// Datagrams of one sender may arrive together; ancillary data gives the length of each.
        UDP_GRO = 104,
    }

    /// The value of `SO_PEERCRED`, and ancillary data of type `SCM_CREDENTIALS`.
    record ["sys/socket.h" "struct ucred" Ucred] {
        /// The process id.
        pid: i32,
        /// The user id.
        uid: u32,
        /// The group id.
        gid: u32,
    }
}

/// Ancillary data: a pidfd of the sender (`SO_PASSPIDFD`, Linux 6.5). No UAPI header defines this number; the
/// kernel's `include/linux/socket.h` does.
pub const SCM_PIDFD: i32 = 4;
