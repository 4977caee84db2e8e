//! Bytes that know where they come from.

use std::ops::Deref;

use super::question::{Input, Piece, Template};
use super::uri::{Escape, escape};

/// Bytes, and the pieces that they were put together from. Where none are kept, the bytes stand for themselves: what the
/// configuration says, or a walk that nobody watches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Traced {
    bytes: Vec<u8>,
    /// The pieces, each with how many of the bytes it gave.
    from: Option<Vec<(Piece, usize)>>,
}

impl Deref for Traced {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Traced {
    /// What the configuration says.
    pub(crate) fn text(bytes: impl Into<Vec<u8>>) -> Traced {
        Traced { bytes: bytes.into(), from: None }
    }

    /// What a single piece gives.
    pub(crate) fn piece(bytes: Vec<u8>, piece: Piece) -> Traced {
        let length = bytes.len();
        Traced { bytes, from: Some(vec![(piece, length)]) }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Whether every request gives these very bytes.
    pub(crate) fn is_text(&self) -> bool {
        self.from.is_none()
    }

    pub(crate) fn template(&self) -> Template {
        let Some(from) = &self.from else { return Template::text(&self.bytes) };
        let mut template = Template::default();
        from.iter().for_each(|(piece, _)| template.push(piece.clone()));
        template
    }

    /// The pieces with their bytes.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = (&Piece, &[u8])> {
        let mut at = 0;
        self.from.iter().flatten().map(move |(piece, length)| {
            at += length;
            (piece, &self.bytes[at - length..at])
        })
    }

    fn from_pieces(pieces: impl Iterator<Item = (Piece, Vec<u8>)>) -> Traced {
        let mut made = Traced { bytes: Vec::new(), from: Some(Vec::new()) };
        for (piece, bytes) in pieces {
            made.push(&Traced::piece(bytes, piece));
        }
        made
    }

    pub(crate) fn push_text(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        if let Some(from) = self.from.as_mut().filter(|_| !text.is_empty()) {
            if let Some((Piece::Text(before), length)) = from.last_mut() {
                before.extend_from_slice(text);
                *length += text.len();
            } else {
                from.push((Piece::Text(text.to_vec()), text.len()));
            }
        }
    }

    pub(crate) fn push(&mut self, other: &Traced) {
        let Some(pieces) = &other.from else { return self.push_text(&other.bytes) };
        let bytes = std::mem::take(&mut self.bytes);
        let from = self.from.take();
        let length = bytes.len();
        self.from = Some(match from {
            Some(from) => from,
            None if bytes.is_empty() => Vec::new(),
            None => vec![(Piece::Text(bytes.clone()), length)],
        });
        self.bytes = bytes;
        for (piece, bytes) in other.pieces() {
            match piece {
                Piece::Text(text) => self.push_text(text),
                piece => {
                    self.bytes.extend_from_slice(bytes);
                    self.from.get_or_insert_default().push((piece.clone(), bytes.len()));
                }
            }
        }
        debug_assert!(pieces.is_empty() || self.from.is_some(), "pieces stay");
    }

    /// This and what follows.
    pub(crate) fn then(mut self, other: &Traced) -> Traced {
        self.push(other);
        self
    }

    /// This and a text of the configuration.
    pub(crate) fn and(mut self, text: &[u8]) -> Traced {
        self.push_text(text);
        self
    }

    pub(crate) fn escaped(&self, what: Escape) -> Traced {
        let how = match what {
            Escape::Uri => "escape-uri",
            Escape::Args => "escape-args",
        };
        if self.is_text() {
            return Traced::text(escape(&self.bytes, what));
        }
        Traced::from_pieces(self.pieces().map(|(piece, bytes)| {
            let piece = match piece {
                Piece::Text(text) => Piece::Text(escape(text, what)),
                other => Piece::Changed { how, of: Template(vec![other.clone()]) },
            };
            (piece, escape(bytes, what))
        }))
    }

    /// Escaped, if the client wrote its URI so: `sent` says whether it did.
    pub(crate) fn escaped_as_sent(&self, what: Escape, sent: bool) -> Traced {
        let how = match what {
            Escape::Uri => "escape-uri-as-sent",
            Escape::Args => "escape-args-as-sent",
        };
        let change = |bytes: &[u8]| if sent { escape(bytes, what) } else { bytes.to_vec() };
        if self.is_text() {
            let escaped = escape(&self.bytes, what);
            if escaped == self.bytes {
                return self.clone();
            }
            let piece = Piece::Changed { how, of: Template::text(&self.bytes) };
            return Traced::piece(change(&self.bytes), piece);
        }
        Traced::from_pieces(self.pieces().map(|(piece, bytes)| {
            let piece = match piece {
                Piece::Text(text) if escape(text, what) == *text => piece.clone(),
                other => Piece::Changed { how, of: Template(vec![other.clone()]) },
            };
            (piece, change(bytes))
        }))
    }

    /// The whole written differently; `bytes` is what became of it.
    pub(crate) fn changed(&self, how: &'static str, bytes: Vec<u8>) -> Traced {
        if self.is_text() {
            return Traced::text(bytes);
        }
        Traced::piece(bytes, Piece::Changed { how, of: self.template() })
    }

    /// What follows this many bytes at the beginning; nothing where there are fewer.
    pub(crate) fn cut(&self, length: usize) -> Traced {
        let bytes = self.bytes.get(length..).unwrap_or(b"").to_vec();
        let Some(from) = &self.from else { return Traced::text(bytes) };
        if length == 0 {
            return self.clone();
        }
        let mut left = length;
        for (at, (piece, _)) in from.iter().enumerate() {
            match piece {
                Piece::Text(text) if text.len() > left => {
                    let mut rest = from[at..].to_vec();
                    rest[0] = (Piece::Text(text[left..].to_vec()), text.len() - left);
                    return Traced { bytes, from: Some(rest) };
                }
                Piece::Text(text) => left -= text.len(),
                _ if left == 0 => return Traced { bytes, from: Some(from[at..].to_vec()) },
                _ => {
                    let mut of = Template::default();
                    from[at..].iter().for_each(|(piece, _)| of.push(piece.clone()));
                    return Traced::piece(bytes, first_group(format!(r"(?s)\A.{{{left}}}(.*)\z"), of));
                }
            }
        }
        Traced::text(bytes)
    }

    /// As [`Traced::cut`], where the piece that is cut is known to be long enough: with that piece, and how long it must be.
    /// `None`: one cut through all that is left says the same.
    pub(crate) fn cut_within(&self, length: usize) -> Option<(Traced, Piece, usize)> {
        let mut left = length;
        let mut pieces = self.pieces();
        for (piece, bytes) in pieces.by_ref() {
            match piece {
                Piece::Text(_) if bytes.len() <= left => left -= bytes.len(),
                Piece::Text(_) => return None,
                _ if left == 0 || bytes.len() < left => return None,
                piece => {
                    let of = Template(vec![piece.clone()]);
                    let cut = first_group(format!(r"(?s)\A.{{{left}}}(.*)\z"), of);
                    let mut made = Traced::piece(bytes[left..].to_vec(), cut);
                    let before = made.len();
                    pieces
                        .for_each(|(piece, bytes)| made.push(&Traced::piece(bytes.to_vec(), piece.clone())));
                    let is_last =
                        made.from.as_ref().is_none_or(|from| from.len() == 1) && made.len() == before;
                    return (!is_last).then(|| (made, piece.clone(), left));
                }
            }
        }
        None
    }

    /// Without the slash at its end, if there is one.
    pub(crate) fn without_last_slash(&self) -> Traced {
        let how = "without-last-slash";
        let bytes = self.bytes.strip_suffix(b"/").unwrap_or(&self.bytes).to_vec();
        let Some(from) = &self.from else { return Traced::text(bytes) };
        match from.split_last() {
            Some(((Piece::Text(_), _), before)) => {
                let mut made = Traced { bytes: Vec::new(), from: Some(Vec::new()) };
                self.pieces().take(before.len()).for_each(|(piece, bytes)| {
                    made.push(&Traced::piece(bytes.to_vec(), piece.clone()));
                });
                let at = made.len();
                made.and(&bytes[at..])
            }
            // It is never empty, so that the slash is its own.
            Some(((piece @ Piece::Input(Input::Uri | Input::Target), length), before)) => {
                let last = self.bytes.len() - length;
                let changed = Piece::Changed { how, of: Template(vec![piece.clone()]) };
                let changed = Traced::piece(bytes[last..].to_vec(), changed);
                let start = Traced { bytes: bytes[..last].to_vec(), from: Some(before.to_vec()) };
                start.then(&changed)
            }
            _ => Traced::piece(bytes, Piece::Changed { how, of: self.template() }),
        }
    }

    /// The first bytes.
    pub(crate) fn start(&self, length: usize) -> Traced {
        let bytes = self.bytes[..length.min(self.bytes.len())].to_vec();
        if self.is_text() || self.fixed_start().len() >= length {
            return Traced::text(bytes);
        }
        Traced::piece(bytes, first_group(format!(r"(?s)\A(.{{0,{length}}})"), self.template()))
    }

    /// What stands before and from the place `at`, which is that of the first byte of `set`.
    pub(crate) fn split(&self, at: usize, set: &str) -> (Traced, Traced) {
        if self.is_text() {
            return (Traced::text(&self.bytes[..at]), Traced::text(&self.bytes[at..]));
        }
        let (mut before, mut after) = (Traced::default(), Traced::default());
        let mut from = 0;
        for (piece, bytes) in self.pieces() {
            let end = from + bytes.len();
            let whole = Traced::piece(bytes.to_vec(), piece.clone());
            if end <= at {
                before.push(&whole);
            } else if from >= at {
                after.push(&whole);
            } else {
                let (first, last) = bytes.split_at(at - from);
                if let Piece::Text(_) = piece {
                    before.push_text(first);
                    after.push_text(last);
                } else {
                    let of = Template(vec![piece.clone()]);
                    let start = first_group(format!(r"(?s)\A([^{set}]*)"), of.clone());
                    let rest = first_group(format!(r"(?s)\A[^{set}]*(.*)\z"), of);
                    before.push(&Traced::piece(first.to_vec(), start));
                    after.push(&Traced::piece(last.to_vec(), rest));
                }
            }
            from = end;
        }
        (before, after)
    }

    /// This behind `before`, unless it is empty: `?` and arguments, `&` and more of them.
    pub(crate) fn behind(&self, before: u8) -> Traced {
        if self.is_text() {
            let empty = self.bytes.is_empty();
            return Traced::text(if empty { Vec::new() } else { [&[before], &self.bytes[..]].concat() });
        }
        if self.pieces().any(|(piece, _)| matches!(piece, Piece::Text(_))) {
            return Traced::text([before]).then(self);
        }
        let how = if before == b'?' { "query" } else { "more-args" };
        let bytes = if self.bytes.is_empty() { Vec::new() } else { [&[before], &self.bytes[..]].concat() };
        self.changed(how, bytes)
    }

    /// The first bytes that every request gives alike.
    pub(crate) fn fixed_start(&self) -> &[u8] {
        match self.from.as_ref().map(|from| from.first()) {
            None => &self.bytes,
            Some(Some((Piece::Text(_), length))) => &self.bytes[..*length],
            Some(_) => b"",
        }
    }

    /// The last bytes that every request gives alike.
    pub(crate) fn fixed_end(&self) -> &[u8] {
        match self.from.as_ref().map(|from| from.last()) {
            None => &self.bytes,
            Some(Some((Piece::Text(_), length))) => &self.bytes[self.bytes.len() - length..],
            Some(_) => b"",
        }
    }
}

fn first_group(pattern: String, of: Template) -> Piece {
    Piece::Group { pattern: pattern.into_bytes(), caseless: false, group: 1, of }
}

impl Template {
    /// What the configuration says.
    #[must_use]
    pub fn text(text: &[u8]) -> Template {
        if text.is_empty() { Template::default() } else { Template(vec![Piece::Text(text.to_vec())]) }
    }

    /// What the request says.
    #[must_use]
    pub fn input(input: Input) -> Template {
        Template(vec![Piece::Input(input)])
    }

    /// Adds a piece; texts grow together.
    pub fn push(&mut self, piece: Piece) {
        match (self.0.last_mut(), piece) {
            (_, Piece::Text(text)) if text.is_empty() => {}
            (Some(Piece::Text(before)), Piece::Text(text)) => before.extend(text),
            (_, piece) => self.0.push(piece),
        }
    }

    /// The bytes, where no request changes them.
    #[must_use]
    pub fn fixed(&self) -> Option<&[u8]> {
        match &self.0[..] {
            [] => Some(b""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }
}
