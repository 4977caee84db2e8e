//! What to do about it: tasks that what happened gives reason for, and none besides.

use super::story::Objection;
use super::{Impact, Measures, Story, Task};
use crate::apply::RevertWhy;
use crate::journal::RefusedBy;
use crate::{EvidenceKind, Outcome, Sequence, What};

pub(super) fn measures(story: &Story<'_>, impact: &Impact) -> Measures {
    let mut measures = Measures::default();
    if let Some((entry, _, objection)) = story.objection() {
        repair(story, &mut measures, entry, &objection);
        prevent(story, &mut measures, entry, &objection);
    }
    after_the_revert(story, &mut measures);
    watch_better(story, impact, &mut measures);
    measures
}

fn task(what: impl Into<String>, because: impl Into<String>, on: impl IntoIterator<Item = Sequence>) -> Task {
    Task { what: what.into(), because: because.into(), on: on.into_iter().collect() }
}

fn repair(story: &Story<'_>, measures: &mut Measures, entry: Sequence, objection: &Objection<'_>) {
    let files = story.files();
    let task = match objection {
        Objection::Evidence(evidence) => task(
            format!("correct the change to {files} before it is proposed again"),
            &evidence.summary,
            [entry],
        ),
        Objection::Conflict(paths) => task(
            format!("decide what becomes of {}: adopt it or undo it, then propose again", paths.join(", ")),
            "somebody else wrote there, and nothing was overwritten",
            [entry],
        ),
        Objection::Refused(RefusedBy::Freeze, reason) => {
            task("propose it again when the freeze is over", *reason, [entry])
        }
        Objection::Order(RevertWhy::Asked, reason) => {
            task(format!("find out what is wrong with the change to {files}"), *reason, [entry])
        }
        Objection::TakenBack(proposal) => {
            task(format!("find out what is wrong with the change to {files}"), &proposal.why, [entry])
        }
        Objection::Order(
            why @ (RevertWhy::NotProvenInTime | RevertWhy::CommandDied | RevertWhy::Boot),
            _,
        ) => unexplained(*why, entry),
        Objection::Host(revert) if revert.why != RevertWhy::NotConfirmedInTime => {
            unexplained(revert.why, entry)
        }
        _ => return,
    };
    measures.corrective.push(task);
}

fn unexplained(why: RevertWhy, entry: Sequence) -> Task {
    task("find out why it ended before its proof, in the system's own log of that time", why.name(), [entry])
}

fn prevent(story: &Story<'_>, measures: &mut Measures, entry: Sequence, objection: &Objection<'_>) {
    let hold = story.release.proposal.policy.hold;
    let (what, because) = match objection {
        Objection::Evidence(evidence) => match evidence.kind {
            EvidenceKind::Check | EvidenceKind::Diff => {
                ("run this check in CI", "the text alone shows it; a host was not needed to find it")
            }
            EvidenceKind::Preflight => {
                ("run the host's own preflight before a change is merged", "it was found only on the host")
            }
            EvidenceKind::WayBack => (
                "watch that what runs can still be read: certificates, names, files outside of the tree",
                "the way back was gone before anything was changed",
            ),
            EvidenceKind::Rehearsal => {
                ("rehearse a change where it is made, before it is merged", "it was found only on the host")
            }
            EvidenceKind::Routes | EvidenceKind::Observation => (
                "ask these routes in a rehearsal, before a change reaches a host",
                "live routes found it after the switch",
            ),
            EvidenceKind::Proof | EvidenceKind::WhatIsRead | EvidenceKind::Staged => (
                "rehearse the step from what runs to what is proposed, before a change reaches a host",
                "it was found only while the change was being applied",
            ),
            EvidenceKind::HandFix | EvidenceKind::ForeignReload | EvidenceKind::CompareAndSwap => (
                "agree that one actor at a time touches a host, and let the others see the open release",
                "somebody else was at work on the host",
            ),
            EvidenceKind::Approval => (
                "ask for the approval before the change is due, by a merge request for example",
                "nobody but its author had approved a change of high risk",
            ),
            EvidenceKind::App => (
                "try the update of the application where it is made, with the same steps",
                "its own step said no, before the configuration was touched",
            ),
            EvidenceKind::Revert | EvidenceKind::Recovery => return,
        },
        Objection::Conflict(_) => (
            "agree that one actor at a time touches a host, and let the others see the open release",
            "somebody else was at work on the host",
        ),
        Objection::Order(RevertWhy::NotConfirmedInTime, _) if hold => (
            "name who confirms, or let the policy confirm",
            "the release waited for a person, and nobody came",
        ),
        Objection::Order(RevertWhy::Asked, _) | Objection::TakenBack(_) => (
            "add a live route that shows what this person saw",
            "a person noticed it; nothing that Evenkeel asks did",
        ),
        _ => return,
    };
    measures.preventive.push(task(what, because, [entry]));
}

fn after_the_revert(story: &Story<'_>, measures: &mut Measures) {
    let Some((entry, _, revert)) = story.revert() else { return };
    let host = &story.release.proposal.host;
    if story.release.outcome() == Some(Outcome::RolledBack { proven: false }) {
        let because = "the host went back, but nothing proved that the old bundle serves";
        measures
            .corrective
            .insert(0, task(format!("look at {host} now: prove by hand what it serves"), because, [entry]));
    }
    if let Some(kept) = revert.kept {
        let what =
            format!("decide what becomes of the change by hand that is kept as bundle {}", kept.short());
        measures.corrective.push(task(
            what,
            "the way back saved it and put the old bundle in its place",
            [entry],
        ));
    }
}

fn watch_better(story: &Story<'_>, impact: &Impact, measures: &mut Measures) {
    let ordered = story.find(|what| matches!(what, What::Ordered { .. }));
    if let Some(entry) = ordered.filter(|_| impact.routes.is_empty()) {
        let what = format!("add live routes for what {} decides", story.files());
        let because = "no live route covers this host: what users saw is not known";
        measures.preventive.push(task(what, because, [entry]));
    } else if story.stood() == Some(true) && !impact.routes.is_empty() && impact.wrong == 0 {
        let on: Vec<Sequence> =
            story.find(|what| matches!(what, What::Answered { .. })).into_iter().collect();
        let what = format!("add a live route that covers what {} decides", story.files());
        measures.preventive.push(task(what, "every live route was right while the release was not", on));
    }
    for route in impact.routes.iter().filter(|route| route.wrong_before) {
        let on: Vec<Sequence> =
            story.find(|what| matches!(what, What::Answered { .. })).into_iter().collect();
        let what = format!("repair the route “{}”, or what it expects", route.route);
        measures.preventive.push(task(what, "it was wrong before the release already", on));
    }
    if let Some(why) = &story.release.proposal.emergency {
        let what =
            format!("look at what was applied as an emergency ({why}), and have somebody approve what stays");
        measures.preventive.push(task(what, "it went forward without approval", story.proposed()));
    }
    let accepted = &story.release.proposal.accepted;
    if !accepted.is_empty() {
        let what = format!("have somebody else look when a finding is accepted: {}", accepted.join("; "));
        measures.preventive.push(task(
            what,
            "the author accepted it, and the release went wrong",
            story.proposed(),
        ));
    }
}
