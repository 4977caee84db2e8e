//! Finds the nginx master that reads this tree.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use crate::identity::ProcessId;
use crate::nginx::compiled::CompiledError;
use crate::place::Place;

/// The arguments a master was started with, read back from its title.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Args {
    /// Its own name, `argv[0]`.
    pub program: OsString,
    /// `-c`
    pub conf: Option<PathBuf>,
    /// `-p`
    pub prefix: Option<PathBuf>,
    /// `-g`
    pub globals: Option<OsString>,
    /// `-e`
    pub error_log: Option<PathBuf>,
}

/// A running nginx master. Paths are as this process sees them; see [`Master::path`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Master {
    /// Which process it is.
    pub id: ProcessId,
    /// What it was started with.
    pub args: Args,
    /// The file it was started from; it may be gone ([`Self::exe_deleted`]). Run `/proc/PID/exe` instead.
    pub exe: PathBuf,
    /// Whether that file has been replaced or removed since, as a package upgrade does.
    pub exe_deleted: bool,
    /// Where it stands, which `-p` is relative to.
    pub cwd: PathBuf,
    /// Its main configuration file, absolute.
    pub conf: PathBuf,
    /// The directory that stands for the tree in its view: `conf` without what `place.main` adds to
    /// `place.config_dir`.
    pub tree: PathBuf,
    /// Its user and group.
    pub uid: u32,
    /// See [`Self::uid`].
    pub gid: u32,
    /// Whether it has its own view of the file system (another mount namespace, or another root).
    pub own_view: bool,
}

/// Why there is no master to work with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// There is no pid file, and no master reads this configuration.
    #[error("find a running nginx: there is no {pid_file}", pid_file = pid_file.display())]
    NotRunning {
        /// Where the pid file should be.
        pid_file: PathBuf,
    },
    /// The pid file names a process that has ended.
    #[error("find a running nginx: {pid_file} names process {pid}, which has ended", pid_file = pid_file.display())]
    Stale {
        /// The pid file.
        pid_file: PathBuf,
        /// What it says.
        pid: i32,
    },
    /// The pid file holds no number.
    #[error("find a running nginx: {pid_file} holds no process number ({holds})", pid_file = pid_file.display())]
    Garbage {
        /// The pid file.
        pid_file: PathBuf,
        /// What it holds, shortened and printable.
        holds: String,
    },
    /// The pid file cannot be read.
    #[error("read {pid_file}", pid_file = pid_file.display())]
    Unreadable {
        /// The pid file.
        pid_file: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The pid file names some other process.
    #[error("find a running nginx: {pid_file} names process {pid}, which is {actual}", pid_file = pid_file.display())]
    PidFileLies {
        /// The pid file.
        pid_file: PathBuf,
        /// What it says.
        pid: i32,
        /// What that process is.
        actual: String,
        /// The master that does read this configuration, where there is one.
        master: Option<i32>,
    },
    /// The master reads another main file.
    #[error("work with nginx {pid}: it reads {reads}, not {main}", reads = reads.display(), main = main.display())]
    OtherConfiguration {
        /// The master.
        pid: i32,
        /// Its main file, as it sees it.
        reads: PathBuf,
        /// The one we were told of.
        main: PathBuf,
        /// Whether it has its own view of the file system.
        own_view: bool,
    },
    /// More than one master reads this configuration.
    #[error("choose between the nginx masters {pids:?}: all of them read {main}", main = main.display())]
    TwoMasters {
        /// The masters.
        pids: Vec<i32>,
        /// The main file.
        main: PathBuf,
    },
    /// A binary upgrade has begun (USR2) and is not finished: a signal would reach one of two generations.
    #[error("work with nginx {new}: it is being upgraded from {old}, which still stands by")]
    UpgradePending {
        /// The old master.
        old: i32,
        /// The new master.
        new: i32,
    },
    /// Workers go on serving without their master: nobody can reload them.
    #[error("find the nginx master: {master} is gone and its workers {workers:?} go on without it")]
    OrphanedWorkers {
        /// The master that was.
        master: i32,
        /// Its workers.
        workers: Vec<i32>,
    },
    /// nginx runs as a single process (`master_process off`), which cannot prove a reload.
    #[error("work with nginx {pid}: it runs without a master (master_process off)")]
    SingleProcess {
        /// The process.
        pid: i32,
    },
    /// The process belongs to somebody else.
    #[error("look at nginx {pid}: it runs as user {uid}, and this is user {me}")]
    NoPermission {
        /// The master.
        pid: i32,
        /// Its user.
        uid: u32,
        /// Ours.
        me: u32,
    },
    /// Its title was cut short, so that its arguments are not known.
    #[error("read the arguments of nginx {pid}: its title was cut short")]
    TitleCut {
        /// The master.
        pid: i32,
    },
    /// How it was built is needed to know its paths, and could not be asked.
    #[error("ask nginx {pid} how it was built")]
    Compiled {
        /// The master.
        pid: i32,
        /// What went wrong.
        source: CompiledError,
    },
    /// `/proc` does not say what it should.
    #[error("look at process {pid}")]
    Proc {
        /// The process.
        pid: i32,
        /// What the kernel said.
        source: io::Error,
    },
}

/// Finds the one master that reads `place.main`.
///
/// # Errors
/// [`FindError`] says what stands in the way; none of them changes anything on the host.
pub fn find(place: &Place) -> Result<Master, FindError> {
    let _ = place;
    unimplemented!()
}
