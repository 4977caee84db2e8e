//! What a tree may use up, and what happens when it wants more.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use evenkeel_rehearsal::sandbox::{Limits, Sandbox, SandboxError, Spec, Started};

use crate::life::{HOST, error_log, eventually, get, http, in_every_mode, running, spec, start, tree};
use crate::{Test, block_on};

pub(crate) const TESTS: &[Test] = &[
    ("start_that_hangs_is_killed", start_that_hangs_is_killed),
    ("standard_input_is_empty", standard_input_is_empty),
    ("program_that_forks_without_end_is_ended", program_that_forks_without_end_is_ended),
    ("program_that_writes_without_end_is_refused", program_that_writes_without_end_is_refused),
    ("one_process_holds_no_more_memory_than_all", one_process_holds_no_more_memory_than_all),
    ("many_processes_hold_no_more_memory_together", many_processes_hold_no_more_memory_together),
    ("memory_that_is_shared_counts_once", memory_that_is_shared_counts_once),
    ("sandbox_ends_when_its_time_is_over", sandbox_ends_when_its_time_is_over),
    ("open_files_are_limited_as_on_the_host", open_files_are_limited_as_on_the_host),
    ("everything_inside_is_first_to_be_killed", everything_inside_is_first_to_be_killed),
    ("what_is_not_there_is_named", what_is_not_there_is_named),
    ("setting_that_refuses_is_named", setting_that_refuses_is_named),
];

/// A program in the place of nginx.
fn stand_in(at: &Path, script: &str) -> PathBuf {
    let path = at.join("stand-in");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn limited(tree: &Path, change: impl FnOnce(&mut Limits)) -> Spec {
    let mut spec = spec(tree);
    change(&mut spec.limits);
    spec
}

fn start_that_hangs_is_killed() {
    let tree = tree(&http("include never;"));
    nix::unistd::mkfifo(&tree.path().join("never"), nix::sys::stat::Mode::from_bits_truncate(0o644)).unwrap();
    block_on(async {
        let limit = Duration::from_millis(200);
        let sandbox = Sandbox::start(limited(tree.path(), |limits| limits.start = limit)).await.unwrap();
        let began = Instant::now();
        let started = start(&sandbox).await;
        assert!(matches!(started, Started::Hangs { after, .. } if after >= limit), "{started:?}");
        assert!(began.elapsed() < Duration::from_secs(3));
        sandbox.stop_nginx().await;
        assert_eq!(sandbox.processes(), []);
    });
}

fn standard_input_is_empty() {
    let tree = tree(&http("include /dev/stdin; server { listen 80; return 200 here; }"));
    block_on(async {
        let sandbox = Sandbox::start(spec(tree.path())).await.unwrap();
        running(start(&sandbox).await);
        assert!(get(&sandbox, None, HOST, "/").await.ends_with("here"));
    });
}

fn program_that_forks_without_end_is_ended() {
    let tree = tree("");
    let script = stand_in(tree.path(), "grow() { grow & grow & wait; }; grow");
    in_every_mode(async |mode| {
        let mut spec = limited(tree.path(), |limits| {
            limits.processes = 200;
            limits.start = Duration::from_millis(300);
        });
        spec.mode = Some(mode);
        spec.nginx.push(script.clone());
        let sandbox = Sandbox::start(spec).await.unwrap();
        let _killed_or_ended = sandbox.start_nginx(&script, &[]).await;
        // The numbers of processes end at 301 where the kernel counts them, and at the limit where it does not. While they
        // are listed some end and others take their place: so many more are seen at the most.
        let seen = sandbox.processes().len();
        assert!(seen <= 2 * 301, "{seen}");
        sandbox.stop().await;
    });
}

fn program_that_writes_without_end_is_refused() {
    let tree = tree("");
    let script = stand_in(
        tree.path(),
        "cat /dev/zero > /var/log/one; for name in a b c d e f; do cat /dev/zero > /tmp/$name; done; \
         du -cm /var/log /tmp | tail -n 1; exit 7",
    );
    block_on(async {
        let mut spec = limited(tree.path(), |limits| {
            limits.files_bytes = 16 << 20;
            limits.file_bytes = 4 << 20;
        });
        spec.nginx.push(script.clone());
        let sandbox = Sandbox::start(spec).await.unwrap();
        let started = sandbox.start_nginx(&script, &[]).await.unwrap();
        let Started::Refused { status: 7, output } = started else { panic!("{started:?}") };
        let output = String::from_utf8(output).unwrap();
        assert!(output.contains("File too large") && output.contains("No space left"), "{output}");
        let used = output.lines().last().unwrap().split_whitespace().next().unwrap();
        assert!(used.parse::<u32>().unwrap() <= 17, "{output}");
    });
}

/// Holds about 40 MiB in one process.
const HOLD: &str = "sh -c 'x=$(head -c 20000000 /dev/zero | tr \"\\0\" x); sleep 20'";

fn one_process_holds_no_more_memory_than_all() {
    let tree = tree("");
    let script = stand_in(tree.path(), "x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo held");
    block_on(async {
        let mut spec = limited(tree.path(), |limits| limits.memory_bytes = 32 << 20);
        spec.nginx.push(script.clone());
        let sandbox = Sandbox::start(spec).await.unwrap();
        let started = sandbox.start_nginx(&script, &[]).await.unwrap();
        assert!(matches!(&started, Started::Refused { status, .. } if *status != 0), "{started:?}");
    });
}

fn many_processes_hold_no_more_memory_together() {
    let tree = tree("");
    let script = stand_in(tree.path(), &format!("for n in 1 2 3 4 5 6 7 8; do {HOLD} & done; wait"));
    block_on(async {
        let mut spec = limited(tree.path(), |limits| limits.memory_bytes = 120 << 20);
        spec.nginx.push(script.clone());
        let sandbox = Sandbox::start(spec).await.unwrap();
        if sandbox.differences().iter().any(|one| one.contains("there is no /proc")) {
            println!("  not run: memory cannot be counted without /proc");
            return;
        }
        let ended = sandbox.start_nginx(&script, &[]).await;
        let because = Some("more than 120 MiB of memory".to_owned());
        assert!(matches!(&ended, Err(SandboxError::Ended { because: why }) if *why == because), "{ended:?}");
    });
}

fn memory_that_is_shared_counts_once() {
    let tree = tree("");
    let program = std::env::current_exe().unwrap();
    for (limit, fits) in [(300, true), (120, false)] {
        block_on(async {
            let mut spec = limited(tree.path(), |limits| {
                limits.memory_bytes = limit << 20;
                limits.start = Duration::from_millis(1500);
            });
            spec.nginx.push(program.clone());
            let sandbox = Sandbox::start(spec).await.unwrap();
            if sandbox.differences().iter().any(|one| one.contains("there is no /proc")) {
                println!("  not run: memory cannot be counted without /proc");
                return;
            }
            let arguments = ["probe".to_owned(), "hoard".to_owned()];
            let started = sandbox.start_nginx(&program, &arguments).await;
            let held = matches!(&started, Ok(Started::Hangs { .. }));
            let ended = matches!(&started, Err(SandboxError::Ended { because: Some(_) }));
            assert!(if fits { held } else { ended }, "{limit}: {started:?}");
        });
    }
}

fn sandbox_ends_when_its_time_is_over() {
    let tree = tree(&http("server { listen 80; return 200 here; }"));
    block_on(async {
        let limit = Duration::from_millis(300);
        let sandbox = Sandbox::start(limited(tree.path(), |limits| limits.wall = limit)).await.unwrap();
        running(start(&sandbox).await);
        let until = Instant::now() + Duration::from_secs(5);
        let ended = loop {
            match sandbox.connect(None, HOST.parse().unwrap()).await {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => break error,
                // The last connection may see nginx being killed.
                _ => assert!(Instant::now() < until),
            }
        };
        assert_eq!(ended.to_string(), "the sandbox has ended: its time is over");
        assert_eq!(sandbox.processes(), []);
    });
}

fn open_files_are_limited_as_on_the_host() {
    let listens: String = (0..100).map(|n| format!("listen {};", 10_000 + n)).collect();
    let many = tree(&http(&format!("server {{ {listens} }}")));
    let few = tree(&format!("worker_rlimit_nofile 4;{}", http("server { listen 80; }")));
    block_on(async {
        let limits = |limits: &mut Limits| limits.open_files = Some((64, 4096));
        let sandbox = Sandbox::start(limited(many.path(), limits)).await.unwrap();
        let started = start(&sandbox).await;
        assert!(
            matches!(&started, Started::Refused { output, .. }
                if String::from_utf8_lossy(output).contains("Too many open files")),
            "{started:?}"
        );
        let sandbox = Sandbox::start(spec(few.path())).await.unwrap();
        let _the_master_runs = start(&sandbox).await;
        let dead = async || error_log(&sandbox).await.contains("Too many open files");
        eventually(dead, "the workers die").await;
    });
}

fn everything_inside_is_first_to_be_killed() {
    let tree = tree(&http("server { listen 80; }"));
    block_on(async {
        let sandbox = Sandbox::start(spec(tree.path())).await.unwrap();
        running(start(&sandbox).await);
        let pids = sandbox.processes().into_iter().map(|(pid, _)| pid);
        for pid in pids.chain([sandbox.init_pid()]) {
            let score = std::fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).unwrap();
            assert_eq!(score.trim(), "1000");
        }
    });
}

fn what_is_not_there_is_named() {
    let tree = tree("");
    block_on(async {
        let missing = Path::new("/nowhere/at/all");
        let is_named =
            |error: &SandboxError| matches!(error, SandboxError::Path { path, .. } if path == missing);
        let error = Sandbox::start(spec(missing)).await.unwrap_err();
        assert!(is_named(&error), "{error:?}");
        let mut with_nginx = spec(tree.path());
        with_nginx.nginx.push(missing.to_owned());
        let error = Sandbox::start(with_nginx).await.unwrap_err();
        assert!(is_named(&error), "{error:?}");
        let sandbox = Sandbox::start(spec(tree.path())).await.unwrap();
        let error = sandbox.start_nginx(missing, &[]).await.unwrap_err();
        assert!(is_named(&error), "{error:?}");
        let mut spec = spec(tree.path());
        spec.program = missing.to_owned();
        let error = Sandbox::start(spec).await.unwrap_err();
        assert!(matches!(&error, SandboxError::Spawn { program, .. } if program == missing), "{error:?}");
    });
}

/// Is a command on a machine that allows no user namespaces: in one, whose own limit is zero.
pub(crate) fn refused(tree: &str) -> ExitCode {
    let (user, group) = (nix::unistd::geteuid(), nix::unistd::getegid());
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWUSER).unwrap();
    for (file, text) in [
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/uid_map", format!("0 {user} 1")),
        ("/proc/self/gid_map", format!("0 {group} 1")),
        ("/proc/sys/user/max_user_namespaces", "0".to_owned()),
    ] {
        std::fs::write(file, text).unwrap();
    }
    let error = block_on(Sandbox::start(spec(Path::new(tree)))).unwrap_err();
    println!("failed to {error}: {}", error.hint().unwrap_or("no hint"));
    ExitCode::SUCCESS
}

fn setting_that_refuses_is_named() {
    let tree = tree("");
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command.arg("refused").arg(tree.path()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let expected = "failed to enter a user namespace: user.max_user_namespaces is 0 on this machine";
    assert!(said.starts_with(expected), "{said}{}", String::from_utf8_lossy(&output.stderr));
}
