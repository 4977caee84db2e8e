//! Each way against a real server on this machine: one that accepts, and those that do not.

mod server;
mod smtp;

use std::time::Duration;

use evenkeel_fleet::incident::Delivery;
use evenkeel_fleet::journal::{AlertKind, Severity};
use evenkeel_fleet::{AlertId, IncidentId, Span, Timestamp};
use serde_json::{Value, json};

use super::{Came, build};
use server::{Does, Server};
use smtp::Smtp;

pub(super) fn delivery(kind: AlertKind) -> Delivery {
    Delivery {
        alert: AlertId(7),
        incident: IncidentId(3),
        channel: "x".to_owned(),
        attempt: 2,
        repeat: true,
        kind,
        severity: Severity::Critical,
        title: "i3 web-1: home: 502 <b>".to_owned(),
        lines: vec!["cause: the upstream is down".to_owned()],
        hosts: vec!["web-1".to_owned()],
        onset: Timestamp::from_millis(1_790_000_000_000),
        created: Timestamp::from_millis(1_790_000_003_000),
    }
}

fn sent(kind: &str, settings: Value, delivery: &Delivery) -> Came {
    sent_within(Duration::from_millis(700), kind, settings, delivery)
}

fn sent_within(limit: Duration, kind: &str, settings: Value, delivery: &Delivery) -> Came {
    let notifier = build(kind, settings, "shop").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::time::timeout(limit, notifier.send(delivery)).await.unwrap_or(Came::failed("time is up", true))
    })
}

fn webhook(does: Does) -> (Came, Server) {
    let server = Server::start(does);
    (sent("webhook", json!({ "url": server.url("/hook") }), &delivery(AlertKind::Opened)), server)
}

#[test]
fn webhook_posts_the_alert_as_a_document_that_is_signed() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    std::fs::write(&key, "k3y\n").unwrap();
    let server = Server::start(Does::Accept);
    let settings = json!({ "url": server.url("/hook?x=1"), "key": { "file": key } });
    let came = sent("webhook", settings, &delivery(AlertKind::Opened));
    assert!(matches!(came, Came::Accepted { .. }), "{came:?}");
    let got = server.got();
    assert_eq!(got.line, "POST /hook?x=1 HTTP/1.1");
    let body: Value = serde_json::from_str(&got.body).unwrap();
    assert_eq!(
        (&body["key"], &body["kind"], &body["repeat"]),
        (&json!("evenkeel/shop/i3/a7"), &json!("opened"), &json!(true))
    );
    assert_eq!(body["onset"], "2026-09-21T14:13:20.000Z");
    let mac = ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"k3y"), got.body.as_bytes());
    let hex: String = mac.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(got.header("x-evenkeel-signature"), Some(format!("sha256={hex}").as_str()));
}

#[test]
fn server_that_cannot_now_is_asked_again_and_one_that_will_not_is_not() {
    let (came, _server) = webhook(Does::Answer("500 Internal Server Error", ""));
    assert!(matches!(came, Came::Failed { perhaps: true, retry_after: None, .. }), "{came:?}");
    let (came, _server) = webhook(Does::Answer("429 Too Many Requests", "Retry-After: 17\r\n"));
    assert!(
        matches!(came, Came::Failed { perhaps: false, retry_after: Some(it), .. } if it == Span::from_secs(17))
    );
    let (came, _server) = webhook(Does::Answer("404 Not Found", ""));
    assert!(matches!(came, Came::Unwanted { .. }), "{came:?}");
}

#[test]
fn server_that_takes_it_and_says_nothing_may_have_it() {
    for does in [Does::Hang, Does::TakeAndClose] {
        let (came, server) = webhook(does);
        assert!(matches!(came, Came::Failed { perhaps: true, .. }), "{came:?}");
        assert!(server.got().body.contains("i3"));
    }
}

#[test]
fn server_that_is_not_there_cannot_have_it() {
    let url = Server::nobody();
    let came = sent("webhook", json!({ "url": url }), &delivery(AlertKind::Opened));
    assert!(matches!(came, Came::Failed { perhaps: false, .. }), "{came:?}");
}

#[test]
fn no_secret_of_an_address_is_in_what_is_said_of_it() {
    let server = Server::start(Does::Answer("500 Oops", ""));
    let url = server.url("/services/T0/B0/s3cr3t");
    let came = sent("slack", json!({ "url": url }), &delivery(AlertKind::Opened));
    assert!(!format!("{came:?}").contains("s3cr3t"), "{came:?}");
}

#[test]
fn pagerduty_is_triggered_acknowledged_and_resolved_by_one_key() {
    let server = Server::start(Does::Accept);
    let settings = json!({ "url": server.url("/v2/enqueue"), "routing-key": "R0UT1NG" });
    for (kind, action) in
        [(AlertKind::Opened, "trigger"), (AlertKind::Acked, "acknowledge"), (AlertKind::Resolved, "resolve")]
    {
        assert!(matches!(sent("pagerduty", settings.clone(), &delivery(kind)), Came::Accepted { .. }));
        let body: Value = serde_json::from_str(&server.got().body).unwrap();
        assert_eq!(body["event_action"], action);
        assert_eq!(body["dedup_key"], "evenkeel/shop/i3");
        assert_eq!(body["routing_key"], "R0UT1NG");
        assert_eq!(body["payload"]["severity"], "critical");
    }
}

#[test]
fn pagerduty_is_told_of_changes_that_page_nobody() {
    let server = Server::start(Does::Accept);
    let settings = json!({ "changes-url": server.url("/v2/change/enqueue"), "routing-key": "R0UT1NG" });
    let notifier = build("pagerduty", settings, "shop").unwrap();
    let (at, host) = (Timestamp::from_millis(1_790_000_000_000), "web-1".to_owned());
    let change = super::Change { at, host, summary: "web-1: r3 was confirmed".to_owned() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let came = runtime.block_on(notifier.change(&change).unwrap());
    assert!(matches!(came, Came::Accepted { .. }), "{came:?}");
    let body: Value = serde_json::from_str(&server.got().body).unwrap();
    assert_eq!(body["payload"]["summary"], "web-1: r3 was confirmed");
    assert_eq!((&body["routing_key"], body.get("event_action")), (&json!("R0UT1NG"), None));
}

#[test]
fn alertmanager_hears_until_when_it_stands_and_its_end() {
    let server = Server::start(Does::Accept);
    let settings = json!({ "url": server.url(""), "labels": { "team": "web" } });
    sent("alertmanager", settings.clone(), &delivery(AlertKind::Opened));
    let got = server.got();
    assert_eq!(got.line, "POST /api/v2/alerts HTTP/1.1");
    let stands: Value = serde_json::from_str(&got.body).unwrap();
    assert_eq!(stands[0]["labels"]["team"], "web");
    sent("alertmanager", settings, &delivery(AlertKind::Resolved));
    let ends: Value = serde_json::from_str(&server.got().body).unwrap();
    assert_eq!(stands[0]["labels"], ends[0]["labels"], "what has other labels is another alert there");
    assert!(ends[0]["endsAt"].as_str() < stands[0]["endsAt"].as_str());
}

#[test]
fn slack_and_datadog_say_it_in_their_own_words() {
    let server = Server::start(Does::Accept);
    sent("slack", json!({ "url": server.url("/s") }), &delivery(AlertKind::Opened));
    let body: Value = serde_json::from_str(&server.got().body).unwrap();
    assert_eq!(body["text"], "[critical] i3 web-1: home: 502 &lt;b&gt; (again: it may have come before)");
    let settings = json!({ "url": server.url("/api/v1/events"), "api-key": "K", "tags": ["team:web"] });
    sent("datadog", settings, &delivery(AlertKind::Resolved));
    let got = server.got();
    let body: Value = serde_json::from_str(&got.body).unwrap();
    assert_eq!((got.header("dd-api-key"), &body["alert_type"]), (Some("K"), &json!("success")));
    assert!(body["tags"].as_array().unwrap().contains(&json!("host:web-1")));
}

#[test]
fn command_gets_the_document_on_its_input_and_its_status_is_the_answer() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("got");
    let script = format!("cat > {}", file.display());
    let came = sent("command", json!({ "run": ["/bin/sh", "-c", script] }), &delivery(AlertKind::Opened));
    assert!(matches!(came, Came::Accepted { .. }), "{came:?}");
    let body: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(body["incident"], "i3");
    let came = sent(
        "command",
        json!({ "run": ["/bin/sh", "-c", "echo no modem >&2; exit 3"] }),
        &delivery(AlertKind::Opened),
    );
    assert!(matches!(&came, Came::Failed { why, .. } if why.contains("no modem")), "{came:?}");
    let came = sent("command", json!({ "run": ["/nonexistent/call"] }), &delivery(AlertKind::Opened));
    assert!(matches!(came, Came::Failed { perhaps: false, .. }), "{came:?}");
    // One that hangs is ended with its attempt, and whatever it started with it.
    let (pid, other) = (dir.path().join("pid"), dir.path().join("other"));
    let script = format!("sleep 600 & echo $! > {}; echo $$ > {}; wait", other.display(), pid.display());
    let came = sent("command", json!({ "run": ["/bin/sh", "-c", script] }), &delivery(AlertKind::Opened));
    assert!(matches!(came, Came::Failed { perhaps: true, .. }), "{came:?}");
    let began = std::time::Instant::now();
    while !(is_gone(&pid) && is_gone(&other)) {
        assert!(began.elapsed() < Duration::from_secs(10), "it still runs");
        std::thread::yield_now();
    }
}

fn is_gone(pid: &std::path::Path) -> bool {
    let pid = std::fs::read_to_string(pid).unwrap();
    let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    state.map_or(true, |stat| stat.contains(") Z "))
}

#[test]
fn command_has_accepted_when_it_has_ended_whatever_it_leaves_behind_and_says() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let run = |script: &str| {
        let settings = json!({ "run": ["/bin/sh", "-c", script] });
        sent_within(Duration::from_secs(10), "command", settings, &delivery(AlertKind::Opened))
    };
    let came = run(&format!("sleep 600 & echo $! > {}; exit 0", pid.display()));
    assert!(matches!(came, Came::Accepted { .. }), "{came:?}");
    assert!(!is_gone(&pid), "what it leaves running was meant to run");
    let left = std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(left), nix::sys::signal::Signal::SIGKILL).unwrap();
    // It is neither kept waiting nor remembered whole.
    let came = run("echo busy >&2; head -c 20000000 /dev/zero >&2; exit 3");
    assert!(matches!(&came, Came::Failed { why, .. } if why.contains("busy") && why.len() < 300), "{came:?}");
}

#[test]
fn mail_goes_to_the_relay_and_its_refusal_is_understood() {
    let settings = |port: u16| json!({ "server": "127.0.0.1", "port": port, "tls": "none", "from": "evenkeel@shop.example", "to": ["anna@shop.example"] });
    let relay = Smtp::start("250 2.0.0 queued");
    let came = sent("email", settings(relay.port()), &delivery(AlertKind::Opened));
    assert!(matches!(came, Came::Accepted { .. }), "{came:?}");
    let mail = relay.got();
    assert!(mail.contains("To: anna@shop.example") && mail.contains("the upstream is down"), "{mail}");
    assert!(mail.contains("Message-ID: <evenkeel.shop.i3.a7@shop.example>"), "{mail}");
    let full = Smtp::start("452 4.3.1 out of space");
    let came = sent("email", settings(full.port()), &delivery(AlertKind::Opened));
    assert!(matches!(came, Came::Failed { perhaps: false, .. }), "{came:?}");
    let strict = Smtp::start("550 5.7.1 not here");
    let came = sent("email", settings(strict.port()), &delivery(AlertKind::Opened));
    assert!(matches!(came, Came::Unwanted { .. }), "{came:?}");
}

#[test]
fn settings_that_cannot_work_are_refused_with_a_reason() {
    let why = |kind: &str, settings: Value| build(kind, settings, "shop").err().unwrap_or_default();
    assert!(why("pager", json!({})).contains("pagerduty"), "the kinds that there are");
    assert!(why("webhook", json!({ "ulr": "x" })).contains("ulr"));
    assert!(why("command", json!({ "run": [] })).contains("program"));
    let mail =
        |server: &str, to: &str| json!({ "server": server, "tls": "none", "from": "a@b.c", "to": [to] });
    assert!(why("email", mail("relay.example", "a@b.c")).contains("this machine"));
    assert!(why("email", mail("127.0.0.1", "anna")).contains("anna"));
}
