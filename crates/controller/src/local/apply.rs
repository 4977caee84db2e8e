//! `apply`: from a proposed tree to a confirmed release, or back.

use std::path::PathBuf;
use std::time::Duration;

use evenkeel_agent::Agent;
use evenkeel_fleet::journal::Proposal;
use evenkeel_fleet::{BundleId, Evidence, EvidenceKind, Input, Policy};
use evenkeel_host::configdir::{Keep, Snapshot, bundles};
use evenkeel_host::nginx::find::find;
use evenkeel_model::{DiffOptions, FileKind};
use evenkeel_rehearsal::rehearse::Predicted;
use evenkeel_syntax::fileset::{Digest, FileSet};
use evenkeel_syntax::secret::redact_str;

use super::approval::Step;
use super::leaving::leaving;
use super::look::looks;
use super::rehearsal::Proposed;
use super::walk::Way;
use super::{Ended, Host, HostError, Journal, Look, Outcome, Teller, WayBack, span};
use crate::endpoint::Endpoint;
use crate::routes::Route;
use crate::{diff, stages};

/// Beyond nginx's own time for a reload: exchanging the files, watching new workers stay.
const PROOF_MARGIN: Duration = Duration::from_secs(2);
/// The finding of a rehearsal that says that a route answers wrongly.
const ROUTE_WRONG: &str = "route-answers-wrong";
const CONFIRM_WITHIN: Duration = Duration::from_secs(60);
const BAKE: Duration = Duration::from_secs(10);
const EMERGENCY: &str = "this was an emergency: nobody approved it, no freeze held it; it is in the journal and in every post-mortem of it";
/// How many bundles stay, those that are needed not counted.
const BUNDLES_KEPT: usize = 200;

/// What to apply, and how.
#[derive(Debug, Clone)]
pub struct Request {
    /// The proposed tree.
    pub tree: PathBuf,
    /// How long the host waits for a confirmation; 60 s by default.
    pub confirm_within: Option<Duration>,
    /// How long a proven release is watched; 10 s by default.
    pub bake: Option<Duration>,
    /// How long a reload may take; 3 s by default, more where `nginx -t` takes long.
    pub proof_within: Option<Duration>,
    /// Wait for a person.
    pub hold: bool,
    /// Findings to go on in spite of.
    pub accept: Vec<String>,
    /// Why.
    pub why: String,
    /// Which way back it is given; what the host's settings say by default.
    pub way_back: Option<WayBack>,
    /// Do not rehearse; that is recorded.
    pub no_rehearsal: bool,
    /// Do not ask from here whether upstreams accept connections.
    pub offline: bool,
    /// Look at everything, change nothing.
    pub dry_run: bool,
    /// Signed approvals.
    pub approvals: Vec<PathBuf>,
    /// Why it goes forward without approval, and in spite of a freeze.
    pub emergency: Option<String>,
    /// How long an approval that is asked for shall be good; with it nothing is changed.
    pub ask_approval: Option<Duration>,
}

impl Host {
    /// Applies a tree to this host, with a way back.
    ///
    /// # Errors
    /// [`HostError`] when something cannot be looked at; the host is as it was. Every answer that is no is an
    /// [`Outcome`].
    pub fn apply(&self, request: &Request, teller: &mut dyn Teller) -> Result<Outcome, HostError> {
        let outcome = self.applied(request, teller).or_else(HostError::or_interrupted)?;
        Ok(if outcome.release.is_some() { self.lift_hold(outcome) } else { outcome })
    }

    fn applied(&self, request: &Request, teller: &mut dyn Teller) -> Result<Outcome, HostError> {
        teller.doing("looking at this host");
        let mut begun = None;
        if !request.dry_run && request.ask_approval.is_none() {
            let lock = self.lock("apply")?;
            let mut journal = self.open_journal()?;
            let _record = self.begin(&mut journal)?;
            begun = Some((lock, journal));
        }

        let master = find(&self.settings.place)?;
        let compiled = self.compiled(Some(&master))?;
        let settings = self.model_settings(&compiled, Some(&master));
        let (live, keep) = self.live(&settings)?;
        let new = self.proposed(&request.tree, &settings, &live, &keep)?;
        let (from, to) = (&live.snapshot.files, &new.snapshot.files);
        if let Some((_, journal)) = &mut begun
            && let Some(conflict) = self.confirmed_is(journal, &live)?
        {
            return Ok(conflict);
        }
        if from.digest() == to.digest() {
            let reason = format!("the tree is what stands here already ({})", to.digest().short());
            let mut outcome = Outcome::new(None, Ended::Unchanged, reason);
            outcome.notes.extend(left_out(&new.snapshot));
            return Ok(outcome);
        }

        teller.doing("checking the tree");
        let was = stages::check(live_config(self, &settings, &live), None, &self.settings.rules);
        let checked = stages::check(new.config, Some(&was.config), &self.settings.rules);
        let gate = stages::gate(&checked.report, &was.report, &request.accept);
        let (routes, route_notes, broken) = self.asked(from, to, &request.accept);
        let (app, broken) = match self.app_move(from, to) {
            Ok(app) => (app, broken),
            Err(why) => (None, broken.or(Some(why))),
        };
        let check = match broken {
            None => stages::check_evidence(&gate, &checked.report),
            Some(why) => Evidence::new(EvidenceKind::Check, false, why),
        };
        let drift = self.replaced(&master, &compiled);
        let check = stages::explained(check, &checked.config, drift.as_deref());
        let preflight = if check.holds {
            teller.doing("asking the running nginx");
            let go_on = request.accept.iter().any(|accept| accept == EvidenceKind::Preflight.name());
            let mut it = self.preflight(&master, to, (&live, &new.outside), go_on, teller)?;
            it.evidence = stages::explained(it.evidence, &checked.config, drift.as_deref());
            Some(it)
        } else {
            None
        };
        if begun.is_some() {
            bundles::save(&self.settings.place.state_dir, from)?;
            bundles::save(&self.settings.place.state_dir, to)?;
        }
        let state_dir = &self.settings.place.state_dir;
        let saved = begun.as_ref().map(|_| bundles::path(state_dir, to.digest()));
        let passed = preflight.as_ref().is_some_and(|it| it.evidence.holds);
        let back = match passed {
            true => {
                teller.doing("asking the running nginx for the way back");
                let wanted = request.way_back.unwrap_or(self.settings.way_back);
                Some(self.way_back(&master, &live, wanted, &request.accept)?)
            }
            false => None,
        };
        let passed = back.as_ref().is_some_and(|back| back.evidence.holds);
        let changes = if passed {
            teller.doing("comparing the ways of requests");
            let nothing = |_: &[u8]| FileKind::Unknown;
            Some(evenkeel_model::diff(&was.config, &checked.config, &nothing, &DiffOptions::default()))
        } else {
            None
        };
        let risks =
            changes.as_ref().map(|changes| self.risks((&was.config, &checked.config), changes, (from, to)));
        let next = begun.as_ref().map(|(_, journal)| self.next_epoch(journal));
        let step = Step { from: BundleId(from.digest().0), to: BundleId(to.digest().0), epoch: next };
        if let (Some(good_for), Some(risks)) = (request.ask_approval, &risks) {
            return self.approval_to_ask(&step, risks, good_for);
        }
        let approval = risks.and_then(|risks| self.approval(&step, &risks, request));
        let let_pass = approval.as_ref().is_none_or(|it| it.holds);
        let rehearsed = if passed && let_pass && !request.no_rehearsal {
            let changes = changes.as_ref().map(Predicted::of).unwrap_or_default();
            let directory = saved.as_deref().unwrap_or(&request.tree);
            let old_starts = back.as_ref().is_none_or(|back| back.old_is_read != Some(false));
            let proposed =
                Proposed { files: to, config: &checked.config, directory, old_starts, app: app.as_ref() };
            Some(self.rehearsed(
                &master,
                (&live, &proposed, changes),
                (&request.accept, request.offline),
                teller,
            )?)
        } else {
            None
        };
        let took = preflight.as_ref().map_or(Duration::ZERO, |it| it.took);
        let without =
            preflight.iter().filter(|it| !it.asked).map(|it| format!("preflight: {}", it.evidence.summary));
        let skipped = request.no_rehearsal.then(|| "rehearsal: left out (--no-rehearsal)".to_owned());
        let (rehearsal, allowed, rehearsal_notes) = match rehearsed {
            Some(it) => (Some(it.evidence), it.accepted, it.notes),
            None => (None, Vec::new(), Vec::new()),
        };
        let no_way_back = back.as_ref().and_then(|back| back.accepted.clone());
        let parse_free = back.as_ref().is_some_and(|back| back.parse_free);
        let accepted = gate.accepted.iter().cloned().chain(without).chain(no_way_back);
        let accepted = accepted.chain(skipped).chain(allowed).collect();
        let preflight = preflight.map(|it| it.evidence);
        let reload = request.proof_within.unwrap_or_else(|| looks(&new.outside, took).expected.limit);
        let policy = windows(request, reload, (approval.is_some(), app.is_some()));
        let changes = changes.as_ref().map(stages::diff_evidence);
        let gates: Vec<Evidence> =
            [Some(check), preflight, back.map(|back| back.evidence), changes, approval, rehearsal]
                .into_iter()
                .flatten()
                .collect();
        let Some((_lock, mut journal)) = begun else {
            let mut outcome = dry(&gates, teller);
            outcome.notes.extend(app.map(|app| app.planned()));
            return Ok(outcome);
        };

        let proposal = Proposal {
            host: self.settings.name.clone(),
            from: BundleId(from.digest().0),
            to: BundleId(to.digest().0),
            goes_back: false,
            who: self.settings.who.clone(),
            why: redact_str(&request.why).into_owned(),
            changes: diff::changes(from, to),
            diff: diff::text(from, to),
            accepted,
            emergency: request.emergency.as_deref().map(|why| redact_str(why).into_owned()),
            policy,
        };
        let told = journal.tell(&self.runtime, &Input::Propose(proposal))?;
        let release = match (told.proposed, told.refusal) {
            (Some(release), None) => release,
            (release, Some(evenkeel_fleet::Refusal::Frozen { who, why })) => {
                let reason = format!("frozen by {who}: {why}");
                teller.done("frozen", &reason, false);
                return Ok(Outcome::new(release, Ended::Refused, reason));
            }
            (_, Some(refusal)) => return Err(refusal.into()),
            (None, None) => return Err(HostError::NothingBefore("the journal opened no release".to_owned())),
        };
        let way = Way {
            endpoint: self.settings.generation.map(|address| Endpoint::before(address, master.id)),
            release,
            from,
            to,
            live: &live,
            new: &new.outside,
            routes: &routes,
            proof: reload,
            parse_free,
            good: self.good_before(&live, &settings, reload),
            hold: request.hold,
            app: app.as_ref(),
        };
        let mut outcome = self.walk(&mut journal, &way, gates, &keep, teller)?;
        outcome.notes.extend(gate.shown.iter().map(stages::line));
        outcome.notes.extend(rehearsal_notes);
        outcome.notes.extend(route_notes);
        outcome.notes.extend(left_out(&new.snapshot));
        outcome.notes.extend(leaving(master.id, &checked.config));
        outcome.notes.extend(request.emergency.as_ref().map(|_| EMERGENCY.to_owned()));
        let host = journal.fleet().host(&self.settings.name);
        let confirmed =
            host.into_iter().flat_map(|host| [host.confirmed(), host.last_known_good()]).flatten();
        let keep = confirmed.map(|bundle| Digest(bundle.0)).chain([from.digest(), to.digest()]).collect();
        let _gone = bundles::prune(&self.settings.place.state_dir, &keep, BUNDLES_KEPT);
        Ok(outcome)
    }

    /// Makes sure that what stands on disk is what was confirmed. A host that never released anything is adopted as it is.
    pub(super) fn confirmed_is(
        &self,
        journal: &mut Journal,
        live: &Look,
    ) -> Result<Option<Outcome>, HostError> {
        let digest = live.snapshot.files.digest();
        match journal.fleet().host(&self.settings.name).and_then(|host| host.confirmed()) {
            Some(confirmed) if confirmed.0 == digest.0 => Ok(None),
            None => {
                let _first = self.adopt_look(journal, live, "what stood here before the first release")?;
                Ok(None)
            }
            Some(confirmed) => {
                let released = self.bundle(confirmed).unwrap_or_default();
                let changes = diff::changes(&released, &live.snapshot.files);
                let paths: Vec<String> = changes.iter().map(ToString::to_string).collect();
                let shown = paths.iter().take(10).cloned().collect::<Vec<_>>().join(", ");
                let mut outcome = Outcome::new(
                    None,
                    Ended::Conflict,
                    format!("the live tree is not what was released ({shown}); nothing was overwritten"),
                );
                outcome.notes.push("`evenkeel adopt` makes what stands there the confirmed bundle; `evenkeel rollback` puts the released one back".to_owned());
                Ok(Some(outcome))
            }
        }
    }

    /// The routes to ask: the new tree's, and the live tree's that it takes away, unless that was accepted. The third says
    /// why none can be.
    fn asked(
        &self,
        from: &FileSet,
        to: &FileSet,
        accept: &[String],
    ) -> (Vec<Route>, Vec<String>, Option<String>) {
        let mut notes = Vec::new();
        let old = self.routes(from).unwrap_or_else(|why| {
            notes.push(format!("the live tree's routes are not asked: {why}"));
            Vec::new()
        });
        let mut routes = match self.routes(to) {
            Ok(routes) => routes,
            Err(why) => return (Vec::new(), notes, Some(why)),
        };
        for route in old {
            let known = routes.iter().any(|new| new.name == route.name || new.request() == route.request());
            let name = &route.name;
            if !known && accept.iter().any(|accept| accept == ROUTE_WRONG) {
                notes.push(format!("the change takes the route \"{name}\" away, as was accepted"));
            } else if !known {
                notes.push(format!(
                    "the change takes the route \"{name}\" away; it was asked all the same (`--accept {ROUTE_WRONG}` lets it go)"
                ));
                routes.push(route);
            }
        }
        (routes, notes, None)
    }

    pub(super) fn agent_here(&self) -> Agent {
        Agent::new(self.settings.place.clone(), Keep::default())
    }
}

/// What no bundle can hold.
fn left_out(tree: &Snapshot) -> impl Iterator<Item = String> + '_ {
    tree.skipped.iter().map(|it| format!("left out: {} is a {}", it.path.display(), it.kind))
}

/// The windows of a release. Longer proofs get longer windows; a window that a person asked for stays, and what goes on
/// inside it is made to fit.
fn windows(request: &Request, reload: Duration, (approval, app): (bool, bool)) -> Policy {
    let proof = reload + PROOF_MARGIN;
    let (confirm, bake) = match (request.confirm_within, request.bake) {
        (Some(confirm), Some(bake)) => (confirm, bake),
        (Some(confirm), None) => (confirm, BAKE.min(confirm / 3)),
        (None, bake) => (CONFIRM_WITHIN.max((proof + bake.unwrap_or(BAKE)) * 3 / 2), bake.unwrap_or(BAKE)),
    };
    let left = confirm.saturating_sub(bake).saturating_sub(Duration::from_millis(1));
    Policy {
        proof_within: span(proof.min(left)),
        confirm_within: span(confirm),
        bake: span(bake),
        hold: request.hold,
        gates: {
            let rehearsal = (!request.no_rehearsal).then_some(EvidenceKind::Rehearsal);
            let approval = approval.then_some(EvidenceKind::Approval);
            let app = app.then_some(EvidenceKind::App);
            let own = [EvidenceKind::Diff].into_iter().chain(approval).chain(rehearsal).chain(app);
            Policy::default().gates.into_iter().chain(own).collect()
        },
    }
}

/// The live configuration once more: a check consumes what it checks.
fn live_config(host: &Host, settings: &evenkeel_model::Settings, live: &Look) -> evenkeel_model::Config {
    host.meaning(&live.snapshot.files, settings, live)
}

fn dry(gates: &[Evidence], teller: &mut dyn Teller) -> Outcome {
    let mut outcome = Outcome::new(None, Ended::WouldApply, "nothing stands in its way; nothing was changed");
    for evidence in gates {
        teller.done(evidence.kind.name(), &evidence.summary, evidence.holds);
        if !evidence.holds {
            outcome = Outcome::new(None, Ended::Refused, evidence.summary.clone());
        }
    }
    outcome
}
