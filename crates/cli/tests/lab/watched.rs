//! Outages A to E under a real `evenkeel watch`: when it opens an incident, what it names as the cause, and when the alert arrives in
//! spite of a channel that hangs. Three clients ask every two seconds, each in a network of its own; two of them must agree.
//!
//! With `EVENKEEL_POSTMORTEMS=DIR` the post-mortem of each outage is kept there.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::{Lab, wait_until, wait_until_or};

const EVENKEEL: &str = env!("CARGO_BIN_EXE_evenkeel");
/// After the first user: how long until the incident is open, and until the fallback has the alert, in milliseconds.
const OPENED_MS: u64 = 5_000;
const ALERTED_MS: u64 = 60_000;

/// The first channel is a socket that takes the connection and says nothing.
const SETTINGS: &str = r#"
[watch]
name = "the shop"
every = "2s"
agree = 2
resolve-after = "1s"
[[probe]]
name = "shop"
url = "http://shop.lab/"
hosts = ["lb"]
contains = ["Welcome"]
[[probe]]
name = "nginx"
url = "http://shop.lab/health"
hosts = ["web1", "standby"]
[[alert]]
name = "pager"
kind = "webhook"
url = "http://SILENT/"
fallback = "phone"
fallback-after = "2s"
[[alert]]
name = "phone"
kind = "command"
run = ["sh", "-c", "cat >>ALERTS"]
reserve = true
"#;

/// Each host of the lab that says why it fails, with its address.
const HOSTS: &[(&str, &str)] = &[
    ("lb", "10.73.0.2"),
    ("web1", "10.73.0.21"),
    ("web2", "10.73.0.22"),
    ("standby", "10.73.0.23"),
    ("app1", "10.73.0.31"),
    ("app2", "10.73.0.32"),
];
/// Those of them with an nginx: what stands there is released, and each change of it is followed.
const RELEASED: &[&str] = &["web1", "web2", "standby"];
const VANTAGES: &[(&str, &str)] =
    &[("client1", "10.73.0.11"), ("client2", "10.73.0.12"), ("client3", "10.73.0.13")];

/// What is behind an outage.
struct Behind {
    outage: &'static str,
    /// The cause that must come first, and what it must rest on.
    cause: &'static str,
    rests_on: &'static str,
    /// What would have stopped it, played once more, and with which words.
    stops: (&'static str, &'static str),
    /// The rule of a firewall that stops somebody, and the host whose incident names it.
    rule: Option<(&'static str, &'static str)>,
}

const ALL: &[Behind] = &[
    Behind {
        outage: "A",
        cause: "listens-elsewhere",
        rests_on: "sites-available/default was changed",
        stops: ("test", "front page over IPv4"),
        rule: Some(("standby", "tcp dport { 80, 8080 } counter drop")),
    },
    Behind {
        outage: "B",
        cause: "upstream-address-wrong",
        rests_on: "sites-available/default was changed",
        stops: ("test", "front page goes to the shop"),
        rule: None,
    },
    Behind {
        outage: "C",
        cause: "upstream-address-wrong",
        rests_on: "conf.d/upstreams.conf was changed",
        stops: ("rehearse", "127.0.0.1:8080 of upstream shop refuses"),
        rule: None,
    },
    Behind {
        outage: "D",
        cause: "directive-unknown",
        rests_on: "conf.d/tuning.conf was added",
        stops: ("check", "unknown directive \"proxy_buffering_size\""),
        rule: Some(("lb", "ip saddr { 10.73.0.12, 10.73.0.13 } tcp dport 80 counter drop")),
    },
    Behind {
        outage: "E",
        cause: "application-says-404",
        rests_on: "was started at",
        stops: ("apply (live routes)", "answered 404"),
        rule: None,
    },
];

struct Watching<'l> {
    lab: &'l Lab,
    child: Child,
    /// When each line came, and the line.
    said: Arc<Mutex<Vec<(u64, String)>>>,
    _silent: TcpListener,
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        let _it_may_have_ended = self.child.kill();
        let _status = self.child.wait();
    }
}

fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// The settings of a watch beside the lab: every host is reached by a command, as another place is by ssh.
fn settings(lab: &Lab, silent: &TcpListener) -> String {
    let inside = |host: &str, words: &str| {
        let dir = lab.dir.display();
        format!(r#"["{EVENKEEL}", "lab", "shell", "{host}", "--dir", "{dir}", "--", "evenkeel", {words}]"#)
    };
    let mut text = String::new();
    for (name, address) in HOSTS {
        let why = inside(name, r#""why""#);
        text.push_str(&format!("[[host]]\nname = \"{name}\"\naddress = [\"{address}\"]\nwhy = {why}\n"));
        if RELEASED.contains(name) {
            let follow = inside(name, r#""drift", "--follow", "--json""#);
            text.push_str(&format!("follow = {follow}\n"));
        }
    }
    for (name, address) in VANTAGES {
        let command = inside(name, r#""__vantage""#);
        text.push_str(&format!(
            "[[vantage]]\nname = \"{name}\"\naddress = \"{address}\"\ncommand = {command}\n"
        ));
    }
    let silent = silent.local_addr().unwrap().to_string();
    text + &SETTINGS
        .replace("ALERTS", &beside(lab, "alerts").display().to_string())
        .replace("SILENT", &silent)
}

/// A file beside the lab.
fn beside(lab: &Lab, name: &str) -> PathBuf {
    lab.dir.parent().unwrap().join(name)
}

/// A command of the watch, with its settings and its journal.
fn command(lab: &Lab, words: &[&str]) -> Command {
    let mut command = Command::new(EVENKEEL);
    command.arg("--config").arg(beside(lab, "evenkeel.toml"));
    command.arg("--state-dir").arg(beside(lab, "state")).args(words);
    command
}

impl Watching<'_> {
    fn start(lab: &Lab) -> Watching<'_> {
        // What stands on the web servers is what was released there.
        for host in RELEASED {
            let (code, said) = lab.shell(host, &["evenkeel", "adopt", "--message", "as it was set up"]);
            assert_eq!(code, 0, "{said}");
        }
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        std::fs::write(beside(lab, "evenkeel.toml"), settings(lab, &silent)).unwrap();
        let mut child = command(lab, &["watch", "--json"]);
        let mut child = child.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let (out, to) = (child.stdout.take().unwrap(), said.clone());
        std::thread::spawn(move || {
            let lines = std::io::BufRead::lines(std::io::BufReader::new(out));
            lines.map_while(Result::ok).for_each(|line| to.lock().unwrap().push((now_ms(), line)));
        });
        let watching = Watching { lab, child, said, _silent: silent };
        wait_until("everything is seen to be up", || {
            let up = |host: &str| watching.first(0, &["\"verdict\":\"up\"", &format!("\"host\":\"{host}\"")]);
            ["lb", "web1", "standby"].into_iter().all(|host| up(host).is_some())
        });
        watching
    }

    /// When the first line came after a moment that holds all of these.
    fn first(&self, after_ms: u64, holds: &[&str]) -> Option<u64> {
        let said = self.said.lock().unwrap();
        let is = |line: &str| holds.iter().all(|text| line.contains(text));
        said.iter().find(|(at, line)| *at >= after_ms && is(line)).map(|(at, _)| *at)
    }

    fn all(&self) -> String {
        let said = self.said.lock().unwrap();
        said.iter().map(|(at, line)| format!("{at} {line}\n")).collect()
    }

    /// The events of incidents so far: which, and the step.
    fn steps(&self) -> Vec<(String, Value)> {
        let said = self.said.lock().unwrap();
        let event = |line: &str| {
            let incident = serde_json::from_str::<Value>(line).ok()?["event"]["incident"].take();
            Some((incident["incident"].as_str()?.to_owned(), incident["step"].clone()))
        };
        said.iter().filter_map(|(_, line)| event(line)).collect()
    }

    /// The incident of a host, and the last that was found out about it.
    fn finding(&self, host: &str) -> Option<(String, Value)> {
        let steps = self.steps();
        let about = |step: &Value| {
            step["opened"]["clue"]["host"] == *host || step["evidence"]["clue"]["host"] == *host
        };
        let id = steps.iter().rev().find(|(_, step)| about(step))?.0.clone();
        let found = steps.iter().rev().find(|(of, step)| *of == id && step["diagnosed"].is_object())?;
        Some((id, found.1["diagnosed"]["finding"].clone()))
    }

    /// Puts the outage right, waits until the incident is over, and keeps its post-mortem.
    fn keep(&self, outage: &str, incident: &str, directory: &Path) {
        self.lab.json(&["repair"]);
        wait_until("the incident is over", || {
            self.steps().iter().any(|(id, step)| id == incident && step["resolved"].is_object())
        });
        let file = |end: &str| directory.join(format!("outage-{}.{end}", outage.to_lowercase()));
        let output =
            command(self.lab, &["postmortem", incident, "--html"]).arg(file("html")).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        std::fs::write(file("md"), output.stdout).unwrap();
    }
}

/// What came of one outage.
struct Came {
    opened_ms: u64,
    alerted_ms: u64,
    named_ms: u64,
}

/// Makes an outage, and sees what the watch makes of it.
fn detect(behind: &Behind) -> Came {
    let Behind { outage, cause, rests_on, .. } = behind;
    let lab = Lab::up();
    let watching = Watching::start(&lab);
    let broken = lab.json(&["break", outage]);
    let onset = broken["onset_ms"].as_u64().unwrap();
    let opened = || watching.first(onset, &["\"opened\"", "\"lb\""]);
    wait_until("an incident of the shop", || opened().is_some());
    let alerts = || std::fs::read_to_string(beside(&lab, "alerts")).unwrap_or_default();
    wait_until("the alert", || alerts().contains("lb"));
    let alerted = now_ms();
    let is_named =
        || watching.finding("lb").is_some_and(|(_, finding)| finding["causes"][0]["name"] == *cause);
    wait_until_or("the cause", is_named, || watching.all());
    let named = now_ms();
    let (incident, finding) = watching.finding("lb").unwrap();
    let first = &finding["causes"][0];
    let rests: String = first["rests_on"].as_array().unwrap().iter().map(|it| format!("{it}\n")).collect();
    assert!(
        rests.contains(rests_on) && first["says"].as_str().unwrap().contains("web1"),
        "{outage}: {finding:#}"
    );
    // Nobody was told another cause with confidence before.
    for (_, step) in watching.steps().iter().filter(|(id, _)| *id == incident) {
        let found = &step["diagnosed"]["finding"];
        let other = found["confident"] == true && found["causes"][0]["name"] != *cause;
        assert!(!other, "{outage}: {found:#}");
    }
    // It is played once more while it lasts, and something would have stopped it.
    let (gate, says) = behind.stops;
    let stopped = || {
        watching.steps().iter().filter(|(id, _)| *id == incident).any(|(_, step)| {
            let gates = step["replayed"]["replay"]["gates"].as_array();
            gates.into_iter().flatten().any(|it| {
                it["name"] == gate && it["verdict"] == "stops" && it["said"].as_str().unwrap().contains(says)
            })
        })
    };
    wait_until_or("what would have stopped it", stopped, || watching.all());
    // A firewall that stops somebody is told by its rule.
    if let Some((host, rule)) = behind.rule {
        let named = || {
            watching.finding(host).is_some_and(|(_, finding)| finding["causes"].to_string().contains(rule))
        };
        wait_until_or("the rule of the firewall", named, || watching.all());
    }
    // Whose change it was stands in the journal beside it, as far as this user is told.
    if *outage != "E" {
        let changed = || {
            watching.first(0, &["\"drift\"", "\"web1\"", "\"opened\"", rests_on.split(' ').next().unwrap()])
        };
        wait_until_or("the change of the tree", || changed().is_some(), || watching.all());
    }
    // The standby was found out before anybody needed it.
    if *outage == "A" {
        let standby = watching.first(0, &["\"verdict\":\"down\"", "\"standby\"", "filtered"]);
        assert!(standby.is_some(), "{}", watching.all());
    }
    let came =
        Came { opened_ms: opened().unwrap() - onset, alerted_ms: alerted - onset, named_ms: named - onset };
    if let Some(directory) = std::env::var_os("EVENKEEL_POSTMORTEMS") {
        watching.keep(outage, &incident, Path::new(&directory));
    }
    came
}

#[test]
fn every_outage_opens_an_incident_its_alert_arrives_and_its_cause_comes_first() {
    // Not all at once: each is ten hosts, and what they are asked takes its time.
    let figures = ALL.chunks(2).flat_map(|some| {
        std::thread::scope(|scope| {
            let all: Vec<_> = some.iter().map(|it| (it, scope.spawn(move || detect(it)))).collect();
            all.into_iter().map(|(it, one)| (it, one.join().unwrap())).collect::<Vec<_>>()
        })
    });
    for (Behind { outage, cause, .. }, came) in figures {
        let Came { opened_ms, alerted_ms, named_ms } = came;
        println!(
            "outage {outage}: opened after {opened_ms} ms, the fallback has the alert after {alerted_ms} ms, \
             {cause} comes first after {named_ms} ms"
        );
        assert!(opened_ms <= OPENED_MS && alerted_ms <= ALERTED_MS, "{outage}");
    }
}
