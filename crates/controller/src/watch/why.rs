//! Looks for causes by asking `evenkeel why` on the hosts themselves: each is asked for what fails, at its own address, and the one
//! that is surest is believed.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::process::Stdio;
use std::time::Duration;

use evenkeel_fleet::journal::{Cause, Finding};
use evenkeel_fleet::watch::ProbeId;
use evenkeel_fleet::{HostId, ReleaseId};
use evenkeel_host::probe::{Ask, Spec, Target};
use serde_json::Value;
use tokio::process::Command;
use tokio::task::JoinSet;

use super::Asked;
use super::cause::{Looker, Looking, Question};

/// How long one host may look.
const WITHIN: Duration = Duration::from_secs(15);
/// At most so many hosts are asked about one incident.
const HOSTS_MAX: usize = 16;
/// A longer answer is none.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Whom to ask, and how.
#[derive(Debug, Default)]
pub struct Why {
    /// What each probe asks for.
    urls: BTreeMap<ProbeId, String>,
    /// Where each host is asked, and the command that ends in `evenkeel why` over there.
    hosts: BTreeMap<HostId, (IpAddr, Vec<String>)>,
}

impl Why {
    /// Asks these hosts about what these probes ask.
    #[must_use]
    pub fn new(asked: &[Asked], hosts: BTreeMap<HostId, (IpAddr, Vec<String>)>) -> Self {
        let url = |it: &Asked| Some((it.probe.clone(), url(&it.spec)?));
        Self { urls: asked.iter().filter_map(url).collect(), hosts }
    }
}

/// What a person would ask for to meet what the probe meets.
fn url(spec: &Spec) -> Option<String> {
    let Ask::Http(http) = &spec.ask else { return None };
    let (request, Target::Tcp(address)) = (&http.request, &spec.target) else { return None };
    let (scheme, usual) = if request.tls.is_some() { ("https", 443) } else { ("http", 80) };
    let named = request.host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let port = if named || address.port() == usual { String::new() } else { format!(":{}", address.port()) };
    Some(format!("{scheme}://{}{port}{}", request.host, request.uri))
}

impl Looker for Why {
    fn look(&self, question: &Question) -> Looking {
        let about = question
            .clues
            .iter()
            .find_map(|clue| Some((clue.host.clone(), self.urls.get(clue.probe.as_ref()?)?)));
        let Some((host, url)) = about else { return Box::pin(async { None }) };
        // The host that the evidence is about comes first: where two are equally sure, it is believed.
        let own = self.hosts.iter().filter(|(id, _)| Some(*id) == host.as_ref());
        let others = self.hosts.iter().filter(|(id, _)| Some(*id) != host.as_ref());
        let mut asking = JoinSet::new();
        for (at, (id, (address, command))) in own.chain(others).take(HOSTS_MAX).enumerate() {
            let (id, command, url, address) = (id.clone(), command.clone(), url.clone(), *address);
            asking.spawn(async move { (at, ask(&id, &command, &url, address).await) });
        }
        Box::pin(async move {
            let mut answers = Vec::new();
            while let Some(answer) = asking.join_next().await {
                if let Ok((at, Some(finding))) = answer {
                    answers.push((at, finding));
                }
            }
            let sure = |(at, it): &(usize, Finding)| (it.confident, !it.causes.is_empty(), usize::MAX - at);
            answers.into_iter().max_by_key(sure).map(|(_, finding)| finding)
        })
    }
}

async fn ask(host: &HostId, command: &[String], url: &str, address: IpAddr) -> Option<Finding> {
    let (program, args) = command.split_first()?;
    let mut child = Command::new(program);
    child.args(args).arg(url).arg("--address").arg(address.to_string()).arg("--json");
    child.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(WITHIN, child.output()).await.ok()?.ok()?;
    if output.stdout.len() > ANSWER_BYTES_MAX {
        return None;
    }
    finding(host, &serde_json::from_slice(&output.stdout).ok()?)
}

/// What a host said, as the journal keeps it; `None` when nothing is wrong there.
fn finding(host: &HostId, said: &Value) -> Option<Finding> {
    let list = |of: &Value, key: &str| of.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |of: &Value, key: &str| of.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let texts = |of: &Value, key: &str| -> Vec<String> {
        list(of, key).iter().filter_map(|it| it.as_str().map(str::to_owned)).collect()
    };
    let causes = list(said, "causes");
    let failing = said.get("failing").and_then(Value::as_bool)?;
    if !failing && causes.is_empty() {
        return None;
    }
    let confident =
        causes.first().and_then(|it| it.get("confident")).and_then(Value::as_bool).unwrap_or(false);
    let cause = |it: &Value| Cause {
        name: text(it, "id"),
        says: format!("{host}: {}", text(it, "says")),
        rests_on: texts(it, "rests_on"),
        against: texts(it, "against"),
        check: text(it, "first_check"),
        fix: text(it, "fix"),
        release: text(it, "change").split_whitespace().find_map(release),
    };
    let causes: Vec<Cause> = causes.iter().map(cause).collect();
    let ruled_out = list(said, "ruled_out");
    let ruled_out = ruled_out.iter().map(|it| format!("{}: {}", text(it, "says"), text(it, "because")));
    let missing = texts(said, "missing");
    let says = match causes.first() {
        Some(first) => first.says.clone(),
        None => format!("{host}: not enough evidence; this would settle it: {}", missing.join("; ")),
    };
    Some(Finding { says, confident, ruled_out: ruled_out.collect(), causes, missing })
}

/// `r12`, and nothing that only looks like it.
fn release(word: &str) -> Option<ReleaseId> {
    let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    word.strip_prefix('r').filter(|digits| !digits.is_empty()).and_then(|_| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(confident: bool) -> Value {
        json!({ "failing": true, "causes": [{ "id": "upstream-address-wrong", "says": "nobody listens at 10.0.0.5:81",
            "confident": confident, "rests_on": ["connect() failed (111)"], "against": [], "first_check": "ss -ltn",
            "fix": "put it back", "change": "release r4, 2 min before" }],
            "ruled_out": [{ "id": "x", "says": "the firewall", "because": "the port answers" }], "missing": [] })
    }

    #[test]
    fn what_a_host_says_is_kept_with_its_name_and_the_release_that_it_blames() {
        let host = HostId::new("web1").unwrap();
        let it = finding(&host, &said(true)).unwrap();
        assert_eq!((it.says.as_str(), it.confident), ("web1: nobody listens at 10.0.0.5:81", true));
        assert_eq!(it.causes[0].release, Some(ReleaseId(4)));
        assert_eq!(it.ruled_out, ["the firewall: the port answers"]);
        assert_eq!(finding(&host, &json!({ "failing": false, "causes": [] })), None);
        assert_eq!(finding(&host, &json!({ "error": "no" })), None);
    }

    #[test]
    fn word_that_is_no_release_is_none() {
        assert_eq!(["r12,", "root", "r", "r1x"].map(release), [Some(ReleaseId(12)), None, None, None]);
    }

    #[tokio::test]
    async fn host_that_is_surest_is_believed_and_one_that_cannot_be_asked_is_passed_over() {
        let command = |script: String| vec!["sh".to_owned(), "-c".to_owned(), script];
        let ip = IpAddr::from([127, 0, 0, 1]);
        let ids = ["gone", "sure", "unsure"].map(|name| HostId::new(name).unwrap());
        let echo = |value: Value| command(format!("echo '{value}'"));
        let hosts = [
            (ids[0].clone(), (ip, vec!["/nowhere/at/all".to_owned()])),
            (ids[1].clone(), (ip, echo(said(true)))),
            (ids[2].clone(), (ip, echo(said(false)))),
        ];
        let why = Why {
            urls: [(ProbeId("shop".to_owned()), "http://shop/".to_owned())].into(),
            hosts: hosts.into(),
        };
        let clue = evenkeel_fleet::journal::Clue {
            key: "k".to_owned(),
            source: evenkeel_fleet::journal::Source::Probe,
            host: Some(ids[2].clone()),
            upstream: None,
            probe: Some(ProbeId("shop".to_owned())),
            class: None,
            says: String::new(),
            details: Vec::new(),
            since: evenkeel_fleet::Timestamp::from_millis(0),
            severity: evenkeel_fleet::journal::Severity::Critical,
        };
        let question = Question {
            incident: evenkeel_fleet::IncidentId(1),
            onset: clue.since,
            clues: vec![clue],
            answers: Vec::new(),
        };
        let found = why.look(&question).await.unwrap();
        assert!(found.says.starts_with("sure: "), "{found:?}");
    }
}
