//! Whoever delivers: it goes on wherever the journal says that it stopped.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use evenkeel_controller::ledger::Ledger;
use evenkeel_controller::notify::{Notifier, build};
use evenkeel_controller::outbox::Courier;
use evenkeel_fleet::incident::{Channel, Input, Settings};
use evenkeel_fleet::journal::{Clue, Finding, Severity, Source};
use evenkeel_fleet::{Actor, HostId, IncidentId, Span, Timestamp};
use serde_json::json;

/// The channels; the second takes the place of the first, the third hears everything too.
pub(super) const CHANNELS: [&str; 3] = ["pager", "mail", "chat"];
/// How many alerts there are: four of each incident.
pub(super) const ALERTS: usize = 1_000;
/// How much faster the clock of the one who delivers runs.
pub(super) const SPEED: u32 = 60;
/// How long an attempt may take, on the wall.
const SEND_WITHIN: Duration = Duration::from_millis(400);

pub(super) fn settings() -> Settings {
    let pager = Channel { fallback: Some("mail".to_owned()), ..Channel::new("pager") };
    let mail = Channel { reserve: true, ..Channel::new("mail") };
    Settings { channels: vec![pager, mail, Channel::new("chat")], ..Settings::default() }
}

pub(super) fn deliver(path: &str, began: &str, urls: &[&str]) {
    let began: u64 = began.parse().unwrap();
    let now = || {
        let wall = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
        Timestamp::from_millis(began + (wall - began) * u64::from(SPEED))
    };
    let notifier = |url: &&str| build("webhook", json!({ "url": url }), "test").unwrap();
    let channels: BTreeMap<String, Box<dyn Notifier>> =
        CHANNELS.iter().map(|name| (*name).to_owned()).zip(urls.iter().map(notifier)).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut ledger = Ledger::open(Path::new(path), settings()).await.unwrap();
        let mut courier = Courier::new(channels, SEND_WITHIN);
        loop {
            let next = next(&ledger, now());
            let done = next.is_none();
            if let Some(input) = next {
                let told = ledger.tell(now(), input).await.unwrap();
                assert_eq!(told.refused, None);
            }
            let told = ledger.tell(now(), Input::Tick).await.unwrap();
            assert!(told.deliveries.is_empty());
            courier.dispatch(&mut ledger, now()).await;
            if done && ledger.state().outbox().pending() == 0 {
                return;
            }
            // As long as there is more to say nothing is waited for.
            let wait = if done { Duration::from_millis(20) } else { Duration::from_millis(1) };
            if let Ok(landed) = tokio::time::timeout(wait, courier.landed()).await {
                courier.settle(&mut ledger, landed, now()).await;
            }
        }
    });
}

/// What happens next: each incident is opened, taken care of, looked into and resolved.
fn next(ledger: &Ledger, now: Timestamp) -> Option<Input> {
    let who = || Actor::new("anna", "test");
    let last = ledger.state().incidents().next_back();
    let Some(it) = last else { return Some(Input::Report(opened(1, now))) };
    let IncidentId(number) = it.id();
    let incident = it.id();
    if it.acked().is_none() {
        return Some(Input::Ack { incident, who: who() });
    }
    if it.finding().is_none() {
        let (says, confident) = ("the upstream is down".to_owned(), true);
        let finding =
            Finding { says, confident, causes: Vec::new(), ruled_out: Vec::new(), missing: Vec::new() };
        return Some(Input::Diagnosed { incident, finding });
    }
    if it.is_open() {
        return Some(Input::Resolve { incident, who: who(), why: String::new(), force: true });
    }
    (usize::try_from(number).unwrap() < ALERTS / 4).then(|| Input::Report(opened(number + 1, now)))
}

/// Evidence that a host of its own fails.
pub(super) fn opened(n: u64, now: Timestamp) -> Clue {
    let host = HostId::new(&format!("web-{n}")).unwrap();
    Clue {
        key: format!("probe:home@{host}"),
        source: Source::Probe,
        host: Some(host),
        upstream: None,
        probe: None,
        class: None,
        says: "502".to_owned(),
        details: Vec::new(),
        since: now - Span::from_secs(4),
        severity: Severity::Critical,
    }
}
