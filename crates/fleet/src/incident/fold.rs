//! One event more. The only place where the state changes; it never refuses and never panics.

use std::sync::Arc;

use super::outbox::{Alert, parcels};
use super::{Evidence, Incident, Incidents, Note, State, Window};
use crate::journal::{self, AlertKind, AlertStep, Clue, IncidentStep, Maintenance, MaintenanceStep};
use crate::{Event, IncidentId, Timestamp, What};

impl Incidents {
    /// Applies one event: what [`Incidents::step`] and [`Incidents::replay`] share. A caller uses it to follow a journal that
    /// others append to.
    pub fn apply(&mut self, event: &Event) {
        self.sequence = self.sequence.after(1);
        match &event.what {
            What::Incident(journal::Incident { incident, step }) => self.fold_step(event.at, *incident, step),
            What::Alert(journal::Alert { alert, step }) => {
                if let AlertStep::Created { incident, kind, severity, title, lines, channels } = step {
                    self.with(*incident, |it| it.told(event.at, *alert, *kind, channels));
                    self.outbox.create(Alert {
                        id: *alert,
                        incident: *incident,
                        kind: *kind,
                        severity: *severity,
                        title: title.clone(),
                        lines: lines.clone(),
                        created: event.at,
                        parcels: parcels(channels, event.at),
                    });
                }
                self.outbox.apply(event.at, *alert, step);
            }
            What::Maintenance(Maintenance { name, step, .. }) => match step {
                MaintenanceStep::Planned { hosts, from, until, why } => {
                    let window =
                        Window { hosts: hosts.clone(), from: *from, until: *until, why: why.clone() };
                    self.windows.insert(name.clone(), window);
                }
                MaintenanceStep::CalledOff => {
                    self.windows.remove(name);
                }
            },
            _ => {}
        }
    }

    fn with(&mut self, id: IncidentId, change: impl FnOnce(&mut Incident)) {
        if let Some(incident) = self.all.get_mut(&id) {
            change(Arc::make_mut(incident));
        }
    }

    fn fold_step(&mut self, at: Timestamp, id: IncidentId, step: &IncidentStep) {
        match step {
            IncidentStep::Opened { title, clue, held } => {
                let incident = Incident::new(id, title.clone(), clue.clone(), held.clone(), at);
                self.all.insert(id, Arc::new(incident));
                self.open.push(id);
            }
            IncidentStep::Merged { into, .. } => {
                let evidence: Vec<Evidence> =
                    self.incident(id).map(|it| it.evidence.values().cloned().collect()).unwrap_or_default();
                self.with(id, |it| it.state = State::Merged(*into));
                self.open.retain(|open| *open != id);
                self.with(*into, |it| evidence.into_iter().for_each(|evidence| it.absorb(evidence)));
            }
            IncidentStep::Resolved { by, .. } => {
                self.with(id, |it| {
                    it.state = State::Resolved;
                    it.resolved = Some((at, by.clone()));
                    it.mitigated.get_or_insert(at);
                });
                self.open.retain(|open| *open != id);
            }
            step => self.with(id, |it| it.fold(at, step)),
        }
    }
}

impl Incident {
    fn fold(&mut self, at: Timestamp, step: &IncidentStep) {
        match step {
            IncidentStep::Evidence { clue } => self.absorb(Evidence { clue: clue.clone(), cleared: None }),
            IncidentStep::Cleared { key, at, .. } => {
                if let Some(evidence) = self.evidence.get_mut(key) {
                    evidence.cleared.get_or_insert(*at);
                }
            }
            IncidentStep::Diagnosed { finding } => {
                if finding.confident {
                    self.diagnosed.get_or_insert(at);
                }
                // What was sure is not made unsure by a look at what is being put right.
                if finding.confident || !self.finding.as_ref().is_some_and(|known| known.confident) {
                    self.finding = Some(finding.clone());
                }
            }
            IncidentStep::Acked { who } => {
                self.acked.get_or_insert_with(|| (at, who.clone()));
            }
            IncidentStep::Noted { who, kind, text } => {
                if *kind == journal::NoteKind::Cause {
                    self.diagnosed.get_or_insert(at);
                }
                self.notes.push(Note { at, who: who.clone(), kind: *kind, text: text.clone() });
            }
            IncidentStep::Silenced { until, .. } => self.silenced = Some(*until),
            IncidentStep::Held { held } => self.held.clone_from(held),
            IncidentStep::Mitigated { at } => self.mitigated = Some(*at),
            IncidentStep::Opened { .. }
            | IncidentStep::Merged { .. }
            | IncidentStep::Replayed { .. }
            | IncidentStep::Tasked { .. }
            | IncidentStep::Resolved { .. } => {}
        }
    }

    /// Evidence, new or once more. What stands is never lost to what is gone.
    fn absorb(&mut self, evidence: Evidence) {
        let Clue { since, severity, .. } = evidence.clue;
        self.onset = self.onset.min(since);
        self.last_evidence = self.last_evidence.max(since);
        self.severity = self.severity.max(severity);
        if evidence.cleared.is_none() {
            self.mitigated = None;
        }
        match self.evidence.get_mut(&evidence.clue.key) {
            Some(has) if has.cleared.is_none() && evidence.cleared.is_some() => {}
            Some(has) => {
                let first = has.clue.since.min(since);
                *has = evidence;
                has.clue.since = first;
            }
            None => {
                self.evidence.insert(evidence.clue.key.clone(), evidence);
            }
        }
    }

    fn told(&mut self, at: Timestamp, alert: crate::AlertId, kind: AlertKind, channels: &[String]) {
        self.alerts.push(alert);
        match kind {
            AlertKind::Opened => {
                self.opening_at.get_or_insert(at);
                self.told_at = Some(at);
                self.silenced.take_if(|until| *until <= at);
            }
            AlertKind::Reminder => {
                self.told_at = Some(at);
                self.silenced = None;
            }
            AlertKind::Worse => self.told_at = Some(at),
            AlertKind::Escalated => self.escalated.extend(channels.iter().cloned()),
            AlertKind::Diagnosed | AlertKind::Acked | AlertKind::Resolved => {}
        }
    }
}
