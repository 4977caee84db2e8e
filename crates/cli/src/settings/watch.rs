//! What is watched, from where, and who is told: `[[host]]`, `[[vantage]]`, `[[probe]]`, `[watch]`, `[[alert]]`.

mod alerts;
mod doubts;
mod hosts;
pub(super) mod place;
mod probes;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use evenkeel_controller::notify::Secret;
use evenkeel_controller::outbox::{Courier, Heartbeat, SEND_WITHIN};
use evenkeel_controller::watch::{Asker, Askers, Here, Plan, There, Why};
use evenkeel_fleet::watch::VantageId;
use evenkeel_fleet::watch::verdict::Rules;
use evenkeel_fleet::{HostId, Span, incident};
use evenkeel_host::probe::vantage::Remote;
use serde::Deserialize;

use super::Settings;
pub(crate) use alerts::Alert;
pub(crate) use hosts::{Host, Hosts};
pub(crate) use place::Place;
pub(crate) use probes::Probe;

/// The tables of the file that a watch is made of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watched {
    /// Where they stand, for messages.
    pub(super) place: Place,
    pub(super) hosts: Vec<Host>,
    pub(super) vantages: Vec<Vantage>,
    pub(super) probes: Vec<Probe>,
    pub(super) watch: Watch,
    pub(super) alerts: Vec<Alert>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Vantage {
    name: String,
    /// A host of ssh at which this program is installed.
    ssh: Option<String>,
    /// A program and its arguments that end in `evenkeel __vantage` over there.
    command: Option<Vec<String>>,
    /// The address from which hosts see it: what their firewall does with it is asked of them.
    address: Option<std::net::IpAddr>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Watch {
    name: Option<String>,
    every: Option<String>,
    limit: Option<String>,
    agree: Option<u32>,
    fall: Option<u32>,
    rise: Option<u32>,
    live: Option<bool>,
    /// Whether hosts are asked if they are ready, and how often.
    ready: Option<bool>,
    ready_every: Option<String>,
    resolve_after: Option<String>,
    merge_within: Option<String>,
    join_within: Option<String>,
    remind_every: Option<String>,
    metrics: Option<SocketAddr>,
    heartbeat: Option<HeartbeatTable>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct HeartbeatTable {
    url: Secret,
    every: Option<String>,
}

/// What an error of the file begins with.
const SETTINGS: &str = "read the settings";
/// How often a probe is asked when nobody says otherwise.
const EVERY: Duration = Duration::from_secs(5);
/// How often a host is asked whether it is ready when nobody says otherwise; beside that, when an incident of it opens.
const READY_EVERY: Duration = Duration::from_secs(600);

impl Watched {
    /// What tells this watch from others.
    pub(crate) fn installation(&self, settings: &Settings) -> String {
        self.watch.name.clone().unwrap_or_else(|| settings.name.clone())
    }

    /// Whether a host of this name is known here.
    pub(crate) fn knows(&self, host: &HostId, settings: &Settings) -> bool {
        self.hosts.iter().any(|it| it.name.as_deref().unwrap_or(&settings.name) == host.as_str())
    }

    /// The decisions that incidents are made by.
    pub(crate) fn incidents(&self) -> anyhow::Result<incident::Settings> {
        self.decisions().context(SETTINGS)
    }

    fn decisions(&self) -> anyhow::Result<incident::Settings> {
        let (place, watch, default) = (&self.place, &self.watch, incident::Settings::default());
        let span = |key, text: &Option<String>| place.of("watch", 0).span(key, text.as_deref());
        Ok(incident::Settings {
            merge_within: span("merge-within", &watch.merge_within)?.unwrap_or(default.merge_within),
            join_within: span("join-within", &watch.join_within)?.unwrap_or(default.join_within),
            resolve_after: span("resolve-after", &watch.resolve_after)?.unwrap_or(default.resolve_after),
            depends: hosts::depends(place, &self.hosts)?,
            channels: alerts::channels(place, &self.alerts)?,
            remind_every: span("remind-every", &watch.remind_every)?,
        })
    }

    /// Everything that a watch is made of.
    pub(crate) fn plan(&self, settings: &Settings) -> anyhow::Result<Plan> {
        self.planned(settings).context(SETTINGS)
    }

    fn planned(&self, settings: &Settings) -> anyhow::Result<Plan> {
        let (place, watch) = (&self.place, &self.watch);
        let table = place.of("watch", 0);
        let installation = self.installation(settings);
        let askers = self.askers()?;
        let every = table.time("every", watch.every.as_deref())?.unwrap_or(EVERY);
        let limit = table.time("limit", watch.limit.as_deref())?;
        let hosts = hosts::addressed(place, &self.hosts, settings)?;
        alerts::hosts(place, &self.alerts, &hosts)?;
        let mut asked = probes::asked(place, &self.probes, &hosts, every, limit)?;
        if watch.live.unwrap_or(true) {
            let is_this_machine = |id: &HostId| hosts::is_this_machine(&self.hosts, id, settings);
            asked.extend(probes::live(settings, (&hosts, &is_this_machine), every, limit)?);
        }
        let asked = askers.keys().flat_map(|vantage| {
            asked
                .iter()
                .map(|it| evenkeel_controller::watch::Asked { vantage: vantage.clone(), ..it.clone() })
        });
        let asked: Vec<_> = asked.collect();
        let default = Rules::default();
        let slowest = asked.iter().map(|it| it.every).max().unwrap_or(every);
        let stale =
            Span::from_millis(u64::try_from(slowest.as_millis()).unwrap_or(u64::MAX).saturating_mul(5));
        let rules = Rules {
            agree: table.some("agree", watch.agree)?.unwrap_or(default.agree),
            fall: table.some("fall", watch.fall)?.unwrap_or(default.fall),
            rise: table.some("rise", watch.rise)?.unwrap_or(default.rise),
            stale_after: default.stale_after.max(stale),
            ..default
        };
        if let Some(metrics) = watch.metrics.filter(|it| !it.ip().is_loopback()) {
            let why = format!("metrics = \"{metrics}\" is no loopback address; let a proxy show it outside");
            return Err(table.bad("metrics", &why));
        }
        let heartbeat = match &watch.heartbeat {
            None => None,
            Some(sign) => {
                let every =
                    table.span("heartbeat.every", sign.every.as_deref())?.unwrap_or(Span::from_secs(60));
                Some(Heartbeat::new(sign.url.clone(), every))
            }
        };
        let why = hosts::why(place, &self.hosts, &hosts, settings);
        let looker: Option<Box<dyn evenkeel_controller::watch::cause::Looker>> = if why.is_empty() {
            None
        } else {
            Some(Box::new(Why::new(&asked, why, self.vantage_addresses())))
        };
        let ready = match watch.ready.unwrap_or(true) {
            true => hosts::ready(place, &self.hosts, &hosts, settings),
            false => BTreeMap::new(),
        };
        let ready_every = table.time("ready-every", watch.ready_every.as_deref())?.unwrap_or(READY_EVERY);
        let notifiers = alerts::notifiers(place, &self.alerts, &installation)?;
        Ok(Plan {
            installation,
            asked,
            askers,
            rules,
            courier: Courier::new(notifiers, SEND_WITHIN),
            heartbeat,
            metrics: watch.metrics,
            state_dir: settings.state_dir.clone(),
            looker,
            follow: hosts::followed(place, &self.hosts, hosts::drift)?,
            rates: hosts::followed(place, &self.hosts, hosts::rates)?,
            ready,
            ready_every,
        })
    }

    /// From where each vantage is seen, as far as somebody said so.
    fn vantage_addresses(&self) -> BTreeMap<VantageId, std::net::IpAddr> {
        let address = |it: &Vantage| Some((VantageId(it.name.clone()), it.address?));
        self.vantages.iter().filter_map(address).collect()
    }

    fn askers(&self) -> anyhow::Result<Askers> {
        let mut askers = Askers::new();
        for (nth, vantage) in self.vantages.iter().enumerate() {
            let table = self.place.of("vantage", nth);
            let asker = vantage.asker().map_err(|why| table.bad("name", &why))?;
            if vantage.name.trim().is_empty() {
                return Err(table.bad("name", "a vantage needs a name"));
            }
            if askers.insert(VantageId(vantage.name.clone()), asker).is_some() {
                return Err(table.bad("name", &format!("another vantage is called {}", vantage.name)));
            }
        }
        if askers.is_empty() {
            askers.insert(VantageId("here".to_owned()), Arc::new(Here::default()));
        }
        Ok(askers)
    }
}

impl Vantage {
    fn asker(&self) -> Result<Arc<dyn Asker>, String> {
        match (&self.ssh, &self.command) {
            (None, None) => Ok(Arc::new(Here::default())),
            (Some(host), None) if !host.is_empty() && !host.starts_with('-') => {
                Ok(Arc::new(There::new(Remote::ssh(host))))
            }
            (None, Some(command)) if !command.is_empty() => Ok(Arc::new(There::new(command.clone()))),
            _ => Err(
                "a vantage elsewhere says how to get there: ssh = \"HOST\", or command = [\"PROGRAM\", …]"
                    .to_owned(),
            ),
        }
    }
}

/// A host as the watch sees it: its name and its addresses.
type Addressed = BTreeMap<HostId, Vec<std::net::IpAddr>>;
