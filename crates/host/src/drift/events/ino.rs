//! inotify(7): for users that may not use fanotify, and file systems that cannot. It names no process.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};

use super::{Marked, Raw, RawEvent};

/// An inotify instance.
#[derive(Debug)]
pub(super) struct Ino {
    inotify: Inotify,
    marked: Marked<i32>,
}

impl Ino {
    pub(super) fn new() -> io::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        Ok(Self { inotify, marked: Marked(Default::default()) })
    }

    pub(super) fn mark(&mut self, path: &Path, relative: &[u8]) -> io::Result<()> {
        let wanted = AddWatchFlags::IN_MODIFY
            | AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_ATTRIB
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_ONLYDIR
            | AddWatchFlags::IN_DONT_FOLLOW;
        let watch: WatchDescriptor = self.inotify.add_watch(path, wanted)?;
        self.marked.0.insert(watch.as_raw(), relative.to_vec());
        Ok(())
    }

    pub(super) fn read(&mut self) -> io::Result<Vec<RawEvent>> {
        let events = match self.inotify.read_events() {
            Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EINTR) => Vec::new(),
            events => events?,
        };
        let raw = events.into_iter().filter_map(|event| {
            if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
                return Some(RawEvent::Lost);
            }
            if event.mask.contains(AddWatchFlags::IN_IGNORED) {
                self.marked.0.remove(&event.wd.as_raw());
                return None;
            }
            let name = event.name?;
            let path = self.marked.path(&event.wd.as_raw(), name.as_bytes())?;
            let directory = event.mask.contains(AddWatchFlags::IN_ISDIR);
            if directory && event.mask.contains(AddWatchFlags::IN_ATTRIB) {
                return None;
            }
            let came = event.mask.intersects(AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO);
            Some(RawEvent::At(Raw { path, directory, came, pid: None }))
        });
        Ok(raw.collect())
    }
}

impl AsFd for Ino {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}
