//! `[[alert]]`: the ways to whoever is on call. What they have in common is read here, the rest by the way itself.

use std::collections::BTreeMap;

use evenkeel_controller::notify::{self, Notifier};
use evenkeel_fleet::incident::Channel;
use evenkeel_fleet::journal::Severity;
use evenkeel_fleet::{HostId, Span};
use serde::Deserialize;

use super::Addressed;
use super::place::{Place, Spot};

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
    fn bad(&self, table: Spot<'_>, key: &str, why: &str) -> anyhow::Error {
        table.bad(key, &format!("alert \"{}\": {why}", self.name))
    }
}

/// The alerts with the tables that they stand in.
fn tables<'a>(place: &'a Place, alerts: &'a [Alert]) -> impl Iterator<Item = (Spot<'a>, &'a Alert)> {
    alerts.iter().enumerate().map(|(nth, it)| (place.of("alert", nth), it))
}

pub(super) fn channels(place: &Place, alerts: &[Alert]) -> anyhow::Result<Vec<Channel>> {
    let mut channels: Vec<Channel> = Vec::new();
    for (table, it) in tables(place, alerts) {
        let default = Channel::new(&it.name);
        if it.name.is_empty() || channels.iter().any(|other| other.name == it.name) {
            return Err(it.bad(table, "name", "it needs a name of its own"));
        }
        let fallback_after =
            table.span("fallback-after", it.fallback_after.as_deref())?.unwrap_or(default.fallback_after);
        if fallback_after > FALLBACK_AFTER_MAX {
            let why = format!("fallback-after is more than {FALLBACK_AFTER_MAX}");
            return Err(it.bad(table, "fallback-after", &why));
        }
        if let Some(fallback) = &it.fallback
            && (*fallback == it.name || !alerts.iter().any(|other| other.name == *fallback))
        {
            let why = format!("there is no other alert \"{fallback}\" to fall back on");
            return Err(it.bad(table, "fallback", &why));
        }
        let is_fallback = alerts.iter().any(|other| other.fallback.as_ref() == Some(&it.name));
        if it.reserve && !is_fallback && it.escalate_after.is_none() {
            let why = "it is a reserve, the fallback of no other alert, and has no escalate-after: nobody would ever be told by it";
            return Err(it.bad(table, "reserve", why));
        }
        let host = |host: &String| {
            HostId::new(host).map_err(|error| it.bad(table, "hosts", &format!("failed to {error}")))
        };
        let failures = table.some("fallback-failures", it.fallback_failures)?;
        channels.push(Channel {
            severity: it.severity.unwrap_or(default.severity),
            hosts: it.hosts.iter().map(host).collect::<Result<_, _>>()?,
            reserve: it.reserve,
            fallback: it.fallback.clone(),
            fallback_after,
            fallback_failures: failures.unwrap_or(default.fallback_failures),
            escalate_after: table.span("escalate-after", it.escalate_after.as_deref())?,
            give_up_after: table
                .span("give-up-after", it.give_up_after.as_deref())?
                .unwrap_or(default.give_up_after),
            ..default
        });
    }
    if let (Some((table, it)), true) =
        (tables(place, alerts).next(), alerts.iter().all(|it| it.reserve && it.escalate_after.is_none()))
    {
        return Err(it.bad(table, "reserve", "every alert is a reserve: nobody would ever be told"));
    }
    Ok(channels)
}

/// Looks whether the hosts that alerts are about are hosts: one that is misspelt would be silent for good.
pub(super) fn hosts(place: &Place, alerts: &[Alert], hosts: &Addressed) -> anyhow::Result<()> {
    for (table, it) in tables(place, alerts) {
        if let Some(name) = it.hosts.iter().find(|name| !hosts.keys().any(|host| host.as_str() == **name)) {
            return Err(it.bad(table, "hosts", &format!("there is no host \"{name}\" to tell of")));
        }
    }
    Ok(())
}

/// What the ways will miss when they are needed: a secret that is not there, a program that cannot be started.
pub(super) fn doubts(place: &Place, alerts: &[Alert], installation: &str) -> Vec<String> {
    let lacks = |(table, it): (Spot<'_>, &Alert)| {
        let theirs = serde_json::to_value(&it.theirs).ok()?;
        // What cannot be built has been refused already.
        let why = notify::build(&it.kind, theirs, installation).ok()?.lacks()?;
        Some(it.bad(table, "kind", &why).to_string())
    };
    tables(place, alerts).filter_map(lacks).collect()
}

pub(super) fn notifiers(
    place: &Place,
    alerts: &[Alert],
    installation: &str,
) -> anyhow::Result<BTreeMap<String, Box<dyn Notifier>>> {
    let mut notifiers = BTreeMap::new();
    for (table, it) in tables(place, alerts) {
        let theirs = serde_json::to_value(&it.theirs)?;
        let notifier =
            notify::build(&it.kind, theirs, installation).map_err(|why| it.bad(table, "kind", &why))?;
        notifiers.insert(it.name.clone(), notifier);
    }
    Ok(notifiers)
}
