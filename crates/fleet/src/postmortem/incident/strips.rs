//! What each vantage saw, drawn again from the changes that were written down.

use std::collections::{BTreeMap, BTreeSet};

use super::case::Case;
use super::{Met, Seen as Shown, Stretch, Strip};
use crate::journal::{Health, Seen};
use crate::watch::{ProbeId, VantageId};
use crate::{HostId, Span, Timestamp, What};

/// Of so much before and after is told, at least.
const AROUND: Span = Span::from_secs(30);

type Key = (ProbeId, HostId, VantageId);

pub(super) fn strips(case: &Case<'_>) -> Vec<Strip> {
    let (from, until) = (case.onset - AROUND, case.last + AROUND);
    let wanted: BTreeSet<ProbeId> = case.probes().into_iter().collect();
    let mut states: BTreeMap<Key, Vec<(Timestamp, Shown)>> = BTreeMap::new();
    let mut unfit: BTreeSet<VantageId> = BTreeSet::new();
    for event in case.events {
        let What::Watch(seen) = &event.what else { continue };
        match seen {
            Seen::Turned(it) if wanted.contains(&it.probe) => {
                let key = (it.probe.clone(), it.host.clone(), it.vantage.clone());
                let shown = match &it.health {
                    _ if unfit.contains(&it.vantage) => Shown::Unknown,
                    Health::Up => Shown::Up,
                    Health::Down { class, says } => Shown::Down(short(class, says)),
                    Health::Flapping => Shown::Down("flapping".to_owned()),
                };
                states.entry(key).or_default().push((it.at, shown));
            }
            Seen::Vantage { vantage, at, unfit: why } => {
                if why.is_some() {
                    unfit.insert(vantage.clone());
                    forget(&mut states, *at, |(.., from)| from == vantage);
                } else {
                    unfit.remove(vantage);
                }
            }
            Seen::Begun { .. } | Seen::Ended { .. } => forget(&mut states, event.at, |_| true),
            _ => {}
        }
    }
    let strip = |((probe, host, vantage), turns): (Key, Vec<(Timestamp, Shown)>)| {
        let stretches = stretches(turns, from, until);
        let known = stretches.iter().any(|it| it.seen != Shown::Unknown);
        known.then_some(Strip { probe, host, vantage, stretches })
    };
    states.into_iter().filter_map(strip).collect()
}

/// A failure in a word or two: `filtered`, `status 502`.
fn short(class: &str, says: &str) -> String {
    let status = says.strip_prefix("status ").filter(|_| class == "status");
    let code = status.and_then(|rest| rest.split_whitespace().next());
    code.map_or_else(|| class.to_owned(), |code| format!("status {code}"))
}

/// From then on nothing is known of these.
fn forget(states: &mut BTreeMap<Key, Vec<(Timestamp, Shown)>>, at: Timestamp, of: impl Fn(&Key) -> bool) {
    for (_, turns) in states.iter_mut().filter(|(key, _)| of(key)) {
        turns.push((at, Shown::Unknown));
    }
}

/// The turns as stretches from one moment to another, without gaps; what was before the first turn is not known.
fn stretches(turns: Vec<(Timestamp, Shown)>, from: Timestamp, until: Timestamp) -> Vec<Stretch> {
    let mut out: Vec<Stretch> = Vec::new();
    let mut now = (from, Shown::Unknown);
    let mut push = |(began, seen): (Timestamp, Shown), ended: Timestamp| {
        let (began, ended) = (began.max(from), ended.min(until));
        match out.last_mut() {
            Some(last) if last.seen == seen => last.until = last.until.max(ended),
            _ if began < ended => out.push(Stretch { from: began, until: ended, seen }),
            _ => {}
        }
    };
    for (at, seen) in turns {
        let at = at.max(now.0);
        push(std::mem::replace(&mut now, (at, seen)), at);
    }
    push(now, until);
    out
}

/// What each vantage met while it lasted.
pub(super) fn vantages(case: &Case<'_>, strips: &[Strip]) -> Vec<Met> {
    let met = |strip: &Strip| {
        let (mut down, mut how) = (Span::ZERO, Vec::new());
        for stretch in &strip.stretches {
            if let Shown::Down(class) = &stretch.seen {
                down = down.saturating_add(stretch.until.since(stretch.from));
                if !how.contains(class) {
                    how.push(class.clone());
                }
            }
        }
        let Strip { probe, host, vantage, .. } = strip;
        let failed = failed(case, (probe, host, vantage));
        let (probe, host, vantage) = (probe.clone(), host.clone(), vantage.clone());
        (!how.is_empty()).then_some(Met { probe, host, vantage, down, failed, how })
    };
    strips.iter().filter_map(met).collect()
}

/// How many requests failed: each turn says how many answers went like the one before. `None` while it still fails, or where
/// a turn does not say.
fn failed(case: &Case<'_>, (probe, host, vantage): (&ProbeId, &HostId, &VantageId)) -> Option<u64> {
    let (mut failed, mut down) = (0, false);
    for event in case.events {
        let What::Watch(Seen::Turned(it)) = &event.what else { continue };
        if (&it.probe, &it.host, &it.vantage) != (probe, host, vantage) || it.at < case.onset {
            continue;
        }
        if it.at > case.last {
            break;
        }
        if down {
            failed += it.after?;
        }
        down = it.health != Health::Up;
    }
    (!down).then_some(failed)
}

/// For how long at least one vantage saw a probe down, summed over probes and hosts.
pub(super) fn time_down(strips: &[Strip]) -> Span {
    let mut by_target: BTreeMap<(&ProbeId, &HostId), Vec<(Timestamp, Timestamp)>> = BTreeMap::new();
    for strip in strips {
        let down = strip.stretches.iter().filter(|it| matches!(it.seen, Shown::Down(_)));
        by_target.entry((&strip.probe, &strip.host)).or_default().extend(down.map(|it| (it.from, it.until)));
    }
    let mut sum = Span::ZERO;
    for mut stretches in by_target.into_values() {
        stretches.sort_unstable();
        let mut covered = Timestamp::default();
        for (from, until) in stretches {
            sum = sum.saturating_add(until.since(from.max(covered)));
            covered = covered.max(until);
        }
    }
    sum
}
