//! Who is told, and what.

use super::Step;
use crate::incident::outbox::first_channels;
use crate::incident::{Incident, said};
use crate::journal::{self, AlertKind, AlertStep};
use crate::{HostId, IncidentId, What};

/// Most lines of an alert.
const LINES_MAX: usize = 12;

impl Step<'_> {
    /// Tells of an incident that begins, or is worse, or is still there: unless it is held back or silenced.
    pub(super) fn tell(&mut self, id: IncidentId, kind: AlertKind) {
        let Some(incident) = self.state.incident(id) else { return };
        let quiet = incident.held.is_some() || incident.silenced.is_some_and(|until| self.now < until);
        if quiet {
            return;
        }
        let hosts: Vec<&HostId> = incident.hosts().collect();
        let channels = first_channels(self.settings, incident.severity, &hosts);
        // Whoever never heard of its opening is told of that.
        let kind = if incident.opening_at.is_none() { AlertKind::Opened } else { kind };
        self.alert(id, kind, channels);
    }

    /// Tells those who heard of an incident what became of it. Never held back: who was called may go home.
    pub(super) fn tell_more(&mut self, id: IncidentId, kind: AlertKind) {
        let Some(incident) = self.state.incident(id) else { return };
        let outbox = &self.state.outbox;
        let alerts = incident.alerts.iter().filter_map(|alert| outbox.alert(*alert));
        let mut channels: Vec<String> = alerts.flat_map(|alert| alert.parcels.keys().cloned()).collect();
        channels.sort_unstable();
        channels.dedup();
        channels.retain(|name| self.settings.channel(name).is_some());
        self.alert(id, kind, channels);
    }

    pub(super) fn alert(&mut self, id: IncidentId, kind: AlertKind, channels: Vec<String>) {
        self.divert_earlier(id, &channels);
        let Some(incident) = self.state.incident(id).filter(|_| !channels.is_empty()) else { return };
        let step = AlertStep::Created {
            incident: id,
            kind,
            severity: incident.severity,
            title: title(incident, kind),
            lines: self.lines(incident, kind),
            channels,
        };
        let alert = self.state.next_alert();
        self.record(What::Alert(journal::Alert { alert, step }));
    }

    fn lines(&self, incident: &Incident, kind: AlertKind) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(finding) = &incident.finding {
            let word = if finding.confident { "cause" } else { "looked into" };
            lines.push(format!("{word}: {}", finding.says));
            if let Some(cause) = finding.causes.first().filter(|_| finding.confident) {
                lines.push(format!("first check: {}", cause.check));
                lines.push(format!("fix: {}", cause.fix));
            }
        }
        if let Some((_, who)) = &incident.acked {
            lines.push(format!("taken care of by {who}"));
        }
        if kind == AlertKind::Resolved {
            if let Some(mitigated) = incident.mitigated {
                lines.push(format!("users were affected for {}", mitigated.since(incident.onset)));
            }
            return lines;
        }
        for clue in incident.standing() {
            lines.push(clue.says.clone());
            lines.extend(clue.details.iter().map(|detail| format!("  {detail}")));
        }
        let more = lines.len().saturating_sub(LINES_MAX);
        if more > 0 {
            lines.truncate(LINES_MAX);
            lines.push(format!("and {more} lines more: evenkeel incident show {}", incident.id));
        }
        lines
    }
}

fn title(incident: &Incident, kind: AlertKind) -> String {
    let Incident { id, title, .. } = incident;
    match kind {
        AlertKind::Opened => format!("{id} {title}"),
        kind => format!("{id} {}: {title}", said::kind_said(kind)),
    }
}
