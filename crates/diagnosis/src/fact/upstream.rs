//! What the way to the upstream is like.

use std::net::SocketAddr;

use evenkeel_fleet::watch::Failure;

use super::Fact;
use super::host::{address, covers, verdict};
use crate::Finding;
use crate::evidence::{Direct, Evidence, Listening, Routed};

pub(super) fn ask(fact: Fact, evidence: &Evidence) -> Option<Finding> {
    Some(match fact {
        Fact::ByDefault => routed(evidence, |route| {
            let says = format!("the server block {} answers because no other has the name", route.server);
            Finding::of(route.by_default, says, format!("the server block {} has the name", route.server))
        }),
        Fact::ByWildcard => routed(evidence, |route| {
            let many = route.server.starts_with(['*', '.', '~']) || route.server.ends_with(".*");
            let says = format!("the server block {} answers for many names", route.server);
            Finding::of(many && !route.by_default, says, "the server block answers for one name")
        }),
        Fact::ReturnsRedirect => routed(evidence, |route| {
            let place = route.place.as_deref().unwrap_or("the configuration");
            match route.returns.filter(|status| (300..400).contains(status)) {
                Some(status) => Finding::Yes(format!("{place} answers {status} by itself")),
                None => Finding::No(format!("{place} redirects nobody by itself")),
            }
        }),
        Fact::OtherFile => routed(evidence, |route| {
            let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
            let asked = evidence
                .samples
                .first()
                .map(|seen| last(seen.url.split(['?', '#']).next().unwrap_or_default()));
            match (&route.file, asked) {
                (Some(file), Some(asked)) => Finding::of(
                    last(file) != asked,
                    format!("the configuration answers with {file}"),
                    format!("the configuration answers with {file}, which was asked for"),
                ),
                _ => Finding::No(String::from("the configuration answers with no file")),
            }
        }),
        Fact::RouteMoved => match (&evidence.former, &evidence.route) {
            (Some(former), Some(route)) => {
                let way = |route: &Routed| {
                    let to = route.upstream.clone().or_else(|| route.file.clone());
                    let to = to.or_else(|| route.returns.map(|status| format!("an answer of {status}")));
                    let location = route.location.clone().unwrap_or_default();
                    format!(
                        "{} {location} to {}",
                        route.server,
                        to.unwrap_or_else(|| String::from("nothing"))
                    )
                };
                let (before, now) = (way(former), way(route));
                Finding::of(
                    before != now,
                    format!("the request goes by {now}; before the last change it went by {before}"),
                    format!("the request goes by {now}, as before the last change"),
                )
            }
            _ => Finding::unknown("the configuration before the last change: evenkeel diff"),
        },
        Fact::UpgradeDropped => routed(evidence, |route| {
            let place = route.location.as_deref().unwrap_or("the server itself");
            Finding::of(
                !route.upgrades,
                format!("{place} does not pass Upgrade on"),
                format!("{place} passes Upgrade on"),
            )
        }),
        Fact::FileReplaced => match evidence.replaced.as_deref() {
            None => Finding::unknown("the files that packages replaced: find /etc/nginx -name '*.dpkg-old'"),
            Some([]) => Finding::No(String::from("no package replaced a file of the configuration lately")),
            Some([file, more @ ..]) => {
                let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
                Finding::Yes(format!(
                    "a package replaced {file}{more}; what stood there is beside it, as .dpkg-old"
                ))
            }
        },
        Fact::NotProxied => routed(evidence, |route| {
            let place = route.location.as_deref().unwrap_or("the server itself");
            match &route.upstream {
                None => Finding::Yes(format!("{place} answers, and asks no upstream")),
                Some(upstream) => Finding::No(format!("{place} asks {upstream}")),
            }
        }),
        Fact::Returns(status) => routed(evidence, |route| {
            let place = route.place.as_deref().unwrap_or("the configuration");
            Finding::of(
                route.returns == Some(status),
                format!("{place} says {status}"),
                format!("{place} does not say {status}"),
            )
        }),
        Fact::WantsPassword => routed(evidence, |route| {
            let place = route.location.as_deref().unwrap_or("the server itself");
            Finding::of(
                route.wants_password,
                format!("{place} wants a password (auth_basic)"),
                format!("{place} wants no password"),
            )
        }),
        Fact::AllServersDown => routed(evidence, |route| {
            let down =
                !route.servers.is_empty() && route.servers.iter().all(|server| server.ends_with(" down"));
            Finding::of(
                down,
                "every server of the upstream is marked down",
                "not every server is marked down",
            )
        }),
        Fact::MaxConns => routed(evidence, |route| {
            Finding::of(route.max_conns, "a server of the upstream has max_conns", "no server has max_conns")
        }),
        Fact::DirectUp => match configured(evidence) {
            None => unasked(),
            Some(all) if all.iter().all(|one| one.failure.is_none()) => {
                Finding::Yes(format!("{} answers when it is asked without nginx", names(&all)))
            }
            Some(all) => {
                let (one, failure) = all
                    .iter()
                    .find_map(|one| Some((one, one.failure.as_ref()?)))
                    .expect("one of them failed, or the arm above had taken it");
                Finding::No(format!("{} does not answer without nginx either: {}", one.at, failure))
            }
        },
        Fact::Direct(class) => match configured(evidence) {
            None => unasked(),
            Some(all) => match all.iter().find(|one| fails(one, class)) {
                Some(one) => Finding::Yes(format!(
                    "{}, asked without nginx: {}",
                    one.at,
                    one.failure.as_ref().map(Failure::to_string).unwrap_or_default()
                )),
                None => {
                    Finding::No(format!("{} does not fail so when it is asked without nginx", names(&all)))
                }
            },
        },
        Fact::DirectStatus(status) => match configured(evidence) {
            None => unasked(),
            Some(all) => match all.iter().find(|one| one.failure == Some(Failure::Status(status))) {
                Some(one) => {
                    Finding::Yes(format!("{} answers {status} when it is asked without nginx", one.at))
                }
                None => Finding::No(format!("{} does not answer {status} without nginx", names(&all))),
            },
        },
        Fact::DirectSlow => match (configured(evidence), evidence.down().map(|(seen, _)| seen.took_ms).max())
        {
            (Some(all), Some(given_up)) => {
                match all.iter().find(|one| one.failure.is_none() && one.took_ms > given_up) {
                    Some(one) => Finding::Yes(format!(
                        "{} answers after {} ms, and nginx gave up after {given_up} ms",
                        one.at, one.took_ms
                    )),
                    None => Finding::No(String::from(
                        "the application answers sooner than nginx gives up, or not at all",
                    )),
                }
            }
            _ => unasked(),
        },
        Fact::AnswersElsewhere | Fact::MayAnswerElsewhere => elsewhere(fact, evidence),
        Fact::AnswersAll => {
            match evidence.direct.iter().flatten().find(|one| !one.configured && one.answers_all) {
                Some(one) => Finding::Yes(format!(
                    "{} answers whatever it is asked for, also what cannot exist",
                    one.at
                )),
                None => Finding::No(String::from("the application does not answer just anything")),
            }
        }
        Fact::AnswersTls => {
            let tls = |one: &&Direct| !one.configured && one.at.starts_with("https://");
            match evidence.direct.iter().flatten().find(tls) {
                None => Finding::unknown("the upstream, asked by TLS"),
                Some(one) => Finding::of(
                    one.failure.is_none(),
                    format!("{} answers", one.at),
                    format!("{} does not answer by TLS", one.at),
                ),
            }
        }
        Fact::UpstreamBlocked | Fact::UpstreamConditional => {
            verdict(fact, evidence, &upstreams(evidence).collect::<Vec<_>>())
        }
        Fact::UpstreamQueueFull => queue_full(evidence),
        Fact::NameMoved => match &evidence.names {
            None => Finding::unknown("the upstream's name, resolved now"),
            Some(all) => {
                let moved = |name: &&crate::evidence::Name| {
                    !name.addresses.is_empty()
                        && name.connected.iter().any(|address| !name.addresses.contains(address))
                };
                match all.iter().find(moved) {
                    Some(name) => Finding::Yes(format!(
                        "nginx connects to {}, and {} is {} now",
                        name.connected.join(", "),
                        name.name,
                        name.addresses.join(", ")
                    )),
                    None => Finding::No(String::from("nginx connects to what the names are now")),
                }
            }
        },
        Fact::NameGone => match &evidence.names {
            None => Finding::unknown("the upstream's name, resolved now"),
            Some(all) => match all.iter().find(|name| name.addresses.is_empty()) {
                Some(name) => Finding::Yes(format!("{} has no address now", name.name)),
                None => Finding::No(String::from("the names have addresses")),
            },
        },
        _ => return None,
    })
}

fn queue_full(evidence: &Evidence) -> Finding {
    let known: Vec<_> = evidence.listening.iter().flatten().filter(|socket| socket.full.is_some()).collect();
    if known.is_empty() {
        return Finding::unknown("the queue of the upstream's socket: ss -ltn, Recv-Q against Send-Q");
    }
    let is_asked = |socket: &&&Listening| upstreams(evidence).any(|asked| covers(socket.at, asked));
    match known.iter().filter(is_asked).find(|socket| socket.full == Some(true)) {
        Some(socket) => Finding::Yes(format!("the queue of {} is full", socket.at)),
        None => Finding::No(String::from("the queue of the upstream's socket is not full, or not here")),
    }
}

/// Another address than the configured one that answers: known to be of the application, or a guess.
fn elsewhere(fact: Fact, evidence: &Evidence) -> Finding {
    let Some(direct) = &evidence.direct else { return unasked() };
    let known = fact == Fact::AnswersElsewhere;
    let other = |one: &&Direct| {
        !one.configured
            && one.failure.is_none()
            && !one.at.starts_with("https://")
            && one.because.is_some() == known
    };
    match (direct.iter().find(other), known) {
        (Some(one), true) => {
            let why = one.because.as_deref().unwrap_or_default();
            Finding::Yes(format!("the application answers at {} ({why})", one.at))
        }
        (Some(one), false) => Finding::Yes(format!("{} answers the same request on this machine", one.at)),
        (None, _) if direct.iter().all(|one| one.configured) => {
            Finding::unknown("at which other address the application may listen: ss -ltnp")
        }
        (None, _) => Finding::No(String::from("the application answers at no other address that is known")),
    }
}

fn routed(evidence: &Evidence, says: impl Fn(&Routed) -> Finding) -> Finding {
    evidence.route.as_ref().map_or_else(|| Finding::unknown("the configuration: evenkeel route"), says)
}

fn unasked() -> Finding {
    Finding::unknown("the application, asked without nginx")
}

/// The answers of the addresses that nginx asks; `None`: nobody asked.
fn configured(evidence: &Evidence) -> Option<Vec<&Direct>> {
    let all: Vec<_> = evidence.direct.iter().flatten().filter(|one| one.configured).collect();
    (!all.is_empty()).then_some(all)
}

fn names(all: &[&Direct]) -> String {
    all.iter().map(|one| one.at.as_str()).collect::<Vec<_>>().join(", ")
}

fn fails(one: &Direct, class: &str) -> bool {
    one.failure.as_ref().map(Failure::class) == Some(class)
}

/// The addresses of the upstreams that the log and the route name.
fn upstreams(evidence: &Evidence) -> impl Iterator<Item = SocketAddr> {
    let logged = evidence.lines.iter().flatten().filter_map(|lines| lines.upstream.as_deref());
    let routed = evidence.route.iter().flat_map(|route| route.servers.iter().map(String::as_str));
    logged.chain(routed).filter_map(address)
}
