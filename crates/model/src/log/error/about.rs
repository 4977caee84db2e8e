//! Whom a line is about: client, server, request, upstream, host.

use super::pattern::find;

/// The client and the request that a line names, each as its bytes stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct About<'l> {
    /// The address of the client; `unix:` for a local one.
    pub client: Option<&'l [u8]>,
    /// The name of the server block, or its address.
    pub server: Option<&'l [u8]>,
    /// The request line.
    pub request: Option<&'l [u8]>,
    /// The request that nginx made for it.
    pub subrequest: Option<&'l [u8]>,
    /// Where it went: `http://127.0.0.1:8000/path`, or an address.
    pub upstream: Option<&'l [u8]>,
    /// The `Host` that was asked for.
    pub host: Option<&'l [u8]>,
    /// `Referer`.
    pub referrer: Option<&'l [u8]>,
}

const CLIENT: &[u8] = b", client: ";
const SERVER: &[u8] = b", server: ";
/// What may follow the server, in nginx's order. Values stand in quotation marks and are not escaped.
const QUOTED: [&[u8]; 5] =
    [b", request: \"", b", subrequest: \"", b", upstream: \"", b", host: \"", b", referrer: \""];
/// What stream adds, without a quotation mark.
const STREAM: &[u8] = b", bytes from/to client:";

impl<'l> About<'l> {
    /// Splits it off what a line says.
    pub(super) fn split(text: &'l [u8]) -> (&'l [u8], About<'l>) {
        let mut from = 0;
        while let Some(at) = text.get(from..).and_then(|rest| find(rest, CLIENT)) {
            let at = from + at;
            if let Some(about) = About::read(&text[at + CLIENT.len()..]) {
                return (&text[..at], about);
            }
            from = at + 1;
        }
        (text, About::default())
    }

    /// Reads everything behind `, client: `; `None` when it has not the shape of it.
    fn read(text: &'l [u8]) -> Option<About<'l>> {
        let mut about = About::default();
        let end = find(text, b",").unwrap_or(text.len());
        let (client, mut rest) = text.split_at(end);
        let address = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':');
        if client.is_empty() || !(client == b"unix:" || client.iter().all(address)) {
            return None;
        }
        about.client = Some(client);
        if let Some(behind) = rest.strip_prefix(SERVER) {
            let end = find(behind, b", ").unwrap_or(behind.len());
            about.server = Some(&behind[..end]).filter(|server| !server.is_empty());
            rest = &behind[end..];
        }
        for (place, name) in QUOTED.iter().enumerate() {
            let Some(behind) = rest.strip_prefix(*name) else { continue };
            let end = end_of_quoted(behind, &QUOTED[place + 1..]);
            let value = Some(&behind[..end]);
            match place {
                0 => about.request = value,
                1 => about.subrequest = value,
                2 => about.upstream = value,
                3 => about.host = value,
                _ => about.referrer = value,
            }
            rest = behind[end..].strip_prefix(b"\"").unwrap_or_default();
        }
        // What is left is what a module added, never another client.
        (rest.is_empty() || rest.starts_with(STREAM) || rest.starts_with(b", login: ")).then_some(about)
    }
}

/// Where a value ends: at a quotation mark that ends the line, or that one of the next fields follows. Where the line was
/// cut it goes to its end.
fn end_of_quoted(text: &[u8], next: &[&[u8]]) -> usize {
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.iter().position(|&byte| byte == b'"')) {
        let at = from + at;
        let behind = &text[at + 1..];
        if behind.is_empty() || behind.starts_with(STREAM) || next.iter().any(|name| behind.starts_with(name))
        {
            return at;
        }
        from = at + 1;
    }
    text.len()
}
