//! Whether a reload is proven exactly when it took place, asked of real ones.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::private::{Nginx, free_port, get, signal, wait_for, workers};
use evenkeel_host::nginx::control::{Reload, reload};
use evenkeel_host::nginx::find::Master;
use evenkeel_host::nginx::generation::{
    Before, Evidence, Expected, Failure, FailureKind, Proof, RunningVerdict, Workers, prove, prove_unless,
    running, what_is_read,
};
use evenkeel_host::nginx::sockets::Listen;
use nix::sys::signal::Signal;

/// An nginx that answers "old" on a loopback port.
struct Old {
    nginx: Nginx,
    master: Master,
    port: u16,
}

impl Old {
    fn new() -> Self {
        Self::with("", "")
    }

    /// Starts with something more at the top level of the main file, and in the server.
    fn with(main: &str, more: &str) -> Self {
        let mut nginx = Nginx::new();
        let port = free_port();
        nginx.write("nginx.conf", &nginx.main(main));
        nginx.write("conf.d/site.conf", &site(&format!("127.0.0.1:{port}"), "old", more));
        let master = nginx.start();
        wait_for("the old answer", || get(port).filter(|answer| answer.ends_with("old")));
        Self { nginx, master, port }
    }

    fn listens(&self) -> Vec<Listen> {
        vec![Listen::Tcp(([127, 0, 0, 1], self.port).into())]
    }

    fn expected(&self) -> Expected {
        Expected::new(Workers::Fixed(2), self.listens())
    }

    fn site(&self, answer: &str, more: &str) {
        let listen = format!("127.0.0.1:{}", self.port);
        self.nginx.write("conf.d/site.conf", &site(&listen, answer, more));
    }

    fn logs(&self) -> Vec<PathBuf> {
        vec![self.nginx.error_log(), self.nginx.path("logs/moved.log")]
    }

    fn reload(&self, expected: &Expected) -> Proof {
        let before = Before::take(self.master.id, &self.logs());
        let reload = reload(self.master.id).unwrap();
        prove(before, &reload, expected)
    }

    fn still_serves_old(&self) {
        assert!(get(self.port).unwrap().ends_with("old"), "the old configuration serves no more");
    }

    /// Brings the old configuration back and proves it.
    fn comes_back(&self) -> Evidence {
        self.nginx.write("nginx.conf", &self.nginx.main(""));
        self.site("old", "");
        let evidence = holds(self.reload(&self.expected()));
        self.still_serves_old();
        evidence
    }
}

fn site(listen: &str, answer: &str, more: &str) -> String {
    format!("{more}\nserver {{ listen {listen}; location / {{ return 200 \"{answer}\"; }} }}\n")
}

fn holds(proof: Proof) -> Evidence {
    match proof {
        Proof::Holds(evidence) => evidence,
        Proof::Fails(failure) => panic!("{failure:?}"),
    }
}

fn fails(proof: Proof, kind: FailureKind) -> Failure {
    match proof {
        Proof::Fails(failure) if failure.kind == kind => failure,
        other => panic!("not {kind:?}: {other:?}"),
    }
}

#[test]
fn good_reload_is_proven() {
    let old = Old::new();
    let before = workers(old.master.id.pid);
    old.site("new", "");
    let evidence = holds(old.reload(&old.expected()));
    assert!(get(old.port).unwrap().ends_with("new"));
    assert_eq!(evidence.workers.len(), 2);
    assert!(evidence.workers.iter().all(|worker| worker.lives() && !before.contains(worker)));
    assert!(before.iter().all(|worker| !worker.lives()));
    assert!(evidence.settled_ms >= evidence.first_ms + 600, "{evidence:?}");
    assert!(
        evidence.rests_on.iter().any(|one| one.contains("announced the reload that we asked for")),
        "{evidence:?}"
    );
    assert!(evidence.foreign_reloads.is_empty());
}

#[test]
fn workers_are_counted_by_processor_and_without_their_helpers() {
    let old = Old::new();
    old.nginx.write("nginx.conf", &old.nginx.main("worker_processes auto;"));
    let cache = format!("proxy_cache_path {} keys_zone=c:1m;", old.nginx.path("temp/cache").display());
    old.site("new", &cache);
    let evidence = holds(old.reload(&Expected { workers: Workers::Auto, ..old.expected() }));
    let online = nix::unistd::sysconf(nix::unistd::SysconfVar::_NPROCESSORS_ONLN).unwrap().unwrap();
    assert_eq!(evidence.workers.len(), usize::try_from(online).unwrap());
}

#[test]
fn reload_is_proven_where_notices_are_hidden() {
    let nginx_log = |nginx: &Nginx| format!("error_log {} error;", nginx.error_log().display());
    let mut nginx = Nginx::new();
    let port = free_port();
    nginx.write("nginx.conf", &nginx.main(&nginx_log(&nginx)));
    nginx.serve(&format!("127.0.0.1:{port}"), "old");
    let master = nginx.start();
    let old = Old { nginx, master, port };
    old.site("new", "");
    let evidence = holds(old.reload(&old.expected()));
    assert!(evidence.rests_on.iter().any(|one| one.contains("notices are hidden")), "{evidence:?}");
    assert_eq!(fs::read_to_string(old.nginx.error_log()).unwrap(), "");
}

#[test]
fn reload_is_judged_by_its_workers_where_no_log_can_be_read() {
    let old = Old::with("error_log /dev/null;", "");
    let reload = |old: &Old| {
        let before = Before::take(old.master.id, &["/dev/null".into()]);
        let reload = reload(old.master.id).unwrap();
        prove(before, &reload, &old.expected())
    };
    old.site("new", "");
    let evidence = holds(reload(&old));
    assert!(evidence.rests_on.iter().any(|one| one.contains("from its workers alone")), "{evidence:?}");
    old.site("newer", "no such directive;");
    let failure = fails(reload(&old), FailureKind::NoNewWorkers);
    assert_eq!(failure.reason, "nginx ended the reload without new workers, and the old ones go on");
    assert!(get(old.port).unwrap().ends_with("new"));
}

#[test]
fn port_held_by_another_process_is_the_reason_and_the_way_back_is_proven() {
    let old = Old::new();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let held = holder.local_addr().unwrap();
    old.nginx.write("conf.d/site.conf", &site(&held.to_string(), "new", ""));
    let expected = Expected::new(Workers::Fixed(2), vec![Listen::Tcp(held)]);
    let failure = fails(old.reload(&expected), FailureKind::RefusedByNginx);
    assert_eq!(failure.reason, format!("bind() to {held} failed (98: Address already in use)"));
    assert!(failure.after_ms < 2_000, "known at the first try: {failure:?}");
    old.still_serves_old();
    // nginx goes on trying for 2.5 s and hears nothing: what it writes meanwhile is not about the way back.
    let evidence = old.comes_back();
    assert!(evidence.first_ms > 1_000, "{evidence:?}");
}

#[test]
fn address_that_becomes_a_wildcard_on_the_same_port_is_refused() {
    let old = Old::new();
    let any = format!("0.0.0.0:{}", old.port);
    old.nginx.write("conf.d/site.conf", &site(&any, "new", ""));
    let expected = Expected::new(Workers::Fixed(2), vec![Listen::Tcp(any.parse().unwrap())]);
    let failure = fails(old.reload(&expected), FailureKind::RefusedByNginx);
    assert_eq!(failure.reason, format!("bind() to {any} failed (98: Address already in use)"));
    old.still_serves_old();
}

#[test]
fn changed_key_of_a_limit_zone_is_refused_in_nginx_s_words() {
    let old = Old::with("", "limit_req_zone $binary_remote_addr zone=one:1m rate=100r/s;");
    old.site("new", "limit_req_zone $server_name zone=one:1m rate=100r/s;");
    let failure = fails(old.reload(&old.expected()), FailureKind::RefusedByNginx);
    assert!(
        failure.reason.contains("while previously it used the \"$binary_remote_addr\" key"),
        "{failure:?}"
    );
    old.still_serves_old();
    old.comes_back();
}

#[test]
fn cache_that_moves_with_its_zone_is_refused() {
    let mut nginx = Nginx::new();
    let port = free_port();
    let cache =
        |name: &str| format!("proxy_cache_path {}/temp/{name} keys_zone=c:1m;", nginx.dir.path().display());
    let (one, two) = (cache("one"), cache("two"));
    nginx.write("conf.d/site.conf", &site(&format!("127.0.0.1:{port}"), "old", &one));
    let master = nginx.start();
    let old = Old { nginx, master, port };
    old.site("new", &two);
    let failure = fails(old.reload(&old.expected()), FailureKind::RefusedByNginx);
    assert!(failure.reason.contains("cache path while previously it used"), "{failure:?}");
    old.still_serves_old();
}

#[test]
fn missing_working_directory_kills_all_workers_and_is_named() {
    let old = Old::new();
    old.nginx.write("nginx.conf", &old.nginx.main("working_directory /nonexistent/dir;"));
    let failure = fails(old.reload(&old.expected()), FailureKind::WorkersDied);
    assert_eq!(failure.reason, "chdir(\"/nonexistent/dir\") failed (2: No such file or directory)");
    assert!(failure.details[0].ends_with("exited with fatal code 2 and cannot be respawned"), "{failure:?}");
    old.comes_back();
}

#[test]
fn too_few_file_descriptors_kill_all_workers_and_are_named() {
    let old = Old::new();
    old.nginx.write("nginx.conf", &old.nginx.main("worker_rlimit_nofile 12;"));
    let failure = fails(old.reload(&old.expected()), FailureKind::WorkersDied);
    assert!(failure.reason.ends_with("failed (24: Too many open files)"), "{failure:?}");
    old.comes_back();
}

#[test]
fn reason_is_found_in_the_new_log_only() {
    let old = Old::new();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let held = holder.local_addr().unwrap();
    let moved = old.nginx.path("logs/moved.log");
    old.nginx.write("nginx.conf", &old.nginx.main(&format!("error_log {} error;", moved.display())));
    old.nginx.write("conf.d/site.conf", &site(&held.to_string(), "new", ""));
    let expected = Expected::new(Workers::Fixed(2), vec![Listen::Tcp(held)]);
    let failure = fails(old.reload(&expected), FailureKind::RefusedByNginx);
    assert_eq!(failure.reason, format!("bind() to {held} failed (98: Address already in use)"));
    assert!(!fs::read_to_string(old.nginx.error_log()).unwrap().contains("bind()"));
    assert!(fs::read_to_string(moved).unwrap().contains("bind()"));
}

#[test]
fn syntax_error_is_refused_with_its_place() {
    let old = Old::new();
    old.site("new", "no_such_directive on;");
    let failure = fails(old.reload(&old.expected()), FailureKind::RefusedByNginx);
    assert!(failure.reason.starts_with("unknown directive \"no_such_directive\" in "), "{failure:?}");
    assert!(failure.reason.ends_with("conf.d/site.conf:1"), "{failure:?}");
}

#[test]
fn reload_by_somebody_else_before_ours_is_named() {
    let old = Old::new();
    old.site("new", "");
    let before = Before::take(old.master.id, &old.logs());
    let foreign = hup(old.master.id.pid);
    let reload = reload(old.master.id).unwrap();
    let evidence = holds(prove(before, &reload, &old.expected()));
    assert_eq!(evidence.foreign_reloads, [foreign]);
    assert!(evidence.rests_on.contains(&format!("process {foreign} asked for a reload, too")));
}

#[test]
fn reload_by_somebody_else_while_we_watch_begins_the_proof_again() {
    let old = Old::new();
    old.site("new", "");
    let pid = old.master.id.pid;
    let first = workers(pid);
    let before = Before::take(old.master.id, &old.logs());
    let reload = reload(old.master.id).unwrap();
    let other = std::thread::spawn(move || {
        wait_for("the new workers alone", || {
            let now = workers(pid);
            (now.len() == 2 && now.iter().all(|worker| !first.contains(worker))).then_some(())
        });
        hup(pid)
    });
    let evidence = holds(prove(before, &reload, &old.expected()));
    let foreign = other.join().unwrap();
    assert_eq!(evidence.foreign_reloads, [foreign]);
    assert!(evidence.workers.iter().all(|worker| worker.lives()));
}

/// Sends SIGHUP from a process of its own, and gives its number.
fn hup(pid: i32) -> i32 {
    let mut kill = Command::new("sh").args(["-c", "kill -HUP \"$0\"", &pid.to_string()]).spawn().unwrap();
    let sender = i32::try_from(kill.id()).unwrap();
    assert!(kill.wait().unwrap().success());
    sender
}

#[test]
fn death_of_the_master_is_seen() {
    let old = Old::new();
    let before = Before::take(old.master.id, &old.logs());
    let sent = Reload { master: old.master.id, sender: 1, sent_ms: evenkeel_host::clock::boottime_ms() };
    let left = workers(old.master.id.pid);
    signal(old.master.id, Signal::SIGKILL);
    fails(prove(before, &sent, &old.expected()), FailureKind::MasterGone);
    for worker in left {
        signal(worker, Signal::SIGKILL);
    }
    wait_for("the end of the master", || (!old.master.id.lives()).then_some(()));
    assert!(reload(old.master.id).is_err());
}

#[test]
fn watching_ends_when_somebody_has_seen_enough() {
    let old = Old::new();
    old.site("new", "");
    let before = Before::take(old.master.id, &old.logs());
    let reload = reload(old.master.id).unwrap();
    let mut looks = 0;
    let mut enough = || {
        looks += 1;
        looks == 3
    };
    let failure = fails(prove_unless(before, &reload, &old.expected(), &mut enough), FailureKind::Deadline);
    assert_eq!((failure.reason.as_str(), looks), ("interrupted", 3));
    old.comes_back();
}

#[test]
fn reload_that_was_never_asked_for_is_not_proven() {
    let old = Old::new();
    old.site("new", "");
    let before = Before::take(old.master.id, &old.logs());
    let sent = Reload { master: old.master.id, sender: 1, sent_ms: evenkeel_host::clock::boottime_ms() };
    fails(prove(before, &sent, &old.expected()), FailureKind::NoNewWorkers);
    old.still_serves_old();
}

#[test]
fn wrong_number_of_workers_is_no_proof() {
    let old = Old::new();
    old.site("new", "");
    let failure = fails(
        old.reload(&Expected { workers: Workers::Fixed(3), ..old.expected() }),
        FailureKind::TooFewWorkers,
    );
    assert_eq!(failure.reason, "2 workers serve the new configuration, not 3");
}

#[test]
fn address_that_nobody_listens_on_is_no_proof() {
    let old = Old::new();
    old.site("new", "");
    let other = Listen::Tcp(([127, 0, 0, 1], free_port()).into());
    let listens = [old.listens(), vec![other.clone()]].concat();
    let failure = fails(old.reload(&Expected { listens, ..old.expected() }), FailureKind::NotListening);
    assert_eq!(failure.reason, format!("nginx does not listen on {other}"));
}

#[test]
fn every_kind_of_listener_is_recognised() {
    let old = Old::new();
    let (any, single) = (free_port(), free_port());
    let socket = old.nginx.path("run/a.sock");
    let mut listen = format!(
        "127.0.0.1:{any}; listen {any}; listen 127.0.0.1:{single} reuseport; listen unix:{}",
        socket.display()
    );
    let mut listens = vec![
        Listen::Tcp(([127, 0, 0, 1], any).into()),
        Listen::Tcp(([0, 0, 0, 0], any).into()),
        Listen::Tcp(([127, 0, 0, 1], single).into()),
        Listen::Unix(socket),
    ];
    if Path::new("/proc/net/tcp6").exists() && TcpListener::bind("[::1]:0").is_ok() {
        listen += &format!("; listen [::1]:{single}; listen [::]:{any} ipv6only=on");
        listens.push(Listen::Tcp(format!("[::1]:{single}").parse().unwrap()));
        listens.push(Listen::Tcp(format!("[::]:{any}").parse().unwrap()));
    }
    old.nginx.write("conf.d/site.conf", &site(&listen, "new", ""));
    holds(old.reload(&Expected { listens, ..old.expected() }));
}

#[test]
fn worker_that_finishes_a_request_is_counted_and_not_waited_for() {
    let old = Old::new();
    let mut client = TcpStream::connect(("127.0.0.1", old.port)).unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: ").unwrap();
    // The answer to a second client on the same port shows that the first was accepted.
    wait_for("a worker that has accepted", || get(old.port));
    old.site("new", "");
    let evidence = holds(old.reload(&old.expected()));
    assert_eq!(evidence.old_workers, 1, "{evidence:?}");
}

#[test]
fn workers_older_than_the_disk_are_seen() {
    let old = Old::new();
    // The start of a process is known to a hundredth of a second only.
    let changed =
        || fs::metadata(old.nginx.place.config_dir.join("conf.d/site.conf")).unwrap().modified().unwrap();
    assert!(!matches!(running(old.master.id, changed()), RunningVerdict::Older { .. }));
    assert_eq!(running(old.master.id, changed() - Duration::from_secs(1)), RunningVerdict::Newer);
    std::thread::sleep(Duration::from_millis(60));
    old.site("new", "");
    let RunningVerdict::Older { worker, started } = running(old.master.id, changed()) else {
        panic!("{:?}", running(old.master.id, changed()))
    };
    assert!(workers(old.master.id.pid).contains(&worker));
    assert!(started < changed() && started > SystemTime::now() - Duration::from_secs(60));
    std::thread::sleep(Duration::from_millis(60));
    holds(old.reload(&old.expected()));
    assert_eq!(running(old.master.id, changed()), RunningVerdict::Newer);
}

#[test]
fn what_nginx_would_read_is_compared_byte_for_byte() {
    let old = Old::new();
    let path = |name: &str| old.nginx.place.config_dir.join(name);
    let digest = |name: &str| evenkeel_syntax::fileset::Digest::of(&fs::read(path(name)).unwrap()).0;
    let names = ["conf.d/site.conf", "nginx.conf"];
    let ours: Vec<_> = names.iter().map(|name| (Path::new(name), digest(name))).collect();
    assert_eq!(what_is_read(&old.master, ours.clone()).unwrap(), None);
    old.site("changed", "");
    assert_eq!(what_is_read(&old.master, ours.clone()).unwrap(), Some("conf.d/site.conf".into()));
    fs::remove_file(path("conf.d/site.conf")).unwrap();
    assert_eq!(what_is_read(&old.master, ours).unwrap(), Some("conf.d/site.conf".into()));
}
