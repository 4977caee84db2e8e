//! An expectation held against what a real nginx answered.

use super::judge::{self, Not, describe, fails, quoted};
use super::{Expectation, Judgement, Kind};
use crate::config::Config;
use crate::request::{Dependence, Outcome, PassKind, Route};

/// What a real nginx answered, with stubs in the place of its upstreams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen<'a> {
    /// The status; `None` when there was no answer.
    pub status: Option<u16>,
    /// The `Location` header.
    pub location: Option<&'a str>,
    /// The upstream that was reached: the name of its block, where that is known.
    pub upstream: Option<&'a str>,
    /// The address that was reached, as it stands in the configuration.
    pub address: Option<&'a str>,
    /// The request target that reached it.
    pub target: Option<&'a str>,
    /// The body; `None` when nobody kept it.
    pub body: Option<&'a [u8]>,
}

impl Seen<'_> {
    /// Whether a stub was asked.
    fn passed(&self) -> bool {
        self.upstream.is_some() || self.address.is_some() || self.target.is_some()
    }

    fn describe(&self) -> String {
        let location = self.location.map(|to| format!(" to {to}")).unwrap_or_default();
        match (self.status, self.address.or(self.upstream)) {
            (None, _) => "no answer".to_owned(),
            (Some(_), Some(at)) => format!("passed to {at}"),
            (Some(_), None) if self.passed() => "passed on".to_owned(),
            (Some(status), None) => format!("answered {status}{location}"),
        }
    }
}

pub(super) fn judge(wanted: &Expectation, seen: &Seen<'_>, route: &Route, config: &Config) -> Judgement {
    // What no answer shows is judged on the prediction.
    let hidden = Expectation {
        servers: wanted.servers.clone(),
        path: wanted.path.clone(),
        candidates: wanted.candidates.clone(),
        server: wanted.server.clone(),
        pattern: wanted.pattern.clone(),
        ..Expectation::default()
    };
    let mut parts = Vec::new();
    match judge::judge(&hidden, route, config) {
        Judgement::Holds => {}
        Judgement::Fails(differences) => parts.extend(differences.into_iter().map(|it| Err(Not::Fails(it)))),
        Judgement::Undecided(why) => parts.extend(why.into_iter().map(|it| Err(Not::Known(it)))),
    }
    let kind = wanted.kind.map(|kind| of_kind(kind, seen, route));
    if let Some(Err(not)) = kind {
        parts.push(Err(not));
        return Judgement::of(parts);
    }
    if seen.status.is_none() && wanted.kind != Some(Kind::Close) {
        parts.push(fails("answer", "one", seen.describe()));
        return Judgement::of(parts);
    }
    parts.extend(wanted.status.map(|status| of_status(status, seen)));
    if let Some(location) = &wanted.location {
        let same = seen.location == Some(location);
        parts.push(if same { Ok(()) } else { fails("location", &quoted(location), seen.describe()) });
    }
    if let Some(upstream) = &wanted.upstream {
        parts.push(of_upstream("upstream", upstream, seen, config));
    }
    if let Some(pass) = &wanted.pass {
        parts.extend(of_pass(pass, seen, route, config));
    }
    if let Some(body) = &wanted.body {
        parts.push(match seen.body {
            Some(found) if found == body.as_bytes() => Ok(()),
            Some(found) => fails("body", &quoted(body), quoted(&String::from_utf8_lossy(found))),
            None => Err(Not::Known("the body".to_owned())),
        });
    }
    Judgement::of(parts)
}

fn of_kind(kind: Kind, seen: &Seen<'_>, route: &Route) -> Result<(), Not> {
    let limited = !seen.passed() && seen.status.is_some_and(|status| status >= 400);
    let wrong = || match route.depends_on.iter().find(|dependence| limited && judge::is_limit(dependence)) {
        Some(limit) => Err(Not::Known(limit.to_string())),
        None => fails("kind", kind.name(), seen.describe()),
    };
    let Some(status) = seen.status else {
        return match kind {
            Kind::Close => Ok(()),
            Kind::File if rests_on_files(route) => Err(Not::Known("files that are not here".to_owned())),
            _ => wrong(),
        };
    };
    match kind {
        Kind::Pass(_) if !seen.passed() => wrong(),
        Kind::Pass(pass) => match &route.outcome {
            // A stub does not say in which protocol it was asked.
            Outcome::Pass { kind: predicted, .. } if *predicted != pass => {
                fails("kind", kind.name(), describe(&route.outcome))
            }
            _ => Ok(()),
        },
        // An `error_page` gives its status to the file.
        Kind::File if !seen.passed() && is_file_of(route) && route.status == Some(status) => Ok(()),
        // What is not here would have been served.
        Kind::File if rests_on_files(route) && (seen.passed() || !is_file(status)) => {
            Err(Not::Known("files that are not here".to_owned()))
        }
        _ if seen.passed() => wrong(),
        Kind::Redirect if !(300..400).contains(&status) || seen.location.is_none() => wrong(),
        Kind::File if !is_file(status) => wrong(),
        Kind::Error if status < 400 => wrong(),
        Kind::Close => wrong(),
        Kind::Redirect | Kind::Return | Kind::File | Kind::Error => Ok(()),
    }
}

/// Whether the files that decide are not all known.
fn rests_on_files(route: &Route) -> bool {
    route.depends_on.iter().any(|dependence| matches!(dependence, Dependence::FileExists(_)))
}

/// Whether a file was predicted.
fn is_file_of(route: &Route) -> bool {
    matches!(route.outcome, Outcome::File { .. } | Outcome::Files { .. })
}

fn is_file(status: u16) -> bool {
    matches!(status, 200 | 206 | 304)
}

fn of_status(wanted: u16, seen: &Seen<'_>) -> Result<(), Not> {
    match seen.status {
        // It was the stub that answered.
        Some(_) if seen.passed() => Err(Not::Known(Dependence::UpstreamResponse.to_string())),
        Some(status) if status == wanted => Ok(()),
        _ => fails("status", &wanted.to_string(), seen.describe()),
    }
}

fn of_upstream(key: &'static str, wanted: &str, seen: &Seen<'_>, config: &Config) -> Result<(), Not> {
    if seen.upstream == Some(wanted) {
        return Ok(());
    }
    let Some(reached) = seen.address.or(seen.upstream) else {
        return if seen.passed() {
            Err(Not::Known("which upstream was reached".to_owned()))
        } else {
            fails(key, &quoted(wanted), seen.describe())
        };
    };
    let text = |address: &[u8]| String::from_utf8_lossy(address).into_owned();
    let addresses: Vec<String> = match config.upstream(wanted.as_bytes()) {
        Some(upstream) => upstream.servers.iter().map(|server| text(&server.address)).collect(),
        None => vec![wanted.to_owned()],
    };
    if addresses.iter().any(|address| same_address(address, reached)) {
        return Ok(());
    }
    if addresses.iter().any(|address| is_name(address)) && !is_name(reached) {
        return Err(Not::Known("what the names of the upstream resolve to".to_owned()));
    }
    fails(key, &quoted(wanted), reached.to_owned())
}

/// Host and path of a URL that is asked: `http://app/cart` → `app`, `/cart`; `http://unix:/run/s:/cart` → `unix:/run/s`,
/// `/cart`.
fn host_and_path<'w>(wanted: &'w str, seen: &Seen<'_>) -> (&'w str, &'w str) {
    let rest = wanted.split_once("://").map_or(wanted, |(_, rest)| rest);
    if !rest.starts_with("unix:") {
        return rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    }
    // Where a socket's path ends is known by the socket that was reached, else by a colon.
    let reached = seen.address.filter(|address| rest.starts_with(address)).map(str::len);
    let colon = rest["unix:".len()..].find(':').map(|at| at + "unix:".len());
    let (host, path) = rest.split_at(reached.or(colon).unwrap_or(rest.len()));
    (host, path.trim_start_matches(':'))
}

fn of_pass(wanted: &str, seen: &Seen<'_>, route: &Route, config: &Config) -> Vec<Result<(), Not>> {
    let (host, target) = host_and_path(wanted, seen);
    let mut parts = vec![of_upstream("pass", host, seen, config)];
    let tells_target = matches!(route.outcome, Outcome::Pass { kind: PassKind::Proxy | PassKind::Grpc, .. })
        && !target.is_empty();
    if let (true, Some(found)) = (tells_target, seen.target)
        && found != target
    {
        parts.push(fails("pass", &quoted(wanted), format!("{} asked for {found}", seen.describe())));
    }
    parts
}

/// Whether two addresses are the same once the usual port is added.
fn same_address(one: &str, other: &str) -> bool {
    let full = |address: &str| {
        let bare = address.rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_err());
        if bare && !address.starts_with("unix:") { format!("{address}:80") } else { address.to_owned() }
    };
    full(one) == full(other)
}

/// Whether an address has to be resolved.
fn is_name(address: &str) -> bool {
    let host = address.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
    let host = host.map_or(address, |(host, _)| host);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    !address.starts_with("unix:") && bare.parse::<std::net::IpAddr>().is_err()
}
