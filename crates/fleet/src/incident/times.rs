//! How long everything took. Averages over incidents hide how bad each was; these are of one.

use super::{Incident, Outbox};
use crate::{Span, Timestamp};

/// The times of one incident, each as far as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// The first sign: the first failing answer, or the first count above what was usual.
    pub onset: Timestamp,
    /// When it was opened.
    pub detected: Timestamp,
    /// When the first alert was created.
    pub alerted: Option<Timestamp>,
    /// When the first channel accepted one.
    pub accepted: Option<Timestamp>,
    /// When somebody took care.
    pub acked: Option<Timestamp>,
    /// When its cause was named.
    pub diagnosed: Option<Timestamp>,
    /// When users were served again.
    pub mitigated: Option<Timestamp>,
    /// When it was over.
    pub resolved: Option<Timestamp>,
}

impl Times {
    pub(super) fn of(incident: &Incident, outbox: &Outbox) -> Self {
        let alerts = || incident.alerts.iter().filter_map(|id| outbox.alert(*id));
        Self {
            onset: incident.onset,
            detected: incident.detected,
            alerted: alerts().map(|alert| alert.created).min(),
            accepted: alerts().filter_map(super::Alert::accepted_at).min(),
            acked: incident.acked.as_ref().map(|(at, _)| *at),
            diagnosed: incident.diagnosed,
            mitigated: incident.mitigated,
            resolved: incident.resolved.as_ref().map(|(at, _)| *at),
        }
    }

    /// Time to detection: from the onset to the opening.
    pub fn to_detect(&self) -> Span {
        self.detected.since(self.onset)
    }

    /// From the creation of the first alert until the first channel had one.
    pub fn alert_delay(&self) -> Option<Span> {
        Some(self.accepted?.since(self.alerted?))
    }

    /// Time to acknowledgement: from the creation of the first alert until somebody took care.
    pub fn to_ack(&self) -> Option<Span> {
        Some(self.acked?.since(self.alerted.unwrap_or(self.detected)))
    }

    /// Time to diagnosis: from the acknowledgement until the cause was named; nothing when it was named before.
    pub fn to_diagnose(&self) -> Option<Span> {
        Some(self.diagnosed?.since(self.acked?))
    }

    /// Time to mitigation: from the onset until users were served again.
    pub fn to_mitigate(&self) -> Option<Span> {
        Some(self.mitigated?.since(self.onset))
    }

    /// Time to resolution, from the onset.
    pub fn to_resolve(&self) -> Option<Span> {
        Some(self.resolved?.since(self.onset))
    }

    /// Time to resolution as others count it, from the detection.
    pub fn to_resolve_from_detection(&self) -> Option<Span> {
        Some(self.resolved?.since(self.detected))
    }
}
