//! `[[alert]]`: the ways to whoever is on call. What they have in common is read here, the rest by the way itself.

use std::collections::BTreeMap;

use evenkeel_controller::notify::{self, Notifier};
use evenkeel_fleet::incident::Channel;
use evenkeel_fleet::journal::Severity;
use evenkeel_fleet::{HostId, Span};
use serde::Deserialize;

use super::Place;

/// A fallback later than this is none.
const FALLBACK_AFTER_MAX: Span = Span::from_secs(60);

/// One `[[alert]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Alert {
    name: String,
    kind: String,
    severity: Option<Severity>,
    #[serde(default)]
    hosts: Vec<String>,
    /// Only in place of another one, or when nobody takes care.
    #[serde(default)]
    reserve: bool,
    fallback: Option<String>,
    fallback_after: Option<String>,
    fallback_failures: Option<u32>,
    escalate_after: Option<String>,
    give_up_after: Option<String>,
    /// What the kind wants to know.
    #[serde(flatten)]
    theirs: toml::Table,
}

impl Alert {
    fn bad(&self, place: &Place, why: &str) -> anyhow::Error {
        place.near(&self.name, &format!("alert \"{}\": {why}", self.name))
    }
}

pub(super) fn channels(place: &Place, alerts: &[Alert]) -> anyhow::Result<Vec<Channel>> {
    let mut channels: Vec<Channel> = Vec::new();
    for it in alerts {
        let default = Channel::new(&it.name);
        if it.name.is_empty() || channels.iter().any(|other| other.name == it.name) {
            return Err(it.bad(place, "it needs a name of its own"));
        }
        let fallback_after = place.span(it.fallback_after.as_deref())?.unwrap_or(default.fallback_after);
        if fallback_after > FALLBACK_AFTER_MAX {
            return Err(it.bad(place, &format!("fallback-after is more than {FALLBACK_AFTER_MAX}")));
        }
        if let Some(fallback) = &it.fallback
            && (*fallback == it.name || !alerts.iter().any(|other| other.name == *fallback))
        {
            return Err(it.bad(place, &format!("there is no other alert \"{fallback}\" to fall back on")));
        }
        channels.push(Channel {
            severity: it.severity.unwrap_or(default.severity),
            hosts: it.hosts.iter().map(|host| HostId::new(host)).collect::<Result<_, _>>()?,
            reserve: it.reserve,
            fallback: it.fallback.clone(),
            fallback_after,
            fallback_failures: it.fallback_failures.unwrap_or(default.fallback_failures),
            escalate_after: place.span(it.escalate_after.as_deref())?,
            give_up_after: place.span(it.give_up_after.as_deref())?.unwrap_or(default.give_up_after),
            ..default
        });
    }
    Ok(channels)
}

pub(super) fn notifiers(
    place: &Place,
    alerts: &[Alert],
    installation: &str,
) -> anyhow::Result<BTreeMap<String, Box<dyn Notifier>>> {
    let mut notifiers = BTreeMap::new();
    for it in alerts {
        let theirs = serde_json::to_value(&it.theirs)?;
        let notifier = notify::build(&it.kind, theirs, installation).map_err(|why| it.bad(place, &why))?;
        notifiers.insert(it.name.clone(), notifier);
    }
    Ok(notifiers)
}
