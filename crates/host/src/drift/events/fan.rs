//! fanotify(7), `FAN_REPORT_DFID_NAME`: each event names the directory by its handle, the entry by its name, and the process.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use nix::fcntl::AT_FDCWD;
use nix::sys::fanotify::{EventFFlags, Fanotify, InitFlags, MarkFlags, MaskFlags};

use super::{Marked, Raw, RawEvent};
use crate::sys;

/// What is asked for. A file that is written and not closed is told of too; one that is mapped is found by the next pass.
const MASK: u64 = libc::FAN_MODIFY
    | libc::FAN_CLOSE_WRITE
    | libc::FAN_ATTRIB
    | libc::FAN_CREATE
    | libc::FAN_DELETE
    | libc::FAN_MOVED_FROM
    | libc::FAN_MOVED_TO
    | libc::FAN_ONDIR
    | libc::FAN_EVENT_ON_CHILD;
/// How much is read at a time, in bytes.
const BUFFER_BYTES: usize = 64 << 10;
/// `fanotify_event_metadata`
const HEAD: usize = 24;
/// `fanotify_event_info_header` and the identity of the file system.
const INFO_HEAD: usize = 4 + 8;

/// A fanotify group.
pub(super) struct Fan {
    group: Fanotify,
    marked: Marked<Handle>,
    buffer: Vec<u8>,
}

impl std::fmt::Debug for Fan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fan({} directories)", self.marked.0.len())
    }
}

/// File system, kind of handle, handle: as the kernel writes them.
type Handle = Vec<u8>;

impl Fan {
    pub(super) fn new() -> io::Result<Self> {
        let names = InitFlags::from_bits_retain(libc::FAN_REPORT_DIR_FID | libc::FAN_REPORT_NAME);
        // Without CAP_SYS_ADMIN, which the marks without limit ask for, no process would be named.
        let flags = InitFlags::FAN_CLASS_NOTIF
            | InitFlags::FAN_CLOEXEC
            | InitFlags::FAN_NONBLOCK
            | InitFlags::FAN_UNLIMITED_MARKS
            | names;
        let group = Fanotify::init(flags, EventFFlags::O_RDONLY | EventFFlags::O_CLOEXEC)?;
        Ok(Self { group, marked: Marked(Default::default()), buffer: vec![0; BUFFER_BYTES] })
    }

    pub(super) fn mark(&mut self, path: &Path, relative: &[u8]) -> io::Result<()> {
        let flags = MarkFlags::FAN_MARK_ADD | MarkFlags::FAN_MARK_ONLYDIR | MarkFlags::FAN_MARK_DONT_FOLLOW;
        self.group.mark(flags, MaskFlags::from_bits_retain(MASK), AT_FDCWD, Some(path))?;
        let handle = sys::file_handle(path)?;
        // A directory that was renamed has its new path from now on.
        self.marked.0.insert(handle, relative.to_vec());
        Ok(())
    }

    pub(super) fn read(&mut self) -> io::Result<Vec<RawEvent>> {
        let length = match nix::unistd::read(&self.group, &mut self.buffer) {
            Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EINTR) => 0,
            length => length?,
        };
        let mut events = Vec::new();
        let mut bytes = &self.buffer[..length];
        while let Some(event_length) = word(bytes, 0) {
            let Some(event) = bytes.get(..event_length as usize).filter(|event| event.len() >= HEAD) else {
                break;
            };
            events.extend(self.event(event));
            bytes = &bytes[event.len()..];
        }
        Ok(events)
    }

    /// event_len u32, vers u8, reserved u8, metadata_len u16, mask u64, fd i32, pid i32; then records of information.
    fn event(&self, event: &[u8]) -> Option<RawEvent> {
        let metadata = usize::from(u16::from_ne_bytes(event.get(6..8)?.try_into().ok()?));
        let mask = u64::from_ne_bytes(event.get(8..16)?.try_into().ok()?);
        let pid = i32::from_ne_bytes(event.get(20..24)?.try_into().ok()?);
        if mask & libc::FAN_Q_OVERFLOW != 0 {
            return Some(RawEvent::Lost);
        }
        let info = event.get(metadata..)?;
        // info_type u8, pad u8, len u16, fsid 8 bytes, handle_bytes u32, handle_type i32, handle, name, 0.
        if info.first().copied()? != libc::FAN_EVENT_INFO_TYPE_DFID_NAME {
            return None;
        }
        let info = info.get(..usize::from(u16::from_ne_bytes(info.get(2..4)?.try_into().ok()?)))?;
        let handle_bytes = word(info, INFO_HEAD)? as usize;
        let handle_end = INFO_HEAD + 8 + handle_bytes;
        let mut handle = info.get(4..INFO_HEAD)?.to_vec();
        handle.extend_from_slice(info.get(INFO_HEAD + 4..handle_end)?);
        let name = info.get(handle_end..)?.split(|byte| *byte == 0).next()?;
        // `.`: the directory itself, of which only the mode can have been changed.
        if name.is_empty() || name == b"." {
            return None;
        }
        let path = self.marked.path(&handle, name)?;
        let directory = mask & libc::FAN_ONDIR != 0;
        if directory
            && mask & (libc::FAN_CREATE | libc::FAN_DELETE | libc::FAN_MOVED_FROM | libc::FAN_MOVED_TO) == 0
        {
            return None;
        }
        let came = mask & (libc::FAN_CREATE | libc::FAN_MOVED_TO) != 0;
        Some(RawEvent::At(Raw { path, directory, came, pid: Some(pid) }))
    }
}

impl AsFd for Fan {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.group.as_fd()
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
