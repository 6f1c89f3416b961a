//! Network namespaces for tests (network_namespaces(7)): a thread has its own interfaces, addresses and ports. The
//! namespaces are created by rtnetlink(7), and vanish with their last thread and socket.

use std::fs::File;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};

use libtest_mimic::Completion;
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, netdevice, recv, send, socket};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};

use crate::skip;

/// A network namespace, which threads can enter.
pub struct Network(File);

impl Network {
    /// Creates a network that has only a loopback interface. The calling thread enters it; threads and processes that
    /// this thread starts later are also in it.
    pub fn new() -> Result<Self, Completion> {
        // SAFETY: `unshare` is unsafe because unsharing descriptors can invalidate them. NEWNET only changes the
        // thread's network: memory and descriptors stay shared.
        match unsafe { unshare_unsafe(UnshareFlags::NEWNET) } {
            Ok(()) => {}
            Err(Errno::PERM | Errno::NOSYS | Errno::INVAL) => {
                return Err(Completion::ignored_with(skip::NETWORKS));
            }
            Err(error) => panic!("{error}"),
        }
        set_up("lo");
        Ok(Self(File::open("/proc/thread-self/ns/net").unwrap()))
    }

    /// Moves the calling thread into this network.
    pub fn enter(&self) {
        let kind = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(self.0.as_fd(), kind).unwrap();
    }

    /// Connects the calling thread's network with this network by a cable: a new interface in each network, with an
    /// address and a prefix of `bits` bits. The thread stays in its network.
    pub fn join(&self, here: (&str, IpAddr), there: (&str, IpAddr), bits: u8) {
        let was = Self(File::open("/proc/thread-self/ns/net").unwrap());
        request(
            NEW_LINK,
            CREATE,
            &pair_of_interfaces(here.0, there.0, &self.0),
        );
        set_up(here.0);
        add_address(here.0, here.1, bits);
        self.enter();
        set_up(there.0);
        add_address(there.0, there.1, bits);
        was.enter();
    }
}

// Constants of rtnetlink(7), linux/rtnetlink.h, linux/if_link.h and linux/if_addr.h.
const NEW_LINK: u16 = 16;
const NEW_ADDRESS: u16 = 20;
const DELETE_ADDRESS: u16 = 21;
const REQUEST: u16 = 1;
const ACK: u16 = 4;
const CREATE: u16 = 0x600;
const IFF_UP: u32 = 1;

/// An attribute of a message: its kind and its bytes.
fn attribute(kind: u16, bytes: &[u8]) -> Vec<u8> {
    let length = 4 + bytes.len() as u16;
    let mut attribute = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    attribute.extend(bytes);
    attribute.resize(attribute.len().next_multiple_of(4), 0);
    attribute
}

/// The start of a message about an interface: its number, and the flags to change.
fn interface(number: u32, flags: u32) -> Vec<u8> {
    [0, number, flags, flags].map(u32::to_ne_bytes).concat()
}

/// The request for two connected interfaces, the second in another network (veth(4)).
fn pair_of_interfaces(here: &str, there: &str, network: &File) -> Vec<u8> {
    use std::os::fd::AsRawFd;
    const NAME: u16 = 3;
    const KIND: u16 = 18;
    const NETWORK: u16 = 28;
    let network = network.as_raw_fd().to_ne_bytes();
    let peer = [
        interface(0, 0),
        attribute(NAME, there.as_bytes()),
        attribute(NETWORK, &network),
    ];
    let data = attribute(2, &attribute(1, &peer.concat()));
    let kind = [attribute(1, b"veth"), data];
    [
        interface(0, 0),
        attribute(NAME, here.as_bytes()),
        attribute(KIND, &kind.concat()),
    ]
    .concat()
}

/// The number of an interface in the calling thread's network.
pub fn number(interface: &str) -> u32 {
    let any = socket(AddressFamily::INET, SocketType::DGRAM, None).unwrap();
    netdevice::name_to_index(any, interface).unwrap()
}

fn set_up(name: &str) {
    request(NEW_LINK, 0, &interface(number(name), IFF_UP));
}

/// The message about an address of an interface.
fn address(interface: &str, address: IpAddr, bits: u8) -> Vec<u8> {
    /// The address is usable at once, without duplicate address detection.
    const NO_DETECTION: u8 = 2;
    const ADDRESS: u16 = 1;
    const LOCAL: u16 = 2;
    let (family, bytes) = match address {
        IpAddr::V4(four) => (2, four.octets().to_vec()),
        IpAddr::V6(six) => (10, six.octets().to_vec()),
    };
    let mut message = vec![family, bits, NO_DETECTION, 0];
    message.extend(number(interface).to_ne_bytes());
    message.extend(attribute(LOCAL, &bytes));
    message.extend(attribute(ADDRESS, &bytes));
    message
}

/// Adds an address to an interface of the calling thread's network.
pub fn add_address(interface: &str, ip: IpAddr, bits: u8) {
    request(NEW_ADDRESS, CREATE, &address(interface, ip, bits));
}

/// Removes an address from an interface of the calling thread's network.
pub fn remove_address(interface: &str, ip: IpAddr, bits: u8) {
    request(DELETE_ADDRESS, 0, &address(interface, ip, bits));
}

/// Sends a request about the calling thread's network, and checks that the kernel accepts it.
fn request(kind: u16, flags: u16, body: &[u8]) {
    let kernel: OwnedFd = socket(AddressFamily::NETLINK, SocketType::RAW, None).unwrap();
    let mut message = (16 + body.len() as u32).to_ne_bytes().to_vec();
    message.extend([kind, flags | REQUEST | ACK].map(u16::to_ne_bytes).concat());
    message.extend([0; 8]);
    message.extend(body);
    send(&kernel, &message, SendFlags::empty()).unwrap();
    let mut reply = [0; 4096];
    recv(&kernel, &mut reply[..], RecvFlags::empty()).unwrap();
    let error = i32::from_ne_bytes(reply[16..20].try_into().unwrap());
    assert_eq!(error, 0, "request {kind}: the kernel's negative errno");
}
