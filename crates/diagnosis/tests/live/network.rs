//! Ways to an upstream that a firewall or a missing route closes: each test starts itself again in a network of its own.

use std::process::Command;

use evenkeel_diagnosis::evidence::{Firewall, Verdict};

use crate::app::OK;
use crate::case::{Case, PLAIN, play};
use crate::stage::Stage;

const PROXY: &str =
    "location / { proxy_pass http://{APP}; proxy_connect_timeout 300ms; proxy_read_timeout 300ms; }";
/// In a namespace of users with one user there is nobody else to serve as.
const ROOT: &str = "user root;";
/// Says that this process is the one inside.
const INSIDE: &str = "EVENKEEL_TEST_INSIDE";

/// Plays a case in a network of its own, as whoever runs the test.
fn inside(test: &str, case: &Case) {
    if std::env::var_os(INSIDE).is_some() {
        assert!(Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap().success());
        play(case);
        return;
    }
    let output = Command::new("unshare")
        .args(["-Urn", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("network::{test}"), "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// Loads a rule for what comes to the application.
fn rule(stage: &Stage, rule: &str) {
    use std::io::Write as _;
    let text = format!(
        "table inet t {{\n chain in {{\n type filter hook input priority 0; policy accept;\n tcp dport {} {rule}\n }}\n}}\n",
        stage.at(1).port()
    );
    // One case is played on several nginxes.
    drop(Command::new("nft").args(["flush", "ruleset"]).status());
    let mut nft = Command::new("nft").args(["-f", "-"]).stdin(std::process::Stdio::piped()).spawn().unwrap();
    nft.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(nft.wait().unwrap().success(), "{text}");
}

fn firewall(stage: &Stage, verdict: Verdict) -> Option<Vec<Firewall>> {
    Some(vec![Firewall { host: String::from("app"), to: stage.at(1), verdict }])
}

fn blocked(rejects: bool) -> Verdict {
    Verdict::Blocked { rule: String::from("inet t in, the rule of this test"), rejects }
}

#[test]
fn upstream_rejected() {
    let case = Case {
        cause: "upstream-firewall-rejects",
        main: ROOT,
        server: PROXY,
        before: |stage| rule(stage, "reject with icmpx type admin-prohibited"),
        direct: false,
        known: |stage, evidence| evidence.firewall = firewall(stage, blocked(true)),
        ..PLAIN
    };
    inside("upstream_rejected", &case);
}

#[test]
fn upstream_rejected_as_a_closed_port() {
    let case = Case {
        cause: "upstream-firewall-rejects",
        main: ROOT,
        server: PROXY,
        before: |stage| rule(stage, "reject with tcp reset"),
        direct: false,
        known: |stage, evidence| evidence.firewall = firewall(stage, blocked(true)),
        ..PLAIN
    };
    inside("upstream_rejected_as_a_closed_port", &case);
}

#[test]
fn upstream_dropped() {
    let case = Case {
        cause: "upstream-filtered",
        main: ROOT,
        server: PROXY,
        before: |stage| rule(stage, "drop"),
        direct: false,
        known: |stage, evidence| evidence.firewall = firewall(stage, blocked(false)),
        ..PLAIN
    };
    inside("upstream_dropped", &case);
}

#[test]
fn upstream_protocol_denied() {
    let case = Case {
        cause: "upstream-protocol-rejected",
        main: ROOT,
        server: PROXY,
        before: |stage| rule(stage, "reject with icmp type prot-unreachable"),
        direct: false,
        ..PLAIN
    };
    inside("upstream_protocol_denied", &case);
}

#[test]
fn upstream_without_a_way() {
    let case = Case {
        cause: "no-way-to-upstream",
        main: ROOT,
        server: "location / { proxy_pass http://198.51.100.1:80; }",
        direct: false,
        ..PLAIN
    };
    inside("upstream_without_a_way", &case);
}

#[test]
fn upstream_data_dropped() {
    let case = Case {
        cause: "upstream-data-dropped",
        main: ROOT,
        server: PROXY,
        app: OK,
        before: |stage| rule(stage, "tcp flags & (syn | ack) != syn drop"),
        direct: false,
        known: |stage, evidence| {
            let on = String::from("only the first packet of a connection is accepted");
            evidence.firewall = firewall(stage, Verdict::Conditional { on });
        },
        ..PLAIN
    };
    inside("upstream_data_dropped", &case);
}
