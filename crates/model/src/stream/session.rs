//! One session on its way: what nginx keeps in `ngx_stream_session_t`, and its phases.
//!
//! Source: `ngx_stream_init_connection`, src/stream/ngx_stream_handler.c; `ngx_stream_phases`, src/stream/ngx_stream.h

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::connection::{Connection, StreamOutcome, StreamRoute};
use super::peer::Source;
use super::{StreamObserved, StreamRouter, open};
use crate::config::NodeId;
use crate::request::{Dependence, Limit, LocalAddress, Step};
use crate::route::listen::Socket;
use crate::route::question::{Answered, Question, Shape, Template, Test};
use crate::route::regex::Captured;
use crate::route::traced::Traced;

/// How often nginx hands a connection on with `pass`.
///
/// Source: `NGX_STREAM_PASS_MAX_PASSES`, src/stream/ngx_stream_pass_module.c
pub(super) const PASSES_MAX: u32 = 10;

/// How long the text of a step may get.
const STEP_BYTES_MAX: usize = 2_000;

/// How far the TLS handshake of the client is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tls {
    /// Nobody has looked.
    Unseen,
    /// `ssl_preread` has read its first message.
    Read,
    /// nginx itself has done it.
    Done,
}

/// A connection on its way.
pub(super) struct Session<'r, 'c> {
    pub(super) router: &'r StreamRouter<'c>,
    pub(super) connection: &'r Connection,
    pub(super) socket: &'r Socket,
    /// The local address of the connection itself, as far as it is known.
    pub(super) reached: Option<SocketAddr>,
    /// The same, or the one that the last `pass` named.
    pub(super) local: Option<SocketAddr>,
    /// The server, by its place in `Config::servers`.
    pub(super) server: usize,
    /// The client, as nginx counts it: behind a PROXY protocol header it may be another than the peer.
    pub(super) source: Source,
    pub(super) tls: Tls,
    pub(super) passes: u32,
    pub(super) captured: Vec<Traced>,
    /// What has been asked for once stays: a value that is asked for too early stays empty.
    pub(super) variables: BTreeMap<Vec<u8>, Traced>,
    /// The maps that wait for their source or value.
    pub(super) mapping: Vec<NodeId>,
    pub(super) maps_asked: usize,
    pub(super) limits: Vec<Limit>,
    pub(super) steps: Vec<Step>,
    pub(super) depends_on: BTreeSet<Dependence>,
    pub(super) questions: Vec<Question>,
    pub(super) shape: Shape,
}

/// Where the session goes next.
pub(super) enum Turn {
    /// On.
    On,
    /// Into another socket of stream.
    Enter(LocalAddress),
    /// It ends.
    Done(StreamOutcome),
}

/// A phase.
type Phase<'r, 'c> = fn(&mut Session<'r, 'c>) -> Turn;

impl<'r, 'c> Session<'r, 'c> {
    /// Goes on until there is an outcome.
    pub(super) fn run(router: &'r StreamRouter<'c>, connection: &'r Connection) -> StreamObserved {
        let mut depends_on = BTreeSet::new();
        let Some((socket, local)) = open::find(router, connection, &mut depends_on) else {
            return open::nowhere(connection, depends_on);
        };
        let mut session = Session {
            router,
            connection,
            socket,
            reached: local,
            local,
            server: socket.default,
            source: Source::of(connection),
            tls: Tls::Unseen,
            passes: 0,
            captured: Vec::new(),
            variables: BTreeMap::new(),
            mapping: Vec::new(),
            maps_asked: 0,
            limits: Vec::new(),
            steps: Vec::new(),
            depends_on,
            questions: Vec::new(),
            shape: Shape::default(),
        };
        let outcome = loop {
            match session.phases() {
                Turn::Enter(to) => session.enter(&to),
                Turn::Done(outcome) => break outcome,
                Turn::On => unreachable!("the last phase ends the session or hands it on"),
            }
        };
        session.finished(outcome)
    }

    fn phases(&mut self) -> Turn {
        const UP_TO_CONTENT: usize = 8;
        let phases: [Phase<'r, 'c>; UP_TO_CONTENT] = [
            Session::accept,
            Session::preface,
            Session::real_ip,
            Session::set,
            Session::limit,
            Session::access,
            Session::handshake,
            Session::preread,
        ];
        for phase in phases {
            match phase(self) {
                Turn::On => {}
                turn => return turn,
            }
        }
        self.content()
    }

    fn finished(mut self, outcome: StreamOutcome) -> StreamObserved {
        if let StreamOutcome::Close { reason } = &outcome {
            self.step("close", reason.clone(), None);
            self.shape = Shape { words: vec![String::from("close"), reason.clone()], values: Vec::new() };
        }
        let route = StreamRoute {
            outcome,
            listen: self.socket.key.local(),
            server: Some(self.router.server(self.server).id()),
            limits: self.limits,
            steps: self.steps,
            depends_on: self.depends_on.into_iter().collect(),
        };
        StreamObserved { route, questions: self.questions, shape: self.shape }
    }

    /// Into the socket that `pass` has found.
    fn enter(&mut self, to: &LocalAddress) {
        let router = self.router;
        let Some(socket) = router.listening(&router.tcp, to, self.reached) else {
            unreachable!("only sockets that are there are entered")
        };
        self.local = match to {
            LocalAddress::Inet(address) if !address.ip().is_unspecified() => Some(*address),
            LocalAddress::Inet(_) => self.reached,
            LocalAddress::Unix(_) => None,
        };
        (self.socket, self.server) = (socket, socket.default);
        (self.captured, self.variables) = (Vec::new(), BTreeMap::new());
        if self.tls == Tls::Read {
            self.tls = Tls::Unseen;
        }
    }

    pub(super) fn close(&mut self, reason: impl Into<String>) -> Turn {
        Turn::Done(StreamOutcome::Close { reason: reason.into() })
    }

    pub(super) fn step(&mut self, what: &'static str, text: impl Into<String>, node: Option<NodeId>) {
        let mut text: String = text.into();
        if text.len() > STEP_BYTES_MAX {
            text.truncate(text.floor_char_boundary(STEP_BYTES_MAX));
            text.push('…');
        }
        self.steps.push(Step { what, text, node });
    }

    pub(super) fn depend(&mut self, module: &str) {
        self.depends_on.insert(Dependence::Module(module.to_owned()));
    }

    /// Notes a question that the connection decides.
    pub(super) fn asks(&mut self, subject: Template, test: Test, answer: Answered) {
        if subject.fixed().is_some() && !matches!(test, Test::Server(_)) {
            return;
        }
        let block = self.router.server(self.server).id();
        let question = Question { subject, test, answer, block };
        if !self.questions.contains(&question) {
            self.questions.push(question);
        }
    }

    /// Takes over what a regex captured of `subject`.
    pub(super) fn capture(&mut self, captured: Captured, pattern: &[u8], caseless: bool, subject: &Traced) {
        use crate::route::question::Piece;
        let of = subject.template();
        let group = |(group, bytes): (usize, Vec<u8>)| {
            if of.fixed().is_some() {
                return Traced::text(bytes);
            }
            Traced::piece(bytes, Piece::Group { pattern: pattern.to_vec(), caseless, group, of: of.clone() })
        };
        self.captured = captured.groups.into_iter().enumerate().map(group).collect();
        for (name, bytes) in captured.named {
            let what = format!("{} of {}", String::from_utf8_lossy(&name), String::from_utf8_lossy(pattern));
            let value = match of.fixed() {
                Some(_) => Traced::text(bytes),
                None => Traced::piece(bytes, Piece::Opaque(format!("{what} in {of:?}"))),
            };
            self.variables.insert(name, value);
        }
    }
}

/// Bytes as text for people.
pub(super) fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
