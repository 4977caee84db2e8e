//! Some channels forget what is not said again: they are told what still stands once a minute, and of its end for five minutes.

use std::collections::BTreeMap;

use evenkeel_fleet::incident::{Delivery, Incident, Incidents, ParcelState};
use evenkeel_fleet::journal::AlertKind;
use evenkeel_fleet::{Span, Timestamp};

use crate::notify::Notifier;

/// How often what stands is said again.
const EVERY: Span = Span::from_secs(60);
/// For how long an end is said again.
const ENDS_FOR: Span = Span::from_secs(300);

/// When it was said last.
#[derive(Debug, Default)]
pub(super) struct Standing {
    said: Option<Timestamp>,
}

impl Standing {
    pub(super) fn due(
        &mut self,
        state: &Incidents,
        channels: &BTreeMap<String, Box<dyn Notifier>>,
        now: Timestamp,
    ) -> Vec<Delivery> {
        let forgetful: Vec<&String> =
            channels.iter().filter(|(_, notifier)| notifier.forgets()).map(|(name, _)| name).collect();
        if forgetful.is_empty() || self.said.is_some_and(|said| !said.has_passed(EVERY, now)) {
            return Vec::new();
        }
        self.said = Some(now);
        let current =
            |it: &&Incident| it.is_open() || it.resolved().is_some_and(|(at, _)| now.since(*at) < ENDS_FOR);
        let incidents: Vec<&Incident> = state.incidents().filter(current).collect();
        let of = |channel: &String| {
            incidents.iter().filter_map(|it| again(state, it, channel)).collect::<Vec<_>>()
        };
        forgetful.into_iter().flat_map(of).collect()
    }
}

/// The last alert of an incident that the channel has accepted, as it would be sent again.
fn again(state: &Incidents, incident: &Incident, channel: &str) -> Option<Delivery> {
    let alerts = incident.alerts().iter().rev().filter_map(|id| state.outbox().alert(*id));
    let accepted =
        |parcel: &evenkeel_fleet::incident::Parcel| matches!(parcel.state, ParcelState::Accepted { .. });
    let mut had = alerts.filter(|alert| alert.parcels.get(channel).is_some_and(accepted));
    let last =
        had.find(|alert| matches!(alert.kind, AlertKind::Opened | AlertKind::Worse | AlertKind::Resolved))?;
    Some(Delivery {
        alert: last.id,
        incident: incident.id(),
        channel: channel.to_owned(),
        attempt: 0,
        repeat: true,
        kind: last.kind,
        severity: incident.severity(),
        title: last.title.clone(),
        lines: last.lines.clone(),
        hosts: incident.hosts().map(ToString::to_string).collect(),
        onset: incident.onset(),
        created: last.created,
    })
}
