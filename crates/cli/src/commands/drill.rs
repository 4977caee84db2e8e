//! `drill`: an exercise in the lab, timed, with a report.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use evenkeel_rehearsal::lab::{Fall, Lab, LabDir, LabError, Outage, Outcome};
use serde_json::json;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::lab::{clock, of_deeds, parts};
use crate::args::Global;
use crate::args::lab::Drill as Args;
use crate::output::{Exit, Output, complain, put};

/// How often it is looked whether the shop is in order again.
const LOOK: Duration = Duration::from_millis(500);

pub(crate) fn drill(args: &Args, global: &Global, output: Output) -> anyhow::Result<Exit> {
    let dir = LabDir::new(args.dir.as_deref())?;
    let outage = match args.name.as_str() {
        "failover" => None,
        "any" => Some(any()),
        name => Some(name.parse::<Outage>().context("begin the drill")?),
    };
    // What cannot be written is found out before anybody has exercised for an hour.
    let report = args.report.as_deref().map(Report::open).transpose()?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, stop.clone()).context("listen for Ctrl-C")?;
    }
    let stop = || stop.load(Ordering::Relaxed);
    let progress = output.progress();
    progress.say("bringing the lab up");
    let (mut lab, was_up) = match Lab::open(&dir) {
        Ok(lab) => (lab, true),
        Err(LabError::NotUp { .. } | LabError::Died { .. }) => (Lab::up(&dir, &parts(global)?)?, false),
        Err(error) => return Err(error.into()),
    };
    // What somebody else broke is theirs to repair.
    let was_whole = lab.state().broken.is_none();
    progress.say("the drill is on");
    let done = match outage {
        _ if stop() => Err(interrupted()),
        None => lab.failover(&stop).map_err(anyhow::Error::from).and_then(|falls| {
            drop(progress);
            if stop() {
                return Err(interrupted());
            }
            let (good, text) = fallen(&falls);
            tell(report, output, text, || of_falls(good, &falls))?;
            Ok(Exit::from(good))
        }),
        Some(outage) => {
            drop(progress);
            exercise(&mut lab, outage, args, &stop).and_then(|told| {
                tell(report, output, told.report(args), || told.json(args))?;
                Ok(Exit::from(told.repaired_ms.is_some()))
            })
        }
    };
    // A lab that was there before is put back; one of our own goes.
    let put_back = if !was_up {
        Lab::down(&dir).map(drop)
    } else if was_whole && lab.state().broken.is_some() {
        lab.repair().map(drop)
    } else {
        Ok(())
    };
    match (done, put_back) {
        (done, Ok(())) => done,
        (Ok(_), Err(error)) => Err(error.into()),
        (Err(first), Err(then)) => {
            complain(&format!("evenkeel: failed to put the lab back: {then}\n"));
            Err(first)
        }
    }
}

fn interrupted() -> anyhow::Error {
    anyhow::anyhow!("finish the drill: it was interrupted, and the lab is as it was before")
}

/// The file of a report, open before the drill begins.
struct Report {
    path: PathBuf,
    file: Option<File>,
    /// It was not there before: without a report it goes again.
    is_new: bool,
}

impl Report {
    fn open(path: &Path) -> anyhow::Result<Report> {
        let is_new = !path.exists();
        let file = File::options().create(true).truncate(false).write(true).open(path);
        let file = file.with_context(|| format!("write {}", path.display()))?;
        Ok(Report { path: path.to_owned(), file: Some(file), is_new })
    }

    fn write(mut self, text: &str) -> io::Result<()> {
        let Some(mut file) = self.file.take() else { return Ok(()) };
        // A pipe has no length to set.
        let _a_pipe_has_none = file.set_len(0);
        file.write_all(text.as_bytes())
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if self.is_new && self.file.is_some() {
            let _somebody_was_faster = std::fs::remove_file(&self.path);
        }
    }
}

/// Writes the report where it belongs; one that cannot be written is printed.
fn tell(
    report: Option<Report>,
    output: Output,
    text: String,
    json: impl FnOnce() -> serde_json::Value,
) -> anyhow::Result<()> {
    let is_printed = report.is_none();
    let path = report.as_ref().map(|report| report.path.clone()).unwrap_or_default();
    let written = report.map_or(Ok(()), |report| report.write(&text));
    if output.json {
        put(&json().to_string());
    } else if is_printed || written.is_err() {
        put(&text);
    }
    written.with_context(|| format!("write {}", path.display()))
}

/// One of the five, by the clock: nobody can tell which.
fn any() -> Outage {
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.subsec_nanos());
    let at = usize::try_from(nanos / 1000).unwrap_or(0) % Outage::ALL.len();
    Outage::ALL[at]
}

/// Whether the shop and the session survived every fall, and that in words.
fn fallen(falls: &[Fall]) -> (bool, String) {
    let mut text =
        String::from("A customer is logged in, with tea in the cart, and looks at the cart every 20 ms.\n");
    for fall in falls {
        let visit = &fall.visit;
        let up = if visit.stays_up() { "the shop stays up" } else { "the shop is down" };
        let session = match (visit.stays_up(), visit.keeps_session()) {
            (_, true) => "the session survives",
            (true, false) => "the session is lost",
            (false, false) => "nobody can tell about the session",
        };
        let _infallible = writeln!(
            text,
            "  {}: {up} ({} of {} answers bad, {} ms without a good one at most), {session}",
            fall.what, visit.bad, visit.asked, visit.longest_ms
        );
    }
    (falls.iter().all(|fall| fall.visit.stays_up() && fall.visit.keeps_session()), text)
}

fn of_falls(good: bool, falls: &[Fall]) -> serde_json::Value {
    let of_fall = |fall: &Fall| {
        json!({ "what": fall.what, "stays_up": fall.visit.stays_up(), "session_survives": fall.visit.keeps_session(),
                "asked": fall.visit.asked, "bad": fall.visit.bad, "longest_ms": fall.visit.longest_ms,
                "logged_out": fall.visit.logged_out })
    };
    json!({ "good": good, "falls": falls.iter().map(of_fall).collect::<Vec<_>>() })
}

/// What came of an exercise; times in milliseconds after the onset.
struct Told {
    outage: Outage,
    outcome: Outcome,
    acknowledged_ms: Option<u64>,
    diagnosis: Option<(u64, String)>,
    repaired_ms: Option<u64>,
}

fn exercise(lab: &mut Lab, outage: Outage, args: &Args, stop: &dyn Fn() -> bool) -> anyhow::Result<Told> {
    if args.limit.is_zero() {
        bail!("begin the drill: --limit is nothing");
    }
    let outcome = lab.break_into(outage)?;
    let begin = Instant::now();
    let onset = outcome.first_bad.at_ms;
    let since = || {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(now.as_millis()).unwrap_or(u64::MAX).saturating_sub(onset)
    };
    let lines = lines();
    let left = || args.limit.saturating_sub(begin.elapsed());
    complain("Something is wrong with http://shop.lab/. Press Enter when you are at it.\n");
    let acknowledged_ms = loop {
        match lines.recv_timeout(LOOK.min(left())) {
            _ if stop() => return Err(interrupted()),
            Err(RecvTimeoutError::Timeout) if left() > Duration::ZERO => {}
            line => break line.ok().map(|_| since()),
        }
    };
    complain(&format!(
        "Look around: evenkeel lab shell web1 --dir {}\nWhat is the cause? One line, then Enter; and repair it.\n",
        lab.dir().path().display()
    ));
    let (mut diagnosis, mut repaired_ms) = (None, None);
    let mut may_speak = acknowledged_ms.is_some();
    // Whoever repairs before they name the cause is asked all the same.
    while left() > Duration::ZERO && (repaired_ms.is_none() || (diagnosis.is_none() && may_speak)) {
        if stop() {
            return Err(interrupted());
        }
        if may_speak && diagnosis.is_none() {
            match lines.recv_timeout(LOOK.min(left())) {
                Ok(line) if line.trim().is_empty() => {}
                Ok(line) => diagnosis = Some((since(), line.trim().to_owned())),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => may_speak = false,
            }
        } else {
            std::thread::sleep(LOOK.min(left()));
        }
        if repaired_ms.is_none() && lab.prove(Duration::ZERO).is_ok() {
            repaired_ms = Some(since());
            complain("Everybody is served again.\n");
        }
    }
    Ok(Told { outage, outcome, acknowledged_ms, diagnosis, repaired_ms })
}

/// What is typed, line by line, until the end of it.
fn lines() -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    receive
}

impl Told {
    fn report(&self, args: &Args) -> String {
        let people = if args.people.is_empty() { "nobody named".to_owned() } else { args.people.join(", ") };
        let after = |ms: Option<u64>| {
            ms.map_or_else(
                || "not within the limit".to_owned(),
                |ms| format!("{}.{} s", ms / 1000, ms % 1000 / 100),
            )
        };
        let onset = self.outcome.first_bad.at_ms;
        let mut text = format!(
            "# Drill: outage {}\n\nIt was: {}.\nTook part: {people}. Times are UTC.\n\n",
            self.outage,
            self.outage.title()
        );
        text.push_str("| after the first user noticed | |\n|---|---|\n");
        let diagnosed = self.diagnosis.as_ref().map(|(ms, _)| *ms);
        for (what, ms) in [
            ("acknowledged", self.acknowledged_ms),
            ("cause named", diagnosed),
            ("repaired", self.repaired_ms),
        ] {
            let _infallible = writeln!(text, "| {what} | {} |", after(ms));
        }
        let said = self.diagnosis.as_ref().map_or("nothing", |(_, said)| said.as_str());
        let _infallible = writeln!(
            text,
            "\nThe cause, as it was named: {}\n\n## What was done\n",
            said.replace(['<', '\n'], " ")
        );
        for deed in &self.outcome.deeds {
            let _infallible = writeln!(text, "* {} {}: {}", clock(deed.at_ms), deed.host, deed.what);
        }
        let _infallible =
            writeln!(text, "* {} client1 gets {}", clock(onset), self.outcome.first_bad.words());
        text
    }

    fn json(&self, args: &Args) -> serde_json::Value {
        json!({ "outage": self.outage.to_string(), "title": self.outage.title(), "people": args.people,
                "onset_ms": self.outcome.first_bad.at_ms, "deeds": of_deeds(&self.outcome.deeds),
                "acknowledged_after_ms": self.acknowledged_ms,
                "named_after_ms": self.diagnosis.as_ref().map(|(ms, _)| ms),
                "named": self.diagnosis.as_ref().map(|(_, said)| said), "repaired_after_ms": self.repaired_ms })
    }
}
