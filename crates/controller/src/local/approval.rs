//! Whether a change of high risk was approved by somebody else, on this host's own word.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel_fleet::approval::{Approval, Approved, BYTES_MAX, GOOD_FOR_MAX, Signers, Wanted, told};
use evenkeel_fleet::{BundleId, Evidence, EvidenceKind, Generation};
use evenkeel_host::trusted;
use evenkeel_model::{Config, Diff};
use evenkeel_syntax::fileset::FileSet;

use super::{Ended, Host, HostError, Journal, Outcome, Request, now, span};
use crate::risk::{risks, unknown};
use crate::when;

/// Longest file of allowed signers, in bytes.
const SIGNERS_BYTES_MAX: u64 = 1 << 20;

/// Who must approve what is a high risk.
#[derive(Debug, Clone, Default)]
pub struct Approvals {
    /// The file of allowed signers; without one nothing needs approval.
    pub signers: Option<PathBuf>,
    /// How many different keys must have signed; at least one.
    pub needed: usize,
}

/// The step that is looked at.
pub(super) struct Step {
    pub(super) from: BundleId,
    pub(super) to: BundleId,
    /// The number of the order; `None`: nobody has looked into the journal yet.
    pub(super) epoch: Option<Generation>,
}

impl Host {
    /// What in a change is a high risk.
    pub(super) fn risks(
        &self,
        (old, new): (&Config, &Config),
        changes: &Diff,
        (from, to): (&FileSet, &FileSet),
    ) -> Vec<String> {
        // A routes.toml that cannot be read was told of before, where it refuses.
        let (before, after) =
            (self.promises(from).unwrap_or_default(), self.promises(to).unwrap_or_default());
        let mut risks = risks(old, new, changes, &before, &after);
        // Where nobody has to approve anything, the diff's own line says it.
        risks.extend(self.settings.approvals.signers.as_ref().and_then(|_| unknown(changes)));
        risks
    }

    /// The number of the next order to this host.
    pub(super) fn next_epoch(&self, journal: &Journal) -> Generation {
        journal.fleet().host(&self.settings.name).map_or(Generation(0), |host| host.generation()).next()
    }

    fn epoch(&self, step: &Step) -> Generation {
        let read = || self.read_journal().map_or(Generation(1), |journal| self.next_epoch(&journal));
        step.epoch.unwrap_or_else(read)
    }

    /// The text that somebody else would have to sign.
    pub(super) fn approval_to_ask(
        &self,
        step: &Step,
        risks: &[String],
        good_for: Duration,
    ) -> Result<Outcome, HostError> {
        if risks.is_empty() {
            return Ok(Outcome::new(
                None,
                Ended::Unchanged,
                "nothing in it is a high risk: it needs no approval",
            ));
        }
        let approval = Approval {
            host: self.settings.name.clone(),
            from: step.from,
            to: step.to,
            epoch: self.epoch(step),
            expires: now() + span(good_for).min(GOOD_FOR_MAX),
            author: self.settings.who.name.clone(),
            risks: told(risks),
        };
        let mut outcome = Outcome::new(None, Ended::WouldApply, "it needs approval; nothing was changed");
        outcome.to_approve = Some(approval);
        Ok(outcome)
    }

    /// Whether the step may be taken, as evidence; `None`: nothing in it is a high risk.
    pub(super) fn approval(&self, step: &Step, risks: &[String], request: &Request) -> Option<Evidence> {
        let first = risks.first()?;
        let all = match risks.len() {
            1 => first.clone(),
            many => format!("{first} (and {} more)", many - 1),
        };
        let evidence = |holds: bool, summary: String| {
            Evidence::new(EvidenceKind::Approval, holds, summary).details(told(risks))
        };
        if let Some(why) = &request.emergency {
            let why = evenkeel_syntax::secret::redact_str(why);
            return Some(evidence(true, format!("EMERGENCY, without approval: {why}. High risk: {all}")));
        }
        let Some(path) = &self.settings.approvals.signers else {
            return Some(evidence(true, format!("high risk, and this host asks for no approval: {all}")));
        };
        let signers = match trusted::read(path, SIGNERS_BYTES_MAX) {
            Ok(text) => Signers::read(&text).map_err(|error| format!("{}: {error}", path.display())),
            Err(error) => Err(evenkeel_agent::chain(&error)),
        };
        let signers = match signers {
            Ok(signers) => signers,
            Err(why) => {
                return Some(evidence(
                    false,
                    format!("nobody can approve it: failed to {why}. High risk: {all}"),
                ));
            }
        };
        let wanted = Wanted {
            host: &self.settings.name,
            from: step.from,
            to: step.to,
            epoch: self.epoch(step),
            who: &self.settings.who,
            risks,
            now: now(),
        };
        let (mut approved, mut against) = (BTreeMap::<String, Approved>::new(), Vec::new());
        for path in &request.approvals {
            match document(path)
                .and_then(|text| signers.approved(&text, &wanted).map_err(|error| error.to_string()))
            {
                Ok(by) => {
                    approved.insert(by.key.clone(), by);
                }
                Err(why) => against.push(format!("{} does not count: {why}", path.display())),
            }
        }
        let needed = self.settings.approvals.needed.max(1);
        let by: Vec<String> = approved
            .values()
            .map(|it| format!("{} ({}), until {}", it.by, it.key, when::shown(it.expires)))
            .collect();
        if approved.len() >= needed {
            return Some(evidence(true, format!("approved by {}: {all}", by.join(" and "))).rests_on(by));
        }
        let who = match needed - approved.len() {
            1 => format!("somebody other than {}", self.settings.who.name),
            more => format!("{more} people other than {}", self.settings.who.name),
        };
        let said = against.first().map_or_else(String::new, |why| format!("; {why}"));
        let summary = format!("it needs the approval of {who}{said}. High risk: {all}");
        Some(evidence(false, summary).rests_on(by.into_iter().chain(against)))
    }
}

/// A signed document. Whoever wrote the file, its signature tells.
fn document(path: &Path) -> Result<String, String> {
    let bytes_max = u64::try_from(2 * BYTES_MAX).unwrap_or(u64::MAX);
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(bytes_max).read_to_string(&mut text));
    read.map(|_| text).map_err(|error| error.to_string())
}
