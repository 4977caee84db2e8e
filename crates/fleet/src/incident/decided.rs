//! Append, then act, for incidents: what was decided, and what may be sent once that is durable.

use crate::journal::{AlertKind, Severity};
use crate::{AlertId, Event, IncidentId, Receipt, Sequence, Timestamp};

/// What [`Incidents::step`](super::Incidents::step) decided.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "events must be appended and deliveries made"]
pub struct Decided {
    expected: Sequence,
    events: Vec<Event>,
    deliveries: Vec<Delivery>,
    refused: Option<Refused>,
}

/// An alert that is to be sent now through one channel; its attempt is in the journal already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The alert.
    pub alert: AlertId,
    /// The incident that it tells of.
    pub incident: IncidentId,
    /// The channel.
    pub channel: String,
    /// The number of the attempt, the first being 1.
    pub attempt: u32,
    /// Whether the other side may have it already.
    pub repeat: bool,
    /// What it tells.
    pub kind: AlertKind,
    /// How bad the incident is.
    pub severity: Severity,
    /// In one line.
    pub title: String,
    /// More lines.
    pub lines: Vec<String>,
    /// The hosts that it is about.
    pub hosts: Vec<String>,
    /// When the incident began.
    pub onset: Timestamp,
    /// When the alert was created.
    pub created: Timestamp,
}

/// Why an input was not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such incident.
    #[error("find {0}")]
    NoSuchIncident(IncidentId),
    /// It is over.
    #[error("change {0}: it is over")]
    Over(IncidentId),
    /// It is part of another one.
    #[error("change {0}: it is part of {1}")]
    Merged(IncidentId, IncidentId),
    /// The evidence still stands.
    #[error("resolve {0}: its evidence still stands ({1})")]
    StillFailing(IncidentId, String),
    /// The end of a silence or a maintenance is not after its beginning.
    #[error("do that until a time that is over already")]
    Past,
    /// There is no maintenance of that name.
    #[error("find the maintenance \"{0}\"")]
    NoSuchMaintenance(String),
    /// There is no such delivery, or it is settled.
    #[error("find {0} still to be delivered through {1}")]
    Settled(AlertId, String),
}

impl Decided {
    pub(super) fn new(
        expected: Sequence,
        events: Vec<Event>,
        deliveries: Vec<Delivery>,
        refused: Option<Refused>,
    ) -> Self {
        Self { expected, events, deliveries, refused }
    }

    /// The sequence that the journal must have for the append.
    pub fn expected(&self) -> Sequence {
        self.expected
    }

    /// What must be appended, in this order; empty when nothing happened.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Why the input was not followed.
    pub fn refused(&self) -> Option<&Refused> {
        self.refused.as_ref()
    }

    /// Hands out what is to be sent, against the receipt for these events.
    ///
    /// # Panics
    /// When the receipt is for another append: acting on what is not durable is never right.
    pub fn perform(self, receipt: &Receipt) -> Vec<Delivery> {
        assert!(receipt.is_for(self.expected, self.events.len()), "a receipt for another decision");
        self.deliveries
    }

    /// Hands out what is to be sent although nothing can be written down: the disk is full, and somebody has to know. Whoever
    /// calls this keeps the events, says so loudly, and appends them when that is possible again.
    pub fn perform_unwritten(self) -> Vec<Delivery> {
        self.deliveries
    }
}
