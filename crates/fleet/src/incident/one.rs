//! One incident, as the journal tells it.

use std::collections::{BTreeMap, BTreeSet};

use crate::journal::{By, Clue, Finding, Held, NoteKind, Severity};
use crate::{Actor, AlertId, HostId, IncidentId, Timestamp};

/// One incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    pub(super) id: IncidentId,
    pub(super) title: String,
    pub(super) severity: Severity,
    pub(super) state: State,
    pub(super) onset: Timestamp,
    pub(super) detected: Timestamp,
    pub(super) evidence: BTreeMap<String, Evidence>,
    pub(super) last_evidence: Timestamp,
    pub(super) held: Option<Held>,
    pub(super) silenced: Option<Timestamp>,
    pub(super) acked: Option<(Timestamp, Actor)>,
    pub(super) finding: Option<Finding>,
    pub(super) diagnosed: Option<Timestamp>,
    pub(super) notes: Vec<Note>,
    pub(super) mitigated: Option<Timestamp>,
    pub(super) resolved: Option<(Timestamp, By)>,
    pub(super) alerts: Vec<AlertId>,
    pub(super) told_at: Option<Timestamp>,
    pub(super) opening_at: Option<Timestamp>,
    pub(super) escalated: BTreeSet<String>,
}

/// Where an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is not over.
    Open,
    /// It is part of another one.
    Merged(IncidentId),
    /// It is over.
    Resolved,
}

/// One piece of evidence, and whether it still stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What was told.
    pub clue: Clue,
    /// Since when it is gone.
    pub cleared: Option<Timestamp>,
}

/// What somebody said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: Actor,
    /// What it is for the post-mortem.
    pub kind: NoteKind,
    /// What they said.
    pub text: String,
}

impl Incident {
    pub(super) fn new(id: IncidentId, title: String, clue: Clue, held: Option<Held>, at: Timestamp) -> Self {
        Self {
            id,
            title,
            severity: clue.severity,
            state: State::Open,
            onset: clue.since,
            detected: at,
            last_evidence: clue.since,
            evidence: BTreeMap::from([(clue.key.clone(), Evidence { clue, cleared: None })]),
            held,
            silenced: None,
            acked: None,
            finding: None,
            diagnosed: None,
            notes: Vec::new(),
            mitigated: None,
            resolved: None,
            alerts: Vec::new(),
            told_at: None,
            opening_at: None,
            escalated: BTreeSet::new(),
        }
    }

    /// Its number.
    pub fn id(&self) -> IncidentId {
        self.id
    }

    /// What happened, in one line.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether it is not over.
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// The first sign of it.
    pub fn onset(&self) -> Timestamp {
        self.onset
    }

    /// When it was opened.
    pub fn detected(&self) -> Timestamp {
        self.detected
    }

    /// Everything it rests on, by key.
    pub fn evidence(&self) -> impl Iterator<Item = &Evidence> {
        self.evidence.values()
    }

    /// What it rests on now.
    pub fn standing(&self) -> impl Iterator<Item = &Clue> {
        self.evidence.values().filter(|it| it.cleared.is_none()).map(|it| &it.clue)
    }

    /// Why nobody is alerted of it.
    pub fn held(&self) -> Option<&Held> {
        self.held.as_ref()
    }

    /// Until when nobody wants to hear of it.
    pub fn silenced(&self) -> Option<Timestamp> {
        self.silenced
    }

    /// Who takes care of it, and since when.
    pub fn acked(&self) -> Option<&(Timestamp, Actor)> {
        self.acked.as_ref()
    }

    /// What came of looking for its cause.
    pub fn finding(&self) -> Option<&Finding> {
        self.finding.as_ref()
    }

    /// What was said about it.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Since when nothing of its evidence stands.
    pub fn mitigated(&self) -> Option<Timestamp> {
        self.mitigated
    }

    /// When it was over, and who says so.
    pub fn resolved(&self) -> Option<&(Timestamp, By)> {
        self.resolved.as_ref()
    }

    /// Its alerts, the oldest first.
    pub fn alerts(&self) -> &[AlertId] {
        &self.alerts
    }

    /// The hosts that it is about, each once.
    pub fn hosts(&self) -> impl Iterator<Item = &HostId> {
        let hosts: BTreeSet<&HostId> =
            self.evidence.values().filter_map(|it| it.clue.host.as_ref()).collect();
        hosts.into_iter()
    }

    /// Whether a new piece of evidence is part of it: the same host, upstream or probe, at the same time.
    pub(super) fn takes(&self, clue: &Clue, settings: &super::Settings) -> bool {
        let apart = |a: Timestamp, b: Timestamp| a.since(b).as_millis().max(b.since(a).as_millis());
        let same = |pick: fn(&Clue) -> Option<&str>| {
            pick(clue).is_some_and(|it| self.evidence.values().any(|has| pick(&has.clue) == Some(it)))
        };
        let together = apart(clue.since, self.onset) <= settings.merge_within.as_millis()
            || apart(clue.since, self.last_evidence) <= settings.merge_within.as_millis();
        let joins = clue.since <= self.last_evidence + settings.join_within
            && clue.since + settings.merge_within >= self.onset;
        (joins && same(|it| it.host.as_ref().map(HostId::as_str)))
            || (together
                && (same(|it| it.upstream.as_deref())
                    || same(|it| it.probe.as_ref().map(|it| it.0.as_str()))))
    }
}
