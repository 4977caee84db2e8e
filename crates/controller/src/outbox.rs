//! Brings alerts to their channels: one at a time through each, so that one that hangs keeps nobody else waiting.
//!
//! What is to be sent, in which order and when again is decided in [`evenkeel_fleet::incident::Outbox`]; that an attempt begins
//! is in the journal before it does.

mod changes;
mod heartbeat;
mod standing;

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_fleet::incident::{Delivery, Input};
use evenkeel_fleet::{AlertId, Event, Timestamp};
use tokio::task::JoinSet;

pub use heartbeat::{Beat, Heartbeat};

use crate::ledger::Ledger;
use crate::notify::{Came, Notifier};

/// How long one attempt may take.
pub const SEND_WITHIN: Duration = Duration::from_secs(10);

/// The channels, and what is on its way through them.
#[derive(Debug)]
pub struct Courier {
    channels: BTreeMap<String, Box<dyn Notifier>>,
    /// Which channels are busy.
    busy: BTreeMap<String, AlertId>,
    flying: JoinSet<Landed>,
    standing: standing::Standing,
    limit: Duration,
    counts: BTreeMap<(String, &'static str), u64>,
}

/// What came of one attempt.
#[derive(Debug)]
pub struct Landed {
    /// The alert.
    pub alert: AlertId,
    /// The channel.
    pub channel: String,
    /// What came of it.
    pub came: Came,
}

impl Courier {
    /// These channels, with nothing on its way. Each attempt is given up after `limit`.
    #[must_use]
    pub fn new(channels: BTreeMap<String, Box<dyn Notifier>>, limit: Duration) -> Courier {
        let standing = standing::Standing::default();
        Courier {
            channels,
            busy: BTreeMap::new(),
            flying: JoinSet::new(),
            standing,
            limit,
            counts: BTreeMap::new(),
        }
    }

    /// Sends what is due, through each channel that is not busy; attempts run beside the caller. Gives what was written down.
    pub async fn dispatch(&mut self, ledger: &mut Ledger, now: Timestamp) -> Vec<Event> {
        let mut events = Vec::new();
        let idle: Vec<String> =
            self.channels.keys().filter(|name| !self.busy.contains_key(*name)).cloned().collect();
        for channel in idle {
            let Some(alert) = ledger.state().outbox().next(&channel, now) else { continue };
            let told = ledger.tell_or_keep(now, Input::Send { alert, channel }).await;
            events.extend(told.events);
            for delivery in told.deliveries {
                self.send(delivery);
            }
        }
        for delivery in self.standing.due(ledger.state(), &self.channels, now) {
            if !self.busy.contains_key(&delivery.channel) {
                self.repeat(&delivery);
            }
        }
        events
    }

    fn send(&mut self, delivery: Delivery) {
        let Some(notifier) = self.channels.get(&delivery.channel) else { return };
        let (limit, alert, channel) = (self.limit, delivery.alert, delivery.channel.clone());
        let sending = notifier.send(&delivery);
        self.busy.insert(channel.clone(), alert);
        self.flying.spawn(async move {
            let came = tokio::time::timeout(limit, sending).await.unwrap_or_else(|_| Came::Failed {
                why: format!("no answer within {} s", limit.as_secs()),
                perhaps: true,
                retry_after: None,
            });
            Landed { alert, channel, came }
        });
    }

    /// Says once more what still stands, to a channel that forgets. Nothing hangs on it.
    fn repeat(&self, delivery: &Delivery) {
        if let Some(notifier) = self.channels.get(&delivery.channel) {
            let (limit, sending) = (self.limit, notifier.send(delivery));
            tokio::spawn(async move {
                let _said_again_later = tokio::time::timeout(limit, sending).await;
            });
        }
    }

    /// Waits for the next attempt to end. Waits for ever when nothing is on its way.
    pub async fn landed(&mut self) -> Landed {
        loop {
            match self.flying.join_next().await {
                Some(Ok(landed)) => {
                    self.busy.remove(&landed.channel);
                    return landed;
                }
                // An attempt that panicked is one that nobody knows of: the next start sends it again, marked.
                Some(Err(_)) => self.busy.clear(),
                None => std::future::pending().await,
            }
        }
    }

    /// Writes down what came of an attempt. Gives what was written down.
    pub async fn settle(&mut self, ledger: &mut Ledger, landed: Landed, now: Timestamp) -> Vec<Event> {
        let Landed { alert, channel, came } = landed;
        *self.counts.entry((channel.clone(), came.name())).or_default() += 1;
        let input = match came {
            Came::Accepted { receipt } => Input::Accepted { alert, channel, receipt },
            Came::Failed { why, perhaps, retry_after } => {
                Input::Failed { alert, channel, why, perhaps, retry_after }
            }
            Came::Unwanted { why } => Input::Unwanted { alert, channel, why },
        };
        ledger.tell_or_keep(now, input).await.events
    }

    /// Tells the channels that show changes of those among these events.
    pub fn changed(&self, events: &[Event]) {
        for change in events.iter().filter_map(changes::of) {
            for telling in self.channels.values().filter_map(|notifier| notifier.change(&change)) {
                let limit = self.limit;
                tokio::spawn(async move {
                    let _nothing_hangs_on_it = tokio::time::timeout(limit, telling).await;
                });
            }
        }
    }

    /// How many attempts are under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.busy.len()
    }

    /// Attempts by channel and result, since the start.
    pub fn counts(&self) -> impl Iterator<Item = (&str, &'static str, u64)> {
        self.counts.iter().map(|((channel, result), count)| (channel.as_str(), *result, *count))
    }
}
