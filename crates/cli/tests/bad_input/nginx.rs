//! An nginx that is not there, hangs, or is not the one that it is said to be.

use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::is_clear;
use crate::support::{self, Host, alive, free_port, kill};

/// How long a hanging nginx may hold a command that a person has interrupted.
const LET_GO_WITHIN: Duration = Duration::from_secs(5);

#[test]
fn without_an_nginx_to_work_with_nothing_is_changed() {
    let host = Host::new();
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    let before = host.tree();
    let ran = host.apply(&[]).ends(2).says("find a running nginx").says("hint: start nginx");
    is_clear(&ran);
    assert_eq!(host.tree(), before);
    host.run(&["adopt"]).ends(0);
    host.run(&["status"]).ends(1).says("find a running nginx");
    host.run(&["rollback"]).ends(2);
    assert_eq!(host.tree(), before);
}

#[test]
fn missing_binary_is_named() {
    let host = Host::new();
    host.propose();
    for command in ["status", "adopt"] {
        let ran = host.run(&[command, "--nginx", "/nonexistent/nginx"]).ends(2).says("/nonexistent/nginx");
        is_clear(&ran);
    }
    let tree = host.path("new");
    let prefix = host.path("etc");
    let check = [
        "check",
        tree.to_str().unwrap(),
        "--prefix",
        prefix.to_str().unwrap(),
        "--nginx",
        "/nonexistent/nginx",
        "--fail-on",
        "error",
    ];
    host.run(&check).ends(0);
}

#[test]
fn binary_that_hangs_is_given_up() {
    let host = Host::new();
    let script = host.path("hangs");
    host.write("hangs", "#!/bin/sh\nsleep 600\n");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let started = Instant::now();
    let ran = host.run(&["status", "--nginx", script.to_str().unwrap()]).ends(2).says("within");
    is_clear(&ran);
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    assert!(support::processes_mentioning(script.to_str().unwrap()).is_empty(), "it was left running");
}

/// A proposal with which `nginx -t` waits at a pipe until somebody writes into it.
fn waits_at_a_pipe(host: &Host) -> std::path::PathBuf {
    let pipe = host.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let old = "server_name shop.test;";
    host.propose().replace("sites/shop.conf", old, &format!("{old} ssl_password_file {};", pipe.display()));
    pipe
}

/// The `nginx -t` of a host, once it waits at the pipe.
pub(crate) fn opens(host: &Host, pipe: &Path) -> std::fs::File {
    let open = || std::fs::OpenOptions::new().write(true).custom_flags(0o4000).open(pipe);
    host.wait("nginx -t waits at the pipe", || open().is_ok());
    open().unwrap()
}

#[test]
fn nginx_that_hangs_in_its_check_is_left_at_an_interrupt() {
    let host = Host::start();
    let before = host.tree();
    let pipe = waits_at_a_pipe(&host);
    let mut child = host.apply_in_background(&[]);
    let held = opens(&host, &pipe);
    kill(i32::try_from(child.id()).unwrap(), "INT");
    let asked = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(asked.elapsed() < LET_GO_WITHIN, "{:?}", asked.elapsed());
    drop(held);
    host.is_still(&before, &"a hanging nginx -t");
}

#[test]
fn nginx_that_hangs_in_its_check_is_given_up() {
    let host = Host::start();
    let before = host.tree();
    let _pipe = waits_at_a_pipe(&host);
    let ran = host.apply(&[]).ends(2).says("-t within");
    is_clear(&ran);
    host.is_still(&before, &ran);
    assert!(!host.run(&["history"]).ends(0).out.contains("r1"), "nothing was proposed yet");
}

#[test]
fn pid_file_that_is_wrong_is_named_and_nothing_is_changed() {
    let host = Host::start();
    let before = host.tree();
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    let master = host.read("nginx.pid");
    let ended = {
        let mut child = Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        child.id()
    };
    let worker = support::children(master.trim().parse().unwrap())[0];
    let lies = [
        (String::new(), "it is empty"),
        ("garbage\n".to_owned(), "\"garbage\""),
        ("-1\n".to_owned(), "no process number"),
        ("99999999999999999999\n".to_owned(), "no process number"),
        (format!("{ended}\n"), "ended"),
        (format!("{}\n", std::process::id()), "names process"),
        ("1\n".to_owned(), "names process 1"),
        (format!("{worker}\n"), "names process"),
    ];
    for (lie, text) in lies {
        host.write("nginx.pid", &lie);
        let ran = host.apply(&[]);
        is_clear(&ran);
        let ran = ran.ends(2).says(text);
        host.is_still(&before, &ran);
    }
    std::fs::remove_file(host.path("nginx.pid")).unwrap();
    host.apply(&[]).ends(2).says("is missing");
    std::fs::create_dir(host.path("nginx.pid")).unwrap();
    is_clear(&host.apply(&[]).ends(2));
    std::fs::remove_dir(host.path("nginx.pid")).unwrap();
    host.is_still(&before, &"no pid file");
    host.write("nginx.pid", &master);
    host.apply(&[]).ends(0);
}

#[test]
fn two_masters_on_one_configuration_are_not_chosen_between() {
    let host = Host::start();
    let before = host.tree();
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    // The second one started while the files said something else.
    let first = host.read("nginx.pid");
    let (main, site) = (host.good_main(), host.good_site());
    host.write_tree(
        "etc",
        &main.replace("nginx.pid", "second.pid"),
        &site.replace(&host.port.to_string(), &free_port().to_string()),
    );
    let mut second = Command::new("/usr/sbin/nginx");
    second.arg("-p").arg(host.dir.path()).arg("-c").arg(host.path("etc/nginx.conf"));
    assert!(second.stderr(Stdio::null()).status().unwrap().success());
    host.wait("the second nginx", || host.path("second.pid").exists());
    let second: i32 = host.read("second.pid").trim().parse().unwrap();
    host.write_tree("etc", &main, &site);
    let ran = host.apply(&[]);
    let workers = support::children(second);
    support::kill_all(&[&[second], workers.as_slice()].concat(), "KILL");
    is_clear(&ran);
    ran.ends(2).says("choose between the nginx masters").says(first.trim()).says(&second.to_string());
    host.wait("the second nginx is gone", || !alive(second));
    host.is_still(&before, &"two masters");
}
