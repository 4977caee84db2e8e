//! Prometheus' Alertmanager, by its API v2. It forgets what is not said again: what stands is repeated every minute, and its end for
//! five minutes.
//!
//! Source: <https://prometheus.io/docs/alerting/latest/alerts_api/>

use evenkeel_fleet::Span;
use evenkeel_fleet::incident::Delivery;
use evenkeel_fleet::journal::AlertKind;
use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Client, Url};
use super::{Came, Notifier, Secret, Sending};
use crate::when;

/// For how long it stands there without another word.
const STANDS_FOR: Span = Span::from_secs(300);

/// What the settings say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Settings {
    /// Its address, such as `http://alertmanager:9093`.
    url: Secret,
    /// More labels, by which it routes.
    #[serde(default)]
    labels: std::collections::BTreeMap<String, String>,
}

#[derive(Debug)]
struct Alertmanager {
    settings: Settings,
    installation: String,
}

pub(super) fn build(settings: Settings, installation: &str) -> Result<impl Notifier + use<>, String> {
    Ok(Alertmanager { settings, installation: installation.to_owned() })
}

impl Notifier for Alertmanager {
    fn send(&self, delivery: &Delivery) -> Sending {
        let now = crate::local::now();
        let alert = alert(&self.installation, &self.settings, delivery, now);
        let url = self.settings.url.clone();
        Box::pin(async move {
            match url.read().and_then(|text| Url::parse(&text)?.join("/api/v2/alerts")) {
                Ok(url) => Client::default().post(&url, &[], json!([alert]).to_string().into_bytes()).await,
                Err(why) => Came::failed(why, false),
            }
        })
    }

    fn lacks(&self) -> Option<String> {
        super::lacks([&self.settings.url], [])
    }

    fn forgets(&self) -> bool {
        true
    }
}

/// Labels tell an alert from another one and stay the same; everything else is an annotation.
fn alert(installation: &str, settings: &Settings, delivery: &Delivery, now: evenkeel_fleet::Timestamp) -> Value {
    let mut labels = settings.labels.clone();
    labels.insert("alertname".to_owned(), "EvenkeelIncident".to_owned());
    labels.insert("incident".to_owned(), delivery.incident.to_string());
    labels.insert("installation".to_owned(), installation.to_owned());
    labels.entry("severity".to_owned()).or_insert_with(|| delivery.severity.name().to_owned());
    if let Some(host) = delivery.hosts.first() {
        labels.insert("host".to_owned(), host.clone());
    }
    let ends = if delivery.kind == AlertKind::Resolved { now } else { now + STANDS_FOR };
    json!({
        "labels": labels,
        "annotations": {
            "summary": delivery.title,
            "description": delivery.lines.join("\n"),
            "alert": delivery.alert.to_string(),
            "repeat": delivery.repeat.to_string(),
        },
        "startsAt": when::rfc3339(delivery.onset),
        "endsAt": when::rfc3339(ends),
    })
}
