//! Passwords, and the subrequest that decides.
//!
//! Source: `ngx_http_auth_basic_handler`, src/http/modules/ngx_http_auth_basic_module.c; `ngx_http_auth_basic_user`,
//! src/http/ngx_http_core_module.c; `ngx_http_auth_request_handler`, src/http/modules/ngx_http_auth_request_module.c;
//! `ngx_http_subrequest`, src/http/ngx_http_core_module.c

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::FileKind;
use super::access::Say;
use super::blocks::Role;
use super::groups::Groups;
use super::question::{Answered, Atom, Input, Is, Piece, Template, Test};
use super::traced::Traced;
use super::walk::{Turn, URI_CHANGES_MAX, Walk, shown};
use crate::config::{Node, NodeId};
use crate::request::{Outcome, Step};

/// What names a user: base64 of bytes in which a colon stands behind the first. The colon is looked for by its place in a
/// group of three bytes; the first of them is none; after an equals sign nothing counts.
const CREDENTIALS: &[u8] = concat!(
    r"(?s)\A[Bb][Aa][Ss][Ii][Cc] +(?:",
    r"(?:[A-Za-z0-9+/][DTz]|[A-NP-Za-z0-9+/]j)[o-r](?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]?|[A-Za-z0-9+/]{3})",
    r"|(?:[A-NP-Za-z0-9+/][A-Za-z0-9+/]|O[A-Za-fw-z0-9+/])(?:",
    r"[AEIMQUYcgkosw048]6(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2,3})?",
    r"|[A-Za-z0-9+/]{2}(?:[A-Za-z0-9+/]{4})*(?:",
    r"O[g-v](?:[A-Za-z0-9+/]{4})*[A-Za-z0-9+/]{0,2}",
    r"|[A-Za-z0-9+/][DTjz][o-r](?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]?|[A-Za-z0-9+/]{3})",
    r"|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]6(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2,3})?",
    r")))(?:=.*)?\z"
)
.as_bytes();

impl<'r, 'c> Walk<'r, 'c> {
    /// Source: `ngx_http_auth_basic_handler`
    pub(super) fn password(&mut self) -> Say {
        let blocks = &self.router.blocks;
        let Some(realm) = blocks.effective(self.block, Role::AuthBasic) else { return Say::Nothing };
        let Some(file) = blocks.effective(self.block, Role::AuthBasicUserFile) else { return Say::Nothing };
        let value = self.eval(realm.arg(0).unwrap_or(b""));
        if value.known && self.is(&value.text, &Traced::text("off")) {
            return Say::Nothing;
        }
        if !self.has_credentials() {
            return Say::No(401, Some(realm.id()));
        }
        let name = self.eval(file.arg(0).unwrap_or(b""));
        let path = self.beside_main_file(&name.text);
        match self.router.kind(&path) {
            FileKind::Absent if name.known => return Say::No(403, Some(file.id())),
            FileKind::Directory if name.known => return Say::No(500, Some(file.id())),
            _ => {}
        }
        match self.ask_atom(Atom::Password(path), Is::Yes) {
            Is::No => Say::No(401, Some(realm.id())),
            _ => Say::Yes(None),
        }
    }

    /// Whether the request says who it is, be it true or not.
    fn has_credentials(&mut self) -> bool {
        let good = user(self.header("authorization").unwrap_or(b"")).is_some();
        let header = || Template(vec![Piece::Input(Input::Header(b"authorization".to_vec()))]);
        let test = || Test::Regex { pattern: CREDENTIALS.to_vec(), caseless: false };
        self.asks(|_| (header(), test()), Answered::Holds(good));
        good
    }

    /// `$ssl_client_verify` over TLS.
    ///
    /// Source: `ngx_ssl_get_client_verify`, src/event/ngx_event_openssl.c
    pub(super) fn client_verify(&mut self) -> Option<&'static [u8]> {
        let router = self.router;
        let wants = |&server: &usize| {
            let node = router.config.servers()[server].node;
            let directive = router.blocks.effective(node, Role::SslVerifyClient);
            directive.and_then(|node| node.arg(0)).is_some_and(|value| value != b"off")
        };
        if !self.socket.servers.iter().any(wants) {
            return Some(b"NONE");
        }
        match self.atom(|| Atom::Other(String::from("ssl_verify_client")), Is::Yes)? {
            Is::No => Some(b"NONE"),
            _ => Some(b"SUCCESS"),
        }
    }

    /// `$remote_user`
    pub(super) fn user(&self) -> Vec<u8> {
        user(self.header("authorization").unwrap_or(b"")).unwrap_or_default()
    }

    /// A name in the directory of the main file.
    fn beside_main_file(&self, name: &[u8]) -> Vec<u8> {
        if name.starts_with(b"/") {
            return name.to_vec();
        }
        let main = &self.router.config.settings().main;
        let slash = main.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
        [&main[..slash], name].concat()
    }

    /// Source: `ngx_http_auth_request_handler`
    pub(super) fn authorize(&mut self) -> Say {
        let Some(node) = self.router.blocks.effective(self.block, Role::AuthRequest) else {
            return Say::Nothing;
        };
        let uri = node.arg(0).unwrap_or(b"");
        if uri == b"off" || uri.is_empty() {
            return Say::Nothing;
        }
        self.step("auth_request", format!("asks {}", shown(uri)), Some(node.id()));
        let status = match self.subrequest(uri) {
            Answer::Status(status) => status,
            Answer::Closed(outcome) => return Say::End(Turn::Done(outcome, None)),
        };
        self.step("auth_request", format!("{} says {status}", shown(uri)), Some(node.id()));
        match status {
            401 | 403 => Say::No(status, Some(node.id())),
            200..300 => Say::Yes(None),
            _ => Say::No(500, Some(node.id())),
        }
    }

    /// What the location of a URI answers to a subrequest, which has its own way and shares the variables.
    fn subrequest(&mut self, uri: &[u8]) -> Answer {
        let asking = self.block;
        let outer_steps = std::mem::take(&mut self.steps);
        let outer_guards = self.beside.facts.guards.len();
        let mut inner = self.inner(uri);
        let (outcome, status) = inner.go(Turn::ServerRewrite);
        let open = !inner.depends_on.is_empty();
        let answer = match (outcome, status) {
            (outcome @ Outcome::Close { .. }, _) => {
                let is_told = matches!(&outcome, Outcome::Close { reason } if reason == "return 444");
                if is_told {
                    Answer::Closed(Outcome::Close { reason: String::from("return 444") })
                } else {
                    Answer::Status(500)
                }
            }
            (Outcome::File { .. }, _) if !open && inner.doubt.is_none() => {
                Answer::Status(inner.err_status.unwrap_or(200))
            }
            (
                Outcome::Redirect { status, .. }
                | Outcome::Return { status, .. }
                | Outcome::Error { status, .. },
                _,
            ) if !open => Answer::Status(status),
            (Outcome::Pass { pass, .. }, _) => {
                // Who says what the upstream answers says what the subrequest gets.
                let asked = || Atom::AuthRequest(uri.to_vec());
                let upstream = Atom::Upstream(pass.to_vec());
                let knows =
                    |atom: &Atom| inner.watch.as_ref().is_some_and(|watch| watch.said(atom).is_some());
                let by_upstream = !knows(&asked()) && knows(&upstream);
                let is = match (inner.err_status, by_upstream) {
                    (Some(status), _) => Is::Status(status),
                    (None, true) => inner.ask_atom(upstream, Is::Status(200)),
                    (None, false) => inner.ask_atom(asked(), Is::Status(200)),
                };
                Answer::Status(match is {
                    Is::Status(status) => status,
                    Is::No => 502,
                    _ => 200,
                })
            }
            _ => match inner.ask_atom(Atom::AuthRequest(uri.to_vec()), Is::Status(200)) {
                Is::Status(status) => Answer::Status(status),
                _ => Answer::Status(200),
            },
        };
        inner.set_variables(asking);
        let Walk { variables, watch, beside, steps, depends_on, mapping, maps_asked, .. } = inner;
        (self.variables, self.watch, self.beside) = (variables, watch, beside);
        (self.mapping, self.maps_asked) = (mapping, maps_asked);
        (self.beside.subrequest, self.beside.main_method) = (false, None);
        self.beside.facts.guards.truncate(outer_guards);
        self.steps = outer_steps;
        let told =
            |step: Step| Step { what: "auth_request", text: format!("{}: {}", step.what, step.text), ..step };
        self.steps.extend(steps.into_iter().map(told));
        // What the subrequest rests on matters only where its status is not known without it.
        if open {
            self.depends_on.extend(depends_on);
        }
        answer
    }

    /// The walk of a subrequest.
    ///
    /// Source: `ngx_http_subrequest`
    fn inner(&mut self, uri: &[u8]) -> Walk<'r, 'c> {
        let mut beside = self.beside.clone();
        beside.subrequest = true;
        beside.main_method = Some(self.method_traced());
        Walk {
            router: self.router,
            request: self.request,
            socket: self.socket,
            local_ip: self.local_ip,
            version: self.version,
            server: self.server,
            block: self.server_node().id(),
            host: self.host.clone(),
            method: Cow::Borrowed(b"GET"),
            uri: Traced::text(uri),
            args: Traced::default(),
            method_is_of_page: true,
            fallen_back: Vec::new(),
            unparsed_uri: self.unparsed_uri.clone(),
            quoted_uri: false,
            plus_in_uri: false,
            valid_unparsed_uri: false,
            valid_location: true,
            add_uri_to_alias: false,
            internal: true,
            uri_changed: false,
            uri_changes: URI_CHANGES_MAX + 1,
            in_error_page: false,
            err_status: None,
            content_length: self.content_length,
            body_discarded: false,
            headers: self.headers.clone(),
            handler: None,
            location_header: None,
            captured: Groups::default(),
            variables: std::mem::take(&mut self.variables),
            mapping: std::mem::take(&mut self.mapping),
            maps_asked: self.maps_asked,
            candidates: Vec::new(),
            doubt: None,
            cause: Cow::default(),
            returned: false,
            beside,
            steps: Vec::new(),
            is_quiet: self.is_quiet,
            depends_on: BTreeSet::new(),
            watch: self.watch.take(),
        }
    }

    /// Gives the variables of `auth_request_set` what the subrequest knows.
    fn set_variables(&mut self, asking: NodeId) {
        let Some(block) = self.router.blocks.nearest(asking, Role::AuthRequestSet) else { return };
        let directives: Vec<Node<'c>> = self.router.blocks.own_with(block, Role::AuthRequestSet).collect();
        for directive in directives {
            let name = directive.arg(0).unwrap_or(b"");
            let name = name.strip_prefix(b"$").unwrap_or(name).to_ascii_lowercase();
            let value = self.eval_quietly(directive.arg(1).unwrap_or(b""));
            if value.known {
                self.beside.unknown.remove(&name);
                self.variables.insert(name, value.text);
            } else {
                self.variables.remove(&name);
                self.beside.unknown.insert(name);
            }
        }
    }
}

fn begins_basic(header: &[u8]) -> bool {
    header.get(..6).is_some_and(|start| start.eq_ignore_ascii_case(b"Basic "))
}

/// The user whom a header names; `None`: it names none.
///
/// Source: `ngx_http_auth_basic_user`
fn user(header: &[u8]) -> Option<Vec<u8>> {
    let encoded = trim_spaces(&header[6.min(header.len())..]);
    let decoded = begins_basic(header).then(|| base64(encoded)).flatten()?;
    let colon = decoded.iter().position(|&byte| byte == b':').filter(|&colon| colon > 0)?;
    Some(decoded[..colon].to_vec())
}

fn trim_spaces(text: &[u8]) -> &[u8] {
    &text[text.iter().take_while(|&&byte| byte == b' ').count()..]
}

/// Source: `ngx_decode_base64`, src/core/ngx_string.c
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let end = text.iter().position(|&byte| byte == b'=').unwrap_or(text.len());
    let digits: Vec<u8> = text[..end].iter().map(|&byte| value(byte)).collect::<Option<_>>()?;
    if digits.len() % 4 == 1 {
        return None;
    }
    let mut decoded = Vec::with_capacity(digits.len());
    for group in digits.chunks(4) {
        let bits = group.iter().fold(0_u32, |bits, digit| bits << 6 | u32::from(*digit));
        let bits = bits << (6 * (4 - group.len()));
        let bytes = bits.to_be_bytes();
        decoded.extend_from_slice(&bytes[1..group.len()]);
    }
    Some(decoded)
}

enum Answer {
    Status(u16),
    Closed(Outcome<Traced>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::regex::{Matched, Patterns};

    #[test]
    fn regex_of_credentials_takes_what_names_a_user() {
        let pattern = Patterns::default().get(CREDENTIALS, false);
        let matches = |header: &[u8]| matches!(pattern.of(header), Matched::Yes(_));
        assert!(matches(b"Basic dTpw") && matches(b"bASIC   dTo") && matches(b"Basic dTo=x y"));
        assert!(
            !matches(b"Basic OnA=")
                && !matches(b"Basic dXA=")
                && !matches(b"Basic ")
                && !matches(b"Basic dTpwd")
        );
        // Every short text of letters that matter.
        let letters = b"OjTgo6AdDw=p";
        let mut texts: Vec<Vec<u8>> = vec![Vec::new()];
        for _ in 0..5 {
            let longer = |text: &Vec<u8>| {
                letters.iter().map(|&letter| [&text[..], &[letter]].concat()).collect::<Vec<_>>()
            };
            texts = texts.iter().flat_map(longer).collect();
            for text in &texts {
                for prefix in [&b"Basic "[..], b"Basic dTpwd", b"Basic  OnAx"] {
                    let header = [prefix, text].concat();
                    assert_eq!(matches(&header), user(&header).is_some(), "{}", header.escape_ascii());
                }
            }
            texts.truncate(3_000);
        }
    }
}
