//! `[host]`, this host; or `[[host]]`, several, this one among them.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use evenkeel_controller::watch::Reached;
use evenkeel_fleet::HostId;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor, value};

use super::{Addressed, Place};
use crate::settings::Settings;

/// What the file says of hosts.
#[derive(Debug, Clone)]
pub(crate) enum Hosts {
    /// This one.
    One(Box<Host>),
    /// Several.
    Many(Vec<Host>),
}

/// One host. What says where its nginx is holds for this machine alone.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Host {
    pub(crate) config_dir: Option<PathBuf>,
    pub(crate) nginx: Option<PathBuf>,
    pub(crate) pid: Option<PathBuf>,
    pub(crate) state_dir: Option<PathBuf>,
    pub(crate) keep: Vec<String>,
    pub(crate) name: Option<String>,
    pub(crate) apps_dir: Option<PathBuf>,
    pub(crate) generation: Option<SocketAddr>,
    /// Where it is asked; several addresses are asked apart.
    address: Vec<IpAddr>,
    /// Nobody is alerted of it while one of these has an incident.
    depends_on: Vec<String>,
    /// A program and its arguments that end in `evenkeel why` over there: who is asked for the cause of an incident.
    why: Vec<String>,
    /// A program and its arguments that end in `evenkeel drift --follow --json` over there: what is no longer as released.
    follow: Vec<String>,
    /// A program and its arguments that end in `evenkeel ready` over there: what is no outage yet.
    ready: Vec<String>,
    /// A program and its arguments that end in `evenkeel rates --follow --json` over there: what is answered.
    rates: Vec<String>,
}

impl Default for Hosts {
    fn default() -> Self {
        Self::One(Box::default())
    }
}

impl Hosts {
    /// This host, and all of them: this one is the only one, or the one with the name of this machine, or the one that says
    /// where its files are.
    pub(crate) fn split(self, this_machine: &str) -> (Host, Vec<Host>) {
        match self {
            Self::One(host) => (*host.clone(), vec![*host]),
            Self::Many(hosts) => {
                let named = |host: &&Host| host.name.as_deref() == Some(this_machine);
                let here = |host: &&Host| host.config_dir.is_some() || host.state_dir.is_some();
                let this = hosts.iter().find(named).or_else(|| hosts.iter().find(here)).cloned();
                (this.unwrap_or_default(), hosts)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Hosts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;
        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Hosts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("[host], or one [[host]] for each")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Hosts, A::Error> {
                Host::deserialize(value::MapAccessDeserializer::new(map))
                    .map(|host| Hosts::One(Box::new(host)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Hosts, A::Error> {
                Vec::deserialize(value::SeqAccessDeserializer::new(seq)).map(Hosts::Many)
            }
        }
        deserializer.deserialize_any(OneOrMany)
    }
}

/// Every host with its addresses; a host that says none is this machine.
pub(super) fn addressed(place: &Place, hosts: &[Host], settings: &Settings) -> anyhow::Result<Addressed> {
    let mut addressed = Addressed::new();
    for (nth, host) in hosts.iter().enumerate() {
        let (table, name) = (place.of("host", nth), host.name.as_deref().unwrap_or(&settings.name));
        let id = HostId::new(name).map_err(|error| table.bad("name", &format!("failed to {error}")))?;
        let here = || vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
        let addresses = if host.address.is_empty() { here() } else { host.address.clone() };
        let twice = (1..addresses.len()).find(|at| addresses[..*at].contains(&addresses[*at]));
        if let Some(at) = twice {
            return Err(table.bad("address", &format!("{} is there twice", addresses[at])));
        }
        if addressed.insert(id, addresses).is_some() {
            return Err(table.bad("name", &format!("two hosts are called {name}")));
        }
    }
    Ok(addressed)
}

/// The command of this machine that ends in `evenkeel COMMAND`: with the files that this watch was given, whether the settings or
/// flags said so.
fn here(place: &Place, settings: &Settings, command: &str) -> Vec<String> {
    let mut words = vec!["/proc/self/exe".to_owned(), command.to_owned()];
    let file = (!place.file.is_empty()).then(|| PathBuf::from(&place.file));
    let flags = [
        ("--config", file.as_ref()),
        ("--config-dir", Some(&settings.config_dir)),
        ("--nginx", Some(&settings.nginx)),
        ("--pid", Some(&settings.pid)),
        ("--state-dir", Some(&settings.state_dir)),
    ];
    for (flag, path) in flags.into_iter().filter_map(|(flag, path)| Some((flag, path?))) {
        words.extend([flag.to_owned(), path.display().to_string()]);
    }
    words
}

/// How each host is asked: by what `of` says of it, and this machine where it is one of them.
fn asked(
    place: &Place,
    hosts: &[Host],
    addressed: &Addressed,
    settings: &Settings,
    (command, of): (&str, fn(&Host) -> &Vec<String>),
) -> BTreeMap<HostId, Vec<String>> {
    let mut asked = BTreeMap::new();
    for id in addressed.keys() {
        let host = hosts.iter().find(|host| host.name.as_deref() == Some(id.as_str()));
        let command = match host {
            Some(host) if !of(host).is_empty() => of(host).clone(),
            Some(host) if !host.address.is_empty() => continue,
            _ => here(place, settings, command),
        };
        asked.insert(id.clone(), command);
    }
    asked
}

/// Who is asked for causes.
pub(super) fn why(
    place: &Place,
    hosts: &[Host],
    addressed: &Addressed,
    settings: &Settings,
) -> BTreeMap<HostId, Reached> {
    let asked = asked(place, hosts, addressed, settings, ("why", |host| &host.why));
    asked.into_iter().map(|(id, command)| (id.clone(), (addressed[&id].clone(), command))).collect()
}

/// Who is asked whether it is ready.
pub(super) fn ready(
    place: &Place,
    hosts: &[Host],
    addressed: &Addressed,
    settings: &Settings,
) -> BTreeMap<HostId, Vec<String>> {
    asked(place, hosts, addressed, settings, ("ready", |host| &host.ready))
}

/// Which hosts are followed, and how: what `of` says of each.
pub(super) fn followed(
    place: &Place,
    hosts: &[Host],
    of: fn(&Host) -> &Vec<String>,
) -> anyhow::Result<BTreeMap<HostId, Vec<String>>> {
    let mut followed = BTreeMap::new();
    for host in hosts.iter().filter(|host| !of(host).is_empty()) {
        let Some(name) = &host.name else {
            return Err(place.near(&of(host)[0], "a host that is followed needs a name"));
        };
        followed.insert(HostId::new(name.as_str())?, of(host).clone());
    }
    Ok(followed)
}

/// The drift of a host.
pub(super) fn drift(host: &Host) -> &Vec<String> {
    &host.follow
}

/// What a host answers.
pub(super) fn rates(host: &Host) -> &Vec<String> {
    &host.rates
}

/// Whether a host is the one that these settings are read on: it says no address of its own, or has its name.
pub(super) fn is_this_machine(hosts: &[Host], id: &HostId, settings: &Settings) -> bool {
    let host = hosts.iter().find(|host| host.name.as_deref().unwrap_or(&settings.name) == id.as_str());
    host.is_none_or(|host| host.address.is_empty()) || id.as_str() == settings.name
}

/// What each host depends on. None may depend on itself, however far round.
pub(super) fn depends(place: &Place, hosts: &[Host]) -> anyhow::Result<BTreeMap<HostId, Vec<HostId>>> {
    let mut depends: BTreeMap<HostId, Vec<HostId>> = BTreeMap::new();
    for (nth, host) in hosts.iter().enumerate() {
        let Some(name) = &host.name else { continue };
        let table = place.of("host", nth);
        for on in &host.depends_on {
            if !hosts.iter().any(|other| other.name.as_ref() == Some(on)) {
                return Err(table.bad("depends-on", &format!("there is no host \"{on}\" to depend on")));
            }
            let id = |name: &str| {
                HostId::new(name).map_err(|error| table.bad("depends-on", &format!("failed to {error}")))
            };
            let (from, to) = (id(name)?, id(on)?);
            if reaches(&depends, &to, &from) {
                let why =
                    format!("{from} would depend on itself by way of {to}, and nobody would be alerted");
                return Err(table.bad("depends-on", &why));
            }
            depends.entry(from).or_default().push(to);
        }
    }
    Ok(depends)
}

fn reaches(depends: &BTreeMap<HostId, Vec<HostId>>, from: &HostId, to: &HostId) -> bool {
    from == to || depends.get(from).is_some_and(|next| next.iter().any(|it| reaches(depends, it, to)))
}
