//! `watch`: the loop, and what is shown of it.

use std::path::Path;

use anyhow::Context as _;
use evenkeel_controller::local::now;
use evenkeel_controller::watch::{self, Looked, Viewer, look_once, stopped};
use evenkeel_controller::when;
use evenkeel_fleet::incident::said;
use evenkeel_fleet::watch::verdict::Verdict;
use evenkeel_fleet::watch::{ProbeId, VantageId};
use evenkeel_fleet::{Event, HostId, Timestamp, What};
use serde_json::{Value, json};

use crate::args::{self, Global};
use crate::output::{Exit, Output, complain, put, table};
use crate::settings::Settings;

pub(crate) fn watch(args: &args::Watch, global: &Global, output: Output) -> anyhow::Result<Exit> {
    let settings = Settings::load(global)?;
    let (plan, incidents) = (settings.watched.plan(&settings)?, settings.watched.incidents()?);
    let doubts = settings.watched.doubts(&settings);
    for doubt in &doubts {
        complain(&format!("evenkeel: nobody could be told this way: {doubt}\n"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("begin")?;
    if args.once {
        if plan.asked.is_empty() {
            return Err(watch::WatchError::Nothing.into());
        }
        let shown = shown_once(&runtime.block_on(look_once(&plan)), output);
        // A watch that could not tell is not well.
        return Ok(if shown == Exit::Yes && !doubts.is_empty() { Exit::CouldNotLook } else { shown });
    }
    announce(&plan, &settings.state_dir, output);
    let mut screen = Screen { output };
    runtime.block_on(watch::watch(plan, incidents, &mut screen, stopped()))?;
    Ok(Exit::Yes)
}

fn announce(plan: &watch::Plan, state_dir: &Path, output: Output) {
    if output.json {
        return;
    }
    let (probes, places) = (plan.asked.len() / plan.askers.len().max(1), plan.askers.len());
    let vantages = if places == 1 { "vantage" } else { "vantages" };
    complain(&format!(
        "watching: {probes} probes from {places} {vantages}, journal in {}; SIGTERM or ctrl-c ends it\n",
        state_dir.display()
    ));
}

fn shown_once(looked: &Looked, output: Output) -> Exit {
    let Looked { verdicts, deaf } = looked;
    let one = |(probe, host, verdict): &(ProbeId, HostId, Verdict)| document(now(), probe, host, verdict);
    let unheard = |(vantage, why): (&VantageId, &String)| json!({ "vantage": vantage.0, "why": why });
    output.print(
        || {
            let row = |(probe, host, verdict): &(ProbeId, HostId, Verdict)| {
                let (word, good) = word(verdict);
                let row = vec![output.verdict(good, word), host.to_string(), probe.to_string()];
                row.into_iter().chain([detail(verdict)]).collect::<Vec<_>>()
            };
            let no = output.verdict(false, "NO");
            let deaf = deaf
                .iter()
                .map(|(vantage, why)| format!("{no}  vantage {vantage} could not be asked: {why}\n"));
            table(&verdicts.iter().map(row).collect::<Vec<_>>()) + &deaf.collect::<String>()
        },
        || {
            json!({ "probes": verdicts.iter().map(one).collect::<Vec<_>>(),
                    "unheard": deaf.iter().map(unheard).collect::<Vec<_>>() })
        },
    );
    if verdicts.iter().any(|(_, _, verdict)| matches!(verdict, Verdict::Down(_))) {
        return Exit::No;
    }
    if !deaf.is_empty() || verdicts.iter().any(|(_, _, verdict)| *verdict == Verdict::Unknown) {
        Exit::CouldNotLook
    } else {
        Exit::Yes
    }
}

fn word(verdict: &Verdict) -> (&'static str, bool) {
    match verdict {
        Verdict::Up => ("up", true),
        Verdict::Down(_) => ("DOWN", false),
        Verdict::Unknown => ("unknown", false),
    }
}

fn detail(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Down(trouble) => trouble.says.clone(),
        Verdict::Up => String::new(),
        Verdict::Unknown => "nobody could ask".to_owned(),
    }
}

fn document(at: Timestamp, probe: &ProbeId, host: &HostId, verdict: &Verdict) -> Value {
    let mut document = json!({ "at": when::rfc3339(at), "verdict": word(verdict).0.to_lowercase(),
                               "probe": probe.0, "host": host.as_str() });
    if let Verdict::Down(trouble) = verdict {
        document["class"] = trouble.class.into();
        document["says"] = trouble.says.clone().into();
        document["onset"] = when::rfc3339(trouble.onset).into();
        document["failing"] = trouble.failing.into();
        document["asked"] = trouble.asked.into();
    }
    document
}

/// What is shown while it runs: a line for each change.
struct Screen {
    output: Output,
}

impl Screen {
    fn line(&self, at: Timestamp, good: Option<bool>, text: &str) {
        let text = match good {
            Some(good) => self.output.verdict(good, text),
            None => text.to_owned(),
        };
        put(&format!("{}  {text}", when::clock(at)));
    }
}

impl Viewer for Screen {
    fn verdict(&mut self, at: Timestamp, probe: &ProbeId, host: &HostId, verdict: &Verdict) {
        if self.output.json {
            return put(&document(at, probe, host, verdict).to_string());
        }
        let (word, good) = word(verdict);
        let detail = detail(verdict);
        let sep = if detail.is_empty() { "" } else { ": " };
        self.line(at, Some(good), &format!("{word:<7} {probe} of {host}{sep}{detail}"));
    }

    fn event(&mut self, event: &Event) {
        if self.output.json {
            if let Ok(event) = serde_json::to_value(event) {
                put(&json!({ "at": when::rfc3339(event_at(&event)), "event": event["what"] }).to_string());
            }
            return;
        }
        // Each answer that turns is in the journal; a person reads what they add up to.
        let loud =
            matches!(event.what, What::Incident(_) | What::Alert(_) | What::Maintenance(_) | What::Drift(_));
        if let Some(said) = said(&event.what).filter(|_| loud) {
            self.line(event.at, None, &said);
        }
    }

    fn trouble(&mut self, at: Timestamp, what: &str) {
        complain(&format!("{}  evenkeel: {what}\n", when::clock(at)));
        if self.output.json {
            put(&json!({ "at": when::rfc3339(at), "trouble": what }).to_string());
        }
    }
}

fn event_at(event: &Value) -> Timestamp {
    Timestamp::from_millis(event["at"].as_u64().unwrap_or_default())
}
