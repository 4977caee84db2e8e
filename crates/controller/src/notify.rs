//! The ways to whoever is on call: one file each, registered in [`notifiers!`]. A way knows how to say an alert in the words of
//! the other side; when, in which order and how often is not its business.
//!
//! Secrets are read at each sending, from a file or the environment, and stand in no log, journal or error.

pub(crate) mod http;
mod secret;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use evenkeel_fleet::incident::Delivery;
use evenkeel_fleet::journal::AlertKind;
use evenkeel_fleet::{Span, Timestamp};
use serde_json::{Value, json};

pub use secret::Secret;

use crate::when;

/// What came of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// The other side has it.
    Accepted {
        /// What it said.
        receipt: String,
    },
    /// The other side does not have it yet.
    Failed {
        /// Why, without secrets.
        why: String,
        /// Whether it may have it all the same.
        perhaps: bool,
        /// How long it wants to be left alone.
        retry_after: Option<Span>,
    },
    /// The other side will never take it as it is.
    Unwanted {
        /// Why, without secrets.
        why: String,
    },
}

impl Came {
    /// Its name in metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Failed { .. } => "failed",
            Self::Unwanted { .. } => "unwanted",
        }
    }

    pub(crate) fn failed(why: impl Into<String>, perhaps: bool) -> Came {
        Came::Failed { why: why.into(), perhaps, retry_after: None }
    }
}

/// Something that changed on a host: it may explain an incident, and calls nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// Where.
    pub host: String,
    /// What, in one line.
    pub summary: String,
}

/// An attempt under way.
pub type Sending = Pin<Box<dyn Future<Output = Came> + Send>>;

/// One way to whoever is on call.
pub trait Notifier: fmt::Debug + Send {
    /// Begins to say an alert there. Dropping the attempt ends it.
    fn send(&self, delivery: &Delivery) -> Sending;

    /// Begins to tell of a change, where the other side shows changes.
    fn change(&self, _change: &Change) -> Option<Sending> {
        None
    }

    /// What it would miss if it had to send now: a secret that cannot be read, an address that is none, a program that is not
    /// there. Nothing is sent.
    fn lacks(&self) -> Option<String>;

    /// Whether the other side forgets what is not said again.
    fn forgets(&self) -> bool {
        false
    }
}

/// Registers the ways: a module with `Settings` that can be read and a `build` that makes a [`Notifier`] of them.
macro_rules! notifiers {
    ($($module:ident),* $(,)?) => {
        $(mod $module;)*

        /// The names of the ways, as the settings write them.
        pub const KINDS: &[&str] = &[$(stringify!($module)),*];

        /// Makes the way of that name from its settings. `installation` tells these alerts from those of another one.
        ///
        /// # Errors
        /// A sentence that says what the settings lack.
        pub fn build(kind: &str, settings: Value, installation: &str) -> Result<Box<dyn Notifier>, String> {
            match kind {
                $(stringify!($module) => {
                    let settings: $module::Settings = serde_json::from_value(settings).map_err(|error| error.to_string())?;
                    Ok(Box::new($module::build(settings, installation)?))
                })*
                other => Err(format!("\"{other}\" is no kind of alert; there are {}", KINDS.join(", "))),
            }
        }
    };
}

notifiers! { alertmanager, command, datadog, email, pagerduty, slack, webhook }

/// What is wrong with an address that a secret holds.
#[must_use]
pub fn lacks_url(url: &Secret) -> Option<String> {
    url.read().and_then(|text| http::Url::parse(&text)).err()
}

/// The first of several things that is lacking: addresses, and other secrets.
fn lacks<'a>(
    urls: impl IntoIterator<Item = &'a Secret>,
    secrets: impl IntoIterator<Item = &'a Secret>,
) -> Option<String> {
    let url = urls.into_iter().find_map(lacks_url);
    url.or_else(|| secrets.into_iter().find_map(|secret| secret.read().err()))
}

/// What tells an incident from every other one of every installation: the other side merges what has the same.
fn key(installation: &str, delivery: &Delivery) -> String {
    let key = format!("evenkeel/{installation}/{}", delivery.incident);
    // PagerDuty takes 255 characters.
    key.chars().take(255).collect()
}

/// What tells an alert from every other one: what has the same is the same alert once more.
fn alert_key(installation: &str, delivery: &Delivery) -> String {
    format!("evenkeel/{installation}/{}/{}", delivery.incident, delivery.alert)
}

/// An alert as a document, for whoever reads JSON.
fn document(installation: &str, delivery: &Delivery) -> Value {
    json!({
        "key": alert_key(installation, delivery),
        "installation": installation,
        "incident": delivery.incident.to_string(),
        "alert": delivery.alert.to_string(),
        "kind": kind_name(delivery.kind),
        "severity": delivery.severity.name(),
        "title": delivery.title,
        "lines": delivery.lines,
        "hosts": delivery.hosts,
        "onset": when::rfc3339(delivery.onset),
        "created": when::rfc3339(delivery.created),
        "attempt": delivery.attempt,
        "repeat": delivery.repeat,
    })
}

/// The title as people read it: an alert that may have come before says so.
fn headline(delivery: &Delivery) -> String {
    let again = if delivery.repeat { " (again: it may have come before)" } else { "" };
    format!("[{}] {}{again}", delivery.severity.name(), delivery.title)
}

/// The name of what an alert tells, as documents write it.
fn kind_name(kind: AlertKind) -> &'static str {
    match kind {
        AlertKind::Opened => "opened",
        AlertKind::Worse => "worse",
        AlertKind::Diagnosed => "diagnosed",
        AlertKind::Escalated => "escalated",
        AlertKind::Reminder => "reminder",
        AlertKind::Acked => "acked",
        AlertKind::Resolved => "resolved",
    }
}
