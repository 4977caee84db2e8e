//! Which nginx reads this tree, asked about real ones.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::private::{NGINX, Nginx, children, free_port, get, signal, wait_for, wait_for_end, workers};
use evenkeel_host::identity::ProcessId;
use evenkeel_host::nginx::compiled::compiled;
use evenkeel_host::nginx::find::{FindError, find};
use nix::sys::signal::Signal;

fn running() -> Nginx {
    let mut nginx = Nginx::new();
    nginx.serve(&format!("127.0.0.1:{}", free_port()), "a");
    nginx.start();
    nginx
}

#[test]
fn master_is_found_with_its_arguments() {
    let mut nginx = Nginx::new();
    nginx.serve(&format!("127.0.0.1:{}", free_port()), "a");
    let master = nginx.start_with(&["-g", "worker_rlimit_nofile 512; timer_resolution 50ms;"]);
    assert_eq!(master.id.pid.to_string(), fs::read_to_string(&nginx.place.pid).unwrap().trim());
    assert_eq!(master.args.program, NGINX);
    assert_eq!(master.args.globals, Some("worker_rlimit_nofile 512; timer_resolution 50ms;".into()));
    assert_eq!(master.args.prefix.as_deref(), Some(nginx.dir.path()));
    assert_eq!(master.conf, nginx.place.main);
    assert_eq!(master.tree, nginx.place.config_dir);
    assert_eq!(master.exe, fs::canonicalize(NGINX).unwrap());
    assert!(!master.exe_deleted && !master.own_view);
    assert_eq!(master.uid, nix::unistd::geteuid().as_raw());
}

#[test]
fn main_file_is_worked_out_from_prefix_and_relative_path() {
    let mut nginx = Nginx::new();
    nginx.serve(&format!("127.0.0.1:{}", free_port()), "a");
    let mut command = Command::new(NGINX);
    command.current_dir(nginx.dir.path()).args(["-p", ".", "-c", "conf/nginx.conf", "-e", "logs/start.log"]);
    assert!(command.status().unwrap().success());
    let pid = wait_for("the pid file", || fs::read_to_string(&nginx.place.pid).ok()?.trim().parse().ok());
    nginx.also_stop(ProcessId::of(pid).unwrap());
    let master = wait_for("the master's title", || find(&nginx.place).ok());
    assert_eq!(fs::canonicalize(&master.conf).unwrap(), nginx.place.main);
}

#[test]
fn nothing_runs() {
    let nginx = Nginx::new();
    assert!(matches!(find(&nginx.place), Err(FindError::NotRunning { .. })));
}

#[test]
fn pid_file_of_an_ended_process_is_stale() {
    let nginx = Nginx::new();
    let mut child = Command::new("true").spawn().unwrap();
    let pid = i32::try_from(child.id()).unwrap();
    child.wait().unwrap();
    fs::write(&nginx.place.pid, format!("{pid}\n")).unwrap();
    assert!(matches!(find(&nginx.place), Err(FindError::Stale { pid: named, .. }) if named == pid));
}

#[test]
fn pid_file_without_a_number_is_shown() {
    let nginx = Nginx::new();
    fs::write(&nginx.place.pid, "").unwrap();
    assert!(find(&nginx.place).unwrap_err().to_string().ends_with("holds no process number (it is empty)"));
    fs::write(&nginx.place.pid, "gar\x1bbage\n").unwrap();
    assert!(find(&nginx.place).unwrap_err().to_string().ends_with("holds no process number (\"gar?bage\")"));
    fs::write(&nginx.place.pid, "-5").unwrap();
    assert!(matches!(find(&nginx.place), Err(FindError::Garbage { .. })));
    fs::remove_file(&nginx.place.pid).unwrap();
    fs::create_dir(&nginx.place.pid).unwrap();
    assert!(matches!(find(&nginx.place), Err(FindError::Unreadable { .. })));
}

#[test]
fn pid_file_that_lies_is_answered_with_what_that_process_is() {
    let nginx = Nginx::new();
    let mut sleep = Command::new("sleep").arg("600").spawn().unwrap();
    fs::write(&nginx.place.pid, sleep.id().to_string()).unwrap();
    let error = wait_for("sleep to be itself", || {
        let error = find(&nginx.place).unwrap_err();
        error.to_string().contains("sleep").then_some(error)
    });
    sleep.kill().unwrap();
    sleep.wait().unwrap();
    assert!(matches!(&error, FindError::PidFileLies { actual, .. } if actual == "sleep 600"), "{error:?}");
}

#[test]
fn worker_in_the_pid_file_is_not_taken_for_the_master() {
    let nginx = running();
    let master = find(&nginx.place).unwrap();
    let worker = workers(master.id.pid)[0];
    fs::write(&nginx.place.pid, worker.pid.to_string()).unwrap();
    let error = find(&nginx.place).unwrap_err();
    let FindError::PidFileWrong { says, master: named, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*named, master.id.pid);
    assert!(says.ends_with("which is nginx: worker process"), "{says}");
    fs::write(&nginx.place.pid, master.id.pid.to_string()).unwrap();
}

#[test]
fn missing_pid_file_of_a_running_master_is_said() {
    let nginx = running();
    let master = find(&nginx.place).unwrap();
    fs::remove_file(&nginx.place.pid).unwrap();
    let error = find(&nginx.place).unwrap_err();
    assert!(
        matches!(&error, FindError::PidFileWrong { says, master: named, .. }
        if says == "is missing" && *named == master.id.pid),
        "{error:?}"
    );
}

#[test]
fn master_of_another_configuration_is_refused() {
    let (nginx, other) = (running(), Nginx::new());
    fs::copy(&nginx.place.pid, &other.place.pid).unwrap();
    let error = find(&other.place).unwrap_err();
    let FindError::OtherConfiguration { reads, main, own_view, .. } = &error else { panic!("{error:?}") };
    assert_eq!((reads, main, *own_view), (&nginx.place.main, &other.place.main, false));
}

#[test]
fn two_masters_on_one_configuration_are_both_named() {
    let mut nginx = running();
    let first = find(&nginx.place).unwrap();
    nginx.serve(&format!("127.0.0.1:{}", free_port()), "b");
    fs::remove_file(&nginx.place.pid).unwrap();
    assert!(nginx.command().status().unwrap().success());
    let second: i32 =
        wait_for("the second pid file", || fs::read_to_string(&nginx.place.pid).ok()?.trim().parse().ok());
    nginx.also_stop(ProcessId::of(second).unwrap());
    wait_for("the second master's workers", || (workers(second).len() >= 2).then_some(()));
    let error = wait_for("the second title", || match find(&nginx.place) {
        Err(error @ FindError::TwoMasters { .. }) => Some(error),
        _ => None,
    });
    let FindError::TwoMasters { mut pids, .. } = error else { unreachable!() };
    pids.sort_unstable();
    let mut both = vec![first.id.pid, second];
    both.sort_unstable();
    assert_eq!(pids, both);
}

#[test]
fn pending_upgrade_is_seen() {
    let mut nginx = running();
    let old = find(&nginx.place).unwrap();
    signal(old.id, Signal::SIGUSR2);
    let new: i32 = wait_for("the new master", || {
        let pid: i32 = fs::read_to_string(&nginx.place.pid).ok()?.trim().parse().ok()?;
        (pid != old.id.pid).then_some(pid)
    });
    nginx.also_stop(ProcessId::of(new).unwrap());
    wait_for("the new workers", || (workers(new).len() >= 2).then_some(()));
    let error = wait_for("the new title", || match find(&nginx.place) {
        Err(error @ FindError::UpgradePending { .. }) => Some(error),
        _ => None,
    });
    assert!(
        matches!(error, FindError::UpgradePending { old: was, new: is } if was == old.id.pid && is == new)
    );
}

#[test]
fn workers_without_a_master_are_named() {
    let nginx = running();
    let master = find(&nginx.place).unwrap();
    let mut left: Vec<i32> = children(master.id.pid).iter().map(|worker| worker.pid).collect();
    signal(master.id, Signal::SIGKILL);
    wait_for_end(master.id);
    let error = find(&nginx.place).unwrap_err();
    for pid in &left {
        signal(ProcessId::of(*pid).unwrap(), Signal::SIGKILL);
    }
    let FindError::OrphanedWorkers { master: gone, workers: named } = error else { panic!("{error:?}") };
    left.sort_unstable();
    assert_eq!((gone, named), (master.id.pid, left));
}

#[test]
fn single_process_is_refused() {
    let mut nginx = Nginx::new();
    let port = free_port();
    nginx.serve(&format!("127.0.0.1:{port}"), "a");
    nginx.write("nginx.conf", &nginx.main("master_process off;"));
    assert!(nginx.command().status().unwrap().success());
    let pid: i32 =
        wait_for("the pid file", || fs::read_to_string(&nginx.place.pid).ok()?.trim().parse().ok());
    nginx.also_stop(ProcessId::of(pid).unwrap());
    assert!(matches!(find(&nginx.place), Err(FindError::SingleProcess { pid: named }) if named == pid));
    // It hears a signal only once it waits for events.
    wait_for("an answer", || get(port));
}

#[test]
fn nginx_of_another_user_is_not_looked_into() {
    const NOBODY: u32 = 65_534;
    if !nix::unistd::geteuid().is_root() {
        // Two users are needed, and only root can be both.
        return;
    }
    let nginx = running();
    let master = find(&nginx.place).unwrap();
    for dir in ["", "conf", "run"] {
        fs::set_permissions(nginx.path(dir), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let place = nginx.place.clone();
    let asked = std::thread::spawn(move || {
        become_user(NOBODY);
        find(&place).unwrap_err()
    });
    let error = asked.join().unwrap();
    assert!(
        matches!(error, FindError::NoPermission { pid, uid: 0, me: NOBODY } if pid == master.id.pid),
        "{error:?}"
    );
}

/// Makes this thread, and no other, another user.
#[expect(unsafe_code, reason = "the C library would change all threads")]
fn become_user(uid: u32) {
    // SAFETY: the call takes three integers.
    let done = unsafe { libc::syscall(libc::SYS_setresuid, uid, uid, uid) };
    assert_eq!(done, 0);
}

#[test]
fn title_cut_short_is_not_guessed_at() {
    let mut nginx = Nginx::new();
    nginx.serve(&format!("127.0.0.1:{}", free_port()), "a");
    assert!(nginx.command().env_clear().status().unwrap().success());
    let pid: i32 =
        wait_for("the pid file", || fs::read_to_string(&nginx.place.pid).ok()?.trim().parse().ok());
    nginx.also_stop(ProcessId::of(pid).unwrap());
    let error = wait_for("the title", || match find(&nginx.place) {
        Err(error @ FindError::TitleCut { .. }) => Some(error),
        _ => None,
    });
    assert!(matches!(error, FindError::TitleCut { pid: named } if named == pid));
}

#[test]
fn binary_says_how_it_was_built() {
    let compiled = compiled(Path::new(NGINX), Duration::from_secs(10)).unwrap();
    assert!(compiled.version.starts_with("1."), "{}", compiled.version);
    assert!(compiled.conf_path.ends_with("nginx.conf"));
    let nginx = running();
    assert_eq!(find(&nginx.place).unwrap().compiled().unwrap(), compiled);
}
