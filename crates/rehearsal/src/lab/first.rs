//! The processes that hold a lab: the *keeper* outside, the first process of the lab, and the first process of each host.
//!
//! The keeper is in the lab's user namespace and sees the machine's files, so that it can take the lab's directory away
//! when everything has ended, however it ended. The first process of the lab dies with the keeper, and the kernel ends
//! everything in a process namespace with its first process, the namespaces below it too.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nix::fcntl::AT_FDCWD;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid};
use serde::{Deserialize, Serialize};

use super::layout::{MEMBERS, Member, PREFIXES};
use super::state::STATE;
use crate::sandbox::child::mounts::{self, Mounts};
use crate::sandbox::child::netlink::{self, Batch, LOOPBACK};
use crate::sandbox::child::paths::resolve;
use crate::sandbox::child::{CONTROL, PLAN, enter_user_namespace};
use crate::sandbox::sys;
use crate::sandbox::wire::{self, Answer, Failure, Says};

/// How much the files of one host may hold, in bytes.
const FILES_BYTES: u64 = 64 << 20;
/// Where this program is inside, first in `PATH`.
pub(super) const OWN_PROGRAM: &str = "/run/lab/bin/evenkeel";
/// Numbers of devices, far from those that the kernel gives by itself.
const SWITCH: u32 = 4700;
const NEAR: u32 = 4800;
const FAR: u32 = 4900;

/// What the keeper is told.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) dir: PathBuf,
    pub(super) own_maps: Option<(String, String)>,
    /// This program, and others that must be visible wherever they lie.
    pub(super) program: PathBuf,
    pub(super) programs: Vec<PathBuf>,
    /// Names and contents of files below `/etc` that every host has.
    pub(super) etc: Vec<(String, Vec<u8>)>,
}

/// Said by whoever brought the lab up: it is whole, and stays without them.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Stays;

/// Becomes the keeper of a lab.
pub(super) fn main(_arguments: impl Iterator<Item = OsString>) -> ExitCode {
    sys::close_from(PLAN + 1);
    let (Ok(control), Ok(plan)) = (sys::inherited(CONTROL), sys::inherited(PLAN)) else {
        return ExitCode::from(2);
    };
    let Ok(plan) = serde_json::from_reader::<_, Plan>(io::BufReader::new(File::from(plan))) else {
        return ExitCode::from(2);
    };
    let done = keep(&control, &plan);
    if let Err(failure) = done {
        let down = Answer { number: 0, says: Says::Down(failure) };
        let _nobody_may_listen = wire::send(control.as_fd(), &down, &[]);
    }
    take_away(&plan.dir);
    ExitCode::SUCCESS
}

/// Removes the directory of a lab, if it is one.
pub(super) fn take_away(dir: &Path) {
    if dir.join(STATE).is_file() {
        let _somebody_else_may_have = fs::remove_dir_all(dir);
    }
}

fn keep(control: &OwnedFd, plan: &Plan) -> Result<(), Failure> {
    let step = |what: &'static str| move |error: nix::Error| Failure::at(what)(error.into());
    let mut ends = SigSet::empty();
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP].into_iter().for_each(|signal| ends.add(signal));
    ends.thread_block().map_err(step("wait for signals"))?;
    let signals = SignalFd::with_flags(&ends, SfdFlags::SFD_CLOEXEC).map_err(step("wait for signals"))?;
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    enter_user_namespace(control.as_fd(), plan.own_maps.as_ref(), false)?;
    let rest = CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWPID;
    unshare(rest).map_err(step("enter namespaces of its own"))?;
    let networks = networks().map_err(Failure::at("set up the networks"))?;
    match sys::fork().map_err(Failure::at("start the first process of the lab"))? {
        ForkResult::Child => {
            let _unblocked = ends.thread_unblock();
            if let Err(failure) = first(control.as_fd(), plan, &networks) {
                let down = Answer { number: 0, says: Says::Down(failure) };
                let _nobody_may_listen = wire::send(control.as_fd(), &down, &[]);
            }
            std::process::exit(0);
        }
        ForkResult::Parent { child } => {
            drop(networks);
            watch(control, &signals, child).map_err(Failure::at("watch over the lab"))
        }
    }
}

/// Waits until the lab is to end: it did, somebody wants it to, or whoever brings it up has gone.
fn watch(control: &OwnedFd, signals: &SignalFd, first: Pid) -> io::Result<()> {
    let handle = sys::pidfd_open(first.as_raw())?;
    let mut stays = false;
    loop {
        let mut ready = vec![
            PollFd::new(handle.as_fd(), PollFlags::POLLIN),
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
        ];
        if !stays {
            ready.push(PollFd::new(control.as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut ready, PollTimeout::NONE) {
            Ok(_) | Err(nix::Error::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        let is_ready = |at: usize| ready.get(at).is_some_and(|fd| fd.any().unwrap_or(false));
        if !is_ready(0) && !is_ready(1) && is_ready(2) {
            // Gone, or something else: either way nobody brings it up any more.
            stays = matches!(wire::receive::<Stays>(control.as_fd()), Ok(Some(_)));
            if stays {
                continue;
            }
        } else if !is_ready(0) && !is_ready(1) {
            continue;
        }
        let _it_may_have_ended = kill(first, Signal::SIGKILL);
        while waitpid(first, None) == Err(nix::Error::EINTR) {}
        return Ok(());
    }
}

/// The network of each host, in the order of [`MEMBERS`].
fn networks() -> io::Result<Vec<File>> {
    let enter_new = || -> io::Result<(File, OwnedFd)> {
        unshare(CloneFlags::CLONE_NEWNET)?;
        Ok((File::open("/proc/self/ns/net")?, netlink::open()?))
    };
    let (switch, orders) = enter_new()?;
    let mut all = Batch::default();
    all.up(LOOPBACK);
    all.switch(("br0", SWITCH));
    let hosts = MEMBERS.iter().map(|_| enter_new()).collect::<io::Result<Vec<_>>>()?;
    for ((member, number), (network, _)) in MEMBERS.iter().zip(0..).zip(&hosts) {
        let far = ("eth0", FAR + number, member.hardware());
        all.plug(SWITCH, (member.name, NEAR + number), far, network.as_raw_fd());
    }
    all.send(&orders)?;
    for ((member, number), (_, orders)) in MEMBERS.iter().zip(0..).zip(&hosts) {
        let mut own = Batch::default();
        own.up(LOOPBACK);
        own.up(FAR + number);
        own.address_within(FAR + number, member.v4().into(), PREFIXES.0);
        if Path::new("/proc/net/if_inet6").exists() {
            own.address_within(FAR + number, member.v6().into(), PREFIXES.1);
        }
        own.send(orders)?;
    }
    setns(&switch, CloneFlags::CLONE_NEWNET)?;
    Ok(hosts.into_iter().map(|(network, _)| network).collect())
}

/// The first process of the lab: starts that of each host, and takes the ends of whoever has nobody else.
fn first(control: BorrowedFd<'_>, plan: &Plan, networks: &[File]) -> Result<(), Failure> {
    let step = |error: nix::Error| Failure::at("prepare the first process of the lab")(error.into());
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).map_err(step)?;
    for ((member, number), network) in MEMBERS.iter().zip(1..).zip(networks) {
        if let ForkResult::Child = sys::fork().map_err(Failure::at("start a host"))? {
            if let Err(failure) = enter_host(control, plan, (member, number), network) {
                let down = Answer { number: 0, says: Says::Down(failure) };
                let _nobody_may_listen = wire::send(control, &down, &[]);
            }
            std::process::exit(0);
        }
    }
    reap()
}

/// Enters the namespaces of a host, and starts its first process there.
fn enter_host(
    control: BorrowedFd<'_>,
    plan: &Plan,
    (member, number): (&Member, u64),
    network: &File,
) -> Result<(), Failure> {
    let own = || -> io::Result<ForkResult> {
        setns(network, CloneFlags::CLONE_NEWNET)?;
        let rest = CloneFlags::CLONE_NEWIPC
            | CloneFlags::CLONE_NEWUTS
            | CloneFlags::CLONE_NEWNS
            | CloneFlags::CLONE_NEWCGROUP
            | CloneFlags::CLONE_NEWPID;
        unshare(rest)?;
        nix::unistd::sethostname(member.name)?;
        sys::fork()
    };
    match own().map_err(Failure::at("enter the namespaces of a host"))? {
        ForkResult::Parent { .. } => Ok(()),
        ForkResult::Child => {
            furnish(plan, member)?;
            let step = || Failure::at("say that a host stands");
            let me = sys::pidfd_open(1).map_err(step())?;
            let up = Answer { number, says: Says::Up { differences: Vec::new() } };
            wire::send(control, &up, &[me.as_fd()]).map_err(step())?;
            drop(me);
            sys::close_from(3);
            reap()
        }
    }
}

/// Lays out the files of a host: a mirror of this machine that nobody can write to, and what is its own.
fn furnish(plan: &Plan, member: &Member) -> Result<(), Failure> {
    let mut programs = vec![plan.program.clone()];
    programs.extend(plan.programs.iter().cloned());
    let (mut mounts, kept) = mounts::mirror(FILES_BYTES, &[], &programs, || {})?;
    if !mounts.has_proc {
        return Err(Failure::at("mount /proc for a host")(io::Error::from_raw_os_error(libc::EPERM)));
    }
    for (at, (path, mount, was)) in kept.nginx.iter().enumerate() {
        let shown = if at == 0 { (Path::new(OWN_PROGRAM), (0, 0)) } else { (path.as_path(), *was) };
        mounts.program(shown.0, mount, shown.1).map_err(Failure::with(path))?;
    }
    for path in member.directories().into_iter().map(Path::new) {
        cover(&mut mounts, path).map_err(Failure::with(path))?;
    }
    // Files of its own, not mounts over others: editors and `sed -i` put another one in their place.
    let own = |mounts: &mut Mounts, path: &Path, contents: &[u8]| {
        let placed = mounts.place(path).and_then(|at| fs::write(at, contents));
        placed.map_err(Failure::with(path))
    };
    for (name, contents) in &plan.etc {
        own(&mut mounts, &Path::new("/etc").join(name), contents)?;
    }
    for laid in member.beginnings().into_iter().chain(member.files()) {
        match laid.contents() {
            Some(contents) => own(&mut mounts, &laid.path, contents.as_bytes())?,
            None => laid.lay().map(drop).map_err(Failure::with(&laid.path))?,
        }
    }
    Ok(())
}

/// Covers a directory, or makes it: an empty one that can be written to, whatever lies there on this machine.
fn cover(mounts: &mut Mounts, path: &Path) -> io::Result<()> {
    const MODE: u32 = 0o755;
    let (existing, rest) = resolve(path)?;
    if !rest.is_empty() {
        return mounts.directory(path, 0, 0, MODE);
    }
    let fresh = mounts.fresh(MODE)?;
    sys::attach(fresh.as_fd(), AT_FDCWD, &existing)
}

/// Takes the ends of processes, until it is killed.
fn reap() -> Result<(), Failure> {
    let step = |error: nix::Error| Failure::at("wait for the ends of processes")(error.into());
    let mut ended = SigSet::empty();
    ended.add(Signal::SIGCHLD);
    ended.thread_block().map_err(step)?;
    loop {
        while matches!(waitpid(None, Some(WaitPidFlag::WNOHANG)), Ok(status) if status != WaitStatus::StillAlive)
        {
        }
        ended.wait().map_err(step)?;
    }
}
