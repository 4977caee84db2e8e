//! Packages, for real: nginx's own Debian packages, repacked with another version and other contents, installed by the real
//! dpkg, apt and unattended-upgrades in a private root (`scripts/private-root.sh`), where real nginxes run. This machine's packages stay as they
//! are.
//!
//! It takes root, Debian and what `scripts/nginx-debs.sh` fetched. As an ordinary user, or without a dpkg, the tests say so and
//! look at nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What the scenario's commands said, by the names that it gives them, and their exit statuses.
struct Said(BTreeMap<String, (String, i32)>);

impl Said {
    fn read(text: &str) -> Said {
        let mut all = BTreeMap::new();
        for part in text.split("%%%% ").skip(1) {
            let (name, rest) = part.split_once('\n').unwrap();
            let (said, exit) =
                rest.split_once("\n%%%%= ").unwrap_or_else(|| panic!("{name} did not end: {rest}"));
            all.insert(name.to_owned(), (said.to_owned(), exit.lines().next().unwrap().parse().unwrap()));
        }
        Said(all)
    }

    fn of(&self, name: &str) -> &str {
        &self.0.get(name).unwrap_or_else(|| panic!("nothing of {name}")).0
    }

    fn exit(&self, name: &str) -> i32 {
        self.0.get(name).unwrap_or_else(|| panic!("nothing of {name}")).1
    }

    #[track_caller]
    fn ended(&self, name: &str, exit: i32) -> &Said {
        assert_eq!(self.exit(name), exit, "{name}:\n{}", self.of(name));
        self
    }

    #[track_caller]
    fn says(&self, name: &str, all: &[&str]) -> &Said {
        for text in all {
            assert!(self.of(name).contains(text), "{name} does not say \"{text}\":\n{}", self.of(name));
        }
        self
    }

    #[track_caller]
    fn says_not(&self, name: &str, text: &str) -> &Said {
        assert!(!self.of(name).contains(text), "{name} says \"{text}\":\n{}", self.of(name));
        self
    }

    #[track_caller]
    fn json(&self, name: &str) -> Value {
        serde_json::from_str(self.of(name).trim())
            .unwrap_or_else(|error| panic!("{error}: {}", self.of(name)))
    }

    /// Each conffile with its outcome, as one text.
    #[track_caller]
    fn conffiles(&self, name: &str) -> Vec<String> {
        let all = self.json(name)["conffiles"].as_array().unwrap().clone();
        let text = |it: &Value| {
            format!(
                "{} {} {}",
                it["package"].as_str().unwrap(),
                it["path"].as_str().unwrap(),
                it["outcome"].as_str().unwrap()
            )
        };
        all.iter().map(text).collect()
    }
}

fn debs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/nginx-debs")
}

/// Plays a scenario in a private root; `None`, after saying why, where there can be none.
fn play(scenario: &str) -> Option<Said> {
    let skipped = |why: &str| {
        eprintln!("skipped: {scenario}: {why}");
        None
    };
    if !nix_is_root() {
        return skipped("a private root with packages takes root (mounts, the users of dpkg)");
    }
    if !Path::new("/usr/bin/dpkg").exists() || !Path::new("/usr/bin/apt-get").exists() {
        return skipped("there is no dpkg and apt on this machine");
    }
    let debs =
        debs().canonicalize().expect("scripts/nginx-debs.sh fetches the packages to target/nginx-debs");
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let here = crate_dir.join("tests/packages");
    let evenkeel = Path::new(env!("CARGO_BIN_EXE_evenkeel"));
    let places = [
        (evenkeel, "/usr/bin/evenkeel"),
        (&*debs, "/debs"),
        (&*here.join(scenario), "/script"),
        (&*here, "/srv"),
    ];
    let output = Command::new("timeout")
        .args([
            "--kill-after=5",
            "120",
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--net",
            "--uts",
            "sh",
        ])
        .arg(crate_dir.join("../../scripts/private-root.sh"))
        .args(places.map(|(from, to)| format!("{}:{to}", from.display())))
        .args(["--", "sh", "-eu", "/script"])
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{scenario}: {:?}\n{text}\n{errors}", output.status);
    Some(Said::read(&text))
}

fn nix_is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}

fn who(document: &Value) -> &str {
    document["who"].as_str().unwrap()
}

#[test]
fn every_outcome_of_dpkg_is_recorded_with_package_version_and_command() {
    let Some(said) = play("outcomes.sh") else { return };
    said.ended("kept", 0).says("kept", &["evenkeel:   will be   mime.types: replaced"]);
    assert_eq!(
        said.conffiles("kept-shown"),
        [
            "nginx-common conf.d/new.conf appeared",
            "nginx-common fastcgi_params kept",
            "nginx-common mime.types replaced",
            "nginx-common scgi_params stays-deleted",
        ]
    );
    let shown = said.json("kept-shown");
    assert_eq!(who(&shown), "root via apt-get");
    assert!(shown["command"].as_str().unwrap().starts_with("apt-get -y -o Dpkg::Options::=--force-confold"));
    assert_eq!(shown["packages"][0]["name"], "nginx-common");
    assert!(shown["packages"][0]["new"].as_str().unwrap().ends_with("+evk1"), "{shown}");
    said.says("kept-disk", &["fastcgi_params.dpkg-dist"]);

    said.ended("overwritten", 0);
    assert_eq!(
        said.conffiles("overwritten-shown"),
        // What version 1 had added to other files is in none of the next ones.
        [
            "nginx-common conf.d/new.conf dropped",
            "nginx-common fastcgi_params overwritten",
            "nginx-common mime.types replaced",
            "nginx-common scgi_params appeared",
        ]
    );

    said.ended("undecided", 100)
        .says("undecided", &["dpkg will ask about uwsgi_params", "end of file on stdin"]);
    assert!(said.conffiles("undecided-shown").contains(&"nginx-common uwsgi_params undecided".to_owned()));
    assert_eq!(said.conffiles("undecided-shown").iter().filter(|it| it.ends_with("undecided")).count(), 1);
    said.says("undecided-shown", &["not finished: nginx-common is"]).says("undecided-version", &["+evk3 iU"]);

    said.ended("settled", 0).ended("plain", 0);
    let plain = said.json("plain-shown");
    assert_eq!(who(&plain), "root via dpkg");
    assert!(plain["packages"][0]["old"].as_str().unwrap().ends_with("+evk3"), "{plain}");
    said.ended("other", 0).says_not("other", "evenkeel:").says_not("history", "other 1");
}

#[test]
fn drift_names_the_package_of_every_conffile_outcome_without_any_hook() {
    let Some(said) = play("drift.sh") else { return };
    for (name, outcomes) in [
        ("kept", &["nginx-common fastcgi_params kept", "nginx-common scgi_params stays-deleted"][..]),
        ("overwritten", &["nginx-common fastcgi_params overwritten"]),
        ("replaced", &["nginx-common mime.types replaced"]),
        ("appeared", &["nginx-common conf.d/new.conf appeared"]),
        ("undecided", &["nginx-common uwsgi_params undecided"]),
    ] {
        let told = said.conffiles(name);
        assert!(outcomes.iter().all(|it| told.contains(&(*it).to_owned())), "{name}: {told:?}");
        let drift = said.json(name);
        let changes = drift["changes"].as_array().unwrap();
        assert!(!changes.is_empty(), "{name}: {drift}");
        for change in changes {
            assert_eq!(change["author"]["known_by"], "package", "{name}: {change}");
            assert!(change["author"]["command"].as_str().unwrap().contains("apt-get"), "{name}: {change}");
        }
    }
}

#[test]
fn what_nginx_would_refuse_is_stopped_before_it_is_unpacked_and_a_restart_into_it_is_held() {
    let Some(said) = play("refused.sh") else { return };
    said.says("before", &["the shop"]);
    said.ended("stopped", 100).says(
        "stopped",
        &[
            "STOPPED",
            "nginx 1",
            "of the new package refuses it: unknown directive \"no_such_directive\"",
            "EVENKEEL_PACKAGE_OVERRIDE",
        ],
    );
    said.says_not("stopped", "Unpacking").says_not("stopped-version", "evk");
    assert_ne!(said.exit("stopped-plain"), 0);
    said.says("stopped-plain", &["STOPPED"]).says_not("stopped-plain", "Unpacking");
    assert_eq!(
        (&said.json("stopped-shown")["stage"], who(&said.json("stopped-shown"))),
        (&"stopped".into(), "root via dpkg")
    );

    said.says("overridden", &["IN SPITE", "HELD", "systemctl restart nginx"])
        .says("overridden-version", &["+evk1"]);
    let shown = said.json("overridden-shown");
    assert_eq!(shown["stage"], "done");
    assert!(shown["held"].as_str().unwrap().contains("no_such_directive"), "{shown}");
    said.says("overridden", &["runs what is no longer on disk: /usr/sbin/nginx"]);
    // Its maintainer script wanted an upgrade, or else a restart.
    said.says("overridden", &["policy-rc.d denied execution"]);
    said.says("still-answers", &["the shop"]).ended("same-master", 0);
    said.ended("held", 101).ended("held-status", 1).says("status", &["restarts are held back"]);
    said.says("needrestart", &["(?^:^nginx) => 0"]);

    said.ended("rollback", 0).says("rollback", &["no longer held back"]);
    said.ended("lifted", 0).says("after", &["the shop"]).says_not("needrestart-after", "nginx");
    said.says("history", &["checked by hand"]);
}

#[test]
fn freeze_stops_packages_and_a_failure_of_ours_does_not() {
    let Some(said) = play("freeze.sh") else { return };
    said.ended("frozen", 100).says("frozen", &["frozen by root: big sale"]).says_not("frozen-version", "evk");
    said.ended("apt-option", 0).says("apt-option", &["IN SPITE", "security fix"]);
    said.says("apt-option-shown", &["goes on, \\\"security fix\\\", in spite of: frozen by root: big sale"]);
    for way in ["journal", "full-disk", "gone"] {
        said.ended(way, 0);
    }
    said.says("journal", &["could not write this down"]).says("journal-version", &["+evk2 ii"]);
    said.says("full-disk-version", &["+evk3 ii"]).says("gone-version", &["+evk4 ii"]);
    said.ended("gone-policy", 0);
}

#[test]
fn outage_c_is_told_beforehand_recorded_with_its_author_and_taken_back() {
    let Some(said) = play("outage_c.sh") else { return };
    said.says("before", &["shop"]);
    said.ended("upgrade", 0)
        .says("upgrade", &["will be   conf.d/shop-upstream.conf: replaced", "requests", "shop.test"]);
    said.says("broken", &["502"]);
    said.says(
        "shown",
        &["shop-nginx 1.0 -> 1.1", "root via apt-get", "apt-get -y upgrade", "127.0.0.1:8080"],
    );
    said.ended("status", 1).says("status", &["conf.d/shop-upstream.conf"]);
    said.ended("rollback", 0).says("after", &["shop"]);
    said.says("history", &["rollback: the update took the shop away", "begins: shop-nginx 1.0 -> 1.1"]);
}

#[test]
fn change_by_a_script_of_a_package_is_recorded_and_an_edit_by_hand_is_not_laid_at_its_door() {
    let Some(said) = play("script.sh") else { return };
    said.ended("install", 0);
    let shown = said.json("shown");
    assert_eq!((&shown["packages"][0]["name"], who(&shown)), (&"shop-proxy".into(), "root via apt-get"));
    assert_eq!(shown["changes"], serde_json::json!(["conf.d/upstreams.conf"]));
    said.says("shown", &["other servers answer", "one of their scripts changed it"]);
    said.ended("later", 0);
    assert_eq!(said.json("later-shown")["changes"], serde_json::json!(["mime.types"]));
}

#[test]
fn unattended_upgrades_is_named_and_what_would_fail_is_left_out() {
    let Some(said) = play("unattended.sh") else { return };
    said.ended("upgrade", 0).says("version", &["+evk1 ii"]).says("answers", &["the shop"]);
    let history = said.json("history");
    let packages: Vec<&Value> =
        history["history"].as_array().unwrap().iter().filter(|it| it["id"] == "packages").collect();
    assert!(packages.iter().all(|it| it["who"] == "root via unattended-upgrade"), "{history}");
    assert!(packages.len() >= 2, "{history}");
    said.says("refused", &["STOPPED"])
        .says("refused-version", &["+evk1 ii"])
        .says("refused-answers", &["the shop"]);
    assert_eq!(said.json("refused-shown")["stage"], "stopped");
}

#[test]
fn files_that_call_evenkeel_come_go_and_ask_the_policy_that_was_there() {
    let Some(said) = play("files.sh") else { return };
    said.ended("remove", 0).ended("gone", 2);
    said.ended("policy-of-the-admin", 101).ended("policy-of-another-service", 101);
    said.says("policy-is-back", &["#!/bin/sh\nexit 101"]);
    said.ended("status", 0).ended("policy-good", 0).ended("policy-broken", 101);
    said.says("policy-broken", &["unexpected end of file", "evenkeel rollback"]);
    said.ended("policy-stop", 0).ended("policy-rotate", 0);
    said.ended("unit", 0).says("unit-history", &["\"start\"", "root via systemd"]);
    said.says("apt", &["/usr/bin/evenkeel package pre || test $? -ne 1"]);
    said.says_not("drop-in", "evenkeel.conf");
    said.ended("recover-unit", 0)
        .ended("recover", 0)
        .says("drop-in-read", &["After=evenkeel-recover.service"]);
    said.says("drop-in-read", &["ExecStartPost=-/usr/bin/evenkeel package unit start"]);
}
