//! `evenkeel watch` on a real nginx: it goes away, somebody is told in spite of a channel that hangs, it comes back, and all of
//! that can be read afterwards.

mod support;

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use support::{Host, Ran, free_port, get, kill};

/// A host that is watched, with a pager that hangs and a phone that does not.
struct Watched {
    host: Host,
    metrics: u16,
    /// Accepts connections, in the backlog alone, and says nothing.
    _hangs: TcpListener,
}

impl Watched {
    fn new() -> Watched {
        let hangs = TcpListener::bind("127.0.0.1:0").unwrap();
        let (host, metrics) = (Host::new(), free_port());
        let (port, pager) = (host.port, hangs.local_addr().unwrap());
        let calls = host.path("calls");
        host.write(
            "evenkeel.toml",
            &format!(
                "[host]\nname = \"web-1\"\n\n[watch]\nevery = \"1s\"\nlimit = \"800ms\"\nresolve-after = \"1s\"\n\
                 metrics = \"127.0.0.1:{metrics}\"\n\n[[probe]]\nname = \"version\"\nurl = \"http://shop.test:{port}/version\"\n\
                 contains = [\"one\"]\n\n[[alert]]\nname = \"pager\"\nkind = \"webhook\"\nurl = \"http://{pager}/\"\n\
                 fallback = \"phone\"\nfallback-after = \"1s\"\n\n[[alert]]\nname = \"phone\"\nkind = \"command\"\nreserve = true\n\
                 run = [\"/bin/sh\", \"-c\", \"cat >> {}\"]\n",
                calls.display()
            ),
        );
        Watched { host, metrics, _hangs: hangs }
    }

    fn evenkeel(&self, args: &[&str]) -> Command {
        let mut command = self.host.evenkeel(args);
        command.arg("--config").arg(self.host.path("evenkeel.toml"));
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        Ran::from(self.evenkeel(args).output().unwrap())
    }

    /// Watches, and says what it sees into `watch.log`.
    fn watch(&self) -> Child {
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(self.host.path("watch.log")).unwrap();
        let mut command = self.evenkeel(&["watch"]);
        let child =
            command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        self.host
            .wait("the watch serves its metrics", || get(self.metrics, "localhost", "/metrics").is_some());
        child
    }

    fn log(&self) -> String {
        self.host.read("watch.log")
    }

    fn metric(&self, line: &str) -> bool {
        get(self.metrics, "localhost", "/metrics").is_some_and(|(_, page)| page.lines().any(|it| it == line))
    }

    /// What the phone was told: kind and title.
    fn calls(&self) -> Vec<(String, String)> {
        let text = std::fs::read_to_string(self.host.path("calls")).unwrap_or_default();
        let call = |line: &str| -> Option<(String, String)> {
            let call: Value = serde_json::from_str(line).ok()?;
            Some((call["kind"].as_str()?.to_owned(), call["title"].as_str()?.to_owned()))
        };
        text.lines().filter_map(call).collect()
    }
}

fn stop(watch: Child) {
    stop_by(watch, "TERM");
}

fn stop_by(mut watch: Child, signal: &str) {
    kill(i32::try_from(watch.id()).unwrap(), signal);
    assert!(watch.wait().unwrap().success());
}

#[test]
fn outage_is_told_in_spite_of_a_channel_that_hangs_and_is_over_when_nginx_is_back() {
    let watched = Watched::new();
    let host = &watched.host;
    host.start_nginx();
    let watch = watched.watch();
    let up = "evenkeel_host_up{probe=\"version\",host=\"web-1\"} 1.0";
    host.wait("version is up", || watched.metric(up));
    watched.run(&["incident", "list"]).ends(0).says("no incident is open");
    host.kill_nginx();
    host.wait("the phone was called", || watched.calls().iter().any(|(kind, _)| kind == "opened"));
    assert!(watched.metric("evenkeel_incidents_open{severity=\"critical\"} 1.0"));
    let of = "probe=\"version\",host=\"web-1\",vantage=\"here\"";
    assert!(watched.metric(&format!("evenkeel_probe_success{{{of}}} 0.0")));
    assert!(watched.metric(&format!("evenkeel_probe_failure{{{of},class=\"refused\"}} 1.0")));
    watched.run(&["incident", "list"]).ends(1).says("i1");
    // Both probes of the host are one incident.
    let shown = watched.run(&["incident", "show", "i1", "--json"]).ends(0).json();
    assert!(shown["times"]["to_detect_ms"].as_u64().unwrap() <= 5_000, "{shown}");
    // What the host says of itself may stand beside it, and has no class.
    let classes = shown["evidence"].as_array().unwrap().iter().map(|it| it["class"].clone());
    let classes: Vec<_> = classes.filter(|class| !class.is_null()).collect();
    assert_eq!(classes, ["refused", "refused"]);
    // This machine was asked for the cause, with the files that the flags of the watch named: there its nginx is known by its pid.
    host.wait_within("the cause is named", support::PATIENCE * 3, || {
        let shown = watched.run(&["incident", "show", "i1", "--json"]).ends(0).json();
        shown["finding"]["confident"] == true && shown["finding"]["causes"][0]["name"] == "nginx-not-running"
    });
    watched.run(&["incident", "ack", "i1"]).ends(0).says("is taken care of by");
    watched.run(&["incident", "resolve", "i1"]).ends(1).says("its evidence still stands");
    watched.run(&["incident", "note", "i1", "--kind", "action", "started nginx again"]).ends(0);
    host.start_nginx();
    host.wait("the phone was told that it is over", || {
        watched.calls().iter().any(|(kind, _)| kind == "resolved")
    });
    stop(watch);
    let shown = watched.run(&["incident", "show", "i1"]).ends(0);
    for said in [
        "time to mitigation",
        "started nginx again",
        "was accepted by phone",
        "goes through phone too, because pager",
    ] {
        assert!(shown.out.contains(said), "no {said:?} in\n{}", shown.out);
    }
    assert!(watched.log().contains("DOWN    version of web-1"), "{}", watched.log());
    watched.run(&["incident", "list"]).ends(0);
    watched.run(&["incident", "ack", "i1"]).ends(1).says("it is over");
    // Tasks are taken on when it is over.
    watched.run(&["incident", "task", "i1", "repair the channel pager"]).ends(2).says("--owner");
    let far = ["--owner", "anna", "--due", "2031-12-01"];
    watched.run(&[&["incident", "task", "i1", "repair the channel pager"][..], &far].concat()).ends(0);
    watched.run(&["incident", "task", "i1", "buy cake", "--done", "r14"]).ends(0);
    let written = watched.run(&["postmortem", "i1"]).ends(0).out;
    assert!(written.contains("owner: anna; due: 2031-12-01"), "{written}");
    assert!(written.contains("- [x] buy cake") && written.contains("closed by r14"), "{written}");
    watched.run(&["incident", "show", "i9"]).ends(2).says("incident list");
}

#[test]
fn watch_that_was_killed_is_missed_and_the_next_one_goes_on_where_it_stopped() {
    let watched = Watched::new();
    let mut watch = watched.watch();
    watched.host.wait("the phone was called", || !watched.calls().is_empty());
    assert!(
        String::from_utf8_lossy(&watched.evenkeel(&["watch"]).output().unwrap().stderr).contains("another")
    );
    watch.kill().unwrap();
    watch.wait().unwrap();
    let watch = watched.watch();
    watched.host.start_nginx();
    watched.host.wait("the phone was told that it is over", || {
        watched.calls().iter().any(|(kind, _)| kind == "resolved")
    });
    // A terminal that closes ends it as it should: no mark is left.
    stop_by(watch, "HUP");
    assert_eq!(watched.calls().iter().filter(|(kind, _)| kind == "opened").count(), 1);
    let state = watched.host.path("state");
    assert!(!state.join("watching").exists());
    let journal = watched.run(&["incident", "list", "--all", "--json"]).ends(0).json();
    assert_eq!(journal["incidents"].as_array().unwrap().len(), 1, "it is the same incident: {journal}");
}

#[test]
fn one_look_says_how_it_stands_and_writes_nothing_down() {
    let watched = Watched::new();
    let down = watched.run(&["watch", "--once"]).ends(1);
    assert!(down.out.contains("DOWN") && down.out.contains("version"), "{}", down.out);
    watched.host.start_nginx();
    let up = watched.run(&["watch", "--once", "--json"]).ends(0).json();
    let verdicts: Vec<_> = up["probes"].as_array().unwrap().iter().map(|it| it["verdict"].clone()).collect();
    assert_eq!(verdicts, ["up", "up"]);
    assert!(!watched.host.path("state/journal.db").exists());
}

#[test]
fn one_look_from_a_place_that_cannot_be_reached_says_so_and_is_no_success() {
    let watched = Watched::new();
    watched.host.start_nginx();
    let settings = watched.host.read("evenkeel.toml");
    let nowhere = "[[vantage]]\nname = \"nowhere\"\ncommand = [\"/nonexistent\"]\n";
    for (vantages, verdict) in
        [(nowhere, "unknown"), (&*format!("{nowhere}[[vantage]]\nname = \"here\"\n"), "up")]
    {
        watched.host.write("evenkeel.toml", &format!("{settings}\n{vantages}"));
        let looked = watched.run(&["watch", "--once"]).ends(2);
        assert!(looked.out.contains("vantage nowhere could not be asked: "), "{}", looked.out);
        assert!(looked.out.contains(verdict) && looked.out.contains("version"), "{}", looked.out);
        let looked = watched.run(&["watch", "--once", "--json"]).ends(2).json();
        assert_eq!(looked["unheard"][0]["vantage"], "nowhere", "{looked}");
    }
}

#[test]
fn vantage_behind_a_command_asks_too_and_one_that_is_not_there_has_no_voice() {
    let watched = Watched::new();
    let settings = watched.host.read("evenkeel.toml");
    let ours = env!("CARGO_BIN_EXE_evenkeel");
    let vantages = format!(
        "[[vantage]]\nname = \"here\"\n[[vantage]]\nname = \"there\"\ncommand = [\"{ours}\", \"__vantage\"]\n\
         [[vantage]]\nname = \"nowhere\"\ncommand = [\"/nonexistent\"]\n"
    );
    watched.host.write("evenkeel.toml", &format!("{settings}\n{vantages}"));
    watched.host.start_nginx();
    let watch = watched.watch();
    let unfit = "evenkeel_vantage_unfit{vantage=\"nowhere\"} 1.0";
    watched.host.wait("nowhere has no voice", || watched.metric(unfit));
    assert!(watched.metric("evenkeel_vantage_unfit{vantage=\"here\"} 0.0"));
    let up = "evenkeel_host_up{probe=\"version\",host=\"web-1\"} 1.0";
    watched.host.wait("version is up", || watched.metric(up));
    watched.host.kill_nginx();
    watched
        .host
        .wait("both agree", || watched.log().contains("version: refused with a reset (2 of 2 vantages)"));
    stop(watch);
}

#[test]
fn settings_that_cannot_work_are_named_with_their_line() {
    let host = Host::new();
    let refused = |text: &str, says: &str| {
        host.write("evenkeel.toml", text);
        let mut command = host.evenkeel(&["watch", "--once"]);
        Ran::from(command.arg("--config").arg(host.path("evenkeel.toml")).output().unwrap())
            .ends(2)
            .says(says);
    };
    refused("[[probe]]\nname = \"a\"\ntcp = 80\nhosts = [\"web-9\"]\n", "evenkeel.toml:4: ");
    refused("[[probe]]\n\nname = \"a\"\n", "evenkeel.toml:3: probe \"a\": it asks one thing");
    refused("[watch]\nevery = \"5 parsecs\"\n", "evenkeel.toml:2: ");
    refused("[watch]\nmetrics = \"0.0.0.0:9\"\n", "no loopback address");
    refused("[watch]\nevrey = \"5s\"\n", "evrey");
    refused(
        "[[alert]]\nname = \"p\"\nkind = \"pager\"\n",
        "evenkeel.toml:3: alert \"p\": \"pager\" is no kind",
    );
    refused(
        "[[alert]]\nname = \"p\"\nkind = \"command\"\nrun = [\"x\"]\nfallback = \"q\"\n",
        "no other alert \"q\"",
    );
    let round =
        "[[host]]\nname = \"a\"\ndepends-on = [\"b\"]\n[[host]]\nname = \"b\"\ndepends-on = [\"a\"]\n";
    refused(round, "evenkeel.toml:6: b would depend on itself");
    // The line is that of the table where it is wrong, not the first that looks alike.
    let probe = "[[probe]]\nname = \"p\"\ntcp = 80\n";
    let two = format!("{probe}[[alert]]\nname = \"p\"\nkind = \"pigeon\"\n");
    refused(&two, "evenkeel.toml:6: alert \"p\": \"pigeon\" is no kind");
    refused(&format!("{probe}{probe}"), "evenkeel.toml:5: probe \"p\": it needs a name of its own");
    refused("[[host]]\nname = \"a\"\n[[host]]\nname = \"a\"\n", "evenkeel.toml:4: two hosts are called a");
    refused(
        "[host]\naddress = [\"127.0.0.1\", \"127.0.0.1\"]\n",
        "evenkeel.toml:2: 127.0.0.1 is there twice",
    );
    refused("[[watch]]\nevery = \"5s\"\n", "evenkeel.toml:1: write [watch]");
    refused("\n[probe]\nname = \"p\"\n", "evenkeel.toml:2: write [[probe]]");
    refused("[watch]\nevery = \"5 parsecs\"\n", "failed to read the settings: ");
}

#[test]
fn settings_by_which_nobody_is_told_or_nothing_is_asked_are_refused() {
    let host = Host::new();
    let refused = |text: &str, says: &str| {
        host.write("evenkeel.toml", &format!("[host]\nname = \"h1\"\n{text}"));
        let mut command = host.evenkeel(&["watch", "--once"]);
        Ran::from(command.arg("--config").arg(host.path("evenkeel.toml")).output().unwrap())
            .ends(2)
            .says(says);
    };
    let alert = "[[alert]]\nname = \"a\"\nkind = \"command\"\nrun = [\"/bin/true\"]\n";
    refused(&format!("{alert}hosts = [\"h9\"]\n"), "evenkeel.toml:7: alert \"a\": there is no host \"h9\"");
    refused(&format!("{alert}reserve = true\n"), "evenkeel.toml:7: alert \"a\": it is a reserve");
    let both = format!(
        "{alert}reserve = true\nfallback = \"b\"\n{}reserve = true\nfallback = \"a\"\n",
        alert.replace("\"a\"", "\"b\"")
    );
    refused(&both, "every alert is a reserve");
    refused(&format!("{alert}fallback-failures = 0\n"), "evenkeel.toml:7: fallback-failures = 0");
    for key in ["agree", "fall", "rise"] {
        refused(&format!("[watch]\n{key} = 0\n"), &format!("evenkeel.toml:4: {key} = 0"));
    }
    host.write("no.pem", "nothing\n");
    let pem = format!("url = \"https://x.test/\"\nca = {:?}", host.path("no.pem"));
    let unasked = [
        ("tcp = 0", 5, "there is no port 0"),
        ("url = \"http://x.test/\"\nstatus = [9999]", 6, "9999 is no status"),
        ("tcp = 80\nevery = \"1ms\"", 6, "more often"),
        ("tcp = 80\ncontains = [\"x\"]", 6, "contains is for a probe with url"),
        ("dns = \"x.test\"\nheaders = { a = \"b\" }", 6, "headers is for a probe with url"),
        ("url = \"http://x.test/\"\nwithin = \"60s\"", 6, "it would never be slow"),
        ("url = \"http://x.test/\"\nheaders = { X = \"a\\r\\nEvil: 1\" }", 6, "cannot be sent"),
        ("dns = \"a..b\"", 5, "is no name"),
        (&*pem, 6, "hold no certificate"),
        ("url = \"https://x.test/\"\nca = \"/nope.pem\"", 6, "/nope.pem"),
    ];
    for (probe, line, says) in unasked {
        let text = format!("[[probe]]\nname = \"p\"\n{probe}\n");
        refused(&text, &format!("evenkeel.toml:{line}: probe \"p\": "));
        refused(&text, says);
    }
    refused("[[probe]]\nname = \"\"\ntcp = 80\n", "evenkeel.toml:4: probe \"\": it needs a name");
}

#[test]
fn watch_says_at_its_start_whom_it_could_not_tell() {
    let watched = Watched::new();
    watched.host.start_nginx();
    watched.run(&["watch", "--once"]).ends(0);
    let settings = watched.host.read("evenkeel.toml");
    let lines = settings.lines().count() + 1;
    let alert = |name: &str, rest: &str| format!("[[alert]]\nname = \"{name}\"\n{rest}\n");
    let more = [
        alert("program", "kind = \"command\"\nrun = [\"/nope/x\"]"),
        alert("key", "kind = \"pagerduty\"\nrouting-key = { file = \"/nope/key\" }"),
        alert("url", "kind = \"slack\"\nurl = { env = \"EVENKEEL_UNSET\" }"),
    ];
    watched.host.write("evenkeel.toml", &format!("{settings}\n{}", more.concat()));
    let looked = watched.run(&["watch", "--once"]).ends(2);
    assert!(
        looked.err.contains(&format!("evenkeel.toml:{}: alert \"program\": /nope/x", lines + 3)),
        "{}",
        looked.err
    );
    assert!(looked.err.contains("/nope/key") && looked.err.contains("EVENKEEL_UNSET"), "{}", looked.err);
    let sign = "[watch.heartbeat]\nurl = \"x\"\n";
    watched.host.write("evenkeel.toml", &format!("{settings}\n{sign}"));
    let looked = watched.run(&["watch", "--once"]).ends(2);
    assert!(looked.err.contains("heartbeat: "), "{}", looked.err);
    // Work on a host that nobody knows covers nobody; on one that is watched it is planned.
    watched.host.write("evenkeel.toml", &settings);
    let plan =
        |host: &str| watched.run(&["incident", "maintenance", "kernel", "--for", "1h", "--host", host]);
    let watch = watched.watch();
    stop(watch);
    plan("nosuch").ends(2).says("no host nosuch");
    plan("web-1").ends(0);
}

#[test]
fn live_route_of_one_machine_is_no_answer_of_another() {
    let watched = Watched::new();
    watched.host.start_nginx();
    let port = watched.host.port;
    let route = format!(
        "[[route]]\nname = \"pinned\"\nrequest = \"GET http://shop.test:{port}/version\"\n\
         listen = \"127.0.0.1:{port}\"\nlive = {{ status = 200 }}\n"
    );
    watched.host.write("etc/routes.toml", &route);
    // Nobody listens at the other one.
    let settings = "[[host]]\nname = \"here\"\n[[host]]\nname = \"far\"\naddress = [\"127.0.0.9\"]\n";
    watched.host.write("evenkeel.toml", settings);
    let looked = watched.run(&["watch", "--once", "--json"]).ends(0).json();
    let of = |it: &Value| format!("{} {}", it["host"], it["verdict"]).replace('"', "");
    assert_eq!(looked["probes"].as_array().unwrap().iter().map(of).collect::<Vec<_>>(), ["here up"]);
    // One that every address of a machine has is asked at theirs.
    watched.host.write("etc/routes.toml", &route.replace("listen = \"127.0.0.1", "listen = \"0.0.0.0"));
    let looked = watched.run(&["watch", "--once", "--json"]).ends(1).json();
    let all: Vec<_> = looked["probes"].as_array().unwrap().iter().map(of).collect();
    assert!(all.contains(&"far down".to_owned()) && all.contains(&"here up".to_owned()), "{all:?}");
}
