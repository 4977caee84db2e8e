//! Two configurations: every pair of answers that differ is listed, each with a string that shows it.

use std::collections::{BTreeSet, HashMap};

use super::random::{choice_of_map, host, map, server, servers, uri};
use super::{Dice, budget, choice, config, locations, told};
use crate::language::Formula;
use crate::route::Router;
use crate::{Choice, Chosen, Config, NodeId, pairs};

/// Rules that are called the same are each other's counterpart, the n-th of a name the n-th.
fn same(
    old: (&Config, &Choice),
    new: (&Config, &Choice),
    of: fn(&Config, NodeId) -> String,
) -> impl Fn(NodeId, NodeId) -> bool + use<> {
    let names = |(config, choice): (&Config, &Choice)| {
        let mut seen: HashMap<String, usize> = HashMap::new();
        let named = choice.rules().into_iter().map(|rule| {
            let name = of(config, rule);
            let nth = seen.entry(name.clone()).or_insert(0);
            *nth += 1;
            (rule, (name, *nth))
        });
        named.collect::<HashMap<_, _>>()
    };
    let (old_names, new_names) = (names(old), names(new));
    move |x, y| old_names.get(&x) == new_names.get(&y)
}

/// What is called what; a location by its text.
fn by_name(config: &Config, node: NodeId) -> String {
    super::name(config, node)
}

type Told = BTreeSet<(String, String)>;

/// All pairs that are listed, and whether each string shows its pair.
fn listed(
    old: &Config,
    before: &Choice,
    new: &Config,
    after: &Choice,
    counterpart: &dyn Fn(NodeId, NodeId) -> bool,
) -> Told {
    let found = pairs(before, after, counterpart, &Formula::All(Vec::new()), &mut budget());
    assert_eq!(found.incomplete, Vec::<String>::new());
    let tell = |(x, y, string): &(Chosen, Chosen, Vec<u8>)| {
        assert_eq!((before.choose(string), after.choose(string)), (*x, *y));
        (told(old, *x), told(new, *y))
    };
    found.pairs.iter().map(tell).collect()
}

fn check(old: &str, new: &str, expected: &[(&str, &str)]) {
    let (old, new) = (locations(old), locations(new));
    let (before, after) = (choice(&old), choice(&new));
    let counterpart = same((&old, &before), (&new, &after), by_name);
    let expected: Told = expected.iter().map(|(x, y)| ((*x).to_owned(), (*y).to_owned())).collect();
    assert_eq!(listed(&old, &before, &new, &after, &counterpart), expected);
}

#[test]
fn what_cancels_is_not_listed() {
    check("location /a { }\nlocation ~ b { }", "location ~ b { }\nlocation /a { }", &[]);
    check("location ~ ^/a { }\nlocation ~ ^/b { }", "location ~ ^/b { }\nlocation ~ ^/a { }", &[]);
}

#[test]
fn swapped_regexes_differ_where_both_match() {
    check(
        "location ~ a { }\nlocation ~ b { }\nlocation ~ ^/c { }",
        "location ~ b { }\nlocation ~ a { }\nlocation ~ ^/c { }",
        &[("~ a", "~ b")],
    );
}

#[test]
fn plain_prefix_below_a_marked_one_opens_the_regexes() {
    check(
        "location ^~ /a { }\nlocation ~ x$ { }\nlocation ~ ^/b { }",
        "location ^~ /a { }\nlocation /a/b { }\nlocation ~ x$ { }\nlocation ~ ^/b { }",
        &[("^~ /a", "/a/b"), ("^~ /a", "~ x$")],
    );
}

#[test]
fn prefix_that_goes_leaves_its_strings_to_the_one_around_it_and_to_regexes() {
    check(
        "location / { }\nlocation ^~ /a { location ~ c { } }\nlocation ~ b { }",
        "location / { }\nlocation ~ b { }",
        &[("^~ /a", "/"), ("^~ /a", "~ b"), ("~ c", "/"), ("~ c", "~ b")],
    );
}

#[test]
fn new_first_regex_takes_from_all_that_it_meets() {
    check(
        "location / { }\nlocation ^~ /s { }\nlocation = /x.php { }\nlocation ~ y { }",
        "location / { }\nlocation ^~ /s { }\nlocation = /x.php { }\nlocation ~ \\.php$ { }\nlocation ~ y { }",
        &[("/", "~ \\.php$"), ("~ y", "~ \\.php$"), ("-", "~ \\.php$")],
    );
}

#[test]
fn redirect_of_the_last_slash_comes_and_goes_with_its_pass() {
    let plain = "location /x/ { }\nlocation / { }";
    let pass = "location /x/ { proxy_pass http://127.0.0.1; }\nlocation / { }";
    check(plain, pass, &[("/", "301 /x/")]);
    check(pass, plain, &[("301 /x/", "/")]);
}

#[test]
fn regex_edited_in_its_place_gives_and_takes_only_the_difference() {
    let (old, new) =
        (locations("location ~ ^/a$ { }\nlocation / { }"), locations("location ~* ^/a$ { }\nlocation / { }"));
    let (before, after) = (choice(&old), choice(&new));
    let rules = (before.rules(), after.rules());
    let counterpart = |x: NodeId, y: NodeId| {
        rules.0.iter().position(|&rule| rule == x) == rules.1.iter().position(|&rule| rule == y)
    };
    let expected: Told = [("/".to_owned(), "~* ^/a$".to_owned())].into();
    assert_eq!(listed(&old, &before, &new, &after, &counterpart), expected);
}

/// Another list that is like the first, but for a few edits.
fn edited(dice: &mut Dice, lines: &[String], other: &[String]) -> Vec<String> {
    let mut lines = lines.to_vec();
    for _ in 0..1 + dice.below(2) {
        // Whole blocks only: from a line that opens to the one that closes it.
        let opens: Vec<usize> = (0..lines.len()).filter(|&at| is_open(&lines[at])).collect();
        let from = opens.get(dice.below(opens.len().max(1))).copied().unwrap_or(0);
        let to = end(&lines, from);
        match dice.below(4) {
            0 => {
                lines.drain(from..to);
            }
            1 => {
                let block: Vec<String> = lines.drain(from..to).collect();
                lines.extend(block);
            }
            2 if !lines.is_empty() => {
                lines[from] = match lines[from].clone() {
                    line if line.contains("^~ ") => line.replace("^~ ", ""),
                    line if line.contains("~* ") => line.replace("~* ", "~ "),
                    line if line.contains("~ ") => line.replace("~ ", "~* "),
                    line if line.contains("= ") => line,
                    line => line.replace("location ", "location ^~ "),
                };
            }
            _ => {
                let opens: Vec<usize> = (0..other.len()).filter(|&at| is_open(&other[at])).collect();
                if let Some(&from) = opens.get(dice.below(opens.len().max(1))) {
                    let at = if dice.chance(50) { 0 } else { lines.len() };
                    let block = other[from..end(other, from)].to_vec();
                    lines.splice(at..at, block);
                }
            }
        }
    }
    lines
}

fn is_open(line: &str) -> bool {
    !line.starts_with('}')
}

fn end(lines: &[String], from: usize) -> usize {
    let mut depth = 0;
    for (at, line) in lines.iter().enumerate().skip(from) {
        match line.as_str() {
            "}" => depth -= 1,
            line if line.contains('{') && !line.contains('}') => depth += 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    lines.len()
}

/// Whether every pair that strings show is among those listed.
fn complete(
    old: (&Config, &Choice),
    new: (&Config, &Choice),
    of: fn(&Config, NodeId) -> String,
    strings: &[Vec<u8>],
) -> usize {
    let counterpart = same(old, new, of);
    let found = pairs(old.1, new.1, &counterpart, &Formula::All(Vec::new()), &mut budget());
    assert_eq!(found.incomplete, Vec::<String>::new());
    for (x, y, string) in &found.pairs {
        assert_eq!((old.1.choose(string), new.1.choose(string)), (*x, *y));
    }
    let listed: BTreeSet<(Chosen, Chosen)> = found.pairs.iter().map(|(x, y, _)| (*x, *y)).collect();
    assert_eq!(listed.len(), found.pairs.len(), "no pair twice");
    for string in strings {
        let (x, y) = (old.1.choose(string), new.1.choose(string));
        let alike = match (x, y) {
            (Chosen::Nothing, Chosen::Nothing) => true,
            (Chosen::Rule(x), Chosen::Rule(y)) | (Chosen::Redirect(x), Chosen::Redirect(y)) => {
                counterpart(x, y)
            }
            _ => false,
        };
        assert_eq!(
            !alike,
            listed.contains(&(x, y)),
            "{} {} {}",
            string.escape_ascii(),
            told(old.0, x),
            told(new.0, y)
        );
    }
    found.pairs.len()
}

#[test]
fn no_uri_differs_in_a_way_that_is_not_listed() {
    let mut differences = 0;
    for seed in 1..=120 {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let (lines, other) = (server(&mut dice), server(&mut dice));
        let after = if dice.chance(10) { other.clone() } else { edited(&mut dice, &lines, &other) };
        let (old, new) = (locations(&lines.join("\n")), locations(&after.join("\n")));
        let (before, after) = (choice(&old), choice(&new));
        let uris: Vec<Vec<u8>> = (0..1_000).map(|_| uri(&mut dice)).collect();
        differences += complete((&old, &before), (&new, &after), by_name, &uris);
    }
    assert!(differences > 200, "{differences}");
}

#[test]
fn no_host_differs_in_a_way_that_is_not_listed() {
    // A server is known by its place among them, so that its names may change.
    let by_names = |config: &Config, node: NodeId| {
        let names = config.node(node).find("server_name").flat_map(|names| names.args().map(<[u8]>::to_vec));
        String::from_utf8_lossy(&names.take(1).collect::<Vec<_>>().concat()).into_owned()
    };
    for seed in 1..=60 {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let (lines, other) = (servers(&mut dice), servers(&mut dice));
        let mut after = edited(&mut dice, &lines, &other);
        if after.is_empty() {
            after = other;
        }
        let (old, new) = (config(&lines.join("\n")), config(&after.join("\n")));
        let (before, after) =
            (Choice::of_names(&Router::new(&old), 0), Choice::of_names(&Router::new(&new), 0));
        let hosts: Vec<Vec<u8>> = (0..1_000).map(|_| host(&mut dice)).collect();
        complete((&old, &before), (&new, &after), by_names, &hosts);
    }
}

#[test]
fn no_key_differs_in_a_way_that_is_not_listed() {
    for seed in 1..=60 {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let text = |lines: Vec<String>| format!("map $host $x {{\n{}\n}}", lines.join("\n"));
        let lines = map(&mut dice);
        let mut after = lines.clone();
        match dice.below(3) {
            0 => after = map(&mut dice),
            1 => after.reverse(),
            _ => {
                after.remove(dice.below(lines.len()));
            }
        }
        let (old, new) = (config(&text(lines)), config(&text(after)));
        let (before, after) = (choice_of_map(&old), choice_of_map(&new));
        let keys: Vec<Vec<u8>> = (0..1_000)
            .map(|_| {
                let mut key = host(&mut dice);
                if dice.chance(30) {
                    key.make_ascii_uppercase();
                }
                if dice.chance(20) {
                    key.push(b'.');
                }
                key
            })
            .collect();
        complete((&old, &before), (&new, &after), by_name, &keys);
    }
}
