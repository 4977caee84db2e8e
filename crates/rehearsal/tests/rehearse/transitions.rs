//! What a reload shows and a fresh start, or `nginx -t`, does not.

use std::net::TcpListener;

use crate::Test;
use crate::stand::{OnDisk, blocking, from_to, main_file, only, run, settings, tree, tree_of};

pub(crate) const TESTS: &[Test] = &[
    ("unchanged tree passes", unchanged_tree_passes),
    ("port of another process refuses the reload", port_of_another_process_refuses_the_reload),
    ("address that becomes the wildcard refuses the reload", wildcard_refuses_the_reload),
    (
        "reload that is refused leaves no unix socket to a fresh start",
        refused_reload_leaves_no_socket_to_a_fresh_start,
    ),
    ("changed key of limit_req_zone refuses the reload", changed_req_key_refuses_the_reload),
    ("changed key of limit_conn_zone refuses the reload", changed_conn_key_refuses_the_reload),
    ("cache that moves under its name refuses the reload", moved_cache_refuses_the_reload),
    ("working directory that is missing kills the workers", missing_working_directory_kills_the_workers),
    ("limit of open files that is too low kills the workers", low_limit_kills_the_workers),
    ("limit of the running nginx holds inside", limit_of_the_running_nginx_holds_inside),
    ("directive that nginx does not know is refused once", unknown_directive_is_refused_once),
    ("error log that moves while a port is held is read all the same", new_error_log_is_read),
    ("live tree that does not start leaves the fresh start", broken_live_tree_leaves_the_fresh_start),
    ("addresses of another host are lent", addresses_of_another_host_are_lent),
    ("address that the host lacks refuses the reload", address_that_the_host_lacks_refuses_the_reload),
];

const PING: &str = "server { listen 790; location / { return 200 ok; } }";

fn unchanged_tree_passes() {
    let live = tree(PING);
    let report = from_to(&live, &live);
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
    let run = &report.runs[0];
    assert!(run.transition.as_ref().unwrap().works && run.start.as_ref().unwrap().works);
    assert!(run.asked.iter().all(|asked| !asked.changed), "{:#?}", run.asked);
    assert!(report.timings.first_answer_ms.is_some());
}

/// The reload is refused with these words at this line, and a fresh start works.
#[track_caller]
fn refused(live: &OnDisk, new: &OnDisk, words: &str, line: u32) {
    let report = from_to(live, new);
    let finding = only(&report, "transition-refused");
    assert!(finding.message.contains(words), "{}", finding.message);
    assert_eq!((finding.file.as_deref(), finding.line), (Some("nginx.conf"), Some(line)));
    assert!(finding.help.is_some());
    let run = &report.runs[0];
    assert!(!run.transition.as_ref().unwrap().works && run.start.as_ref().unwrap().works, "{run:#?}");
    assert_eq!(blocking(&report).len(), 1);
}

fn port_of_another_process_refuses_the_reload() {
    let holder = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let live = tree(PING);
    let new = tree(&format!("{PING}\nserver {{ listen {port}; }}"));
    let report = from_to(&live, &new);
    let finding = only(&report, "transition-refused");
    assert!(finding.message.contains("Address already in use"), "{}", finding.message);
    assert_eq!(finding.line, Some(9));
    let holder = format!("(process {}) listens there on this machine", std::process::id());
    assert!(finding.message.ends_with(&holder), "the holder is named: {}", finding.message);
    assert!(!report.runs[0].start.as_ref().unwrap().works, "it is held for a fresh start, too");
}

fn wildcard_refuses_the_reload() {
    let at = |listen: &str| tree(&format!("server {{ listen {listen}; return 200; }}"));
    refused(&at("127.0.0.1:794"), &at("794"), "bind() to 0.0.0.0:794 failed (98", 8);
}

fn refused_reload_leaves_no_socket_to_a_fresh_start() {
    let at = |listen: &str| {
        tree(&format!("server {{ listen unix:/run/evenkeel-own.sock; listen {listen}; return 200; }}"))
    };
    let report = from_to(&at("127.0.0.1:795"), &at("795"));
    assert_eq!(blocking(&report), ["transition-refused"].into());
    assert!(report.runs[0].start.as_ref().unwrap().works, "{:?}", report.runs[0].start);
}

fn changed_req_key_refuses_the_reload() {
    let zone = |key: &str| tree(&format!("limit_req_zone {key} zone=one:1m rate=9r/s;\n{PING}"));
    refused(&zone("$host"), &zone("$uri"), "while previously it used", 8);
}

fn changed_conn_key_refuses_the_reload() {
    let zone = |key: &str| tree(&format!("limit_conn_zone {key} zone=one:1m;\n{PING}"));
    refused(&zone("$host"), &zone("$uri"), "while previously it used", 8);
}

fn moved_cache_refuses_the_reload() {
    let cache = |path: &str| tree(&format!("proxy_cache_path {path} keys_zone=one:1m;\n{PING}"));
    refused(&cache("/var/cache/one"), &cache("/var/cache/two"), "while previously it used", 8);
}

fn missing_working_directory_kills_the_workers() {
    let new = tree_of(&[("nginx.conf", &main_file("working_directory /nowhere;", PING))]);
    let report = from_to(&tree(PING), &new);
    let finding = only(&report, "workers-die");
    assert!(finding.message.starts_with("chdir(\"/nowhere\") failed (2"), "{}", finding.message);
    assert_eq!(finding.line, Some(4));
    assert_eq!(blocking(&report).len(), 1, "{:#?}", report.findings);
}

fn low_limit_kills_the_workers() {
    let new = tree_of(&[("nginx.conf", &main_file("worker_rlimit_nofile 8;", PING))]);
    let report = from_to(&tree(PING), &new);
    let finding = only(&report, "workers-die");
    assert!(finding.message.contains("Too many open files"), "{}", finding.message);
    assert_eq!(finding.line, Some(4));
}

fn limit_of_the_running_nginx_holds_inside() {
    let mut stand_in =
        std::process::Command::new("sh").args(["-c", "ulimit -n 40 && exec sleep 600"]).spawn().unwrap();
    let limited = || std::fs::read_to_string(format!("/proc/{}/limits", stand_in.id())).unwrap_or_default();
    while !limited().lines().any(|line| line.starts_with("Max open files") && line.contains(" 40 ")) {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    // With a master, ports that anybody holds on this machine are held inside.
    let listeners: Vec<TcpListener> = (0..48).map(|_| TcpListener::bind("0.0.0.0:0").unwrap()).collect();
    let ports = listeners.iter().map(|listener| listener.local_addr().unwrap().port());
    let listens: Vec<String> = ports.map(|port| format!("listen {port};")).collect();
    drop(listeners);
    let live = tree(&format!("server {{ {} return 200; }}", listens[0]));
    let new = tree(&format!("server {{ {} return 200; }}", listens.concat()));
    let settings = evenkeel_rehearsal::Settings { master: i32::try_from(stand_in.id()).ok(), ..settings() };
    let report = run(Some(&live), &new, &[], &settings);
    stand_in.kill().unwrap();
    stand_in.wait().unwrap();
    let finding = only(&report, "transition-refused");
    assert!(finding.message.contains("Too many open files"), "{}", finding.message);
    assert!(blocking(&from_to(&live, &new)).is_empty(), "with this process's own limit it works");
}

fn unknown_directive_is_refused_once() {
    let report = from_to(&tree(PING), &tree(&format!("{PING}\nno_such_thing on;")));
    assert_eq!(report.findings.len(), 1, "{:#?}", report.findings);
    let finding = only(&report, "transition-refused");
    assert_eq!((finding.message.as_str(), finding.line), ("unknown directive \"no_such_thing\"", Some(9)));
}

fn new_error_log_is_read() {
    let holder = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let http = format!("{PING}\nserver {{ listen {port}; }}");
    let text = main_file("", &http).replace("/var/log/nginx/error.log", "/var/log/nginx/other.log");
    let report = from_to(&tree(PING), &tree_of(&[("nginx.conf", &text)]));
    assert!(only(&report, "transition-refused").message.contains("Address already in use"));
}

fn broken_live_tree_leaves_the_fresh_start() {
    let broken = tree("no_such_thing on;");
    let report = from_to(&broken, &tree(PING));
    assert!(blocking(&report).is_empty(), "{:#?}", report.findings);
    only(&report, "live-does-not-start");
    assert!(report.runs[0].transition.is_none() && report.runs[0].start.as_ref().unwrap().works);
    let report = from_to(&broken, &broken);
    assert!(only(&report, "start-refused").blocks(), "a tree that nginx refuses is never fine");
    let own = i32::try_from(std::process::id()).unwrap();
    let settings = evenkeel_rehearsal::Settings { master: Some(own), ..settings() };
    let report = run(Some(&broken), &broken, &[], &settings);
    assert!(only(&report, "start-refused").old, "a live tree that runs outside shows what the sandbox lacks");
}

fn addresses_of_another_host_are_lent() {
    let at = |address: &str| tree(&format!("server {{ listen {address}:790; return 200; }}"));
    let report = from_to(&at("203.0.113.9"), &at("203.0.113.8"));
    assert!(blocking(&report).is_empty(), "{:#?}", report.findings);
    assert!(report.differences.iter().any(|it| it.contains("203.0.113.9")), "{:#?}", report.differences);
}

fn address_that_the_host_lacks_refuses_the_reload() {
    // A live tree that fits this machine makes it the host.
    let report = from_to(&tree(PING), &tree("server { listen 203.0.113.8:790; return 200; }"));
    let finding = only(&report, "transition-refused");
    assert!(finding.message.contains("Cannot assign requested address"), "{}", finding.message);
}
