//! `drill`: an exercise in the lab, timed, with a report.

use std::fmt::Write as _;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use evenkeel_rehearsal::lab::{Fall, Lab, LabDir, LabError, Outage, Outcome};
use serde_json::json;

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
    let progress = output.progress();
    progress.say("bringing the lab up");
    let (mut lab, was_up) = match Lab::open(&dir) {
        Ok(lab) => (lab, true),
        Err(LabError::NotUp { .. } | LabError::Died { .. }) => (Lab::up(&dir, &parts(global)?)?, false),
        Err(error) => return Err(error.into()),
    };
    progress.say("the drill is on");
    let done = match outage {
        None => lab.failover().map_err(anyhow::Error::from).map(|falls| {
            drop(progress);
            failover(&falls, output)
        }),
        Some(outage) => {
            drop(progress);
            exercise(&mut lab, outage, args).and_then(|told| {
                let text = told.report(args);
                if let Some(path) = &args.report {
                    std::fs::write(path, &text).with_context(|| format!("write {}", path.display()))?;
                } else if !output.json {
                    put(&text);
                }
                if output.json {
                    put(&told.json(args).to_string());
                }
                Ok(Exit::from(told.repaired_ms.is_some()))
            })
        }
    };
    // A lab that was there before is put back; one of our own goes.
    if !was_up {
        Lab::down(&dir)?;
    } else if outage.is_some() {
        lab.repair()?;
    }
    done
}

/// One of the five, by the clock: nobody can tell which.
fn any() -> Outage {
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.subsec_nanos());
    let at = usize::try_from(nanos / 1000).unwrap_or(0) % Outage::ALL.len();
    Outage::ALL[at]
}

fn failover(falls: &[Fall], output: Output) -> Exit {
    let good = falls.iter().all(|fall| fall.visit.stays_up() && fall.visit.keeps_session());
    let text = || {
        let mut text = String::from(
            "A customer is logged in, with tea in the cart, and looks at the cart every 20 ms.\n",
        );
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
        text
    };
    output.print(text, || {
        let of_fall = |fall: &Fall| {
            json!({ "what": fall.what, "stays_up": fall.visit.stays_up(), "session_survives": fall.visit.keeps_session(),
                    "asked": fall.visit.asked, "bad": fall.visit.bad, "longest_ms": fall.visit.longest_ms,
                    "logged_out": fall.visit.logged_out })
        };
        json!({ "good": good, "falls": falls.iter().map(of_fall).collect::<Vec<_>>() })
    });
    Exit::from(good)
}

/// What came of an exercise; times in milliseconds after the onset.
struct Told {
    outage: Outage,
    outcome: Outcome,
    acknowledged_ms: Option<u64>,
    diagnosis: Option<(u64, String)>,
    repaired_ms: Option<u64>,
}

fn exercise(lab: &mut Lab, outage: Outage, args: &Args) -> anyhow::Result<Told> {
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
    let acknowledged_ms = lines.recv_timeout(left()).ok().map(|_| since());
    complain(&format!(
        "Look around: evenkeel lab shell web1 --dir {}\nWhat is the cause? One line, then Enter; and repair it.\n",
        lab.dir().path().display()
    ));
    let (mut diagnosis, mut repaired_ms) = (None, None);
    let mut may_speak = acknowledged_ms.is_some();
    // Whoever repairs before they name the cause is asked all the same.
    while left() > Duration::ZERO && (repaired_ms.is_none() || (diagnosis.is_none() && may_speak)) {
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
