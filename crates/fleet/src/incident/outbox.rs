//! What is to be delivered, through which channel, in which order, and when it is tried again.
//!
//! Every channel has a queue of its own. Within one, the alerts of an incident go out in their order, each after the one before
//! is settled; incidents do not wait for each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Channel, Settings};
use crate::journal::{AlertKind, AlertStep, Severity};
use crate::{AlertId, IncidentId, Span, Timestamp};

/// The first wait after a failure; each further one is twice as long.
const RETRY_FIRST: Span = Span::from_secs(1);
/// The longest wait that nobody asked for.
const RETRY_MAX: Span = Span::from_secs(30);
/// The longest wait that the other side may ask for.
const RETRY_AFTER_MAX: Span = Span::from_secs(3600);

/// Every alert, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outbox {
    alerts: BTreeMap<AlertId, Arc<Alert>>,
    /// What is not settled, by channel and incident, in its order.
    queues: BTreeMap<String, Queue>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Queue {
    waiting: BTreeMap<IncidentId, Vec<AlertId>>,
    /// Failures in a row, of whatever alert.
    failures: u32,
    /// Nothing is tried before.
    retry_at: Timestamp,
    /// When it was tried last.
    tried_at: Timestamp,
}

/// One alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Its number.
    pub id: AlertId,
    /// The incident that it tells of.
    pub incident: IncidentId,
    /// What it tells.
    pub kind: AlertKind,
    /// How bad the incident is.
    pub severity: Severity,
    /// In one line.
    pub title: String,
    /// More lines.
    pub lines: Vec<String>,
    /// When it was created.
    pub created: Timestamp,
    /// Its way through each channel.
    pub parcels: BTreeMap<String, Parcel>,
}

/// The way of one alert through one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// How far it is.
    pub state: ParcelState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was tried first.
    pub first_attempt: Option<Timestamp>,
    /// Since when it is meant for this channel.
    pub since: Timestamp,
    /// Whether the other side may have it already.
    pub perhaps: bool,
    /// Whether another channel got it as well, because this one does not take it.
    pub diverted: bool,
}

/// How far a parcel is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParcelState {
    /// It waits.
    Waiting,
    /// It is on its way; or whoever sent it died meanwhile.
    Sending,
    /// The other side has it.
    Accepted {
        /// Since when.
        at: Timestamp,
        /// What the other side said.
        receipt: String,
    },
    /// It will not be sent.
    GivenUp {
        /// Since when.
        at: Timestamp,
        /// Why.
        why: String,
    },
}

impl Alert {
    /// When the first channel accepted it.
    pub fn accepted_at(&self) -> Option<Timestamp> {
        let at = |parcel: &Parcel| match parcel.state {
            ParcelState::Accepted { at, .. } => Some(at),
            _ => None,
        };
        self.parcels.values().filter_map(at).min()
    }
}

impl Parcel {
    fn new(since: Timestamp) -> Self {
        let state = ParcelState::Waiting;
        Self { state, attempts: 0, first_attempt: None, since, perhaps: false, diverted: false }
    }

    /// Whether it is neither accepted nor given up.
    pub fn pending(&self) -> bool {
        matches!(self.state, ParcelState::Waiting | ParcelState::Sending)
    }
}

impl Outbox {
    /// An alert.
    pub fn alert(&self, id: AlertId) -> Option<&Alert> {
        self.alerts.get(&id).map(Arc::as_ref)
    }

    /// Every alert, the oldest first.
    pub fn alerts(&self) -> impl DoubleEndedIterator<Item = &Alert> {
        self.alerts.values().map(Arc::as_ref)
    }

    /// How many parcels are still to be delivered.
    pub fn pending(&self) -> usize {
        self.queues.values().flat_map(|queue| queue.waiting.values()).map(Vec::len).sum()
    }

    /// Since when the oldest alert waits that no channel has accepted.
    pub fn oldest(&self) -> Option<Timestamp> {
        let waiting = self.queues.values().flat_map(|queue| queue.waiting.values()).flatten();
        let alerts = waiting.filter_map(|id| self.alert(*id));
        alerts.filter(|alert| alert.accepted_at().is_none()).map(|alert| alert.created).min()
    }

    /// Failures in a row of a channel.
    pub fn failures(&self, channel: &str) -> u32 {
        self.queues.get(channel).map_or(0, |queue| queue.failures)
    }

    /// What to send through a channel now: of each incident the oldest that waits, and of those the one that was tried
    /// least, so that one that the other side never takes stands in nobody's way.
    pub fn next(&self, channel: &str, now: Timestamp) -> Option<AlertId> {
        let queue = self.queues.get(channel)?;
        // A clock that was set back is no reason to wait for as long as it was ahead.
        if now < queue.retry_at && !queue.tried_at.is_of_another_clock(now) {
            return None;
        }
        let heads = queue.waiting.values().filter_map(|ids| ids.first()).copied();
        let tried = |id: &AlertId| self.parcel(*id, channel).map_or(0, |parcel| parcel.attempts);
        heads.min_by_key(|id| (tried(id), *id))
    }

    pub(super) fn last(&self) -> u64 {
        self.alerts.last_key_value().map_or(0, |(id, _)| id.0)
    }

    pub(super) fn parcel(&self, id: AlertId, channel: &str) -> Option<&Parcel> {
        self.alerts.get(&id)?.parcels.get(channel)
    }

    /// Every parcel that is neither accepted nor given up.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (&Alert, &str, &Parcel)> {
        let ids = self.queues.iter().flat_map(|(channel, queue)| {
            queue.waiting.values().flatten().map(move |id| (channel.as_str(), *id))
        });
        ids.filter_map(|(channel, id)| Some((self.alert(id)?, channel, self.parcel(id, channel)?)))
    }

    /// When a channel may be tried again after one more failure.
    pub(super) fn retry_at(&self, channel: &str, now: Timestamp, wanted: Option<Span>) -> Timestamp {
        let doubled = RETRY_FIRST.as_millis() << self.failures(channel).min(16);
        let wait = Span::from_millis(doubled.min(RETRY_MAX.as_millis()));
        now + wait.max(wanted.unwrap_or_default().min(RETRY_AFTER_MAX))
    }

    /// Whether a parcel waits for too long, or failed too often, so that another channel should have it.
    pub(super) fn too_slow(&self, parcel: &Parcel, channel: &Channel, now: Timestamp) -> bool {
        !parcel.diverted
            && (parcel.since.has_passed(channel.fallback_after, now)
                || self.failures(&channel.name) >= channel.fallback_failures.max(1))
    }

    pub(super) fn create(&mut self, alert: Alert) {
        for channel in alert.parcels.keys() {
            self.queue(channel, alert.incident, alert.id);
        }
        self.alerts.insert(alert.id, Arc::new(alert));
    }

    fn queue(&mut self, channel: &str, incident: IncidentId, alert: AlertId) {
        let queue = self.queues.entry(channel.to_owned()).or_default();
        let waiting = queue.waiting.entry(incident).or_default();
        if !waiting.contains(&alert) {
            waiting.push(alert);
            waiting.sort_unstable();
        }
    }

    fn settle(&mut self, channel: &str, incident: IncidentId, alert: AlertId) {
        if let Some(queue) = self.queues.get_mut(channel)
            && let Some(waiting) = queue.waiting.get_mut(&incident)
        {
            waiting.retain(|id| *id != alert);
            if waiting.is_empty() {
                queue.waiting.remove(&incident);
            }
        }
    }

    /// One step of one alert more.
    pub(super) fn apply(&mut self, at: Timestamp, id: AlertId, step: &AlertStep) {
        let Some(alert) = self.alerts.get_mut(&id) else { return };
        let incident = alert.incident;
        let alert = Arc::make_mut(alert);
        match step {
            AlertStep::Created { .. } => {}
            AlertStep::Diverted { from, to, .. } => {
                if let Some(parcel) = alert.parcels.get_mut(from) {
                    parcel.diverted = true;
                }
                if !alert.parcels.contains_key(to) {
                    alert.parcels.insert(to.clone(), Parcel::new(at));
                    self.queue(to, incident, id);
                }
            }
            AlertStep::Sending { channel, attempt, repeat } => {
                if let Some(parcel) = alert.parcels.get_mut(channel).filter(|parcel| parcel.pending()) {
                    parcel.state = ParcelState::Sending;
                    // That it may be there is not forgotten when this attempt is refused.
                    parcel.perhaps |= *repeat;
                    parcel.attempts = *attempt;
                    parcel.first_attempt.get_or_insert(at);
                }
            }
            AlertStep::Failed { channel, perhaps, retry_at, .. } => {
                if let Some(parcel) = alert.parcels.get_mut(channel).filter(|parcel| parcel.pending()) {
                    parcel.state = ParcelState::Waiting;
                    parcel.perhaps |= perhaps;
                }
                let queue = self.queues.entry(channel.clone()).or_default();
                queue.failures = queue.failures.saturating_add(1);
                (queue.retry_at, queue.tried_at) = (*retry_at, at);
            }
            AlertStep::Accepted { channel, receipt, .. } => {
                if let Some(parcel) = alert.parcels.get_mut(channel) {
                    parcel.state = ParcelState::Accepted { at, receipt: receipt.clone() };
                }
                self.settle(channel, incident, id);
                let queue = self.queues.entry(channel.clone()).or_default();
                (queue.failures, queue.retry_at, queue.tried_at) = (0, at, at);
            }
            AlertStep::GivenUp { channel, why } => {
                if let Some(parcel) = alert.parcels.get_mut(channel) {
                    parcel.state = ParcelState::GivenUp { at, why: why.clone() };
                }
                self.settle(channel, incident, id);
            }
        }
    }
}

/// The channels that are told at once of an incident of that severity on these hosts.
pub(super) fn first_channels(
    settings: &Settings,
    severity: Severity,
    hosts: &[&crate::HostId],
) -> Vec<String> {
    let wants = |it: &&Channel| !it.reserve && it.escalate_after.is_none() && it.wants(severity, hosts);
    settings.channels.iter().filter(wants).map(|it| it.name.clone()).collect()
}

pub(super) fn parcels(channels: &[String], at: Timestamp) -> BTreeMap<String, Parcel> {
    channels.iter().map(|channel| (channel.clone(), Parcel::new(at))).collect()
}
