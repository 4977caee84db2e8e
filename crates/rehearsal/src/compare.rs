//! Predicted against observed, and old against new.

use evenkeel_model::{Config, Outcome, PassKind, Route};

use crate::report::Observed;

/// Everything that is known of one answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Heard {
    pub(crate) observed: Observed,
    /// The headers of the answer.
    pub(crate) headers: Vec<(String, String)>,
    /// Its body.
    pub(crate) body: Vec<u8>,
    /// The stand-in that the request reached: how the tree calls it.
    pub(crate) reached: Option<Reached>,
    /// Whether a rehearsal cannot ask it, so that nothing is known.
    pub(crate) not_asked: bool,
    /// What nginx said of it in its error logs, when it went wrong.
    pub(crate) said: Vec<String>,
}

/// A stand-in that was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reached {
    /// The upstreams that it is a server of, or its address as the tree has it.
    pub(crate) names: Vec<String>,
    /// Its address.
    pub(crate) at: String,
}

impl Heard {
    /// Whether it went wrong: no answer, or one that is an error.
    pub(crate) fn failed(&self) -> bool {
        !self.not_asked && self.observed.status.is_none_or(|status| status >= 400)
    }

    /// The value of the first header with this name, in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Says in what an answer differs from an exact prediction; `None` when it agrees, when nothing exact was said, or when
/// nobody stands in for the upstream (nginx may be its own).
pub(crate) fn differs(route: &Route, heard: &Heard, has_stand_in: &dyn Fn(&str) -> bool) -> Option<String> {
    if !route.depends_on.is_empty() || heard.not_asked {
        return None;
    }
    let seen = &heard.observed;
    match &route.outcome {
        Outcome::Pass { kind, upstream, servers, pass } => {
            if upstream.as_deref().is_some_and(|name| !has_stand_in(name)) {
                return None;
            }
            let Some(reached) = &heard.reached else {
                let name = upstream.clone().unwrap_or_else(|| String::from_utf8_lossy(pass).into_owned());
                return Some(format!("no upstream was reached instead of {name}: {}", outcome_of(seen)));
            };
            if let Some(name) = upstream
                && !reached.names.iter().any(|known| is_name(known, name))
                && !servers.contains(&reached.at)
            {
                return Some(format!("{} was reached instead of {name}", reached.names.join(", ")));
            }
            let target = (*kind == PassKind::Proxy).then(|| target_of(pass)).flatten()?;
            let asked = seen.target.as_deref()?;
            (asked != target).then(|| format!("the upstream was asked for {asked} instead of {target}"))
        }
        Outcome::Redirect { status, location } => {
            let location = String::from_utf8_lossy(location);
            let same = seen.status == Some(*status) && seen.location.as_deref() == Some(&*location);
            (!same).then(|| format!("{} instead of {status} to {location}", outcome_of(seen)))
        }
        Outcome::Return { status, body } => {
            // HEAD is told the length alone.
            let length_of = |body: &[u8]| heard.header("content-length") == Some(&*body.len().to_string());
            let headed = |body: &[u8]| heard.body.is_empty() && length_of(body);
            let text =
                body.as_ref().is_none_or(|body| body.is_empty() || heard.body == *body || headed(body));
            let same = seen.status == Some(*status) && text;
            (!same).then(|| format!("{} instead of {status}", outcome_of(seen)))
        }
        Outcome::File { path } => {
            // An `error_page` gives its file with the status of the error.
            let is_page = route.status.is_some_and(|status| status >= 400) && seen.status == route.status;
            let served = (is_page || matches!(seen.status, Some(200 | 206 | 304))) && heard.reached.is_none();
            (!served).then(|| {
                format!("{} instead of the file {}", outcome_of(seen), String::from_utf8_lossy(path))
            })
        }
        Outcome::Files { .. } => None,
        Outcome::Close { reason } => {
            seen.status.map(|status| format!("{status} instead of a closed connection ({reason})"))
        }
        Outcome::Error { status, reason } => {
            let same = seen.status == Some(*status);
            (!same).then(|| format!("{} instead of {status} ({reason})", outcome_of(seen)))
        }
    }
}

fn is_name(known: &str, name: &str) -> bool {
    known.eq_ignore_ascii_case(name)
        || known.strip_prefix(name).is_some_and(|rest| rest == ":80" || rest == ":443")
}

/// The path and query of `http://app/cart?x=1`; `None` when it has none.
fn target_of(pass: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(pass);
    let rest = text.split_once("://").map_or(&*text, |(_, rest)| rest);
    let at = match rest.strip_prefix("unix:") {
        Some(path) => path.find(":/").map(|at| at + "unix:".len() + 1),
        None => rest.find(['/', '?']),
    };
    at.map(|at| rest[at..].to_owned())
}

/// What came back, in a few words.
pub(crate) fn outcome_of(seen: &Observed) -> String {
    let status = match (seen.status, &seen.error) {
        (Some(status), _) => status.to_string(),
        (None, Some(error)) => return error.clone(),
        (None, None) => return "no answer".to_owned(),
    };
    match (&seen.location, &seen.upstream) {
        (Some(location), _) => format!("{status} to {location}"),
        (None, Some(upstream)) => {
            let target = seen.target.as_deref().map(|it| format!(" {it}")).unwrap_or_default();
            format!("{status} from {upstream}{target}")
        }
        (None, None) => status,
    }
}

/// The same, with the words of a page that nginx itself gave.
pub(crate) fn page_of(seen: &Observed) -> String {
    let page = seen.page.as_ref().map(|page| format!(", {page}"));
    format!("{}{}", outcome_of(seen), page.unwrap_or_default())
}

/// What the model said, in a few words.
pub(crate) fn predicted(route: &Route) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match &route.outcome {
        Outcome::Pass { pass, .. } => format!("passed to {}", text(pass)),
        Outcome::File { path } => format!("the file {}", text(path)),
        Outcome::Files { candidates } => {
            let names: Vec<String> = candidates.iter().map(|path| text(path)).collect();
            format!("one of the files {}", names.join(", "))
        }
        Outcome::Redirect { status, location } => format!("{status} to {}", text(location)),
        Outcome::Return { status, .. } => format!("{status}"),
        Outcome::Close { reason } => format!("closed ({reason})"),
        Outcome::Error { status, reason } => format!("{status} ({reason})"),
    }
}

/// Whether two answers to one request differ in what the configuration decides.
pub(crate) fn changed(old: &Observed, new: &Observed) -> bool {
    let shape = |seen: &Observed| {
        let error = seen.error.is_some();
        (seen.status, error, [&seen.location, &seen.upstream, &seen.target, &seen.page].map(Clone::clone))
    };
    shape(old) != shape(new) || headers(old, new).is_some()
}

/// Which headers an answer that stayed the same otherwise has lost.
pub(crate) fn lost_headers(old: &Observed, new: &Observed) -> Option<String> {
    let same = (old.status, &old.location, &old.upstream) == (new.status, &new.location, &new.upstream);
    Some(only(&old.headers, &new.headers)).filter(|lost| same && !lost.is_empty())
}

fn only(these: &[String], those: &[String]) -> String {
    let names: Vec<&str> = these.iter().filter(|name| !those.contains(name)).map(String::as_str).collect();
    names.join(", ")
}

/// Which headers an answer with the same status has lost or gained, in words.
pub(crate) fn headers(old: &Observed, new: &Observed) -> Option<String> {
    if old.status != new.status {
        return None;
    }
    match (only(&old.headers, &new.headers), only(&new.headers, &old.headers)) {
        (lost, gained) if lost.is_empty() && gained.is_empty() => None,
        (lost, gained) if gained.is_empty() => Some(format!("without {lost}")),
        (lost, gained) if lost.is_empty() => Some(format!("with {gained}")),
        (lost, gained) => Some(format!("without {lost}, with {gained}")),
    }
}

/// Whether a user who was served before meets an error of the server now.
pub(crate) fn got_worse(old: &Observed, new: &Observed) -> bool {
    let serves = |seen: &Observed| seen.status.is_some_and(|status| status < 500);
    serves(old) && !serves(new)
}

/// Finds the `error_page` that holds for a status at the place where a request ended, as file and line.
pub(crate) fn error_page(config: &Config, route: &Route, status: u16) -> Option<(String, u32)> {
    let start = config.node(route.location.or(route.server)?);
    let levels = std::iter::once(start).chain(start.ancestors());
    let mut pages = levels.map(|level| level.find("error_page").collect::<Vec<_>>());
    let level = pages.find(|pages| !pages.is_empty())?;
    let code = status.to_string();
    let node = level.into_iter().find(|page| page.args().any(|arg| arg == code.as_bytes()))?;
    Some((node.source().display.clone(), node.line()))
}

#[cfg(test)]
mod tests {
    use evenkeel_model::Dependence;

    use super::*;
    use crate::testing::{config, route};

    fn pass(to: &str) -> Route {
        let (upstream, servers) = (Some("app".to_owned()), vec!["10.0.0.5:80".to_owned()]);
        route(Outcome::Pass { kind: PassKind::Proxy, upstream, servers, pass: to.into() })
    }

    fn from(name: &str, target: &str) -> Heard {
        let observed = Observed {
            status: Some(200),
            upstream: Some(name.to_owned()),
            target: Some(target.to_owned()),
            ..Observed::default()
        };
        let reached = Reached { names: vec![name.to_owned()], at: "10.0.0.5:8080".to_owned() };
        Heard { observed, reached: Some(reached), ..Heard::default() }
    }

    fn anybody(_: &str) -> bool {
        true
    }

    fn status(status: u16) -> Heard {
        Heard { observed: Observed { status: Some(status), ..Observed::default() }, ..Heard::default() }
    }

    #[test]
    fn passed_request_must_reach_its_upstream_with_its_target() {
        assert_eq!(differs(&pass("http://app/a?x=1"), &from("app", "/a?x=1"), &anybody), None);
        assert!(
            differs(&pass("http://app/a"), &from("app", "/b"), &anybody)
                .unwrap()
                .contains("/b instead of /a")
        );
        assert!(
            differs(&pass("http://app/a"), &from("other", "/a"), &anybody)
                .unwrap()
                .contains("other was reached")
        );
        assert!(
            differs(&pass("http://app/a"), &status(502), &anybody)
                .unwrap()
                .contains("no upstream was reached")
        );
        assert_eq!(target_of(b"http://unix:/run/a.sock:/x").as_deref(), Some("/x"));
        assert_eq!(target_of(b"http://app"), None);
    }

    #[test]
    fn answers_of_nginx_itself_must_have_their_status_and_location() {
        let redirect = || route(Outcome::Redirect { status: 301, location: b"https://a/".to_vec() });
        let mut answer = status(301);
        answer.observed.location = Some("https://a/".to_owned());
        assert_eq!(differs(&redirect(), &answer, &anybody), None);
        assert!(differs(&redirect(), &status(302), &anybody).is_some());
        let close = || route(Outcome::Close { reason: "return 444".to_owned() });
        assert!(differs(&close(), &status(200), &anybody).is_some());
        assert_eq!(differs(&close(), &Heard::default(), &anybody), None);
        let page = Route { status: Some(503), ..route(Outcome::File { path: b"/sorry.html".to_vec() }) };
        assert_eq!(differs(&page, &status(503), &anybody), None);
        assert!(differs(&page, &status(502), &anybody).is_some());
        let text = route(Outcome::Return { status: 200, body: Some(b"ok".to_vec()) });
        assert!(differs(&text, &status(200), &anybody).is_some());
    }

    #[test]
    fn prediction_that_depends_on_something_is_not_held_against_the_answer() {
        let mut route = pass("http://app/a");
        route.depends_on = vec![Dependence::Module("rewrite".to_owned())];
        assert_eq!(differs(&route, &status(404), &anybody), None);
    }

    #[test]
    fn change_and_decline_are_told_apart() {
        let (good, moved, bad) = (from("app", "/a").observed, status(301).observed, status(502).observed);
        let headers = |names: &[&str]| Observed {
            status: Some(200),
            headers: names.iter().map(|name| (*name).to_owned()).collect(),
            ..Observed::default()
        };
        let (safe, bare) = (headers(&["x-a", "x-frame-options"]), headers(&["x-a", "x-b"]));
        assert_eq!(lost_headers(&safe, &bare).unwrap(), "x-frame-options");
        assert!(changed(&safe, &bare) && lost_headers(&safe, &safe).is_none());
        assert_eq!(super::headers(&safe, &bare).unwrap(), "without x-frame-options, with x-b");
        assert!(!changed(&good, &good) && changed(&good, &moved) && changed(&good, &bad));
        assert!(got_worse(&good, &bad) && !got_worse(&good, &moved) && !got_worse(&bad, &bad));
        assert!(got_worse(&good, &Observed::default()), "no answer at all is worse");
    }

    #[test]
    fn error_page_is_that_of_the_nearest_level() {
        let config = config(
            "events {}\nhttp {\n error_page 502 /http.html;\n server {\n  location / {\n   error_page 404 /x;\n  }\n \
             location /b { }\n }\n}",
        );
        let at = |index: usize| {
            let location = Some(config.servers()[0].locations[index].node);
            error_page(&config, &Route { location, ..pass("http://app") }, 502)
        };
        assert_eq!(at(0), None, "a level of its own hides the outer ones");
        assert_eq!(at(1), Some(("nginx.conf".to_owned(), 3)));
    }
}
