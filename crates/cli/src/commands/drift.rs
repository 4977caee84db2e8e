//! `drift`: what is no longer as it was released.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use evenkeel_controller::local::{DriftReport, Follower, Host, Running, Status};
use evenkeel_controller::when;
use evenkeel_fleet::Silence;
use evenkeel_fleet::journal::{Author, Drift, DriftChange, DriftEnd, DriftHow, DriftStage};
use evenkeel_host::drift::author::audit::Wanted;
use evenkeel_host::drift::events::Means;
use serde_json::json;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::{drift_silence, package};
use crate::args;
use crate::output::{Exit, Output, complain};

/// How often it is asked whether to stop.
const TURN: Duration = Duration::from_millis(200);

pub(crate) fn drift(args: &args::Drift, host: &Host, output: Output) -> anyhow::Result<Exit> {
    if let Some(args::DriftCommand::Silence(silence)) = &args.command {
        if args.once || args.follow {
            bail!("silence a drift and look at it: one command does one of them");
        }
        return drift_silence::silence(silence, host, output);
    }
    if args.follow {
        return follow(args, host, output);
    }
    let report = host.drift_now()?;
    output.print(|| text(&report, output), || document(&report));
    Ok(if report.status.journal_unread { Exit::CouldNotLook } else { report.none().into() })
}

fn follow(args: &args::Drift, host: &Host, output: Output) -> anyhow::Result<Exit> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).context("listen for Ctrl-C")?;
    }
    let audit = if args.audit { Wanted::On } else { Wanted::WhereInUse };
    let mut follower = Follower::begin(host, audit)?;
    if args.guard {
        follower.guard(&std::env::current_exe().context("find this program")?)?;
    }
    complain(&format!("evenkeel: {}\n", begun(&follower)));
    let mut is_unguarded = false;
    while !stop.load(Ordering::Relaxed) {
        if !is_unguarded && follower.is_unguarded() {
            is_unguarded = true;
            complain(
                "evenkeel: the helper that looked at openings was too slow and has ended; they are looked at no more\n",
            );
        }
        for drift in follower.next(TURN)? {
            output.print(|| event(&drift), || json!(drift));
        }
    }
    Ok(if follower.watch().is_open() { Exit::No } else { Exit::Yes })
}

fn begun(follower: &Follower<'_>) -> String {
    match (follower.means(), follower.blind()) {
        (Means::Fanotify, _) if let Some(audit) = follower.audit() => {
            let until = if audit.was_off() { " (it was off, and is on until this ends)" } else { "" };
            format!("follows every change and the command behind it, by the kernel's audit first{until}")
        }
        (Means::Fanotify, None) => "follows every change and the command behind it".to_owned(),
        (Means::Fanotify, Some(why)) => {
            format!("follows every change; of commands that end at once it cannot tell ({why})")
        }
        (Means::Inotify { because }, _) => {
            format!("follows every change, and cannot tell who made it: only root is told ({because})")
        }
    }
}

/// One event, on a line of its own with what belongs to it.
pub(crate) fn event(drift: &Drift) -> String {
    let mut out = String::new();
    let what = match &drift.stage {
        DriftStage::Opened => "drift".to_owned(),
        DriftStage::Updated if drift.changes.is_empty() => "means".to_owned(),
        DriftStage::Updated => "more".to_owned(),
        DriftStage::Silenced { until, who, why } => {
            format!("silent until {} by {who}: {why}", when::shown(*until))
        }
        DriftStage::SilenceOver => "its silence is over".to_owned(),
        DriftStage::Ended(end) => match end {
            DriftEnd::Undone => "ended: put back as released".to_owned(),
            DriftEnd::Adopted => "ended: adopted".to_owned(),
            DriftEnd::RolledBack => "ended: rolled back".to_owned(),
            DriftEnd::Released => "ended: released".to_owned(),
        },
    };
    let at = drift.changes.iter().map(|change| change.at).max();
    let at = at.map_or_else(String::new, |at| format!("{}  ", when::shown(at)));
    out.push_str(&format!("{at}{what}\n"));
    for change in &drift.changes {
        out.push_str(&format!("  {}\n", changed(change)));
        out.push_str(&by(change.author.as_ref(), "    "));
    }
    if drift.more > 0 {
        out.push_str(&format!("  … and {} more\n", drift.more));
    }
    for line in &drift.meaning {
        out.push_str(&format!("  {line}\n"));
    }
    out
}

pub(crate) fn changed(change: &DriftChange) -> String {
    let path = &change.path;
    match change.how {
        DriftHow::Added => format!("{path} is not in the release"),
        DriftHow::Changed => format!("{path} says something else than the release"),
        DriftHow::Removed => format!("{path} is gone"),
        DriftHow::Mode { from, to } => format!("{path} has mode {to:04o} instead of {from:04o}"),
        DriftHow::Owner { from, to } => {
            format!("{path} belongs to {}:{} instead of {}:{}", to.0, to.1, from.0, from.1)
        }
        DriftHow::Back => format!("{path} is as released again"),
    }
}

/// Who it was, in a line or two.
fn by(author: Option<&Author>, indent: &str) -> String {
    let Some(author) = author else { return format!("{indent}by nobody knows whom\n") };
    let mut line = format!("{indent}by {}", author.command);
    if let Some(pid) = author.pid {
        line.push_str(&format!(" (process {pid}"));
        if let Some(user) = &author.user {
            line.push_str(&format!(", {user}"));
        }
        if let Some(login) = author.login.as_ref().filter(|login| author.user.as_ref() != Some(login)) {
            line.push_str(&format!(", logged in as {login}"));
        }
        line.push(')');
    }
    line.push_str(&format!(", {}: known by {}\n", author.known_by.sure(), author.known_by.said()));
    if let Some(unit) = &author.unit {
        line.push_str(&format!("{indent}in {unit}\n"));
    }
    if let Some(above) = author.above.first() {
        line.push_str(&format!("{indent}run by {above}\n"));
    }
    line
}

fn text(report: &DriftReport, output: Output) -> String {
    let mut out = String::new();
    let status = &report.status;
    let mut line = |name: &str, good: bool, text: &str| {
        let mark = output.verdict(good, if good { "ok" } else { "NO" });
        out.push_str(&format!("{mark}  {name:<9} {text}\n"));
    };
    match status.released {
        Some((bundle, Some(release))) => line("released", true, &format!("{} ({release})", bundle.short())),
        Some((bundle, None)) => line("released", true, &format!("{} (adopted)", bundle.short())),
        None => line("released", false, "nothing yet; `evenkeel adopt` begins"),
    }
    let differ = match report.changes.len() {
        0 if status.released.is_some() => "as released".to_owned(),
        0 => status.on_disk.short(),
        1 => "1 path differs".to_owned(),
        many => format!("{many} paths differ"),
    };
    let is_as_wanted = report.changes.is_empty() || status.is_silenced();
    line("on disk", is_as_wanted && status.released.is_some(), &differ);
    for change in &report.changes {
        let mut who = by(change.author.as_ref(), "                ");
        let silence = status.silence(&change.path);
        if let Some(it) = silence {
            let until = when::shown(it.until);
            who.push_str(&format!("                silent until {until}, by {}: {}", it.who, it.why));
        }
        line("", silence.is_some(), &format!("{}\n{}", changed(change), who.trim_end_matches('\n')));
    }
    for it in &report.conffiles {
        line("package", true, &format!("{} of {}: {}", it.path, it.package, it.outcome.said()));
    }
    let (runs, what, because) = match &status.running {
        Running::OnDisk { because } => (true, "what is on disk", because),
        Running::Other { because } => (false, "something else than what is on disk", because),
        Running::Unknown { because } => (false, "not known", because),
        Running::Stopped { because } => (false, "nothing", because),
    };
    line("running", runs, &format!("{what}: {because}"));
    match &status.restart {
        Ok(_) => line("restart", true, "would work now"),
        Err(why) => line("restart", false, &format!("would fail: {why}")),
    }
    for it in &report.certificates {
        let days = it.days_left().map_or_else(String::new, |days| format!(", {days} days left"));
        let wrong: Vec<String> = it.wrong.iter().map(ToString::to_string).collect();
        let wrong = if wrong.is_empty() { String::new() } else { format!(": {}", wrong.join("; ")) };
        let text = format!("{} at {}, {}{days}{wrong}", it.name, it.address, it.path.display());
        line("cert", it.wrong.is_empty(), &text);
    }
    for queue in report.queues.iter().filter(|queue| queue.waiting > 0) {
        let text = format!("{} of {} connections wait at {}", queue.waiting, queue.most, queue.address);
        line("queue", !queue.is_full(), &text);
    }
    for (index, meaning) in report.meaning.iter().enumerate() {
        let name = if index == 0 { "means" } else { "" };
        out.push_str(&format!("    {name:<9} {meaning}\n"));
    }
    for note in &status.notes {
        out.push_str(&format!("    note      {note}\n"));
    }
    if !report.changes.is_empty() && !status.is_silenced() {
        if report.followed.is_none() {
            out.push_str(
                "    note      nobody watched while it was changed; `evenkeel drift --follow` writes down who changes what\n",
            );
        }
        out.push_str(
            "    ways out  `evenkeel adopt` keeps it, `evenkeel rollback` brings the release back, `evenkeel drift silence` says \
             nothing of it for a time\n",
        );
    }
    out
}

fn document(report: &DriftReport) -> serde_json::Value {
    let status = &report.status;
    let kind = match status.running {
        Running::OnDisk { .. } => "on-disk",
        Running::Other { .. } => "other",
        Running::Unknown { .. } => "unknown",
        Running::Stopped { .. } => "stopped",
    };
    json!({
        "drift": !report.none(),
        "released": status.released.map(|(bundle, _)| bundle.to_string()),
        "on_disk": status.on_disk.to_string(),
        "changes": report.changes,
        "silences": silences(status),
        "meaning": report.meaning,
        "conffiles": report.conffiles.iter().map(package::conffile).collect::<Vec<_>>(),
        "certificates": report.certificates.iter().map(|it| json!({
            "name": it.name, "address": it.address.to_string(), "path": it.path, "days_left": it.days_left(),
            "served": it.served.as_ref().map(|it| &it.serial), "on_disk": it.on_disk.as_ref().map(|it| &it.serial),
            "wrong": it.wrong.iter().map(ToString::to_string).collect::<Vec<_>>() })).collect::<Vec<_>>(),
        "queues": report.queues.iter().map(|it| json!({
            "address": it.address.to_string(), "waiting": it.waiting, "most": it.most })).collect::<Vec<_>>(),
        "overflows_since_boot": evenkeel_host::drift::queues::overflows(),
        "running": kind,
        "restart": { "works": status.restart.is_ok(), "reason": status.restart.as_ref().err() },
        "notes": status.notes,
    })
}

/// The silences that hold now.
pub(crate) fn silences(status: &Status) -> Vec<serde_json::Value> {
    let one = |(path, it): &(String, Silence)| json!({ "path": path, "until": when::rfc3339(it.until), "who": it.who.to_string(), "why": it.why });
    status.silences.iter().map(one).collect()
}
