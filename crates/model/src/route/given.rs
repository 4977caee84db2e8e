//! Templates filled in and questions answered for a request, without walking it.

use std::net::IpAddr;
use std::sync::Arc;

use super::Router;
use super::address::{Cidr, Peer};
use super::location::End;
use super::map::Line;
use super::name::Found;
use super::observe::Watch;
use super::question::{Answered, Atom, Input, Is, Piece, Question, Template, Test, World};
use super::regex::{Matched, Patterns};
use super::uri::{Escape, escape, unescape_redirect};
use super::variables::{argument, cookie_of, header_of};
use super::walk::{Header, Walk};
use crate::choice::Chosen;
use crate::config::NodeId;
use crate::number::atoi;
use crate::request::{HttpVersion, Request};

/// What a request gives: the value of every [`Input`].
#[derive(Debug, Clone)]
pub struct Given {
    host: Vec<u8>,
    sni: Vec<u8>,
    uri: Vec<u8>,
    args: Vec<u8>,
    target: Vec<u8>,
    method: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    client: Option<IpAddr>,
    version: HttpVersion,
    /// Whether the client wrote `%XX` in its path, and whether a `+`.
    quoted: bool,
    plus: bool,
    /// Whether `$http_x` is the first line of a header only.
    first_line_only: bool,
    patterns: Arc<Patterns>,
}

impl Given {
    /// Whether a request names a host, asks for a path and sends no header twice.
    pub(super) fn is_plain(walk: &Walk<'_, '_>) -> bool {
        let is_first = |(at, (name, _)): (usize, &Header<'_>)| {
            !walk.headers[..at].iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
        };
        walk.valid_unparsed_uri
            && !walk.host.is_empty()
            && *walk.unparsed_uri == walk.request.target
            && walk.headers.iter().enumerate().all(is_first)
    }

    pub(super) fn of(walk: &Walk<'_, '_>) -> Given {
        Given {
            host: walk.host.to_vec(),
            sni: walk.request.sni.clone().unwrap_or_default().to_ascii_lowercase(),
            uri: walk.uri.to_vec(),
            args: walk.args.to_vec(),
            target: walk.unparsed_uri.to_vec(),
            method: walk.method.to_vec(),
            headers: walk.headers.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect(),
            client: match walk.beside.peer {
                Peer::Ip(address) => Some(address),
                Peer::Unix | Peer::Unknown => walk.request.client,
            },
            version: walk.version,
            quoted: walk.quoted_uri,
            plus: walk.plus_in_uri,
            first_line_only: walk.router.takes_first_lines(),
            patterns: Arc::clone(&walk.router.patterns),
        }
    }

    /// The value of an input.
    #[must_use]
    pub fn input(&self, input: &Input) -> Vec<u8> {
        let header = |name: &[u8]| {
            header_of(&self.headers, std::str::from_utf8(name).unwrap_or("?"), self.first_line_only)
        };
        match input {
            Input::Host => self.host.clone(),
            Input::Sni => self.sni.clone(),
            Input::Uri => self.uri.clone(),
            Input::Args => self.args.clone(),
            Input::Target => self.target.clone(),
            Input::Method => self.method.clone(),
            Input::Header(name) => header(name),
            Input::Cookie(name) => cookie_of(&self.headers, name).to_vec(),
            Input::Argument(name) => argument(&self.args, name).unwrap_or(b"").to_vec(),
            Input::Client => self.client.map_or_else(Vec::new, |ip| ip.to_string().into_bytes()),
            Input::Protocol => match self.version {
                HttpVersion::V0_9 => Vec::new(),
                HttpVersion::V1_0 => b"HTTP/1.0".to_vec(),
                HttpVersion::V1_1 => b"HTTP/1.1".to_vec(),
                HttpVersion::V2 => b"HTTP/2.0".to_vec(),
            },
            Input::ContentLength => header(b"content_length"),
        }
    }

    fn piece(&self, piece: &Piece) -> Option<Vec<u8>> {
        Some(match piece {
            Piece::Text(text) => text.clone(),
            Piece::Input(input) => self.input(input),
            Piece::Opaque(_) => return None,
            Piece::Group { pattern, caseless, group, of } => {
                let of = of.fill(self)?;
                match self.patterns.get(pattern, *caseless).of(&of) {
                    Matched::Yes(captured) => captured.groups.get(*group).cloned().unwrap_or_default(),
                    Matched::No => Vec::new(),
                    Matched::Unknown => return None,
                }
            }
            Piece::Changed { how, of } => self.changed(how, of.fill(self)?)?,
        })
    }

    fn changed(&self, how: &str, of: Vec<u8>) -> Option<Vec<u8>> {
        let behind = |mark: u8| if of.is_empty() { Vec::new() } else { [&[mark], &of[..]].concat() };
        let without = |end: &[u8]| of.strip_suffix(end).unwrap_or(&of).to_vec();
        Some(match how {
            "escape-uri" => escape(&of, Escape::Uri),
            "escape-args" => escape(&of, Escape::Args),
            "escape-uri-as-sent" if self.quoted => escape(&of, Escape::Uri),
            "escape-args-as-sent" if self.quoted || self.plus => escape(&of, Escape::Args),
            "escape-uri-as-sent" | "escape-args-as-sent" => of,
            "unescape" => unescape_redirect(&of),
            "query" => behind(b'?'),
            "more-args" => behind(b'&'),
            "is-args" if of.is_empty() => Vec::new(),
            "is-args" => b"?".to_vec(),
            "get-or-head" if of == b"HEAD" => of,
            "get-or-head" => b"GET".to_vec(),
            "without-last-slash" => without(b"/"),
            "without-last-dot" => without(b"."),
            "lower" => of.to_ascii_lowercase(),
            _ => return None,
        })
    }
}

impl Template {
    /// The value for a request; `None` where nobody can follow it.
    #[must_use]
    pub fn fill(&self, given: &Given) -> Option<Vec<u8>> {
        let mut value = Vec::new();
        for piece in &self.0 {
            value.extend(given.piece(piece)?);
        }
        Some(value)
    }
}

impl Router<'_> {
    /// What a request gives to its walk; `None` where it is refused before it has one, names no
    /// host, asks for an absolute URL or sends a header twice.
    pub fn given(&self, request: &Request) -> Option<Given> {
        let mut watch = Watch::over(&World::default());
        super::entry::route(self, request, Some(&mut watch));
        watch.given
    }

    /// What would be answered to a question of this configuration for a request; `None` where that cannot be told.
    pub fn answer(&self, question: &Question, given: &Given, world: &World) -> Option<Answered> {
        if let Test::Atom(atom) = &question.test {
            return self.atom(atom, &question.subject, given, world).map(Answered::Is);
        }
        let value = question.subject.fill(given)?;
        let chosen = |chosen| Some(Answered::Chosen(chosen));
        let holds = match &question.test {
            Test::Regex { pattern, caseless } => match self.patterns.get(pattern, *caseless).of(&value) {
                Matched::Yes(_) => true,
                Matched::No => false,
                Matched::Unknown => return None,
            },
            Test::Equals(other) => value == other.fill(given)?,
            Test::Truth => !value.is_empty() && value != b"0",
            Test::Begins(with) => value.starts_with(with),
            Test::Ends(with) => value.ends_with(with),
            Test::OneOf(of) => of.contains(&value),
            Test::Range(range) => {
                let address = std::str::from_utf8(&value).ok().and_then(|text| text.parse::<IpAddr>().ok());
                Cidr::of(range)?.has(address?)
            }
            Test::MoreThan(limit) => atoi(&value).is_some_and(|number| number > *limit),
            Test::Server(place) => return chosen(self.server_of(*place, &value)?),
            Test::Location(server) => {
                let (end, search) = self.locations(*server).find(&value);
                return chosen(location_chosen(end, search.location, self.config.servers()[*server].node));
            }
            Test::Map(node) => return chosen(self.line_of(*node, &value)?),
            Test::Atom(_) => return None,
        };
        Some(Answered::Holds(holds))
    }

    fn atom(&self, atom: &Atom, subject: &Template, given: &Given, world: &World) -> Option<Is> {
        let atom = match atom {
            Atom::File(_) => Atom::File(subject.fill(given)?),
            Atom::Upstream(_) if !subject.0.is_empty() => Atom::Upstream(subject.fill(given)?),
            other => other.clone(),
        };
        let known = || match &atom {
            Atom::File(path) => match self.kind(path) {
                super::FileKind::Unknown => None,
                kind => Some(Is::File(kind)),
            },
            _ => None,
        };
        world.get(&atom).or_else(known)
    }

    fn server_of(&self, place: usize, name: &[u8]) -> Option<Chosen> {
        let socket = self.sockets.all.get(place)?;
        let block = |server: usize| self.config.servers()[server].node;
        let found = socket.names(self.config, &self.patterns).map(|names| names.find(name));
        Some(match found {
            Some(Found::Server(claim, _)) => Chosen::Rule(block(claim.server)),
            None | Some(Found::Nobody) => Chosen::Rule(block(socket.default)),
            Some(Found::Unknown(_)) => Chosen::Unknown(block(socket.default)),
        })
    }

    fn line_of(&self, node: NodeId, value: &[u8]) -> Option<Chosen> {
        let line = if let Some(map) = self.maps().get(&node) {
            match map.line(value) {
                Line::Is(line, _) => line,
                Line::Unknown => return Some(Chosen::Unknown(node)),
            }
        } else if let Some(geo) = self.tables().geos.get(&node) {
            geo.find(super::address::parse(value))
        } else {
            self.tables().shares.get(&node)?.line(value)
        };
        Some(line.map_or(Chosen::Nothing, Chosen::Rule))
    }
}

/// The answer of a search for a location.
pub(super) fn location_chosen(end: End, location: Option<NodeId>, server: NodeId) -> Chosen {
    match (end, location) {
        (End::Unknown, node) => Chosen::Unknown(node.unwrap_or(server)),
        (End::Redirect, Some(node)) => Chosen::Redirect(node),
        (_, Some(node)) => Chosen::Rule(node),
        (_, None) => Chosen::Nothing,
    }
}
