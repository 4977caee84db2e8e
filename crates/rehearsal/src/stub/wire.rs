//! What parent and stubs say to each other: one JSON document a packet, descriptors beside it.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::Interest;
use tokio::net::UnixStream;

use super::{Behaviour, Seen, StubId, StubKind};

/// What the parent asks. Every question gets the answer with its number.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Command {
    pub(crate) number: u64,
    pub(crate) order: Order,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Order {
    /// Serve the descriptor that lies beside.
    Serve {
        stub: StubId,
        name: String,
        kind: StubKind,
    },
    Close {
        stub: StubId,
    },
    Behave {
        stub: StubId,
        behaviour: Behaviour,
    },
    Seen,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Reply {
    pub(crate) number: u64,
    pub(crate) says: Says,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Says {
    Done,
    Refused {
        what: String,
    },
    /// One of what `Order::Seen` asked for; `Done` follows the last.
    Seen(Box<Seen>),
}

/// The longest packet; smaller than what the kernel buffers for a socket by default.
pub(crate) const PACKET_BYTES_MAX: usize = 160 << 10;

/// One end of the conversation.
#[derive(Debug)]
pub(crate) struct Wire {
    /// It is a seqpacket socket, which the runtime waits for like for any other; its bytes go through `sendmsg` alone.
    socket: UnixStream,
}

impl Wire {
    /// Takes a non-blocking seqpacket socket.
    pub(crate) fn new(socket: OwnedFd) -> io::Result<Wire> {
        Ok(Wire { socket: UnixStream::from_std(socket.into())? })
    }

    /// Sends one packet, with at most one descriptor.
    pub(crate) async fn send(&self, packet: &impl Serialize, descriptor: Option<&OwnedFd>) -> io::Result<()> {
        let bytes = serde_json::to_vec(packet)?;
        if bytes.len() > PACKET_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the packet is too long"));
        }
        self.socket.async_io(Interest::WRITABLE, || send(&self.socket, &bytes, descriptor)).await
    }

    /// Receives one packet; `None` when the other end is gone.
    pub(crate) async fn receive<T: DeserializeOwned>(&self) -> io::Result<Option<(T, Option<OwnedFd>)>> {
        let mut bytes = vec![0; PACKET_BYTES_MAX];
        let (length, descriptor) =
            self.socket.async_io(Interest::READABLE, || receive(&self.socket, &mut bytes)).await?;
        if length == 0 {
            return Ok(None);
        }
        Ok(Some((serde_json::from_slice(&bytes[..length])?, descriptor)))
    }
}

fn send(socket: &impl AsFd, bytes: &[u8], descriptor: Option<&OwnedFd>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    let descriptors = descriptor.map(|descriptor| [descriptor.as_fd()]);
    if let Some(descriptors) = &descriptors {
        let fits = beside.push(SendAncillaryMessage::ScmRights(descriptors));
        assert!(fits, "there is space for one descriptor");
    }
    sendmsg(socket, &[IoSlice::new(bytes)], &mut beside, SendFlags::NOSIGNAL)?;
    Ok(())
}

fn receive(socket: &impl AsFd, bytes: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let received = match recvmsg(socket, &mut [IoSliceMut::new(bytes)], &mut beside, RecvFlags::CMSG_CLOEXEC)
    {
        // A parent that was killed with packets unread.
        Err(rustix::io::Errno::CONNRESET) => return Ok((0, None)),
        received => received?,
    };
    if received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the packet was cut off"));
    }
    let descriptors = beside.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    Ok((received.bytes, descriptors.last()))
}
