//! E-mail, by SMTP: over TLS from the first byte, after STARTTLS, or (to a relay on this machine) without.

use evenkeel_fleet::incident::Delivery;
use lettre::message::{Mailbox, Message, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use serde::Deserialize;

use super::{Came, Notifier, Secret, Sending, alert_key, headline};
use crate::when;

/// What the settings say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Settings {
    /// The relay.
    server: String,
    /// Its port, where it is not the usual one.
    port: Option<u16>,
    /// How the connection is kept from being read.
    #[serde(default)]
    tls: Tls,
    /// Who it is from.
    from: String,
    /// Who it is for.
    to: Vec<String>,
    /// Who logs in.
    user: Option<String>,
    /// With what.
    password: Option<Secret>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Tls {
    /// From the first byte; port 465.
    #[default]
    Wrapped,
    /// After the greeting; port 587. Without it nothing is sent.
    Starttls,
    /// Not at all; port 25. Only to a loopback address.
    None,
}

#[derive(Debug)]
struct Email {
    settings: Settings,
    from: Mailbox,
    to: Vec<Mailbox>,
    installation: String,
}

pub(super) fn build(settings: Settings, installation: &str) -> Result<impl Notifier + use<>, String> {
    let read = |text: &String| -> Result<Mailbox, String> {
        text.parse().map_err(|_| format!("\"{text}\" is no e-mail address"))
    };
    let from = read(&settings.from)?;
    let to = settings.to.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    if to.is_empty() {
        return Err("to is empty: nobody would get it".to_owned());
    }
    let local = settings.server == "localhost"
        || settings.server.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if settings.tls == Tls::None && !local {
        return Err(format!("tls = \"none\" is only for a relay on this machine, and {} is not", settings.server));
    }
    if settings.user.is_some() != settings.password.is_some() {
        return Err("user and password belong together".to_owned());
    }
    Ok(Email { settings, from, to, installation: installation.to_owned() })
}

impl Email {
    fn message(&self, delivery: &Delivery) -> Result<Message, String> {
        // The same alert has the same id, so that a mailbox can tell that it came twice.
        let id = alert_key(&self.installation, delivery).replace('/', ".");
        let mut message = Message::builder()
            .from(self.from.clone())
            .subject(headline(delivery))
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())));
        for to in &self.to {
            message = message.to(to.clone());
        }
        let mut text = format!("{}\n\n{}\n\n", headline(delivery), delivery.lines.join("\n"));
        text.push_str(&format!("hosts: {}\n", delivery.hosts.join(", ")));
        text.push_str(&format!("since: {}\n", when::shown(delivery.onset)));
        text.push_str(&format!("alert: {} of {} on {}\n", delivery.alert, delivery.incident, self.installation));
        message.singlepart(SinglePart::plain(text)).map_err(|error| error.to_string())
    }

    fn transport(&self) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
        let Settings { server, port, tls, user, password, .. } = &self.settings;
        let relay = match tls {
            Tls::Wrapped => AsyncSmtpTransport::<Tokio1Executor>::relay(server),
            Tls::Starttls => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(server),
            Tls::None => Ok(AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server)),
        };
        let mut relay = relay.map_err(|error| error.to_string())?;
        if let Some(port) = port {
            relay = relay.port(*port);
        }
        if let (Some(user), Some(password)) = (user, password) {
            relay = relay.credentials(Credentials::new(user.clone(), password.read()?));
        }
        Ok(relay.build())
    }
}

impl Notifier for Email {
    fn send(&self, delivery: &Delivery) -> Sending {
        let ready = self.message(delivery).and_then(|message| Ok((message, self.transport()?)));
        Box::pin(async move {
            let (message, transport) = match ready {
                Ok(ready) => ready,
                Err(why) => return Came::failed(why, false),
            };
            match transport.send(message).await {
                Ok(response) => Came::Accepted { receipt: response.code().to_string() },
                Err(error) if error.is_permanent() => Came::Unwanted { why: said(&error) },
                Err(error) => {
                    // A refusal with a code is known not to be taken; anything else may have been.
                    let perhaps = !(error.is_transient() || error.is_client() || error.is_tls());
                    Came::failed(said(&error), perhaps)
                }
            }
        })
    }

    fn lacks(&self) -> Option<String> {
        super::lacks([], &self.settings.password)
    }
}

fn said(error: &lettre::transport::smtp::Error) -> String {
    use std::error::Error as _;
    match error.source() {
        Some(source) => format!("{error}: {source}").chars().take(300).collect(),
        None => error.to_string(),
    }
}
