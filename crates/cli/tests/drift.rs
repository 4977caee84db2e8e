//! `drift` on a private nginx: what differs, who made it so, what it does, and that it is in the journal at once.

mod support;

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use evenkeel_host::drift::author::audit::{Audit, Wanted, stands};
use serde_json::Value;
use support::Host;

/// `evenkeel drift --follow --json`, and what it says.
struct Following {
    child: Child,
    out: BufReader<ChildStdout>,
    err: BufReader<ChildStderr>,
}

impl Following {
    fn start(host: &Host, more: &[&str]) -> Following {
        let mut command = host.evenkeel(&[&["drift", "--follow", "--json"], more].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // The first line on standard error says that it follows.
        let mut line = String::new();
        let mut err = BufReader::new(child.stderr.take().unwrap());
        err.read_line(&mut line).unwrap();
        assert!(line.contains("follows every change"), "{line}");
        let out = BufReader::new(child.stdout.take().unwrap());
        Following { child, out, err }
    }

    /// Reads until a drift is of this kind.
    fn until(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let drift = self.next();
            if is_it(&drift) {
                return drift;
            }
        }
    }

    /// The next drift that is in the journal.
    fn next(&mut self) -> Value {
        let mut line = String::new();
        assert!(self.out.read_line(&mut line).unwrap() > 0, "it ended");
        serde_json::from_str(&line).unwrap()
    }

    /// Stops it, and gives its exit code.
    fn stop(mut self) -> Option<i32> {
        support::kill(i32::try_from(self.child.id()).unwrap(), "TERM");
        self.child.wait().unwrap().code()
    }

    /// Stops it, and gives what it complained of.
    fn complaints(mut self) -> String {
        support::kill(i32::try_from(self.child.id()).unwrap(), "TERM");
        let mut said = String::new();
        self.err.read_to_string(&mut said).unwrap();
        self.child.wait().unwrap();
        said
    }
}

fn is_root() -> bool {
    support::is_root()
}

fn sed(host: &Host, what: &str) -> String {
    let path = host.path("etc/sites/shop.conf");
    let ran = Command::new("sed").args(["-i", what]).arg(&path).status().unwrap();
    assert!(ran.success());
    format!("sed -i {what} {}", path.display())
}

#[test]
fn edit_by_hand_is_told_with_its_command_and_its_meaning_until_it_is_adopted_or_undone() {
    let host = Host::start();
    host.run(&["adopt"]).ends(0);
    host.run(&["drift"]).ends(0).says("as released");
    let mut follow = Following::start(&host, &[]);
    let command = sed(&host, "s/one/two/");
    let drift = follow.next();
    assert_eq!(drift["stage"], "opened", "{drift}");
    let change = &drift["changes"][0];
    assert_eq!((change["path"].as_str(), change["how"].as_str()), (Some("sites/shop.conf"), Some("changed")));
    if is_root() {
        assert_eq!(change["author"]["command"], *command, "{drift}");
    } else {
        println!("skipped: only root learns which command it was");
        assert!(change["author"].is_null(), "{drift}");
    }
    let means = follow.next();
    assert!(means["meaning"].to_string().contains("/version"), "{means}");
    let said = host.run(&["drift"]).ends(1).says("sites/shop.conf says something else").says("/version");
    assert!(said.says("ways out").out.contains("evenkeel adopt"));
    host.run(&["status"]).ends(1).says("evenkeel drift");
    // Nobody else writes the same into the journal.
    host.run(&["drift", "--follow"]).ends(2);

    host.run(&["adopt"]).ends(0);
    assert_eq!(follow.next()["stage"]["ended"], "adopted");
    sed(&host, "s/two/three/");
    assert_eq!(follow.next()["stage"], "opened");
    sed(&host, "s/three/two/");
    while follow.next()["stage"]["ended"] != "undone" {}
    assert_eq!(follow.stop(), Some(0));
    // What changes while nobody watches is told by the next one that does.
    sed(&host, "s/two/four/");
    let mut follow = Following::start(&host, &[]);
    assert_eq!(follow.next()["stage"], "opened");
    assert_eq!(follow.stop(), Some(1));
}

#[test]
fn release_of_our_own_is_no_drift_and_a_rollback_ends_one() {
    let host = Host::start();
    host.run(&["adopt"]).ends(0);
    let mut follow = Following::start(&host, &[]);
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    host.apply(&[]).ends(0);
    host.run(&["rollback"]).ends(0);
    // The first that is told is what a hand does.
    host.write("etc/conf.d/hand.conf", "# by hand\n");
    let drift = follow.next();
    assert_eq!(
        (drift["stage"].as_str(), drift["changes"][0]["path"].as_str()),
        (Some("opened"), Some("conf.d/hand.conf"))
    );
    host.run(&["rollback", "--to", "r1"]);
    assert!(host.run(&["drift"]).out.contains("released"));
    follow.stop();
}

#[test]
fn edit_is_in_the_journal_long_before_a_pass_would_find_it() {
    let host = Host::start();
    host.run(&["adopt"]).ends(0);
    let mut follow = Following::start(&host, &[]);
    let mut took = Vec::new();
    for n in 0..40 {
        let started = Instant::now();
        host.write("etc/conf.d/edit.conf", &format!("# {n}\n"));
        let drift = follow.next();
        took.push(started.elapsed());
        assert_eq!(drift["changes"][0]["path"], "conf.d/edit.conf", "{drift}");
        // Slower than a storm: what comes many at a time is told together.
        std::thread::sleep(Duration::from_millis(200));
    }
    took.sort();
    println!("from the write to the event in the journal: p50 {:?}, max {:?}", took[20], took[39]);
    // `cargo xtask bench drift` holds the milliseconds, on a machine where nobody else works.
    assert!(took[39] < Duration::from_secs(5), "{took:?}");
    follow.stop();
}

#[test]
fn guard_of_openings_is_for_root_and_names_commands_too() {
    let host = Host::start();
    host.run(&["adopt"]).ends(0);
    if !is_root() {
        host.run(&["drift", "--follow", "--guard"]).ends(2).says("root");
        println!("skipped: only root may have openings wait");
        return;
    }
    let mut follow = Following::start(&host, &["--guard"]);
    let line = format!("echo >> {}", host.path("etc/nginx.conf").display());
    Command::new("sh").args(["-c", &line]).status().unwrap();
    let drift = follow.next();
    assert_eq!(drift["changes"][0]["author"]["command"], format!("sh -c '{line}'"), "{drift}");
    let known_by = drift["changes"][0]["author"]["known_by"].as_str().unwrap().to_owned();
    let said = follow.complaints();
    // On a machine that leaves the helper no time it ends, and that is said.
    // By the audit where that is in use.
    let is_known = ["opening", "audit"].contains(&known_by.as_str());
    assert!(is_known || said.contains("too slow and has ended"), "{drift} {said}");
    let etc = host.path("etc");
    let helpers = || {
        let ours = support::processes_mentioning(etc.to_str().unwrap());
        let of = |pid: &i32| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        ours.iter().filter(|pid| of(pid).contains("__open-guard")).count()
    };
    host.wait("no helper is left", || helpers() == 0);
}

/// Sets the audit back as it was, also when a test ends early.
struct SetBack<'h>(&'h Host);

impl Drop for SetBack<'_> {
    fn drop(&mut self) {
        let (etc, state) = (self.0.path("etc"), self.0.path("state"));
        let _nothing_left = Audit::listen(&etc, &state, Wanted::WhereInUse);
    }
}

#[test]
fn audit_that_was_off_is_on_as_long_as_it_is_followed() {
    let host = Host::start();
    host.run(&["adopt"]).ends(0);
    if stands().is_err() {
        host.run(&["drift", "--follow", "--audit"]).ends(2).says("kernel's audit");
        println!("skipped: only root may switch it on");
        return;
    }
    // One that was ever on costs every later process until the next boot.
    if std::env::var_os("EVENKEEL_AUDIT").is_none() {
        println!("skipped: EVENKEEL_AUDIT=1 (make test-audit) switches it on");
        return;
    }
    // There is one for the whole machine: other tests switch it on and off, too.
    let alone = std::fs::File::create(std::env::temp_dir().join("evenkeel-audit-tests.lock")).unwrap();
    alone.lock().unwrap();
    let before = stands().unwrap();
    if before.on || before.daemon.is_some() {
        println!("skipped: it is in use here");
        return;
    }
    let _set_back = SetBack(&host);
    let mut follow = Following::start(&host, &["--audit"]);
    assert!(stands().unwrap().on);
    let by_audit = ["s/one/two/", "s/two/one/"].iter().cycle().take(20).any(|what| {
        let command = sed(&host, what);
        let of = |drift: &Value| {
            let changes = drift["changes"].as_array().unwrap().clone();
            changes.into_iter().find(|change| change["path"] == "sites/shop.conf")
        };
        let change = of(&follow.until(|drift| of(drift).is_some())).unwrap();
        assert_eq!(change["author"]["command"], *command, "{change}");
        // A record that is late on a loaded machine is not waited for.
        change["author"]["known_by"] == "audit"
    });
    assert!(by_audit, "none of twenty was known by the audit");
    follow.stop();
    let after = stands().unwrap();
    assert_eq!((after.on, after.others), (false, before.others));
    assert!(!after.ours.contains(&host.path("etc")), "{after:?}");
}

/// A certificate of its own authority for shop.test, good from a day of this year on.
fn certificate(host: &Host, month: u8) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["shop.test".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, month, 1);
    params.not_after = rcgen::date_time_ymd(2090, 1, 1);
    host.write("tls/site.pem", &params.self_signed(&key).unwrap().pem());
    host.write("tls/site.key", &key.serialize_pem());
}

#[test]
fn certificate_that_was_renewed_and_never_reloaded_is_told() {
    let host = Host::new();
    let (port, dir) = (support::free_port(), host.path("tls"));
    certificate(&host, 1);
    let site = format!(
        "server {{ listen 127.0.0.1:{port} ssl; server_name shop.test; ssl_certificate {dir}/site.pem;\n\
         ssl_certificate_key {dir}/site.key; return 204; }}\n",
        dir = dir.display()
    );
    host.write("etc/conf.d/tls.conf", &site);
    host.start_nginx();
    host.run(&["adopt"]).ends(0);
    let said = host.run(&["drift", "--json"]).ends(0).json();
    assert_eq!(said["certificates"][0]["name"], "shop.test", "{said}");
    assert_eq!(said["certificates"][0]["served"], said["certificates"][0]["on_disk"], "{said}");
    assert!(said["queues"].as_array().unwrap().iter().any(|it| it["address"] == format!("127.0.0.1:{port}")));
    certificate(&host, 6);
    host.run(&["drift"]).ends(1).says("renewed on disk and never reloaded");
    support::kill(host.master().unwrap(), "HUP");
    host.wait("nginx shows the new one", || host.run(&["drift"]).code == 0);
}

#[test]
fn silence_with_an_end_says_nothing_until_it_is_over_or_the_file_changes_again() {
    const PATH: &str = "conf.d/hand.conf";
    let host = Host::start();
    host.run(&["adopt"]).ends(0);
    let silence =
        |until: &str, why: &str| host.run(&["drift", "silence", PATH, "--until", until, "--why", why]);
    silence("1h", "the fix comes").ends(1).says("is as released");
    // What runs is what is on disk: all that differs is the release.
    let edit = |text: &str| {
        host.write(&format!("etc/{PATH}"), text);
        support::kill(host.master().unwrap(), "HUP");
        host.wait("new workers serve", || {
            host.run(&["status", "--json"]).json()["running"]["kind"] == "on-disk"
        });
    };
    edit("# by hand\n");
    host.run(&["drift"]).ends(1).says("drift silence");
    silence("1h", "the fix comes with r9").ends(0).says("silent  added conf.d/hand.conf");
    host.run(&["drift"]).ends(0).says("silent until").says("the fix comes with r9");
    host.run(&["status"]).ends(0).says("conf.d/hand.conf is silent until");
    let silences = host.run(&["drift", "--json"]).ends(0).json()["silences"].clone();
    assert_eq!(
        (silences[0]["path"].as_str(), silences[0]["why"].as_str()),
        (Some(PATH), Some("the fix comes with r9"))
    );
    host.run(&["history"]).ends(0).says("silent until").says("the fix comes with r9");
    host.run(&["show", "drift"]).ends(0).says("silent until").says(PATH);
    assert_eq!(host.run(&["show", "drift", "--json"]).ends(0).json()["events"].as_array().unwrap().len(), 1);

    edit("# by hand, once more\n");
    host.run(&["drift"]).ends(1);
    host.run(&["status"]).ends(1);
    silence("2s", "for a moment").ends(0);
    host.wait("the silence is over", || host.run(&["drift"]).code == 1);
    // By its path from the root, too; and adopting ends it.
    let path = host.path(&format!("etc/{PATH}"));
    host.run(&["drift", "silence", path.to_str().unwrap(), "--until", "1d", "--why", "x"]).ends(0);
    host.run(&["adopt"]).ends(0);
    assert_eq!(host.run(&["drift", "--json"]).ends(0).json()["silences"].as_array().unwrap().len(), 0);
}

#[test]
fn silence_that_is_over_is_told_of_by_whoever_follows_then_or_next() {
    const PATH: &str = "conf.d/hand.conf";
    let host = Host::start();
    host.run(&["adopt"]).ends(0);
    host.write(&format!("etc/{PATH}"), "# by hand\n");
    let silence = || host.run(&["drift", "silence", PATH, "--until", "2s", "--why", "a moment"]).ends(0);
    let is_over = |drift: &Value| drift["stage"] == "silence_over";
    let mut follow = Following::start(&host, &[]);
    silence();
    let over = follow.until(is_over);
    assert_eq!(over["changes"][0]["path"], PATH, "{over}");
    silence();
    assert_eq!(follow.stop(), Some(1));
    host.wait("the silence is over", || host.run(&["drift", "--json"]).json()["silences"][0].is_null());
    let mut follow = Following::start(&host, &[]);
    assert_eq!(follow.until(is_over)["changes"][0]["path"], PATH);
    // Once each: the next that is told of is another edit.
    host.write("etc/conf.d/other.conf", "# by hand\n");
    assert_eq!(
        follow.until(|drift| !drift["changes"][0].is_null())["changes"][0]["path"],
        "conf.d/other.conf"
    );
    follow.stop();
    host.run(&["history"]).ends(0).says(&format!("silence over: {PATH}"));
    host.run(&["show", "drift"]).ends(0).says("its silence is over");
}

#[test]
fn storm_of_edits_ends_with_the_truth_in_the_journal_and_little_memory() {
    const DIRECTORIES: usize = 10;
    const FILES: usize = 10_000;
    let host = Host::start();
    host.run(&["adopt"]).ends(0);
    let mut follow = Following::start(&host, &[]);
    let follower = i32::try_from(follow.child.id()).unwrap();
    let etc = host.path("etc/storm");
    let file = |n: usize| etc.join(format!("{}/{n}.conf", n % DIRECTORIES));
    (0..DIRECTORIES).for_each(|n| std::fs::create_dir_all(etc.join(n.to_string())).unwrap());
    std::fs::write(file(0), "# stays\n").unwrap();
    follow.until(|drift| drift["changes"][0]["path"] == "storm/0/0.conf");
    // As if it had no time: more happens than the kernel keeps for it.
    support::kill(follower, "STOP");
    (1..FILES).for_each(|n| std::fs::write(file(n), format!("# {n}\n")).unwrap());
    (2..FILES).for_each(|n| std::fs::remove_file(file(n)).unwrap());
    support::kill(follower, "CONT");
    // And while it looks.
    (2..FILES).for_each(|n| std::fs::write(file(n), format!("# {n}\n")).unwrap());
    (2..FILES).for_each(|n| std::fs::remove_file(file(n)).unwrap());
    let last = "conf.d/last.conf";
    host.write(&format!("etc/{last}"), "# the last one\n");
    let open = || {
        let events = host.run(&["show", "drift", "--json"]).ends(0).json()["events"].clone();
        let mut open = std::collections::BTreeSet::new();
        for event in events.as_array().unwrap() {
            for change in event["drift"]["changes"].as_array().unwrap() {
                let path = change["path"].as_str().unwrap().to_owned();
                if change["how"] == "back" {
                    open.remove(&path)
                } else {
                    open.insert(path)
                };
            }
        }
        open
    };
    follow.until(|drift| drift["changes"].as_array().unwrap().iter().any(|it| it["path"] == last));
    let truth = [last, "storm/0/0.conf", "storm/1/1.conf"].map(str::to_owned).into();
    host.wait_within("the journal says what stands there", Duration::from_secs(60), || open() == truth);
    let status = std::fs::read_to_string(format!("/proc/{follower}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim().to_owned();
    println!("the follower took at most {peak}");
    let kb: u64 = peak.split(' ').next().unwrap().parse().unwrap();
    assert!(kb < 150_000, "{peak}");
    follow.stop();
}

#[test]
fn silence_wants_a_path_a_reason_and_an_end_that_is_to_come() {
    let host = Host::start();
    host.run(&["adopt"]).ends(0);
    host.write("etc/conf.d/hand.conf", "# by hand\n");
    let silence = |args: &[&str]| host.run(&[&["drift", "silence"], args].concat());
    let path = "conf.d/hand.conf";
    for args in [
        &[][..],
        &[path],
        &[path, "--until", "1h"],
        &[path, "--why", "x"],
        &[path, "--until", "yesterday", "--why", "x"],
        &[path, "--until", "2020-01-01", "--why", "x"],
        &[path, "--until", "0s", "--why", "x"],
        &[path, "--until", "400d", "--why", "x"],
        &[path, "--until", "99999999999999999999d", "--why", "x"],
        &[path, "--until", "1h", "--why", "  "],
    ] {
        let ran = silence(args).ends(2);
        assert!(!ran.err.contains("panicked"), "{args:?}: {ran:?}");
    }
    host.run(&["drift", "--follow", "silence", path, "--until", "1h", "--why", "x"]).ends(2);
    for path in ["../../etc/passwd", "", "/", "conf.d", "conf.d/\u{1b}[31m"] {
        let ran = silence(&[path, "--until", "1h", "--why", "x"]).ends(1);
        assert!(ran.out.contains("is as released") && !ran.out.contains('\u{1b}'), "{path:?}: {ran:?}");
    }
    assert!(host.run(&["drift", "--json"]).ends(1).json()["silences"].as_array().unwrap().is_empty());
}
