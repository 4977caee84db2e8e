//! `expect` and `live` of a route.

use evenkeel_model::{Expectation, Kind, Live};
use evenkeel_syntax::secret::redact_str;
use toml::de::DeTable;

use super::Unread;
use super::fields::{Fields, Where, among};

/// Every key of `expect`.
const EXPECT: [&str; 11] = [
    "kind",
    "upstream",
    "servers",
    "pass",
    "path",
    "candidates",
    "status",
    "location",
    "body",
    "server",
    "pattern",
];

pub(super) fn expectation(place: Where<'_>, table: &DeTable<'_>, at: usize) -> Result<Expectation, Unread> {
    let fields = Fields::new(place, "expect", table);
    fields.end(&EXPECT)?;
    let kind = fields.text("kind")?.map(|(name, at)| kind(place, &name, at)).transpose()?;
    let expectation = Expectation {
        kind,
        upstream: fields.string("upstream")?,
        servers: fields.strings("servers")?,
        pass: fields.string("pass")?,
        path: fields.string("path")?,
        candidates: fields.strings("candidates")?,
        status: fields.number("status", 100, 599)?,
        location: fields.string("location")?,
        body: fields.string("body")?,
        server: fields.string("server")?,
        pattern: fields.string("pattern")?,
    };
    if expectation == Expectation::default() {
        return Err(place.unread(at, "expect is empty: name a part of the outcome, such as kind = \"proxy\""));
    }
    if let Some(kind) = kind {
        let strange = table.iter().find(|(key, _)| !goes_with(kind, key.get_ref()));
        if let Some((key, _)) = strange {
            return Err(place.unread(key.span().start, never(kind, key.get_ref())));
        }
    }
    Ok(expectation)
}

pub(super) fn kind(place: Where<'_>, name: &str, at: usize) -> Result<Kind, Unread> {
    Kind::named(name).ok_or_else(|| {
        let names = Kind::ALL.map(Kind::name);
        let shown = redact_str(name).escape_debug().to_string();
        place.unread(at, format!("\"{shown}\" is no kind of outcome; {}", among(name, &names)))
    })
}

/// Whether an outcome of this kind can have this part.
fn goes_with(kind: Kind, key: &str) -> bool {
    matches!(
        (kind, key),
        (_, "kind" | "server" | "pattern")
            | (Kind::Pass(_), "upstream" | "servers" | "pass")
            | (Kind::File, "path" | "candidates" | "status")
            | (Kind::Redirect, "status" | "location")
            | (Kind::Return, "status" | "body")
            | (Kind::Error, "status")
    )
}

/// Why this part can never be there.
fn never(kind: Kind, key: &str) -> String {
    let name = kind.name();
    if matches!(kind, Kind::Pass(_)) && key == "status" {
        return "which status comes back is for the upstream to say: write live = { status = 200 } beside expect".to_owned();
    }
    let article = if name.starts_with('e') { "an" } else { "a" };
    format!("{article} {name} has no {key}")
}

/// `live`, and whether it allows a request that may change something.
pub(super) fn live(place: Where<'_>, table: &DeTable<'_>) -> Result<(Live, bool), Unread> {
    let fields = Fields::new(place, "live", table);
    fields.end(&["status", "contains", "headers", "unsafe"])?;
    let headers = fields.texts_by_name("headers")?.into_iter().map(|(name, value, _)| (name, value));
    let live = Live {
        status: fields.number("status", 100, 599)?,
        contains: fields.string("contains")?,
        headers: headers.collect(),
    };
    Ok((live, fields.flag("unsafe")?.unwrap_or(false)))
}
