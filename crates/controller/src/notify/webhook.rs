//! Any program that takes a POST: the alert as a document, signed when there is a key.
//!
//! The signature is `X-Evenkeel-Signature: sha256=…`: HMAC-SHA256 of the body with the key, in hexadecimal digits. The body holds
//! `created` and `key`, so that an old one that is sent again by somebody else is known as such.

use evenkeel_fleet::incident::Delivery;
use ring::hmac;
use serde::Deserialize;

use super::http::{Client, Url};
use super::{Came, Notifier, Secret, Sending, alert_key, document};

/// What the settings say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Settings {
    /// Where to.
    url: Secret,
    /// What signs it.
    key: Option<Secret>,
}

#[derive(Debug)]
struct Webhook {
    settings: Settings,
    installation: String,
}

pub(super) fn build(settings: Settings, installation: &str) -> Result<impl Notifier + use<>, String> {
    Ok(Webhook { settings, installation: installation.to_owned() })
}

impl Notifier for Webhook {
    fn send(&self, delivery: &Delivery) -> Sending {
        let body = document(&self.installation, delivery).to_string().into_bytes();
        let mut headers = vec![("idempotency-key", alert_key(&self.installation, delivery))];
        let (url, key) = (self.settings.url.clone(), self.settings.key.clone());
        Box::pin(async move {
            let url = match url.read().and_then(|text| Url::parse(&text)) {
                Ok(url) => url,
                Err(why) => return Came::failed(why, false),
            };
            if let Some(key) = key {
                match key.read() {
                    Ok(key) => headers.push(("x-evenkeel-signature", signature(&key, &body))),
                    Err(why) => return Came::failed(why, false),
                }
            }
            Client::default().post(&url, &headers, body).await
        })
    }

    fn lacks(&self) -> Option<String> {
        super::lacks([&self.settings.url], &self.settings.key)
    }
}

fn signature(key: &str, body: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), body);
    let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={digits}")
}

#[cfg(test)]
mod tests {
    /// The second test case of RFC 4231.
    #[test]
    fn signature_is_what_everybody_else_computes() {
        let signed = super::signature("Jefe", b"what do ya want for nothing?");
        assert_eq!(signed, "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
