//! Who changes packages: the package manager among the processes above this one, and the login behind it.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How many processes are looked at, upwards.
const ANCESTORS_MAX: usize = 16;
/// How much of a command line is kept, in bytes.
const COMMAND_BYTES_MAX: usize = 1_000;
/// The login of a process that nobody logged in for, as the kernel writes it.
const NO_LOGIN: &str = "4294967295";
/// Programs that change packages. The one nearest to init is the author.
const MANAGERS: &[&str] = &[
    "dpkg",
    "apt",
    "apt-get",
    "aptitude",
    "unattended-upgrade",
    "unattended-upgrades",
    "packagekitd",
    "synaptic",
    "gdebi",
    "rpm",
    "dnf",
    "dnf5",
    "dnf-automatic",
    "yum",
    "microdnf",
    "zypper",
];

/// The package manager that called a hook of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The user whose login it began with, by number, where somebody logged in at all.
    pub login: Option<u32>,
    /// The program's name: `apt-get`, `unattended-upgrade`.
    pub program: String,
    /// Its command line.
    pub command: String,
    /// The unit of systemd in which it runs.
    pub unit: Option<String>,
    /// When it was started.
    pub since: SystemTime,
    /// Whether the nearest of them is a dpkg that apt's library runs: apt calls its hooks itself.
    pub within_apt: bool,
    /// The archives that the nearest of them names on its command line.
    pub archives: Vec<String>,
    /// The options that it names there.
    pub options: Vec<String>,
}

/// Looks upwards from this process. `None` when no package manager is above it.
#[must_use]
pub fn caller() -> Option<Caller> {
    let mut pid = u32::try_from(nix::unistd::getppid().as_raw()).ok()?;
    let (mut author, mut nearest) = (None, None);
    let mut depth = 0;
    for _ in 0..ANCESTORS_MAX {
        if pid <= 1 {
            break;
        }
        let words = words(pid);
        if let Some(program) = manager(&words) {
            depth += 1;
            nearest.get_or_insert_with(|| words.clone());
            author = Some((pid, program, words));
        }
        let Some(parent) = parent(pid) else { break };
        pid = parent;
    }
    let (pid, program, words) = author?;
    let nearest = nearest.unwrap_or_default();
    let line = words.join(&b' ');
    let mut command = printable(&line);
    command.truncate(command.floor_char_boundary(COMMAND_BYTES_MAX));
    let text = |word: &Vec<u8>| String::from_utf8_lossy(word).into_owned();
    let is_archive = |word: &&Vec<u8>| word.ends_with(b".deb") || word.ends_with(b".rpm");
    Some(Caller {
        login: login(pid),
        within_apt: depth > 1 || std::env::var_os("DPKG_FRONTEND_LOCKED").is_some(),
        program,
        command,
        unit: unit(pid),
        since: started(pid).unwrap_or_else(SystemTime::now),
        archives: nearest.iter().filter(is_archive).map(text).collect(),
        options: nearest.iter().filter(|word| word.starts_with(b"--")).map(text).collect(),
    })
}

/// The name of the package manager that a command line is of: its program, or the script of its interpreter.
fn manager(words: &[Vec<u8>]) -> Option<String> {
    let name = |word: &Vec<u8>| {
        let path = Path::new(std::ffi::OsStr::from_bytes(word));
        path.file_name().map(|name| name.to_string_lossy().into_owned())
    };
    let is_manager = |name: &String| MANAGERS.contains(&name.as_str());
    let first = name(words.first()?)?;
    if is_manager(&first) {
        return Some(first);
    }
    let interprets = ["python", "perl", "sh", "dash", "bash"].iter().any(|it| first.starts_with(it));
    let script = words.get(1..)?.iter().find(|word| !word.starts_with(b"-"))?;
    // `sh -c 'apt upgrade'` is the shell of somebody; its child is the package manager.
    let named = interprets && script.contains(&b'/');
    named.then(|| name(script)).flatten().filter(is_manager)
}

fn words(pid: u32) -> Vec<Vec<u8>> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line = line.strip_suffix(&[0]).unwrap_or(&line);
    line.split(|&byte| byte == 0).map(<[u8]>::to_vec).collect()
}

fn printable(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    text.chars().map(|letter| if letter.is_control() { '?' } else { letter }).collect()
}

fn field(pid: u32, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
}

fn parent(pid: u32) -> Option<u32> {
    field(pid, "PPid:")?.parse().ok()
}

fn login(pid: u32) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/loginuid")).ok()?;
    if text.trim() == NO_LOGIN { None } else { text.trim().parse().ok() }
}

/// The last part of the control group that is a service, a scope or a timer's service.
fn unit(pid: u32) -> Option<String> {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let part = groups.lines().find_map(|line| {
        let path = line.rsplit(':').next()?;
        path.rsplit('/').find(|part| part.ends_with(".service")).map(str::to_owned)
    })?;
    let named = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.@:".contains(&byte));
    named.then_some(part)
}

/// When a process was started: its ticks since boot, laid over the clock of today.
fn started(pid: u32) -> Option<SystemTime> {
    let id = crate::identity::ProcessId::of(i32::try_from(pid).ok()?)?;
    let per_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok()??;
    let since_boot =
        Duration::from_millis(id.start_ticks.checked_mul(1_000)? / u64::try_from(per_second).ok()?);
    let age = Duration::from_millis(crate::clock::boottime_ms()).checked_sub(since_boot)?;
    SystemTime::now().checked_sub(age)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[&str]) -> Option<String> {
        manager(&words.iter().map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>())
    }

    #[test]
    fn package_manager_is_known_by_its_program_or_script() {
        assert_eq!(of(&["apt-get", "-y", "upgrade"]).as_deref(), Some("apt-get"));
        assert_eq!(of(&["/usr/bin/dpkg", "-i", "x.deb"]).as_deref(), Some("dpkg"));
        let script = of(&["/usr/bin/python3", "-u", "/usr/bin/unattended-upgrade", "-d"]);
        assert_eq!(script.as_deref(), Some("unattended-upgrade"));
        for other in [&["bash"][..], &["sh", "-c", "apt upgrade"], &["vi", "apt"], &[""], &[]] {
            assert_eq!(of(other), None, "{other:?}");
        }
    }

    #[test]
    fn this_process_started_a_moment_ago() {
        let started = started(std::process::id()).unwrap();
        assert!(started.elapsed().is_ok_and(|age| age < Duration::from_secs(3_600)));
    }
}
