//! Whether two routes of one request are the same to whoever asks.

use super::{ChangeKey, What};
use crate::request::{AddedHeader, Guard, Limit, Outcome, Route, Says, SentHeader};
use crate::route::Observed;

/// What class a request belongs to whose ways differ, so that counting traffic and grouping agree; `None`: nothing that
/// [`diff`](super::diff) tells changes for it.
pub fn class_key(old: &Route, new: &Route) -> Option<ChangeKey> {
    let what = what(old, new)?;
    // Where one side has no request at all, all of a server are one class.
    let block = |route: &Route| route.location.filter(|_| !only_one_listens(old, new)).or(route.server);
    Some((block(old), block(new), what))
}

/// Whether a connection comes to a server on one side only.
pub(super) fn only_one_listens(old: &Route, new: &Route) -> bool {
    old.server.is_none() != new.server.is_none()
}

/// What is not the same.
pub(super) fn what(old: &Route, new: &Route) -> Option<What> {
    if only_one_listens(old, new) {
        return Some(What::Outcome);
    }
    if !same_outcome(old, new) {
        let refused =
            |route: &Route| route.facts.guards.iter().any(|guard: &Guard| guard.says == Says::Refuses);
        return Some(if refused(old) != refused(new) { What::Access } else { What::Outcome });
    }
    if let (Outcome::Pass { servers: before, .. }, Outcome::Pass { servers: after, .. }) =
        (&old.outcome, &new.outcome)
        && before != after
    {
        return Some(What::Upstream);
    }
    if !same_added(&old.facts.headers, &new.facts.headers) || !same_sent(&old.facts.sent, &new.facts.sent) {
        return Some(What::Headers);
    }
    (!same_limits(&old.facts.limits, &new.facts.limits)).then_some(What::Access)
}

pub(super) fn same_outcome(old: &Route, new: &Route) -> bool {
    let unsaid = |outcome: &Outcome| match outcome {
        Outcome::Return { status, body: None } | Outcome::Error { status, .. } => Some(*status),
        _ => None,
    };
    if old.status != new.status || old.listen.is_none() != new.listen.is_none() {
        return false;
    }
    match (&old.outcome, &new.outcome) {
        (Outcome::Close { .. }, Outcome::Close { .. }) => true,
        (Outcome::Pass { kind: one, pass: before, .. }, Outcome::Pass { kind: another, pass: after, .. }) => {
            one == another && before == after
        }
        (before, after) => match (unsaid(before), unsaid(after)) {
            (Some(before), Some(after)) => before == after,
            _ => before == after,
        },
    }
}

fn same_added(old: &[AddedHeader], new: &[AddedHeader]) -> bool {
    let same = |one: &AddedHeader, another: &AddedHeader| {
        one.name.eq_ignore_ascii_case(&another.name)
            && one.value == another.value
            && one.always == another.always
    };
    old.len() == new.len() && old.iter().zip(new).all(|(one, another)| same(one, another))
}

/// The order of the headers of a request to an upstream does not matter.
fn same_sent(old: &[SentHeader], new: &[SentHeader]) -> bool {
    let has = |all: &[SentHeader], wanted: &SentHeader| {
        all.iter().any(|one| one.name.eq_ignore_ascii_case(&wanted.name) && one.value == wanted.value)
    };
    old.len() == new.len() && old.iter().all(|one| has(new, one)) && new.iter().all(|one| has(old, one))
}

fn same_limits(old: &[Limit], new: &[Limit]) -> bool {
    let same = |one: &Limit, another: &Limit| {
        let said = |limit: &Limit| (limit.kind, limit.burst, limit.nodelay, limit.status, limit.dry_run);
        said(one) == said(another)
            && (&one.zone, &one.key, &one.allows) == (&another.zone, &another.key, &another.allows)
    };
    old.len() == new.len() && old.iter().zip(new).all(|(one, another)| same(one, another))
}

/// Whether everything is put together of the same pieces, so that it is the same for all requests of the way. That the
/// servers of an upstream are others is told by their addresses.
pub(super) fn same_pieces(old: &Observed, new: &Observed) -> bool {
    let by_words =
        |seen: &Observed| !matches!(seen.route.outcome, Outcome::Pass { .. } | Outcome::Error { .. });
    let words = |seen: &Observed| {
        let shown = seen.shape.words.iter().enumerate();
        let told = |(at, word): &(usize, &String)| *at < 2 || by_words(seen) || is_header(word);
        shown.filter(told).map(|(_, word)| word.clone()).collect::<Vec<_>>()
    };
    words(old) == words(new) && old.shape.values == new.shape.values && old.beside == new.beside
}

fn is_header(word: &str) -> bool {
    word.starts_with("adds ") || word.starts_with("sends ")
}
