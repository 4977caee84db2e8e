//! Where other file systems, or other views of one, begin inside a tree.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Gives every mount point below a directory (not the directory itself), relative to it.
/// `directory` has no symbolic links in it.
pub(super) fn inside(directory: &Path) -> io::Result<Vec<PathBuf>> {
    Ok(parse(&fs::read("/proc/self/mountinfo")?, directory))
}

fn parse(mountinfo: &[u8], directory: &Path) -> Vec<PathBuf> {
    let mut points = Vec::new();
    for line in mountinfo.split(|&byte| byte == b'\n') {
        // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
        let Some(point) = line.split(|&byte| byte == b' ').nth(4) else { continue };
        let point = PathBuf::from(OsString::from_vec(unescape(point)));
        match point.strip_prefix(directory) {
            Ok(inner) if !inner.as_os_str().is_empty() => points.push(inner.to_owned()),
            _ => {}
        }
    }
    points.sort_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
    points.dedup();
    points
}

/// The kernel writes space, tab, newline and backslash as a backslash and three octal digits.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let octal = after
            .get(..3)
            .filter(|digits| first == b'\\' && digits.iter().all(|d| (b'0'..=b'7').contains(d)));
        match octal {
            Some(digits) => {
                let value = digits.iter().fold(0_u32, |value, digit| value * 8 + u32::from(digit - b'0'));
                plain.push(value.to_le_bytes()[0]);
                rest = &after[3..];
            }
            None => {
                plain.push(first);
                rest = after;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_below_a_directory_are_found_and_unescaped() {
        let text = b"1 0 8:1 / / rw - ext4 /dev/a rw\n\
            2 1 8:1 /x /etc/nginx rw - ext4 /dev/a rw\n\
            3 2 0:5 / /etc/nginx/sites\\040enabled rw - tmpfs tmpfs rw\n\
            4 2 0:6 / /etc/nginx-other rw - tmpfs tmpfs rw\n\
            5 2 8:1 /f /etc/nginx/conf.d/a.conf rw shared:1 - ext4 /dev/a rw\n";
        let found = parse(text, Path::new("/etc/nginx"));
        assert_eq!(found, [PathBuf::from("conf.d/a.conf"), PathBuf::from("sites enabled")]);
    }
}
