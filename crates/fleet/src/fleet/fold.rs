//! One event more. The only place where the state changes; it never refuses and never panics, so that any
//! journal that can be read can be folded.

use super::{Fleet, Freeze, OpenDrift};
use crate::journal::{Choice, Drift, DriftHow, DriftStage, PackageStage, Recovery};
use crate::{Event, HostId, Outcome, Release, ReleaseId, Stage, Timestamp, What};

/// The doubt that packages leave, until packages take it away again.
const HELD: &str = "packages left what would fail, and restarts are held back";

impl Fleet {
    /// Applies one event: what [`Fleet::step`] and [`Fleet::replay`] share. A caller uses it to follow a
    /// journal that others append to.
    pub fn apply(&mut self, event: &Event) {
        let at = event.at;
        self.sequence = self.sequence.after(1);
        match &event.what {
            What::Adopted(adoption) => {
                let host = self.hosts.entry(adoption.host.clone()).or_default();
                host.confirmed.push(adoption.bundle);
                host.generation = host.generation.max(adoption.generation);
                (host.doubt, host.drift) = (None, None);
                host.silences.clear();
            }
            What::Proposed { release, proposal } => {
                self.hosts.entry(proposal.host.clone()).or_default().open = Some(*release);
                self.releases.insert(*release, Release::new(*release, proposal.clone(), at));
            }
            What::Saw { release, evidence } => self.with(*release, |it| it.fold_evidence(evidence, at)),
            What::Refused { release, .. } => self.end(*release, Outcome::Refused, at),
            What::Conflict { release, .. } => self.end(*release, Outcome::Conflict, at),
            What::Ordered { release, host, generation, order } => {
                self.hosts.entry(host.clone()).or_default().generation = *generation;
                self.with(*release, |it| it.fold_order(*generation, order));
            }
            What::Switched { release, .. } => self.with(*release, |it| {
                it.switched_at = Some(at);
                if it.stage == Stage::Ordered {
                    it.stage = Stage::Switched;
                }
            }),
            What::Proven { release, .. } => self.with(*release, |it| {
                it.proven_at = Some(at);
                it.stage = Stage::Proven;
            }),
            What::Confirmed { release, host, .. } => {
                self.end(*release, Outcome::Confirmed, at);
                self.confirm(*release, host);
            }
            What::RevertOrdered { release, why, reason, .. } => self.with(*release, |it| {
                it.stage = Stage::Reverting;
                it.reverting.get_or_insert_with(|| (*why, reason.clone()));
            }),
            What::Reverted { release, host, revert } => {
                self.with(*release, |it| {
                    let reason = || (revert.why, revert.why.to_string());
                    it.reverting.get_or_insert_with(reason);
                });
                self.end(*release, Outcome::RolledBack { proven: revert.proven }, at);
                self.doubt(
                    host,
                    (!revert.proven).then(|| format!("{release} went back, but that was not proven")),
                );
            }
            What::Frozen { scope, who, why, until } => {
                let freeze = Freeze { who: who.clone(), why: why.clone(), since: at, until: *until };
                self.freezes.insert(scope.clone(), freeze);
            }
            What::Thawed { scope, .. } => {
                self.freezes.remove(scope);
            }
            What::Recovered(recovery) => self.fold_recovery(recovery),
            What::Packages(run) => {
                let host = self.hosts.entry(run.host.clone()).or_default();
                match &run.held {
                    Some(held) => host.doubt = Some(format!("{HELD}: {held}")),
                    None if run.stage == PackageStage::Done => {
                        host.doubt.take_if(|doubt| doubt.starts_with(HELD));
                    }
                    None => {}
                }
            }
            What::Drift(drift) => self.fold_drift(at, drift),
            What::Answered { .. }
            | What::Note { .. }
            | What::Served(_)
            | What::Watch(_)
            | What::Incident(_)
            | What::Alert(_)
            | What::Maintenance(_) => {}
        }
    }

    fn fold_drift(&mut self, at: Timestamp, drift: &Drift) {
        let host = self.hosts.entry(drift.host.clone()).or_default();
        if host.fold_silence(at, drift) {
            return;
        }
        if matches!(drift.stage, DriftStage::Ended(_)) {
            host.drift = None;
            return;
        }
        if drift.stage == DriftStage::Opened {
            host.drift = None;
        }
        let open = host.drift.get_or_insert_with(|| {
            let (changes, meaning) = Default::default();
            Box::new(OpenDrift { since: at, changes, meaning, silent_until: None })
        });
        if let DriftStage::Silenced { until, .. } = &drift.stage {
            open.silent_until = Some(*until);
        }
        for change in &drift.changes {
            match change.how {
                DriftHow::Added | DriftHow::Changed | DriftHow::Removed => {
                    open.changes.insert(change.path.clone(), change.clone());
                }
                DriftHow::Back => {
                    open.changes.remove(&change.path);
                }
                DriftHow::Mode { .. } | DriftHow::Owner { .. } => {}
            }
        }
        if !drift.meaning.is_empty() {
            open.meaning.clone_from(&drift.meaning);
        }
        // Only a mode or an owner was changed: told of, and no difference from any release.
        if open.changes.is_empty() && drift.more == 0 {
            host.drift = None;
        }
    }

    fn with(&mut self, release: ReleaseId, change: impl FnOnce(&mut Release)) {
        if let Some(release) = self.releases.get_mut(&release) {
            change(release);
        }
    }

    fn end(&mut self, id: ReleaseId, outcome: Outcome, at: Timestamp) {
        let Some(release) = self.releases.get_mut(&id) else { return };
        release.end(outcome, at);
        if let Some(host) = self.hosts.get_mut(&release.proposal.host)
            && host.open == Some(id)
        {
            host.open = None;
        }
    }

    fn confirm(&mut self, release: ReleaseId, host: &HostId) {
        let bundle = self.releases.get(&release).map(|release| release.proposal.to);
        let host = self.hosts.entry(host.clone()).or_default();
        if let Some(bundle) = bundle {
            host.confirmed.push(bundle);
            (host.doubt, host.drift) = (None, None);
            host.silences.clear();
        }
    }

    fn doubt(&mut self, host: &HostId, doubt: Option<String>) {
        self.hosts.entry(host.clone()).or_default().doubt = doubt;
    }

    fn fold_recovery(&mut self, recovery: &Recovery) {
        let other = match recovery.choice {
            Choice::Confirmed => None,
            Choice::LastKnownGood => Some("the last known good bundle"),
            Choice::Proposed => Some("the proposed bundle"),
        };
        let doubt = match (other, recovery.evidence.holds) {
            (Some(other), _) => Some(format!("recovery had to take {other}")),
            (None, false) => {
                Some("recovery put the confirmed bundle back, but that was not proven".to_owned())
            }
            (None, true) => None,
        };
        self.doubt(&recovery.host, doubt);
    }
}
