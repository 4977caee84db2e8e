//! The slice of the journal that is about one incident.

use std::collections::BTreeSet;

use crate::journal::{
    AlertStep, Cause, Clue, Finding, Incident, IncidentStep, NoteKind, Replay, Seen, Transition,
};
use crate::watch::ProbeId;
use crate::{AlertId, Event, HostId, IncidentId, Sequence, Span, Timestamp, What};

/// So long before the onset a change may lie and still be told of.
const BEFORE: Span = Span::from_secs(3_600);
/// So long after the end something still belongs to it.
const AFTER: Span = Span::from_secs(120);

/// One incident, and every entry about it.
pub(super) struct Case<'e> {
    pub(super) events: &'e [Event],
    pub(super) id: IncidentId,
    /// It, and all that turned out to be part of it.
    ids: BTreeSet<IncidentId>,
    alerts: BTreeSet<AlertId>,
    /// What it is, in one line.
    pub(super) title: &'e str,
    /// All of its evidence, in order.
    pub(super) clues: Vec<(Sequence, &'e Clue)>,
    /// The first sign.
    pub(super) onset: Timestamp,
    /// The last entry of its own.
    pub(super) last: Timestamp,
}

impl<'e> Case<'e> {
    /// `None` when the journal holds no such incident, or when it is part of another one.
    pub(super) fn of(events: &'e [Event], id: IncidentId) -> Option<Self> {
        let ids = parts(events, id);
        let steps = |what: &'e What| match what {
            What::Incident(Incident { incident, step }) if ids.contains(incident) => Some((*incident, step)),
            _ => None,
        };
        let mut title = None;
        let mut clues = Vec::new();
        let mut last = None;
        for (entry, event) in (1..).map(Sequence).zip(events) {
            let Some((incident, step)) = steps(&event.what) else { continue };
            last = Some(event.at);
            match step {
                IncidentStep::Opened { title: told, clue, .. } => {
                    if incident == id {
                        title = Some(told.as_str());
                    }
                    clues.push((entry, clue));
                }
                IncidentStep::Evidence { clue } => clues.push((entry, clue)),
                IncidentStep::Merged { .. } if incident == id => return None,
                _ => {}
            }
        }
        let onset = clues.iter().map(|(_, clue)| clue.since).min()?;
        let alerts = events.iter().filter_map(|event| match &event.what {
            What::Alert(alert) => match &alert.step {
                AlertStep::Created { incident, .. } if ids.contains(incident) => Some(alert.alert),
                _ => None,
            },
            _ => None,
        });
        let alerts = alerts.collect();
        Some(Self { events, id, alerts, title: title?, clues, onset, last: last?, ids })
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (Sequence, &'e Event)> {
        (1..).map(Sequence).zip(self.events)
    }

    /// The steps of the incident and of its parts.
    pub(super) fn steps(&self) -> impl Iterator<Item = (Sequence, Timestamp, &'e IncidentStep)> {
        self.entries().filter_map(|(entry, event)| match &event.what {
            What::Incident(it) if self.ids.contains(&it.incident) => Some((entry, event.at, &it.step)),
            _ => None,
        })
    }

    /// The steps of its alerts.
    pub(super) fn alerts(&self) -> impl Iterator<Item = (Sequence, Timestamp, AlertId, &'e AlertStep)> {
        self.entries().filter_map(|(entry, event)| match &event.what {
            What::Alert(it) if self.alerts.contains(&it.alert) => Some((entry, event.at, it.alert, &it.step)),
            _ => None,
        })
    }

    /// When it was over.
    pub(super) fn over(&self) -> Option<Timestamp> {
        self.steps()
            .filter(|(_, _, step)| matches!(step, IncidentStep::Resolved { .. }))
            .map(|(_, at, _)| at)
            .last()
    }

    /// What was looked for as its cause, in order.
    pub(super) fn findings(&self) -> impl Iterator<Item = (Sequence, Timestamp, &'e Finding)> {
        self.steps().filter_map(|(entry, at, step)| match step {
            IncidentStep::Diagnosed { finding } => Some((entry, at, finding)),
            _ => None,
        })
    }

    /// What was played once more, in order.
    pub(super) fn replays(&self) -> impl Iterator<Item = (Sequence, &'e Replay)> {
        self.steps().filter_map(|(entry, _, step)| match step {
            IncidentStep::Replayed { replay } => Some((entry, replay)),
            _ => None,
        })
    }

    /// The notes of one kind.
    pub(super) fn notes(&self, wanted: NoteKind) -> impl Iterator<Item = (Sequence, Timestamp, &'e str)> {
        self.steps().filter_map(move |(entry, at, step)| match step {
            IncidentStep::Noted { kind, text, .. } if *kind == wanted => Some((entry, at, text.as_str())),
            _ => None,
        })
    }

    /// The first cause of the last finding that is sure of it; else of the last one that names any. When it is being put right,
    /// a look finds less than before.
    pub(super) fn cause(&self) -> Option<(Sequence, &'e Finding, &'e Cause)> {
        let named = || {
            self.findings().filter_map(|(entry, _, finding)| Some((entry, finding, finding.causes.first()?)))
        };
        named().filter(|(_, finding, _)| finding.confident).last().or(named().last())
    }

    /// The hosts that its evidence is about.
    pub(super) fn hosts(&self) -> Vec<HostId> {
        let hosts: BTreeSet<HostId> = self.clues.iter().filter_map(|(_, clue)| clue.host.clone()).collect();
        hosts.into_iter().collect()
    }

    /// The probes that its evidence comes from.
    pub(super) fn probes(&self) -> Vec<ProbeId> {
        let probes: BTreeSet<ProbeId> =
            self.clues.iter().filter_map(|(_, clue)| clue.probe.clone()).collect();
        probes.into_iter().collect()
    }

    /// Whether a moment is near enough to be told of.
    pub(super) fn near(&self, at: Timestamp) -> bool {
        (self.onset - BEFORE..=self.last + AFTER).contains(&at)
    }

    /// Whether an entry belongs into the timeline. What is wrong at one host may be the doing of another one behind it, so a
    /// change on any host is told of.
    pub(super) fn tells(&self, event: &Event) -> bool {
        match &event.what {
            What::Incident(it) => self.ids.contains(&it.incident),
            What::Alert(it) => self.alerts.contains(&it.alert),
            What::Watch(Seen::Turned(it)) => self.turned(it),
            // Counts are drawn, not told.
            What::Watch(Seen::Answered(_)) => false,
            What::Saw { evidence, .. } => !evidence.holds && self.near(event.at),
            What::Answered { answers, .. } => self.near(event.at) && answers.iter().any(|it| it.wrong > 0),
            _ => self.near(event.at),
        }
    }

    /// A transition of one of its probes, near enough.
    pub(super) fn turned(&self, it: &Transition) -> bool {
        let ours = |clue: &Clue| clue.probe.as_ref() == Some(&it.probe);
        self.near(it.at) && self.clues.iter().any(|(_, clue)| ours(clue))
    }
}

/// The incident, and those that turned out to be part of it, of those parts too.
fn parts(events: &[Event], id: IncidentId) -> BTreeSet<IncidentId> {
    let mut ids = BTreeSet::from([id]);
    // A merge is told after both were opened, and an incident is merged once: from the end, one look is enough.
    for event in events.iter().rev() {
        if let What::Incident(Incident { incident, step: IncidentStep::Merged { into, .. } }) = &event.what
            && ids.contains(into)
        {
            ids.insert(*incident);
        }
    }
    ids
}
