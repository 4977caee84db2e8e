//! What the gallery prints: a table, and for the demonstration a story in plain words.

use std::io::Write as _;
use std::time::Duration;

use super::entry::Entry;
use super::expect::Outage;
use super::floors::{FLOORS, Heard, is_there};
use super::trial::Trial;
use super::visitor::Seen;
use crate::workspace;

/// Who is who in the demonstration.
pub(super) fn opening(version: &str) {
    println!(
        "This runs a real nginx ({version}) on loopback ports or in a network of its own, with small applications behind it,\n\
         in directories of its own. Your own nginx, if you have one, is not touched. Each change is made twice: by hand, as\n\
         a script would do it (`nginx -t`, `nginx -s reload`), and with Evenkeel, while a visitor keeps asking.\n"
    );
}

/// Says what comes, before it takes its time.
pub(super) fn announce(entry: &Entry) {
    let kind = match &entry.expect.outage {
        None => "A good change".to_owned(),
        Some(outage) => format!("Outage {}", outage.name),
    };
    println!("{kind}: {}", entry.expect.title);
    println!("  the change         {}", entry.expect.changed);
    let _ = std::io::stdout().flush();
}

/// Says how it went.
pub(super) fn story(entry: &Entry, trial: &Trial) {
    let expect = &entry.expect;
    let check = if expect.alone.check_accepts { "accepts it" } else { "refuses it" };
    line("by hand", &format!("nginx -t {check}; {}", expect.alone.then));
    // A rehearsal says the same to `apply`.
    let told_below = |floor: &str| floor == "rehearse" && caught_by(trial) == "rehearsal";
    for (floor, says) in expect.floors.iter().filter(|(floor, _)| !told_below(floor)) {
        if let Some(Heard::Caught(said)) = trial.floors.get(floor) {
            let command = if floor == "init" { "the first routes" } else { &format!("evenkeel {floor}") };
            line(command, said.lines().find(|line| line.contains(says)).unwrap_or(says).trim());
        }
    }
    let seconds = seconds(trial.took);
    let flags = expect.apply.iter().map(|flag| format!(" ({flag})")).collect::<String>();
    match &expect.outage {
        Some(outage) => {
            line("evenkeel apply", &format!("{} after {seconds}{flags}", trial.answer.outcome));
            if trial.answer.caught_by.is_some() {
                line("caught by", in_plain_words(caught_by(trial)));
                line("", reason(trial));
            }
            if let Some(duration) = duration(outage) {
                line("the real one", &format!("lasted {duration}, for {}", outage.who));
            }
        }
        None => {
            let release = trial.answer.release.as_deref().unwrap_or_default();
            line("evenkeel apply", &format!("{} as {release} after {seconds}", trial.answer.outcome));
        }
    }
    if trial.floors.contains_key("status") {
        line(
            "evenkeel rollback",
            "made the tree what was released, after it had been changed behind its back",
        );
    }
    line("the visitor", &visitor(trial.seen));
    if let Some(path) = &trial.postmortem {
        line("post-mortem", &path.strip_prefix(workspace()).unwrap_or(path).display().to_string());
    }
    for act in &trial.acts {
        println!("\n  From end to end, {}:", act.name);
        for (what, said) in &act.told {
            println!("    {what}{}", if said.is_empty() { "" } else { ":" });
            if !said.is_empty() {
                println!("      {said}");
            }
        }
        match &act.skipped {
            Some(why) => println!("    not played here: {why}"),
            None => println!("    the visitor {}", visitor(act.seen)),
        }
    }
    println!();
}

fn line(what: &str, said: &str) {
    println!("  {what:<18} {said}");
}

/// Case × floor that catches it, then how `apply` ends, what visitors noticed of it, and how long the real outage took.
pub(super) fn table(rows: &[(&Entry, Trial)]) {
    let mut heading = vec!["case", "nginx -t"];
    heading.extend(FLOORS.iter().filter(|floor| is_there(floor)));
    heading.extend(["apply", "seconds", "wrong answers", "the real outage", "to come"]);
    let mut cells = vec![heading.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>()];
    for (entry, trial) in rows {
        let mut row = vec![entry.name.clone()];
        row.push(if entry.expect.alone.check_accepts { "·" } else { "catches" }.to_owned());
        for floor in FLOORS.iter().filter(|floor| is_there(floor)) {
            row.push(match trial.floors.get(*floor) {
                Some(Heard::Caught(_)) => "catches".to_owned(),
                Some(Heard::Silent) => "·".to_owned(),
                None => String::new(),
            });
        }
        row.push(match &trial.answer.caught_by {
            Some(by) => format!("{} by {by}", trial.answer.outcome),
            None => trial.answer.outcome.clone(),
        });
        row.push(format!("{:.1}", trial.took.as_secs_f64()));
        row.push(match trial.seen.asked {
            0 => "–".to_owned(),
            asked => format!("{} of {asked}", trial.seen.wrong),
        });
        row.push(entry.expect.outage.as_ref().and_then(duration).unwrap_or_else(|| "–".to_owned()));
        row.push(entry.expect.to_come.keys().cloned().collect::<Vec<_>>().join(", "));
        cells.push(row);
    }
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    for row in &cells {
        let padded =
            row.iter().enumerate().map(|(column, cell)| format!("{cell:width$}", width = width(column)));
        println!("{}", padded.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// Who catches how many, and whom nobody catches before users do.
pub(super) fn summary(rows: &[(&Entry, Trial)]) {
    let outages: Vec<_> = rows.iter().filter(|(entry, _)| !entry.is_good()).collect();
    let count = |caught: &dyn Fn(&Entry, &Trial) -> bool| {
        outages.iter().filter(|(entry, trial)| caught(entry, trial)).count()
    };
    let by_nginx = count(&|entry, _| !entry.expect.alone.check_accepts);
    let before_the_switch = count(&|entry, trial| is_caught_before(entry, trial));
    let taken_back =
        count(&|entry, trial| !is_caught_before(entry, trial) && trial.answer.caught_by.is_some());
    println!(
        "\nOf {} outages, nginx -t catches {by_nginx}; {before_the_switch} are caught before the switch, {taken_back} more are \
         taken back after it.",
        outages.len()
    );
    for (entry, trial) in &outages {
        if !is_caught_before(entry, trial) && trial.answer.caught_by.is_none() {
            let who: Vec<_> = entry.expect.to_come.iter().map(|(who, how)| format!("{who}: {how}")).collect();
            println!("Nobody catches {}. To come: {}", entry.name, who.join("; "));
        }
    }
    for (entry, trial) in &outages {
        for (floor, heard) in &trial.floors {
            if matches!(heard, Heard::Caught(_)) && !entry.expect.floors.contains_key(floor) {
                println!("{floor} catches {}, too; its expect.toml does not say so.", entry.name);
            }
        }
    }
}

/// Which outages were played from end to end, and how long users were without the right answer in each act.
pub(super) fn acts(rows: &[(&Entry, Trial)]) {
    for (entry, trial) in rows {
        for act in &trial.acts {
            let name = entry.expect.outage.as_ref().map_or("", |outage| outage.name.as_str());
            match &act.skipped {
                Some(why) => println!("{name} from end to end, {}: not played here: {why}", act.name),
                None => println!(
                    "{name} from end to end, {}: as told, in {}; the visitor {}",
                    act.name,
                    seconds(act.took),
                    visitor(act.seen)
                ),
            }
        }
    }
}

/// What everybody who caught it said, in full.
pub(super) fn words(rows: &[(&Entry, Trial)]) {
    for (entry, trial) in rows {
        for (floor, heard) in &trial.floors {
            if let Heard::Caught(said) = heard {
                println!("\n{}, {floor}:\n{said}", entry.name);
            }
        }
        println!("\n{}, apply: {} {}", entry.name, trial.answer.outcome, reason(trial));
    }
}

fn is_caught_before(entry: &Entry, trial: &Trial) -> bool {
    !entry.expect.alone.check_accepts
        || trial.answer.outcome == "refused"
        || trial.floors.values().any(|heard| matches!(heard, Heard::Caught(_)))
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
        "rehearsal" => "the rehearsal, under a real nginx in a sandbox, before anything was live",
        "compare-and-swap" => "the comparison with what was live",
        "what-is-read" => "the comparison of what nginx reads with what was written",
        "proof" => "the proof that new workers serve it",
        "observation" => "the live routes, asked after the switch",
        other => other,
    }
}

fn visitor(seen: Seen) -> String {
    match seen.wrong {
        0 => format!("asked {} times and always got the right answer", seen.asked),
        wrong => format!("got {wrong} wrong answers of {}, within {}", seen.asked, seconds(seen.wrong_for)),
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn duration(outage: &Outage) -> Option<String> {
    let minutes = outage.minutes?;
    Some(match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    })
}
