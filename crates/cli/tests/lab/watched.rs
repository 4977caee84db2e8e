//! Outages A to E under a real `evenkeel watch`: when it opens an incident, and when the alert arrives in spite of a channel
//! that hangs. The watch runs on client1 and asks every two seconds under three names; two of them must agree.

use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::{Lab, wait_until};

/// After the first user: how long until the incident is open, and until the fallback has the alert, in milliseconds.
const OPENED_MS: u64 = 5_000;
const ALERTED_MS: u64 = 60_000;

/// 10.73.0.31:81 stands behind a firewall that drops: the first channel hangs.
const SETTINGS: &str = r#"
[[host]]
name = "lb"
address = ["10.73.0.2"]
[[host]]
name = "web1"
address = ["10.73.0.21"]
[[host]]
name = "standby"
address = ["10.73.0.23"]
[[vantage]]
name = "one"
[[vantage]]
name = "two"
[[vantage]]
name = "three"
[watch]
every = "2s"
agree = 2
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
name = "first"
kind = "webhook"
url = "http://10.73.0.31:81/"
fallback = "second"
fallback-after = "2s"
[[alert]]
name = "second"
kind = "command"
run = ["sh", "-c", "cat >>/tmp/alerts"]
reserve = true
"#;

struct Watching {
    child: Child,
    /// When each line came, and the line.
    said: Arc<Mutex<Vec<(u64, String)>>>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _it_may_have_ended = self.child.kill();
        let _status = self.child.wait();
    }
}

fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

impl Watching {
    fn start(lab: &Lab) -> Watching {
        let lay = format!("cat >/etc/evenkeel/evenkeel.toml <<'E'\n{SETTINGS}E\n");
        assert_eq!(lab.shell("client1", &["sh", "-c", &lay]).0, 0);
        let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
        command
            .args(["lab", "shell", "client1", "--dir"])
            .arg(&lab.dir)
            .args(["--", "evenkeel", "watch", "--json"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let (out, to) = (child.stdout.take().unwrap(), said.clone());
        std::thread::spawn(move || {
            let lines = std::io::BufRead::lines(std::io::BufReader::new(out));
            lines.map_while(Result::ok).for_each(|line| to.lock().unwrap().push((now_ms(), line)));
        });
        let watching = Watching { child, said };
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
}

/// How long after the onset the incident of the shop was open, and the alert delivered.
fn detect(outage: &str) -> (u64, u64) {
    let lab = Lab::up();
    let watching = Watching::start(&lab);
    let broken = lab.json(&["break", outage]);
    let onset = broken["onset_ms"].as_u64().unwrap();
    let opened = || watching.first(onset, &["\"opened\"", "\"lb\""]);
    wait_until("an incident of the shop", || opened().is_some());
    wait_until("the alert", || lab.shell("client1", &["grep", "-q", "lb", "/tmp/alerts"]).0 == 0);
    let alerted = now_ms();
    // The standby was found out before anybody needed it.
    if outage == "A" {
        let standby = watching.first(0, &["\"verdict\":\"down\"", "\"standby\"", "filtered"]);
        assert!(standby.is_some(), "{}", watching.all());
    }
    let status: Value = broken["users_get"].clone();
    assert!(opened().unwrap() - onset <= OPENED_MS, "{outage}: {status}\n{}", watching.all());
    (opened().unwrap() - onset, alerted - onset)
}

#[test]
fn every_outage_opens_an_incident_and_its_alert_arrives() {
    let figures = std::thread::scope(|scope| {
        let all = ["A", "B", "C", "D", "E"].map(|outage| (outage, scope.spawn(move || detect(outage))));
        all.map(|(outage, one)| (outage, one.join().unwrap()))
    });
    for (outage, (opened, alerted)) in figures {
        println!("outage {outage}: opened after {opened} ms, the fallback has the alert after {alerted} ms");
        assert!(opened <= OPENED_MS && alerted <= ALERTED_MS, "{outage}");
    }
}
