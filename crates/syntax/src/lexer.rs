//! From bytes to tokens, as nginx cuts them.
//!
//! nginx reads a file through a buffer of 4,096 bytes in which the token that is being read must fit. Where the buffer
//! is refilled makes no difference to that: a refill keeps everything from the first byte of the token on, so the buffer
//! is full exactly when 4,096 bytes from there have been taken and the file goes on. What counts as the first byte does
//! make one: it is the byte after an opening quote, and it stays while the closing quote and one white space after the
//! token are read.
//!
//! Source: `ngx_conf_read_token`, src/core/ngx_conf_file.c

use crate::kind::TokenKind;
use crate::parser::SyntaxErrorKind;

/// The size of nginx's buffer: `NGX_CONF_BUFFER`, src/core/ngx_conf_file.c.
pub const BUFFER_BYTES: usize = 4096;

/// How many bytes of a word that is too long nginx shows.
const SHOWN_BYTES: usize = 10;

/// What nginx refuses, and the byte whose line it reports.
pub(crate) type Refusal = (SyntaxErrorKind, usize);

/// Reads one token after the other; every byte goes into exactly one.
pub(crate) struct Lexer<'t> {
    bytes: &'t [u8],
    /// Where the next token starts.
    pub(crate) pos: usize,
    /// Where nginx's buffer ends: the Lua module sees no further.
    pub(crate) window: usize,
    /// What is wrong with the last token; whoever reads the tokens takes it.
    pub(crate) error: Option<Refusal>,
    last: TokenKind,
}

const PLAIN: u8 = 0;
const SPACE: u8 = 1;
const END: u8 = 2;
const ESCAPE: u8 = 3;
const DOLLAR: u8 = 4;

/// What a byte does inside an unquoted word.
static CLASS: [u8; 256] = {
    let mut class = [PLAIN; 256];
    class[b' ' as usize] = SPACE;
    class[b'\t' as usize] = SPACE;
    class[b'\r' as usize] = SPACE;
    class[b'\n' as usize] = SPACE;
    class[b';' as usize] = END;
    class[b'{' as usize] = END;
    class[b'\\' as usize] = ESCAPE;
    class[b'$' as usize] = DOLLAR;
    class
};

fn is_space(byte: u8) -> bool {
    CLASS[byte as usize] == SPACE
}

impl<'t> Lexer<'t> {
    pub(crate) fn new(bytes: &'t [u8]) -> Lexer<'t> {
        Lexer { bytes, pos: 0, window: 0, error: None, last: TokenKind::Semicolon }
    }

    /// The next token and where it starts; `None` at the end.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<(TokenKind, usize)> {
        let start = self.pos;
        let byte = *self.bytes.get(start)?;
        if matches!(self.last, TokenKind::Semicolon | TokenKind::Open | TokenKind::Close) {
            self.fill(start, start);
        }
        let glued = matches!(self.last, TokenKind::DoubleQuoted | TokenKind::SingleQuoted)
            && !is_space(byte)
            && !matches!(byte, b';' | b'{' | b')' | b'}');
        if glued {
            self.refuse((SyntaxErrorKind::Unexpected(byte), start));
        }
        let kind = match byte {
            b' ' | b'\t' | b'\r' | b'\n' => self.space(),
            b';' => self.one(TokenKind::Semicolon),
            b'{' => self.one(TokenKind::Open),
            b'}' => self.one(TokenKind::Close),
            b'#' => self.comment(),
            b'"' | b'\'' if glued && !self.closes_on_its_line(byte) => self.one(TokenKind::Word),
            b'"' | b'\'' => self.quoted(byte),
            _ => self.word(),
        };
        self.last = kind;
        Some((kind, start))
    }

    /// Keeps the first thing that is wrong with a token.
    #[cold]
    fn refuse(&mut self, refusal: Refusal) {
        self.error.get_or_insert(refusal);
    }

    /// Goes on behind a body that was read by somebody else.
    pub(crate) fn resume(&mut self, pos: usize, window: usize) {
        self.pos = pos;
        self.window = window;
        self.last = TokenKind::Lua;
    }

    fn one(&mut self, kind: TokenKind) -> TokenKind {
        self.pos += 1;
        kind
    }

    fn space(&mut self) -> TokenKind {
        let run = self.bytes[self.pos..].iter().take_while(|byte| is_space(**byte)).count();
        self.pos += run;
        // Each white space is the first byte of what may follow.
        while self.window <= self.pos && self.window < self.bytes.len() {
            self.fill(self.window - 1, self.pos);
        }
        TokenKind::Blank
    }

    fn comment(&mut self) -> TokenKind {
        let start = self.pos;
        self.pos = self.line_end(start);
        if self.overflows(start, self.pos) {
            self.refuse(self.too_long(start));
        }
        TokenKind::Comment
    }

    fn word(&mut self) -> TokenKind {
        let (bytes, start) = (self.bytes, self.pos);
        let mut at = start;
        while let Some(byte) = bytes.get(at) {
            match CLASS[*byte as usize] {
                PLAIN => at += 1,
                ESCAPE => at += 2,
                DOLLAR => {
                    at += 1;
                    while bytes.get(at) == Some(&b'{') {
                        at += 1;
                    }
                }
                _ => break,
            }
        }
        self.pos = at.min(bytes.len());
        if self.overflows(start, self.behind(self.pos)) {
            self.refuse(self.too_long(start));
        }
        TokenKind::Word
    }

    fn quoted(&mut self, quote: u8) -> TokenKind {
        let kind = if quote == b'"' { TokenKind::DoubleQuoted } else { TokenKind::SingleQuoted };
        let (size, start) = (self.bytes.len(), self.pos + 1);
        let within = (start + BUFFER_BYTES).min(size);
        if let Some(last) = self.closing(quote, start, within) {
            self.pos = last + 1;
            if self.overflows(start, self.behind(self.pos)) {
                self.refuse(self.too_long(start));
            }
            return kind;
        }
        self.refuse(match start + BUFFER_BYTES < size {
            true => (SyntaxErrorKind::TooLongQuoted(quote), start),
            false => (SyntaxErrorKind::EndInDirective, size),
        });
        self.window = size;
        self.pos = self.recover(quote, start);
        kind
    }

    /// Whether a quote at hand has its end on the same line; a lone one behind a closing quote is one too many.
    fn closes_on_its_line(&self, quote: u8) -> bool {
        let start = self.pos + 1;
        self.closing(quote, start, self.line_end(start)).is_some()
    }

    fn line_end(&self, start: usize) -> usize {
        let rest = &self.bytes[start..];
        start + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len())
    }

    /// Where the closing quote stands.
    fn closing(&self, quote: u8, from: usize, to: usize) -> Option<usize> {
        let mut at = from;
        while at < to {
            match self.bytes[at] {
                byte if byte == quote => return Some(at),
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        None
    }

    /// Where to go on when a quoted text does not end in time: behind its end if that is on the same line, else as if
    /// the end of its line, or the `;` or `{` there, were meant to end it.
    fn recover(&self, quote: u8, start: usize) -> usize {
        let line = self.line_end(start);
        if let Some(last) = self.closing(quote, start, line) {
            return last + 1;
        }
        let mut end = line;
        for wanted in [is_space, |byte| matches!(byte, b';' | b'{'), is_space] {
            end -= self.bytes[start..end].iter().rev().take_while(|byte| wanted(**byte)).count();
        }
        end
    }

    /// Behind the white space that ends a token, or behind the token if something else does.
    fn behind(&self, end: usize) -> usize {
        end + usize::from(self.bytes.get(end).is_some_and(|byte| is_space(*byte)))
    }

    /// Whether the buffer is full, and the file goes on, before nginx is at `end`; where not, refills it as nginx does.
    fn overflows(&mut self, start: usize, end: usize) -> bool {
        self.fill(start, end);
        start + BUFFER_BYTES <= end && start + BUFFER_BYTES < self.bytes.len()
    }

    fn fill(&mut self, start: usize, end: usize) {
        if self.window <= end {
            self.window = self.bytes.len().min(start + BUFFER_BYTES);
        }
    }

    fn too_long(&self, start: usize) -> Refusal {
        let shown = start + SHOWN_BYTES;
        (SyntaxErrorKind::TooLong(self.bytes[start..shown].to_vec()), start)
    }
}
