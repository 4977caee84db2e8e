//! Slack, and what takes the same: an incoming webhook.
//!
//! Source: <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>

use evenkeel_fleet::incident::Delivery;
use evenkeel_fleet::journal::{AlertKind, Severity};
use serde::Deserialize;
use serde_json::{Value, json};

use super::http::{Client, Url};
use super::{Came, Notifier, Secret, Sending, headline};

/// What the settings say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Settings {
    /// The address of the webhook, which is a secret.
    url: Secret,
}

#[derive(Debug)]
struct Slack {
    url: Secret,
    installation: String,
}

pub(super) fn build(settings: Settings, installation: &str) -> Result<impl Notifier + use<>, String> {
    Ok(Slack { url: settings.url, installation: installation.to_owned() })
}

impl Notifier for Slack {
    fn send(&self, delivery: &Delivery) -> Sending {
        let body = message(&self.installation, delivery).to_string().into_bytes();
        let url = self.url.clone();
        Box::pin(async move {
            match url.read().and_then(|text| Url::parse(&text)) {
                Ok(url) => Client::default().post(&url, &[], body).await,
                Err(why) => Came::failed(why, false),
            }
        })
    }

    fn lacks(&self) -> Option<String> {
        super::lacks([&self.url], [])
    }
}

fn message(installation: &str, delivery: &Delivery) -> Value {
    let colour = match (delivery.kind, delivery.severity) {
        (AlertKind::Resolved, _) => "#2e7d32",
        (_, Severity::Critical) => "#c62828",
        (_, Severity::Warning) => "#ef6c00",
        (_, Severity::Note) => "#546e7a",
    };
    let footer = format!("evenkeel on {installation}, {}", delivery.alert);
    let lines = delivery.lines.iter().map(|line| escape(line)).collect::<Vec<_>>().join("\n");
    let title = escape(&headline(delivery));
    json!({ "text": title, "attachments": [{ "color": colour, "text": lines, "footer": escape(&footer) }] })
}

/// The three characters that mean something there.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
