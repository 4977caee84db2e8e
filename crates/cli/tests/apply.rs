//! `apply` on a private nginx: good changes are confirmed, bad ones are refused or come back by themselves, with the
//! true reason, and the old configuration serves.

mod support;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use support::{App, Host, Ran, get, kill_group, processes_mentioning};

/// Applies `new/`, which must not be confirmed, and holds that the old configuration serves, on disk too.
fn comes_back(host: &Host, reasons: &[&str]) -> Ran {
    let before = host.read("etc/sites/shop.conf") + &host.read("etc/nginx.conf");
    let ran = host.apply(&[]).ends(1);
    let said = format!("{}{}", ran.out, ran.err);
    assert!(reasons.iter().any(|reason| said.contains(reason)), "none of {reasons:?} in\n{said}");
    assert!(host.old_serves(), "the old configuration does not serve after\n{said}");
    assert_eq!(host.read("etc/sites/shop.conf") + &host.read("etc/nginx.conf"), before);
    host.run(&["status"]).ends(0);
    ran
}

#[test]
fn good_change_is_confirmed_and_recorded() {
    let host = Host::start();
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    host.apply(&["--message", "say two"]).ends(0).says("confirmed").says("r1");
    assert_eq!(host.get("/version").unwrap().1, "two");
    assert!(host.read("etc/sites/shop.conf").contains("two"));
    host.run(&["status"]).ends(0);
    host.run(&["history"]).ends(0).says("r1").says("say two");
    let shown =
        host.run(&["show", "r1"]).ends(0).says("say two").says("sites/shop.conf").says("shop answers");
    assert!(shown.out.contains("-    location = /version") && shown.out.contains("+    location = /version"));
    assert!(processes_mentioning(host.path("state").to_str().unwrap()).is_empty(), "a fuse is left over");
    host.run(&["rollback"]).ends(0);
    assert!(host.old_serves());
    host.run(&["status"]).ends(0);
}

#[test]
fn port_held_by_another_process_comes_back() {
    let host = Host::start();
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let (old, port) = (format!("listen 127.0.0.1:{};", host.port), held.local_addr().unwrap().port());
    host.propose().replace("sites/shop.conf", &old, &format!("{old} listen 127.0.0.1:{port};"));
    comes_back(&host, &["Address already in use"]).says(&format!("127.0.0.1:{port}"));
}

#[test]
fn listen_address_to_wildcard_on_the_same_port_comes_back() {
    let host = Host::start();
    let old = format!("listen 127.0.0.1:{};", host.port);
    host.propose().replace("sites/shop.conf", &old, &format!("listen {};", host.port));
    comes_back(&host, &["Address already in use"]);
}

#[test]
fn changed_limit_req_key_comes_back() {
    let host = Host::start();
    host.propose().replace("nginx.conf", "limit_req_zone $binary_remote_addr", "limit_req_zone $server_name");
    comes_back(&host, &["uses the \"$server_name\" key while previously it used"]);
}

#[test]
fn missing_working_directory_comes_back_though_every_worker_died() {
    let host = Host::start();
    let gone = host.path("not-there");
    let main = host.good_main();
    host.propose().write("nginx.conf", &format!("working_directory {};\n{main}", gone.display()));
    comes_back(&host, &["chdir(", "working_directory"]);
}

#[test]
fn too_few_file_descriptors_come_back() {
    let host = Host::start();
    let main = host.good_main();
    host.propose().write("nginx.conf", &format!("worker_rlimit_nofile 12;\n{main}"));
    comes_back(&host, &["Too many open files", "fatal code", "workers"]);
}

#[test]
fn wrong_upstream_is_caught_by_a_live_route() {
    let host = Host::start();
    let broken = App::new(502, "bad gateway");
    host.propose().replace("sites/shop.conf", &host.app.port.to_string(), &broken.port.to_string());
    comes_back(&host, &["answered 502 instead of 200"]).says("shop answers");
    host.propose().replace("sites/shop.conf", &host.app.port.to_string(), &support::free_port().to_string());
    comes_back(&host, &["answered 502 instead of 200"]);
    let written = host.run(&["postmortem", "r2"]).ends(0);
    for section in ["Issue summary", "Timeline", "Root cause", "Corrective"] {
        assert!(written.out.contains(section), "no section {section} in\n{}", written.out);
    }
}

#[test]
fn include_glob_that_matches_nothing_any_more_is_refused() {
    let host = Host::start();
    host.propose().replace("nginx.conf", "/etc/sites/*.conf", "/etc/sites/*.vhost");
    comes_back(&host, &["include-matches-nothing"]);
}

#[test]
fn what_nginx_itself_refuses_is_refused_before_the_switch() {
    let host = Host::start();
    let cases = [
        ("proxy_pass http://", "proxy_passs http://", "unknown directive"),
        ("limit_req zone=per_ip", "limit_req zone=nobody", "zero size shared memory zone"),
        ("return 200 \"one\";", "return 200 \"one\"", "unexpected \"}\""),
    ];
    for (old, new, reason) in cases {
        host.propose().replace("sites/shop.conf", old, new);
        comes_back(&host, &[reason]);
    }
}

#[test]
fn killed_at_any_moment_the_old_configuration_is_live_again() {
    let host = Host::start();
    host.run(&["adopt"]).ends(0);
    for (round, whole_group) in (0..24).map(|round| (round, round % 2 == 1)) {
        host.propose().replace("sites/shop.conf", "\"one\"", &format!("\"new {round}\""));
        let mut child =
            host.apply_in_background(&["--bake", "1s", "--confirm-within", "5s", "--accept", "none"]);
        std::thread::sleep(Duration::from_millis(20 + round * 35));
        match whole_group {
            true => kill_group(&child),
            false => child.kill().unwrap(),
        }
        let killed = Instant::now();
        child.wait().unwrap();
        // Before the proof at once; after it, at the latest when the confirm window closes.
        host.wait_within("the old configuration", Duration::from_secs(10), || {
            host.old_serves()
                && !host.read("etc/sites/shop.conf").contains("new")
                && processes_mentioning(host.path("state").to_str().unwrap()).is_empty()
        });
        assert!(killed.elapsed() < Duration::from_secs(10));
    }
    host.run(&["status"]).ends(0);
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    host.apply(&[]).ends(0);
}

#[test]
fn after_everything_was_killed_recover_and_a_start_bring_the_old_configuration_back() {
    let host = Host::start();
    host.run(&["adopt"]).ends(0);
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    let mut child = host.apply_in_background(&["--hold"]);
    host.wait("the new configuration", || host.get("/version").is_some_and(|(_, body)| body == "two"));
    // The fuse, started last, goes first: it would not miss the end of the command.
    let mut ours = processes_mentioning(host.path("state").to_str().unwrap());
    ours.sort_unstable_by(|a, b| b.cmp(a));
    support::kill_all(&ours, "KILL");
    host.kill_nginx();
    child.wait().unwrap();
    assert!(host.read("etc/sites/shop.conf").contains("two"), "nobody was left to put it back");
    host.run(&["recover"]).ends(0);
    assert!(host.read("etc/sites/shop.conf").contains("one"));
    host.start_nginx();
    assert!(host.old_serves());
    host.run(&["history"]).ends(0).says("r1");
    host.run(&["status"]).ends(0);
}

#[test]
fn held_release_waits_for_a_person() {
    let host = Host::start();
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    let mut child = host.apply_in_background(&["--hold", "--bake", "100ms", "--confirm-within", "20s"]);
    host.wait("confirm is taken", || host.run(&["confirm"]).code == 0);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(host.get("/version").unwrap().1, "two");
    host.run(&["status"]).ends(0);
}

#[test]
fn unconfirmed_release_goes_back_by_itself() {
    let host = Host::start();
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    let start = Instant::now();
    let ran = host.apply(&["--hold", "--bake", "100ms", "--confirm-within", "4s"]).ends(1);
    assert!(start.elapsed() < Duration::from_secs(12), "{ran:?}");
    assert!(host.old_serves());
}

#[test]
fn interrupt_is_a_rollback() {
    let host = Host::start();
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    let mut child = host.apply_in_background(&["--bake", "20s"]);
    host.wait("the new configuration", || host.get("/version").is_some_and(|(_, body)| body == "two"));
    support::kill(i32::try_from(child.id()).unwrap(), "INT");
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(host.old_serves());
    host.run(&["history"]).ends(0).says("rolled back");
}

#[test]
fn rollback_from_another_terminal_preempts_a_hung_apply() {
    let host = Host::start();
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    let mut child = host.apply_in_background(&["--bake", "20s"]);
    host.wait("the new configuration", || host.get("/version").is_some_and(|(_, body)| body == "two"));
    support::kill(i32::try_from(child.id()).unwrap(), "STOP");
    host.run(&["rollback"]).ends(0);
    assert!(host.old_serves());
    support::kill(i32::try_from(child.id()).unwrap(), "CONT");
    assert_ne!(child.wait().unwrap().code(), Some(0));
    assert!(host.old_serves());
    host.run(&["status"]).ends(0);
}

#[test]
fn two_applies_at_once_are_one() {
    let host = Host::start();
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    let mut child = host.apply_in_background(&["--bake", "3s"]);
    host.wait("the new configuration", || host.get("/version").is_some_and(|(_, body)| body == "two"));
    host.apply(&[]).ends(2).says("another");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn change_that_nobody_released_is_a_conflict_until_it_is_adopted() {
    let host = Host::start();
    host.run(&["adopt"]).ends(0);
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    host.write("etc/conf.d/by-hand.conf", "# somebody was here\n");
    host.apply(&[]).ends(1).says("conf.d/by-hand.conf").says("adopt");
    assert!(host.read("etc/conf.d/by-hand.conf").contains("somebody"));
    host.run(&["status"]).ends(1).says("conf.d/by-hand.conf");
    host.run(&["adopt", "--message", "by hand, on purpose"]).ends(0);
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    host.apply(&[]).ends(0);
}

#[test]
fn hand_fix_during_the_window_is_kept_and_named() {
    let host = Host::start();
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    let mut child = host.apply_in_background(&["--hold", "--confirm-within", "30s"]);
    host.wait("the new configuration", || host.get("/version").is_some_and(|(_, body)| body == "two"));
    host.write("etc/sites/shop.conf", &host.good_site().replace("\"one\"", "\"fixed by hand\""));
    let ran = host.run(&["rollback"]).ends(0).says("sites/shop.conf");
    child.wait().unwrap();
    assert!(host.old_serves());
    let kept = support_find(&host, "fixed by hand");
    assert!(kept, "the hand fix is nowhere\n{}", ran.out);
    host.run(&["show", "r1"]).ends(0).says("by hand");
}

/// Whether some file below the state directory holds a text.
fn support_find(host: &Host, text: &str) -> bool {
    let found = std::process::Command::new("grep").arg("-rqs").arg(text).arg(host.path("state")).status();
    found.unwrap().success()
}

#[test]
fn frozen_host_refuses_to_go_forward_and_never_to_go_back() {
    let host = Host::start();
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    host.apply(&[]).ends(0);
    host.run(&["freeze", "--message", "big sale"]).ends(0);
    host.propose().replace("sites/shop.conf", "\"two\"", "\"three\"");
    host.apply(&[]).ends(1).says("big sale");
    host.run(&["rollback"]).ends(0);
    assert!(host.old_serves());
    host.run(&["thaw"]).ends(0);
    host.propose().replace("sites/shop.conf", "\"one\"", "\"three\"");
    host.apply(&[]).ends(0);
}

#[test]
fn no_request_fails_that_nginx_does_not_fail_itself() {
    let host = Host::start();
    host.propose().replace("sites/shop.conf", &host.app.port.to_string(), &support::free_port().to_string());
    let port = host.port;
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let load = std::thread::spawn(move || {
        let mut seen: Vec<(Instant, u16)> = Vec::new();
        while stopped.try_recv().is_err() && seen.len() < 200_000 {
            seen.push((Instant::now(), get(port, "shop.test", "/").map_or(0, |(status, _)| status)));
        }
        seen
    });
    host.apply(&[]).ends(1);
    std::thread::sleep(Duration::from_millis(100));
    stop.send(()).unwrap();
    let seen = load.join().unwrap();
    assert_eq!(seen.iter().filter(|(_, status)| *status == 0).count(), 0, "requests without an answer");
    let wrong: Vec<Instant> = seen.iter().filter(|(_, status)| *status == 502).map(|(at, _)| *at).collect();
    assert!(!wrong.is_empty(), "the bad configuration was never live: the load proves nothing");
    let window = wrong.last().unwrap().duration_since(wrong[0]);
    assert!(window < Duration::from_secs(2), "wrong answers for {window:?}");
    assert_eq!(seen.last().unwrap().1, 200);
}
