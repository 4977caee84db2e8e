//! Orders to the kernel's routing socket, as bytes: one batch, one answer for each.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};

/// Loopback has this number in every network namespace (`LOOPBACK_IFINDEX`).
pub(crate) const LOOPBACK: u32 = 1;

/// Orders that are sent together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    orders: u32,
}

/// A message or an attribute that is still being written: where its length stands.
struct Open(usize);

impl Batch {
    /// Sets a device up.
    pub(crate) fn up(&mut self, device: u32) {
        let message = self.begin(libc::RTM_NEWLINK, 0);
        self.link(device, libc::IFF_UP);
        self.end(message);
    }

    /// Makes two devices that are the ends of one cable, still down, without ARP and with the same hardware address:
    /// nothing is ever looked for, packets flow at once. The second one lies in another namespace.
    pub(crate) fn cable(&mut self, here: (&str, u32), there: (&str, u32), namespace: RawFd) {
        const VETH_INFO_PEER: u16 = 1;
        let flags = libc::IFF_NOARP;
        let message = self.begin(libc::RTM_NEWLINK, libc::NLM_F_CREATE | libc::NLM_F_EXCL);
        self.link(here.1, flags);
        self.name(here.0);
        let info = self.open(libc::IFLA_LINKINFO);
        self.attribute(libc::IFLA_INFO_KIND, b"veth");
        let data = self.open(libc::IFLA_INFO_DATA);
        let peer = self.open(VETH_INFO_PEER);
        self.link(there.1, flags);
        self.name(there.0);
        self.attribute(libc::IFLA_NET_NS_FD, &namespace.to_ne_bytes());
        self.close(peer);
        self.close(data);
        self.close(info);
        self.end(message);
    }

    /// Makes a switch: what is plugged into it can speak with everything else that is.
    pub(crate) fn switch(&mut self, (name, device): (&str, u32)) {
        let message = self.begin(libc::RTM_NEWLINK, libc::NLM_F_CREATE | libc::NLM_F_EXCL);
        self.link(device, libc::IFF_UP);
        self.attribute(libc::IFLA_IFNAME, &[name.as_bytes(), &[0]].concat());
        let info = self.open(libc::IFLA_LINKINFO);
        self.attribute(libc::IFLA_INFO_KIND, b"bridge");
        self.close(info);
        self.end(message);
    }

    /// Makes a cable from a switch into another namespace; both ends are up afterwards but the far one.
    pub(crate) fn plug(&mut self, switch: u32, here: (&str, u32), there: (&str, u32, [u8; 6]), into: RawFd) {
        const VETH_INFO_PEER: u16 = 1;
        let message = self.begin(libc::RTM_NEWLINK, libc::NLM_F_CREATE | libc::NLM_F_EXCL);
        self.link(here.1, libc::IFF_UP);
        self.attribute(libc::IFLA_IFNAME, &[here.0.as_bytes(), &[0]].concat());
        self.attribute(libc::IFLA_MASTER, &switch.to_ne_bytes());
        let info = self.open(libc::IFLA_LINKINFO);
        self.attribute(libc::IFLA_INFO_KIND, b"veth");
        let data = self.open(libc::IFLA_INFO_DATA);
        let peer = self.open(VETH_INFO_PEER);
        self.link(there.1, 0);
        self.attribute(libc::IFLA_IFNAME, &[there.0.as_bytes(), &[0]].concat());
        self.attribute(libc::IFLA_ADDRESS, &there.2);
        self.attribute(libc::IFLA_NET_NS_FD, &into.to_ne_bytes());
        self.close(peer);
        self.close(data);
        self.close(info);
        self.end(message);
    }

    /// Gives a device an address of its own, without looking for others that have it.
    pub(crate) fn address(&mut self, device: u32, address: IpAddr) {
        self.address_within(device, address, bits(address));
    }

    /// The same, with neighbours: everybody whose first `prefix` bits are the same is reached directly.
    pub(crate) fn address_within(&mut self, device: u32, address: IpAddr, prefix: u8) {
        let message = self.begin(libc::RTM_NEWADDR, libc::NLM_F_CREATE | libc::NLM_F_REPLACE);
        let flags = u8::try_from(libc::IFA_F_NODAD).expect("a small constant");
        self.bytes.extend([family(address), prefix, flags, libc::RT_SCOPE_UNIVERSE]);
        self.bytes.extend(device.to_ne_bytes());
        self.attribute(libc::IFA_LOCAL, &octets(address));
        self.attribute(libc::IFA_ADDRESS, &octets(address));
        self.end(message);
    }

    /// Sends everything that no narrower route takes through a device; `kind` is `RTN_LOCAL` or `RTN_UNICAST`.
    pub(crate) fn everything(&mut self, any: IpAddr, device: u32, table: u8, kind: u8) {
        self.route(any, 0, device, table, kind);
    }

    /// Sends one address through a device, in the table that the kernel asks first.
    pub(crate) fn one(&mut self, address: IpAddr, device: u32) {
        self.route(address, bits(address), device, libc::RT_TABLE_LOCAL, libc::RTN_UNICAST);
    }

    fn route(&mut self, to: IpAddr, bits: u8, device: u32, table: u8, kind: u8) {
        let scope = match kind {
            libc::RTN_LOCAL => libc::RT_SCOPE_HOST,
            _ => libc::RT_SCOPE_LINK,
        };
        let message = self.begin(libc::RTM_NEWROUTE, libc::NLM_F_CREATE | libc::NLM_F_REPLACE);
        self.bytes.extend([family(to), bits, 0, 0, table, libc::RTPROT_STATIC, scope, kind]);
        self.bytes.extend(0_u32.to_ne_bytes());
        if bits > 0 {
            self.attribute(libc::RTA_DST, &octets(to));
        }
        self.attribute(libc::RTA_OIF, &device.to_ne_bytes());
        self.end(message);
    }

    /// Sends the orders and waits for every answer.
    pub(crate) fn send(self, to: &OwnedFd) -> io::Result<()> {
        let socket = to.as_raw_fd();
        sendto(socket, &self.bytes, &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
        let mut answer = vec![0; 32 << 10];
        let mut answered = 0;
        while answered < self.orders {
            let length = recv(socket, &mut answer, MsgFlags::empty())?;
            let mut rest = &answer[..length];
            while let Some((size, kind, error)) = header(rest) {
                if kind == i32::from(u16::try_from(libc::NLMSG_ERROR).expect("a small constant")) {
                    answered += 1;
                    if error != 0 {
                        return Err(io::Error::from_raw_os_error(-error));
                    }
                }
                rest = rest.get(size.next_multiple_of(4)..).unwrap_or_default();
            }
        }
        Ok(())
    }

    fn begin(&mut self, kind: u16, flags: libc::c_int) -> Open {
        let at = Open(self.bytes.len());
        self.orders += 1;
        let flags = flags | libc::NLM_F_REQUEST | libc::NLM_F_ACK;
        self.bytes.extend(0_u32.to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(u16::try_from(flags).expect("flags fit 16 bits").to_ne_bytes());
        self.bytes.extend(self.orders.to_ne_bytes());
        self.bytes.extend(0_u32.to_ne_bytes());
        at
    }

    fn end(&mut self, message: Open) {
        let length = u32::try_from(self.bytes.len() - message.0).expect("orders are short");
        self.bytes[message.0..message.0 + 4].copy_from_slice(&length.to_ne_bytes());
    }

    /// Writes the fixed part of an order about a device.
    fn link(&mut self, device: u32, flags: libc::c_int) {
        self.bytes.extend([0, 0, 0, 0]);
        self.bytes.extend(device.to_ne_bytes());
        self.bytes.extend(flags.to_ne_bytes());
        self.bytes.extend(flags.to_ne_bytes());
    }

    fn name(&mut self, name: &str) {
        self.attribute(libc::IFLA_IFNAME, &[name.as_bytes(), &[0]].concat());
        self.attribute(libc::IFLA_ADDRESS, &[2, 0, 0, 0, 0, 1]);
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        let attribute = self.open(kind);
        self.bytes.extend(value);
        self.close(attribute);
    }

    fn open(&mut self, kind: u16) -> Open {
        let at = Open(self.bytes.len());
        self.bytes.extend(0_u16.to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        at
    }

    fn close(&mut self, attribute: Open) {
        let length = u16::try_from(self.bytes.len() - attribute.0).expect("attributes are short");
        self.bytes[attribute.0..attribute.0 + 2].copy_from_slice(&length.to_ne_bytes());
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

/// Opens a routing socket into the namespace that this process is in now.
pub(crate) fn open() -> io::Result<OwnedFd> {
    let protocol = SockProtocol::NetlinkRoute;
    Ok(socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?)
}

/// Reads the header of an answer: its length, its kind, and the error number if it is one.
fn header(bytes: &[u8]) -> Option<(usize, i32, i32)> {
    let length = u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?);
    let kind = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
    let error = i32::from_ne_bytes(bytes.get(16..20)?.try_into().ok()?);
    Some((usize::try_from(length).ok()?, i32::from(kind), error))
}

fn family(address: IpAddr) -> u8 {
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    u8::try_from(family).expect("a small constant")
}

fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}
