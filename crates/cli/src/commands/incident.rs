//! `incident`: lists, shows and takes care of incidents.

mod finding;
mod show;

use anyhow::{Context as _, anyhow, bail};
use evenkeel_controller::ledger::Ledger;
use evenkeel_controller::local::now;
use evenkeel_controller::watch::is_unwritten;
use evenkeel_controller::when;
use evenkeel_fleet::incident::{Incident, Input, State};
use evenkeel_fleet::journal::{Maintenance, MaintenanceStep, NoteKind};
use evenkeel_fleet::{HostId, IncidentId, Span};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::args::watch::{Kind, List};
use crate::args::{self, Global, IncidentCommand};
use crate::identity;
use crate::output::{Exit, Output, complain, table};
use crate::settings::Settings;

pub(crate) fn incident(args: &args::Incident, global: &Global, output: Output) -> anyhow::Result<Exit> {
    let settings = Settings::load(global)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("begin")?;
    let journal = settings.state_dir.join("journal.db");
    let who = identity::actor;
    let input = match &args.command {
        IncidentCommand::List(args) => {
            let ledger = runtime.block_on(Ledger::read(&journal, settings.watched.incidents()?))?;
            return Ok(list(args, &ledger, is_unwritten(&settings.state_dir), output));
        }
        IncidentCommand::Show(args) => {
            let mut ledger = runtime.block_on(Ledger::read(&journal, settings.watched.incidents()?))?;
            return show::show(id(&args.id)?, &runtime, &mut ledger, output);
        }
        IncidentCommand::Ack(args) => Input::Ack { incident: id(&args.id)?, who: who() },
        IncidentCommand::Resolve(args) => {
            let (incident, why, force) = (id(&args.id)?, args.message.clone(), args.force);
            Input::Resolve { incident, who: who(), why, force }
        }
        IncidentCommand::Note(args) => {
            let kind = match args.kind {
                Kind::Note => NoteKind::Note,
                Kind::Action => NoteKind::Action,
                Kind::Suspect => NoteKind::Suspect,
                Kind::RuledOut => NoteKind::RuledOut,
                Kind::Cause => NoteKind::Cause,
            };
            let text = evenkeel_syntax::secret::redact_str(&args.text).into_owned();
            Input::Note { incident: id(&args.id)?, who: who(), kind, text }
        }
        IncidentCommand::Task(args) => {
            let plain = |text: &String| evenkeel_syntax::secret::redact_str(text).into_owned();
            Input::Task {
                incident: id(&args.id)?,
                who: who(),
                task: plain(&args.task),
                owner: args.owner.as_ref().map(plain),
                due: args.due,
                closed_by: args.done.as_ref().map(plain),
            }
        }
        IncidentCommand::Silence(args) => {
            let until = now() + span(args.for_time);
            Input::Silence { incident: id(&args.id)?, who: who(), why: args.message.clone(), until }
        }
        IncidentCommand::Merge(args) => {
            Input::Merge { incident: id(&args.id)?, into: id(&args.into)?, why: args.message.clone() }
        }
        IncidentCommand::Maintenance(args) => {
            let planned = maintenance(args)?;
            if journal.exists()
                && let MaintenanceStep::Planned { hosts, .. } = &planned.step
            {
                let ledger = runtime.block_on(Ledger::read(&journal, settings.watched.incidents()?))?;
                known(hosts, &settings, &ledger)?;
            }
            Input::Maintain(planned)
        }
    };
    tell(&runtime, &settings, input, output)
}

fn maintenance(args: &args::watch::Maintenance) -> anyhow::Result<Maintenance> {
    let step = match args.for_time {
        None => MaintenanceStep::CalledOff,
        Some(time) => MaintenanceStep::Planned {
            hosts: args.hosts.iter().map(|host| HostId::new(host)).collect::<Result<_, _>>()?,
            from: now(),
            until: now() + span(time),
            why: args.message.clone(),
        },
    };
    Ok(Maintenance { name: args.name.clone(), who: identity::actor(), step })
}

/// A host that nobody knows would be covered in vain, and the one that was meant would wake somebody.
fn known(hosts: &[HostId], settings: &Settings, ledger: &Ledger) -> anyhow::Result<()> {
    let had_one = |host: &HostId| ledger.state().incidents().any(|it| it.hosts().any(|one| one == host));
    let unknown = hosts.iter().find(|host| !settings.watched.knows(host, settings) && !had_one(host));
    match unknown {
        Some(host) => {
            bail!("plan it: no host {host} is in the settings (--config), and none ever had an incident")
        }
        None => Ok(()),
    }
}

fn span(time: std::time::Duration) -> Span {
    Span::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

fn id(text: &str) -> anyhow::Result<IncidentId> {
    text.parse().map_err(|error| anyhow!("{error}"))
}

/// Writes it down; a watch that runs follows the journal, and sends what is to be sent.
fn tell(runtime: &Runtime, settings: &Settings, input: Input, output: Output) -> anyhow::Result<Exit> {
    let journal = settings.state_dir.join("journal.db");
    if !journal.exists() {
        bail!("find a journal at {}: nothing was watched here yet", journal.display());
    }
    let mut ledger = runtime.block_on(Ledger::open(&journal, settings.watched.incidents()?))?;
    let told = runtime.block_on(ledger.tell(now(), input))?;
    let said: Vec<String> =
        told.events.iter().filter_map(|event| evenkeel_fleet::incident::said(&event.what)).collect();
    let unwritten = if is_unwritten(&settings.state_dir) { format!("; {UNWRITTEN}") } else { String::new() };
    let refused = told.refused.as_ref().map(|why| format!("failed to {why}{unwritten}"));
    output.print(
        || match &refused {
            Some(refused) => refused.clone(),
            None if said.is_empty() => "nothing to do: it is so already".to_owned(),
            None => said.join("\n"),
        },
        || json!({ "done": refused.is_none(), "refused": refused, "said": said }),
    );
    Ok(Exit::from(refused.is_none()))
}

/// What to know where nothing can be written down.
const UNWRITTEN: &str = "a watch runs whose journal cannot be written (is the disk full?): what it has opened since then stands in its memory alone";

fn list(args: &List, ledger: &Ledger, is_unwritten: bool, output: Output) -> Exit {
    let wanted = |it: &&Incident| args.all || it.is_open();
    let incidents: Vec<&Incident> = ledger.state().incidents().rev().filter(wanted).collect();
    let open = ledger.state().open().next().is_some();
    if is_unwritten {
        complain(&format!("evenkeel: {UNWRITTEN}\n"));
    }
    output.print(
        || {
            if incidents.is_empty() {
                return if is_unwritten { "no incident is written down" } else { "no incident is open" }
                    .to_owned();
            }
            let row = |it: &&Incident| {
                let acked = it.acked().map_or_else(String::new, |(_, who)| format!("taken care of by {who}"));
                let since = when::shown(it.onset());
                vec![
                    it.id().to_string(),
                    state(it),
                    it.severity().name().to_owned(),
                    since,
                    it.title().to_owned(),
                    acked,
                ]
            };
            table(&incidents.iter().map(row).collect::<Vec<_>>())
        },
        || {
            let incidents = incidents.iter().map(|it| show::document(ledger, it)).collect::<Vec<_>>();
            json!({ "incidents": incidents, "journal_unwritten": is_unwritten })
        },
    );
    if is_unwritten && !open { Exit::CouldNotLook } else { Exit::from(!open) }
}

/// Where it stands, in a word or two.
fn state(it: &Incident) -> String {
    match it.state() {
        State::Merged(into) => format!("part of {into}"),
        State::Resolved => "over".to_owned(),
        State::Open if it.mitigated().is_some() => "green".to_owned(),
        State::Open if it.held().is_some() => "open, held back".to_owned(),
        State::Open if it.silenced().is_some_and(|until| now() < until) => "open, silenced".to_owned(),
        State::Open => "open".to_owned(),
    }
}
