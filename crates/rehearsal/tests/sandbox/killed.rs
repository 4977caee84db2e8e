//! Whatever is killed, at whatever moment: nothing stays.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant, SystemTime};

use evenkeel_rehearsal::sandbox::Sandbox;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::life::{HOST, get, http, running, spec, start, tree};
use crate::{Test, block_on};

pub(crate) const TESTS: &[Test] = &[
    ("whatever_is_killed_at_any_moment_nothing_stays", whatever_is_killed_at_any_moment_nothing_stays),
    ("dropped_sandbox_is_gone_at_once", dropped_sandbox_is_gone_at_once),
];

const ROUNDS: usize = 20;
const AT_ONCE: usize = 5;
/// Long enough for the last of them to stand and to serve.
const MOMENTS_MS: u64 = 90;

/// Is the command that holds a sandbox, until its standard input ends.
pub(crate) fn hold(tree: &str) -> ExitCode {
    let held = block_on(async {
        let sandbox = Sandbox::start(spec(Path::new(tree))).await?;
        sandbox.start_nginx(Path::new(crate::life::NGINX), &[]).await?;
        Ok::<_, evenkeel_rehearsal::sandbox::SandboxError>(sandbox)
    });
    let _ends = std::io::stdin().read(&mut [0]);
    match held {
        Ok(sandbox) => {
            drop(sandbox);
            ExitCode::SUCCESS
        }
        Err(_) => ExitCode::FAILURE,
    }
}

fn whatever_is_killed_at_any_moment_nothing_stays() {
    // Whoever loses its parent becomes ours, so that nobody is overlooked.
    nix::sys::prctl::set_child_subreaper(true).unwrap();
    let tree = tree(&http("server { listen 80; return 200 here; }"));
    let written = tempfile::tempdir().unwrap();
    let mounts = mounts();
    let mut chance = Chance::new();
    let mut largest = 0;
    for _ in 0..ROUNDS {
        let mut held: Vec<(Child, Duration)> = Vec::new();
        for _ in 0..AT_ONCE {
            let moment = Duration::from_micros(chance.below(MOMENTS_MS * 1000));
            held.push((start_holding(tree.path(), written.path()), moment));
        }
        let began = Instant::now();
        held.sort_by_key(|(_, moment)| *moment);
        for (child, moment) in &held {
            std::thread::sleep(moment.saturating_sub(began.elapsed()));
            let pid = child.id().cast_signed();
            let all = family(pid);
            largest = largest.max(all.len());
            let victim = all[usize::try_from(chance.below(all.len() as u64)).unwrap()];
            let _it_may_have_ended = kill(Pid::from_raw(victim), Signal::SIGKILL);
        }
        // Their standard inputs end: who still lives goes.
        drop(held);
        wait_for_all();
    }
    nix::sys::prctl::set_child_subreaper(false).unwrap();
    assert!(largest >= 5, "command, both processes of the sandbox, master and worker: {largest}");
    // A namespace lives by a process, by a mount or by a descriptor. The first was waited for, in `wait_for_all`.
    assert_eq!(self::mounts().difference(&mounts).collect::<Vec<_>>(), [""; 0]);
    let open = fs::read_dir("/proc/self/fd").unwrap().flatten();
    let open: Vec<_> = open.filter_map(|entry| fs::read_link(entry.path()).ok()).collect();
    let kinds = ["cgroup:", "ipc:", "mnt:", "net:", "pid:", "user:", "uts:"];
    assert!(
        !open.iter().any(|one| kinds.iter().any(|kind| one.to_string_lossy().starts_with(kind))),
        "{open:?}"
    );
    assert_eq!(fs::read_dir(written.path()).unwrap().count(), 0);
}

fn dropped_sandbox_is_gone_at_once() {
    let tree = tree(&http("server { listen 80; return 200 here; }"));
    let (sandbox, pids) = block_on(async {
        let sandbox = Sandbox::start(spec(tree.path())).await.unwrap();
        running(start(&sandbox).await);
        assert!(get(&sandbox, None, HOST, "/").await.ends_with("here"));
        let pids: Vec<i32> = sandbox.processes().into_iter().map(|(pid, _)| pid).collect();
        (sandbox, pids)
    });
    assert!(pids.len() >= 2);
    let init = sandbox.init_pid();
    drop(sandbox);
    for pid in pids.into_iter().chain([init]) {
        assert!(!Path::new(&format!("/proc/{pid}")).exists(), "{pid}");
    }
}

fn start_holding(tree: &Path, written: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("hold").arg(tree).env("TMPDIR", written);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// A process and everything that descends from it.
fn family(pid: i32) -> Vec<i32> {
    let mut all = vec![pid];
    let mut next = 0;
    while let Some(pid) = all.get(next) {
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        all.extend(children.split_whitespace().map(|word| word.parse::<i32>().unwrap()));
        next += 1;
    }
    all
}

fn mounts() -> BTreeSet<String> {
    fs::read_to_string("/proc/self/mountinfo").unwrap().lines().map(str::to_owned).collect()
}

/// Waits until every child, own or left behind, has ended.
fn wait_for_all() {
    let limit = Instant::now() + Duration::from_secs(10);
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Err(nix::Error::ECHILD) => return,
            Ok(WaitStatus::StillAlive) => {
                let left = family(std::process::id().cast_signed());
                assert!(Instant::now() < limit, "still there: {left:?}");
                std::thread::sleep(Duration::from_millis(1));
            }
            _ => {}
        }
    }
}

/// Numbers by chance; another row every time.
struct Chance(u64);

impl Chance {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        Self(u64::try_from(now.as_nanos() & u128::from(u64::MAX)).unwrap() | 1)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
