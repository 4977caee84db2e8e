//! Near misses: the blocks that nearly took a request, why they did not, and the smallest edit that makes them.

use std::cmp::Reverse;

use super::Router;
use super::observe::Watch;
use super::question::{Answered, Input, Test, World};
use super::regex::Matched;
use super::uri::{Escape, escape};
use crate::choice::{Choice, Chosen, Sought};
use crate::config::NodeId;
use crate::language::{Budget, Formula, Language};
use crate::lower::{Location, LocationKind};
use crate::request::{HttpVersion, LocalAddress, Request, Route};

/// How many rivals are looked at closely.
const RIVALS_MAX: usize = 24;

/// How many steps the searches for one rival may take.
const BUDGET: u64 = 200_000;

/// A longer text than this is not compared letter by letter.
const COMPARED_BYTES_MAX: usize = 512;

/// In how many places a letter is left out.
const SHORTENED_BYTES_MAX: usize = 128;

/// A block that nearly took a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearMiss {
    /// The `location` or the `server`.
    pub rival: NodeId,
    /// Why it lost, for people.
    pub why: String,
    /// The request that it takes, as near to the one that was asked as was found.
    pub edited: Option<Request>,
    /// Why there is none, for people.
    pub why_not: Option<String>,
}

/// A rival, and how far it is away.
struct Rival<'c> {
    distance: usize,
    location: &'c Location,
    /// Whether its own condition holds for the URI.
    fits: bool,
}

impl Router<'_> {
    /// The locations of the same server and the other servers of the same socket that come nearest to taking a request,
    /// the nearest first; every edit was routed.
    pub fn near_misses(&self, request: &Request, world: &World, most: usize) -> Vec<NearMiss> {
        let mut watch = Watch::over(world);
        let route = super::entry::route(self, request, Some(&mut watch));
        let Some(given) = watch.given else { return Vec::new() };
        let questions = watch.questions.unwrap_or_default();
        let searches = questions.iter().filter_map(|question| match (&question.test, &question.answer) {
            (Test::Location(server), Answered::Chosen(chosen)) => {
                Some((*server, *chosen, question.subject.fill(&given)?))
            }
            _ => None,
        });
        // The client's own URI is what it can edit: the first search.
        let mut found: Vec<(usize, NearMiss)> = Vec::new();
        if let Some((server, chosen, uri)) = searches.into_iter().next() {
            self.near_locations(request, world, (server, chosen, &uri), &mut found);
        }
        let place = questions.iter().find_map(|question| match (&question.test, &question.answer) {
            (Test::Server(place), Answered::Chosen(_)) if question.subject.0.len() == 1 => Some(*place),
            _ => None,
        });
        if let Some(place) = place {
            self.near_servers(request, world, (place, &route, &given.input(&Input::Host)), &mut found);
        }
        found.sort_by_key(|(distance, miss)| (miss.edited.is_none(), *distance, miss.rival));
        found.into_iter().map(|(_, miss)| miss).take(most).collect()
    }

    fn near_locations(
        &self,
        request: &Request,
        world: &World,
        (server, chosen, uri): (usize, Chosen, &[u8]),
        found: &mut Vec<(usize, NearMiss)>,
    ) {
        let winner = match chosen {
            Chosen::Rule(node) | Chosen::Redirect(node) | Chosen::Unknown(node) => Some(node),
            Chosen::Nothing => None,
        };
        let mut rivals = Vec::new();
        self.rivals(&self.config.servers()[server].locations, uri, &mut rivals);
        rivals.retain(|rival| {
            Some(rival.location.node) != winner && !self.is_around(rival.location.node, winner)
        });
        rivals.sort_by_key(|rival| (!rival.fits, rival.distance, rival.location.node));
        rivals.truncate(RIVALS_MAX);
        let choice = Choice::of_locations(self, server);
        let normal = Language::normalized_uri(true);
        for rival in rivals {
            let node = rival.location.node;
            let (strings, why_not) = candidates(&choice, node, &rival.location.pattern, uri);
            let taken = strings
                .into_iter()
                .filter(|string| normal.contains(string) && choice.choose(string) == Chosen::Rule(node));
            // Of equal edits, the one that comes last in the URI reads best.
            let common = |string: &[u8]| uri.iter().zip(string).take_while(|(a, b)| a == b).count();
            let near = taken.map(|string| (distance(uri, &string), Reverse(common(&string)), string));
            let best = near.min().and_then(|(distance, _, string)| {
                let edited = Request { target: target(request, &string), ..request.clone() };
                let first = self.first_location(&edited, world);
                (first == Some(node)).then_some((distance, edited))
            });
            let why = self.why_lost(&rival, winner);
            let (distance, edited) = match best {
                Some((distance, edited)) => (distance, Some(edited)),
                None => (rival.distance, None),
            };
            let why_not = if edited.is_some() { None } else { why_not.map(|by| self.told(&by)) };
            found.push((distance, NearMiss { rival: node, why, edited, why_not }));
        }
    }

    /// Every location that could have been asked, with its distance.
    fn rivals<'r>(&self, locations: &'r [Location], uri: &[u8], rivals: &mut Vec<Rival<'r>>) {
        for location in locations {
            let text = &location.pattern[..];
            let (fits, distance) = match location.kind {
                LocationKind::Named => continue,
                LocationKind::Exact => (uri == text, distance(uri, text)),
                LocationKind::Prefix | LocationKind::PrefixNoRegex => {
                    let start = &uri[..uri.len().min(text.len())];
                    (uri.starts_with(text), distance(start, text))
                }
                LocationKind::Regex { caseless } => {
                    let matched = self.patterns.get(text, caseless).of(uri);
                    (matches!(matched, Matched::Yes(_)), uri.len().min(4))
                }
            };
            rivals.push(Rival { distance, location, fits });
            self.rivals(&location.children, uri, rivals);
        }
    }

    /// Whether a block stands around another.
    fn is_around(&self, outer: NodeId, inner: Option<NodeId>) -> bool {
        inner.is_some_and(|inner| self.config.node(inner).ancestors().any(|block| block.id() == outer))
    }

    fn why_lost(&self, rival: &Rival<'_>, winner: Option<NodeId>) -> String {
        let location = rival.location;
        if rival.fits {
            let winner =
                winner.map_or_else(|| String::from("the server itself"), |winner| self.shown(winner));
            let why = match location.kind {
                LocationKind::Regex { .. } => "its regex matches, but",
                _ => "the URI begins with it, but",
            };
            return format!("{why} {winner} comes before it");
        }
        String::from(match location.kind {
            LocationKind::Exact => "the URI is not equal to it",
            LocationKind::Regex { .. } => "its regex does not match",
            _ => "the URI does not begin with it",
        })
    }

    fn shown(&self, location: NodeId) -> String {
        let node = self.config.node(location);
        let words: Vec<_> = node.args().map(String::from_utf8_lossy).collect();
        format!("{} {} ({}:{})", node.name(), words.join(" "), node.source().display, node.line())
    }

    fn told(&self, sought: &Sought) -> String {
        match sought {
            Sought::Shadowed(by) => {
                let by: Vec<_> = by.iter().map(|&node| self.shown(node)).collect();
                format!("no URI leads there: {} take all", by.join(", "))
            }
            Sought::Undecided(why) => why.clone(),
            Sought::Found { .. } => String::from("another directive sends such requests elsewhere first"),
        }
    }

    /// The location that is found first for a request.
    fn first_location(&self, request: &Request, world: &World) -> Option<NodeId> {
        let observed = self.observe(request, world);
        observed.questions.iter().find_map(|question| match (&question.test, &question.answer) {
            (Test::Location(_), Answered::Chosen(Chosen::Rule(node))) => Some(*node),
            (Test::Location(_), _) => Some(NodeId(0)),
            _ => None,
        })
    }

    fn near_servers(
        &self,
        request: &Request,
        world: &World,
        (place, route, host): (usize, &Route, &[u8]),
        found: &mut Vec<(usize, NearMiss)>,
    ) {
        let Some(socket) = self.sockets.all.get(place) else { return };
        let mut rivals: Vec<(usize, NodeId, Vec<u8>)> = Vec::new();
        for &server in &socket.servers {
            let server = &self.config.servers()[server];
            if Some(server.node) == route.server {
                continue;
            }
            let names = server.names.iter().flat_map(super::witness::hosts_of);
            let nearest = names.map(|name| (distance(host, &name), name)).min();
            if let Some((distance, name)) = nearest {
                rivals.push((distance, server.node, name));
            }
        }
        rivals.sort();
        for (distance, node, name) in rivals.into_iter().take(RIVALS_MAX) {
            let edited = with_host(request, &name);
            if self.route_in(&edited, world).server == Some(node) {
                let why = String::from("none of its names is the one that was asked for");
                found
                    .push((distance + 1, NearMiss { rival: node, why, edited: Some(edited), why_not: None }));
            }
        }
    }
}

/// URIs that a location may take, and what a search for one said where it found none.
fn candidates(choice: &Choice, node: NodeId, text: &[u8], uri: &[u8]) -> (Vec<Vec<u8>>, Option<Sought>) {
    let mut strings = vec![text.to_vec(), [uri, b"/"].concat(), [text, uri].concat()];
    strings.push(uri.strip_suffix(b"/").unwrap_or(uri).to_vec());
    strings.push(uri.to_ascii_lowercase());
    let one_less = |at: usize| [&uri[..at], &uri[at + 1..]].concat();
    strings.extend((1..uri.len().min(SHORTENED_BYTES_MAX)).map(one_less));
    let common = uri.iter().zip(text).take_while(|(a, b)| a == b).count();
    strings.push([text, &uri[common..]].concat());
    if let Some(slash) = uri.iter().skip(1).position(|&byte| byte == b'/') {
        strings.push([text.strip_suffix(b"/").unwrap_or(text), &uri[slash + 1..]].concat());
    }
    let plain = [Formula::In(Language::normalized_uri(true)), Formula::In(Language::printable())];
    let mut budget = Budget(BUDGET);
    let mut find = |more: Option<Language>| {
        let also = plain.iter().cloned().chain(more.map(Formula::In)).collect();
        choice.find(Chosen::Rule(node), &Formula::All(also), &mut budget)
    };
    let any = find(None);
    if !matches!(any, Sought::Found { .. }) {
        return (strings, Some(any));
    }
    // What keeps most of the URI at its beginning, or at its end.
    let cuts: Vec<usize> =
        (1..=uri.len()).rev().filter(|&at| at == uri.len() || uri[at - 1] == b'/').collect();
    let starts = cuts.iter().map(|&at| Language::prefix(&uri[..at]));
    let dot = uri.iter().rposition(|&byte| byte == b'.' || byte == b'/').unwrap_or(0);
    let ends = [Language::suffix(&uri[dot..]), Language::suffix(&uri[1.min(uri.len())..])];
    for language in starts.take(8).chain(ends) {
        if let Sought::Found { string, .. } = find(Some(language)) {
            strings.push(string);
        }
    }
    if let Sought::Found { string, .. } = &any {
        strings.push(string.clone());
    }
    (strings, Some(any))
}

/// The target of a request with another URI; the arguments stay.
fn target(request: &Request, uri: &[u8]) -> Vec<u8> {
    let args =
        request.target.iter().position(|&byte| byte == b'?').map_or(&b""[..], |at| &request.target[at..]);
    [&escape(uri, Escape::Uri)[..], args].concat()
}

/// A request for another host; where one was named in the handshake, there too.
fn with_host(request: &Request, host: &[u8]) -> Request {
    let mut edited = request.clone();
    edited.sni = request.sni.as_ref().map(|_| host.to_vec());
    let default = if request.tls { 443 } else { 80 };
    let listened = request.listen.as_ref().and_then(|listen| match listen {
        LocalAddress::Inet(address) => Some(address.port()),
        LocalAddress::Unix(_) => None,
    });
    let port = request.port.or(listened).filter(|&port| port != default);
    let value = match port {
        Some(port) => [host, b":", port.to_string().as_bytes()].concat(),
        None => host.to_vec(),
    };
    match edited.headers.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case(b"host")) {
        Some((_, old)) => *old = value,
        None if request.version > HttpVersion::V0_9 => edited.headers.insert(0, (b"Host".to_vec(), value)),
        None => {}
    }
    edited
}

/// How many letters must be put in, taken away or replaced.
fn distance(from: &[u8], to: &[u8]) -> usize {
    if from.len().max(to.len()) > COMPARED_BYTES_MAX {
        return from.len().max(to.len());
    }
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (at, byte) in from.iter().enumerate() {
        let mut corner = row[0];
        row[0] = at + 1;
        for (column, other) in to.iter().enumerate() {
            let replaced = corner + usize::from(byte != other);
            corner = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(corner + 1);
        }
    }
    row[to.len()]
}
