//! The way back that reads nothing: it is chosen where the old configuration could not be read again, refused where it
//! cannot work, and ends with one nginx whatever is killed.

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use support::{Host, alive, children, kill, nginxes, processes_mentioning, title};

/// A host whose live tree includes a file outside of it, as a certificate is. What is proposed does not.
fn with_outside(nginx: &Path) -> Host {
    let host = Host::start_with(nginx);
    let outside = host.path("outside.conf");
    host.write("outside.conf", "# no part of the tree\n");
    let include = format!("    include {};\n    limit_req_zone", outside.display());
    let main = host.good_main();
    host.write("etc/nginx.conf", &main.replace("    limit_req_zone", &include));
    reload(&host);
    host.propose().write("nginx.conf", &main).replace("sites/shop.conf", "\"one\"", "\"two\"");
    host
}

/// Has nginx read what stands there, and waits until it has.
fn reload(host: &Host) {
    let before = children(host.master().unwrap());
    kill(host.master().unwrap(), "HUP");
    host.wait("new workers", || {
        let now = children(host.master().unwrap());
        !now.is_empty() && now.iter().all(|worker| !before.contains(worker))
    });
}

fn lose_outside(host: &Host) {
    std::fs::remove_file(host.path("outside.conf")).unwrap();
}

fn version(host: &Host) -> String {
    host.get("/version").map(|(_, body)| body).unwrap_or_default()
}

/// Waits until one master is left, which the pid file names.
#[track_caller]
fn one_master(host: &Host) {
    host.wait("one nginx", || {
        let mentioned = processes_mentioning(host.path("etc/nginx.conf").to_str().unwrap());
        let is_master = |pid: &i32| title(*pid).is_some_and(|title| title.starts_with("nginx: master"));
        let masters: Vec<i32> = mentioned.into_iter().filter(is_master).collect();
        masters == [host.master().unwrap_or(0)] && !host.path("nginx.pid.oldbin").exists()
    });
}

fn held(host: &Host, more: &[&str]) -> std::process::Child {
    let child =
        host.apply_in_background(&[&["--hold", "--bake", "100ms", "--confirm-within", "30s"], more].concat());
    host.wait("the new configuration", || version(host) == "two");
    host.wait("the release waits", || host.run(&["status"]).out.contains("is proven"));
    child
}

#[test]
fn configuration_that_cannot_be_read_again_comes_back_from_memory() {
    for nginx in nginxes() {
        let host = with_outside(&nginx);
        lose_outside(&host);
        let old = host.master();
        let mut child = held(&host, &[]);
        assert_ne!(host.master(), old, "a new master serves");
        host.run(&["rollback"]).ends(0).says("parse-free");
        child.wait().unwrap();
        assert!(host.old_serves());
        one_master(&host);
        assert_eq!(host.master(), old);
        let shown = host.run(&["show", "r1"]).ends(0).says("rolled back by parse-free").says("outside.conf");
        assert!(shown.out.contains("per_ip (limit_req_zone)"), "what is lost is named: {}", shown.out);
        host.run(&["postmortem", "r1"]).ends(0).says("parse-free");
    }
}

#[test]
fn old_certificate_that_was_deleted_does_not_hold_the_rollback_up() {
    let host = Host::new();
    let (certificate, key) = (host.path("shop.pem"), host.path("shop.key"));
    let made = std::process::Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=shop.test", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let port = support::free_port();
    let tls = format!(
        "server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {}; ssl_certificate_key {}; return 200 tls; }}\n",
        certificate.display(),
        key.display()
    );
    host.write("etc/sites/tls.conf", &tls);
    host.start_nginx();
    host.propose().write("sites/tls.conf", "# to come\n").replace("sites/shop.conf", "\"one\"", "\"two\"");
    std::fs::remove_file(&certificate).unwrap();
    let mut child = held(&host, &["--accept", "listen-gone"]);
    host.run(&["rollback"]).ends(0).says("parse-free");
    child.wait().unwrap();
    assert!(host.old_serves());
    let answers = std::net::TcpStream::connect(("127.0.0.1", port));
    assert!(answers.is_ok(), "the site whose certificate is gone is served from memory");
    one_master(&host);
}

#[test]
fn release_without_a_way_back_is_refused_before_anything_is_touched() {
    let host = with_outside(Path::new("/usr/sbin/nginx"));
    lose_outside(&host);
    let tree = host.tree();
    let refused = host.apply(&["--way-back", "reload"]).ends(1).says("there would be no way back");
    assert!(refused.said().contains("`--way-back parse-free` would work"), "{}", refused.said());
    host.is_still(&tree, &refused);
    // By a bare name nginx cannot execute itself again.
    host.kill_nginx();
    host.write("outside.conf", "# back for a moment\n");
    let mut bare = host.command(Path::new("sh"));
    bare.arg("-c").arg(format!(
        "PATH=/usr/sbin:$PATH; nginx -p {0} -c {0}/etc/nginx.conf -e {0}/logs/error.log",
        host.dir.path().display()
    ));
    assert!(bare.status().unwrap().success());
    host.wait("nginx answers", || host.get("/version").is_some());
    lose_outside(&host);
    let refused =
        host.apply(&[]).ends(1).says("there would be no way back").says("it was started as \"nginx\"");
    host.is_still(&tree, &refused);
    host.apply(&["--way-back", "parse-free"]).ends(1).says("start it by an absolute path");
    host.apply(&["--dry-run"]).ends(1).says("there would be no way back");
    host.apply(&["--accept", "way-back"]).ends(0).says("accepted to go on without");
    host.run(&["show", "r4"]).ends(0).says("way-back: there would be no way back");
}

#[test]
fn release_that_is_confirmed_leaves_one_master_and_the_right_pid_file() {
    for nginx in nginxes() {
        let host = Host::start_with(&nginx);
        host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
        let old = host.master().unwrap();
        let mut child = held(&host, &["--way-back", "parse-free"]);
        host.run(&["confirm"]).ends(0);
        assert_eq!(child.wait().unwrap().code(), Some(0));
        one_master(&host);
        assert!(!alive(old) && version(&host) == "two");
        host.run(&["status"]).ends(0);
        // And the next one, the usual way and this one.
        host.propose().replace("sites/shop.conf", "\"two\"", "\"three\"");
        host.apply(&["--way-back", "reload"]).ends(0);
        host.propose().replace("sites/shop.conf", "\"three\"", "\"four\"");
        host.apply(&["--way-back", "parse-free"]).ends(0);
        assert_eq!(version(&host), "four");
        one_master(&host);
        host.run(&["rollback"]).ends(0);
        assert_eq!(version(&host), "three");
    }
}

#[test]
fn command_killed_at_many_moments_beside_a_new_master_is_taken_back() {
    for (index, nginx) in nginxes().into_iter().enumerate() {
        let host = Host::start_with(&nginx);
        host.run(&["adopt"]).ends(0);
        for round in 0..12_u64 {
            host.propose().replace("sites/shop.conf", "\"one\"", &format!("\"new {round}\""));
            let more = ["--bake", "1s", "--confirm-within", "6s", "--way-back", "parse-free"];
            let mut child = host.apply_in_background(&more);
            std::thread::sleep(Duration::from_millis(100 + round * 60 + index as u64 * 30));
            match round % 2 {
                0 => child.kill().unwrap(),
                _ => support::kill_group(&child),
            }
            child.wait().unwrap();
            host.wait_within("the old configuration", Duration::from_secs(15), || {
                host.old_serves()
                    && !host.read("etc/sites/shop.conf").contains("new")
                    && host.ours().is_empty()
            });
            one_master(&host);
        }
        host.run(&["status"]).ends(0);
    }
}

#[test]
fn everything_killed_beside_a_new_master_is_brought_back_by_recover_and_a_start() {
    let host = with_outside(Path::new("/usr/sbin/nginx"));
    let mut child = held(&host, &["--way-back", "parse-free"]);
    let mut ours = host.ours();
    ours.sort_unstable_by(|a, b| b.cmp(a));
    support::kill_all(&ours, "KILL");
    let old: i32 = host.read("nginx.pid.oldbin").trim().parse().unwrap();
    let all = [old, host.master().unwrap()];
    support::kill_all(&all, "STOP");
    let workers: Vec<i32> = all.iter().flat_map(|master| children(*master)).chain(all).collect();
    support::kill_all(&workers, "KILL");
    host.wait("nginx is gone", || workers.iter().all(|pid| !alive(*pid)));
    child.wait().unwrap();
    host.run(&["recover"]).ends(0);
    host.start_nginx();
    assert!(host.old_serves());
    host.run(&["status"]).ends(0);
}

#[test]
fn somebody_who_wakes_the_old_master_is_named_and_the_release_goes_on() {
    let host = Host::start();
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    let child = held(&host, &["--way-back", "parse-free"]);
    let old: i32 = host.read("nginx.pid.oldbin").trim().parse().unwrap();
    kill(old, "HUP");
    host.wait("its workers are sent away again", || {
        let log = host.read("logs/error.log");
        log.matches(&format!("{old}#{old}: signal 28 (SIGWINCH)")).count() == 2 && children(old).len() == 1
    });
    assert!((0..20).all(|_| version(&host) == "two"), "one generation serves");
    host.run(&["confirm"])
        .ends(0)
        .says("while it stood by; the workers that it started were sent away again");
    child.wait_with_output().unwrap();
    one_master(&host);
    host.run(&["show", "r1"]).ends(0).says(&format!("told nginx {old} to reload while it stood by"));
}

#[test]
fn rollback_whose_reload_fails_takes_the_last_known_good_bundle() {
    let host = Host::start();
    let outside = host.path("outside.conf");
    host.write("outside.conf", "# no part of the tree\n");
    let main = host.good_main();
    let include = format!("    include {};\n    limit_req_zone", outside.display());
    host.propose().write("nginx.conf", &main.replace("    limit_req_zone", &include)).replace(
        "sites/shop.conf",
        "\"one\"",
        "\"with\"",
    );
    host.apply(&[]).ends(0);
    host.propose().write("nginx.conf", &main).replace("sites/shop.conf", "\"with\"", "\"two\"");
    let mut child = held(&host, &["--way-back", "reload"]);
    lose_outside(&host);
    let said = host.run(&["rollback"]).ends(1).says("last known good").says("outside.conf");
    child.wait().unwrap();
    assert!(host.old_serves(), "what was confirmed before serves: {}", said.said());
    assert_eq!(host.read("etc/nginx.conf"), main);
    host.run(&["show", "r2"]).ends(0).says("last known good");
    host.run(&["status"]).ends(1).says("last known good");
    host.run(&["postmortem", "r2"]).ends(0).says("last known good");
}

#[test]
fn no_request_fails_while_releases_come_and_are_taken_back_from_memory() {
    let host = Host::start();
    let port = host.port;
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let load = std::thread::spawn(move || {
        let mut seen: Vec<Option<(u16, String)>> = Vec::new();
        while stopped.try_recv().is_err() && seen.len() < 500_000 {
            seen.push(support::get(port, "shop.test", "/version"));
        }
        seen
    });
    for _ in 0..5 {
        host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
        let mut child = held(&host, &["--way-back", "parse-free"]);
        let began = Instant::now();
        host.run(&["rollback"]).ends(0).says("parse-free");
        assert!(began.elapsed() < Duration::from_secs(10));
        child.wait().unwrap();
    }
    stop.send(()).unwrap();
    let seen = load.join().unwrap();
    let right =
        |one: &&Option<(u16, String)>| matches!(one, Some((200, body)) if body == "one" || body == "two");
    assert_eq!(seen.iter().filter(right).count(), seen.len(), "requests without an answer");
    assert!(
        seen.iter().any(|one| matches!(one, Some((_, body)) if body == "two")),
        "the load proves nothing"
    );
    one_master(&host);
}

#[test]
fn setting_says_which_way_back_and_the_flag_wins() {
    let host = Host::start();
    host.write("evenkeel.toml", "[policy]\nway-back = \"parse-free\"\n");
    let config = host.path("evenkeel.toml");
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    let settings = ["--config", config.to_str().unwrap()];
    host.apply(&settings).ends(0).says("parse-free: as was asked for");
    host.propose().replace("sites/shop.conf", "\"two\"", "\"three\"");
    host.apply(&[&settings[..], &["--way-back", "reload"]].concat())
        .ends(0)
        .says("reload: the running nginx would read the old configuration once more today");
}
