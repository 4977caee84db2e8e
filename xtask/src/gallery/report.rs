//! What the gallery prints: a table, and for the demonstration a story in plain words.

use std::io::Write as _;
use std::time::Duration;

use super::entry::{Entry, Outage};
use super::trial::Trial;
use crate::workspace;

/// Who is who in the demonstration.
pub(super) fn opening(version: &str) {
    println!(
        "This runs a real nginx ({version}) on loopback ports, with small applications behind it, in directories of its\n\
         own. Your own nginx, if you have one, is not touched. Each change is made twice: by hand, as a script would do it\n\
         (`nginx -t`, `nginx -s reload`), and with `evenkeel apply`, while a visitor keeps asking for the pages.\n"
    );
}

/// Says what comes, before it takes its time.
pub(super) fn announce(entry: &Entry) {
    let kind = match &entry.expect.outage {
        None => "A good change".to_owned(),
        Some(outage) => format!("Outage {}", outage.name),
    };
    println!("{kind}: {}", entry.expect.title);
    println!("  the change      {}", entry.expect.changed);
    let _ = std::io::stdout().flush();
}

/// Says how it went.
pub(super) fn story(entry: &Entry, trial: &Trial) {
    let expect = &entry.expect;
    let check = if expect.alone.check_accepts { "accepts it" } else { "refuses it" };
    println!("  by hand         nginx -t {check}; {}", expect.alone.then);
    let seconds = seconds(trial.took);
    match &expect.outage {
        None => {
            let release = trial.answer.release.as_deref().unwrap_or_default();
            println!("  evenkeel apply  {} as {release} after {seconds}", trial.answer.outcome);
        }
        Some(outage) => {
            println!("  evenkeel apply  {} after {seconds}", trial.answer.outcome);
            println!("  caught by       {}", in_plain_words(caught_by(trial)));
            println!("                  {}", reason(trial));
            println!("  the real one    lasted {}, for {}", duration(outage), outage.who);
        }
    }
    println!("  the visitor     {}", visitor(trial));
    if let Some(path) = &trial.postmortem {
        let path = path.strip_prefix(workspace()).unwrap_or(path);
        println!("  post-mortem     {}", path.display());
    }
    println!();
}

/// Case × what caught it × seconds × how long the real outage took.
pub(super) fn table(rows: &[(&Entry, Trial)]) {
    let heading =
        ["case", "nginx -t", "evenkeel", "caught by", "seconds", "wrong answers", "the real outage"];
    let mut cells = vec![heading.map(str::to_owned)];
    for (entry, trial) in rows {
        cells.push([
            entry.name.clone(),
            if entry.expect.alone.check_accepts { "accepts" } else { "refuses" }.to_owned(),
            trial.answer.outcome.clone(),
            if entry.is_good() { "–".to_owned() } else { caught_by(trial).to_owned() },
            format!("{:.1}", trial.took.as_secs_f64()),
            format!("{} of {}", trial.seen.wrong, trial.seen.asked),
            entry.expect.outage.as_ref().map_or_else(|| "–".to_owned(), duration),
        ]);
    }
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    for row in &cells {
        let padded =
            row.iter().enumerate().map(|(column, cell)| format!("{cell:width$}", width = width(column)));
        println!("{}", padded.collect::<Vec<_>>().join("  ").trim_end());
    }
}

fn caught_by(trial: &Trial) -> &str {
    trial.answer.caught_by.as_deref().unwrap_or("nobody")
}

/// The reason, without the name of who caught it in front.
fn reason(trial: &Trial) -> &str {
    let reason = trial.answer.reason.as_deref().unwrap_or_default();
    reason.strip_prefix(&format!("{}: ", caught_by(trial))).unwrap_or(reason)
}

/// The name of who caught it, for somebody who hears the word for the first time.
fn in_plain_words(caught_by: &str) -> &str {
    match caught_by {
        "check" => "the check of its text",
        "preflight" => "`nginx -t` by the running binary, with the tree in its place",
        "compare-and-swap" => "the comparison with what was live",
        "what-is-read" => "the comparison of what nginx reads with what was written",
        "proof" => "the proof that new workers serve it",
        "observation" => "the live routes, asked after the switch",
        other => other,
    }
}

fn visitor(trial: &Trial) -> String {
    let seen = trial.seen;
    match seen.wrong {
        0 => format!("asked {} times and always got the right answer", seen.asked),
        wrong => format!("got {wrong} wrong answers of {}, within {}", seen.asked, seconds(seen.wrong_for)),
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn duration(outage: &Outage) -> String {
    match (outage.minutes / 60, outage.minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
