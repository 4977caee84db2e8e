//! What users could notice, as far as live routes saw it.

use super::{Claim, Impact, RouteImpact, Story, Summary};
use crate::journal::Phase;
use crate::{Sequence, Span, Timestamp, What};

pub(super) fn summary(story: &Story<'_>, root_cause: Claim) -> Summary {
    let from = story.release.switched_at;
    let until = from.and_then(|_| back_at(story));
    let duration = match story.stood() {
        Some(false) => Some(Span::ZERO),
        Some(true) => from.zip(until).map(|(from, until)| until.since(from)),
        None => None,
    };
    Summary { from, until, duration, impact: impact(story), root_cause }
}

/// When the old bundle was proven to serve again.
fn back_at(story: &Story<'_>) -> Option<Timestamp> {
    if let Some((_, recorded, revert)) = story.revert() {
        let told = revert.decided_at.map(|at| at + revert.took);
        return revert.proven.then_some(told.unwrap_or(recorded));
    }
    let back = story.taken_back_by?;
    let proven = |what: &What| matches!(what, What::Proven { release, .. } if *release == back);
    story.entries.iter().find(|(_, event)| proven(&event.what)).map(|(_, event)| event.at)
}

fn impact(story: &Story<'_>) -> Impact {
    let during: Vec<_> =
        story.answers().filter(|(_, phase, _)| matches!(phase, Phase::After | Phase::Watch)).collect();
    let asked = during.iter().map(|(_, _, answer)| answer.asked).sum();
    let wrong = during.iter().map(|(_, _, answer)| answer.wrong).sum();
    let first_wrong = during.iter().filter_map(|(_, _, answer)| answer.first_wrong).min();
    let last_wrong = during.iter().filter_map(|(_, _, answer)| answer.last_wrong).max();
    let mut on: Vec<Sequence> = during.iter().map(|(entry, ..)| *entry).collect();
    on.dedup();
    let routes = routes(story);
    let claim = claim(story, asked, wrong, &routes, on);
    Impact { asked, wrong, first_wrong, last_wrong, routes, claim }
}

fn routes(story: &Story<'_>) -> Vec<RouteImpact> {
    let mut routes: Vec<RouteImpact> = Vec::new();
    for (_, phase, answer) in story.answers() {
        let known = routes.iter().position(|it| it.route == answer.route && it.request == answer.request);
        let at = known.unwrap_or_else(|| {
            routes.push(RouteImpact {
                route: answer.route.clone(),
                request: answer.request.clone(),
                expected: answer.expected.clone(),
                answers: Vec::new(),
                asked: 0,
                wrong: 0,
                wrong_before: false,
            });
            routes.len() - 1
        });
        let route = &mut routes[at];
        route.answers.push((phase, answer.answer.clone()));
        match phase {
            Phase::Before => route.wrong_before |= answer.wrong > 0,
            Phase::After | Phase::Watch => {
                route.asked += answer.asked;
                route.wrong += answer.wrong;
            }
            Phase::Reverted => {}
        }
    }
    routes
}

fn claim(story: &Story<'_>, asked: u64, wrong: u64, routes: &[RouteImpact], on: Vec<Sequence>) -> Claim {
    match (story.stood(), asked, wrong) {
        (Some(false), ..) => Claim::rests("none: the new bundle never stood there", story.ended()),
        (_, 0, _) => Claim::not_enough("no live route was asked while the new bundle may have stood there"),
        (_, _, 0) => Claim::rests(format!("live routes saw none: all {asked} answers were right"), on),
        _ => {
            let hurt: Vec<&RouteImpact> = routes.iter().filter(|route| route.wrong > 0).collect();
            let names: Vec<String> = hurt.iter().map(|route| format!("“{}”", route.route)).collect();
            let before = hurt.iter().filter(|route| route.wrong_before).count();
            let before =
                if before == 0 { String::new() } else { format!("; {before} of these were wrong before") };
            let names = names.join(", ");
            Claim::rests(format!("{wrong} of {asked} answers of live routes were wrong: {names}{before}"), on)
        }
    }
}
