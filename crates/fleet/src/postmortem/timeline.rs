//! Each journal entry as a sentence.

use super::{Moment, Story};
use crate::apply::Way;
use crate::journal::{By, Choice, Order, PackageRun, PackageStage, Phase, RefusedBy, Reverter, RouteAnswer};
use crate::{Evidence, What};

pub(super) fn timeline(story: &Story<'_>) -> Vec<Moment> {
    let moment =
        |(entry, event): &(_, &crate::Event)| Moment { at: event.at, what: say(&event.what), entry: *entry };
    story.entries.iter().map(moment).collect()
}

pub(super) fn say(what: &What) -> String {
    match what {
        What::Adopted(it) => format!("{} adopted what stood on {}: {}", it.who, it.host, it.why),
        What::Proposed { release, proposal: it } => {
            let files = it.changes.len();
            let files =
                if files == 1 { "1 file differs".to_owned() } else { format!("{files} files differ") };
            format!(
                "{} proposed {release}: {} ({} → {}, {files})",
                it.who,
                it.why,
                it.from.short(),
                it.to.short()
            )
        }
        What::Saw { evidence, .. } => saw(evidence),
        What::Answered { phase, answers, .. } => answered(*phase, answers),
        What::Refused { release, by, reason } => {
            format!("{release} was refused by {}: {reason}", refused_by(by))
        }
        What::Ordered { host, order: Order::Apply, .. } => format!("{host} was told to apply it"),
        What::Ordered { host, order: Order::Confirm(by), .. } => {
            format!("{host} was told to make it permanent, by {}", self::by(by))
        }
        What::Ordered { host, order: Order::Revert, .. } => format!("{host} was told to go back"),
        What::Switched { host, .. } => format!("the new bundle stood on {host}"),
        What::Proven { host, .. } => format!("new workers on {host} served it, proven"),
        What::Confirmed { release, by, .. } => format!("{release} was confirmed by {}", self::by(by)),
        What::RevertOrdered { reason, by, .. } => format!("{} decided to go back: {reason}", self::by(by)),
        What::Reverted { host, revert, .. } => {
            let proven = if revert.proven { "proven" } else { "NOT proven" };
            let who = reverter(revert.by);
            match revert.way {
                Some(Way::LastKnownGood) => {
                    format!("{who} put the last known good bundle on {host} in {}", revert.took)
                }
                way => {
                    let by = way.map(|way| format!(" by {way}")).unwrap_or_default();
                    format!("{who} put the old bundle back on {host}{by} in {} ({proven})", revert.took)
                }
            }
        }
        What::Conflict { paths, .. } => format!("somebody else had written to {}", paths.join(", ")),
        What::Frozen { who, why, .. } => format!("{who} froze: {why}"),
        What::Thawed { who, why, .. } => format!("{who} thawed: {why}"),
        What::Recovered(it) => {
            format!("recovery put {} on {}: {}", choice(it.choice), it.host, it.evidence.summary)
        }
        What::Note { who, text, .. } => format!("{who}: {text}"),
        What::Packages(run) => packages(run),
        What::Served(it) => format!("{} on {}: {} of {}", it.who, it.host, it.action, it.bundle.short()),
        what @ (What::Drift(_)
        | What::Watch(_)
        | What::Incident(_)
        | What::Alert(_)
        | What::Maintenance(_)) => crate::incident::said(what).unwrap_or_default(),
    }
}

fn packages(run: &PackageRun) -> String {
    let (who, packages) = (&run.who, run.packages());
    match &run.stage {
        PackageStage::Begun => format!("{who} begins to change packages: {packages}"),
        PackageStage::Stopped(why) => format!("{who} was stopped at changing packages ({packages}): {why}"),
        PackageStage::Overridden { reason, why } => {
            format!("{who} changes packages ({packages}) in spite of: {reason} (\"{why}\")")
        }
        PackageStage::Done => format!("{who} changed packages: {packages}"),
    }
}

fn saw(evidence: &Evidence) -> String {
    let verdict = if evidence.holds { "held" } else { "did NOT hold" };
    format!("{} {verdict}: {}", evidence.kind, evidence.summary)
}

fn answered(phase: Phase, answers: &[RouteAnswer]) -> String {
    let (asked, wrong) =
        answers.iter().fold((0, 0), |(asked, wrong), it| (asked + it.asked, wrong + it.wrong));
    let when = match phase {
        Phase::Before => "before the switch",
        Phase::After => "right after the proof",
        Phase::Watch => "while the new bundle stood there",
        Phase::Reverted => "after going back",
    };
    format!("live routes {when}: {wrong} of {asked} answers wrong")
}

fn refused_by(by: &RefusedBy) -> String {
    match by {
        RefusedBy::Evidence(kind) => kind.to_string(),
        RefusedBy::Freeze => "a freeze".to_owned(),
        RefusedBy::Person(who) => who.to_string(),
        RefusedBy::Interrupted => "an interruption".to_owned(),
        RefusedBy::Host => "the host".to_owned(),
    }
}

fn by(by: &By) -> String {
    match by {
        By::Policy => "the policy".to_owned(),
        By::Person(who) => who.to_string(),
    }
}

pub(super) fn reverter(by: Reverter) -> &'static str {
    match by {
        Reverter::Command => "the command",
        Reverter::Fuse => "the fuse",
        Reverter::Recovery => "recovery",
        Reverter::Person => "a person",
    }
}

fn choice(choice: Choice) -> &'static str {
    match choice {
        Choice::Confirmed => "the confirmed bundle",
        Choice::LastKnownGood => "the last known good bundle",
        Choice::Proposed => "the proposed bundle",
    }
}
