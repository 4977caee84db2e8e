//! One file for each group of commands: it calls the library and renders what comes back.

mod approve;
mod change;
mod check;
mod diff;
mod drift;
mod drift_silence;
mod drill;
mod error_pages;
mod history;
mod incident;
mod incident_review;
mod init;
mod lab;
mod package;
mod place;
mod postmortem;
mod probe;
mod rates;
mod reach;
mod ready;
mod rehearse;
mod route;
mod status;
mod test;
mod watch;
mod why;
mod why_replay;

use std::process::ExitCode;

use anyhow::Context as _;
use evenkeel_controller::local::{Host, HostError, Settings as HostSettings, WayBack};
use evenkeel_fleet::{Actor, HostId};
use evenkeel_host::place::Place;
use evenkeel_rehearsal::lab::LabError;
use serde_json::json;

use crate::args::{self, Cli, Command, Global};
use crate::output::{Exit, Output, complain, put};
use crate::settings::Settings;
use crate::{identity, release_file, routes_file};

/// Runs one command.
pub(crate) fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let output = Output::new(&cli.global);
    let global = &cli.global;
    let exit = match &cli.command {
        Command::Check(args) => check::check(args, global, output)?,
        Command::Rules(args) => check::rules(args, output)?,
        Command::Route(args) => route::route(args, global, output)?,
        Command::Diff(args) => diff::diff(args, global, output)?,
        Command::Test(args) => test::test(args, global, output)?,
        Command::Rehearse(args) => rehearse::rehearse(args, global, output)?,
        Command::Reach(args) => reach::reach(args, global, output)?,
        Command::Rates(args) => rates::rates(args, &host(global)?, output)?,
        Command::Ready(args) => ready::ready(args, &host(global)?, output)?,
        Command::Lab(args) => lab::lab(args, global, output)?,
        Command::Drill(args) => drill::drill(args, global, output)?,
        Command::ErrorPages(args) => error_pages::error_pages(args, output)?,
        Command::Init(args) => init::init(args, global, output)?,
        Command::Adopt(args) => change::adopt(args, &host(global)?, output)?,
        Command::Apply(args) => change::apply(args, global, output)?,
        Command::Confirm(_) => change::confirm(&host(global)?, output)?,
        Command::Rollback(args) => change::rollback(args, &host(global)?, output)?,
        Command::Recover(_) => change::recover(&host(global)?, output)?,
        Command::Why(args) => why::why(args, global, output)?,
        Command::Approve(args) => approve::approve(args, output)?,
        Command::Freeze(args) => change::freeze(args, &host(global)?, output)?,
        Command::Thaw(args) => change::thaw(args, &host(global)?, output)?,
        Command::History(args) => history::history(args, &host(global)?, output)?,
        Command::Show(args) => history::show(args, &host(global)?, output)?,
        Command::Status(_) => status::status(&host(global)?, output)?,
        Command::Watch(args) => watch::watch(args, global, output)?,
        Command::Incident(args) => incident::incident(args, global, output)?,
        Command::Probe(args) => probe::probe(args, output)?,
        Command::Drift(args) => drift::drift(args, &host(global)?, output)?,
        Command::Package(args) => package::package(args, global, output)?,
        Command::Postmortem(args) => postmortem::postmortem(args, global, output)?,
    };
    Ok(match exit {
        Exit::Yes => ExitCode::SUCCESS,
        Exit::No => ExitCode::from(1),
        Exit::CouldNotLook => ExitCode::from(2),
    })
}

/// This host, as settings and flags say.
pub(crate) fn host(global: &Global) -> anyhow::Result<Host> {
    host_of(&Settings::load(global)?)
}

pub(crate) fn host_of(settings: &Settings) -> anyhow::Result<Host> {
    host_for(settings, identity::actor())
}

/// This host, when somebody else than the caller acts.
pub(crate) fn host_for(settings: &Settings, who: Actor) -> anyhow::Result<Host> {
    let mut place = Place::new(&settings.config_dir, &settings.state_dir);
    place.nginx.clone_from(&settings.nginx);
    place.pid.clone_from(&settings.pid);
    let host = Host::new(HostSettings {
        place,
        name: HostId::new(&settings.name)?,
        keep: settings.keep.clone(),
        rules: rule_settings(settings)?,
        way_back: way_back(settings.way_back),
        who,
        routes: routes_file::routes,
        expected: routes_file::specs,
        invariants: routes_file::invariants,
        approvals: settings.approvals.clone(),
        app: release_file::app,
        steps: release_file::steps,
        apps_dir: settings.apps_dir.clone(),
        generation: settings.generation,
    });
    host.context("begin")
}

/// The way back that somebody wants.
pub(crate) fn way_back(wanted: args::WayBack) -> WayBack {
    match wanted {
        args::WayBack::Auto => WayBack::Auto,
        args::WayBack::Reload => WayBack::Reload,
        args::WayBack::ParseFree => WayBack::ParseFree,
    }
}

/// The rules as the settings file wants them.
pub(crate) fn rule_settings(settings: &Settings) -> anyhow::Result<evenkeel_lint::Settings> {
    let mut rules = evenkeel_lint::Settings::default();
    for (rule, level) in &settings.rules {
        rules.set(rule, level)?;
    }
    Ok(rules)
}

/// Prints why the command line is not understood, or the help that was asked for.
pub(crate) fn not_understood(error: &clap::Error, json: bool) -> ExitCode {
    let code = u8::try_from(error.exit_code()).unwrap_or(2);
    if json && code != 0 {
        let text = error.to_string();
        let said = text.trim_start_matches("error: ").split("\n\n").next().unwrap_or_default();
        put(&json!({ "error": said, "hint": "evenkeel --help" }).to_string());
    }
    let _nobody_reads = error.print();
    ExitCode::from(code)
}

/// Prints why a command could not look: one message, its causes, and the way out.
pub(crate) fn failed(error: &anyhow::Error, json: bool) {
    let mut message = String::new();
    for cause in error.chain() {
        let said = cause.to_string();
        if !message.ends_with(&said) {
            let sep = if message.is_empty() { "" } else { ": " };
            message.push_str(sep);
            message.push_str(&said);
        }
    }
    let message = evenkeel_syntax::secret::redact_str(&message).into_owned();
    let hint = error.chain().find_map(|cause| {
        let of_lab = cause.downcast_ref::<LabError>().and_then(LabError::hint);
        of_lab.or_else(|| cause.downcast_ref::<HostError>().and_then(HostError::hint))
    });
    if json {
        put(&json!({ "error": format!("failed to {message}"), "hint": hint }).to_string());
    }
    let hint = hint.map_or_else(String::new, |hint| format!("hint: {hint}\n"));
    complain(&format!("evenkeel: failed to {message}\n{hint}"));
}
