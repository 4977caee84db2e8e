//! Why it went wrong, what noticed it, and what ended it. Nothing is said without an entry to show for it.

use super::story::Objection;
use super::timeline::reverter;
use super::{Caught, Claim, Since, Story};
use crate::apply::{RevertWhy, Way};

use crate::journal::{Proposal, RefusedBy, Revert};
use crate::{Evidence, Outcome, Sequence};

pub(super) fn root_cause(story: &Story<'_>) -> Claim {
    let Some((entry, _, objection)) = story.objection() else {
        return Claim::not_enough("nothing in the journal says what was wrong");
    };
    match objection {
        Objection::Evidence(evidence) => by_evidence(story, entry, evidence),
        Objection::Order(why, reason) => by_order(story, entry, why, reason),
        Objection::Host(revert) => {
            match revert.evidence.iter().find(|it| !it.holds && tells_of_the_change(it)) {
                Some(evidence) => by_evidence(story, entry, evidence),
                None => by_order(story, entry, revert.why, revert.why.name()),
            }
        }
        Objection::Refused(RefusedBy::Freeze, reason) => Claim::rests(reason, [entry]),
        Objection::Refused(RefusedBy::Person(who), reason) => {
            Claim::rests(format!("{who} withdrew it: {reason}"), [entry])
        }
        Objection::Refused(RefusedBy::Interrupted, reason) => {
            Claim::rests(format!("it was interrupted while its evidence was gathered: {reason}"), [entry])
        }
        Objection::Refused(_, reason) => Claim::rests(reason, [entry]),
        Objection::Conflict(paths) => {
            let text = "somebody else wrote to the tree after the change had been proposed";
            Claim::rests(format!("{text}: {}", paths.join(", ")), [entry])
        }
        Objection::TakenBack(Proposal { who, why, .. }) => {
            let text = format!("the change to {} was confirmed; {who} took it back: {why}", story.files());
            Claim::rests(text, story.proposed().chain([entry]))
        }
    }
}

fn by_evidence(story: &Story<'_>, entry: Sequence, evidence: &Evidence) -> Claim {
    let Evidence { kind, summary, .. } = evidence;
    let when = match story.release.switched_at {
        Some(_) if !kind.before_the_order() => "after the switch",
        _ => "before the switch",
    };
    let text = format!("the change to {}: {when}, {kind} did not hold: {summary}", story.files());
    Claim::rests(text, story.proposed().chain([entry]))
}

fn by_order(story: &Story<'_>, entry: Sequence, why: RevertWhy, reason: &str) -> Claim {
    let policy = &story.release.proposal.policy;
    match why {
        RevertWhy::Asked => Claim::rests(format!("somebody asked to go back: {reason}"), [entry]),
        RevertWhy::Evidence => Claim::rests(reason, [entry]),
        RevertWhy::NotConfirmedInTime => {
            Claim::rests(format!("nobody confirmed it within {}", policy.confirm_within), [entry])
        }
        RevertWhy::NotProvenInTime => Claim::not_enough(format!(
            "no proof came within {}, and nothing that was seen says why (entry {entry})",
            policy.proof_within
        )),
        RevertWhy::CommandDied => Claim::not_enough(format!(
            "the command that applied it ended before its proof, and nothing says why (entry {entry})"
        )),
        RevertWhy::Boot => Claim::not_enough(format!(
            "the host started again, or was recovered, before the release was confirmed; nothing says why (entry {entry})"
        )),
    }
}

/// Evidence about the way back says nothing about the change.
fn tells_of_the_change(evidence: &Evidence) -> bool {
    use crate::EvidenceKind::{HandFix, Recovery, Revert};
    !matches!(evidence.kind, HandFix | Recovery | Revert)
}

pub(super) fn caught(story: &Story<'_>) -> Option<Caught> {
    let (entry, recorded, objection) = story.objection()?;
    let told = match &objection {
        Objection::Host(revert) => revert.decided_at,
        _ => None,
    };
    let at = told.unwrap_or(recorded);
    let (by, said) = match objection {
        Objection::Evidence(evidence) => (evidence.kind.to_string(), evidence.summary.clone()),
        Objection::Order(RevertWhy::Asked, reason) => ("a person".to_owned(), reason.to_owned()),
        Objection::Order(why, reason) => (deadline(why).to_owned(), reason.to_owned()),
        Objection::Host(revert) => (reverter(revert.by).to_owned(), revert.why.to_string()),
        Objection::Refused(RefusedBy::Freeze, reason) => ("a freeze".to_owned(), reason.to_owned()),
        Objection::Refused(RefusedBy::Person(who), reason) => (who.to_string(), reason.to_owned()),
        Objection::Refused(_, reason) => ("the host".to_owned(), reason.to_owned()),
        Objection::Conflict(paths) => ("compare-and-swap".to_owned(), paths.join(", ")),
        Objection::TakenBack(proposal) => (proposal.who.to_string(), proposal.why.clone()),
    };
    let switched = story.release.switched_at.filter(|switched| *switched <= at);
    let (start, since) = match switched {
        Some(switched) => (switched, Since::Switched),
        None => (story.release.proposed_at, Since::Proposed),
    };
    Some(Caught { by, said, after: at.since(start), since, entry })
}

fn deadline(why: RevertWhy) -> &'static str {
    match why {
        RevertWhy::NotProvenInTime => "the proof deadline",
        RevertWhy::NotConfirmedInTime => "the confirm deadline",
        _ => "the host",
    }
}

pub(super) fn resolution(story: &Story<'_>) -> Claim {
    let old = story.release.proposal.from.short();
    match (story.release.outcome(), story.revert()) {
        (Some(Outcome::Refused), _) => {
            Claim::rests(format!("nothing had to be undone: the host stayed on {old}"), story.ended())
        }
        (Some(Outcome::Conflict), _) => {
            Claim::rests("nothing was overwritten: the tree is as the other writer left it", story.ended())
        }
        (Some(Outcome::RolledBack { .. }), Some((entry, _, revert))) => reverted(&old, entry, revert),
        (Some(Outcome::Confirmed), _) if story.taken_back_by.is_some() => {
            let back = story.taken_back_by.map_or_else(String::new, |id| id.to_string());
            let last = story.entries.last().map(|(entry, _)| *entry);
            Claim::rests(format!("{back} went back behind it"), last)
        }
        _ => Claim::not_enough("the release has not ended: the host is going back"),
    }
}

fn reverted(old: &str, entry: Sequence, revert: &Revert) -> Claim {
    let who = reverter(revert.by);
    if revert.way == Some(Way::LastKnownGood) {
        let said = revert.evidence.first().map_or("", |it| it.summary.as_str());
        return Claim::rests(format!("{who} could not put {old} back; {said}"), [entry]);
    }
    let proof = revert.evidence.iter().find(|it| it.holds && it.kind == crate::EvidenceKind::Revert);
    let proof = match (revert.proven, proof) {
        (true, Some(evidence)) => format!("it is proven to serve: {}", evidence.summary),
        (true, None) => "it is proven to serve".to_owned(),
        (false, _) => "it is NOT proven that it serves".to_owned(),
    };
    let last = match revert.last_wrong {
        Some(span) => format!("; the last wrong answer came {span} after the decision"),
        None => String::new(),
    };
    let kept = match revert.kept {
        Some(bundle) => format!("; what somebody had changed by hand is kept as bundle {}", bundle.short()),
        None => String::new(),
    };
    Claim::rests(format!("{who} put {old} back in {}; {proof}{last}{kept}", revert.took), [entry])
}
