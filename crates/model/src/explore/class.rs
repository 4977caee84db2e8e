//! What a class of requests is called, for people.

use super::search::Run;
use super::trail::{Kind, Point};
use super::values::{Door, Values};
use crate::choice::Chosen;
use crate::config::{Config, NodeId};
use crate::lower::{LocationKind, NameKind, location_pattern};
use crate::request::LocalAddress;
use crate::route::{Answered, Atom, FileKind, Input, Is, Observed, Piece, Router, Template, Test};

/// How much of a value is shown.
const SHOWN_MAX: usize = 60;

/// `GET /cart* on shop.example.com:443 with header X-Forwarded-Proto: http`
pub(super) fn class(routers: &[&Router<'_>], run: &Run, door: &Door) -> String {
    let method = shown(&run.values.method);
    let mut text = format!("{method} {} on {}", path(routers, run), place(routers, run, door));
    for condition in conditions(run) {
        text.push_str(&condition);
    }
    text
}

/// Whether a value cannot be written without a control character.
pub(super) fn is_odd(values: &Values) -> bool {
    let odd = |text: &[u8]| text.iter().any(|&byte| byte < b' ' || byte == 0x7f);
    odd(&values.uri)
        || odd(&values.args)
        || odd(&values.host)
        || values.headers.values().any(|value| odd(value))
}

/// Whether the address of the client matters.
pub(super) fn speaks_of_client(points: &[Point], seen: &[Observed]) -> bool {
    let asked = points.iter().any(|point| {
        mentions(&point.subject, &Input::Client) || {
            point.asked.iter().flatten().any(|asked| matches!(asked.test, Test::Range(_)))
        }
    });
    asked || seen.iter().any(|seen| seen.shape.values.iter().any(|value| mentions(value, &Input::Client)))
}

/// Whether an input is in a template.
pub(super) fn mentions(template: &Template, input: &Input) -> bool {
    template.0.iter().any(|piece| match piece {
        Piece::Input(found) => found == input,
        Piece::Group { of, .. } | Piece::Changed { of, .. } => mentions(of, input),
        Piece::Text(_) | Piece::Opaque(_) => false,
    })
}

/// The locations that were first chosen, as a pattern.
fn path(routers: &[&Router<'_>], run: &Run) -> String {
    // Where nobody listens the path does not matter.
    if run.seen.iter().any(|seen| seen.route.server.is_none()) {
        return String::from("/*");
    }
    let locations = run.points.iter().find(|point| {
        point.kind() == Kind::Location && matches!(&point.subject.0[..], [Piece::Input(Input::Uri)])
    });
    let Some(point) = locations else { return String::from("/*") };
    let mut globs: Vec<String> = Vec::new();
    for (side, asked) in point.asked.iter().enumerate() {
        let glob = match asked.as_ref().map(|asked| &asked.answer) {
            Some(Answered::Chosen(Chosen::Rule(node))) => glob(routers[side].config(), *node),
            Some(Answered::Chosen(Chosen::Redirect(_))) => shown(&run.values.uri),
            _ => String::from("/*"),
        };
        if !globs.contains(&glob) {
            globs.push(glob);
        }
    }
    globs.sort_by_key(|glob| glob == "/*");
    match &globs[..] {
        [one, another] if another != "/*" => both(one, another),
        [one, ..] => one.clone(),
        [] => String::from("/*"),
    }
}

/// What is of two patterns.
fn both(one: &str, another: &str) -> String {
    for (prefix, suffix) in [(one, another), (another, one)] {
        if let (Some(start), Some(end)) = (prefix.strip_suffix('*'), suffix.strip_prefix('*'))
            && !start.contains('*')
            && !end.contains('*')
            && !start.starts_with('~')
        {
            return format!("{start}*{end}");
        }
    }
    let exact = |text: &str| !text.contains('*') && !text.starts_with('~');
    match (exact(one), exact(another)) {
        (true, _) => one.to_owned(),
        (_, true) => another.to_owned(),
        // The longer of two prefixes is the smaller class.
        _ if one.starts_with('~') || another.starts_with('~') => format!("{one} and {another}"),
        _ if one.len() >= another.len() => one.to_owned(),
        _ => another.to_owned(),
    }
}

/// A location as a pattern.
pub(crate) fn glob(config: &Config, location: NodeId) -> String {
    let (kind, text) = location_pattern(config.node(location));
    match kind {
        LocationKind::Exact => shown(text),
        LocationKind::Prefix | LocationKind::PrefixNoRegex => format!("{}*", shown(text)),
        LocationKind::Named => shown(text),
        LocationKind::Regex { caseless } => {
            let regex = String::from_utf8_lossy(text);
            let simple = glob_of_regex(&regex).filter(|_| !caseless);
            simple.unwrap_or_else(|| format!("{} {}", if caseless { "~*" } else { "~" }, shown(text)))
        }
    }
}

/// A plain regex as a pattern.
fn glob_of_regex(regex: &str) -> Option<String> {
    let (start, rest) = match regex.strip_prefix('^') {
        Some(rest) => ("", rest),
        None => ("*", regex),
    };
    let (rest, end) = match rest.strip_suffix('$') {
        Some(rest) => (rest, ""),
        None => (rest, "*"),
    };
    let mut glob = rest.to_owned();
    for any in ["(.*)", "(.+)", "[^/]+", "([^/]+)", ".*", ".+"] {
        glob = glob.replace(any, "*");
    }
    glob = glob.replace("\\.", "\u{1}");
    let simple = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '*' | '\u{1}');
    if !glob.chars().all(simple) {
        return None;
    }
    let glob = format!("{start}{}{end}", glob.replace('\u{1}', "."));
    Some(glob.replace("**", "*"))
}

/// Host and port.
fn place(routers: &[&Router<'_>], run: &Run, door: &Door) -> String {
    let host = match name(routers, run) {
        Some(name) => name,
        None => String::from("*"),
    };
    let named = |at: String| if host == "*" { at } else { format!("{host} ({at})") };
    match (&door.listen, door.port) {
        (Some(LocalAddress::Unix(path)), _) => named(format!("unix:{}", shown(path))),
        (Some(LocalAddress::Inet(address)), _) if address.is_ipv6() => {
            let at =
                if address.ip().is_loopback() { String::from("[::]") } else { format!("[{}]", address.ip()) };
            named(format!("{at}:{}", address.port()))
        }
        (_, Some(port)) => format!("{host}:{port}"),
        (_, None) => host,
    }
}

/// The name that the servers are found by; of two the narrower one. `None`: any that others do not have.
fn name(routers: &[&Router<'_>], run: &Run) -> Option<String> {
    let host = &run.values.host;
    let mut found: Option<String> = None;
    for point in run.points.iter().filter(|point| mentions(&point.subject, &Input::Host)) {
        if point.kind() != Kind::Server {
            let any = Test::Equals(Template::default());
            if point.asked.iter().flatten().all(|asked| asked.test == any) && !host.is_empty() {
                // Any name will do.
                continue;
            }
            // The name itself decides.
            return Some(if host.is_empty() { String::from("no name") } else { shown(host) });
        }
        for (side, asked) in point.asked.iter().enumerate() {
            let Some(Answered::Chosen(Chosen::Rule(server))) = asked.as_ref().map(|asked| &asked.answer)
            else {
                continue;
            };
            let config = routers[side].config();
            let server = config.servers().iter().find(|known| known.node == *server);
            for name in server.iter().flat_map(|server| &server.names) {
                let text = &name.text[..];
                let fits = match name.kind {
                    NameKind::Exact => text == host,
                    NameKind::LeadingWildcard => host.ends_with(&text[1..]),
                    NameKind::Dot => *host == text[1..] || host.ends_with(text),
                    NameKind::TrailingWildcard => host.starts_with(&text[..text.len() - 1]),
                    NameKind::Regex => false,
                };
                if fits && name.kind == NameKind::Exact {
                    return Some(shown(host));
                }
                if fits && found.as_ref().is_none_or(|found| found.len() < text.len()) {
                    found = Some(shown(text));
                }
            }
        }
    }
    found
}

/// What beside path and host decides.
fn conditions(run: &Run) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    let values = &run.values;
    let mut add = |text: String| {
        if !said.contains(&text) {
            said.push(text);
        }
    };
    for point in &run.points[..] {
        for input in inputs(&point.subject) {
            match &input {
                Input::Header(name) if name != b"host" => {
                    let name = shown(name).replace('_', "-");
                    match values.headers.get(&input_name(&input)).filter(|value| !value.is_empty()) {
                        Some(value) => add(format!(" with header {name}: {}", shown(value))),
                        None => add(format!(" without header {name}")),
                    }
                }
                Input::Cookie(name) => match values.cookies.get(name).filter(|value| !value.is_empty()) {
                    Some(value) => add(format!(" with cookie {}={}", shown(name), shown(value))),
                    None => add(format!(" without cookie {}", shown(name))),
                },
                Input::Args | Input::Argument(_) => match &values.args[..] {
                    [] => add(String::from(" without arguments")),
                    args => add(format!(" with ?{}", shown(args))),
                },
                Input::Client => {
                    let client = values.client.map_or_else(|| String::from("unix:"), |ip| ip.to_string());
                    add(format!(" from {client}"));
                }
                _ => {}
            }
        }
        let (_, asked) = point.first();
        if let (Test::Atom(atom), Answered::Is(is)) = (&asked.test, &asked.answer)
            && let Some(text) = assumed(atom, *is)
        {
            add(text);
        }
    }
    said.retain(|text| !text.starts_with(" without"));
    said
}

fn input_name(input: &Input) -> Vec<u8> {
    match input {
        Input::Header(name) => name.clone(),
        _ => Vec::new(),
    }
}

/// What is assumed of the world.
fn assumed(atom: &Atom, is: Is) -> Option<String> {
    Some(match (atom, is) {
        (Atom::File(path), Is::File(FileKind::File)) => format!(" when {} is a file", shown(path)),
        (Atom::File(path), Is::File(FileKind::Directory)) => format!(" when {} is a directory", shown(path)),
        (Atom::File(path), Is::File(FileKind::Absent)) => format!(" when {} is not there", shown(path)),
        (Atom::Upstream(_), Is::Status(200)) => return None,
        (Atom::Upstream(_), Is::Status(status)) => format!(" when the upstream answers {status}"),
        (Atom::AuthRequest(_), Is::Status(status)) => format!(" when auth_request gets {status}"),
        (Atom::Password(_), Is::No) => String::from(" with a wrong password"),
        (Atom::Password(_), _) => String::from(" with a good password"),
        (Atom::Limit(limit), Is::Yes) => format!(" when {limit} is exceeded"),
        _ => return None,
    })
}

fn inputs(template: &Template) -> Vec<Input> {
    let mut found = Vec::new();
    for piece in &template.0 {
        match piece {
            Piece::Input(input) => found.push(input.clone()),
            Piece::Group { of, .. } | Piece::Changed { of, .. } => found.extend(inputs(of)),
            Piece::Text(_) | Piece::Opaque(_) => {}
        }
    }
    found
}

/// A question, for people.
pub(super) fn question(point: &Point) -> String {
    let (_, asked) = point.first();
    let subject = written(&point.subject);
    match &asked.test {
        Test::Regex { pattern, caseless } => {
            format!("whether {subject} matches {}{}", if *caseless { "~*" } else { "~" }, shown(pattern))
        }
        Test::Equals(other) => format!("whether {subject} is {}", written(other)),
        Test::Truth => format!("whether {subject} is neither empty nor 0"),
        Test::Begins(text) => format!("whether {subject} begins with {}", shown(text)),
        Test::Ends(text) => format!("whether {subject} ends with {}", shown(text)),
        Test::OneOf(_) => format!("whether {subject} is one of several"),
        Test::Range(range) => format!("whether the client is in {}", shown(range)),
        Test::MoreThan(number) => format!("whether {subject} is more than {number}"),
        Test::Server(_) => format!("which server has the name {subject}"),
        Test::Location(_) => format!("which location takes {subject}"),
        Test::Map(_) => format!("which line takes {subject}"),
        Test::Atom(atom) => format!("what {} is", atom.name()),
    }
}

/// A template, for people.
pub(super) fn written(template: &Template) -> String {
    let mut text = String::new();
    for piece in &template.0 {
        match piece {
            Piece::Text(bytes) => text.push_str(&shown(bytes)),
            Piece::Input(input) => text.push_str(&match input {
                Input::Host => String::from("$host"),
                Input::Sni => String::from("$ssl_server_name"),
                Input::Uri => String::from("$uri"),
                Input::Args => String::from("$args"),
                Input::Target => String::from("$request_uri"),
                Input::Method => String::from("$request_method"),
                Input::Header(name) => format!("$http_{}", shown(name)),
                Input::Cookie(name) => format!("$cookie_{}", shown(name)),
                Input::Argument(name) => format!("$arg_{}", shown(name)),
                Input::Client => String::from("$remote_addr"),
                Input::Protocol => String::from("$server_protocol"),
                Input::ContentLength => String::from("$content_length"),
            }),
            Piece::Group { group, of, .. } => {
                text.push_str(&format!("${group} of {}", written(of)));
            }
            Piece::Changed { of, .. } => text.push_str(&written(of)),
            Piece::Opaque(what) => text.push_str(what),
        }
    }
    if text.is_empty() { String::from("\"\"") } else { text }
}

/// Bytes for people: what is not printable as `%XX`.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let mut text = String::new();
    for &byte in bytes {
        if text.len() > SHOWN_MAX {
            text.push('…');
            break;
        }
        if (b' '..0x7f).contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_regexes_become_patterns() {
        assert_eq!(glob_of_regex(r"\.php$").as_deref(), Some("*.php"));
        assert_eq!(glob_of_regex(r"^/a/(.*)\.js$").as_deref(), Some("/a/*.js"));
        assert_eq!(glob_of_regex("report").as_deref(), Some("*report*"));
        assert_eq!(glob_of_regex(r"\.(js|css)$"), None);
    }

    #[test]
    fn class_of_two_locations_is_what_both_take() {
        assert_eq!(both("*.php", "/img*"), "/img*.php");
        assert_eq!(both("/a*", "/a/b*"), "/a/b*");
        assert_eq!(both("/a*", "/a/b"), "/a/b");
    }
}
