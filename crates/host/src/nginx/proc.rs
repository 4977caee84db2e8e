//! What `/proc` says of nginx processes.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::title::{Role, role};
use crate::identity::ProcessId;

/// Fields of `/proc/PID/status`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Status {
    pub(crate) parent: i32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<u32>,
    /// Its number in the innermost process namespace that it is in.
    pub(crate) inner_pid: i32,
    /// Signals that wait, for the thread and for the process.
    pub(crate) pending: u64,
    /// Signals that would wait.
    pub(crate) blocked: u64,
    /// On how many processors it may run.
    pub(crate) processors: u32,
}

/// Reads `/proc/PID/status`.
pub(crate) fn status(pid: i32) -> io::Result<Status> {
    let text = fs::read(format!("/proc/{pid}/status"))?;
    let mut status = Status::default();
    for line in String::from_utf8_lossy(&text).lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let mut words = value.split_whitespace();
        match name {
            "PPid" => status.parent = number(words.next()),
            "Uid" => status.uid = number(words.nth(1)),
            "Gid" => status.gid = number(words.nth(1)),
            "Groups" => status.groups = words.filter_map(|word| word.parse().ok()).collect(),
            "NSpid" => status.inner_pid = number(words.last()),
            "SigPnd" | "ShdPnd" => status.pending |= mask(words.next()),
            "SigBlk" => status.blocked = mask(words.next()),
            "Cpus_allowed" => {
                let digits = words.next().unwrap_or_default().chars();
                status.processors = digits.filter_map(|digit| digit.to_digit(16)).map(u32::count_ones).sum();
            }
            _ => {}
        }
    }
    Ok(status)
}

fn number<T: std::str::FromStr + Default>(word: Option<&str>) -> T {
    word.and_then(|word| word.parse().ok()).unwrap_or_default()
}

fn mask(word: Option<&str>) -> u64 {
    word.and_then(|word| u64::from_str_radix(word, 16).ok()).unwrap_or(0)
}

/// Reads the command line, or the title that a process wrote over it, without the zeros at its end.
pub(crate) fn title(pid: i32) -> Option<Vec<u8>> {
    let mut line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let end = line.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    line.truncate(end);
    Some(line)
}

/// Says what role this process has now in an nginx, or `None` when it has none or has ended.
pub(crate) fn role_of(process: ProcessId) -> Option<Role> {
    let role = role(&title(process.pid)?)?;
    process.lives().then_some(role)
}

/// Gives the fields of `/proc/PID/stat` behind the name; the first one, the state, is field 3 of the manual.
fn stat_fields(pid: i32) -> Option<Vec<String>> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let after = stat.iter().rposition(|&byte| byte == b')')? + 1;
    let text = String::from_utf8_lossy(stat.get(after..)?).into_owned();
    Some(text.split_ascii_whitespace().map(str::to_owned).collect())
}

/// Gives the process group and the session of a process.
pub(crate) fn group_and_session(pid: i32) -> Option<(i32, i32)> {
    let fields = stat_fields(pid)?;
    Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
}

/// Says whether a process goes on in the program of its parent: it was forked and has executed nothing since.
pub(crate) fn is_fork(pid: i32) -> bool {
    /// `PF_FORKNOEXEC`, include/linux/sched.h
    const FORKED_NO_EXEC: u64 = 0x40;
    let flags = stat_fields(pid).and_then(|fields| fields.get(9 - 3)?.parse::<u64>().ok());
    flags.is_some_and(|flags| flags & FORKED_NO_EXEC != 0)
}

/// Says whether a title fills all the room there is for it, the arguments and the environment that the process
/// was started with: then its end is missing.
pub(crate) fn title_is_cut(pid: i32, title: &[u8]) -> bool {
    let Some(fields) = stat_fields(pid) else { return false };
    let field =
        |number: usize| fields.get(number - 3).and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
    let (arguments_start, environment_end) = (field(48), field(51));
    // Both are zero for a process that we may not look into.
    environment_end > arguments_start && title.len() + 2 >= environment_end - arguments_start
}

/// Gives the numbers of all processes.
pub(crate) fn all() -> io::Result<Vec<i32>> {
    let names = fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.filter_map(|name| name.parse().ok()).collect())
}

/// Gives the children of a process. One that ends while the list is read may hide another.
pub(crate) fn children(pid: i32) -> io::Result<Vec<ProcessId>> {
    let pids: Vec<i32> = match fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")) {
        Ok(text) => text.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect(),
        // A kernel without CONFIG_PROC_CHILDREN.
        Err(_) => all()?.into_iter().filter(|&child| status(child).is_ok_and(|s| s.parent == pid)).collect(),
    };
    Ok(pids.into_iter().filter_map(ProcessId::of).collect())
}

/// Gives how many files a process may open: the soft and the hard limit.
pub(crate) fn open_files_limit(pid: i32) -> Option<(u64, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let mut words = line.split_whitespace();
    let mut limit = || match words.next()? {
        "unlimited" => Some(u64::MAX),
        word => word.parse().ok(),
    };
    Some((limit()?, limit()?))
}

/// Gives the target of one of the links in `/proc/PID`.
pub(crate) fn link(pid: i32, name: &str) -> io::Result<PathBuf> {
    fs::read_link(format!("/proc/{pid}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_status_is_read() {
        let me = i32::try_from(std::process::id()).unwrap();
        let status = status(me).unwrap();
        assert_eq!(status.uid, nix::unistd::geteuid().as_raw());
        assert_eq!(status.gid, nix::unistd::getegid().as_raw());
        assert_eq!(status.parent, nix::unistd::getppid().as_raw());
        assert!(status.processors >= 1);
        assert!(!title_is_cut(me, b"short"));
        assert!(title_is_cut(me, &vec![b'x'; 1 << 22]));
    }

    #[test]
    fn child_is_among_the_children_until_it_ends() {
        let mut shell = std::process::Command::new("/bin/sh");
        shell.args(["-c", "sleep 60 & echo $!; wait"]).stdout(std::process::Stdio::piped());
        let mut shell = shell.spawn().unwrap();
        let pid = i32::try_from(shell.id()).unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(shell.stdout.take().unwrap()), &mut line)
            .unwrap();
        let sleep = ProcessId::of(line.trim().parse().unwrap()).unwrap();
        assert_eq!(children(pid).unwrap(), [sleep]);
        sleep.open().unwrap().unwrap().signal(nix::sys::signal::Signal::SIGKILL).unwrap();
        shell.wait().unwrap();
        assert!(children(pid).unwrap().is_empty());
    }
}
