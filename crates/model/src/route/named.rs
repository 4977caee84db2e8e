//! The questions about names: which server has one, and what its regex captured.

use super::Router;
use super::listen::Socket;
use super::name::{Claim, Found};
use super::observe::Watch;
use super::question::{Answered, Input, Question, Template, Test};
use super::regex::Captured;
use super::walk::Walk;
use crate::choice::Chosen;
use crate::config::NodeId;

impl Watch {
    /// Notes which server a name led to.
    pub(super) fn ask_server(
        &mut self,
        router: &Router<'_>,
        socket: &Socket,
        name: &[u8],
        found: &Found,
        input: &Input,
    ) {
        let block = |server: usize| router.config.servers()[server].node;
        let (chosen, server) = match found {
            Found::Server(claim, _) => (Chosen::Rule(block(claim.server)), claim.server),
            Found::Nobody => (Chosen::Rule(block(socket.default)), socket.default),
            Found::Unknown(_) => (Chosen::Unknown(block(socket.default)), socket.default),
        };
        let Some(place) = router.sockets.all.iter().position(|other| other.key == socket.key) else { return };
        let default = block(socket.default);
        self.ask(input, Test::Server(place), Answered::Chosen(chosen), default);
        let told = if captures(router, server) { tests(router, server, name) } else { Vec::new() };
        for (test, holds) in told {
            self.ask(input, test, Answered::Holds(holds), default);
        }
    }

    fn ask(&mut self, input: &Input, test: Test, answer: Answered, block: NodeId) {
        let subject = Template::input(input.clone());
        self.note(Question { subject, test, answer, block });
    }
}

impl Walk<'_, '_> {
    /// Notes which server a name led to.
    pub(super) fn ask_server(&mut self, name: &[u8], found: &Found, input: &Input) {
        let (router, socket) = (self.router, self.socket);
        if let Some(watch) = &mut self.watch {
            watch.ask_server(router, socket, name, found, input);
        }
    }

    /// Whether a name is the one of the handshake.
    pub(super) fn is_name_of_handshake(&mut self, of_handshake: Option<&[u8]>, name: &[u8]) -> bool {
        let Some(of_handshake) = of_handshake else { return false };
        let is = of_handshake == name;
        let test = || Test::Equals(Template::input(Input::Sni));
        self.asks(|_| (Template::input(Input::Host), test()), Answered::Holds(is));
        is
    }

    /// Takes over what the regex of a name captured.
    pub(super) fn capture_name(&mut self, captured: Captured, claim: &Claim, name: &[u8], input: Input) {
        let node = claim.node.map(|node| self.router.config.node(node));
        let text = node.and_then(|node| node.arg(claim.arg)).unwrap_or(b"");
        let text = text.strip_prefix(b"~").unwrap_or(text);
        let name = self.given(name, || input);
        self.capture(captured, text, text.iter().any(u8::is_ascii_uppercase), &name);
    }
}

/// Whether one of a server's names captures something.
fn captures(router: &Router<'_>, server: usize) -> bool {
    let regexes =
        router.config.servers()[server].names.iter().filter_map(|name| name.text.strip_prefix(b"~"));
    regexes
        .into_iter()
        .any(|regex| router.patterns.get(regex, regex.iter().any(u8::is_ascii_uppercase)).captures())
}

/// By which of its names a server is found: the questions that tell, and their answers.
fn tests(router: &Router<'_>, server: usize, name: &[u8]) -> Vec<(Test, bool)> {
    let names = &router.config.servers()[server].names;
    let mut tests = Vec::new();
    let mut exact = Vec::new();
    for text in names.iter().map(|name| name.text.to_ascii_lowercase()) {
        match &text[..] {
            [b'~', ..] => {}
            [b'*', end @ ..] => tests.push((Test::Ends(end.to_vec()), name.ends_with(end))),
            [start @ .., b'*'] => tests.push((Test::Begins(start.to_vec()), name.starts_with(start))),
            [b'.', rest @ ..] => {
                tests.push((Test::Ends(text.clone()), name.ends_with(&text)));
                exact.push(rest.to_vec());
            }
            _ => exact.push(text),
        }
    }
    if !exact.is_empty() {
        let is = exact.iter().any(|one| one == name);
        tests.push((Test::OneOf(exact), is));
    }
    for regex in names.iter().filter_map(|name| name.text.strip_prefix(b"~")) {
        let caseless = regex.iter().any(u8::is_ascii_uppercase);
        let found = matches!(router.patterns.get(regex, caseless).of(name), super::regex::Matched::Yes(_));
        tests.push((Test::Regex { pattern: regex.to_vec(), caseless }, found));
    }
    tests
}
