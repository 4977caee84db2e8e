//! What becomes of an alert on its way.

use super::Step;
use crate::incident::{Delivery, Parcel, Refused};
use crate::journal::{self, AlertStep};
use crate::{AlertId, IncidentId, Span, What};

/// How long a channel that refuses an alert which nobody has is left alone.
const REFUSED_AGAIN: Span = Span::from_secs(30);

impl Step<'_> {
    fn alert_step(&mut self, alert: AlertId, step: AlertStep) {
        self.record(What::Alert(journal::Alert { alert, step }));
    }

    fn pending(&self, alert: AlertId, channel: &str) -> Result<&Parcel, Refused> {
        let parcel = self.state.outbox.parcel(alert, channel).filter(|parcel| parcel.pending());
        parcel.ok_or_else(|| Refused::Settled(alert, channel.to_owned()))
    }

    pub(super) fn send(&mut self, alert: AlertId, channel: &str) -> Result<(), Refused> {
        let parcel = self.pending(alert, channel)?;
        // Whoever sent it before may have died before it could write down how that went.
        let repeat = parcel.perhaps || parcel.state == crate::incident::ParcelState::Sending;
        let attempt = parcel.attempts.saturating_add(1);
        self.alert_step(alert, AlertStep::Sending { channel: channel.to_owned(), attempt, repeat });
        let Some(it) = self.state.outbox.alert(alert) else { return Ok(()) };
        let incident = self.state.incident(it.incident);
        self.deliveries.push(Delivery {
            alert,
            incident: it.incident,
            channel: channel.to_owned(),
            attempt,
            repeat,
            kind: it.kind,
            severity: it.severity,
            title: it.title.clone(),
            lines: it.lines.clone(),
            hosts: incident.map(|it| it.hosts().map(ToString::to_string).collect()).unwrap_or_default(),
            onset: incident.map_or(it.created, |it| it.onset),
            created: it.created,
        });
        Ok(())
    }

    pub(super) fn accepted(
        &mut self,
        alert: AlertId,
        channel: String,
        receipt: String,
    ) -> Result<(), Refused> {
        let attempt = self.pending(alert, &channel)?.attempts;
        self.alert_step(alert, AlertStep::Accepted { channel, attempt, receipt });
        Ok(())
    }

    pub(super) fn failed(
        &mut self,
        alert: AlertId,
        channel: String,
        why: String,
        perhaps: bool,
        retry_after: Option<Span>,
    ) -> Result<(), Refused> {
        let attempt = self.pending(alert, &channel)?.attempts;
        let retry_at = self.state.outbox.retry_at(&channel, self.now, retry_after);
        let step = AlertStep::Failed { channel, attempt, why, perhaps, retry_at };
        self.alert_step(alert, step);
        self.divert_slow();
        Ok(())
    }

    /// A channel refuses an alert for good, it says. It is believed once somebody else has it, or once more is to be said of the
    /// same incident: a key that was changed and a page that was moved refuse everything, and are put right.
    pub(super) fn unwanted(&mut self, alert: AlertId, channel: &str, why: &str) -> Result<(), Refused> {
        let parcel = self.pending(alert, channel)?;
        let (attempt, is_diverted) = (parcel.attempts, parcel.diverted);
        if !is_diverted {
            self.divert(alert, channel, &format!("does not take it: {why}"));
        }
        let (channel, why) = (channel.to_owned(), why.to_owned());
        let outbox = &self.state.outbox;
        let is_taken = outbox.alert(alert).is_some_and(|it| it.accepted_at().is_some());
        let of = outbox.alert(alert).map(|it| it.incident);
        let is_followed =
            outbox.waiting().any(|(it, name, _)| name == channel && it.id > alert && Some(it.incident) == of);
        if is_taken || is_followed {
            self.alert_step(alert, AlertStep::GivenUp { channel, why });
        } else {
            let retry_at = outbox.retry_at(&channel, self.now, Some(REFUSED_AGAIN));
            self.alert_step(alert, AlertStep::Failed { channel, attempt, why, perhaps: false, retry_at });
        }
        Ok(())
    }

    fn divert(&mut self, alert: AlertId, from: &str, why: &str) {
        let settings = self.settings;
        let Some(to) = settings.channel(from).and_then(|it| it.fallback.as_ref()) else { return };
        if settings.channel(to).is_none() {
            return;
        }
        let (from, to, why) = (from.to_owned(), to.clone(), why.to_owned());
        self.alert_step(alert, AlertStep::Diverted { from, to, why });
    }

    /// What still waits of an incident goes before what comes now, wherever it may yet go.
    pub(super) fn divert_earlier(&mut self, incident: IncidentId, channels: &[String]) {
        let fallback = |name| self.settings.channel(name).and_then(|it| it.fallback.as_ref());
        let waiting = self.state.outbox.waiting().filter(|(alert, name, _)| {
            alert.incident == incident
                && fallback(name).is_some_and(|to| channels.contains(to) && !alert.parcels.contains_key(to))
        });
        let earlier: Vec<_> = waiting.map(|(alert, name, _)| (alert.id, name.to_owned())).collect();
        for (alert, channel) in earlier {
            self.divert(alert, &channel, "has not accepted it, and more is to be told");
        }
    }

    /// What waits for too long, or fails too often, goes through another channel too; what waits for ever is given up.
    pub(super) fn divert_slow(&mut self) {
        let (mut slow, mut hopeless) = (Vec::new(), Vec::new());
        for (alert, name, parcel) in self.state.outbox.waiting() {
            match self.settings.channel(name) {
                None => {
                    hopeless.push((
                        alert.id,
                        name.to_owned(),
                        "the settings have no such channel".to_owned(),
                    ));
                }
                Some(channel) => {
                    let waits = self.now.since(parcel.since);
                    if waits >= channel.give_up_after {
                        hopeless.push((alert.id, name.to_owned(), format!("not accepted for {waits}")));
                    } else if channel.fallback.as_ref().is_some_and(|to| !alert.parcels.contains_key(to))
                        && self.state.outbox.too_slow(parcel, channel, self.now)
                    {
                        slow.push((alert.id, name.to_owned(), format!("has not accepted it for {waits}")));
                    }
                }
            }
        }
        for (alert, channel, why) in slow {
            self.divert(alert, &channel, &why);
        }
        for (alert, channel, why) in hopeless {
            self.alert_step(alert, AlertStep::GivenUp { channel, why });
        }
    }
}
