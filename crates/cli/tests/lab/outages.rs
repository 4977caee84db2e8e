//! The five outages, live: what users get, what HAProxy sees, and that all is well afterwards.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::Lab;

fn states(lab: &Lab) -> Vec<String> {
    let output = super::evenkeel(&lab.dir, &["status", "--json"]);
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    let servers = status["servers"].as_array().unwrap().clone();
    let word = |server: &Value| format!("{} {}", server["state"], server["check"]["class"]).replace('"', "");
    servers.iter().map(word).collect()
}

#[test]
fn every_outage_happens_and_is_put_right() {
    let lab = Lab::up();
    for outage in ["A", "B", "C", "D", "E"] {
        let broken = lab.json(&["break", outage]);
        let (first, onset) = (broken["deeds"][0]["at_ms"].as_u64(), broken["onset_ms"].as_u64());
        assert!(onset > first, "{broken}");
        // Another one would hide it.
        assert_eq!(super::evenkeel(&lab.dir, &["break", "B"]).status.code(), Some(2));
        let (status, log, host, says): (Option<u64>, _, _, _) = match outage {
            "A" => {
                super::wait_until("both are down", || {
                    states(&lab)[..2].iter().all(|state| state == "down L4CON")
                });
                assert_eq!(states(&lab)[2], "down L4TOUT");
                (Some(503), "/etc/nginx/sites-available/default", "web1", "# listen 80 default_server;")
            }
            "B" => {
                (Some(502), "/var/log/nginx/error.log", "web2", "connect() failed (111: Connection refused)")
            }
            "C" => (
                Some(502),
                "/var/log/dpkg.log",
                "standby",
                "conffile /etc/nginx/conf.d/upstreams.conf install",
            ),
            "D" => {
                assert_eq!(
                    lab.ask("client2", "shop.lab:80", &[])["error"],
                    "no answer",
                    "the guard blocks it"
                );
                (Some(503), "/etc/nginx/conf.d/tuning.conf", "web1", "proxy_buffering_size")
            }
            _ => {
                assert_eq!(lab.ask("client1", "app1.lab:8080", &["GET", "/v2/"])["status"], 200);
                (Some(404), "/var/log/nginx/access.log", "web1", "\" 404 ")
            }
        };
        super::wait_until("users get it", || {
            lab.ask("client1", "shop.lab:80", &[])["status"].as_u64() == status
        });
        // HAProxy asks the web servers in turn: the answer that was seen may be that of the other one.
        super::wait_until("the host says why", || {
            lab.ask("client1", "shop.lab:80", &[]);
            lab.shell(host, &["cat", log]).1.contains(says)
        });
        let repaired = lab.json(&["repair"]);
        assert!(repaired["proofs"].as_array().unwrap().len() >= 10, "{repaired}");
        for client in ["client1", "client2", "client3"] {
            assert_eq!(lab.ask(client, "shop.lab:80", &[])["status"], 200, "{outage}, {client}");
        }
        assert!(lab.json(&["status"])["broken"].is_null());
    }
}

/// The exit code of a drill, and what it prints.
fn drill(lab: &Lab, words: &[&str], typed: &str) -> (i32, Value) {
    use std::io::Write as _;
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    command.arg("drill").args(words).arg("--json").arg("--dir").arg(&lab.dir);
    let pipe = std::process::Stdio::piped;
    let mut child = command.stdin(pipe()).stdout(pipe()).stderr(pipe()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = serde_json::from_slice(&output.stdout);
    (output.status.code().unwrap(), said.unwrap_or_else(|error| panic!("{error}: {output:?}")))
}

#[test]
fn failover_says_whether_shop_and_session_survive() {
    let lab = Lab::up();
    let (code, said) = drill(&lab, &["failover"], "");
    assert_eq!(code, 0, "{said}");
    for fall in said["falls"].as_array().unwrap() {
        assert_eq!((&fall["stays_up"], &fall["session_survives"]), (&true.into(), &true.into()), "{said}");
    }
    // A standby that nobody can reach: all is well until it is needed.
    let deny =
        "sed -i 's/tcp dport 80 accept/tcp dport 80 drop/' /etc/nftables.conf; nft -f /etc/nftables.conf";
    assert_eq!(lab.shell("standby", &["sh", "-c", deny]).0, 0);
    let (code, said) = drill(&lab, &["failover"], "");
    assert_eq!(code, 1, "{said}");
    let stays: Vec<&Value> = said["falls"].as_array().unwrap().iter().map(|fall| &fall["stays_up"]).collect();
    assert_eq!(stays, [true, false], "{said}");
}

#[test]
fn drill_times_whoever_takes_part_and_leaves_the_lab_as_it_was() {
    let lab = Lab::up();
    // Nobody repairs it.
    let (code, said) = drill(&lab, &["B", "--limit", "1s", "--people", "anna,bert"], "\nthe proxy_pass\n");
    assert_eq!(code, 1, "{said}");
    assert_eq!((&said["named"], &said["people"][1]), (&"the proxy_pass".into(), &"bert".into()), "{said}");
    assert!(said["acknowledged_after_ms"].is_u64() && said["repaired_after_ms"].is_null(), "{said}");
    assert_eq!(lab.ask("client1", "shop.lab:80", &[])["status"], 200);
    assert!(lab.json(&["status"])["broken"].is_null());
}

#[test]
fn interrupted_drill_leaves_things_as_they_were() {
    let begun = |dir: &std::path::Path, words: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_evenkeel"));
        command.arg("drill").args(words).arg("--dir").arg(dir);
        let pipe = std::process::Stdio::piped;
        command.stdin(pipe()).stdout(pipe()).stderr(pipe()).spawn().unwrap()
    };
    let interrupted = |drill: std::process::Child, signal| {
        kill(Pid::from_raw(drill.id().try_into().unwrap()), signal).unwrap();
        let output = drill.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("interrupted"), "{output:?}");
    };
    // In a lab of its own, which goes; in its report there would be nothing.
    let lab = Lab::new();
    let report = lab.dir.with_extension("md");
    let drill = begun(&lab.dir, &["B", "--report", report.to_str().unwrap()]);
    super::wait_until("it is broken", || {
        std::fs::read_to_string(lab.dir.join("lab.json")).is_ok_and(|text| text.contains("\"outage\""))
    });
    let held = lab.holders();
    assert_eq!(held.len(), 11);
    interrupted(drill, Signal::SIGINT);
    let left: Vec<&i64> = held.iter().filter(|pid| !super::is_gone(**pid)).collect();
    assert!(left.is_empty() && !lab.dir.exists() && !report.exists(), "{left:?}");
    // In one that was up: what was switched off is on again.
    let lab = Lab::up();
    let drill = begun(&lab.dir, &["failover"]);
    super::wait_until("web1 is off", || {
        let lacking = super::evenkeel(&lab.dir, &["status", "--json"]).stdout;
        String::from_utf8_lossy(&lacking).contains("web1: nginx does not run")
    });
    interrupted(drill, Signal::SIGTERM);
    super::wait_until("all is well", || super::evenkeel(&lab.dir, &["status"]).status.code() == Some(0));
}

#[test]
fn host_without_its_nginx_is_called_broken() {
    let lab = Lab::up();
    lab.shell("web1", &["sh", "-c", "kill -KILL -1"]);
    let status = super::evenkeel(&lab.dir, &["status"]);
    let said = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(said.contains("web1: nginx does not run") && !said.contains("Nothing is broken"), "{said}");
    // An outage would find half of the shop; it is not begun.
    let refused = super::evenkeel(&lab.dir, &["break", "A"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("lab repair"), "{refused:?}");
    lab.json(&["repair"]);
    assert!(lab.json(&["status"])["lacking"].as_array().unwrap().is_empty());
}

#[test]
fn report_that_cannot_be_written_is_refused_before_the_drill() {
    let lab = Lab::new();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    let output = command.args(["drill", "B", "--report", "/nope/x", "--dir"]).arg(&lab.dir).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nope/x"), "{output:?}");
    assert!(!lab.dir.exists(), "no lab came up for it");
}
