//! The host's half of a release, where it survives everything: two preallocated slots that are overwritten in place.
//!
//! Each slot is 4 KiB with a sequence number and a checksum. A write goes to the slot that does not hold the
//! newest record, so a write that is torn by a power cut leaves the record before it. Nothing here needs new
//! space, a directory entry or a database, so a revert works on a full disk.
//!
//! Whoever changes the record holds [`Guard`]; the kernel gives the lock back when its holder dies. The switch
//! and the signal to nginx happen under the same guard, which is what makes it impossible that the command and
//! the fuse act at once.

mod confirm;
mod record;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

pub use confirm::{AdvanceError, ConfirmError, confirm};
use evenkeel_fleet::apply::Stage;
pub use record::{Record, Reverted, Upgrade};

use crate::clock::boottime_ms;
use crate::codec::{Reader, Writer};
use crate::sys;

/// Size of one slot: what every file system overwrites as one block.
const SLOT_BYTES: usize = 4096;
/// Magic, version, sequence, length; the checksum ends the slot.
const HEADER_BYTES: usize = 8 + 4 + 8 + 4;
const CHECKSUM_BYTES: usize = 32;
const MAGIC: &[u8; 8] = b"EVKSLOT\n";
/// The version of the layout that this program writes.
/// 2 added which way back is armed, which was gone, and the two masters of an upgrade.
const VERSION: u32 = 2;

/// Why the slots cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SlotsError {
    /// The file could not be read or written.
    #[error("use the slots in {path}", path = path.display())]
    Io {
        /// The file of the slots.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// Neither slot holds a record that was written whole.
    #[error("read the slots in {path}: neither of the two is whole", path = path.display())]
    Corrupt {
        /// The file of the slots.
        path: PathBuf,
    },
    /// A newer Evenkeel wrote them.
    #[error("read the slots in {path}: a newer Evenkeel wrote them (layout {version}, this one knows {VERSION})", path = path.display())]
    Newer {
        /// The file of the slots.
        path: PathBuf,
        /// The layout that it wrote.
        version: u32,
    },
    /// Somebody holds the guard and does not let go of it.
    #[error("change the slots in {path} within {limit_ms} ms: another process holds them", path = path.display())]
    Busy {
        /// The file of the slots.
        path: PathBuf,
        /// How long we waited.
        limit_ms: u64,
    },
    /// The record has outgrown its slot.
    #[error("write {bytes} bytes into a slot of {SLOT_BYTES}: a path is too long")]
    TooLarge {
        /// What it would take.
        bytes: usize,
    },
}

/// The two slots of one host.
#[derive(Debug)]
pub struct Slots {
    file: File,
    path: PathBuf,
    /// Whether the disk takes writes and then cannot keep them.
    #[cfg(test)]
    disk_fails: bool,
}

impl Slots {
    /// Opens the slots of this state directory, and makes them where they are missing.
    ///
    /// # Errors
    /// [`SlotsError::Io`]; a missing disk space is known here, before anything depends on it.
    pub fn create(state_dir: &Path) -> Result<Self, SlotsError> {
        let path = crate::place::slots_file(state_dir);
        let io = |source| SlotsError::Io { path: path.clone(), source };
        if !path.try_exists().map_err(io)? {
            // Written under another name first: the file is there whole, or not at all.
            let temporary = state_dir.join(format!("slots.new.{}", std::process::id()));
            let made = (|| {
                let file = OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .mode(0o600)
                    .open(&temporary)?;
                file.write_all_at(&[0; 2 * SLOT_BYTES], 0)?;
                file.sync_all()?;
                match fs::hard_link(&temporary, &path) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                    _ => {}
                }
                File::open(state_dir)?.sync_all()
            })();
            let _leftover = fs::remove_file(&temporary);
            made.map_err(io)?;
        }
        Self::open(state_dir)
    }

    /// Opens the slots of this state directory.
    ///
    /// # Errors
    /// [`SlotsError::Io`], with `NotFound` inside when nothing was ever released from here.
    pub fn open(state_dir: &Path) -> Result<Self, SlotsError> {
        let path = crate::place::slots_file(state_dir);
        match OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOFOLLOW).open(&path) {
            Ok(file) => Ok(Self {
                file,
                path,
                #[cfg(test)]
                disk_fails: false,
            }),
            Err(source) => Err(SlotsError::Io { path, source }),
        }
    }

    /// Reads the newest record that is whole; `None` when nothing was ever written.
    ///
    /// # Errors
    /// [`SlotsError::Corrupt`] when neither slot is whole.
    pub fn read(&self) -> Result<Option<Record>, SlotsError> {
        self.newest().map(|newest| newest.map(|(_, _, record)| record))
    }

    /// Makes durable what any process wrote here.
    ///
    /// # Errors
    /// [`SlotsError::Io`].
    pub fn sync(&self) -> Result<(), SlotsError> {
        #[cfg(test)]
        if self.disk_fails {
            let source = io::Error::from_raw_os_error(libc::EIO);
            return Err(SlotsError::Io { path: self.path.clone(), source });
        }
        self.file.sync_data().map_err(|source| SlotsError::Io { path: self.path.clone(), source })
    }

    /// Waits for the right to change the record, at most so many milliseconds.
    ///
    /// # Errors
    /// [`SlotsError::Busy`] when somebody else keeps it that long.
    pub fn lock(&mut self, limit_ms: u64) -> Result<Guard<'_>, SlotsError> {
        let end = boottime_ms().saturating_add(limit_ms);
        while let Err(error) = sys::flock(self.file.as_fd(), libc::LOCK_EX | libc::LOCK_NB) {
            match error.raw_os_error() {
                Some(libc::EWOULDBLOCK) if boottime_ms() >= end => {
                    return Err(SlotsError::Busy { path: self.path.clone(), limit_ms });
                }
                // There is no event for a lock that is given back and no limit for one waited for in the kernel.
                Some(libc::EWOULDBLOCK) => std::thread::sleep(std::time::Duration::from_millis(1)),
                Some(libc::EINTR) => {}
                _ => return Err(SlotsError::Io { path: self.path.clone(), source: error }),
            }
        }
        let mut guard = Guard { slots: self, newest: None, unflushed: false };
        guard.newest = guard.slots.newest()?;
        // Whoever wrote this may have died before it was durable.
        guard.unflushed = guard.record().is_some_and(|record| record.stage() == Stage::Reverting);
        Ok(guard)
    }

    /// Says which process holds the guard, as far as the kernel tells (`/proc/locks`).
    pub(crate) fn holder(&self) -> Option<i32> {
        holder_of(&self.file.metadata().ok()?)
    }

    /// Whether a process has these slots open, as far as this one may look.
    pub(crate) fn is_open_in(&self, pid: i32) -> bool {
        let Ok(ours) = self.file.metadata() else { return false };
        let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let mut files = files.filter_map(|file| fs::metadata(file.path()).ok());
        files.any(|file| (file.dev(), file.ino()) == (ours.dev(), ours.ino()))
    }

    fn newest(&self) -> Result<Option<(usize, u64, Record)>, SlotsError> {
        let mut bytes = [0; 2 * SLOT_BYTES];
        let io = |source| SlotsError::Io { path: self.path.clone(), source };
        if let Err(error) = self.file.read_exact_at(&mut bytes, 0) {
            return if error.kind() == io::ErrorKind::UnexpectedEof {
                Err(SlotsError::Corrupt { path: self.path.clone() })
            } else {
                Err(io(error))
            };
        }
        let mut newest: Option<(usize, u64, Record)> = None;
        let mut newer = None;
        for (index, slot) in bytes.chunks_exact(SLOT_BYTES).enumerate() {
            match decode(slot) {
                Slot::Record(sequence, record) if newest.as_ref().is_none_or(|(_, s, _)| *s < sequence) => {
                    newest = Some((index, sequence, *record));
                }
                Slot::Newer(version) => newer = Some(version),
                Slot::Record(..) | Slot::Empty | Slot::Torn => {}
            }
        }
        match (newest, newer) {
            (_, Some(version)) => Err(SlotsError::Newer { path: self.path.clone(), version }),
            (None, None) if bytes.iter().any(|&byte| byte != 0) => {
                Err(SlotsError::Corrupt { path: self.path.clone() })
            }
            (newest, None) => Ok(newest),
        }
    }
}

/// The right to change the record. Given back when dropped, and by the kernel when its process ends.
#[derive(Debug)]
pub struct Guard<'s> {
    slots: &'s mut Slots,
    newest: Option<(usize, u64, Record)>,
    /// Whether the newest record may not be durable yet.
    unflushed: bool,
}

impl Guard<'_> {
    /// Gives the record as it stands; `None` when nothing was ever written.
    pub fn record(&self) -> Option<&Record> {
        self.newest.as_ref().map(|(_, _, record)| record)
    }

    /// Gives the state directory whose slots these are.
    pub fn state_dir(&self) -> PathBuf {
        self.slots.path.parent().map(Path::to_owned).unwrap_or_default()
    }

    /// Puts a new record in the place of the one before last, and returns when it is durable.
    ///
    /// # Errors
    /// [`SlotsError::TooLarge`] when a path in it is longer than a slot can hold; [`SlotsError::Io`]. In both
    /// cases the record before it still stands: nobody may believe what a power cut would take.
    pub fn write(&mut self, record: Record) -> Result<(), SlotsError> {
        let former = (self.newest.clone(), self.unflushed);
        let (at, page) = self.free_slot()?;
        self.write_unflushed(record)?;
        let flushed = self.flush();
        if flushed.is_err() && self.slots.file.write_all_at(&page, at).is_ok() {
            (self.newest, self.unflushed) = former;
        }
        flushed
    }

    /// The slot that the next record goes to: where it is, and what it holds.
    fn free_slot(&self) -> Result<(u64, [u8; SLOT_BYTES]), SlotsError> {
        let index = self.newest.as_ref().map_or(0, |(index, ..)| 1 - index);
        let (at, mut page) = ((index * SLOT_BYTES) as u64, [0; SLOT_BYTES]);
        let read = self.slots.file.read_exact_at(&mut page, at);
        read.map_err(|source| SlotsError::Io { path: self.slots.path.clone(), source })?;
        Ok((at, page))
    }

    /// Puts a new record in the place of the one before last, where every process sees it and the death of this one
    /// does not undo it; a power cut may, until [`Guard::flush`]. For what must not wait for a disk.
    ///
    /// # Errors
    /// Those of [`Guard::write`].
    pub fn write_unflushed(&mut self, record: Record) -> Result<(), SlotsError> {
        let (index, sequence) = match &self.newest {
            Some((index, sequence, _)) => (1 - index, sequence + 1),
            None => (0, 1),
        };
        let slot = encode(sequence, &record)?;
        if self.unflushed {
            // The other slot holds the only record that a power cut would leave. A disk that takes no more of them must
            // not stop a way back.
            let _better_than_nothing = self.flush();
        }
        let written = self.slots.file.write_all_at(&slot, (index * SLOT_BYTES) as u64);
        written.map_err(|source| SlotsError::Io { path: self.slots.path.clone(), source })?;
        self.newest = Some((index, sequence, record));
        self.unflushed = true;
        Ok(())
    }

    /// Makes durable what was written.
    ///
    /// # Errors
    /// [`SlotsError::Io`].
    pub fn flush(&mut self) -> Result<(), SlotsError> {
        self.slots.sync()?;
        self.unflushed = false;
        Ok(())
    }

    /// Changes some of the record that stands, and returns when it is durable.
    ///
    /// # Errors
    /// Those of [`Guard::write`], and [`SlotsError::Corrupt`] when there is no record to change.
    pub fn update(&mut self, change: impl FnOnce(&mut Record)) -> Result<(), SlotsError> {
        let Some(mut record) = self.record().cloned() else {
            return Err(SlotsError::Corrupt { path: self.slots.path.clone() });
        };
        change(&mut record);
        self.write(record)
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let _given_back_at_exit_too = sys::flock(self.slots.file.as_fd(), libc::LOCK_UN);
    }
}

/// Says which process holds a lock on a file, as far as the kernel tells (`/proc/locks`).
pub(crate) fn holder_of(file: &fs::Metadata) -> Option<i32> {
    holder(&fs::read_to_string("/proc/locks").ok()?, file.ino())
}

fn holder(locks: &str, inode: u64) -> Option<i32> {
    // 3: FLOCK  ADVISORY  WRITE 1812 fe:00:1310753 0 EOF
    locks.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let flock = fields.by_ref().nth(1)? == "FLOCK";
        let pid: i32 = fields.by_ref().nth(2)?.parse().ok()?;
        let found: u64 = fields.next()?.rsplit(':').next()?.parse().ok()?;
        (flock && found == inode && pid > 0).then_some(pid)
    })
}

enum Slot {
    Empty,
    Torn,
    Newer(u32),
    Record(u64, Box<Record>),
}

fn encode(sequence: u64, record: &Record) -> Result<[u8; SLOT_BYTES], SlotsError> {
    let mut body = Writer::default();
    record.encode(&mut body);
    let body = body.0;
    let bytes = HEADER_BYTES + body.len() + CHECKSUM_BYTES;
    if bytes > SLOT_BYTES {
        return Err(SlotsError::TooLarge { bytes });
    }
    let mut slot = Writer::default();
    slot.array(MAGIC);
    slot.u32(VERSION);
    slot.u64(sequence);
    slot.bytes(&body);
    slot.0.resize(SLOT_BYTES - CHECKSUM_BYTES, 0);
    let checksum = blake3::hash(&slot.0);
    slot.array(checksum.as_bytes());
    Ok(slot.0.try_into().expect("header, body, zeros and checksum fill a slot"))
}

fn decode(slot: &[u8]) -> Slot {
    if slot.iter().all(|&byte| byte == 0) {
        return Slot::Empty;
    }
    let (body, checksum) = slot.split_at(SLOT_BYTES - CHECKSUM_BYTES);
    if blake3::hash(body).as_bytes() != checksum {
        return Slot::Torn;
    }
    let mut reader = Reader(body);
    let read = (|| {
        let magic = reader.array::<8>()?;
        let version = reader.u32()?;
        let sequence = reader.u64()?;
        if &magic == MAGIC && version > VERSION {
            return Ok(Slot::Newer(version));
        }
        let record = Record::decode(&mut Reader(reader.bytes()?))?;
        Ok::<_, crate::codec::Garbled>(Slot::Record(sequence, Box::new(record)))
    })();
    read.unwrap_or(Slot::Torn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn record(stage: Stage) -> Record {
        let mut record = Record::idle(Path::new("/etc/nginx"));
        record.applying.stage = stage;
        record
    }

    #[test]
    fn record_that_is_not_durable_yet_is_made_so_before_the_one_before_it_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let mut slots = Slots::create(dir.path()).unwrap();
        let mut guard = slots.lock(0).unwrap();
        guard.write(record(Stage::Armed)).unwrap();
        assert!(!guard.unflushed);
        guard.write_unflushed(record(Stage::Reverting)).unwrap();
        assert!(guard.unflushed);
        guard.flush().unwrap();
        assert!(!guard.unflushed);
        drop(guard);
        // Another process cannot know whether the one that wrote it lived to make it durable.
        let mut again = Slots::open(dir.path()).unwrap();
        assert!(again.lock(0).unwrap().unflushed);
        let mut guard = again.lock(0).unwrap();
        guard.write(record(Stage::Reverted)).unwrap();
        drop(guard);
        assert!(!again.lock(0).unwrap().unflushed);
    }

    #[test]
    fn record_that_a_disk_cannot_keep_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let mut slots = Slots::create(dir.path()).unwrap();
        slots.lock(0).unwrap().write(record(Stage::Signalled)).unwrap();
        slots.lock(0).unwrap().write(record(Stage::Proven)).unwrap();
        slots.disk_fails = true;
        let mut guard = slots.lock(0).unwrap();
        assert!(guard.write(record(Stage::Confirmed)).is_err());
        assert_eq!(guard.record().unwrap().stage(), Stage::Proven);
        drop(guard);
        slots.disk_fails = false;
        assert_eq!(slots.read().unwrap().unwrap().stage(), Stage::Proven);
        slots.lock(0).unwrap().write(record(Stage::Confirmed)).unwrap();
        assert_eq!(slots.read().unwrap().unwrap().stage(), Stage::Confirmed);
    }
}
