//! The body of a `*_by_lua_block`, read as the Lua module reads it: through nginx's own buffer of 4,096 bytes, with a
//! lexer that does not remember what it saw before the last refill. So what is accepted depends on where in the file a
//! block stands, and this is repeated here.
//!
//! Source: `ngx_http_lua_conf_lua_block_parse` and `ngx_http_lua_conf_read_lua_token`, src/ngx_http_lua_directive.c;
//! `ngx_http_lua_lex`, src/ngx_http_lua_lex.c (lua-nginx-module 0.10.23)

use crate::lexer::{BUFFER_BYTES, Refusal};
use crate::parser::SyntaxErrorKind;

/// Every directive whose block is Lua, of `http` and of `stream`, in the order of their bytes.
const LUA_BLOCKS: [&[u8]; 21] = [
    b"access_by_lua_block",
    b"balancer_by_lua_block",
    b"body_filter_by_lua_block",
    b"content_by_lua_block",
    b"exit_worker_by_lua_block",
    b"header_filter_by_lua_block",
    b"init_by_lua_block",
    b"init_worker_by_lua_block",
    b"log_by_lua_block",
    b"precontent_by_lua_block",
    b"preread_by_lua_block",
    b"proxy_ssl_certificate_by_lua_block",
    b"proxy_ssl_verify_by_lua_block",
    b"rewrite_by_lua_block",
    b"server_rewrite_by_lua_block",
    b"set_by_lua_block",
    b"ssl_certificate_by_lua_block",
    b"ssl_client_hello_by_lua_block",
    b"ssl_psk_by_lua_block",
    b"ssl_session_fetch_by_lua_block",
    b"ssl_session_store_by_lua_block",
];

/// Whether the block of a directive is Lua.
#[must_use]
pub fn is_lua_block(name: &[u8]) -> bool {
    name.ends_with(b"_by_lua_block") && LUA_BLOCKS.binary_search(&name).is_ok()
}

/// What was read of a body.
pub(crate) struct Body {
    /// Where the closing brace stands; the end of the text where there is none.
    pub(crate) end: usize,
    /// Where nginx's buffer ends now.
    pub(crate) window: usize,
    /// What the module refuses.
    pub(crate) error: Option<Refusal>,
    /// Line feeds that it did not count.
    pub(crate) uncounted: Vec<u32>,
}

/// Reads the body that starts at `start`, when nginx has read up to `window`.
pub(crate) fn body(bytes: &[u8], start: usize, window: usize) -> Body {
    let mut reader = Reader { bytes, pos: start, window, uncounted: Vec::new(), failed: Failed::default() };
    match reader.block() {
        Ok(end) => Body { end, window: reader.window, error: None, uncounted: reader.uncounted },
        Err(error) => Body { error: Some(error), uncounted: reader.uncounted, ..unlimited(bytes, start) },
    }
}

/// Reads the body as if there were no buffer: what stands after an error is not read by nginx any more.
pub(crate) fn unlimited(bytes: &[u8], start: usize) -> Body {
    let size = bytes.len();
    let body = |end, error| Body { end, window: size, error, uncounted: Vec::new() };
    let (mut pos, mut level, mut failed) = (start, 1, Failed::default());
    while let Some(found) = search(bytes, pos, size, &mut failed) {
        level += found.kind.step();
        if level == 0 {
            return body(found.start, None);
        }
        pos = found.end;
        if let Found::LongOpen { bracket } = found.kind {
            let bracket = &bytes[bracket..found.end];
            let Some(end) = closing(bytes, pos, size, bracket) else {
                return body(size, Some((open_bracket(bracket), found.start)));
            };
            pos = end;
        }
    }
    body(size, Some((SyntaxErrorKind::EndInLua, start)))
}

fn open_bracket(bracket: &[u8]) -> SyntaxErrorKind {
    let missing = bracket.iter().map(|byte| if *byte == b'[' { b']' } else { *byte });
    SyntaxErrorKind::OpenLuaBracket(missing.collect())
}

struct Reader<'t> {
    bytes: &'t [u8],
    pos: usize,
    window: usize,
    uncounted: Vec<u32>,
    failed: Failed,
}

impl Reader<'_> {
    fn block(&mut self) -> Result<usize, Refusal> {
        let mut level = 1;
        let mut opened = self.pos;
        loop {
            let found = self.token(opened)?;
            level += found.step();
            if level == 0 {
                return Ok(self.pos - 1);
            }
            if found == Found::Open {
                opened = self.pos;
            }
        }
    }

    /// Reads up to and with the next token; `opened` is where the innermost brace was.
    fn token(&mut self, opened: usize) -> Result<Found, Refusal> {
        let (bytes, size) = (self.bytes, self.bytes.len());
        let entry = self.pos;
        let mut start = self.pos;
        loop {
            let low = self.window - self.pos < BUFFER_BYTES / 2 && self.window < size;
            if self.pos >= self.window || low {
                if self.window >= size {
                    return Err((SyntaxErrorKind::EndInLua, opened));
                }
                if self.window - start == BUFFER_BYTES {
                    return Err((SyntaxErrorKind::TooLongLua, entry));
                }
                self.window = size.min(start + BUFFER_BYTES);
            }
            let Some(found) = search(bytes, self.pos, self.window, &mut self.failed) else {
                if self.window >= size {
                    return Err((SyntaxErrorKind::EndInLua, opened));
                }
                let unmatched = self.window - self.pos;
                if unmatched == BUFFER_BYTES {
                    return Err((SyntaxErrorKind::TooLongLua, entry));
                }
                // What is in the buffer is kept as text, but neither searched again nor counted.
                let skipped =
                    bytes[self.pos..self.window].iter().enumerate().filter(|(_, byte)| **byte == b'\n');
                self.uncounted.extend(skipped.map(|(at, _)| (self.pos + at) as u32));
                start = self.pos;
                self.pos = self.window;
                self.window = size.min(start + BUFFER_BYTES);
                continue;
            };
            self.pos = found.end;
            if let Found::LongOpen { bracket } = found.kind {
                let bracket = &bytes[bracket..found.end];
                let Some(end) = closing(bytes, found.end, self.window, bracket) else {
                    let missing =
                        bracket.iter().map(|byte| if *byte == b'[' { b']' } else { *byte }).collect();
                    return Err((SyntaxErrorKind::OpenLuaBracket(missing), found.start));
                };
                self.pos = end;
            }
            return Ok(found.kind);
        }
    }
}

/// Where the long bracket that `bracket` opens is closed, behind its end.
fn closing(bytes: &[u8], from: usize, to: usize, bracket: &[u8]) -> Option<usize> {
    let equals = bracket.len() - 2;
    let mut at = from;
    while at + bracket.len() <= to {
        if bytes[at] == b']' {
            let run = bytes[at + 1..to].iter().take_while(|byte| **byte == b'=').count();
            if run == equals && bytes[..to].get(at + 1 + run) == Some(&b']') {
                return Some(at + bracket.len());
            }
            at += run;
        }
        at += 1;
    }
    None
}

/// What the lexer of the module finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Open,
    Close,
    /// `[[`, `[==[` or the same after `--`; where the first `[` stands.
    LongOpen {
        bracket: usize,
    },
    /// A string, a comment, or `]==]`.
    Other,
}

impl Found {
    fn step(self) -> i64 {
        match self {
            Found::Open => 1,
            Found::Close => -1,
            _ => 0,
        }
    }
}

struct Match {
    kind: Found,
    start: usize,
    end: usize,
}

/// For `"` and `'`: no string of this quote starts before the first byte, as long as the window ends at the second. So
/// what failed once is not tried again from each byte in between.
type Failed = [(usize, usize); 2];

/// Finds the first token in `from..to`: of those that start first, the one that the module's list names first.
fn search(bytes: &[u8], from: usize, to: usize, failed: &mut Failed) -> Option<Match> {
    let text = &bytes[..to];
    let mut at = from;
    loop {
        at += text
            .get(at..)?
            .iter()
            .position(|byte| matches!(byte, b'{' | b'}' | b'[' | b']' | b'-' | b'"' | b'\''))?;
        let found = match text[at] {
            b'{' => Some((Found::Open, at + 1)),
            b'}' => Some((Found::Close, at + 1)),
            b'[' => run(text, at, b'[').map(|end| (Found::LongOpen { bracket: at }, end)),
            b']' => run(text, at, b']').map(|end| (Found::Other, end)),
            b'-' => dashes(text, at),
            quote => string(text, at, quote, failed).map(|end| (Found::Other, end)),
        };
        if let Some((kind, end)) = found {
            return Some(Match { kind, start: at, end });
        }
        at += 1;
    }
}

/// The end of `[==[` or `]==]`.
fn run(text: &[u8], at: usize, bracket: u8) -> Option<usize> {
    if text.get(at) != Some(&bracket) {
        return None;
    }
    let equals = text[at + 1..].iter().take_while(|byte| **byte == b'=').count();
    let last = at + 1 + equals;
    (text.get(last) == Some(&bracket)).then_some(last + 1)
}

/// A comment: a long one if a long bracket follows at once, else to the end of the line or of the window.
fn dashes(text: &[u8], at: usize) -> Option<(Found, usize)> {
    if text.get(at + 1) != Some(&b'-') {
        return None;
    }
    if let Some(end) = run(text, at + 2, b'[') {
        return Some((Found::LongOpen { bracket: at + 2 }, end));
    }
    let length = text[at..].iter().position(|byte| *byte == b'\n');
    Some((Found::Other, length.map_or(text.len(), |length| at + length)))
}

fn string(text: &[u8], at: usize, quote: u8, failed: &mut Failed) -> Option<usize> {
    let (until, window) = &mut failed[usize::from(quote == b'\'')];
    if at < *until && *window == text.len() {
        return None;
    }
    let mut end = at + 1;
    while let Some(byte) = text.get(end) {
        match *byte {
            byte if byte == quote => return Some(end + 1),
            b'\n' => break,
            b'\\' if text.get(end + 1) == Some(&b'\n') => break,
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
    // Every quote in between stands after a backslash, so a string from there would stop at the same place.
    (*until, *window) = (end, text.len());
    None
}
