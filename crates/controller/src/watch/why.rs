//! Looks for causes by asking `evenkeel why` on the hosts themselves: first on the one that fails, then wherever it says that the
//! request goes from there. What they say is brought together; what lies deepest and is surest is believed.

mod answer;
mod replay;
mod together;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use evenkeel_fleet::journal::Finding;
use evenkeel_fleet::watch::{Answer, Failure, ProbeId, VantageId};
use evenkeel_fleet::{HostId, IncidentId};
use evenkeel_host::probe::{Ask, Spec, Target};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::task::JoinSet;

use super::Asked;
use super::cause::{Looker, Looking, Question, Replaying};
use crate::group::Group;
use answer::{Next, Said};
use together::together;

/// How long one host may look.
const WITHIN: Duration = Duration::from_secs(15);
/// At most so many hosts are asked about one incident.
const HOSTS_MAX: usize = 16;
/// A request is followed through at most so many hosts.
const DEPTH_MAX: usize = 4;
/// A longer answer is none.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// A host that can be asked for causes: its addresses, and the command that ends in `evenkeel why` over there.
pub type Reached = (Vec<IpAddr>, Vec<String>);

/// Whom to ask, and how.
#[derive(Debug, Default)]
pub struct Why {
    /// What each probe asks for.
    urls: BTreeMap<ProbeId, String>,
    /// Each host that can be asked.
    hosts: BTreeMap<HostId, Reached>,
    /// Those of them that a probe asks: where the way of a request is not known, they are asked for the cause. Others may never have
    /// served what fails.
    probed: BTreeSet<HostId>,
    /// From which address each vantage is seen, where somebody said so.
    vantages: BTreeMap<VantageId, IpAddr>,
    /// Where a change was played once more, or is.
    replayed: Arc<Mutex<replay::Replayed>>,
}

/// A host as it answered.
#[derive(Debug, Clone, PartialEq)]
struct Heard {
    host: HostId,
    /// How many hosts the request went through before.
    depth: usize,
    said: Said,
}

/// A question to one host.
#[derive(Debug, Clone)]
struct Visit {
    host: HostId,
    command: Vec<String>,
    url: String,
    address: IpAddr,
    seen: Vec<String>,
}

impl Why {
    /// Asks these hosts about what these probes ask. `vantages`: from which address each is seen, where that is known.
    #[must_use]
    pub fn new(
        asked: &[Asked],
        hosts: BTreeMap<HostId, Reached>,
        vantages: BTreeMap<VantageId, IpAddr>,
    ) -> Self {
        let url = |it: &Asked| Some((it.probe.clone(), url(&it.spec)?));
        let probed = asked.iter().map(|it| it.host.clone()).collect();
        let urls = asked.iter().filter_map(url).collect();
        Self { urls, hosts, probed, vantages, replayed: Arc::default() }
    }
}

/// What the vantages see of one host, as `--seen` takes it, with from where as far as that is known.
fn seen(question: &Question, host: &HostId, vantages: &BTreeMap<VantageId, IpAddr>) -> Vec<String> {
    let class = |answer: &Answer| match answer {
        Answer::Up => None,
        Answer::Down(Failure::Status(status)) => Some(status.to_string()),
        Answer::Down(other) => Some(other.class().to_owned()),
    };
    let told = |(_, vantage, answer): &(_, VantageId, Answer)| {
        let class = class(answer)?;
        Some(vantages.get(vantage).map_or_else(|| class.clone(), |from| format!("{class}@{from}")))
    };
    let here = question.answers.iter().filter(|(clue, ..)| clue.host.as_ref() == Some(host));
    let all: BTreeSet<String> = here.filter_map(told).collect();
    all.into_iter().collect()
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
            .find_map(|clue| Some((clue.host.clone(), self.urls.get(clue.probe.as_ref()?)?.clone())));
        let Some((host, url)) = about else { return Box::pin(async { None }) };
        let (hosts, probed) = (self.hosts.clone(), self.probed.clone());
        let of = |id: &HostId| (id.clone(), seen(question, id, &self.vantages));
        let (onset, seen) = (question.onset, hosts.keys().map(of).collect::<BTreeMap<_, _>>());
        Box::pin(async move {
            let visit = |(id, (addresses, command)): (&HostId, &Reached)| {
                let seen = seen.get(id).cloned().unwrap_or_default();
                let address = *addresses.first()?;
                Some(Visit { host: id.clone(), command: command.clone(), url: url.clone(), address, seen })
            };
            let own = hosts.iter().filter(|(id, _)| Some(*id) == host.as_ref()).filter_map(visit).collect();
            let mut heard = follow(&hosts, own, &mut BTreeSet::new()).await;
            // What the host itself is sure of is of that host; what fails elsewhere beside it is another incident.
            let is_sure = |it: &Heard| {
                it.said.failing && it.said.causes.iter().any(|(sure, _)| *sure == answer::Sure::Confident)
            };
            if !heard.iter().any(|it| it.depth > 0 || is_sure(it)) {
                let known = heard.iter().map(|it| it.host.clone()).collect::<BTreeSet<_>>();
                let others = hosts.iter().filter(|(id, _)| probed.contains(*id) && !known.contains(*id));
                let others = others.filter_map(visit).collect();
                heard.extend(follow(&hosts, others, &mut known.clone()).await);
            }
            together(onset, &heard)
        })
    }

    fn replay(&self, incident: IncidentId, finding: &Finding) -> Option<Replaying> {
        replay::begin(&self.replayed, &self.hosts, incident, finding)
    }
}

/// Asks hosts, then those to which the request goes from them, each once.
async fn follow(
    hosts: &BTreeMap<HostId, Reached>,
    first: Vec<Visit>,
    visited: &mut BTreeSet<HostId>,
) -> Vec<Heard> {
    let (mut heard, mut round) = (Vec::new(), first);
    for depth in 0..DEPTH_MAX {
        let mut asking = JoinSet::new();
        round.retain(|visit| visited.len() < HOSTS_MAX && visited.insert(visit.host.clone()));
        for (at, visit) in round.drain(..).enumerate() {
            asking.spawn(async move { (at, ask(&visit).await, visit.host) });
        }
        let mut answers = asking.join_all().await;
        answers.sort_by_key(|(at, _, _)| *at);
        for (_, said, host) in answers {
            let Some(said) = said else { continue };
            round.extend(said.next.iter().filter_map(|next| goes_on(hosts, next)));
            heard.push(Heard { host, depth, said });
        }
        if round.is_empty() {
            break;
        }
    }
    heard
}

fn goes_on(hosts: &BTreeMap<HostId, Reached>, next: &Next) -> Option<Visit> {
    let ip = next.address.ip();
    let (host, (_, command)) = hosts.iter().find(|(_, (addresses, _))| addresses.contains(&ip))?;
    let seen = next.seen.iter().map(|seen| match next.from {
        Some(from) => format!("{seen}@{from}"),
        None => seen.clone(),
    });
    let seen = seen.collect();
    Some(Visit { host: host.clone(), command: command.clone(), url: next.url.clone(), address: ip, seen })
}

async fn ask(visit: &Visit) -> Option<Said> {
    match ask_with(visit, &visit.seen).await {
        // It may be of a version that does not know that word.
        None if !visit.seen.is_empty() => ask_with(visit, &[]).await,
        said => said,
    }
}

async fn ask_with(visit: &Visit, seen: &[String]) -> Option<Said> {
    let (program, args) = visit.command.split_first()?;
    let mut child = Command::new(program);
    child.args(args).arg(&visit.url).arg("--address").arg(visit.address.to_string()).arg("--json");
    for seen in seen {
        child.args(["--seen", seen]);
    }
    child.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    // Dropped before its end, it ends with whatever it started.
    let mut group = Group::start(&mut child).ok()?;
    let answer = async {
        let mut answer = Vec::new();
        let mut output = group.child().stdout.take()?.take(ANSWER_BYTES_MAX + 1);
        output.read_to_end(&mut answer).await.ok()?;
        if answer.len() as u64 > ANSWER_BYTES_MAX {
            return None;
        }
        group.wait().await.ok()?;
        Some(answer)
    };
    let answer = tokio::time::timeout(WITHIN, answer).await.ok()??;
    Said::read(&serde_json::from_slice(&answer).ok()?)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use serde_json::{Value, json};

    use super::*;

    fn said(id: &str, confident: bool, next: &Value) -> Value {
        json!({ "failing": true, "causes": [{ "id": id, "says": "nobody listens", "confident": confident,
            "confidence": if confident { "confident" } else { "likely" }, "rests_on": ["connect() failed (111)"],
            "against": [], "first_check": "ss -ltn", "fix": "put it back", "change": "release r4, 2 min before" }],
            "ruled_out": [], "missing": [], "next": next, "changes": [] })
    }

    fn why(hosts: &[(&str, [u8; 4], Vec<String>)]) -> Why {
        let hosts = hosts.iter().map(|(name, ip, command)| {
            (HostId::new(name).unwrap(), (vec![IpAddr::from(*ip)], command.clone()))
        });
        Why {
            urls: [(ProbeId("shop".to_owned()), "http://shop/".to_owned())].into(),
            probed: hosts.clone().map(|(id, _)| id).filter(|id| id.as_str() != "aside").collect(),
            hosts: hosts.collect(),
            ..Why::default()
        }
    }

    fn question(host: &str) -> Question {
        let clue = evenkeel_fleet::journal::Clue {
            key: "k".to_owned(),
            source: evenkeel_fleet::journal::Source::Probe,
            host: Some(HostId::new(host).unwrap()),
            upstream: None,
            probe: Some(ProbeId("shop".to_owned())),
            class: None,
            says: String::new(),
            details: Vec::new(),
            since: evenkeel_fleet::Timestamp::from_millis(0),
            severity: evenkeel_fleet::journal::Severity::Critical,
        };
        Question {
            incident: evenkeel_fleet::IncidentId(1),
            onset: clue.since,
            clues: vec![clue],
            answers: Vec::new(),
        }
    }

    fn sh(script: String) -> Vec<String> {
        vec!["sh".to_owned(), "-c".to_owned(), script, "why".to_owned()]
    }

    #[tokio::test]
    async fn host_that_is_surest_is_believed_and_one_that_cannot_be_asked_is_passed_over() {
        let echo = |value: &Value| sh(format!("echo '{value}'"));
        let why = why(&[
            ("gone", [127, 0, 0, 1], vec!["/nowhere/at/all".to_owned()]),
            ("sure", [127, 0, 0, 2], echo(&said("a", true, &json!([])))),
            ("unsure", [127, 0, 0, 3], echo(&said("b", false, &json!([])))),
            // Nothing asks this one for what fails.
            ("aside", [127, 0, 0, 4], echo(&said("c", true, &json!([])))),
        ]);
        let found = why.look(&question("unsure")).await.unwrap();
        assert!(found.says.starts_with("sure: ") && found.confident, "{found:?}");
        assert!(!found.causes.iter().any(|cause| cause.name == "c"), "{found:?}");
        // What fails on another host is not why this one does.
        let found = why.look(&question("sure")).await.unwrap();
        assert_eq!(found.causes.iter().map(|cause| &*cause.name).collect::<Vec<_>>(), ["a"]);
    }

    #[tokio::test]
    async fn request_is_followed_from_host_to_host_with_what_the_one_before_sees() {
        let dir = tempfile::tempdir().unwrap();
        let notes = dir.path().join("asked");
        let next = json!([{ "url": "http://shop:81/v1/", "address": "127.0.0.2:81", "seen": "filtered" },
                          { "url": "http://shop/", "address": "127.0.0.77:80" }]);
        let note = |value: &Value| sh(format!("echo \"$@\" >>{}; echo '{value}'", notes.display()));
        let why = why(&[
            ("front", [127, 0, 0, 1], note(&said("front", true, &next))),
            ("back", [127, 0, 0, 2], note(&said("back", true, &json!([])))),
            ("other", [127, 0, 0, 3], note(&said("other", true, &json!([])))),
        ]);
        let found = why.look(&question("front")).await.unwrap();
        let names: Vec<&str> = found.causes.iter().map(|cause| cause.name.as_str()).collect();
        assert_eq!(names, ["back", "front"]);
        let asked = std::fs::read_to_string(notes).unwrap();
        let asked: Vec<&str> = asked.lines().collect();
        assert_eq!(
            asked,
            [
                "http://shop/ --address 127.0.0.1 --json",
                "http://shop:81/v1/ --address 127.0.0.2 --json --seen filtered"
            ]
        );
    }
}
