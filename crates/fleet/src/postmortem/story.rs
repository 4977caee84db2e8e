//! The slice of the journal that is about one release.

use super::{Change, Footing};
use crate::apply::RevertWhy;
use crate::journal::{Phase, Proposal, RefusedBy, Revert, RouteAnswer};
use crate::{Event, Evidence, Fleet, Outcome, Release, ReleaseId, Sequence, Stage, Timestamp, What};

/// One release, and every entry about it.
pub(super) struct Story<'e> {
    /// The release as the whole journal tells it.
    pub(super) release: Release,
    /// The entries about it, and about the release that took it back.
    pub(super) entries: Vec<(Sequence, &'e Event)>,
    /// The later release that went back behind this one.
    pub(super) taken_back_by: Option<ReleaseId>,
}

/// The first thing that said no.
pub(super) enum Objection<'e> {
    /// Evidence did not hold.
    Evidence(&'e Evidence),
    /// It was decided to go back, and no evidence says why.
    Order(RevertWhy, &'e str),
    /// The host went back by itself.
    Host(&'e Revert),
    /// It was refused without evidence.
    Refused(&'e RefusedBy, &'e str),
    /// Somebody else wrote to the tree.
    Conflict(&'e [String]),
    /// A later release went back behind it.
    TakenBack(&'e Proposal),
}

impl<'e> Story<'e> {
    pub(super) fn of(events: &'e [Event], id: ReleaseId) -> Option<Self> {
        let fleet = Fleet::replay(events);
        let release = fleet.release(id)?.clone();
        let taken_back_by = taken_back_by(&fleet, &release);
        let (host, from) = (&release.proposal.host, release.proposed_at);
        let until = release.ended_at;
        let about = |event: &Event| match &event.what {
            What::Recovered(it) => {
                it.host == *host && event.at >= from && until.is_none_or(|until| event.at <= until)
            }
            what => what.release().is_some_and(|it| it == id || Some(it) == taken_back_by),
        };
        let entries = (1..).map(Sequence).zip(events).filter(|(_, event)| about(event)).collect();
        Some(Self { release, entries, taken_back_by })
    }

    pub(super) fn went_wrong(&self) -> bool {
        match self.release.stage {
            Stage::Ended(Outcome::Confirmed) => self.taken_back_by.is_some(),
            Stage::Ended(_) | Stage::Reverting => true,
            _ => false,
        }
    }

    /// The first objection and its entry.
    pub(super) fn objection(&self) -> Option<(Sequence, Timestamp, Objection<'e>)> {
        let objections = self.entries.iter().filter_map(|(entry, event)| {
            let objection = match &event.what {
                What::Saw { evidence, .. } if !evidence.holds => Objection::Evidence(evidence),
                What::RevertOrdered { why, reason, .. } => Objection::Order(*why, reason),
                What::Reverted { revert, .. } => Objection::Host(revert),
                What::Refused { by, reason, .. } => Objection::Refused(by, reason),
                What::Conflict { paths, .. } => Objection::Conflict(paths),
                What::Proposed { release, proposal } if Some(*release) == self.taken_back_by => {
                    Objection::TakenBack(proposal)
                }
                _ => return None,
            };
            Some((*entry, event.at, objection))
        });
        objections.min_by_key(|(entry, ..)| *entry)
    }

    /// Whether the new bundle stood there; `None` when the journal does not tell.
    pub(super) fn stood(&self) -> Option<bool> {
        match (self.release.switched_at, self.release.outcome()) {
            (Some(_), _) => Some(true),
            (None, Some(Outcome::Refused | Outcome::Conflict)) => Some(false),
            _ => None,
        }
    }

    /// How the host went back.
    pub(super) fn revert(&self) -> Option<(Sequence, Timestamp, &'e Revert)> {
        self.entries.iter().find_map(|(entry, event)| match &event.what {
            What::Reverted { revert, .. } => Some((*entry, event.at, revert)),
            _ => None,
        })
    }

    /// The entry of the proposal.
    pub(super) fn proposed(&self) -> impl Iterator<Item = Sequence> {
        self.find(|what| matches!(what, What::Proposed { .. })).into_iter()
    }

    /// The entry that ended it.
    pub(super) fn ended(&self) -> Option<Sequence> {
        self.find(|what| {
            matches!(
                what,
                What::Refused { .. } | What::Conflict { .. } | What::Reverted { .. } | What::Confirmed { .. }
            )
        })
    }

    /// The first entry of that sort about this release itself.
    pub(super) fn find(&self, sort: impl Fn(&What) -> bool) -> Option<Sequence> {
        let own = |what: &What| what.release() == Some(self.release.id);
        self.entries.iter().find(|(_, event)| own(&event.what) && sort(&event.what)).map(|(entry, _)| *entry)
    }

    /// Every answer of a live route.
    pub(super) fn answers(&self) -> impl Iterator<Item = (Sequence, Phase, &'e RouteAnswer)> {
        self.entries.iter().flat_map(|(entry, event)| {
            let told = match &event.what {
                What::Answered { phase, answers, release } if *release == self.release.id => {
                    Some((phase, answers))
                }
                _ => None,
            };
            told.into_iter()
                .flat_map(|(phase, answers)| answers.iter().map(|answer| (*entry, *phase, answer)))
        })
    }

    /// Every piece of evidence.
    pub(super) fn evidence(&self) -> impl Iterator<Item = (Sequence, &'e Evidence)> {
        self.entries.iter().flat_map(|(entry, event)| {
            let seen: &[Evidence] = match &event.what {
                What::Saw { evidence, .. } => std::slice::from_ref(evidence),
                What::Reverted { revert, .. } => &revert.evidence,
                What::Recovered(recovery) => std::slice::from_ref(&recovery.evidence),
                _ => &[],
            };
            seen.iter().map(|evidence| (*entry, evidence))
        })
    }

    pub(super) fn footings(&self) -> Vec<Footing> {
        let footing = |(entry, evidence): (Sequence, &Evidence)| Footing {
            entry,
            summary: format!("{}: {}", evidence.kind, evidence.summary),
            rests_on: evidence.rests_on.clone(),
        };
        self.evidence().map(footing).collect()
    }

    pub(super) fn change(&self) -> Change {
        let Proposal { who, why, from, to, changes, diff, accepted, emergency, .. } =
            self.release.proposal.clone();
        let kept = self.revert().and_then(|(.., revert)| revert.kept);
        Change { who, why, from, to, files: changes, diff, accepted, emergency, kept }
    }

    /// The files that the change touches, for people: at most three by name.
    pub(super) fn files(&self) -> String {
        let changes = &self.release.proposal.changes;
        let named: Vec<&str> = changes.iter().take(3).map(|change| change.path.as_str()).collect();
        match changes.len() {
            0 => "no file".to_owned(),
            1..=3 => named.join(", "),
            n => format!("{} and {} more", named.join(", "), n - 3),
        }
    }
}

/// The next release on the same host, when it goes back from this one's bundle.
fn taken_back_by(fleet: &Fleet, release: &Release) -> Option<ReleaseId> {
    let same_host = |it: &&Release| it.id > release.id && it.proposal.host == release.proposal.host;
    let stood = |it: &&Release| it.switched_at.is_some();
    let next = fleet.releases().filter(same_host).find(stood)?;
    let back = next.proposal.goes_back && next.proposal.from == release.proposal.to;
    (back && release.outcome() == Some(Outcome::Confirmed)).then_some(next.id)
}
