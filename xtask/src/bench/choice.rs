//! `bench choice`: how long it takes to say of every rule of a large server what gets it, and what one edit changes.
//!
//! No process is measured here: the time is that of this one, on its own processor time, so that a busy machine hurts less.

use std::path::Path;

use anyhow::{Context as _, bail};
use evenkeel_model::{
    Answer, Budget, Choice, Config, Files, Formula, Language, LocationKind, NodeId, Router, Settings, Sought,
    Want, Wants, load, pairs,
};
use nix::sys::resource::{UsageWho, getrusage};

use crate::workspace;

/// How often each figure is taken.
const RUNS: usize = 7;
/// More than any of these needs.
const BUDGET: u64 = 1_000_000_000;
const WORDS: [&str; 10] = ["img", "auth", "help", "api", "static", "user", "cart", "blog", "news", "pay"];
const ENDS: [&str; 6] = ["php", "html", "jpe?g|png|gif", "css|js", "json", "xml"];

/// What is done to the lines of a server.
type Edit<'l> = Box<dyn Fn(&mut Vec<String>) + 'l>;

/// Prints both tables.
pub(super) fn run() -> anyhow::Result<()> {
    println!(
        "\n| locations of a server | a string for each ms, best of {RUNS} | limit ms | with automata made before ms | live | dead | \
         undecided |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    let real = real_regexes()?;
    let lists = [
        ("1,001 texts, 200 regexes", "100", server(1_000, &regexes(200))),
        ("6,001 texts, 1,000 regexes", "", server(6_000, &regexes(1_000))),
        ("10,001 texts, 20 regexes", "", server(10_000, &regexes(20))),
        ("60 real regexes", "10", server(0, &real[..60])),
        (&*format!("{} real regexes", real.len()), "100", server(0, &real)),
    ];
    for (what, limit, text) in &lists {
        let (mut times, mut again) = (Vec::new(), Vec::new());
        let mut counts = [0; 3];
        for _ in 0..RUNS {
            let config = config(text)?;
            let start = used_ms()?;
            let router = Router::new(&config);
            let live_of = || {
                let choice = Choice::of_locations(&router, 0);
                choice.live(&Formula::In(Language::normalized_uri(true)), &mut Budget(BUDGET))
            };
            let live = live_of();
            times.push(used_ms()? - start);
            let start = used_ms()?;
            live_of();
            again.push(used_ms()? - start);
            counts = [0; 3];
            for (_, sought) in live {
                counts[match sought {
                    Sought::Found { .. } => 0,
                    Sought::Shadowed(_) => 1,
                    Sought::Undecided(_) => 2,
                }] += 1;
            }
        }
        let [live, dead, undecided] = counts;
        let (time, again) = (best(&times), best(&again));
        println!("| {what} | {time:.1} | {limit} | {again:.1} | {live} | {dead} | {undecided} |");
    }
    edits()
}

fn edits() -> anyhow::Result<()> {
    println!("\n| edit of 1,001 texts and 200 regexes | all pairs ms, best of {RUNS} | pairs |");
    println!("|---|---:|---:|");
    let before = server(1_000, &regexes(200));
    let lines: Vec<&str> = before.lines().collect();
    let regex = |nth: usize| lines.iter().position(|line| line.contains('~')).unwrap_or(0) + nth;
    let edits: [(&str, Edit<'_>); 7] = [
        ("none", Box::new(|_| {})),
        ("two regexes change places", Box::new(|lines| lines.swap(regex(10), regex(150)))),
        ("a text goes", Box::new(|lines| drop(lines.remove(500)))),
        (
            "a text comes below `^~`",
            Box::new(|lines| lines.insert(1, "location /img0/new/ { return 204; }".to_owned())),
        ),
        (
            r"`\.php$` comes first",
            Box::new(|lines| lines.insert(1, r"location ~ \.php$ { return 204; }".to_owned())),
        ),
        ("`~` becomes `~*`", Box::new(|lines| lines[regex(0)] = lines[regex(0)].replace("~ ", "~* "))),
        ("an unanchored regex goes", Box::new(|lines| drop(lines.remove(regex(2))))),
    ];
    for (what, edit) in edits {
        let mut after: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        edit(&mut after);
        let (old, new) = (config(&before)?, config(&after.join("\n"))?);
        let mut times = Vec::new();
        let mut count = 0;
        for _ in 0..RUNS {
            let start = used_ms()?;
            let old_router = Router::new(&old);
            let new_router = Router::new(&new).beside(&old_router);
            let (x, y) = (Choice::of_locations(&old_router, 0), Choice::of_locations(&new_router, 0));
            let named = (names(&old), names(&new));
            let same = |x: NodeId, y: NodeId| named.0.get(&x) == named.1.get(&y);
            let also = Formula::In(Language::normalized_uri(true));
            let found = pairs(&x, &y, &same, &also, &mut Budget(BUDGET));
            times.push(used_ms()? - start);
            if !found.incomplete.is_empty() {
                bail!("{what}: {:?}", found.incomplete);
            }
            count = found.pairs.len();
        }
        println!("| {what} | {:.1} | {count} |", best(&times));
    }
    Ok(())
}

/// The arguments of every location, without what an edit of a mark changes.
fn names(config: &Config) -> std::collections::HashMap<NodeId, Vec<u8>> {
    let locations = config.servers()[0].locations.iter();
    let name = |location: &evenkeel_model::Location| match location.kind {
        LocationKind::Regex { .. } => [b"~", &location.pattern[..]].concat(),
        _ => location.pattern.clone(),
    };
    locations.map(|location| (location.node, name(location))).collect()
}

fn server(texts: usize, regexes: &[String]) -> String {
    let mut lines = vec!["server { listen 80;".to_owned()];
    for nth in 0..texts {
        let (word, other) = (WORDS[nth % 10], WORDS[nth / 10 % 10]);
        let mark = if nth % 10 == 0 { "^~ " } else { "" };
        let deeper = if nth % 3 == 2 { format!("{other}{}/", nth % 7) } else { String::new() };
        lines.push(format!("location {mark}/{word}{}/{deeper} {{ return 204; }}", nth / 10));
    }
    lines.push("location / { return 204; }".to_owned());
    for regex in regexes {
        let regex = regex.replace('\\', "\\\\").replace('"', "\\\"");
        lines.push(format!("location ~ \"{regex}\" {{ return 204; }}"));
    }
    lines.push("}".to_owned());
    lines.join("\n")
}

fn regexes(count: usize) -> Vec<String> {
    let regex = |nth: usize| {
        let (word, end, number) = (WORDS[nth % 10], ENDS[nth % 6], nth / 6);
        match nth % 5 {
            0 => format!(r"^/{word}{number}/.*\.({end})$"),
            1 => format!(r"^/{word}{number}(/|$)"),
            2 => format!(r"/{word}{number}/"),
            3 => format!(r"{word}{number}.*\.({end})$"),
            _ => format!(r"^/[a-z]+{number}/{word}/[0-9]+\.({end})$"),
        }
    };
    (0..count).map(regex).collect()
}

/// The distinct regexes of real `location`s that PCRE takes.
fn real_regexes() -> anyhow::Result<Vec<String>> {
    let path = workspace().join("crates/model/data/nginx-regexes.json");
    let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let all: Vec<(String, String)> = serde_json::from_str(&text).context("read the regexes")?;
    let mut seen = std::collections::HashSet::new();
    let is_location = |(kind, regex): &(String, String)| kind == "location" && seen.insert(regex.clone());
    let all: Vec<(String, String)> = all.into_iter().filter(is_location).collect();
    Ok(all.into_iter().map(|(_, regex)| regex).filter(|regex| !regex.contains(['\n', '\0'])).collect())
}

fn config(http: &str) -> anyhow::Result<Config> {
    let text = format!("events {{}} http {{\n{http}\n}}");
    let main = b"/nginx.conf";
    let settings = Settings::new(*main);
    let mut files = Files::new();
    for _ in 0..10 {
        match load(&settings, &mut files) {
            Ok(config) => return Ok(config),
            Err(Wants(wants)) => wants.into_iter().for_each(|want| {
                let answer = match &want {
                    Want::Bytes(path) if path == main => Answer::Bytes(text.as_bytes().into()),
                    _ => Answer::Absent,
                };
                files.supply(want, answer);
            }),
        }
    }
    bail!("load {}", Path::new("/nginx.conf").display())
}

/// The processor time of this process.
fn used_ms() -> anyhow::Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).context("read what it used")?;
    let time = usage.user_time() + usage.system_time();
    let (seconds, rest) = (u32::try_from(time.tv_sec())?, u32::try_from(time.tv_usec())?);
    Ok(f64::from(seconds) * 1_000.0 + f64::from(rest) / 1_000.0)
}

/// What it takes when nothing else is in the way.
fn best(figures: &[f64]) -> f64 {
    figures.iter().copied().fold(f64::INFINITY, f64::min)
}
