//! What a new file takes over from the one that stands in its place: owner, mode, and every extended attribute
//! (access lists, labels).

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

use crate::sys;

/// What was to be taken over and could not be.
#[derive(Debug)]
pub(super) struct NotTaken {
    pub(super) what: String,
    pub(super) source: io::Error,
}

fn not_taken(what: &str) -> impl FnOnce(io::Error) -> NotTaken {
    move |source| NotTaken { what: what.to_owned(), source }
}

/// Gives a new file the owner, mode and attributes of the one that stands.
pub(super) fn take_over(standing: &File, new: &File) -> Result<(), NotTaken> {
    let old = standing.metadata().map_err(not_taken("owner and mode"))?;
    let made = new.metadata().map_err(not_taken("owner and mode"))?;
    if (old.uid(), old.gid()) != (made.uid(), made.gid()) {
        fchown(new, Some(old.uid()), Some(old.gid())).map_err(not_taken("owner"))?;
    }
    let mode = std::fs::Permissions::from_mode(old.mode() & 0o7777);
    new.set_permissions(mode).map_err(not_taken("mode"))?;
    // After the mode, which would otherwise change the mask of an access list.
    for name in names(standing).map_err(not_taken("attributes"))? {
        let shown = || name.to_string_lossy().into_owned();
        if name.as_bytes() == b"security.ima" || name.as_bytes() == b"security.evm" {
            continue; // signatures of the old contents
        }
        let value =
            sys::fgetxattr(standing.as_fd(), &name).map_err(|source| NotTaken { what: shown(), source })?;
        if sys::fgetxattr(new.as_fd(), &name).is_ok_and(|there| there == value) {
            continue;
        }
        sys::fsetxattr(new.as_fd(), &name, &value).map_err(|source| NotTaken { what: shown(), source })?;
    }
    Ok(())
}

/// Gives a new file the mode of one that nobody made before: everybody may read it.
pub(super) fn default_mode(new: &File) -> Result<(), NotTaken> {
    new.set_permissions(std::fs::Permissions::from_mode(0o644)).map_err(not_taken("mode"))
}

fn names(file: &File) -> io::Result<Vec<CString>> {
    let listed = match sys::flistxattr(file.as_fd()) {
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOTSUP | libc::ENOSYS)) => {
            return Ok(Vec::new());
        }
        listed => listed?,
    };
    let names = listed.split_inclusive(|&byte| byte == 0);
    Ok(names.filter_map(|name| CStr::from_bytes_with_nul(name).ok()).map(CStr::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `user::rw- user:12345:rw- group::r-- mask::rw- other::---`, as the kernel keeps it.
    const ACL: &[u8] = b"\x02\0\0\0\x01\0\x06\0\xff\xff\xff\xff\x02\0\x06\0\x39\x30\0\0\
        \x04\0\x04\0\xff\xff\xff\xff\x10\0\x06\0\xff\xff\xff\xff\x20\0\0\0\xff\xff\xff\xff";

    #[test]
    fn new_file_has_mode_owner_label_and_access_list_of_the_one_that_stands() {
        let (old, new) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        old.set_permissions(std::fs::Permissions::from_mode(0o640)).unwrap();
        if nix::unistd::geteuid().is_root() {
            fchown(&old, Some(12_345), Some(54_321)).unwrap();
        }
        let mut asked = Vec::new();
        for (name, value) in [(c"user.evenkeel", b"label".as_slice()), (c"system.posix_acl_access", ACL)] {
            match sys::fsetxattr(old.as_fd(), name, value) {
                // Not every file system of /tmp has every attribute.
                Err(error) if error.raw_os_error() == Some(libc::ENOTSUP) => {}
                set => {
                    set.unwrap();
                    asked.push((name, sys::fgetxattr(old.as_fd(), name).unwrap()));
                }
            }
        }
        take_over(&old, &new).unwrap();
        for (name, value) in asked {
            assert_eq!(sys::fgetxattr(new.as_fd(), name).unwrap(), value, "{name:?}");
        }
        let (old, new) = (old.metadata().unwrap(), new.metadata().unwrap());
        assert_eq!((new.mode(), new.uid(), new.gid()), (old.mode(), old.uid(), old.gid()));
    }
}
