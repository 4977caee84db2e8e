//! The process that the openings wait for. It opens nothing of the tree itself, writes to nobody who could keep it waiting,
//! and ends with its overseer.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::Path;

use nix::fcntl::{AT_FDCWD, FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::fanotify::{
    EventFFlags, Fanotify, FanotifyResponse, InitFlags, MarkFlags, MaskFlags, Response,
};

use super::super::author::Process;

/// How much of a command line is told, in bytes: a line is written in one piece or not at all.
const COMMAND_BYTES_MAX: usize = 1_500;
/// How deep directories are marked.
const DEPTH_MAX: usize = 64;

/// Listens until the overseer ends.
pub(super) fn listen(root: &Path) -> io::Result<()> {
    crate::sys::first_in_line();
    let flags = InitFlags::FAN_CLASS_CONTENT
        | InitFlags::FAN_CLOEXEC
        | InitFlags::FAN_NONBLOCK
        | InitFlags::FAN_UNLIMITED_MARKS
        | InitFlags::FAN_REPORT_TID;
    let group =
        Fanotify::init(flags, EventFFlags::O_RDONLY | EventFFlags::O_LARGEFILE | EventFFlags::O_CLOEXEC)?;
    mark(&group, root, 0)?;
    // Both ways: the overseer asks there whether we are there, and is answered.
    let mut beat = fs::File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let out = io::stdout().as_fd().try_clone_to_owned()?;
    fcntl(&out, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    let mut out = fs::File::from(out);
    loop {
        let (opens, beats) = {
            let mut wanted =
                [PollFd::new(group.as_fd(), PollFlags::POLLIN), PollFd::new(beat.as_fd(), PollFlags::POLLIN)];
            match poll(&mut wanted, PollTimeout::NONE) {
                Err(nix::errno::Errno::EINTR) => continue,
                waited => waited?,
            };
            (wanted[0].any().unwrap_or(true), wanted[1].any().unwrap_or(true))
        };
        if opens {
            answer(&group, &mut out)?;
        }
        if beats {
            if beat.read(&mut [0; 64])? == 0 {
                return Ok(());
            }
            beat.write_all(b".")?;
        }
    }
}

fn answer(group: &Fanotify, out: &mut fs::File) -> io::Result<()> {
    let events = match group.read_events() {
        Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EINTR) => return Ok(()),
        events => events?,
    };
    for event in events {
        let Some(file) = event.fd() else { continue };
        let line = if for_writing(event.pid()) { line(event.pid()) } else { None };
        // Told first, so that it is known by the time of the change; nobody is waited for.
        if let Some(line) = line {
            let _full_then = out.write_all(line.as_bytes());
        }
        group.write_response(FanotifyResponse::new(file, Response::FAN_ALLOW))?;
    }
    Ok(())
}

/// Marks the directories of the tree; those that come later are without a guard until the next start.
fn mark(group: &Fanotify, directory: &Path, depth: usize) -> io::Result<()> {
    let flags = MarkFlags::FAN_MARK_ADD | MarkFlags::FAN_MARK_ONLYDIR | MarkFlags::FAN_MARK_DONT_FOLLOW;
    let mask = MaskFlags::FAN_OPEN_PERM | MaskFlags::FAN_EVENT_ON_CHILD;
    group.mark(flags, mask, AT_FDCWD, Some(directory))?;
    if depth < DEPTH_MAX {
        for item in fs::read_dir(directory)?.flatten() {
            if item.file_type().is_ok_and(|kind| kind.is_dir()) && item.file_name() != crate::place::DOT_DIR {
                let _gone_since = mark(group, &item.path(), depth + 1);
            }
        }
    }
    Ok(())
}

/// Whether a thread that waits in an open wants to write. What cannot be told is taken for writing.
fn for_writing(thread: i32) -> bool {
    // `NUMBER ARG ARG ARG …`, the arguments in hexadecimal.
    let Ok(text) = fs::read_to_string(format!("/proc/{thread}/syscall")) else { return true };
    let mut words = text.split(' ');
    let Some(number) = words.next().and_then(|number| number.parse::<i64>().ok()) else { return true };
    let mut argument = |index: usize| {
        let word = words.nth(index)?.trim_start_matches("0x");
        i32::try_from(i64::from_str_radix(word, 16).ok()? & 0xffff_ffff).ok()
    };
    let flags = match number {
        libc::SYS_openat => argument(2),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open => argument(1),
        _ => None,
    };
    flags.is_none_or(|flags| {
        flags & libc::O_ACCMODE != libc::O_RDONLY || flags & (libc::O_CREAT | libc::O_TRUNC) != 0
    })
}

/// What is told of a thread's process: `PID PARENT USER LOGIN UNIT WORDS`, the last in hexadecimal.
fn line(thread: i32) -> Option<String> {
    let process = Process::look(thread)?;
    let status = fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    let pid = status.lines().find_map(|line| line.strip_prefix("Tgid:"))?.trim().to_owned();
    let login = process.login.map_or_else(|| "-".to_owned(), |login| login.to_string());
    let unit = process.unit.as_deref().unwrap_or("-");
    let words = process.words.join(&0);
    let words: String = words.iter().take(COMMAND_BYTES_MAX).map(|byte| format!("{byte:02x}")).collect();
    Some(format!("{pid} {} {} {login} {unit} {words}\n", process.parent, process.user))
}

/// Reads such a line.
pub(super) fn read(line: &str) -> Option<Process> {
    let mut words = line.split(' ');
    let (pid, parent, user) =
        (words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let (login, unit, hex) = (words.next()?.parse().ok(), words.next()?, words.next()?);
    let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..hex.len()).step_by(2).map(byte).collect();
    let words = bytes?.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
    let unit = (unit != "-").then(|| unit.to_owned());
    Some(Process { pid, parent, words, user, login, unit })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_a_process_is_read_again() {
        let me = i32::try_from(std::process::id()).unwrap();
        let process = Process::look(me).unwrap();
        assert_eq!(read(line(me).unwrap().trim_end()), Some(process));
        for bad in ["", "1", "1 2 3 - - zz", "x 2 3 - - 00", "\u{1F600}"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn thread_that_does_not_open_is_taken_for_a_writer() {
        assert!(for_writing(-1) && for_writing(i32::try_from(std::process::id()).unwrap()));
    }
}
