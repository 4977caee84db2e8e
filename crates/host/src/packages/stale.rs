//! What a process runs that is no longer what lies on disk.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

/// How much of a process's map is read, in bytes.
const MAPS_BYTES_MAX: u64 = 8 << 20;
/// What the kernel writes behind the name of a file that is gone.
const GONE: &[u8] = b" (deleted)";

/// The program and the libraries, modules among them, that a process has mapped and that were replaced or removed since.
/// Empty where that cannot be told.
#[must_use]
pub fn replaced(pid: i32) -> Vec<PathBuf> {
    let mut bytes = Vec::new();
    let read = File::open(format!("/proc/{pid}/maps"))
        .and_then(|maps| maps.take(MAPS_BYTES_MAX).read_to_end(&mut bytes));
    if read.is_err() { Vec::new() } else { gone(&bytes) }
}

/// `address perms offset device inode   /path (deleted)`; only what may be executed.
fn gone(maps: &[u8]) -> Vec<PathBuf> {
    let path = |line: &[u8]| {
        let mut words = line.splitn(3, |&byte| byte == b' ');
        let executable = words.nth(1)?.get(2) == Some(&b'x');
        let start = line.iter().position(|&byte| byte == b'/')?;
        let path = line.get(start..)?.strip_suffix(GONE)?;
        executable.then(|| PathBuf::from(std::ffi::OsString::from_vec(path.to_vec())))
    };
    let all: BTreeSet<PathBuf> = maps.split(|&byte| byte == b'\n').filter_map(path).collect();
    all.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn program_and_modules_that_were_replaced_are_named() {
        let maps =
            b"55 r--p 0 08:01 1 /usr/sbin/nginx (deleted)\n56 r-xp 0 08:01 1    /usr/sbin/nginx (deleted)\n\
            57 r-xp 0 08:01 2 /usr/lib/libc.so.6\n58 rw-s 0 00:01 3 /dev/zero (deleted)\n\
            59 r-xp 0 08:01 4 /usr/lib/nginx/modules/a b.so (deleted)\n60 r-xp 0 00:00 0 [vdso]\n";
        let expected: Vec<PathBuf> = vec!["/usr/lib/nginx/modules/a b.so".into(), "/usr/sbin/nginx".into()];
        assert_eq!(gone(maps), expected);
    }

    #[test]
    fn nothing_of_this_process_was_replaced_while_it_runs() {
        let pid = i32::try_from(std::process::id()).unwrap();
        assert!(replaced(pid).is_empty() && replaced(-1).is_empty());
    }
}
