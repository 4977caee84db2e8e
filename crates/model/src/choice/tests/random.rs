//! Random servers, names and maps: what is said of every rule, against thousands of strings that ask the rules.

use std::collections::{BTreeMap, HashSet};

use super::{Dice, budget, config, told};
use crate::language::Formula;
use crate::route::Router;
use crate::{Choice, Chosen, Config, Sought};

const REGEXES: &[&str] = &[
    "~ ^/a",
    "~ ^/a/b",
    "~ b$",
    "~* B$",
    "~ \\.php$",
    "~* \\.(php|html?)$",
    "~ ^/(a|b)/",
    "~ ^/a(.*)$",
    "~ ^/[^/]+$",
    "~ a.*b",
    "~* ^/A/[a-z]$",
    "~ ^/a/?$",
    "~ /(x|ab)+/",
    "~ ^/(?!a)",
    "~ c",
    "~ ^/b$",
    "~ .",
];

const SEGMENTS: &[&str] = &["a", "b", "ab", "x", "c", "a/", "/", "b/", "A", ".php", "1"];

/// The locations of a server, at most three deep.
pub(super) fn server(dice: &mut Dice) -> Vec<String> {
    let mut lines = Vec::new();
    level(dice, "/", 0, &mut lines);
    lines
}

fn level(dice: &mut Dice, around: &str, depth: usize, lines: &mut Vec<String>) {
    let mut seen = HashSet::new();
    let count = if depth == 0 { 2 + dice.below(7) } else { dice.below(4) };
    for _ in 0..count {
        let is_regex = dice.chance(40);
        let mut text = String::from(around);
        for _ in 0..dice.below(3) {
            text.push_str(dice.one(SEGMENTS));
        }
        let text = text.replace("//", "/");
        let head = if is_regex {
            dice.one(REGEXES).to_owned()
        } else {
            format!("{}{text}", dice.one(&["", "", "^~ ", "= "]))
        };
        let place =
            if head.starts_with('=') { head.clone() } else { head.trim_start_matches("^~ ").to_owned() };
        if !seen.insert(place) {
            continue;
        }
        let pass = if dice.chance(25) { "proxy_pass http://127.0.0.1;" } else { "" };
        lines.push(format!("location {head} {{ {pass}"));
        if depth < 2 && !head.starts_with('=') && dice.chance(40) {
            let inner = if is_regex { around } else { &text };
            level(dice, inner, depth + 1, lines);
        }
        lines.push("}".to_owned());
    }
}

pub(super) fn uri(dice: &mut Dice) -> Vec<u8> {
    let mut uri = vec![b'/'];
    for _ in 0..dice.below(5) {
        uri.extend_from_slice(dice.one(SEGMENTS).as_bytes());
    }
    if dice.chance(5) {
        uri.push(b'\n');
    }
    if dice.chance(3) {
        uri.extend_from_slice(b"\n/b");
    }
    uri
}

pub(super) fn host(dice: &mut Dice) -> Vec<u8> {
    let count = dice.below(4);
    let parts: Vec<&str> = (0..count).map(|_| dice.one(&["a", "b", "c", "www", "x1"])).collect();
    parts.join(".").into_bytes()
}

fn key(dice: &mut Dice) -> Vec<u8> {
    let mut key = host(dice);
    if dice.chance(30) {
        key.make_ascii_uppercase();
    }
    if dice.chance(20) {
        key.push(b'.');
    }
    key
}

/// Whether what the choice says of all its answers holds for what `strings` get.
fn check(config: &Config, choice: &Choice, strings: &[Vec<u8>]) {
    let mut seen: BTreeMap<Chosen, &[u8]> = BTreeMap::new();
    for string in strings {
        let odd = string.iter().any(u8::is_ascii_control);
        let entry = seen.entry(choice.choose(string)).or_insert(string);
        if !odd {
            *entry = string;
        }
    }
    let answers = choice.answers();
    let found = choice.each(&answers, &Formula::All(Vec::new()), &mut budget());
    let mut live = 0;
    for (&answer, sought) in answers.iter().zip(&found) {
        match sought {
            Sought::Found { string, only_odd } => {
                live += 1;
                assert_eq!(choice.choose(string), answer, "{}", told(config, answer));
                if *only_odd {
                    let seen = seen.get(&answer);
                    let is_odd = |string: &&&[u8]| string.iter().any(u8::is_ascii_control);
                    assert_eq!(seen.filter(|seen| !is_odd(seen)), None, "{}", told(config, answer));
                }
            }
            Sought::Shadowed(_) => {
                let seen = seen.get(&answer).map(|string| string.escape_ascii().to_string());
                assert_eq!(seen, None, "{} is said to be shadowed", told(config, answer));
            }
            Sought::Undecided(why) => panic!("{}: {why}", told(config, answer)),
        }
        // Alone it is the same answer as among all.
        let alone = choice.find(answer, &Formula::All(Vec::new()), &mut budget());
        assert_eq!(
            std::mem::discriminant(&alone),
            std::mem::discriminant(sought),
            "{}",
            told(config, answer)
        );
        if let Some(unfit) = choice.necessary(answer) {
            for string in strings.iter().take(300) {
                assert!(choice.choose(string) != answer || unfit.holds(string), "{}", told(config, answer));
            }
            for string in strings.iter().take(5) {
                let Some(excluded) = choice.excluded(answer, string) else { continue };
                assert!(excluded.holds(string));
                let taken = strings
                    .iter()
                    .take(300)
                    .find(|other| excluded.holds(other) && choice.choose(other) == answer);
                assert_eq!(taken, None, "{} {}", told(config, answer), string.escape_ascii());
            }
        }
    }
    assert!(live > 0);
}

#[test]
fn what_is_said_of_random_locations_holds_for_random_uris() {
    for seed in 1..=60 {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let lines = server(&mut dice);
        let config = config(&format!("server {{\n{}\n}}", lines.join("\n")));
        let choice = Choice::of_locations(&Router::new(&config), 0);
        let uris: Vec<Vec<u8>> = (0..1_000).map(|_| uri(&mut dice)).collect();
        check(&config, &choice, &uris);
    }
}

/// The servers of a socket, with names of every kind.
pub(super) fn servers(dice: &mut Dice) -> Vec<String> {
    const NAMES: &[&str] = &[
        "a.b",
        "b",
        "*.b",
        ".a.b",
        "*.a.b",
        "a.*",
        "www.a.*",
        "~^a",
        "~b$",
        "~^(www\\.)?[ab]",
        "~[AX]1",
        "\"\"",
        "_",
        "c",
        "www.c",
        ".c",
    ];
    let count = 1 + dice.below(5);
    (0..count)
        .map(|_| {
            let names: Vec<&str> = (0..dice.below(4)).map(|_| dice.one(NAMES)).collect();
            let names =
                if names.is_empty() { String::new() } else { format!("server_name {};", names.join(" ")) };
            format!("server {{ listen 80; {names} }}")
        })
        .collect()
}

#[test]
fn what_is_said_of_random_names_holds_for_random_hosts() {
    for seed in 1..=60 {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let config = config(&servers(&mut dice).join("\n"));
        let choice = Choice::of_names(&Router::new(&config), 0);
        let hosts: Vec<Vec<u8>> = (0..1_000).map(|_| host(&mut dice)).collect();
        check(&config, &choice, &hosts);
    }
}

/// A `map` with lines of every kind.
pub(super) fn map(dice: &mut Dice) -> Vec<String> {
    const KEYS: &[&str] = &[
        "a.b",
        "b",
        "*.b",
        ".a.b",
        "a.*",
        "~^a",
        "~*B$",
        "~^(www\\.)?[ab]",
        "~A",
        "\"\"",
        "c",
        "WWW.c",
        ".c",
        "\\default",
        "default",
    ];
    let mut lines = Vec::new();
    if dice.chance(50) {
        lines.push("hostnames;".to_owned());
    }
    let mut seen = HashSet::new();
    for _ in 0..2 + dice.below(7) {
        let key = dice.one(KEYS);
        if seen.insert(key) {
            lines.push(format!("{key} {};", dice.below(3)));
        }
    }
    lines
}

pub(super) fn choice_of_map(config: &Config) -> Choice {
    let node = config.named("map").next().unwrap().id();
    Choice::of_map(&Router::new(config), node).unwrap()
}

#[test]
fn what_is_said_of_random_maps_holds_for_random_keys() {
    for seed in 1..=60 {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let config = config(&format!("map $host $x {{\n{}\n}}", map(&mut dice).join("\n")));
        let choice = choice_of_map(&config);
        let keys: Vec<Vec<u8>> = (0..1_000).map(|_| key(&mut dice)).collect();
        check(&config, &choice, &keys);
    }
}
