//! Reads `routes.toml`: what a tree's users ask, and where they must end.

use std::collections::HashMap;
use std::fmt;

use evenkeel_controller::routes::{RequestError as LiveError, Route};
use evenkeel_model::{Invariant, LocalAddress, Request, RouteSpec};
use evenkeel_syntax::secret::redact_str;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use fields::{Fields, Where};

mod expect;
mod fields;
mod invariant;

/// What a file says.
#[derive(Debug)]
pub(crate) struct RoutesFile {
    /// The routes, in order.
    pub(crate) routes: Vec<Entry>,
    /// The invariants, in order.
    pub(crate) invariants: Vec<Invariant>,
}

/// One `[[route]]`.
#[derive(Debug)]
pub(crate) struct Entry {
    /// What the model makes of it.
    pub(crate) spec: RouteSpec,
    /// What it belongs to, for `test --tag`.
    pub(crate) tags: Vec<String>,
    /// Whether the file gives it its name.
    named: bool,
    /// The request as it stands.
    text: String,
    headers: Vec<(String, String)>,
    listen: Option<String>,
}

/// Why a file cannot be read. It never shows a line of the file, which may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unread {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) message: String,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

/// Reads the text of a file.
pub(crate) fn read(text: &str) -> Result<RoutesFile, Unread> {
    let place = Where(text);
    let document = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        place.unread(at, redact_str(error.message()).replace('\n', " "))
    })?;
    let fields = Fields::new(place, "the file", document.get_ref());
    let entries = fields.tables("route")?;
    let invariants = fields.tables("invariant")?.into_iter().enumerate();
    let invariants = invariants
        .map(|(index, (table, at))| invariant::invariant(place, index, table, at))
        .collect::<Result<_, _>>()?;
    fields.end(&["route", "invariant"])?;
    let routes = entries.into_iter().enumerate().map(|(index, (table, at))| entry(place, index, table, at));
    Ok(RoutesFile { routes: routes.collect::<Result<_, _>>()?, invariants })
}

/// Every key of a route.
const KEYS: [&str; 9] =
    ["name", "request", "headers", "client", "listen", "expect", "live", "unsafe", "tags"];

fn entry(place: Where<'_>, index: usize, table: &DeTable<'_>, at: usize) -> Result<Entry, Unread> {
    let fields = Fields::new(place, "a route", table);
    let name = fields.text("name")?;
    let request = fields.text("request")?;
    let headers = fields.texts_by_name("headers")?;
    let client = fields.text("client")?;
    let listen = fields.text("listen")?;
    let expect = fields.table("expect")?;
    let live = fields.table("live")?;
    let is_unsafe = fields.flag("unsafe")?.unwrap_or(false);
    let tags = fields.strings("tags")?.unwrap_or_default();
    fields.end(&KEYS)?;
    let called = name.as_ref().map(|(name, _)| format!(" (\"{}\")", redact_str(name).escape_debug()));
    let about = |what: &str| format!("route {}{}: {what}", index + 1, called.as_deref().unwrap_or_default());
    let Some((text, request_at)) = request else {
        return Err(place.unread(
            at,
            about("it has no request, such as request = \"GET https://shop.example.com/cart\""),
        ));
    };
    let mut request = Request::parse(&text)
        .map_err(|error| place.unread(request_at, about(&format!("failed to {error}"))))?;
    for (header, value, at) in &headers {
        let bad = |text: &str| text.chars().any(char::is_control);
        if header.is_empty() || bad(header) || bad(value) || header.contains([' ', ':']) {
            let shown = header.escape_debug();
            return Err(place.unread(*at, about(&format!("\"{shown}\" is no header, or its value is none"))));
        }
        if header.eq_ignore_ascii_case("host") {
            request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(b"host"));
        }
        request.headers.push((header.clone().into(), value.clone().into()));
    }
    if let Some((client, at)) = client {
        let read = client.parse().map_err(|_| place.unread(at, about("client is no IP address")))?;
        request.client = Some(read);
    }
    if let Some((listen, at)) = &listen {
        request.listen = Some(
            local_address(listen)
                .ok_or_else(|| place.unread(*at, about("listen is neither ADDRESS:PORT nor unix:PATH")))?,
        );
    }
    let expect = expect.map(|(table, at)| expect::expectation(place, table, at)).transpose()?;
    let live = live.map(|(table, _)| expect::live(place, table)).transpose()?;
    let is_unsafe = is_unsafe || live.as_ref().is_some_and(|(_, is_unsafe)| *is_unsafe);
    let spec = RouteSpec {
        name: name.as_ref().map_or_else(|| text.clone(), |(name, _)| name.clone()),
        request,
        expect,
        live: live.map(|(live, _)| live),
        is_unsafe,
        line: u32::try_from(place.line_column(at).0).unwrap_or(u32::MAX),
    };
    let headers = headers.into_iter().map(|(name, value, _)| (name, value)).collect();
    Ok(Entry { spec, tags, named: name.is_some(), text, headers, listen: listen.map(|(listen, _)| listen) })
}

fn local_address(text: &str) -> Option<LocalAddress> {
    match text.strip_prefix("unix:") {
        // nginx takes any name as a path, `unix:@web` too.
        Some(path) if !path.is_empty() => Some(LocalAddress::Unix(path.as_bytes().to_vec())),
        Some(_) => None,
        None => text.parse().ok().map(LocalAddress::Inet),
    }
}

impl RoutesFile {
    /// Whether a route has this tag.
    pub(crate) fn has_tag(&self, tag: &str) -> bool {
        self.routes.iter().any(|entry| entry.tags.iter().any(|has| has == tag))
    }

    /// Two routes with the same name, and their lines.
    pub(crate) fn same_name(&self) -> Option<(&str, u32, u32)> {
        let mut seen = HashMap::new();
        self.routes.iter().filter(|entry| entry.named).find_map(|entry| {
            let before = seen.insert(&entry.spec.name[..], entry.spec.line)?;
            Some((&entry.spec.name[..], before, entry.spec.line))
        })
    }
}

/// The routes of a file that are asked of the nginx of this host. What only expects something of the way of a request is
/// not: a rehearsal asks it, where a GET of `/logout` is nobody's loss. Those that may not be asked (POST without `unsafe`)
/// are an error when they carry `live`, and are left out otherwise.
pub(crate) fn routes(text: &str) -> Result<Vec<Route>, String> {
    let file = read(text).map_err(|unread| unread.to_string())?;
    let mut routes = Vec::new();
    for (index, entry) in file.routes.into_iter().enumerate() {
        let Entry { spec, text, headers, listen, .. } = entry;
        let about = |error: LiveError| {
            format!("line {}: route {} (\"{}\"): {error}", spec.line, index + 1, redact_str(&spec.name))
        };
        if spec.expect.is_some() && spec.live.is_none() {
            continue;
        }
        let mut route = Route::parse(&spec.name, &text).map_err(about)?;
        if route.is_unsafe() && !spec.is_unsafe {
            match spec.live {
                Some(_) => return Err(about(LiveError::Unsafe(route.method))),
                None => continue,
            }
        }
        route.headers = headers;
        route.listen = listen;
        route.live = spec.live;
        routes.push(route);
    }
    Ok(routes)
}

/// The routes of a file with everything that they expect.
pub(crate) fn specs(text: &str) -> Result<Vec<RouteSpec>, String> {
    let file = read(text).map_err(|unread| unread.to_string())?;
    Ok(file.routes.into_iter().map(|entry| entry.spec).collect())
}

/// The invariants of a file.
pub(crate) fn invariants(text: &str) -> Result<Vec<Invariant>, String> {
    read(text).map(|file| file.invariants).map_err(|unread| unread.to_string())
}

/// A value and where it begins.
type At<'a, 'i> = &'a Spanned<DeValue<'i>>;

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_model::Kind;

    fn unread(text: &str) -> String {
        read(text).expect_err(text).to_string()
    }

    #[test]
    fn a_routes_file_gives_its_live_routes_and_says_what_is_wrong_with_it() {
        let text = r#"
            [[route]]
            name = "cart"
            request = "GET http://shop.test/cart"
            headers = { X-A = "1" }
            expect = { kind = "proxy", upstream = "app" }
            live = { status = 200, contains = "cart" }
            [[route]]
            request = "POST http://shop.test/order"
            expect = { kind = "proxy" }
            [[route]]
            request = "GET http://shop.test/logout"
            expect = { kind = "proxy" }
            [[invariant]]
            name = "admin"
            requests = { path = "/admin/*" }
            never = { without = ["auth", "deny"] }
        "#;
        let live = routes(text).unwrap();
        assert_eq!(live.len(), 1, "a route is asked of a running nginx when it says what must come back");
        assert_eq!(live[0].live.as_ref().unwrap().status, Some(200));
        assert_eq!(live[0].headers, [("X-A".to_owned(), "1".to_owned())]);
        let error = routes("[[route]]\nrequest = \"POST http://a/\"\nlive = { status = 200 }").unwrap_err();
        assert!(error.contains("unsafe = true"), "{error}");
        let error = routes("[[route]]\nreqest = 1").unwrap_err();
        assert!(error.contains("line 2"), "{error}");
    }

    #[test]
    fn routes_are_read_with_everything_that_a_request_can_have() {
        let file = read(
            r#"
[[route]]
request = "OPTIONS https://shop.test/cart"
headers = { Host = "other.test", Accept = "*/*" }
client = "198.51.100.7"
listen = "127.0.0.1:8443"
[route.expect]
kind = "redirect"
status = 301
location = "https://other.test/"
[[route]]
name = "files"
request = "GET http://a/"
listen = "unix:/run/n.sock"
expect = { kind = "file", candidates = ["/a", "/b"], server = "a", pattern = "/" }
unsafe = true
"#,
        )
        .unwrap();
        let [first, second] = &file.routes[..] else { panic!("{file:?}") };
        assert_eq!(first.spec.name, "OPTIONS https://shop.test/cart");
        assert_eq!(first.spec.line, 2);
        assert_eq!(first.spec.request.header("host"), Some(&b"other.test"[..]));
        assert_eq!(first.spec.request.headers.len(), 2);
        assert_eq!(first.spec.request.client, Some("198.51.100.7".parse().unwrap()));
        assert_eq!(first.spec.request.listen, Some(LocalAddress::Inet("127.0.0.1:8443".parse().unwrap())));
        let expect = first.spec.expect.as_ref().unwrap();
        assert_eq!((expect.kind, expect.status), (Some(Kind::Redirect), Some(301)));
        assert_eq!(second.spec.request.listen, Some(LocalAddress::Unix(b"/run/n.sock".to_vec())));
        assert_eq!(second.spec.expect.as_ref().unwrap().candidates.as_ref().unwrap().len(), 2);
        assert!(second.spec.is_unsafe && !first.spec.is_unsafe);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place_and_a_way_out() {
        let route = |rest: &str| format!("[[route]]\nrequest = \"GET http://a/\"\n{rest}");
        let cases = [
            ("[[route]]\n".to_owned(), "line 1, column 1: route 1: it has no request"),
            (
                "[[rout]]\n".to_owned(),
                "line 1, column 3: unknown key \"rout\" in the file; did you mean \"route\"?",
            ),
            (route("lve = {}"), "line 3, column 1: unknown key \"lve\" in a route; did you mean \"live\"?"),
            (
                route("expect = { upsteam = \"a\" }"),
                "line 3, column 12: unknown key \"upsteam\" in expect; did you mean \"upstream\"?",
            ),
            (
                route("expect = { flavour = 1 }"),
                "unknown key \"flavour\" in expect; it takes kind, upstream,",
            ),
            (
                route("expect = { kind = \"proxi\" }"),
                "line 3, column 19: \"proxi\" is no kind of outcome; did you mean \"proxy\"?",
            ),
            (
                route("expect = { status = \"200\" }"),
                "line 3, column 21: status must be a whole number, not a string",
            ),
            (route("expect = { status = 99 }"), "status must be between 100 and 599"),
            (route("expect = { status = 99999999999999999999 }"), "status must be between 100 and 599"),
            (route("expect = { kind = \"redirect\", upstream = \"a\" }"), "a redirect has no upstream"),
            (route("expect = { kind = \"proxy\", status = 200 }"), "write live = { status = 200 }"),
            (route("expect = {}"), "line 3, column 10: expect is empty"),
            (route("expect = \"proxy\""), "line 3, column 10: expect must be a table, not a string"),
            (route("expect = { servers = [1] }"), "servers must be a list of strings"),
            (route("live = { status = 200, contians = \"a\" }"), "did you mean \"contains\"?"),
            (route("client = \"here\""), "line 3, column 10: route 1: client is no IP address"),
            (route("listen = \"80\""), "listen is neither ADDRESS:PORT nor unix:PATH"),
            (route("headers = { \"X\\r\\nY\" = \"1\" }"), "is no header"),
            (route("headers = [\"X: 1\"]"), "headers must be a table, not an array"),
            (route("name = 3"), "name must be a string, not an integer"),
            (
                "[[route]]\nname = \"x\"\nrequest = \"GET /a\"".to_owned(),
                "line 3, column 11: route 1 (\"x\"): failed to find \"http://\"",
            ),
            ("route = 3".to_owned(), "route must be [[route]]"),
            ("route = [3]".to_owned(), "route must be [[route]]"),
        ];
        for (text, said) in cases {
            let error = unread(&text);
            assert!(error.contains(said), "{text}\n{error}");
        }
    }

    #[test]
    fn errors_show_no_secret_of_the_file() {
        let secret = "hunter2hunter2hunter2";
        for text in [
            format!("[[route]]\nrequest = \"GET http://user:{secret}@shop.test/\""),
            format!(
                "[[route]]\nrequest = \"GET http://a/\"\nheaders = {{ Authorization = \"Bearer {secret}\" "
            ),
            format!(
                "[[route]]\nrequest = \"GET http://a/\"\nheaders = {{ Authorization = \"{secret}\\n\" }}"
            ),
            format!("[[route]]\nrequest = \"GET http://a/?token={secret}\"\nclient = \"{secret}\""),
        ] {
            assert!(!unread(&text).contains(secret), "{}", unread(&text));
        }
    }

    #[test]
    fn names_that_are_given_twice_are_found_with_their_lines() {
        let twice = read(
            "[[route]]\nname = \"a\"\nrequest = \"GET http://a/\"\n[[route]]\nname = \"a\"\nrequest = \"GET http://b/\"",
        );
        assert_eq!(twice.unwrap().same_name(), Some(("a", 1, 4)));
        let unnamed = read("[[route]]\nrequest = \"GET http://a/\"\n[[route]]\nrequest = \"GET http://a/\"");
        assert_eq!(unnamed.unwrap().same_name(), None);
    }
}
