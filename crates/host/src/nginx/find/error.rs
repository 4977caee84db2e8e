//! What stands in the way of working with an nginx.

use std::io;
use std::path::PathBuf;

use crate::nginx::compiled::CompiledError;

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
    },
    /// A master reads this configuration, but it is not the one that the pid file names.
    #[error("trust {pid_file}: it {says}, and nginx {master} reads {main}",
        pid_file = pid_file.display(), main = main.display())]
    PidFileWrong {
        /// The pid file.
        pid_file: PathBuf,
        /// What is wrong with it, completing "it …".
        says: String,
        /// The master that does read this configuration.
        master: i32,
        /// The main file.
        main: PathBuf,
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
