//! `[[invariant]]`: what must hold for every request of a kind.

use evenkeel_model::{Guarded, Invariant, InvariantDemand as Demand, InvariantRequests, Part};
use evenkeel_syntax::secret::redact_str;
use toml::de::DeTable;

use super::Unread;
use super::expect::kind;
use super::fields::{Fields, Where, among};

/// The keys of `never` and `always` that name parts of an outcome.
const PART: [&str; 6] = ["kind", "upstream", "pass", "status", "location", "path"];

pub(super) fn invariant(
    place: Where<'_>,
    index: usize,
    table: &DeTable<'_>,
    at: usize,
) -> Result<Invariant, Unread> {
    let fields = Fields::new(place, "an invariant", table);
    let name = fields.text("name")?.map(|(name, _)| name);
    let requests = fields.table("requests")?;
    let (never, always) = (fields.table("never")?, fields.table("always")?);
    fields.end(&["name", "requests", "never", "always"])?;
    let called = name.as_ref().map(|name| format!(" (\"{}\")", redact_str(name).escape_debug()));
    let about =
        |what: &str| format!("invariant {}{}: {what}", index + 1, called.as_deref().unwrap_or_default());
    let demand = match (never, always) {
        (Some((table, at)), None) => never_demand(place, table, at)?,
        (None, Some((table, at))) => Demand::Always(part(place, "always", table, at)?),
        (Some(_), Some((_, at))) => {
            return Err(place.unread(at, about("it has both never and always: make two of it")));
        }
        (None, None) => {
            let what = about("it demands nothing, such as never = { upstream = \"legacy\" }");
            return Err(place.unread(at, what));
        }
    };
    let requests = requests.map(|(table, _)| read_requests(place, table)).transpose()?.unwrap_or_default();
    Ok(Invariant {
        name: name.unwrap_or_else(|| format!("invariant {}", index + 1)),
        requests,
        demand,
        line: u32::try_from(place.line_column(at).0).unwrap_or(u32::MAX),
    })
}

fn read_requests(place: Where<'_>, table: &DeTable<'_>) -> Result<InvariantRequests, Unread> {
    let fields = Fields::new(place, "requests", table);
    let scheme = fields.text("scheme")?;
    let tls = match scheme.as_ref().map(|(scheme, at)| (&scheme[..], *at)) {
        None => None,
        Some(("http", _)) => Some(false),
        Some(("https", _)) => Some(true),
        Some((_, at)) => return Err(place.unread(at, "scheme is either \"http\" or \"https\"")),
    };
    let path = fields.text("path")?;
    if let Some((path, at)) = &path
        && !path.starts_with(['/', '*'])
    {
        return Err(place.unread(*at, "a path begins with / (or with *)"));
    }
    let (host, method) = (fields.string("host")?, fields.string("method")?);
    fields.end(&["path", "host", "method", "scheme"])?;
    Ok(InvariantRequests { path: path.map(|(path, _)| path), host, method, tls })
}

fn never_demand(place: Where<'_>, table: &DeTable<'_>, at: usize) -> Result<Demand, Unread> {
    let fields = Fields::new(place, "never", table);
    let Some(names) = fields.strings("without")? else {
        return Ok(Demand::Never(part(place, "never", table, at)?));
    };
    if let Some((key, _)) = table.iter().find(|(key, _)| key.get_ref() != "without") {
        return Err(place.unread(key.span().start, "without stands alone: make two invariants of it"));
    }
    let guards = names.iter().map(|name| {
        Guarded::named(name).ok_or_else(|| {
            let shown = redact_str(name).escape_debug().to_string();
            place.unread(at, format!("\"{shown}\" is no guard; {}", among(name, &Guarded::NAMES)))
        })
    });
    let guards: Vec<Guarded> = guards.collect::<Result<_, _>>()?;
    if guards.is_empty() {
        return Err(place.unread(at, "without is empty: it takes \"auth\" and \"deny\""));
    }
    Ok(Demand::NeverWithout(guards))
}

fn part(place: Where<'_>, what: &'static str, table: &DeTable<'_>, at: usize) -> Result<Part, Unread> {
    let fields = Fields::new(place, what, table);
    fields.end(&if what == "never" { [&PART[..], &["without"]].concat() } else { PART.to_vec() })?;
    let part = Part {
        kind: fields.text("kind")?.map(|(name, at)| kind(place, &name, at)).transpose()?,
        upstream: fields.string("upstream")?,
        pass: fields.string("pass")?,
        status: fields.number("status", 100, 599)?,
        location: fields.string("location")?,
        path: fields.string("path")?,
    };
    if part == Part::default() {
        return Err(place.unread(
            at,
            format!("{what} is empty: name a part of the outcome, such as upstream = \"legacy\""),
        ));
    }
    Ok(part)
}
