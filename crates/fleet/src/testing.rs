//! What the tests of several rooms share: one host, one change, and short ways to say what happens to it.

use crate::apply::RevertWhy;
use crate::journal::{Adoption, By, Phase, Revert, Reverter, RouteAnswer};
use crate::*;

pub(crate) const OLD: BundleId = BundleId([0xaa; 32]);
pub(crate) const NEW: BundleId = BundleId([0xbb; 32]);
pub(crate) const R1: ReleaseId = ReleaseId(1);

pub(crate) fn host() -> HostId {
    HostId::new("web-1").unwrap()
}

pub(crate) fn anna() -> Actor {
    Actor::new("anna", "sudo")
}

pub(crate) fn at(secs: u64) -> Timestamp {
    Timestamp::from_millis(1_000_000) + Span::from_secs(secs)
}

pub(crate) fn adoption(bundle: BundleId) -> Adoption {
    let (diff, why) = (String::new(), "first install".to_owned());
    let changes = Vec::new();
    Adoption {
        host: host(),
        bundle,
        before: None,
        generation: Generation(0),
        changes,
        diff,
        who: anna(),
        why,
    }
}

pub(crate) fn proposal(from: BundleId, to: BundleId) -> Proposal {
    let change = FileChange {
        path: "conf.d/shop.conf".to_owned(),
        old: Some(Digest([1; 32])),
        new: Some(Digest([2; 32])),
    };
    Proposal {
        host: host(),
        from,
        to,
        goes_back: false,
        who: anna(),
        why: "new cart".to_owned(),
        changes: vec![change],
        diff: "-old\n+new\n".to_owned(),
        accepted: Vec::new(),
        emergency: None,
        policy: Policy::default(),
    }
}

pub(crate) fn evidence(kind: EvidenceKind, holds: bool) -> Evidence {
    let summary = if holds { "as it should be" } else { "not as it should be" };
    Evidence::new(kind, holds, summary).rests_on(["a line in a log"])
}

pub(crate) fn saw(release: ReleaseId, kind: EvidenceKind, holds: bool) -> Input {
    Input::Saw { release, evidence: evidence(kind, holds) }
}

pub(crate) fn report(generation: u64, report: Report) -> Input {
    Input::Reported { host: host(), generation: Generation(generation), report }
}

pub(crate) fn proven(holds: bool) -> Report {
    Report::Proven(evidence(EvidenceKind::Proof, holds))
}

pub(crate) fn reverted(why: RevertWhy, by: Reverter, proven: bool) -> Report {
    Report::Reverted(Revert {
        why,
        by,
        proven,
        evidence: vec![evidence(EvidenceKind::Revert, proven)],
        decided_at: None,
        took: Span::from_millis(120),
        last_wrong: Some(Span::from_millis(90)),
        kept: None,
        way: None,
    })
}

pub(crate) fn rollback(release: ReleaseId, why: &str) -> Input {
    Input::Rollback { release, by: By::Person(anna()), why: why.to_owned() }
}

pub(crate) fn answered(release: ReleaseId, phase: Phase, asked: u64, wrong: u64) -> Input {
    let when = (wrong > 0).then(|| at(20));
    let answer = if wrong > 0 { "502" } else { "200" };
    let answer = RouteAnswer {
        route: "cart".to_owned(),
        request: "GET https://shop.example.com/cart".to_owned(),
        expected: "200".to_owned(),
        answer: answer.to_owned(),
        asked,
        wrong,
        first_wrong: when,
        last_wrong: when,
    };
    Input::Answered { release, phase, answers: vec![answer] }
}

/// A fleet and the journal of everything it did.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) fleet: Fleet,
    pub(crate) events: Vec<Event>,
    pub(crate) refusal: Option<Refusal>,
}

impl World {
    /// A host whose confirmed bundle is [`OLD`].
    pub(crate) fn adopted() -> Self {
        let mut world = Self::default();
        world.tell(0, Input::Adopt(adoption(OLD)));
        world
    }

    /// A release of [`NEW`] that the host was ordered to apply, ten seconds in.
    pub(crate) fn ordered() -> Self {
        let mut world = Self::adopted();
        world.tell(10, Input::Propose(proposal(OLD, NEW)));
        world.tell(10, saw(R1, EvidenceKind::Check, true));
        world.tell(10, saw(R1, EvidenceKind::Preflight, true));
        world
    }

    /// The same, switched 11 s in.
    pub(crate) fn switched() -> Self {
        let mut world = Self::ordered();
        world.tell(11, report(1, Report::Switched));
        world
    }

    /// The same, proven 12 s in.
    pub(crate) fn proven() -> Self {
        let mut world = Self::switched();
        world.tell(12, report(1, proven(true)));
        world
    }

    /// Steps, appends and hands out the effects.
    pub(crate) fn tell(&mut self, secs: u64, input: Input) -> Vec<Effect> {
        let turn = self.fleet.step(at(secs), input);
        assert_eq!(turn.expected(), Sequence::default().after(self.events.len()));
        self.events.extend_from_slice(turn.events());
        self.refusal = turn.refusal().cloned();
        let receipt = Receipt::durable(turn.expected(), turn.events().len());
        turn.perform(receipt)
    }

    pub(crate) fn stage(&self, release: ReleaseId) -> Stage {
        self.fleet.release(release).unwrap().stage()
    }

    pub(crate) fn confirmed(&self) -> Option<BundleId> {
        self.fleet.host(&host()).unwrap().confirmed()
    }
}
