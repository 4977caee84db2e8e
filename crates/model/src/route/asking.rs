//! What the request decides about values, and the questions that say so.

use super::FileKind;
use super::blocks::Role;
use super::question::{Answered, Atom, Input, Is, Piece, Question, Template, Test};
use super::traced::Traced;
use super::walk::Walk;
use crate::config::NodeId;

impl Walk<'_, '_> {
    /// Whether a value begins so.
    pub(super) fn begins(&mut self, value: &Traced, with: &[u8]) -> bool {
        let begins = value.starts_with(with);
        let fixed = value.fixed_start();
        let differs = fixed.iter().zip(with).any(|(a, b)| a != b);
        if !value.is_text() && !differs && fixed.len() < with.len() {
            let test = || Test::Begins(with.to_vec());
            self.asks(|_| (value.template(), test()), Answered::Holds(begins));
        }
        begins
    }

    /// Whether a value ends so.
    pub(super) fn ends(&mut self, value: &Traced, with: &[u8]) -> bool {
        let ends = value.ends_with(with);
        if !value.is_text() && value.fixed_end().len() < with.len() {
            let last = value.pieces().last();
            let subject = match last.filter(|_| with.len() == 1) {
                Some((Piece::Input(Input::Uri), _)) => Template::input(Input::Uri),
                _ => value.template(),
            };
            self.asks(|_| (subject, Test::Ends(with.to_vec())), Answered::Holds(ends));
        }
        ends
    }

    /// Whether a value is empty.
    pub(super) fn is_empty(&mut self, value: &Traced) -> bool {
        let certain = |piece: &Piece| {
            matches!(piece, Piece::Text(_) | Piece::Input(Input::Uri | Input::Method | Input::Target))
        };
        if !value.is_text() && !value.pieces().any(|(piece, _)| certain(piece)) {
            let empty = value.is_empty();
            self.asks(|_| (value.template(), Test::Equals(Template::default())), Answered::Holds(empty));
        }
        value.is_empty()
    }

    /// What follows this many bytes at the beginning; asks whether the piece that is cut is so long where that makes it plainer.
    pub(super) fn cut(&mut self, value: &Traced, length: usize) -> Traced {
        if !self.is_watched() {
            return value.cut(length);
        }
        match value.cut_within(length) {
            Some((cut, piece, least)) => {
                let pattern = format!(r"(?s)\A.{{{least}}}").into_bytes();
                let test = Test::Regex { pattern, caseless: false };
                self.asks(|_| (Template(vec![piece]), test), Answered::Holds(true));
                cut
            }
            None => value.cut(length),
        }
    }

    /// Notes that a value is this very one.
    pub(super) fn pin(&mut self, value: &Traced) {
        let test = || Test::Equals(Template::text(value));
        self.asks(|_| (value.template(), test()), Answered::Holds(true));
    }

    /// Whether two values are equal.
    pub(super) fn is(&mut self, left: &Traced, right: &Traced) -> bool {
        let equal = left[..] == right[..];
        if !self.is_watched() {
            return equal;
        }
        let (subject, other) = (left.template(), right.template());
        if subject == other {
            return equal;
        }
        // The side that the request decides comes first.
        let (subject, other) = if subject.fixed().is_some() { (other, subject) } else { (subject, other) };
        self.asks(|_| (subject, Test::Equals(other)), Answered::Holds(equal));
        equal
    }

    /// Whether a value is one of these.
    pub(super) fn is_one_of(&mut self, value: &Traced, of: &[&[u8]]) -> bool {
        let is = of.contains(&&value[..]);
        let list = || Test::OneOf(of.iter().map(|one| one.to_vec()).collect());
        self.asks(|_| (value.template(), list()), Answered::Holds(is));
        is
    }

    /// Where the first byte of `set` stands in a value; `set` is the inside of a character class.
    pub(super) fn first_of(&mut self, value: &Traced, set: &str) -> Option<usize> {
        let found = value.iter().position(|byte| set.as_bytes().contains(byte));
        if value.is_text() || !self.is_watched() {
            return found;
        }
        let mut at = 0;
        let mut asked: Vec<(Piece, bool)> = Vec::new();
        for (piece, bytes) in value.pieces() {
            let here = bytes.iter().any(|byte| set.as_bytes().contains(byte));
            if !matches!(piece, Piece::Text(_)) && !never_has(piece, set) {
                asked.push((piece.clone(), here));
            }
            at += bytes.len();
            if found.is_some_and(|found| found < at) {
                break;
            }
        }
        for (piece, here) in asked {
            let test = Test::Regex { pattern: format!("[{set}]").into_bytes(), caseless: false };
            self.asks(|_| (Template(vec![piece]), test), Answered::Holds(here));
        }
        found
    }

    /// Whether a regex that the request decides about found something; notes it.
    pub(super) fn ask_regex(&mut self, value: &Traced, pattern: &[u8], caseless: bool, found: bool) {
        let test = || Test::Regex { pattern: pattern.to_vec(), caseless };
        self.asks(|_| (value.template(), test()), Answered::Holds(found));
    }

    /// Notes whether the method is among those that a `limit_except` of the block excepts.
    pub(super) fn ask_excepted(&mut self, block: NodeId, excepted: bool) {
        if !self.is_watched() {
            return;
        }
        let Some(node) = self.router.blocks.own_with(block, Role::LimitExcept).next() else { return };
        let mut methods: Vec<Vec<u8>> = node.args().map(<[u8]>::to_ascii_uppercase).collect();
        if methods.iter().any(|method| method == b"GET") && !methods.iter().any(|method| method == b"HEAD") {
            methods.push(b"HEAD".to_vec());
        }
        if self.method_is_of_page && methods.iter().any(|method| method == b"GET") {
            return;
        }
        let method = self.method_traced().template();
        self.asks(|_| (method, Test::OneOf(methods)), Answered::Holds(excepted));
    }

    /// What lies at a path; `default` where neither the caller nor the world says it.
    pub(super) fn kind(&mut self, path: &Traced, default: FileKind) -> FileKind {
        let known = self.router.kind(path);
        if self.watch.is_none() {
            return known;
        }
        let watch_slash = self.is_watched() && path.len() > 1;
        let slash = if watch_slash { self.ends(path, b"/") } else { path.len() > 1 && path.ends_with(b"/") };
        let bare = path.strip_suffix(b"/").filter(|_| slash).unwrap_or(path).to_vec();
        let atom = Atom::File(bare);
        let said = self.watch.as_ref().and_then(|watch| watch.said(&atom));
        let said = match said {
            Some(Is::File(kind)) => Some(kind),
            Some(Is::Yes) => Some(if slash { FileKind::Directory } else { default }),
            Some(Is::No) => Some(FileKind::Absent),
            _ => None,
        };
        if !self.is_watched() {
            return said.map_or(known, |kind| seen(kind, slash));
        }
        let kind = said.unwrap_or(if known == FileKind::Unknown { default } else { known });
        if said.is_none() && path.is_text() && known != FileKind::Unknown {
            return known;
        }
        let subject = if slash { path.without_last_slash().template() } else { path.template() };
        if let Some(watch) = &mut self.watch {
            watch.taken.insert(atom.clone(), Is::File(kind));
        }
        let answer = Answered::Is(Is::File(kind));
        let question = Question { subject, test: Test::Atom(atom), answer, block: self.block };
        self.note(question);
        seen(kind, slash)
    }

    /// The method, which an `error_page` may have made GET.
    pub(super) fn method_traced(&self) -> Traced {
        let piece = || Piece::Input(Input::Method);
        match (self.is_watched() && !self.beside.subrequest, self.method_is_of_page) {
            (false, _) => Traced::text(&*self.method),
            (true, false) => Traced::piece(self.method.to_vec(), piece()),
            (true, true) => {
                let of = Template(vec![piece()]);
                Traced::piece(self.method.to_vec(), Piece::Changed { how: "get-or-head", of })
            }
        }
    }

    /// Whether the request names a host.
    pub(super) fn has_host(&mut self) -> bool {
        let host = self.host_traced();
        !self.is_empty(&host)
    }

    /// The name by which the server was asked for.
    pub(super) fn host_traced(&self) -> Traced {
        self.given(&*self.host, || Input::Host)
    }

    /// A value that the request gives.
    pub(super) fn given(&self, bytes: impl Into<Vec<u8>>, input: impl FnOnce() -> Input) -> Traced {
        if self.is_watched() {
            Traced::piece(bytes.into(), Piece::Input(input()))
        } else {
            Traced::text(bytes)
        }
    }

    /// A value that nobody can follow: `what` says all that it rests on.
    pub(super) fn opaque(&self, bytes: Vec<u8>, what: impl FnOnce() -> String) -> Traced {
        if self.is_watched() { Traced::piece(bytes, Piece::Opaque(what())) } else { Traced::text(bytes) }
    }
}

/// A file is nothing where a directory is wanted.
fn seen(kind: FileKind, slash: bool) -> FileKind {
    if slash && kind == FileKind::File { FileKind::Absent } else { kind }
}

/// Whether a piece cannot have a byte of the set.
fn never_has(piece: &Piece, set: &str) -> bool {
    match piece {
        Piece::Input(Input::Host | Input::Method) => !set.contains(|c| !"/?".contains(c)),
        Piece::Changed { how: "escape-uri" | "escape-args", .. } => set == "?",
        _ => false,
    }
}
