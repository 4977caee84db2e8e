//! The process that keeps nginx where there are no namespaces: everything that nginx starts falls to it, and when nobody
//! talks to it any more it ends all of that, takes the files away and goes.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, setsid};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::sandbox::Limits;
use crate::sandbox::processes::{children, title};
use crate::stub::wire::{PACKET_BYTES_MAX, Wire};

/// How long nginx may take to end by itself.
const GOES: Duration = Duration::from_millis(400);
/// How long what was killed may take to be gone.
const GONE: Duration = Duration::from_secs(5);
/// How often it is looked whether something has ended.
const LOOK: Duration = Duration::from_millis(1);

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Order {
    /// Start this program; what it writes goes into a file.
    Start { program: PathBuf, arguments: Vec<String>, output: PathBuf },
    /// Tell how a process has ended, if it has.
    Status { pid: i32 },
    /// Signal a child.
    Signal { pid: i32, number: i32 },
    /// End everything that was started.
    Stop,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Says {
    Started { pid: i32 },
    Status { status: Option<i32> },
    Done,
    Failed { errno: i32 },
}

/// The parent's end.
#[derive(Debug)]
pub(super) struct Keeper {
    wire: Mutex<Option<Wire>>,
    process: Child,
    directory: PathBuf,
}

impl Keeper {
    /// Starts the keeper of a directory, which goes with it. Of the limits, those that hold for each process count.
    pub(super) fn start(program: &Path, directory: &Path, limits: &Limits) -> io::Result<Keeper> {
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        rustix::io::ioctl_fionbio(&ours, true)?;
        let mut command = Command::new(program);
        command.arg("__keeper").arg(directory).current_dir("/").env_clear();
        command.args([limits.file_bytes, limits.memory_bytes].map(|limit| limit.to_string()));
        if let Some((soft, hard)) = limits.open_files {
            command.args([soft, hard].map(|limit| limit.to_string()));
        }
        command.stdin(theirs).stdout(Stdio::null()).stderr(Stdio::null());
        let wire = Mutex::new(Some(Wire::new(ours)?));
        Ok(Keeper { wire, process: command.spawn()?, directory: directory.to_owned() })
    }

    pub(super) fn pid(&self) -> i32 {
        i32::try_from(self.process.id()).expect("process numbers fit an i32")
    }

    pub(super) async fn ask(&self, order: &Order) -> io::Result<Says> {
        let wire = self.wire.lock().await;
        let ended = || io::Error::new(io::ErrorKind::BrokenPipe, "the keeper has ended");
        let wire = wire.as_ref().ok_or_else(ended)?;
        wire.send(order, None).await?;
        match wire.receive().await? {
            Some((Says::Failed { errno }, _)) => Err(io::Error::from_raw_os_error(errno)),
            Some((says, _)) => Ok(says),
            None => Err(ended()),
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // It ends everything when it hears nothing more.
        drop(self.wire.get_mut().take());
        let ended = self.process.wait();
        if ended.is_ok_and(|status| status.success()) {
            return;
        }
        // It was killed: what it kept has lost its keeper, and its files are still there.
        let began = Instant::now();
        loop {
            let users = users(&self.directory);
            if users.is_empty() || began.elapsed() > GONE {
                break;
            }
            end(&users);
            std::thread::sleep(LOOK);
        }
        let _gone = fs::remove_dir_all(&self.directory);
    }
}

/// Kills masters and their workers. A master is stopped first: it starts no worker behind our back.
fn end(masters: &[i32]) {
    let signal = |pid: i32, signal: Signal| {
        let _it_may_have_ended = kill(Pid::from_raw(pid), signal);
    };
    masters.iter().for_each(|pid| signal(*pid, Signal::SIGSTOP));
    let workers: Vec<i32> = masters.iter().flat_map(|pid| children(*pid)).collect();
    workers.iter().chain(masters).for_each(|pid| signal(*pid, Signal::SIGKILL));
}

/// The masters that were started on a directory: its name, which nobody else has, stands in their command line. A worker
/// whose master is gone writes its errors there (`ngx_log_redirect_stderr`, src/core/ngx_log.c).
fn users(directory: &Path) -> Vec<i32> {
    let name = directory.display().to_string();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let pids: Vec<i32> = pids.collect();
    let writes = |pid: i32| {
        let log = fs::read_link(format!("/proc/{pid}/fd/2"));
        title(pid).starts_with("nginx: worker") && log.is_ok_and(|log| log.starts_with(directory))
    };
    pids.into_iter().filter(|pid| *pid != own() && (title(*pid).contains(&name) || writes(*pid))).collect()
}

/// The keeper itself.
pub(crate) fn main(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let Some(directory) = arguments.next().map(PathBuf::from) else { return ExitCode::from(2) };
    let limits: Vec<u64> = arguments.filter_map(|limit| limit.to_str()?.parse().ok()).collect();
    limit(&limits);
    match run() {
        Ok(()) | Err(_) if fs::remove_dir_all(&directory).is_ok() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Limits what is started from here. Nobody but root may raise a limit; then it stays as low as it is.
fn limit(limits: &[u64]) {
    let (each, open_files) = limits.split_at(limits.len().min(2));
    for (resource, limit) in [Resource::RLIMIT_FSIZE, Resource::RLIMIT_DATA].into_iter().zip(each) {
        let _as_it_is = setrlimit(resource, *limit, *limit);
    }
    if let [soft, hard] = open_files {
        let _as_it_is = setrlimit(Resource::RLIMIT_NOFILE, *soft, *hard);
    }
}

fn run() -> io::Result<()> {
    prctl::set_child_subreaper(true)?;
    // What a terminal sends to its foreground is for the command, which tells.
    let _leads_already = setsid();
    // The first to go when memory is short, and nginx with it.
    let _like_others = fs::write("/proc/self/oom_score_adj", "1000");
    let mut kept = Kept::default();
    let talked = kept.talk(io::stdin().as_fd().try_clone_to_owned()?);
    kept.stop();
    talked
}

/// What was started, and how it ended.
#[derive(Default)]
struct Kept {
    ended: HashMap<i32, i32>,
}

impl Kept {
    fn talk(&mut self, socket: OwnedFd) -> io::Result<()> {
        let mut socket = File::from(socket);
        let mut packet = vec![0; PACKET_BYTES_MAX];
        loop {
            let length = socket.read(&mut packet)?;
            if length == 0 {
                return Ok(());
            }
            let says = match self.carry_out(serde_json::from_slice(&packet[..length])?) {
                Ok(says) => says,
                Err(error) => Says::Failed { errno: error.raw_os_error().unwrap_or(libc::EIO) },
            };
            socket.write_all(&serde_json::to_vec(&says)?)?;
        }
    }

    fn carry_out(&mut self, order: Order) -> io::Result<Says> {
        self.reap();
        match order {
            Order::Start { program, arguments, output } => {
                let output = File::create(output)?;
                let mut command = Command::new(program);
                command.args(arguments).current_dir("/").env_clear();
                command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
                command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
                let pid = i32::try_from(command.spawn()?.id()).expect("process numbers fit an i32");
                // An earlier one may have had its number.
                self.ended.remove(&pid);
                Ok(Says::Started { pid })
            }
            Order::Status { pid } => Ok(Says::Status { status: self.ended.get(&pid).copied() }),
            Order::Signal { pid, number } => {
                // A child that has ended keeps its number until it is reaped, which happens here alone.
                if !children(own()).contains(&pid) {
                    return Err(Errno::ESRCH.into());
                }
                kill(Pid::from_raw(pid), Signal::try_from(number)?)?;
                Ok(Says::Done)
            }
            Order::Stop => {
                self.stop();
                Ok(Says::Done)
            }
        }
    }

    /// Asks everything to end, then kills what is left.
    fn stop(&mut self) {
        let mut signal = Signal::SIGTERM;
        let began = Instant::now();
        while self.reap() && began.elapsed() < GOES + GONE {
            if signal == Signal::SIGTERM || began.elapsed() > GOES {
                for child in children(own()) {
                    // Asked to, nginx takes its unix sockets and its pid file away.
                    let _it_may_have_ended = kill(Pid::from_raw(child), signal);
                }
                signal = Signal::SIGKILL;
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Takes the ends of those that have ended; whether any is left.
    fn reap(&mut self) -> bool {
        loop {
            let (pid, status) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, status)) => (pid, status),
                Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, 128 + signal as i32),
                Ok(_) => return true,
                Err(Errno::EINTR) => continue,
                Err(_) => return false,
            };
            self.ended.insert(pid.as_raw(), status);
        }
    }
}

fn own() -> i32 {
    i32::try_from(std::process::id()).expect("process numbers fit an i32")
}
