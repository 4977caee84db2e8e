//! The outcome of a walk as the pieces that it was put together from.

use super::question::{Shape, Template};
use super::traced::Traced;
use super::walk::Walk;
use crate::config::{Node, NodeId};
use crate::request::{Outcome, Route};

impl Walk<'_, '_> {
    /// Notes a word of the outcome that is not in it.
    pub(super) fn tell_word(&mut self, word: &str) {
        let is_own = !self.beside.subrequest;
        if let Some(watch) = self.watch.as_mut().filter(|watch| is_own && watch.questions.is_some()) {
            watch.shape.words.push(word.to_owned());
        }
    }

    /// Notes a header that is added or sent: which, its name, when, and its value.
    pub(super) fn tell_header(&mut self, what: &str, name: &[u8], how: &str, value: &Traced) {
        if let Some(watch) = self.watch.as_mut().filter(|watch| watch.questions.is_some()) {
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            watch.beside.words.push(format!("{what} {name} {how}").trim_end().to_owned());
            watch.beside.values.push(value.template());
        }
    }

    /// Notes that the whole of a directive answers.
    pub(super) fn tell_block(&mut self, node: Node<'_>) {
        if self.is_watched() {
            let written = self.written(node.id());
            self.tell_word(&written);
        }
    }

    /// A directive with all that stands in it, as one text.
    pub(super) fn written(&self, node: NodeId) -> String {
        let node = self.router.config.node(node);
        let mut text = String::from_utf8_lossy(node.name_bytes()).into_owned();
        for argument in node.args() {
            text.push(' ');
            text.push_str(&String::from_utf8_lossy(argument));
        }
        if node.is_block() {
            let inside: Vec<String> = node.children().map(|child| self.written(child.id())).collect();
            text.push_str(&format!(" {{{}}}", inside.join(";")));
        }
        text
    }

    /// Notes the outcome.
    pub(super) fn tell(&mut self, outcome: &Outcome<Traced>, status: Option<u16>) {
        if !self.is_watched() {
            return;
        }
        let method = (self.method_is_of_page && matches!(outcome, Outcome::Pass { .. }))
            .then(|| self.method_traced().template());
        let Some(watch) = &mut self.watch else { return };
        let (words, mut values) = shape(outcome, status);
        values.extend(method);
        watch.shape.words.splice(0..0, words);
        watch.shape.values = values;
    }
}

/// The words and values of an outcome.
fn shape(outcome: &Outcome<Traced>, status: Option<u16>) -> (Vec<String>, Vec<Template>) {
    let seen = status.map_or_else(String::new, |status| status.to_string());
    let (kind, values) = match outcome {
        Outcome::Pass { kind, pass, .. } => (kind.name(), vec![pass.template()]),
        Outcome::File { path } => ("file", vec![path.template()]),
        Outcome::Files { candidates } => ("files", candidates.iter().map(Traced::template).collect()),
        Outcome::Redirect { location, .. } => ("redirect", vec![location.template()]),
        Outcome::Return { body: Some(body), .. } => ("return", vec![body.template()]),
        // The page of nginx's own is the same, whoever asks for it.
        Outcome::Return { body: None, status } | Outcome::Error { status, .. } if *status >= 300 => {
            ("error", Vec::new())
        }
        Outcome::Return { body: None, .. } => ("return", Vec::new()),
        Outcome::Error { .. } => ("error", Vec::new()),
        Outcome::Close { .. } => ("close", Vec::new()),
    };
    (vec![kind.to_owned(), seen], values)
}

/// The shape of a connection that ends before there is a request.
pub(super) fn shape_of_refusal(route: &Route) -> Shape {
    let how = if route.listen.is_none() { "refused" } else { "handshake" };
    Shape { words: vec![String::from("close"), how.to_owned()], values: Vec::new() }
}

/// An outcome with nothing but its bytes.
pub(super) fn plain(outcome: Outcome<Traced>) -> Outcome {
    match outcome {
        Outcome::Pass { kind, upstream, servers, pass } => {
            Outcome::Pass { kind, upstream, servers, pass: pass.into_bytes() }
        }
        Outcome::File { path } => Outcome::File { path: path.into_bytes() },
        Outcome::Files { candidates } => {
            Outcome::Files { candidates: candidates.into_iter().map(Traced::into_bytes).collect() }
        }
        Outcome::Redirect { status, location } => {
            Outcome::Redirect { status, location: location.into_bytes() }
        }
        Outcome::Return { status, body } => Outcome::Return { status, body: body.map(Traced::into_bytes) },
        Outcome::Close { reason } => Outcome::Close { reason },
        Outcome::Error { status, reason } => Outcome::Error { status, reason },
    }
}
