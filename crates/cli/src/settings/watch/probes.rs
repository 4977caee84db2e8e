//! `[[probe]]`, and the live routes of `routes.toml`.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use evenkeel_controller::routes::Route;
use evenkeel_controller::watch::Asked;
use evenkeel_fleet::HostId;
use evenkeel_fleet::journal::Severity;
use evenkeel_fleet::watch::{ProbeId, VantageId};
use evenkeel_host::probe::dns::{Dns, Family};
use evenkeel_host::probe::http::{Expect, Http, Method, Request};
use evenkeel_host::probe::tcp::Tcp;
use evenkeel_host::probe::tls::Tls;
use evenkeel_host::probe::{Ask, Limits, Spec, Target};
use serde::Deserialize;

use super::Addressed;
use super::place::{Place, Spot};
use crate::routes_file;
use crate::settings::Settings;

/// Longest limit that nobody asked for.
const LIMIT_MAX: Duration = Duration::from_secs(5);
/// Whoever asks more often than this is a load, not a watch.
const EVERY_MIN: Duration = Duration::from_millis(100);

/// One `[[probe]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Probe {
    name: String,
    /// `http://` or `https://`: its host is the Host header and the name that TLS is asked for, whatever address is asked.
    url: Option<String>,
    /// A port that accepts connections.
    tcp: Option<u16>,
    /// A name, with a port when it is not 443, whose certificate is right.
    tls: Option<String>,
    /// A name that the host, a name server, knows.
    dns: Option<String>,
    /// The hosts that are asked; all when there is none.
    #[serde(default)]
    hosts: Vec<String>,
    every: Option<String>,
    limit: Option<String>,
    /// A good answer that takes longer is slow.
    within: Option<String>,
    #[serde(default)]
    status: Vec<u16>,
    #[serde(default)]
    contains: Vec<String>,
    #[serde(default)]
    lacks: Vec<String>,
    /// More headers of the request.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The authorities whose certificates are trusted, as PEM.
    ca: Option<PathBuf>,
    severity: Option<Severity>,
    /// The upstream behind it: what fails together behind one is one incident.
    upstream: Option<String>,
}

/// What is asked of which port, how often, and what it means.
struct Question {
    name: String,
    port: u16,
    ask: Ask,
    every: Duration,
    limit: Option<Duration>,
    severity: Severity,
    upstream: Option<String>,
}

impl Question {
    fn limit(&self) -> Duration {
        self.limit.unwrap_or_else(|| (self.every / 2).min(LIMIT_MAX))
    }

    /// Several addresses of a host are asked apart, and told apart.
    fn of(&self, host: &HostId, addresses: &[IpAddr]) -> Vec<Asked> {
        let limit = self.limit();
        let of = |address: &IpAddr| Asked {
            probe: ProbeId(match addresses.len() {
                1 => self.name.clone(),
                _ => format!("{} ({address})", self.name),
            }),
            host: host.clone(),
            vantage: VantageId(String::new()),
            every: self.every,
            spec: Spec {
                target: Target::Tcp(SocketAddr::new(*address, self.port)),
                ask: self.ask.clone(),
                limits: Limits::within(limit),
                proxy_protocol: false,
            },
            upstream: self.upstream.clone(),
            severity: self.severity,
        };
        addresses.iter().map(of).collect()
    }
}

/// Every probe of every host, once.
pub(super) fn asked(
    place: &Place,
    probes: &[Probe],
    hosts: &Addressed,
    every: Duration,
    limit: Option<Duration>,
) -> anyhow::Result<Vec<Asked>> {
    let mut asked = Vec::new();
    for (nth, probe) in probes.iter().enumerate() {
        let table = place.of("probe", nth);
        let bad = |key: &str, why: &str| table.bad(key, &format!("probe \"{}\": {why}", probe.name));
        if probe.name.trim().is_empty() || probes[..nth].iter().any(|other| other.name == probe.name) {
            return Err(bad("name", "it needs a name of its own"));
        }
        let question = probe.question(table, &bad, every, limit)?;
        for name in &probe.hosts {
            if !hosts.keys().any(|host| host.as_str() == name) {
                return Err(bad("hosts", &format!("there is no host \"{name}\" to ask")));
            }
        }
        for (host, addresses) in hosts {
            if probe.hosts.is_empty() || probe.hosts.iter().any(|name| name == host.as_str()) {
                asked.extend(question.of(host, addresses));
            }
        }
    }
    Ok(asked)
}

/// What is wrong with a key of this probe.
type Bad<'a> = dyn Fn(&str, &str) -> anyhow::Error + 'a;

impl Probe {
    fn question(
        &self,
        table: Spot<'_>,
        bad: &Bad<'_>,
        every: Duration,
        limit: Option<Duration>,
    ) -> anyhow::Result<Question> {
        self.only_of_http(bad)?;
        let within = table.time("within", self.within.as_deref())?;
        let (port, ask) = self.ask(within, bad)?;
        if let Err((key, why)) = ask.check() {
            return Err(bad(key, &why));
        }
        let question = Question {
            name: self.name.clone(),
            port,
            ask,
            every: table.time("every", self.every.as_deref())?.unwrap_or(every),
            limit: table.time("limit", self.limit.as_deref())?.or(limit),
            severity: self.severity.unwrap_or(Severity::Critical),
            upstream: self.upstream.clone(),
        };
        if question.every < EVERY_MIN {
            let why = format!("it would be asked more often than every {} ms", EVERY_MIN.as_millis());
            return Err(bad("every", &why));
        }
        if let Some(within) = within.filter(|within| *within >= question.limit()) {
            let why = format!(
                "within = {} ms, and an answer later than the limit of {} ms is none: it would never be slow",
                within.as_millis(),
                question.limit().as_millis()
            );
            return Err(bad("within", &why));
        }
        Ok(question)
    }

    /// What only an answer to HTTP can be held against.
    fn only_of_http(&self, bad: &Bad<'_>) -> anyhow::Result<()> {
        if let Some(status) = self.status.iter().find(|status| !(100..=599).contains(*status)) {
            return Err(bad("status", &format!("{status} is no status")));
        }
        let given = [
            ("status", !self.status.is_empty()),
            ("contains", !self.contains.is_empty()),
            ("lacks", !self.lacks.is_empty()),
            ("headers", !self.headers.is_empty()),
            ("within", self.within.is_some()),
        ];
        match given.into_iter().find(|(_, is_given)| *is_given && self.url.is_none()) {
            Some((key, _)) => {
                Err(bad(key, &format!("{key} is for a probe with url: nothing else has such an answer")))
            }
            None => Ok(()),
        }
    }

    fn ask(&self, within: Option<Duration>, bad: &Bad<'_>) -> anyhow::Result<(u16, Ask)> {
        let read = |path: &PathBuf| {
            let failed = |error| bad("ca", &format!("failed to read {}: {error}", path.display()));
            std::fs::read_to_string(path).map_err(failed)
        };
        let ca = self.ca.as_ref().map(read).transpose()?;
        match (&self.url, self.tcp, &self.tls, &self.dns) {
            (Some(url), None, None, None) => {
                let mut http = Http::get(url).map_err(|error| bad("url", &format!("failed to {error}")))?;
                match &mut http.request.tls {
                    Some(tls) => tls.ca = ca,
                    None if ca.is_some() => return Err(bad("ca", "ca is for https and tls")),
                    None => {}
                }
                http.request.headers.extend(self.headers.clone());
                http.expect = Expect {
                    status: self.status.clone(),
                    contains: self.contains.clone(),
                    lacks: self.lacks.clone(),
                    headers: Vec::new(),
                    within_ms: within.map(|it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX)),
                };
                Ok((http.request.port(), Ask::Http(http)))
            }
            (None, Some(0), None, None) => Err(bad("tcp", "there is no port 0")),
            (None, Some(port), None, None) => Ok((port, Ask::Tcp(Tcp {}))),
            (None, None, Some(tls), None) => {
                let (name, port) = match tls.rsplit_once(':') {
                    Some((name, port)) => {
                        (name, port.parse().map_err(|_| bad("tls", "what follows the colon is no port"))?)
                    }
                    None => (tls.as_str(), 443),
                };
                Ok((port, Ask::Tls(Tls { ca, ..Tls::new(name) })))
            }
            (None, None, None, Some(name)) => {
                let name = name.clone();
                Ok((53, Ask::Dns(Dns { name, family: Family::Ipv4, expect: Vec::new() })))
            }
            _ => Err(bad("name", "it asks one thing: url, tcp, tls or dns")),
        }
    }
}

/// The live routes of the tree of this host: probes for free, as far as asking changes nothing.
///
/// The address of a `listen` is one of the machine that the tree is of: other hosts are asked at their own.
pub(super) fn live(
    settings: &Settings,
    (hosts, is_this_machine): (&Addressed, &dyn Fn(&HostId) -> bool),
    every: Duration,
    limit: Option<Duration>,
) -> anyhow::Result<Vec<Asked>> {
    let path = settings.config_dir.join("routes.toml");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
    };
    let routes = routes_file::routes(&text).map_err(|why| anyhow!("{}: {why}", path.display()))?;
    let mut asked = Vec::new();
    for route in routes.iter().filter(|route| route.live.is_some() && !route.is_unsafe()) {
        let listen = route.listen.as_ref().and_then(|listen| listen.parse::<SocketAddr>().ok());
        let question = Question {
            name: format!("live {}", route.name),
            port: listen.map_or(route.port, |listen| listen.port()),
            ask: of_route(route),
            every,
            limit,
            severity: Severity::Critical,
            upstream: None,
        };
        for (host, addresses) in hosts {
            match listen.map(|listen| listen.ip()).filter(|ip| !ip.is_unspecified()) {
                Some(ip) if is_this_machine(host) => asked.extend(question.of(host, &[ip])),
                // Nobody outside can ask for it there.
                Some(ip) if ip.is_loopback() => {}
                _ => asked.extend(question.of(host, addresses)),
            }
        }
    }
    Ok(asked)
}

fn of_route(route: &Route) -> Ask {
    let request = Request {
        method: if route.method == "HEAD" { Method::Head } else { Method::Get },
        uri: route.target.clone(),
        host: route.authority(),
        headers: route.headers.clone(),
        tls: (route.scheme == "https").then(|| Tls::new(&route.host)),
    };
    let expect = route.live.clone().map_or_else(Expect::default, |live| Expect {
        status: live.status.into_iter().collect(),
        contains: live.contains.into_iter().collect(),
        headers: live.headers,
        ..Expect::default()
    });
    Ask::Http(Http { request, expect })
}
