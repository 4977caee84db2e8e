//! What people ask of a controller, and what it makes of it.

use evenkeel_fleet::journal::{By, Proposal};
use evenkeel_fleet::{BundleId, EvidenceKind, Generation, HostId, Input, Policy, Refusal, Span};

use super::{Controller, GATES_MS, adoption, person};
use crate::back;
use crate::disk::{FILES, FOREIGN, id};
use crate::plan::{Quality, Who};
use crate::world::Failed;

/// What a person asks of a controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Propose(u8, Quality),
    /// The same in spite of a freeze.
    Emergency(u8, Quality),
    Confirm,
    Rollback,
    Return,
    Adopt,
    Freeze(u64),
    Thaw,
}

impl Controller {
    pub(super) async fn asked(&mut self, host: usize, asked: Asked) -> Result<(), Failed> {
        let (name, who) = (self.sim.hosts[host].name.clone(), person(self.seat));
        self.catch_up();
        let open = self.fleet.open(&name).map(|release| release.id());
        let (now, why) = (self.now(), "why not".to_owned());
        let _refusal = match (asked, open) {
            (Asked::Propose(bundle, quality), _) => self.propose(host, bundle, quality, None).await?,
            (Asked::Emergency(bundle, quality), _) => {
                self.propose(host, bundle, quality, Some("the shop is down".to_owned())).await?
            }
            (Asked::Return, _) => self.go_back(host).await?,
            (Asked::Adopt, _) => self.adopt(host).await?,
            (Asked::Confirm, Some(release)) => self.tell(Input::Confirm { release, who }).await?,
            (Asked::Rollback, Some(release)) => {
                self.tell(Input::Rollback { release, by: By::Person(who), why }).await?
            }
            (Asked::Freeze(ms), _) => {
                let until = (ms > 0).then(|| now + Span::from_millis(ms));
                self.tell(Input::Freeze { scope: None, who, why, until }).await?
            }
            (Asked::Thaw, _) => self.tell(Input::Thaw { scope: None, who, why }).await?,
            (Asked::Confirm | Asked::Rollback, None) => None,
        };
        Ok(())
    }

    /// Follows what the host did without this journal, and says whether something new may begin there.
    async fn begin(&mut self, host: usize) -> Result<bool, Failed> {
        let at = &self.sim.hosts[host];
        let name = at.name.clone();
        let Some(record) = self.sim.read(host).filter(|_| at.up.get()) else { return Ok(at.up.get()) };
        if record.stage().unconfirmed() || record.is_unproven() {
            let idle = back::abandoned(&self.sim, host) || record.is_unproven();
            if idle && at.applying.get().is_none() {
                self.sim.spawn(Who::Recovery, host, back::recover);
            }
            return Ok(!record.stage().unconfirmed());
        }
        let known = self.fleet.host(&name).map_or(Generation(0), |host| host.generation());
        if let (Some(confirmed), true) = (record.confirmed, record.applying.generation > known) {
            self.tell(Input::Adopt(adoption(&name, confirmed, record.applying.generation))).await?;
        }
        Ok(true)
    }

    fn policy(&self, gates: Vec<EvidenceKind>) -> Policy {
        let shape = self.sim.plan.shape;
        let (proof_within, confirm_within, bake) = (shape.proof_within, shape.confirm_within, shape.bake);
        Policy { proof_within, confirm_within, bake, hold: shape.hold, gates }
    }

    async fn propose(
        &mut self,
        host: usize,
        bundle: u8,
        quality: Quality,
        emergency: Option<String>,
    ) -> Result<Option<Refusal>, Failed> {
        let name = self.sim.hosts[host].name.clone();
        let begun = self.begin(host).await?;
        let from = self.fleet.host(&name).and_then(|host| host.confirmed());
        let (Some(from), true) = (from, begun) else { return Ok(None) };
        for host in &self.sim.hosts {
            let mut server = host.server.borrow_mut();
            match quality {
                Quality::Good => {}
                Quality::Caught | Quality::Broken => drop(server.refused.insert(bundle)),
                Quality::Wrong => drop(server.wrong.insert(bundle)),
            }
        }
        let policy = self.policy(vec![EvidenceKind::Check, EvidenceKind::Preflight]);
        let to = id([bundle; FILES]);
        self.open(Proposal { policy, emergency, ..self.proposal(name, from, to) }, quality != Quality::Caught)
            .await
    }

    fn proposal(&self, host: HostId, from: BundleId, to: BundleId) -> Proposal {
        Proposal {
            host,
            from,
            to,
            goes_back: false,
            emergency: None,
            who: person(self.seat),
            why: String::new(),
            changes: Vec::new(),
            diff: String::new(),
            accepted: Vec::new(),
            policy: self.policy(Vec::new()),
        }
    }

    async fn open(&mut self, proposal: Proposal, holds: bool) -> Result<Option<Refusal>, Failed> {
        let (gates, name) = (proposal.policy.gates.clone(), proposal.host.clone());
        let refusal = self.tell(Input::Propose(proposal)).await?;
        if let (None, Some(release)) = (&refusal, self.fleet.open(&name)) {
            for (gate, after) in gates.into_iter().zip(GATES_MS) {
                let passes = holds || gate != EvidenceKind::Preflight;
                self.gates.push((self.sim.now() + after, release.id(), gate, passes));
            }
        }
        Ok(refusal)
    }

    /// A release of its own to what was confirmed before. What stands there and is of no release is kept first.
    async fn go_back(&mut self, host: usize) -> Result<Option<Refusal>, Failed> {
        let name = self.sim.hosts[host].name.clone();
        if !self.begin(host).await? {
            return Ok(None);
        }
        let stands = self.sim.hosts[host].tree.borrow().content();
        let Some(standing) = self.fleet.host(&name) else { return Ok(None) };
        let drifted = standing.confirmed().filter(|confirmed| *confirmed != id(stands));
        let Some(to) = drifted.or(standing.last_known_good()) else { return Ok(None) };
        let foreign = stands.iter().filter(|file| **file >= FOREIGN);
        self.sim.hosts[host].tree.borrow_mut().kept.extend(foreign);
        let policy = Policy { hold: false, ..self.policy(vec![EvidenceKind::Preflight]) };
        let proposal = self.proposal(name, id(stands), to);
        self.open(Proposal { goes_back: true, policy, ..proposal }, true).await
    }

    async fn adopt(&mut self, host: usize) -> Result<Option<Refusal>, Failed> {
        let at = &self.sim.hosts[host];
        let busy = at.applying.get().is_some() || at.guard.get().is_some();
        if busy || !self.begin(host).await? {
            return Ok(None);
        }
        let at = &self.sim.hosts[host];
        let (name, stands) = (at.name.clone(), id(at.tree.borrow().content()));
        let known = self.sim.read(host).map_or(Generation(0), |record| record.applying.generation);
        self.tell(Input::Adopt(adoption(&name, stands, known))).await
    }
}
