//! One incident, with everything that is known of it.

use anyhow::bail;
use evenkeel_controller::ledger::Ledger;
use evenkeel_controller::when;
use evenkeel_fleet::incident::{Alert, Incident, Parcel, ParcelState, Times, held, said};
use evenkeel_fleet::{Event, IncidentId, Span, Timestamp, What};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{finding, state};
use crate::output::{Exit, Output};

pub(super) fn show(
    id: IncidentId,
    runtime: &Runtime,
    ledger: &mut Ledger,
    output: Output,
) -> anyhow::Result<Exit> {
    let events = runtime.block_on(ledger.events())?;
    let Some(incident) = ledger.state().incident(id) else {
        bail!("find {id}: there is no such incident; `evenkeel incident list --all` lists them");
    };
    output.print(
        || text(ledger, incident, &events),
        || {
            let mut document = document(ledger, incident);
            let moment = |event: &&Event| json!({ "at": when::rfc3339(event.at), "what": said(&event.what) });
            document["timeline"] = of(ledger, incident, &events).iter().map(moment).collect();
            document
        },
    );
    Ok(Exit::Yes)
}

/// What happened in it: its own steps, those of its alerts, and answers that turned on its hosts meanwhile.
fn of<'e>(ledger: &Ledger, incident: &Incident, events: &'e [Event]) -> Vec<&'e Event> {
    let parts: Vec<IncidentId> = ledger
        .state()
        .incidents()
        .filter(|it| {
            it.id() == incident.id() || it.state() == evenkeel_fleet::incident::State::Merged(incident.id())
        })
        .map(Incident::id)
        .collect();
    let alerts: Vec<_> = parts
        .iter()
        .filter_map(|id| ledger.state().incident(*id))
        .flat_map(|it| it.alerts().to_vec())
        .collect();
    let end = incident.resolved().map_or(Timestamp::from_millis(u64::MAX), |(at, _)| *at);
    let hosts: Vec<_> = incident.hosts().cloned().collect();
    let about = |event: &&Event| match &event.what {
        What::Incident(it) => parts.contains(&it.incident),
        What::Alert(it) => alerts.contains(&it.alert),
        What::Watch(evenkeel_fleet::journal::Seen::Turned(it)) => {
            hosts.contains(&it.host) && it.at >= incident.onset() && it.at <= end
        }
        What::Drift(it) => hosts.contains(&it.host) && event.at <= end,
        _ => false,
    };
    events.iter().filter(about).collect()
}

fn text(ledger: &Ledger, incident: &Incident, events: &[Event]) -> String {
    let mut out = format!(
        "{}  {}  {}\n{}\n\n",
        incident.id(),
        incident.severity().name(),
        state(incident),
        incident.title()
    );
    if let Some(why) = incident.held() {
        out.push_str(&format!("nobody is alerted: {}\n\n", held(why)));
    }
    if let Some(finding) = incident.finding() {
        out.push_str(&finding::shown(finding));
    }
    out.push_str("evidence\n");
    for evidence in incident.evidence() {
        let gone = evidence.cleared.map_or_else(String::new, |at| format!("  (gone at {})", when::clock(at)));
        out.push_str(&format!("  {}  {}{gone}\n", when::clock(evidence.clue.since), evidence.clue.says));
        for detail in &evidence.clue.details {
            out.push_str(&format!("                  {detail}\n"));
        }
    }
    if let Some(times) = ledger.state().times(incident.id()) {
        out.push_str("\ntimes\n");
        for (name, _, span) in spans(&times) {
            let shown = span.map_or_else(|| "not yet".to_owned(), when::span);
            out.push_str(&format!("  {name:<34} {shown}\n"));
        }
    }
    out.push_str("\nwhat happened\n");
    for event in of(ledger, incident, events) {
        if let Some(said) = said(&event.what) {
            out.push_str(&format!("  {}  {said}\n", when::clock(event.at)));
        }
    }
    out
}

/// Every span by which an incident is measured: for people, for programs, and as far as it came.
fn spans(times: &Times) -> [(&'static str, &'static str, Option<Span>); 7] {
    [
        ("time to detection", "to_detect_ms", Some(times.to_detect())),
        ("alert delay", "alert_delay_ms", times.alert_delay()),
        ("time to acknowledgement", "to_ack_ms", times.to_ack()),
        ("time to diagnosis", "to_diagnose_ms", times.to_diagnose()),
        ("time to mitigation", "to_mitigate_ms", times.to_mitigate()),
        ("time to resolution", "to_resolve_ms", times.to_resolve()),
        (
            "time to resolution, from detection",
            "to_resolve_from_detection_ms",
            times.to_resolve_from_detection(),
        ),
    ]
}

pub(super) fn document(ledger: &Ledger, incident: &Incident) -> Value {
    let clue = |evidence: &evenkeel_fleet::incident::Evidence| {
        json!({ "key": evidence.clue.key, "says": evidence.clue.says, "class": evidence.clue.class,
                "host": evidence.clue.host, "since": when::rfc3339(evidence.clue.since),
                "details": evidence.clue.details, "cleared": evidence.cleared.map(when::rfc3339) })
    };
    let alerts = incident.alerts().iter().filter_map(|id| ledger.state().outbox().alert(*id));
    let times = ledger.state().times(incident.id());
    let moment = |at: Option<Timestamp>| at.map(when::rfc3339);
    let mut document = json!({
        "id": incident.id().to_string(), "state": state(incident), "severity": incident.severity().name(),
        "title": incident.title(), "hosts": incident.hosts().collect::<Vec<_>>(),
        "held": incident.held().map(held), "finding": incident.finding(),
        "acked_by": incident.acked().map(|(_, who)| who.to_string()),
        "evidence": incident.evidence().map(clue).collect::<Vec<_>>(),
        "alerts": alerts.map(alert).collect::<Vec<_>>(),
    });
    if let Some(times) = times {
        document["times"] = json!({
            "onset": when::rfc3339(times.onset), "detected": when::rfc3339(times.detected),
            "alerted": moment(times.alerted), "accepted": moment(times.accepted), "acked": moment(times.acked),
            "diagnosed": moment(times.diagnosed), "mitigated": moment(times.mitigated),
            "resolved": moment(times.resolved),
        });
        for (_, name, span) in spans(&times) {
            document["times"][name] = json!(span.map(Span::as_millis));
        }
    }
    document
}

fn alert(alert: &Alert) -> Value {
    let parcel = |(channel, parcel): (&String, &Parcel)| {
        let (state, at, said) = match &parcel.state {
            ParcelState::Waiting => ("waiting", None, None),
            ParcelState::Sending => ("sending", None, None),
            ParcelState::Accepted { at, receipt } => ("accepted", Some(*at), Some(receipt)),
            ParcelState::GivenUp { at, why } => ("given_up", Some(*at), Some(why)),
        };
        json!({ "channel": channel, "state": state, "at": at.map(when::rfc3339), "said": said,
                "attempts": parcel.attempts, "first_attempt": parcel.first_attempt.map(when::rfc3339) })
    };
    json!({ "id": alert.id.to_string(), "kind": alert.kind, "title": alert.title,
            "created": when::rfc3339(alert.created), "channels": alert.parcels.iter().map(parcel).collect::<Vec<_>>() })
}
