//! What an input means: the decisions of a release.

use super::{Fleet, Input, Report};
use crate::apply::RevertWhy;
use crate::journal::{By, DIFF_BYTES_MAX, Order, Phase, Proposal, RefusedBy, RouteAnswer};
use crate::{
    Command, Effect, Event, Evidence, Generation, HostId, Refusal, Release, ReleaseId, Span, Stage,
    Timestamp, What,
};

/// How often a proven release is asked while it is watched.
const OBSERVE_EVERY: Span = Span::from_millis(500);

/// One step under way: what it records is applied at once.
pub(super) struct Step<'f> {
    fleet: &'f mut Fleet,
    now: Timestamp,
    events: Vec<Event>,
    effects: Vec<Effect>,
}

impl<'f> Step<'f> {
    pub(super) fn new(fleet: &'f mut Fleet, now: Timestamp) -> Self {
        Self { fleet, now, events: Vec::new(), effects: Vec::new() }
    }

    pub(super) fn done(self) -> (Vec<Event>, Vec<Effect>) {
        (self.events, self.effects)
    }

    pub(super) fn take(&mut self, input: Input) -> Result<(), Refusal> {
        match input {
            Input::Adopt(mut adoption) => {
                self.nothing_open(&adoption.host)?;
                adoption.before = self.fleet.host(&adoption.host).and_then(super::Host::confirmed);
                cut(&mut adoption.diff);
                self.record(What::Adopted(adoption));
            }
            Input::Propose(proposal) => self.propose(proposal)?,
            Input::Saw { release, evidence } => {
                self.open(release)?;
                self.saw(release, evidence);
            }
            Input::Answered { release, phase, answers } => self.answered(release, phase, answers)?,
            Input::Reported { host, generation, report } => self.reported(&host, generation, report)?,
            Input::Confirm { release, who } => self.confirm(release, By::Person(who))?,
            Input::Rollback { release, by, why } => self.rollback(release, by, why)?,
            Input::Freeze { scope, who, why, until } => self.record(What::Frozen { scope, who, why, until }),
            Input::Thaw { scope, who, why } => {
                if !self.fleet.freezes.contains_key(&scope) {
                    return Err(Refusal::NotFrozen);
                }
                self.record(What::Thawed { scope, who, why });
            }
            Input::Recovered(recovery) => self.record(What::Recovered(recovery)),
            Input::Note { host, release, who, text } => self.record(What::Note { host, release, who, text }),
            Input::Packages(mut run) => {
                cut(&mut run.diff);
                self.record(What::Packages(run));
            }
            Input::Served(served) => self.record(What::Served(served)),
            Input::Drift(drift) => self.record(What::Drift(drift)),
            Input::Tick => self.tick(),
        }
        Ok(())
    }

    fn propose(&mut self, mut proposal: Proposal) -> Result<(), Refusal> {
        proposal.policy.validate()?;
        let host = proposal.host.clone();
        self.nothing_open(&host)?;
        let confirmed = self.fleet.host(&host).and_then(super::Host::confirmed);
        // A way back begins wherever the host stands.
        if !proposal.goes_back && confirmed != Some(proposal.from) {
            return Err(Refusal::NotAdopted { host, confirmed });
        }
        if proposal.goes_back && !self.fleet.host(&host).is_some_and(|host| host.was_confirmed(proposal.to)) {
            return Err(Refusal::NeverConfirmed(proposal.to));
        }
        cut(&mut proposal.diff);
        let last = self.fleet.releases.last_key_value().map_or(0, |(id, _)| id.0);
        let release = ReleaseId(last + 1);
        self.record(What::Proposed { release, proposal });
        self.go_on(release)
    }

    /// Orders the apply once nothing is missing and no freeze stands in the way. A way back and an emergency go on in
    /// spite of one.
    fn go_on(&mut self, id: ReleaseId) -> Result<(), Refusal> {
        let release = self.release(id);
        let Proposal { host, goes_back, emergency, .. } = release.proposal.clone();
        let frozen = self.fleet.frozen(&host, self.now).filter(|_| !goes_back && emergency.is_none());
        if let Some(freeze) = frozen {
            let (who, why) = (freeze.who.to_string(), freeze.why.clone());
            let reason = format!("frozen by {who}: {why}");
            self.record(What::Refused { release: id, by: RefusedBy::Freeze, reason });
            return Err(Refusal::Frozen { who, why });
        }
        if self.release(id).missing().next().is_none() {
            self.order(id, Order::Apply);
        }
        Ok(())
    }

    fn saw(&mut self, id: ReleaseId, evidence: Evidence) {
        let (holds, kind, summary) = (evidence.holds, evidence.kind, evidence.summary.clone());
        self.record(What::Saw { release: id, evidence });
        let release = self.release(id);
        match (release.stage, holds) {
            (Stage::Gathering, true) => {
                // A freeze that came in between has been recorded as the refusal; there is nobody to tell.
                let _ = self.go_on(id);
            }
            (Stage::Gathering, false) => {
                self.record(What::Refused { release: id, by: RefusedBy::Evidence(kind), reason: summary });
            }
            (Stage::Ordered | Stage::Switched | Stage::Proven, false) => {
                self.revert(id, RevertWhy::Evidence, format!("{kind}: {summary}"), By::Policy);
            }
            (Stage::Proven, true) if release.baked && !release.proposal.policy.hold => {
                self.order(id, Order::Confirm(By::Policy));
            }
            _ => {}
        }
    }

    fn answered(&mut self, id: ReleaseId, phase: Phase, answers: Vec<RouteAnswer>) -> Result<(), Refusal> {
        self.fleet.release(id).ok_or(Refusal::NoSuchRelease(id))?;
        self.record(What::Answered { release: id, phase, answers });
        Ok(())
    }

    fn reported(&mut self, host: &HostId, generation: Generation, report: Report) -> Result<(), Refusal> {
        let release = self.fleet.open(host).ok_or_else(|| Refusal::NothingOpen(host.clone()))?;
        let (id, stage, was_switched) = (release.id, release.stage, release.switched_at.is_some());
        let current = release.applied_by.ok_or_else(|| Refusal::NothingOpen(host.clone()))?;
        let latest = self.fleet.host(host).map_or(Generation(0), super::Host::generation);
        if generation < current {
            return Err(Refusal::Stale { reported: generation, current });
        }
        if generation > latest {
            return Err(Refusal::NeverOrdered(generation));
        }
        let name = report.name();
        let out_of_place = Refusal::OutOfPlace { release: id, stage: stage.name(), report: name };
        let host = host.clone();
        match (report, stage) {
            (Report::Saw(evidence), _) => self.saw(id, evidence),
            (Report::Switched, _) if was_switched => {}
            (Report::Switched, _) => self.record(What::Switched { release: id, host }),
            (Report::Proven(evidence), Stage::Ordered | Stage::Switched) if evidence.holds => {
                if !was_switched {
                    self.record(What::Switched { release: id, host: host.clone() });
                }
                self.record(What::Saw { release: id, evidence });
                self.record(What::Proven { release: id, host: host.clone() });
                let until = self.release(id).bakes_until().unwrap_or(self.now);
                self.effects.push(Effect::Observe { host, release: id, until, every: OBSERVE_EVERY });
            }
            (Report::Proven(evidence), _) if !evidence.holds => self.saw(id, evidence),
            (Report::Proven(_), _) => {}
            (Report::Confirmed, Stage::Confirming | Stage::Reverting) => {
                let by = self.release(id).confirmer.clone().ok_or(out_of_place)?;
                self.record(What::Confirmed { release: id, host, by });
            }
            (Report::Refused(evidence), _) if !was_switched => {
                let (by, reason) = (RefusedBy::Evidence(evidence.kind), evidence.summary.clone());
                self.record(What::Saw { release: id, evidence });
                self.record(What::Refused { release: id, by, reason });
            }
            (Report::Refused(evidence), _) => self.saw(id, evidence),
            (Report::NeverBegan, _) if !was_switched => {
                let reason = "the host never began; it is as it was".to_owned();
                self.record(What::Refused { release: id, by: RefusedBy::Host, reason });
            }
            (Report::Conflict(paths), _) if !was_switched => {
                self.record(What::Conflict { release: id, host, paths });
            }
            (Report::Reverted(revert), _) => self.record(What::Reverted { release: id, host, revert }),
            _ => return Err(out_of_place),
        }
        Ok(())
    }

    fn confirm(&mut self, id: ReleaseId, by: By) -> Result<(), Refusal> {
        let release = self.open(id)?;
        let late = release.stage == Stage::Proven && release.deadline().is_some_and(|at| self.now >= at);
        match release.stage {
            Stage::Reverting => Err(Refusal::TooLate(id)),
            Stage::Proven if late => Err(Refusal::TooLate(id)),
            Stage::Proven | Stage::Confirming => {
                self.order(id, Order::Confirm(by));
                Ok(())
            }
            _ => Err(Refusal::NotProven(id)),
        }
    }

    fn rollback(&mut self, id: ReleaseId, by: By, why: String) -> Result<(), Refusal> {
        let stage = self.open(id)?.stage;
        match stage {
            Stage::Gathering => {
                let by = match by {
                    By::Person(who) => RefusedBy::Person(who),
                    By::Policy => RefusedBy::Interrupted,
                };
                self.record(What::Refused { release: id, by, reason: why });
            }
            Stage::Reverting => self.order(id, Order::Revert),
            _ => self.revert(id, RevertWhy::Asked, why, by),
        }
        Ok(())
    }

    fn tick(&mut self) {
        let now = self.now;
        let late = |release: &Release| release.deadline().is_some_and(|at| now >= at);
        let ids: Vec<ReleaseId> = self.fleet.releases().filter(|it| late(it)).map(Release::id).collect();
        for id in ids {
            let (why, reason) = match self.release(id).stage {
                Stage::Switched => (RevertWhy::NotProvenInTime, "the proof did not come in time"),
                _ => (RevertWhy::NotConfirmedInTime, "nobody confirmed it in time"),
            };
            self.revert(id, why, reason.to_owned(), By::Policy);
        }
    }

    fn revert(&mut self, id: ReleaseId, why: RevertWhy, reason: String, by: By) {
        let host = self.release(id).proposal.host.clone();
        self.record(What::RevertOrdered { release: id, host, why, reason, by });
        self.order(id, Order::Revert);
    }

    fn order(&mut self, id: ReleaseId, order: Order) {
        let release = self.release(id);
        let Proposal { host, from, to, policy, .. } = release.proposal.clone();
        let command = match &order {
            Order::Apply => {
                let (proof_within, confirm_within) = (policy.proof_within, policy.confirm_within);
                Command::Apply { release: id, from, to, proof_within, confirm_within }
            }
            Order::Confirm(_) => Command::Confirm { release: id },
            Order::Revert => {
                let why = release.reverting.as_ref().map_or(RevertWhy::Asked, |(why, _)| *why);
                Command::Revert { release: id, why }
            }
        };
        let generation = self.fleet.host(&host).map_or(Generation(0), super::Host::generation).next();
        self.record(What::Ordered { release: id, host: host.clone(), generation, order });
        self.effects.push(Effect::Order { host, generation, command });
    }

    fn record(&mut self, what: What) {
        let event = Event { at: self.now, what };
        self.fleet.apply(&event);
        self.events.push(event);
    }

    fn nothing_open(&self, host: &HostId) -> Result<(), Refusal> {
        match self.fleet.open(host) {
            Some(release) => Err(Refusal::Open { host: host.clone(), open: release.id }),
            None => Ok(()),
        }
    }

    fn open(&self, id: ReleaseId) -> Result<&Release, Refusal> {
        let release = self.fleet.release(id).ok_or(Refusal::NoSuchRelease(id))?;
        if release.open() { Ok(release) } else { Err(Refusal::Ended(id)) }
    }

    fn release(&self, id: ReleaseId) -> &Release {
        self.fleet.release(id).expect("the step looked the release up before")
    }
}

fn cut(diff: &mut String) {
    if diff.len() > DIFF_BYTES_MAX {
        diff.truncate(diff.floor_char_boundary(DIFF_BYTES_MAX));
        diff.push_str("\n… the rest is in the two bundles\n");
    }
}
