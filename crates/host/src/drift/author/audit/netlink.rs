//! How the kernel's audit is spoken to: what it is set to, its rules, and the group in which it tells its records to all
//! who may read them.
//!
//! Nothing here makes this program the audit daemon: there is one, and it is not us.
//!
//! Source: `audit_receive_msg`, `audit_multicast_bind`, kernel/audit.c; `audit_data_to_entry`, kernel/auditfilter.c of Linux
//! 6.18; uapi/linux/audit.h.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::net::netlink::{AUDIT, SocketAddrNetlink};
use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_recv_buffer_size_force};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, recv, send, socket_with,
};

use super::KEY;

/// How much the kernel may hold back for us, in bytes; what is more is lost to us, and to nobody else.
const BUFFER_BYTES: usize = 4 << 20;
/// The longest message: a record is at most 8970 bytes (`MAX_AUDIT_MESSAGE_LENGTH`), a rule may name long paths.
pub(super) const MESSAGE_BYTES_MAX: usize = 16 << 10;
/// How long the kernel may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The group of those who read the log (`AUDIT_NLGRP_READLOG`), as a bit.
const READERS: u32 = 1;
/// `nlmsghdr`
const HEADER: usize = 16;
/// `NLMSG_ERROR`, also with the error zero; `NLMSG_DONE`.
const ANSWERED: u16 = 2;
const DONE: u16 = 3;
/// `NLM_F_REQUEST | NLM_F_ACK`
const WITH_ANSWER: u16 = 1 | 4;

/// `AUDIT_GET`, `AUDIT_SET`, `AUDIT_ADD_RULE`, `AUDIT_DEL_RULE`, `AUDIT_LIST_RULES`
const GET: u16 = 1000;
const SET: u16 = 1001;
const ADD_RULE: u16 = 1011;
const DEL_RULE: u16 = 1012;
const LIST_RULES: u16 = 1013;
/// `AUDIT_STATUS_ENABLED`
const SET_ENABLED: u32 = 1;

/// `audit_rule_data`: flags, action, how many fields, the mask of system calls, fields, values, operators, length of texts.
const MASK: usize = 12;
const FIELDS_MAX: usize = 64;
const FIELDS: usize = MASK + 64 * 4;
const VALUES: usize = FIELDS + FIELDS_MAX * 4;
const OPERATORS: usize = VALUES + FIELDS_MAX * 4;
const LENGTH: usize = OPERATORS + FIELDS_MAX * 4;
const RULE: usize = LENGTH + 4;
/// `AUDIT_FILTER_TASK`, `AUDIT_FILTER_EXIT`, `AUDIT_NEVER`, `AUDIT_ALWAYS`, `AUDIT_EQUAL`
const WHEN_STARTED: u32 = 1;
const AT_EXIT: u32 = 4;
const NEVER: u32 = 0;
const ALWAYS: u32 = 2;
const EQUAL: u32 = 0x4000_0000;
/// `AUDIT_PERM` with write and change of attributes, `AUDIT_DIR`, `AUDIT_FILTERKEY`; fields whose value is a text follow.
const PERMISSION: u32 = 106;
const CHANGES: u32 = 2 | 8;
const DIRECTORY: u32 = 107;
const FILTER_KEY: u32 = 210;
/// Other fields with a text: `AUDIT_WATCH`, `AUDIT_EXE`, `AUDIT_SUBJ_USER` to `AUDIT_SUBJ_CLR`, `AUDIT_OBJ_USER` to
/// `AUDIT_OBJ_LEV_HIGH`.
const TEXTS: &[u32] = &[13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 105, 112];

/// What the audit is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    /// 0: it writes nothing. 1: it does. 2: it does, and nobody can change its rules before the next boot.
    pub(super) enabled: u32,
    /// The process that takes its records; 0: none.
    pub(super) daemon: u32,
}

/// A rule, as the kernel has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule(Vec<u8>);

impl Rule {
    /// Every change in a directory and below is written down, under our key.
    pub(super) fn changes_below(directory: &Path) -> Self {
        let text = [directory.as_os_str().as_bytes(), KEY].concat();
        let mut rule = vec![0; RULE];
        let mut put = |at: usize, value: u32| rule[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        let length = |text: &[u8]| u32::try_from(text.len()).expect("paths are short");
        let fields = [
            (DIRECTORY, length(directory.as_os_str().as_bytes())),
            (PERMISSION, CHANGES),
            (FILTER_KEY, length(KEY)),
        ];
        put(0, AT_EXIT);
        put(4, ALWAYS);
        put(8, u32::try_from(fields.len()).expect("three"));
        // All system calls; the last word stands for classes of them.
        (0..63).for_each(|word| put(MASK + word * 4, u32::MAX));
        for (index, (field, value)) in fields.into_iter().enumerate() {
            put(FIELDS + index * 4, field);
            put(VALUES + index * 4, value);
            put(OPERATORS + index * 4, EQUAL);
        }
        put(LENGTH, length(&text));
        rule.extend_from_slice(&text);
        Self(rule)
    }

    /// The directory of a rule under our key; `None` for one of somebody else.
    pub(super) fn ours(&self) -> Option<PathBuf> {
        let (mut directory, mut is_ours) = (None, false);
        let mut text = self.0.get(RULE..)?;
        let count = usize::try_from(word(&self.0, 8)?).ok()?.min(FIELDS_MAX);
        for index in 0..count {
            let (field, value) = (word(&self.0, FIELDS + index * 4)?, word(&self.0, VALUES + index * 4)?);
            if ![DIRECTORY, FILTER_KEY].contains(&field) && !TEXTS.contains(&field) {
                continue;
            }
            let (of_it, rest) = text.split_at_checked(usize::try_from(value).ok()?)?;
            text = rest;
            match field {
                DIRECTORY => directory = Some(PathBuf::from(OsStr::from_bytes(of_it))),
                FILTER_KEY => is_ours = of_it == KEY,
                _ => {}
            }
        }
        directory.filter(|_| is_ours)
    }

    /// Whether it keeps every process from being audited, as some systems have it: `-a task,never`.
    pub(super) fn stops_everything(&self) -> bool {
        [0, 4, 8].map(|at| word(&self.0, at)) == [Some(WHEN_STARTED), Some(NEVER), Some(0)]
    }
}

/// Where the audit is asked and told.
#[derive(Debug)]
pub(super) struct Control {
    socket: OwnedFd,
    sequence: u32,
}

impl Control {
    pub(super) fn open() -> io::Result<Self> {
        let socket = socket(0)?;
        Ok(Self { socket, sequence: 0 })
    }

    /// What it is set to; it takes `CAP_AUDIT_CONTROL`, as everything here.
    pub(super) fn state(&mut self) -> io::Result<State> {
        let told = self.ask(GET, &[])?;
        let state = told.first().and_then(|state| Some((word(state, 4)?, word(state, 12)?)));
        let (enabled, daemon) = state.ok_or(io::ErrorKind::InvalidData)?;
        Ok(State { enabled, daemon })
    }

    pub(super) fn enable(&mut self, on: bool) -> io::Result<()> {
        // `audit_status`: what is set, and its value; the rest is not looked at.
        let mut status = [0_u8; 44];
        status[..4].copy_from_slice(&SET_ENABLED.to_ne_bytes());
        status[4..8].copy_from_slice(&u32::from(on).to_ne_bytes());
        self.ask(SET, &status).map(drop)
    }

    pub(super) fn rules(&mut self) -> io::Result<Vec<Rule>> {
        Ok(self.ask(LIST_RULES, &[])?.into_iter().map(Rule).collect())
    }

    pub(super) fn add(&mut self, rule: &Rule) -> io::Result<()> {
        self.ask(ADD_RULE, &rule.0).map(drop)
    }

    pub(super) fn remove(&mut self, rule: &Rule) -> io::Result<()> {
        self.ask(DEL_RULE, &rule.0).map(drop)
    }

    /// Asks, and gives what is answered, each without its header.
    fn ask(&mut self, kind: u16, payload: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        self.sequence += 1;
        let mut message = Vec::with_capacity(HEADER + payload.len());
        let length = u32::try_from(HEADER + payload.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        message.extend_from_slice(&length.to_ne_bytes());
        message.extend_from_slice(&kind.to_ne_bytes());
        message.extend_from_slice(&WITH_ANSWER.to_ne_bytes());
        message.extend_from_slice(&self.sequence.to_ne_bytes());
        message.extend_from_slice(&0_u32.to_ne_bytes());
        message.extend_from_slice(payload);
        send(&self.socket, &message, SendFlags::empty())?;
        let (mut told, mut is_answered, mut buffer) = (Vec::new(), false, vec![0; MESSAGE_BYTES_MAX]);
        // What was asked for comes from a thread of the kernel, before the word that it was understood or after.
        let is_whole = |told: &[Vec<u8>], is_done| match kind {
            GET => !told.is_empty(),
            LIST_RULES => is_done,
            _ => true,
        };
        let (until, mut is_done) = (Instant::now() + ANSWER_WITHIN, false);
        while !(is_answered && is_whole(&told, is_done)) {
            let left = until.checked_duration_since(Instant::now()).ok_or(io::ErrorKind::TimedOut)?;
            if !readable(&self.socket, left)? {
                continue;
            }
            let (length, _) = recv(&self.socket, &mut buffer[..], RecvFlags::DONTWAIT)?;
            let Some((found, payload)) = message_of(&buffer[..length]) else { continue };
            if word(&buffer, 8) != Some(self.sequence) {
                continue;
            }
            match found {
                ANSWERED => {
                    let error = word(payload, 0).map_or(0, |error| error.cast_signed());
                    if error != 0 {
                        return Err(io::Error::from_raw_os_error(-error));
                    }
                    is_answered = true;
                }
                DONE => is_done = true,
                found if found == kind => told.push(payload.to_vec()),
                _ => {}
            }
        }
        Ok(told)
    }
}

/// Where all records can be read by those who may (`CAP_AUDIT_READ`), beside the daemon.
pub(super) fn records() -> io::Result<OwnedFd> {
    let socket = socket(READERS)?;
    let _smaller_then = set_socket_recv_buffer_size_force(&socket, BUFFER_BYTES)
        .or_else(|_| set_socket_recv_buffer_size(&socket, BUFFER_BYTES));
    Ok(socket)
}

/// The kind of a message and what it says. One datagram holds one; what its header says of the length is wrong in old kernels.
pub(super) fn message_of(datagram: &[u8]) -> Option<(u16, &[u8])> {
    let kind = u16::from_ne_bytes(datagram.get(4..6)?.try_into().ok()?);
    Some((kind, datagram.get(HEADER..)?))
}

fn socket(groups: u32) -> io::Result<OwnedFd> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, Some(AUDIT))?;
    bind(&socket, &SocketAddrNetlink::new(0, groups))?;
    Ok(socket)
}

fn readable(socket: &OwnedFd, limit: Duration) -> io::Result<bool> {
    use std::os::fd::AsFd as _;
    let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
    match poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], limit) {
        Err(nix::errno::Errno::EINTR) => Ok(false),
        ready => Ok(ready? > 0),
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_of_ours_is_known_again_and_no_other_is() {
        let rule = Rule::changes_below(Path::new("/etc/site"));
        assert_eq!(rule.0.len(), 1040 + "/etc/site".len() + KEY.len());
        assert_eq!((rule.ours(), rule.stops_everything()), (Some(PathBuf::from("/etc/site")), false));
        let mut other = rule.clone();
        *other.0.last_mut().unwrap() = b'x';
        assert_eq!(other.ours(), None);
        for length in 0..rule.0.len() {
            assert_eq!(Rule(rule.0[..length].to_vec()).ours(), None, "cut at {length}");
        }
        let mut wild = rule.clone();
        wild.0[VALUES..VALUES + 4].copy_from_slice(&u32::MAX.to_ne_bytes());
        assert_eq!(wild.ours(), None);
    }

    #[test]
    fn rule_that_audits_no_task_stops_everything() {
        let mut rule = vec![0; RULE];
        rule[..4].copy_from_slice(&WHEN_STARTED.to_ne_bytes());
        assert!(Rule(rule.clone()).stops_everything());
        rule[8] = 1;
        assert!(!Rule(rule).stops_everything(), "only some tasks");
        assert!(!Rule(Vec::new()).stops_everything());
    }
}
