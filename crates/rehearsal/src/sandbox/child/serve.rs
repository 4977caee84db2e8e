//! The first process of the sandbox: does what it is asked, reaps what dies, ends everything with itself.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{MsgFlags, SockType};
use nix::sys::stat::Mode;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::confine::{self, Filters};
use super::mounts::Mounts;
use super::network::Networks;
use super::sockets;
use crate::sandbox::sys;
use crate::sandbox::wire::{self, Answer, Order, Plan, Question, Says, errno};

/// How often processes and memory are counted while there are any.
const WATCH: Duration = Duration::from_millis(50);
/// How many ends of programs are remembered.
const STATUSES_MAX: usize = 1000;

/// Everything the first process holds.
pub(super) struct Init<'a> {
    pub(super) plan: &'static Plan,
    pub(super) control: BorrowedFd<'a>,
    /// Ends when the process that made us ends.
    pub(super) lifeline: BorrowedFd<'a>,
    pub(super) networks: Networks,
    pub(super) mounts: Mounts,
    pub(super) system_log: Option<OwnedFd>,
    pub(super) deadline: Instant,
}

/// Serves until nobody is there any longer, or a limit is reached. Whatever runs ends with this process.
pub(super) fn serve(mut init: Init<'_>) -> io::Result<()> {
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGCHLD);
    mask.thread_block()?;
    let deaths = SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    let filters = Filters::new()?;
    let mut statuses: HashMap<i32, Option<i32>> = HashMap::new();
    let mut watched = Instant::now();
    loop {
        let mut ready = vec![
            PollFd::new(init.control, PollFlags::POLLIN),
            PollFd::new(init.lifeline, PollFlags::POLLIN),
            PollFd::new(deaths.as_fd(), PollFlags::POLLIN),
        ];
        if let Some(log) = &init.system_log {
            ready.push(PollFd::new(log.as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut ready, PollTimeout::from(u16::try_from(WATCH.as_millis()).unwrap_or(50))) {
            Ok(_) | Err(nix::Error::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        let said: Vec<bool> =
            ready.iter().map(|one| one.revents().is_some_and(|events| !events.is_empty())).collect();
        if said[1] {
            return Ok(());
        }
        if said[2] {
            while let Ok(Some(_)) = deaths.read_signal() {}
        }
        reap(&mut statuses);
        if said.get(3) == Some(&true) {
            init.system_log.as_ref().into_iter().for_each(drain);
        }
        if said[0] {
            let Some((question, _)) = wire::receive::<Question>(init.control)? else { return Ok(()) };
            let (says, beside) = init.answer(question.order, &filters, &mut statuses);
            let beside: Vec<BorrowedFd<'_>> = beside.iter().map(AsFd::as_fd).collect();
            wire::send(init.control, &Answer { number: question.number, says }, &beside)?;
        }
        if Instant::now() >= init.deadline {
            return init.ends("its time is over");
        }
        if watched.elapsed() >= WATCH {
            watched = Instant::now();
            if let Some(because) = init.too_much() {
                return init.ends(&because);
            }
        }
    }
}

impl Init<'_> {
    fn ends(&self, because: &str) -> io::Result<()> {
        // The processes first: whoever reads this may look for them at once.
        kill_all();
        wire::send(self.control, &Answer { number: 0, says: Says::Ends { because: because.to_owned() } }, &[])
    }

    fn answer(
        &mut self,
        order: Order,
        filters: &Filters,
        statuses: &mut HashMap<i32, Option<i32>>,
    ) -> (Says, Vec<OwnedFd>) {
        let made = |made: io::Result<OwnedFd>| made.map(|made| (Says::Done, vec![made]));
        let done = match order {
            Order::Mapped => Ok((Says::Done, Vec::new())),
            Order::Listen { world, at } => made(self.networks.on(world, || sockets::listening(at))),
            Order::Udp { world, at } => {
                made(self.networks.on(world, || sockets::bound(SockType::Datagram, at)))
            }
            Order::Connect { world, from, to } => {
                made(self.networks.on(world, || sockets::connecting(from, to)))
            }
            Order::ListenUnix { path } => {
                made(self.mounts.place(&path.path()).and_then(|path| sockets::listening_unix(&path)))
            }
            Order::ConnectUnix { path } => made(sockets::connecting_unix(&path.path())),
            Order::RemoveUnix { path } => {
                let path = path.path();
                let is_socket =
                    || std::fs::symlink_metadata(&path).is_ok_and(|it| it.file_type().is_socket());
                let removed = if is_socket() { self.mounts.place(&path).map(drop) } else { Ok(()) };
                removed.map(|()| (Says::Done, Vec::new()))
            }
            Order::Start { program, arguments } => {
                let started = self.start(&program.path(), &arguments, filters);
                if let Ok((Says::Started { pid }, _)) = &started {
                    if statuses.len() >= STATUSES_MAX {
                        statuses.retain(|_, status| status.is_none());
                    }
                    statuses.insert(*pid, None);
                }
                started
            }
            Order::Status { pid } => {
                reap(statuses);
                Ok((Says::Status { status: statuses.get(&pid).copied().flatten() }, Vec::new()))
            }
            Order::KillAll => {
                kill_all();
                reap(statuses);
                Ok((Says::Done, Vec::new()))
            }
            Order::Exchange { tree } => self.mounts.exchange(tree).map(|()| (Says::Done, Vec::new())),
            Order::Open { path } => made(look(&path.path())),
        };
        done.unwrap_or_else(|error| (Says::Failed { errno: errno(&error) }, Vec::new()))
    }

    /// Starts a program as the host's service manager would: in `/`, with a small environment, without a terminal.
    fn start(
        &self,
        program: &Path,
        arguments: &[String],
        filters: &Filters,
    ) -> io::Result<(Says, Vec<OwnedFd>)> {
        // A file and no pipe: with `error_log stderr` the workers hold it for ever.
        let output = File::from(memfd_create("output", MFdFlags::MFD_CLOEXEC)?);
        let append = || -> io::Result<Stdio> {
            let copy = output.try_clone()?;
            nix::fcntl::fcntl(&copy, nix::fcntl::FcntlArg::F_SETFL(OFlag::O_APPEND))?;
            Ok(copy.into())
        };
        let mut command = Command::new(program);
        command.args(arguments).env_clear().current_dir("/");
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.stdin(Stdio::null()).stdout(append()?).stderr(append()?);
        let (plan, filters) = (self.plan, filters.clone());
        sys::before_exec(&mut command, move || confine::program(plan, &filters));
        let child = command.spawn()?;
        let pid = i32::try_from(child.id()).expect("process numbers fit an i32");
        let handle = sys::pidfd_open(pid)?;
        Ok((Says::Started { pid }, vec![handle, output.into()]))
    }

    /// Says which limit is passed: how many processes there are, and how much memory they hold.
    fn too_much(&self) -> Option<String> {
        let many = || format!("more than {} processes", self.plan.processes);
        if !self.mounts.has_proc {
            return (count_by_asking(self.plan.processes) > self.plan.processes).then(many);
        }
        let entries = fs::read_dir("/proc").ok()?.flatten().map(|entry| entry.path());
        let is_process = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            name.iter().all(u8::is_ascii_digit) && name != b"1"
        };
        let processes: Vec<PathBuf> = entries.filter(is_process).collect();
        if processes.len() > usize::try_from(self.plan.processes).unwrap_or(usize::MAX) {
            return Some(many());
        }
        // What several of them share counts for each of them here, and once there.
        let most: u64 = processes.iter().map(|process| resident(process)).sum();
        let limit = self.plan.memory_bytes;
        let is_too_much = most > limit && processes.iter().map(|process| share(process)).sum::<u64>() > limit;
        is_too_much.then(|| format!("more than {} MiB of memory", limit >> 20))
    }
}

/// How many bytes of memory a process has in use.
fn resident(process: &Path) -> u64 {
    let held = fs::read_to_string(process.join("statm")).unwrap_or_default();
    let pages = held.split(' ').nth(1).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten().unwrap_or(4096);
    pages.saturating_mul(u64::try_from(page).unwrap_or(4096))
}

/// The same, with memory that `n` processes share counted as an `n`th.
fn share(process: &Path) -> u64 {
    let text = fs::read_to_string(process.join("smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.map_or_else(|| resident(process), |kib| kib << 10)
}

/// Counts processes, as far as `most`, where no `/proc` lists them: their numbers are given out one after the other.
fn count_by_asking(most: u32) -> u32 {
    const GAP_MAX: u32 = 2000;
    let (mut count, mut gap) = (0, 0);
    for pid in 2.. {
        match kill(Pid::from_raw(pid), None) {
            Ok(()) => (count, gap) = (count + 1, 0),
            Err(_) => gap += 1,
        }
        if gap > GAP_MAX || count > most {
            break;
        }
    }
    count
}

/// Takes the ends of all processes that have ended, and remembers those of programs.
fn reap(statuses: &mut HashMap<i32, Option<i32>>) {
    loop {
        let (pid, status) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) => (pid, code),
            Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, 128 + signal as i32),
            Ok(WaitStatus::StillAlive) | Err(_) => return,
            Ok(_) => continue,
        };
        if let Some(remembered) = statuses.get_mut(&pid.as_raw()) {
            *remembered = Some(status);
        }
    }
}

/// Kills every process but this one, and waits until their ends can be taken.
fn kill_all() {
    // As the first process, -1 means everything in here; those that fork meanwhile are met the next time round.
    while kill(Pid::from_raw(-1), Signal::SIGKILL).is_ok() {
        let ended = nix::sys::wait::Id::All;
        if nix::sys::wait::waitid(ended, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).is_err() {
            return;
        }
        // Nobody waits for the status of what was killed.
        while matches!(waitpid(None, Some(WaitPidFlag::WNOHANG)), Ok(status) if status != WaitStatus::StillAlive)
        {
        }
    }
}

/// Opens a file for reading, or only its place when it is something else that might hold up whoever opens it.
fn look(path: &Path) -> io::Result<OwnedFd> {
    let place = open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
    if nix::sys::stat::fstat(&place)?.st_mode & libc::S_IFMT != libc::S_IFREG {
        return Ok(place);
    }
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    // One that may not be read is there all the same.
    Ok(open(path, flags, Mode::empty()).unwrap_or(place))
}

/// Takes what was written to the log of the system, so that nobody waits.
fn drain(log: &OwnedFd) {
    use std::os::fd::AsRawFd;
    const MESSAGES_MAX: usize = 200;
    let mut message = [0; 1024];
    for _ in 0..MESSAGES_MAX {
        if nix::sys::socket::recv(log.as_raw_fd(), &mut message, MsgFlags::MSG_DONTWAIT).is_err() {
            return;
        }
    }
}
