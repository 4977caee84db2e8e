//! What in a change is a high risk: what somebody else should approve before it goes forward.
//!
//! A list of sentences, worked out from the two configurations and the two `routes.toml`. It says nothing of whether the
//! change is right; it names what, if it is wrong, everybody notices.

use std::collections::BTreeSet;
use std::net::IpAddr;

use evenkeel_model::{
    Change, Config, Diff, GuardKind, Invariant, ListenAddress, Route, RouteSpec, Says, SettingChange,
};
use evenkeel_syntax::secret::redact_str;

/// What a `routes.toml` promises.
#[derive(Debug, Clone, Default)]
pub struct Promises {
    /// Its routes.
    pub routes: Vec<RouteSpec>,
    /// Its invariants.
    pub invariants: Vec<Invariant>,
}

/// What in a change is a high risk, each in one sentence without secrets; empty: nothing is.
///
/// * a listen that others than this host can reach, and could not before;
/// * a request that is no longer kept out: by `allow` and `deny`, credentials, a client certificate, or a 401 or 403;
/// * a server name, an upstream or a listen that is gone;
/// * a route or an invariant that is gone, or demands less.
#[must_use]
pub fn risks(old: &Config, new: &Config, diff: &Diff, before: &Promises, after: &Promises) -> Vec<String> {
    let mut risks = opened(old, new);
    risks.extend(diff.changes.iter().filter_map(let_in));
    risks.extend(diff.settings.iter().filter_map(certificate));
    risks.extend(diff.settings.iter().filter_map(gone));
    risks.extend(taken_away(before, after));
    risks.iter().map(|risk| redact_str(risk).into_owned()).collect()
}

/// What to add where somebody decides by the list: that it may not be all.
#[must_use]
pub fn unknown(diff: &Diff) -> Option<String> {
    let why = diff.incomplete_because.first()?;
    Some(redact_str(&format!("not everything could be compared, so more may change: {why}")).into_owned())
}

/// Addresses that others can reach, and could not before.
fn opened(old: &Config, new: &Config) -> Vec<String> {
    let listens = |config: &Config| -> BTreeSet<(Option<IpAddr>, u16, bool, String)> {
        let listens = config.servers().iter().flat_map(|server| &server.listens);
        let reached = listens.flat_map(|listen| {
            let udp = listen.options.udp || listen.options.quic;
            match &listen.address {
                ListenAddress::Inet { ip, port, last } if !ip.is_loopback() => {
                    (*port..=*last).map(|port| (Some(*ip), port, udp, listen.address.to_string())).collect()
                }
                ListenAddress::Name { host, port } if host != "localhost" => {
                    vec![(None, *port, udp, format!("{host}:{port}"))]
                }
                _ => Vec::new(),
            }
        });
        reached.collect()
    };
    let (before, after) = (listens(old), listens(new));
    let known = |(ip, port, udp, text): &(Option<IpAddr>, u16, bool, String)| {
        before.iter().any(|(had, had_port, had_udp, had_text)| {
            let everywhere = matches!((had, ip), (Some(had), Some(ip))
                if had.is_unspecified() && had.is_ipv4() == ip.is_ipv4());
            (had_port, had_udp) == (port, udp)
                && (everywhere || (had == ip && (ip.is_some() || had_text == text)))
        })
    };
    let protocol = |udp: bool| if udp { "udp" } else { "tcp" };
    let mut said: Vec<String> = after
        .iter()
        .filter(|listen| !known(listen))
        .map(|(_, _, udp, text)| {
            format!("listen {text} ({}) is new: others than this host reach it", protocol(*udp))
        })
        .collect();
    said.dedup();
    said
}

/// A class of requests that is no longer kept out.
fn let_in(change: &Change) -> Option<String> {
    let mut seen = std::iter::once(&change.witness).chain(&change.examples);
    let example = seen.find(|it| kept_out(&it.old) && !kept_out(&it.new) || lost_guard(&it.old, &it.new))?;
    Some(format!("access is loosened for {} ({})", change.class, example.request.url()))
}

fn kept_out(route: &Route) -> bool {
    matches!(route.status, Some(401 | 403))
        || route.facts.guards.iter().any(|guard| guard.says == Says::Refuses)
}

/// Whether credentials were asked for, and are no more.
fn lost_guard(old: &Route, new: &Route) -> bool {
    let asks = |route: &Route, kind| route.facts.guards.iter().any(|guard| guard.kind == kind);
    [GuardKind::AuthBasic, GuardKind::AuthRequest].iter().any(|kind| asks(old, *kind)) && {
        !asks(new, GuardKind::AuthBasic) && !asks(new, GuardKind::AuthRequest) && !kept_out(new)
    }
}

/// A client certificate that is no longer asked for.
fn certificate(change: &SettingChange) -> Option<String> {
    let asked = |said: &Option<String>| said.as_deref().is_some_and(|said| said == "on");
    let loosened =
        change.about.starts_with("ssl_verify_client ") && asked(&change.old) && !asked(&change.new);
    loosened.then(|| format!("client certificates are no longer demanded: {change}"))
}

fn gone(change: &SettingChange) -> Option<String> {
    let whole = matches!(change.kind, "listen" | "server_name" | "upstream");
    (whole && change.new.is_none()).then(|| change.to_string())
}

/// Routes and invariants that are gone, or demand less.
fn taken_away(before: &Promises, after: &Promises) -> Vec<String> {
    let mut said = Vec::new();
    for route in &before.routes {
        let same = |it: &&RouteSpec| it.name == route.name || it.request == route.request;
        match after.routes.iter().find(same) {
            None => said.push(format!("routes.toml: the route \"{}\" is taken away", route.name)),
            Some(new) if route.live.is_some() && new.live.is_none() => {
                said.push(format!("routes.toml: the route \"{}\" is no longer asked live", route.name));
            }
            Some(new) if route.expect.is_some() && new.expect.is_none() => {
                said.push(format!("routes.toml: the route \"{}\" expects nothing any more", route.name));
            }
            Some(_) => {}
        }
    }
    for invariant in &before.invariants {
        let holds = |it: &&Invariant| (&it.requests, &it.demand) == (&invariant.requests, &invariant.demand);
        if after.invariants.iter().any(|it| holds(&it)) {
            continue;
        }
        let how = if after.invariants.iter().any(|it| it.name == invariant.name) {
            "changed"
        } else {
            "taken away"
        };
        said.push(format!("routes.toml: the invariant \"{}\" is {how}", invariant.name));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_compared_is_told_to_whoever_approves() {
        let mut diff = Diff {
            changes: Vec::new(),
            stream: Vec::new(),
            settings: Vec::new(),
            incomplete_because: Vec::new(),
        };
        assert_eq!(unknown(&diff), None);
        diff.incomplete_because = vec!["the budget is used up".to_owned(), "another".to_owned()];
        assert!(unknown(&diff).unwrap().ends_with("the budget is used up"));
    }
}
