//! The re-executed process, and the first process of the sandbox, which it becomes the parent of.
//!
//! Both have one thread. Whatever ends one of the three (whoever started it, this one, the first process inside) ends
//! all: the control socket closes, or the lifeline does, or the kernel ends what the first process leaves behind.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::sys::wait::waitpid;
use nix::unistd::ForkResult;

use super::wire::{self, Answer, Failure, Order, Plan, Pool, Question, Raw, Says};
use super::{identity, sys};

mod confine;
pub(crate) mod mounts;
pub(crate) mod netlink;
mod network;
pub(crate) mod paths;
mod serve;
mod sockets;
pub(crate) mod trees;

use network::Networks;
use trees::Written;

/// The descriptors that this process is started with: whom to talk to, and what to become.
pub(crate) const CONTROL: i32 = 3;
pub(crate) const PLAN: i32 = 4;

/// Becomes a sandbox.
pub(crate) fn main(_arguments: impl Iterator<Item = OsString>) -> ExitCode {
    sys::close_from(PLAN + 1);
    let (Ok(control), Ok(plan)) = (sys::inherited(CONTROL), sys::inherited(PLAN)) else {
        return ExitCode::from(2);
    };
    match run(control.as_fd(), plan) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _nobody_may_listen =
                wire::send(control.as_fd(), &Answer { number: 0, says: Says::Down(failure) }, &[]);
            ExitCode::from(2)
        }
    }
}

fn run(control: BorrowedFd<'_>, plan: OwnedFd) -> Result<(), Failure> {
    let read = Pool::read(File::from(plan));
    let (plan, pool) = read.map_err(Failure::at("read what the sandbox is to be"))?;
    // It lives as long as the process, and so may be used between fork and exec.
    let plan: &'static Plan = Box::leak(Box::new(plan));
    // First to be killed when memory runs out: before anything of the host's own.
    let _best_effort = fs::write("/proc/self/oom_score_adj", "1000");
    raise_open_files(plan.open_files.1);
    enter_user_namespace(control, plan.own_maps.as_ref(), plan.becomes_root)?;
    let rest = CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWCGROUP
        | CloneFlags::CLONE_NEWPID;
    unshare(rest).map_err(|error| Failure::at("enter namespaces of its own")(error.into()))?;
    let networks = network::make().map_err(Failure::at("enter a network namespace"))?;
    let pipe = || nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).map_err(io::Error::from);
    let (lifeline, held) = pipe().map_err(Failure::at("make a pipe"))?;
    let (configured, configures) = pipe().map_err(Failure::at("make a pipe"))?;
    match sys::fork().map_err(Failure::at("start the first process of the sandbox"))? {
        ForkResult::Child => {
            drop((held, configures));
            if let Err(failure) = inside((plan, &pool), control, lifeline.as_fd(), networks, configured) {
                let says = Says::Down(failure);
                let _nobody_may_listen = wire::send(control, &Answer { number: 0, says }, &[]);
            }
            std::process::exit(0);
        }
        ForkResult::Parent { child } => {
            drop((lifeline, configured));
            let done = network::configure(&networks, &plan.addresses);
            let errno = done.as_ref().err().map_or(0, wire::errno);
            let _it_may_have_ended = File::from(configures).write_all(&errno.to_ne_bytes());
            drop(networks);
            // Waits for the end of everything inside: the first process ends last.
            while waitpid(child, None) == Err(nix::Error::EINTR) {}
            drop(held);
            Ok(())
        }
    }
}

/// Raises how far the programs may raise how many files they open. Inside, nobody may any more.
fn raise_open_files(most: u64) {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((1024, 1024));
    let _needs_power_that_even_root_may_lack = setrlimit(Resource::RLIMIT_NOFILE, soft, most.max(hard));
}

/// Enters a user namespace; the maps are its own, or come from whoever is at the other end of the control socket.
pub(crate) fn enter_user_namespace(
    control: BorrowedFd<'_>,
    own_maps: Option<&(String, String)>,
    becomes_root: bool,
) -> Result<(), Failure> {
    // Afterwards it is too late for another one.
    let proc = identity::writable_proc();
    unshare(CloneFlags::CLONE_NEWUSER)
        .map_err(|error| Failure::at("enter a user namespace")(error.into()))?;
    match own_maps {
        Some((users, groups)) => {
            let write = |file: &str, text: &str| {
                let done = identity::write(proc.as_ref(), &format!("self/{file}"), text);
                done.map_err(Failure::at("map the user into a user namespace"))
            };
            write("setgroups", "deny")?;
            write("uid_map", users)?;
            write("gid_map", groups)
        }
        None => {
            let step = || Failure::at("have the users mapped into a user namespace");
            wire::send(control, &Answer { number: 0, says: Says::MapMe }, &[]).map_err(step())?;
            let mapped = wire::receive::<Question>(control).map_err(step())?;
            match mapped {
                Some((Question { order: Order::Mapped, .. }, _)) if becomes_root => {
                    become_root().map_err(step())
                }
                Some((Question { order: Order::Mapped, .. }, _)) => Ok(()),
                _ => Err(step()(io::ErrorKind::BrokenPipe.into())),
            }
        }
    }
}

/// Becomes the root of the user namespace. Until then this process is root of the machine, which is nobody in there.
fn become_root() -> io::Result<()> {
    let (user, group) = (nix::unistd::Uid::from_raw(0), nix::unistd::Gid::from_raw(0));
    nix::unistd::setgroups(&[])?;
    nix::unistd::setresgid(group, group, group)?;
    Ok(nix::unistd::setresuid(user, user, user)?)
}

/// Sets the rest up as the first process, and serves.
fn inside(
    (plan, pool): (&'static Plan, &Pool),
    control: BorrowedFd<'_>,
    lifeline: BorrowedFd<'_>,
    networks: Networks,
    configured: OwnedFd,
) -> Result<(), Failure> {
    let deadline = Instant::now() + Duration::from_millis(plan.wall_ms);
    let step = |error: nix::Error| Failure::at("prepare the first process of the sandbox")(error.into());
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).map_err(step)?;
    // Nobody inside may look into this process, whatever user it is.
    nix::sys::prctl::set_dumpable(false).map_err(step)?;
    nix::sys::stat::umask(nix::sys::stat::Mode::empty());
    unshare(CloneFlags::CLONE_NEWNS).map_err(|error| Failure::at("enter a mount namespace")(error.into()))?;
    let mut differences = Vec::new();
    let paths = |raw: &[Raw]| raw.iter().map(Raw::path).collect::<Vec<PathBuf>>();
    let (mut mounts, kept) =
        mounts::mirror(plan.files_bytes, &plan.trees, &paths(&plan.nginx), || settle(plan))?;
    if !mounts.has_proc {
        differences.push(
            "there is no /proc inside (something covers parts of it on this machine, as in a container): /dev/stderr \
             is a file of its own, and memory is limited for each process alone"
                .to_owned(),
        );
    }
    for (name, contents) in &plan.etc {
        let path = PathBuf::from("/etc").join(name);
        mounts.file(&path, contents, 0o644).map_err(Failure::with(&path))?;
    }
    let config_dir = plan.config_dir.path();
    let in_tree = |path: &PathBuf| path.starts_with(&config_dir);
    let mut written: Vec<Written> = plan.written.iter().map(|path| Written::file(path.path())).collect();
    for (path, uid, gid, mode) in &plan.directories {
        let path = path.path();
        if in_tree(&path) {
            written.push(Written::directory(path, *uid, *gid, *mode));
            continue;
        }
        mounts.directory(&path, *uid, *gid, *mode).map_err(Failure::with(&path))?;
    }
    for (path, mount, was) in &kept.nginx {
        mounts.program(path, mount, *was).map_err(Failure::with(path))?;
    }
    let lay = |mounts: &mut mounts::Mounts, tree: bool| -> Result<(), Failure> {
        for path in plan.hidden.iter().map(Raw::path).filter(|path| in_tree(path) == tree) {
            mounts.hide(&path).map_err(Failure::with(&path))?;
        }
        for (path, contents, mode) in &plan.files {
            let path = path.path();
            if in_tree(&path) == tree {
                mounts.file(&path, pool.get(*contents), *mode).map_err(Failure::with(&path))?;
            }
        }
        Ok(())
    };
    lay(&mut mounts, false)?;
    mounts.lay_trees(&config_dir, kept.trees, (pool, &written), |mounts| lay(mounts, true))?;
    let system_log = sockets::system_log(std::path::Path::new("/dev/log")).ok();
    let mut errno = [0; 4];
    File::from(configured).read_exact(&mut errno).map_err(Failure::at("set up the networks"))?;
    match i32::from_ne_bytes(errno) {
        0 => {}
        errno => return Err(Failure::at("set up the networks")(io::Error::from_raw_os_error(errno))),
    }
    let step = || Failure::at("say that the sandbox stands");
    let me = sys::pidfd_open(1).map_err(step())?;
    let up = Answer { number: 0, says: Says::Up { differences } };
    wire::send(control, &up, &[me.as_fd()]).map_err(step())?;
    drop(me);
    let init = serve::Init { plan, control, lifeline, networks, mounts, system_log, deadline };
    serve::serve(init).map_err(Failure::at("serve"))
}

/// Writes the settings of the kernel that belong to this sandbox alone. Older kernels have fewer of them.
fn settle(plan: &Plan) {
    for (name, value) in &plan.settings {
        let _as_on_the_host_where_possible = fs::write(format!("/proc/sys/net/{name}"), value);
    }
    // Memory of this kind stays without anybody who holds it.
    let _shared = fs::write("/proc/sys/kernel/shmall", "16384");
    // Numbers are given out up to this one, so there cannot be more processes: Linux 6.14 and later.
    let most = plan.processes.saturating_add(1).max(301);
    let _counted_by_ourselves_otherwise = fs::write("/proc/sys/kernel/pid_max", most.to_string());
}
