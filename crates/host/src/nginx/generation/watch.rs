//! The loop that watches a reload.

use std::path::Path;
use std::time::Duration;

use super::story::{Story, Whose};
use super::{
    BUSY_MAX, Before, Evidence, Expected, Failure, FailureKind, HUP, How, Proof, Reload, Workers, hears_hup,
};
use crate::clock;
use crate::identity::ProcessId;
use crate::nginx::title::Role;
use crate::nginx::{proc, sockets};

/// How long a state that should pass by itself may last once the master has done its work.
const GRACE_MS: u64 = 250;
/// How many further reloads by others are waited for.
const FOREIGN_RELOADS_MAX: u32 = 5;
/// How soon is looked again: often at first, and less so when it takes long.
const LOOK_AGAIN: [(u64, Duration); 2] =
    [(500, Duration::from_millis(5)), (2_000, Duration::from_millis(10))];
const LOOK_AGAIN_LATER: Duration = Duration::from_millis(25);

/// One reload, watched.
pub(super) struct Watch<'a> {
    before: Before,
    reload: &'a Reload,
    expected: &'a Expected,
    story: Story,
    /// When the master took the signal.
    taken_ms: Option<u64>,
    /// Since when it has waited for signals again.
    idle_since_ms: Option<u64>,
    /// Whether new workers were seen while the old ones still served, as in every reload.
    side_by_side: bool,
    chosen: Option<Chosen>,
    foreign_reloads: u32,
}

/// The workers that are being proven.
struct Chosen {
    workers: Vec<ProcessId>,
    since_ms: u64,
    /// Whether workers of yet another reload have come beside them.
    joined: bool,
}

/// What the process table shows at one moment.
struct Seen {
    /// The master works on nothing and no signal waits for it.
    idle: bool,
    new: Vec<ProcessId>,
    old: Vec<ProcessId>,
    shutting_down: usize,
    /// Just forked, without a title of its own.
    young: bool,
}

impl<'a> Watch<'a> {
    pub(super) fn new(before: Before, reload: &'a Reload, expected: &'a Expected) -> Self {
        Self {
            before,
            reload,
            expected,
            story: Story::default(),
            taken_ms: None,
            idle_since_ms: None,
            side_by_side: false,
            chosen: None,
            foreign_reloads: 0,
        }
    }

    pub(super) fn run(mut self, interrupted: &mut dyn FnMut() -> bool) -> Proof {
        loop {
            let now_ms = clock::boottime_ms();
            let mut step = self.look().and_then(|seen| self.judge(&seen, now_ms));
            if interrupted() && matches!(step, Ok(None)) {
                step = Err(self.story.seen(FailureKind::Deadline, "interrupted".to_owned()));
            }
            let after_ms = clock::boottime_ms().saturating_sub(self.reload.sent_ms);
            let foreign_reloads = self.story.foreign.iter().copied().collect();
            match step {
                Ok(Some(evidence)) => return Proof::Holds(Evidence { foreign_reloads, ..evidence }),
                Err(failure) => return Proof::Fails(Failure { foreign_reloads, after_ms, ..failure }),
                Ok(None) => {}
            }
            let pause = LOOK_AGAIN.iter().find(|(until_ms, _)| after_ms < *until_ms);
            std::thread::sleep(pause.map_or(LOOK_AGAIN_LATER, |(_, pause)| *pause));
        }
    }

    /// Looks at the master, its children and its logs.
    fn look(&mut self) -> Result<Seen, Failure> {
        let master = self.before.master;
        let gone =
            |story: &Story| story.seen(FailureKind::MasterGone, format!("nginx {} has ended", master.pid));
        let children = proc::children(master.pid).map_err(|error| {
            self.story
                .seen(FailureKind::CannotLook, format!("the children of nginx cannot be listed: {error}"))
        })?;
        let status_before = proc::status(master.pid).map_err(|_| gone(&self.story))?;
        let lines = self.before.logs.new_lines();
        let status = proc::status(master.pid).map_err(|_| gone(&self.story))?;
        if !master.lives() {
            return Err(gone(&self.story));
        }
        if self.taken_ms.is_none() && is_deaf(&status_before) {
            let unknown: Vec<_> =
                children.iter().filter(|child| !self.before.children.contains(child)).copied().collect();
            self.before.children.extend(unknown);
        }
        let whose = self.whose(&status_before, &status);
        self.story.take_in(lines, master, self.reload.sender, whose);
        let is_idle = |status: &proc::Status| hears_hup(status) && !waits(status);
        Ok(self.sort(&children, is_idle(&status_before) && is_idle(&status)))
    }

    /// Says whose reload the master spoke of between two looks at its signals.
    ///
    /// One that is busy with an earlier reload leaves our signal waiting. What it writes, and the workers that it
    /// starts, until it hears again have nothing to do with ours.
    fn whose(&mut self, before: &proc::Status, after: &proc::Status) -> Whose {
        if self.taken_ms.is_some() {
            return Whose::Ours;
        }
        if is_deaf(after) {
            self.before.busy = true;
            return Whose::Earlier;
        }
        let was_busy = self.before.busy || is_deaf(before);
        if was_busy || !waits(after) {
            self.taken_ms = Some(clock::boottime_ms());
        }
        if was_busy { Whose::Doubtful } else { Whose::Ours }
    }

    fn sort(&mut self, children: &[ProcessId], idle: bool) -> Seen {
        let mut seen = Seen { idle, new: Vec::new(), old: Vec::new(), shutting_down: 0, young: false };
        for &child in children {
            match proc::role_of(child) {
                Some(Role::Worker) if self.before.children.contains(&child) => seen.old.push(child),
                Some(Role::Worker) => seen.new.push(child),
                Some(Role::WorkerShuttingDown) => seen.shutting_down += 1,
                // A new master that is told to end, and no worker without a title of its own.
                Some(Role::Master) if self.before.children.contains(&child) => {}
                Some(Role::Master) => seen.young = true,
                Some(Role::Other) | None => {}
            }
        }
        seen.new.sort_unstable_by_key(|worker| worker.pid);
        self.side_by_side |= !seen.new.is_empty() && !seen.old.is_empty();
        seen
    }

    /// Decides whether it is over.
    fn judge(&mut self, seen: &Seen, now_ms: u64) -> Result<Option<Evidence>, Failure> {
        if let Some(failure) = self.story.refusal().or_else(|| self.story.death(&self.before.children)) {
            return Err(failure);
        }
        let Some(taken_ms) = self.taken_ms else { return self.not_taken(now_ms) };
        self.idle_since_ms = if seen.idle { self.idle_since_ms.or(Some(now_ms)) } else { None };
        if self.chosen.is_some() {
            return self.keep_watching(seen, now_ms);
        }
        let mismatch = match self.mismatch(seen)? {
            None => {
                self.chosen = Some(Chosen { workers: seen.new.clone(), since_ms: now_ms, joined: false });
                return Ok(None);
            }
            Some(mismatch) => mismatch,
        };
        // The master has done what it was told, and it has not come to what was expected. Old workers may be
        // busy and take longer to hear of their end.
        let settled = self.idle_since_ms.is_some_and(|since_ms| now_ms - since_ms >= GRACE_MS);
        if settled && !seen.young && mismatch.0 != FailureKind::OldWorkersServe {
            return Err(self.story.seen(mismatch.0, mismatch.1));
        }
        if now_ms.saturating_sub(taken_ms) >= millis(self.expected.limit) {
            let (kind, reason) = if seen.idle { mismatch } else { self.still_busy() };
            return Err(self.story.seen(kind, reason));
        }
        Ok(None)
    }

    fn not_taken(&self, now_ms: u64) -> Result<Option<Evidence>, Failure> {
        if now_ms.saturating_sub(self.reload.sent_ms) < millis(BUSY_MAX) {
            return Ok(None);
        }
        let reason = format!("nginx did not take the signal within {} ms", millis(BUSY_MAX));
        Err(self.story.seen(FailureKind::Deadline, reason))
    }

    fn still_busy(&self) -> (FailureKind, String) {
        let limit_ms = millis(self.expected.limit);
        (FailureKind::Deadline, format!("nginx is still busy with the reload after {limit_ms} ms"))
    }

    /// Says in what the moment differs from a finished reload, or that it does not.
    fn mismatch(&self, seen: &Seen) -> Result<Option<(FailureKind, String)>, Failure> {
        let (new, old) = (seen.new.len(), seen.old.len());
        let wanted = self.wanted();
        let few = |kind, reason: String| Ok(Some((kind, reason)));
        if new == 0 && old == 0 {
            return few(FailureKind::WorkersDied, "no worker is left".to_owned());
        }
        if new == 0 {
            let reason = "nginx ended the reload without new workers, and the old ones go on".to_owned();
            return few(FailureKind::NoNewWorkers, reason);
        }
        if old > 0 {
            let reason =
                format!("{old} workers of the old configuration go on serving beside {new} new ones");
            return few(FailureKind::OldWorkersServe, reason);
        }
        let right = match self.expected.workers {
            Workers::Fixed(_) => new == wanted,
            // How many processors nginx counted when it started is not known for certain.
            Workers::Auto => new >= wanted,
        };
        if !right {
            let reason = format!("{new} workers serve the new configuration, not {wanted}");
            return few(FailureKind::TooFewWorkers, reason);
        }
        if !seen.idle || seen.young {
            return Ok(Some(self.still_busy()));
        }
        if self.before.how == How::Reload
            && !self.side_by_side
            && !self.before.children.is_empty()
            && self.before.logs.readable().next().is_none()
        {
            // A refused reload, and a worker that died and was replaced, would look the same.
            let reason = "no error log can be read, and the new workers were not seen beside the old ones";
            return few(FailureKind::CannotLook, reason.to_owned());
        }
        let missing = self.missing()?;
        Ok(missing.map(|reason| (FailureKind::NotListening, reason)))
    }

    fn wanted(&self) -> usize {
        match self.expected.workers {
            Workers::Fixed(workers) => workers as usize,
            Workers::Auto => {
                let online = nix::unistd::sysconf(nix::unistd::SysconfVar::_NPROCESSORS_ONLN);
                let online = online.ok().flatten().and_then(|count| usize::try_from(count).ok()).unwrap_or(1);
                let allowed =
                    proc::status(self.before.master.pid).map_or(1, |status| status.processors as usize);
                // Some C libraries count only the processors that a process may use.
                online.min(allowed.max(1))
            }
        }
    }

    fn missing(&self) -> Result<Option<String>, Failure> {
        let missing = sockets::missing(self.before.master, &self.expected.listens).map_err(|error| {
            let reason = format!("the sockets of nginx cannot be listed: {error}");
            self.story.seen(FailureKind::CannotLook, reason)
        })?;
        let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
        Ok((!names.is_empty()).then(|| format!("nginx does not listen on {}", names.join(", "))))
    }

    /// Sees to it that the chosen workers stay.
    fn keep_watching(&mut self, seen: &Seen, now_ms: u64) -> Result<Option<Evidence>, Failure> {
        let Some(chosen) = &mut self.chosen else { return Ok(None) };
        let lost: Vec<ProcessId> =
            chosen.workers.iter().filter(|one| !seen.new.contains(one)).copied().collect();
        chosen.joined |= seen.new.len() > chosen.workers.len() || seen.young;
        if let Some(first) = lost.first() {
            // A list that is read while a process ends may leave another one out.
            if lost.iter().all(|worker| proc::role_of(*worker) == Some(Role::Worker)) {
                return Ok(None);
            }
            let replaced = chosen.joined || !self.story.foreign.is_empty();
            self.foreign_reloads += 1;
            if !replaced || self.foreign_reloads > FOREIGN_RELOADS_MAX {
                return Err(self.story.died(first.pid, format!("worker {} did not stay", first.pid)));
            }
            // Somebody else reloads. What nginx reads is the same, and the proof begins again.
            self.chosen = None;
            self.taken_ms = Some(now_ms);
            return Ok(None);
        }
        if now_ms.saturating_sub(chosen.since_ms) < millis(self.expected.stay)
            || !seen.idle
            || chosen.joined && seen.new.len() != chosen.workers.len()
        {
            if now_ms.saturating_sub(chosen.since_ms) > millis(self.expected.stay + self.expected.limit) {
                let (kind, reason) = self.still_busy();
                return Err(self.story.seen(kind, reason));
            }
            return Ok(None);
        }
        if let Some((kind, reason)) = self.mismatch(seen)? {
            return Err(self.story.seen(kind, reason));
        }
        Ok(Some(self.evidence(seen, now_ms)))
    }

    fn evidence(&self, seen: &Seen, now_ms: u64) -> Evidence {
        let since_ms = self.chosen.as_ref().map_or(now_ms, |chosen| chosen.since_ms);
        let pids: Vec<String> = seen.new.iter().map(|worker| worker.pid.to_string()).collect();
        let mut rests_on = vec![format!(
            "{} new workers of nginx {} ({}), the same for {} ms",
            pids.len(),
            self.before.master.pid,
            pids.join(", "),
            now_ms - since_ms
        )];
        if self.before.how != How::Beside {
            rests_on.push(match seen.shutting_down {
                0 => "no worker of the old configuration is left".to_owned(),
                left => format!("{left} workers of the old configuration only finish their requests"),
            });
        }
        rests_on.push(self.logs_say());
        match self.expected.listens.as_slice() {
            [] => {}
            [one] => rests_on.push(format!("nginx listens on {one}")),
            all => rests_on
                .push(format!("nginx listens on all {} addresses of the new configuration", all.len())),
        }
        for from in &self.story.foreign {
            rests_on.push(format!("process {from} asked for a reload, too"));
        }
        Evidence {
            workers: seen.new.clone(),
            rests_on,
            old_workers: seen.shutting_down,
            foreign_reloads: Vec::new(),
            first_ms: since_ms.saturating_sub(self.reload.sent_ms),
            settled_ms: now_ms.saturating_sub(self.reload.sent_ms),
        }
    }

    fn logs_say(&self) -> String {
        let names = |paths: &mut dyn Iterator<Item = &Path>| {
            paths.map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
        };
        let read = names(&mut self.before.logs.readable());
        if read.is_empty() {
            let hidden = names(&mut self.before.logs.unreadable());
            let hidden = if hidden.is_empty() { "none is known".to_owned() } else { hidden };
            return format!(
                "no error log can be read ({hidden}): the reload is known from its workers alone"
            );
        }
        if self.before.how == How::Beside {
            return format!("{read}: the new nginx wrote no [emerg]");
        }
        if self.story.announced {
            return format!("{read}: nginx announced the reload that we asked for, and no [emerg] after it");
        }
        format!(
            "{read}: no [emerg] since the signal; notices are hidden there, so the reload itself is known from its workers"
        )
    }
}

/// Says whether a SIGHUP has come that the master has not taken yet.
fn waits(status: &proc::Status) -> bool {
    status.pending & HUP != 0
}

/// Says whether it will not take it before it is done with something else.
fn is_deaf(status: &proc::Status) -> bool {
    waits(status) && !hears_hup(status)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
