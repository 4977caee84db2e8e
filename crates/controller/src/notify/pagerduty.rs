//! PagerDuty, by its Events API v2: the incident is the key, so that what comes twice is one page there too.
//!
//! Source: <https://developer.pagerduty.com/docs/send-alert-event>

use evenkeel_fleet::incident::Delivery;
use evenkeel_fleet::journal::{AlertKind, Severity};
use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Client, Url};
use super::{Came, Change, Notifier, Secret, Sending, document, headline, key};
use crate::when;

/// Where events go when nobody says otherwise.
const EVENTS: &str = "https://events.pagerduty.com/v2/enqueue";
/// Where changes go when nobody says otherwise: <https://developer.pagerduty.com/docs/send-change-event>.
const CHANGES: &str = "https://events.pagerduty.com/v2/change/enqueue";
/// Longest summary, in characters.
const SUMMARY_CHARS_MAX: usize = 1024;

/// What the settings say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Settings {
    /// The integration key of the service.
    routing_key: Secret,
    /// Another place for events.
    url: Option<Secret>,
    /// Another place for changes.
    changes_url: Option<Secret>,
}

#[derive(Debug)]
struct PagerDuty {
    settings: Settings,
    installation: String,
}

pub(super) fn build(settings: Settings, installation: &str) -> Result<impl Notifier + use<>, String> {
    Ok(PagerDuty { settings, installation: installation.to_owned() })
}

impl Notifier for PagerDuty {
    fn send(&self, delivery: &Delivery) -> Sending {
        self.post(self.settings.url.clone(), EVENTS, event(&self.installation, delivery))
    }

    fn lacks(&self) -> Option<String> {
        super::lacks(
            self.settings.url.iter().chain(&self.settings.changes_url),
            [&self.settings.routing_key],
        )
    }

    fn change(&self, change: &Change) -> Option<Sending> {
        let summary: String = change.summary.chars().take(SUMMARY_CHARS_MAX).collect();
        let event = json!({
            "payload": { "summary": summary, "source": change.host, "timestamp": when::rfc3339(change.at) },
        });
        Some(self.post(self.settings.changes_url.clone(), CHANGES, event))
    }
}

impl PagerDuty {
    fn post(&self, url: Option<Secret>, usual: &str, mut event: Value) -> Sending {
        let url = url.unwrap_or_else(|| Secret::Plain(usual.to_owned()));
        let routing_key = self.settings.routing_key.clone();
        Box::pin(async move {
            let read = || Ok::<_, String>((Url::parse(&url.read()?)?, routing_key.read()?));
            match read() {
                Ok((url, routing_key)) => {
                    event["routing_key"] = Value::String(routing_key);
                    Client::default().post(&url, &[], event.to_string().into_bytes()).await
                }
                Err(why) => Came::failed(why, false),
            }
        })
    }
}

fn event(installation: &str, delivery: &Delivery) -> Value {
    let action = match delivery.kind {
        AlertKind::Resolved => "resolve",
        AlertKind::Acked => "acknowledge",
        _ => "trigger",
    };
    let severity = match delivery.severity {
        Severity::Critical => "critical",
        Severity::Warning => "warning",
        Severity::Note => "info",
    };
    let summary: String = headline(delivery).chars().take(SUMMARY_CHARS_MAX).collect();
    json!({
        "event_action": action,
        "dedup_key": key(installation, delivery),
        "client": "evenkeel",
        "payload": {
            "summary": summary,
            "source": delivery.hosts.first().map_or(installation, String::as_str),
            "severity": severity,
            "timestamp": when::rfc3339(delivery.onset),
            "custom_details": document(installation, delivery),
        },
    })
}
