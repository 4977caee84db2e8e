//! The starts of processes, as the kernel tells of them: whoever writes to a file was started before.
//!
//! Nothing is held up: the kernel's process connector sends a message for each fork and exec, and the command line of a
//! new program is read at once. It needs root in the first network and process namespaces (`CAP_NET_ADMIN`).
//!
//! Source: `cn_proc.h` and `connector.h` of the kernel; drivers/connector/cn_proc.c.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard};

use rustix::net::netlink::{CONNECTOR, SocketAddrNetlink};
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_recv_buffer_size_force};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send, socket_with,
};

use super::Process;

/// How many processes are remembered.
const REMEMBERED_MAX: usize = 8_192;
/// How much the kernel may hold back for us, in bytes.
const BUFFER_BYTES: usize = 4 << 20;
/// How many copies of copies are followed.
const COPIES_MAX: usize = 8;

/// `CN_IDX_PROC` and `CN_VAL_PROC`.
const INDEX: u32 = 1;
const VALUE: u32 = 1;
/// `PROC_CN_MCAST_LISTEN`
const LISTEN: u32 = 1;
/// `NLMSG_DONE`
const DONE: u16 = 3;
/// `nlmsghdr` and `cn_msg`.
const HEADERS: usize = 16 + 20;
/// `PROC_EVENT_FORK` and `PROC_EVENT_EXEC`
const FORK: u32 = 1;
const EXEC: u32 = 2;

/// How a process came to be what it is.
#[derive(Debug, Clone)]
enum Known {
    /// A copy of another one; no program of its own yet.
    Copy { of: i32 },
    /// A program that was seen at its start.
    Program(Box<Process>),
    /// A program that had ended before it could be looked at, and what the process was before.
    Missed { before: Option<Box<Process>> },
}

#[derive(Debug, Default)]
struct Table {
    known: HashMap<i32, Known>,
    order: VecDeque<i32>,
}

impl Table {
    fn insert(&mut self, pid: i32, known: Known) {
        if self.known.insert(pid, known).is_none() {
            self.order.push_back(pid);
            if self.order.len() > REMEMBERED_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.known.remove(&oldest);
            }
        }
    }

    /// The program that a process runs: its own, or that of the one it is a copy of.
    fn find(&self, pid: i32) -> Option<(Process, Met)> {
        let mut at = pid;
        for _ in 0..COPIES_MAX {
            let (process, met) = match self.known.get(&at)? {
                Known::Program(process) => (process, Met::AtItsStart),
                Known::Missed { before } => (before.as_ref()?, Met::BeforeItsStart),
                Known::Copy { of } => {
                    at = *of;
                    continue;
                }
            };
            return Some((Process { pid, ..(**process).clone() }, met));
        }
        None
    }

    /// The program that a process ran until now, if it was seen.
    fn before(&self, pid: i32) -> Option<Box<Process>> {
        self.find(pid).map(|(process, _)| Box::new(process))
    }
}

/// When a process was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met {
    /// Now: it lives.
    Alive,
    /// When it, or the one that it is a copy of, was started.
    AtItsStart,
    /// As another program: what it was at last had ended before it could be looked at.
    BeforeItsStart,
}

/// The processes that were started since somebody listens.
#[derive(Debug)]
pub struct Starts {
    heard: Arc<Heard>,
    /// The listener ends when this does.
    _stop: OwnedFd,
}

impl Starts {
    /// Begins to listen, in a thread of its own that ends with the value.
    ///
    /// # Errors
    /// What the kernel said: no permission, or not built with it.
    pub fn listen() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, Some(CONNECTOR))?;
        let _smaller_then = set_socket_recv_buffer_size_force(&socket, BUFFER_BYTES)
            .or_else(|_| set_socket_recv_buffer_size(&socket, BUFFER_BYTES));
        bind(&socket, &SocketAddrNetlink::new(0, INDEX))?;
        send(&socket, &listen(), SendFlags::empty())?;
        let (stopped, stop) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
        let heard = Arc::new(Heard { socket, table: Mutex::new(Table::default()) });
        let shared = Arc::clone(&heard);
        std::thread::Builder::new().name("starts".to_owned()).spawn(move || {
            crate::sys::first_in_line();
            shared.follow(&stopped);
        })?;
        Ok(Self { heard, _stop: stop })
    }

    /// The process with this number: as it is now where it lives, as it was at its start where it has ended.
    #[must_use]
    pub fn find(&self, pid: i32) -> Option<(Process, Met)> {
        let alive = Process::look(pid);
        // The kernel told of its start before it did anything; that may still wait to be read.
        let mut table = self.heard.table();
        let _goes_on_without = self.heard.drain(&mut table);
        match (alive, table.find(pid)) {
            (Some(alive), Some((whole, Met::AtItsStart))) if alive.is_cut_of(&whole) => {
                Some((whole, Met::AtItsStart))
            }
            // A living one tells best: it may be another program since.
            (Some(alive), _) => Some((alive, Met::Alive)),
            (None, known) => known,
        }
    }
}

/// What the kernel told, and where it tells more.
#[derive(Debug)]
struct Heard {
    socket: OwnedFd,
    table: Mutex<Table>,
}

impl Heard {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().expect("no listener panics")
    }

    /// Reads all that waits; who reads holds the table, so that messages are taken in their order.
    fn drain(&self, table: &mut Table) -> rustix::io::Result<()> {
        let mut buffer = [0_u8; 8 << 10];
        loop {
            match recv(&self.socket, &mut buffer[..], RecvFlags::DONTWAIT) {
                Ok((length, _)) => messages(&buffer[..length], table),
                Err(rustix::io::Errno::AGAIN) => return Ok(()),
                // The kernel dropped some: those processes are not known.
                Err(rustix::io::Errno::NOBUFS | rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn follow(&self, stopped: &OwnedFd) {
        while super::comes(self.socket.as_fd(), stopped.as_fd()) {
            if self.drain(&mut self.table()).is_err() {
                return;
            }
        }
    }
}

/// The message that begins the listening.
fn listen() -> Vec<u8> {
    let mut message = Vec::with_capacity(HEADERS + 4);
    let length = u32::try_from(HEADERS + 4).expect("a constant");
    message.extend_from_slice(&length.to_ne_bytes());
    message.extend_from_slice(&DONE.to_ne_bytes());
    message.extend_from_slice(&[0; 10]);
    for word in [INDEX, VALUE, 0, 0] {
        message.extend_from_slice(&word.to_ne_bytes());
    }
    message.extend_from_slice(&4_u16.to_ne_bytes());
    message.extend_from_slice(&0_u16.to_ne_bytes());
    message.extend_from_slice(&LISTEN.to_ne_bytes());
    message
}

fn messages(mut bytes: &[u8], table: &mut Table) {
    while let Some(length) = word(bytes, 0).and_then(|length| usize::try_from(length).ok()) {
        let Some(message) = bytes.get(..length).filter(|message| message.len() >= HEADERS) else { return };
        if let Some(event) = message.get(HEADERS..) {
            match (word(event, 0), number(event, 16), number(event, 20)) {
                // Parent and its group, child and its group: a new thread is no new process.
                (Some(FORK), Some(_), Some(parent)) => {
                    if let (Some(child), Some(group)) = (number(event, 24), number(event, 28))
                        && child == group
                    {
                        table.insert(child, Known::Copy { of: parent });
                    }
                }
                (Some(EXEC), Some(_), Some(group)) => {
                    let known = match Process::look(group) {
                        Some(process) => Known::Program(Box::new(process)),
                        None => Known::Missed { before: table.before(group) },
                    };
                    table.insert(group, known);
                }
                _ => {}
            }
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn number(bytes: &[u8], at: usize) -> Option<i32> {
    i32::try_from(word(bytes, at)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(what: u32, words: &[u32]) -> Vec<u8> {
        let mut message = listen();
        message.truncate(HEADERS);
        for word in [what, 0, 0, 0].iter().chain(words) {
            message.extend_from_slice(&word.to_ne_bytes());
        }
        let length = u32::try_from(message.len()).unwrap();
        message[..4].copy_from_slice(&length.to_ne_bytes());
        message
    }

    #[test]
    fn copy_of_a_process_is_known_by_the_program_that_it_is_a_copy_of() {
        let me = std::process::id();
        let mut table = Table::default();
        messages(&message(EXEC, &[me, me]), &mut table);
        messages(&message(FORK, &[me, me, 4_000_001, 4_000_001]), &mut table);
        messages(&message(FORK, &[me, me, 4_000_002, me]), &mut table);
        let words = Process::look(i32::try_from(me).unwrap()).unwrap().words;
        let (copy, met) = table.find(4_000_001).unwrap();
        assert_eq!(met, Met::AtItsStart);
        assert_eq!((copy.pid, copy.words), (4_000_001, words));
        assert!(table.find(4_000_002).is_none(), "a thread is no process");
    }

    #[test]
    fn messages_cut_short_tell_nothing() {
        let mut table = Table::default();
        let whole = message(EXEC, &[1, 1]);
        for length in 0..whole.len() {
            messages(&whole[..length], &mut table);
        }
        assert!(table.known.is_empty());
    }

    #[test]
    fn only_so_many_are_remembered() {
        let mut table = Table::default();
        for pid in 0..20_000 {
            table.insert(pid, Known::Missed { before: None });
        }
        assert_eq!((table.known.len(), table.order.len()), (REMEMBERED_MAX, REMEMBERED_MAX));
    }
}
