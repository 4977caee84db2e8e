//! What an input means.

mod alert;
mod deliver;
mod tick;

use super::{Delivery, Incident, Incidents, Input, Refused, Settings, State};
use crate::journal::{self, AlertKind, By, Clue, Held, IncidentStep, Maintenance, MaintenanceStep};
use crate::{Actor, Event, IncidentId, Timestamp, What};

/// Longest line of an alert or a title, in characters; probes quote answers from outside.
const LINE_CHARS_MAX: usize = 500;

/// One step under way: what it records is applied at once.
pub(super) struct Step<'i> {
    state: &'i mut Incidents,
    settings: &'i Settings,
    now: Timestamp,
    events: Vec<Event>,
    deliveries: Vec<Delivery>,
}

impl<'i> Step<'i> {
    pub(super) fn new(state: &'i mut Incidents, settings: &'i Settings, now: Timestamp) -> Self {
        Self { state, settings, now, events: Vec::new(), deliveries: Vec::new() }
    }

    pub(super) fn done(self) -> (Vec<Event>, Vec<Delivery>) {
        (self.events, self.deliveries)
    }

    pub(super) fn take(&mut self, input: Input) -> Result<(), Refused> {
        match input {
            Input::Seen(seen) => self.record(What::Watch(seen)),
            Input::Drift(drift) => self.record(What::Drift(drift)),
            Input::Report(clue) => self.report(clue),
            Input::Clear { key, at, why } => self.clear(&key, at, &why),
            Input::Merge { incident, into, why } => {
                self.open(incident)?;
                self.open(into)?;
                if incident != into {
                    self.merge(incident, into, why);
                }
            }
            Input::Diagnosed { incident, finding } => {
                let before = self.known(incident)?.finding.clone();
                if before.as_ref() != Some(&finding) {
                    let tell = finding.confident && before.is_none_or(|it| it.says != finding.says);
                    self.step(incident, IncidentStep::Diagnosed { finding });
                    if tell {
                        self.tell_more(incident, AlertKind::Diagnosed);
                    }
                }
            }
            Input::Replayed { incident, replay } => {
                self.known(incident)?;
                self.step(incident, IncidentStep::Replayed { replay });
            }
            Input::Ack { incident, who } => {
                if self.open(incident)?.acked.is_none() {
                    self.step(incident, IncidentStep::Acked { who });
                    self.tell_more(incident, AlertKind::Acked);
                }
            }
            Input::Note { incident, who, kind, text } => {
                self.known(incident)?;
                self.step(incident, IncidentStep::Noted { who, kind, text });
            }
            Input::Task { incident, who, task, owner, due, closed_by } => {
                self.known(incident)?;
                self.step(incident, IncidentStep::Tasked { who, task, owner, due, closed_by });
            }
            Input::Silence { incident, who, why, until } => {
                self.open(incident)?;
                if until <= self.now {
                    return Err(Refused::Past);
                }
                self.step(incident, IncidentStep::Silenced { who, why, until });
            }
            Input::Resolve { incident, who, why, force } => self.resolve(incident, who, why, force)?,
            Input::Maintain(maintenance) => self.maintain(maintenance)?,
            Input::Send { alert, channel } => self.send(alert, &channel)?,
            Input::Accepted { alert, channel, receipt } => self.accepted(alert, channel, receipt)?,
            Input::Failed { alert, channel, why, perhaps, retry_after } => {
                self.failed(alert, channel, why, perhaps, retry_after)?;
            }
            Input::Unwanted { alert, channel, why } => self.unwanted(alert, &channel, &why)?,
            Input::Tick => self.tick(),
        }
        Ok(())
    }

    fn record(&mut self, what: What) {
        let event = Event { at: self.now, what };
        self.state.apply(&event);
        self.events.push(event);
    }

    fn step(&mut self, incident: IncidentId, step: IncidentStep) {
        self.record(What::Incident(journal::Incident { incident, step }));
    }

    fn known(&self, id: IncidentId) -> Result<&Incident, Refused> {
        self.state.incident(id).ok_or(Refused::NoSuchIncident(id))
    }

    fn open(&self, id: IncidentId) -> Result<&Incident, Refused> {
        let incident = self.known(id)?;
        match incident.state {
            State::Open => Ok(incident),
            State::Resolved => Err(Refused::Over(id)),
            State::Merged(into) => Err(Refused::Merged(id, into)),
        }
    }

    fn report(&mut self, mut clue: Clue) {
        cut(&mut clue.says);
        clue.details.iter_mut().for_each(cut);
        let has = self.state.open().find(|it| it.evidence.contains_key(&clue.key));
        if let Some(has) = has {
            let id = has.id;
            let known = &has.evidence[&clue.key];
            let news = known.cleared.is_some()
                || known.clue.class != clue.class
                || known.clue.says != clue.says
                || known.clue.severity != clue.severity;
            if news {
                self.more(id, clue);
            }
            return;
        }
        let takes = self.state.open().filter(|it| it.takes(&clue, self.settings));
        let takes: Vec<IncidentId> =
            takes.filter(|it| !self.would_hide(it, &clue)).map(Incident::id).collect();
        // One that somebody is to hear of is not made part of one that nobody hears of.
        let (loud, quiet): (Vec<_>, Vec<_>) = takes.into_iter().partition(|id| !self.is_quiet(*id));
        let (first, others) = match (loud.split_first(), quiet.split_first()) {
            (Some((first, others)), _) | (None, Some((first, others))) => (*first, others.to_vec()),
            (None, None) => return self.begin(clue),
        };
        let why = clue.says.clone();
        self.more(first, clue);
        for other in others {
            self.merge(other, first, format!("both have to do with this: {why}"));
        }
    }

    /// Whether an incident is one of which nobody would be told more: somebody takes care of it, wants to hear nothing, or works
    /// there on purpose.
    fn is_quiet(&self, id: IncidentId) -> bool {
        self.state.incident(id).is_some_and(|it| {
            it.acked.is_some()
                || it.silenced.is_some_and(|until| self.now < until)
                || matches!(it.held, Some(Held::Maintenance(_)))
        })
    }

    /// Whether evidence of another host would go unheard there, though nobody has said that they know of that host.
    fn would_hide(&self, it: &Incident, clue: &Clue) -> bool {
        let Some(host) = clue.host.as_ref().filter(|host| !it.hosts().any(|has| has == *host)) else {
            return false;
        };
        // Work on both hosts is one work.
        let is_covered = matches!(it.held, Some(Held::Maintenance(_)))
            && self.state.maintenance(Some(host), self.now).is_some();
        self.is_quiet(it.id) && !is_covered
    }

    fn begin(&mut self, clue: Clue) {
        let id = self.state.next_incident();
        let title = match (&clue.host, &clue.upstream) {
            (Some(host), _) => format!("{host}: {}", clue.says),
            (None, Some(upstream)) => format!("upstream {upstream}: {}", clue.says),
            (None, None) => clue.says.clone(),
        };
        let about = Incident::new(id, String::new(), clue.clone(), None, self.now);
        let held = self.state.held_by(&about, self.settings, self.now);
        self.step(id, IncidentStep::Opened { title, clue, held });
        self.tell(id, AlertKind::Opened);
    }

    fn more(&mut self, id: IncidentId, clue: Clue) {
        let before = self.state.incident(id).map(Incident::severity);
        self.step(id, IncidentStep::Evidence { clue });
        if self.state.incident(id).map(Incident::severity) > before {
            self.tell(id, AlertKind::Worse);
        }
    }

    fn clear(&mut self, key: &str, at: Timestamp, why: &str) {
        let stands = |it: &&Incident| it.standing().any(|clue| clue.key == key);
        let of: Vec<IncidentId> = self.state.open().filter(stands).map(Incident::id).collect();
        for id in of {
            self.step(id, IncidentStep::Cleared { key: key.to_owned(), at, why: why.to_owned() });
            self.mitigate(id);
        }
    }

    /// Nothing of an incident stands any more.
    fn mitigate(&mut self, id: IncidentId) {
        let Some(incident) = self.state.incident(id) else { return };
        if incident.mitigated.is_none() && incident.standing().next().is_none() {
            let at = incident.evidence().filter_map(|it| it.cleared).max().unwrap_or(self.now);
            self.step(id, IncidentStep::Mitigated { at });
        }
    }

    fn merge(&mut self, id: IncidentId, into: IncidentId, why: String) {
        let severity = self.state.incident(into).map(Incident::severity);
        self.step(id, IncidentStep::Merged { into, why });
        self.tell_more(id, AlertKind::Resolved);
        if self.state.incident(into).map(Incident::severity) > severity {
            self.tell(into, AlertKind::Worse);
        }
    }

    fn resolve(&mut self, id: IncidentId, who: Actor, why: String, force: bool) -> Result<(), Refused> {
        let incident = self.open(id)?;
        if let Some(clue) = incident.standing().next().filter(|_| !force) {
            return Err(Refused::StillFailing(id, clue.says.clone()));
        }
        self.step(id, IncidentStep::Resolved { by: By::Person(who), why });
        self.tell_more(id, AlertKind::Resolved);
        Ok(())
    }

    fn maintain(&mut self, maintenance: Maintenance) -> Result<(), Refused> {
        match &maintenance.step {
            MaintenanceStep::Planned { from, until, .. } if until <= from || *until <= self.now => {
                return Err(Refused::Past);
            }
            MaintenanceStep::CalledOff if !self.state.windows.contains_key(&maintenance.name) => {
                return Err(Refused::NoSuchMaintenance(maintenance.name));
            }
            _ => {}
        }
        self.record(What::Maintenance(maintenance));
        Ok(())
    }
}

/// Cuts a line that came from outside.
fn cut(line: &mut String) {
    if let Some((at, _)) = line.char_indices().nth(LINE_CHARS_MAX) {
        line.truncate(at);
        line.push('…');
    }
}
