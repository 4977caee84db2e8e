//! The text of a `routes.toml`.

use std::collections::HashSet;
use std::fmt::Write as _;

use super::{Suggested, VERSION, listen, plain};
use crate::config::{Config, NodeId};
use crate::expect::Expectation;
use crate::request::Request;

pub(super) const HEAD: &str = "\
# Where requests go through this tree, as `evenkeel init` found it: one request for each server and location.
#   evenkeel test TREE               holds the tree against it
#   evenkeel test TREE --rehearse    asks a real nginx in a sandbox
# Give the routes names that your people know, and add what must never change. For requests that may be asked of the
# running nginx after a release, say what must come back:  live = { status = 200, contains = \"cart\" }
";

/// The file below its head; `names` are taken.
pub(super) fn file(
    config: &Config,
    suggested: &[Suggested<'_>],
    without: &[(NodeId, &str)],
    mut names: HashSet<String>,
) -> String {
    let mut text = String::new();
    for suggested in suggested {
        text.push('\n');
        entry(&mut text, config, suggested, &mut names);
    }
    if !without.is_empty() {
        text.push_str("\n# Without a route:\n");
    }
    for (node, why) in without {
        let at = config.node(*node);
        let (file, what, why) = (comment(&at.source().display), comment(&what(config, *node)), comment(why));
        writeln!(text, "# {file}:{} {what}: {why}", at.line()).expect("a String takes all");
    }
    text
}

fn entry(text: &mut String, config: &Config, suggested: &Suggested<'_>, names: &mut HashSet<String>) {
    let Suggested { node, request, expectation, note } = suggested;
    let name = name(config, *node, request, names);
    let shown = url(request).unwrap_or_default();
    writeln!(text, "[[route]]\nname = {}\nrequest = {}", quoted(&name), quoted(&shown))
        .expect("a String takes all");
    let read = Request::parse(&shown).ok();
    let same_headers = read.as_ref().is_some_and(|read| read.headers == request.headers);
    if !same_headers {
        let pairs = request.headers.iter().filter_map(|(name, value)| Some((plain(name)?, plain(value)?)));
        let pairs: Vec<String> =
            pairs.map(|(name, value)| format!("{} = {}", quoted(&name), quoted(&value))).collect();
        writeln!(text, "headers = {{ {} }}", pairs.join(", ")).expect("a String takes all");
    }
    if let Some(client) = request.client {
        writeln!(text, "client = \"{client}\"").expect("a String takes all");
    }
    if let Some(address) = request.listen.as_ref().and_then(listen) {
        writeln!(text, "listen = {}", quoted(&address)).expect("a String takes all");
    }
    let note = note.as_ref().map(|note| format!("   # {}", comment(note))).unwrap_or_default();
    writeln!(text, "expect = {{ {} }}{note}", keys(expectation)).expect("a String takes all");
}

fn keys(expectation: &Expectation) -> String {
    let mut keys = Vec::new();
    if let Some(kind) = expectation.kind {
        keys.push(format!("kind = \"{}\"", kind.name()));
    }
    if let Some(status) = expectation.status {
        keys.push(format!("status = {status}"));
    }
    let texts = [
        ("upstream", &expectation.upstream),
        ("pass", &expectation.pass),
        ("path", &expectation.path),
        ("location", &expectation.location),
        ("body", &expectation.body),
        ("server", &expectation.server),
        ("pattern", &expectation.pattern),
    ];
    keys.extend(
        texts.into_iter().filter_map(|(key, text)| Some(format!("{key} = {}", quoted(text.as_ref()?)))),
    );
    keys.join(", ")
}

/// `shop.example.com location /cart`; numbered where it is taken.
fn name(config: &Config, node: NodeId, request: &Request, names: &mut HashSet<String>) -> String {
    let host = request.header("host").map(|host| String::from_utf8_lossy(host).into_owned());
    let name = match config.node(node).name() {
        "server" => what(config, node),
        _ => format!("{} {}", host.unwrap_or_default(), what(config, node)).trim().to_owned(),
    };
    let name =
        if plain(name.as_bytes()).is_some() { name } else { "a block with a secret in its name".to_owned() };
    let numbered = (2..).map(|number| format!("{name} ({number})"));
    let free = std::iter::once(name.clone()).chain(numbered).find(|name| !names.contains(name));
    let free = free.expect("numbers do not end");
    names.insert(free.clone());
    free
}

/// A block as people call it: `server shop.example.com`, `location ~ \.php$`.
fn what(config: &Config, id: NodeId) -> String {
    let node = config.node(id);
    let server = config.servers().iter().find(|server| server.node == id);
    let name = server.and_then(|server| server.names.first()).map(|name| &name.text[..]);
    let words = std::iter::once(node.name_bytes()).chain(name).chain(node.args());
    words.map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
}

/// The request as METHOD URL, with a host that can be read again.
fn url(request: &Request) -> Option<String> {
    let text = request.url();
    let read = Request::parse(&text).ok()?;
    let same = (&read.method, &read.target, read.tls, &read.sni, read.version)
        == (&request.method, &request.target, request.tls, &request.sni, request.version);
    (same && request.version == VERSION && (request.port.is_none() || read.port == request.port))
        .then_some(text)
}

/// Whether a file can say a request.
pub(super) fn can_say(request: &Request) -> bool {
    let text = |(name, value): &(Vec<u8>, Vec<u8>)| {
        let clean = |bytes: &[u8]| plain(bytes).is_some_and(|text| !text.chars().any(char::is_control));
        clean(name) && clean(value)
    };
    let listens = request.listen.as_ref().is_none_or(|address| listen(address).is_some());
    url(request).is_some_and(|text| plain(text.as_bytes()).is_some())
        && listens
        && request.header("host").is_some()
        && request.headers.iter().all(text)
        && unique(request)
}

fn unique(request: &Request) -> bool {
    let mut names = HashSet::new();
    request.headers.iter().all(|(name, _)| names.insert(name.to_ascii_lowercase()))
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            letter if letter.is_control() => {
                write!(quoted, "\\u{:04X}", u32::from(letter)).expect("a String takes all");
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// Text that may stand in a comment: on one line, without control characters, without secrets.
fn comment(text: &str) -> String {
    let clean: String =
        text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect();
    evenkeel_syntax::secret::redact_str(&clean).into_owned()
}
