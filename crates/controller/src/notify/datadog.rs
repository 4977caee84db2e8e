//! Datadog, as events: one for each alert, tied together by the incident.
//!
//! Source: <https://docs.datadoghq.com/api/latest/events/#post-an-event>

use evenkeel_fleet::incident::Delivery;
use evenkeel_fleet::journal::{AlertKind, Severity};
use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Client, Url};
use super::{Came, Notifier, Secret, Sending, headline, key, kind_name};

/// Where events go when nobody says otherwise.
const EVENTS: &str = "https://api.datadoghq.com/api/v1/events";

/// What the settings say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Settings {
    /// The API key.
    api_key: Secret,
    /// Another place for events, such as that of another site of theirs.
    url: Option<Secret>,
    /// More tags.
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Debug)]
struct Datadog {
    settings: Settings,
    installation: String,
}

pub(super) fn build(settings: Settings, installation: &str) -> Result<impl Notifier + use<>, String> {
    Ok(Datadog { settings, installation: installation.to_owned() })
}

impl Notifier for Datadog {
    fn send(&self, delivery: &Delivery) -> Sending {
        let body = event(&self.installation, &self.settings.tags, delivery).to_string().into_bytes();
        let url = self.settings.url.clone().unwrap_or_else(|| Secret::Plain(EVENTS.to_owned()));
        let api_key = self.settings.api_key.clone();
        Box::pin(async move {
            let read = || Ok::<_, String>((Url::parse(&url.read()?)?, api_key.read()?));
            match read() {
                Ok((url, api_key)) => Client::default().post(&url, &[("dd-api-key", api_key)], body).await,
                Err(why) => Came::failed(why, false),
            }
        })
    }

    fn lacks(&self) -> Option<String> {
        super::lacks(&self.settings.url, [&self.settings.api_key])
    }
}

fn event(installation: &str, tags: &[String], delivery: &Delivery) -> Value {
    let alert_type = match (delivery.kind, delivery.severity) {
        (AlertKind::Resolved, _) => "success",
        (_, Severity::Critical) => "error",
        (_, Severity::Warning) => "warning",
        (_, Severity::Note) => "info",
    };
    let ours = [
        "source:evenkeel".to_owned(),
        format!("incident:{}", delivery.incident),
        format!("alert:{}", delivery.alert),
        format!("kind:{}", kind_name(delivery.kind)),
        format!("repeat:{}", delivery.repeat),
    ];
    let hosts = delivery.hosts.iter().map(|host| format!("host:{host}"));
    let tags: Vec<String> = ours.into_iter().chain(hosts).chain(tags.iter().cloned()).collect();
    json!({
        "title": headline(delivery),
        "text": delivery.lines.join("\n"),
        "alert_type": alert_type,
        "aggregation_key": key(installation, delivery).chars().take(100).collect::<String>(),
        "date_happened": delivery.created.as_millis() / 1000,
        "tags": tags,
    })
}
