//! What time alone decides.

use super::Step;
use crate::IncidentId;
use crate::incident::Incident;
use crate::journal::{AlertKind, By, IncidentStep};

impl Step<'_> {
    pub(super) fn tick(&mut self) {
        let open: Vec<IncidentId> = self.state.open().map(Incident::id).collect();
        for id in open {
            self.resolve_green(id);
            self.release(id);
            self.remind(id);
            self.escalate(id);
        }
        self.divert_slow();
    }

    /// What stayed green for long enough is over.
    fn resolve_green(&mut self, id: IncidentId) {
        self.mitigate(id);
        let Some(incident) = self.state.incident(id).filter(|it| it.is_open()) else { return };
        // Counted from when it was seen to be green at the earliest: a mitigation may be told late.
        let Some(at) = incident.mitigated else { return };
        let green = self.now.since(at);
        if at.has_passed(self.settings.resolve_after, self.now) {
            self.step(id, IncidentStep::Resolved { by: By::Policy, why: format!("green for {green}") });
            self.tell_more(id, AlertKind::Resolved);
        }
    }

    /// What was held back alerts once what held it back is over, if it still stands then.
    fn release(&mut self, id: IncidentId) {
        let Some(incident) = self.state.incident(id).filter(|it| it.is_open() && it.held.is_some()) else {
            return;
        };
        let held = self.state.held_by(incident, self.settings, self.now);
        if held == incident.held {
            return;
        }
        let over = held.is_none() && incident.mitigated.is_none();
        self.step(id, IncidentStep::Held { held });
        if over {
            self.tell(id, AlertKind::Opened);
        }
    }

    /// What is still there when a silence ends, or that nobody takes care of, is told of again.
    fn remind(&mut self, id: IncidentId) {
        let Some(incident) = self.state.incident(id).filter(|it| stands(it)) else { return };
        // Whoever takes care of it knows.
        if incident.acked.is_some() {
            return;
        }
        let unsilenced = incident.silenced.is_some_and(|until| until <= self.now);
        let again = self
            .settings
            .remind_every
            .zip(incident.told_at)
            .is_some_and(|(every, told)| told.has_passed(every, self.now));
        if unsilenced || again {
            self.tell(id, AlertKind::Reminder);
        }
    }

    fn escalate(&mut self, id: IncidentId) {
        let Some(incident) = self.state.incident(id).filter(|it| stands(it) && it.acked.is_none()) else {
            return;
        };
        let Some(told) = incident.opening_at else { return };
        if incident.silenced.is_some_and(|until| self.now < until) {
            return;
        }
        let hosts: Vec<_> = incident.hosts().collect();
        let late = self.settings.channels.iter().filter(|it| {
            let late = it.escalate_after.is_some_and(|after| told.has_passed(after, self.now));
            late && it.wants(incident.severity, &hosts) && !incident.escalated.contains(&it.name)
        });
        let channels: Vec<String> = late.map(|it| it.name.clone()).collect();
        self.alert(id, AlertKind::Escalated, channels);
    }
}

fn stands(incident: &Incident) -> bool {
    incident.is_open() && incident.held.is_none() && incident.mitigated.is_none()
}
