//! A disk that remembers in which order it was written and flushed.
//!
//! One file, served through `/dev/fuse` by this process, stands under a loop device. Every block that the file system above
//! writes arrives here as a write, and every flush of the device's cache as an fsync. So what a power cut may leave at any
//! moment is known: all that was written before the last flush, and of what came after it whatever the device chose to
//! keep, in whole sectors.
//!
//! Source: linux/fuse.h (the messages), `lo_req_flush` in drivers/block/loop.c (a flush is an fsync of the file)

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::support::{Namespace, Ran};

/// What a device writes whole or not at all.
pub(crate) const SECTOR_BYTES: usize = 512;
/// What one message from the kernel may hold.
const WRITE_BYTES_MAX: usize = 128 << 10;
const HEADER_BYTES: usize = 40;

/// What the device was told, in this order.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    Write { at: usize, bytes: Vec<u8> },
    Flush,
}

/// What stands on the disk, and how it came there.
#[derive(Debug, Default)]
struct Kept {
    now: Vec<u8>,
    told: Vec<Told>,
}

/// The file behind the loop device.
pub(crate) struct Disk {
    kept: Arc<Mutex<Kept>>,
    server: Option<JoinHandle<()>>,
}

impl Disk {
    /// Puts an image over the file `at`, in a namespace. `None` where the kernel gives us no such file.
    pub(crate) fn mount(image: Vec<u8>, namespace: &Namespace, at: &Path) -> Option<Disk> {
        let Ok(device) = OpenOptions::new().read(true).write(true).open("/dev/fuse") else {
            println!("skipped: there is no /dev/fuse");
            return None;
        };
        let mut mount = namespace.command(Path::new("mount"));
        // The descriptor that it names is its standard input; the root of this file system is a regular file.
        mount.args(["-i", "-t", "fuse", "-o", "fd=0,rootmode=100000,user_id=0,group_id=0", "recorded"]);
        let ran = Ran::from(mount.arg(at).stdin(Stdio::from(device.try_clone().unwrap())).output().unwrap());
        if ran.code != 0 {
            println!("skipped: {}", ran.said());
            return None;
        }
        let kept = Arc::new(Mutex::new(Kept { now: image, told: Vec::new() }));
        let served = kept.clone();
        let server = std::thread::spawn(move || serve(device, &served));
        Some(Disk { kept, server: Some(server) })
    }

    /// Begins the record here: gives what stands on the disk now.
    pub(crate) fn begin(&self) -> Vec<u8> {
        let mut kept = self.kept.lock().unwrap();
        kept.told.clear();
        kept.now.clone()
    }

    /// How much the disk was told since.
    pub(crate) fn told(&self) -> usize {
        self.kept.lock().unwrap().told.len()
    }

    /// What the disk was told since.
    pub(crate) fn record(&self) -> Vec<Told> {
        self.kept.lock().unwrap().told.clone()
    }

    /// Waits for the kernel to let go of it, once nothing is mounted from it.
    pub(crate) fn end(mut self) {
        self.server.take().expect("it ends once").join().unwrap();
    }
}

/// Answers the kernel until it unmounts the file.
fn serve(mut device: File, kept: &Mutex<Kept>) {
    let mut message = vec![0; WRITE_BYTES_MAX + 2 * 4096];
    loop {
        let length = match device.read(&mut message) {
            Ok(length) => length,
            // The mount has not taken this descriptor yet; or a message was taken back.
            Err(error) if error.raw_os_error() == Some(1) => {
                std::thread::sleep(Duration::from_millis(1));
                continue;
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::Interrupted) => {
                continue;
            }
            Err(_unmounted) => return,
        };
        let (header, body) = message[..length].split_at(HEADER_BYTES);
        let Some(answer) = answer(number(header, 4), body, kept) else { continue };
        let (error, body) = match answer {
            Ok(body) => (0, body),
            Err(error) => (-error, Vec::new()),
        };
        let mut reply = u32::try_from(16 + body.len()).unwrap().to_ne_bytes().to_vec();
        reply.extend(error.to_ne_bytes());
        reply.extend_from_slice(&header[8..16]);
        reply.extend(body);
        if let Err(error) = device.write_all(&reply) {
            // Whoever asked has gone.
            assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}");
        }
    }
}

/// What the kernel is answered; nothing where it expects no answer.
fn answer(operation: u32, body: &[u8], kept: &Mutex<Kept>) -> Option<Result<Vec<u8>, i32>> {
    let mut kept = kept.lock().unwrap();
    let at = || usize::try_from(long(body, 8)).unwrap();
    let size = || usize::try_from(number(body, 16)).unwrap();
    Some(Ok(match operation {
        // FORGET, INTERRUPT, BATCH_FORGET
        2 | 36 | 42 => return None,
        // GETATTR
        3 => attributes(kept.now.len()),
        // OPEN: nothing of it is kept in memory by the kernel (FOPEN_DIRECT_IO)
        14 => fields(&[0, 0, 1, 0]),
        // READ
        15 => {
            let end = kept.now.len().min(at() + size());
            kept.now[at().min(end)..end].to_vec()
        }
        // WRITE
        16 => {
            let bytes = body[40..40 + size()].to_vec();
            let end = at() + bytes.len();
            if end > kept.now.len() {
                return Some(Err(28));
            }
            kept.now[at()..end].copy_from_slice(&bytes);
            kept.told.push(Told::Write { at: at(), bytes });
            fields(&[number(body, 16), 0])
        }
        // RELEASE, FLUSH (of a descriptor that is closed)
        18 | 25 => Vec::new(),
        // FSYNC
        20 => {
            kept.told.push(Told::Flush);
            Vec::new()
        }
        // INIT: version 7.31, writes of many pages (BIG_WRITES, MAX_PAGES)
        26 => {
            let pages = u32::try_from(WRITE_BYTES_MAX / 4096).unwrap();
            let write_max = u32::try_from(WRITE_BYTES_MAX).unwrap();
            let mut all = vec![7, 31, number(body, 8), 1 << 5 | 1 << 22, 12 | 9 << 16, write_max, 1, pages];
            all.resize(16, 0);
            fields(&all)
        }
        _ => return Some(Err(38)),
    }))
}

/// What `stat` says of the one file.
fn attributes(length: usize) -> Vec<u8> {
    let size = u32::try_from(length).unwrap();
    // Valid for a second; inode 1, size, blocks; three times; mode, one name, root's.
    let mut all = vec![1, 0, 0, 0, 1, 0, size, 0, size / 512, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    all.extend([0o100_600, 1, 0, 0, 0, 4096, 0]);
    fields(&all)
}

fn fields(all: &[u32]) -> Vec<u8> {
    all.iter().flat_map(|field| field.to_ne_bytes()).collect()
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap())
}
