//! Random rulesets, each loaded into a kernel and read back: what the verdict says against what clients see.

use std::time::{Duration, Instant};

use evenkeel_model::reach::{Client, DecidingRule, Dumps, Firewall, How, Target, Transport, Verdict};
use fastrand::Rng;

use super::generate;
use super::world::{self, CLIENTS, PORTS, Question, SERVERS, Saw, World};

/// How many questions each ruleset gets.
const QUESTIONS: usize = 6;
/// How long a client waits before it counts as unanswered; and again, when the verdict says otherwise.
const LIMIT: Duration = Duration::from_millis(40);
const SECOND_LIMIT: Duration = Duration::from_millis(600);
/// How often the kernel is asked again when it disagrees.
const AGAIN: usize = 3;

#[derive(Default, Debug)]
struct Counts {
    rulesets: usize,
    refused: usize,
    unread: usize,
    lines_refused: usize,
    reachable: usize,
    blocked: usize,
    unknown: usize,
    provided: usize,
    again: usize,
    rules_seen: usize,
    wrong: usize,
    wrong_rule: usize,
    wrong_how: usize,
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn verdict_is_what_the_kernel_does() {
    if std::env::var_os(world::INSIDE).is_some() {
        return play();
    }
    let worlds = number("EVENKEEL_FIREWALL_WORLDS", 2);
    let rulesets = number("EVENKEEL_FIREWALL_RULESETS", 300);
    let seed = number("EVENKEEL_SEED", 7);
    let environments: Vec<_> = (0..worlds)
        .map(|world| {
            let share = rulesets / worlds;
            vec![
                ("EVENKEEL_FIREWALL_RULESETS".to_owned(), share.to_string()),
                ("EVENKEEL_SEED".to_owned(), (seed.wrapping_mul(1000) + world).to_string()),
            ]
        })
        .collect();
    assert!(world::enter("play::verdict_is_what_the_kernel_does", &environments), "see above");
}

fn play() {
    let world = World::new();
    let rulesets = number("EVENKEEL_FIREWALL_RULESETS", 1);
    let mut rng = Rng::with_seed(number("EVENKEEL_SEED", 1) as u64);
    let mut counts = Counts::default();
    let begin = Instant::now();
    while counts.rulesets < rulesets {
        let seed = rng.u64(..);
        one(&world, &generate::ruleset(&mut Rng::with_seed(seed)), &mut Rng::with_seed(seed), &mut counts);
    }
    let unknown = counts.unknown as f64 * 100.0 / (counts.rulesets * QUESTIONS) as f64;
    eprintln!("{counts:#?}\n{unknown:.2} % unknown, {:.1} s", begin.elapsed().as_secs_f64());
    assert_eq!((counts.wrong, counts.wrong_rule, counts.wrong_how, counts.unread), (0, 0, 0, 0), "see above");
    assert!(unknown <= 5.0, "{unknown:.2} % unknown");
    assert!(counts.refused * 2 < counts.rulesets, "the generator writes what nft refuses");
}

/// Plays one ruleset.
fn one(world: &World, ruleset: &str, rng: &mut Rng, counts: &mut Counts) {
    let Some(load) = loaded(ruleset, counts) else { return };
    counts.rulesets += 1;
    let dump = world::run("nft", &["-j", "list", "ruleset"]);
    let words = world::run("nft", &["-t", "list", "ruleset"]);
    let firewall = match Firewall::read(&Dumps { nft: Some(&dump), words: Some(&words), ..Dumps::default() })
    {
        Ok(firewall) => firewall,
        Err(error) => {
            // nft itself may fail to print; what it prints must be read.
            eprintln!("UNREAD: {error}: {:?}\n{load}", String::from_utf8_lossy(&dump[..dump.len().min(80)]));
            counts.unread += 1;
            return;
        }
    };
    let questions: Vec<Question> = (0..QUESTIONS).map(|_| question(rng)).collect();
    let verdicts: Vec<Verdict> = questions.iter().map(|question| verdict(&firewall, *question)).collect();
    let saw = world.ask(&questions, LIMIT);
    for ((question, verdict), saw) in questions.iter().zip(&verdicts).zip(saw) {
        match verdict {
            Verdict::Reachable { provided } => {
                counts.reachable += 1;
                counts.provided += usize::from(!provided.is_empty());
            }
            Verdict::Blocked { .. } => counts.blocked += 1,
            Verdict::Unknown { because } => {
                counts.unknown += 1;
                if std::env::var_os("EVENKEEL_FIREWALL_UNKNOWN").is_some() {
                    eprintln!("unknown: {because}");
                }
                continue;
            }
        }
        let mut saw = saw;
        for _ in 0..AGAIN {
            if agrees(verdict, *question, &saw) {
                break;
            }
            counts.again += 1;
            world::feed("nft", &["-f", "-"], &load).unwrap();
            saw = world.ask(&[*question], SECOND_LIMIT).remove(0);
        }
        if !agrees(verdict, *question, &saw) {
            counts.wrong += 1;
            eprintln!("WRONG: {question:?}\n  the verdict is {verdict:?}\n  the client saw {saw:?}\n{load}");
        }
    }
    // One blocked question a ruleset is asked again alone, to see which rule counts it.
    let blocked = verdicts.iter().position(|verdict| matches!(verdict, Verdict::Blocked { .. }));
    if let Some(at) = blocked.filter(|_| rng.u32(0..100) < number("EVENKEEL_FIREWALL_COUNTED", 40) as u32) {
        named_rule(world, &load, questions[at], &verdicts[at], counts);
    }
}

/// Loads a ruleset; what nft or the kernel does not take is left out, a line at a time.
fn loaded(ruleset: &str, counts: &mut Counts) -> Option<String> {
    let mut load = format!("flush ruleset\n{ruleset}");
    for _ in 0..12 {
        let Err(said) = world::feed("nft", &["-f", "-"], &load) else { return Some(load) };
        let first = said.lines().next().unwrap_or_default();
        if std::env::var_os("EVENKEEL_FIREWALL_REFUSED").is_some() {
            let line = first.split(':').nth(1).and_then(|line| line.parse::<usize>().ok()).unwrap_or(1);
            eprintln!("refused: {first}: {}", load.lines().nth(line - 1).unwrap_or_default());
        }
        counts.lines_refused += 1;
        let line: usize = first.split(':').nth(1).and_then(|line| line.parse().ok())?;
        let mut lines: Vec<&str> = load.lines().collect();
        let is_rule = lines.get(line - 1).is_some_and(|line| {
            line.starts_with("\t\t")
                && !line.contains(" hook ")
                && !line.contains("elements =")
                && !line.starts_with("\t\ttype ")
        });
        if !is_rule {
            break;
        }
        lines.remove(line - 1);
        load = lines.join("\n") + "\n";
    }
    counts.refused += 1;
    None
}

fn question(rng: &mut Rng) -> Question {
    let from = CLIENTS[rng.usize(0..CLIENTS.len())];
    let servers: Vec<_> = SERVERS.iter().filter(|server| server.is_ipv4() == from.is_ipv4()).collect();
    let transport = if rng.u32(0..100) < 25 { Transport::Udp } else { Transport::Tcp };
    Question {
        from,
        to: *servers[rng.usize(0..servers.len())],
        port: PORTS[rng.usize(0..PORTS.len())],
        transport,
    }
}

pub(crate) fn verdict(firewall: &Firewall, question: Question) -> Verdict {
    let target = Target {
        address: Some(question.to),
        v6: question.to.is_ipv6(),
        everywhere: true,
        port: question.port,
        transport: question.transport,
    };
    firewall.verdict(&world::host(), &target, &Client { address: Some(question.from), interface: None })
}

pub(crate) fn agrees(verdict: &Verdict, question: Question, saw: &Saw) -> bool {
    let answered = matches!(saw, Saw::Answer(port) if *port == question.port.to_string());
    match verdict {
        Verdict::Reachable { .. } => answered,
        Verdict::Blocked { .. } => !answered,
        Verdict::Unknown { .. } => true,
    }
}

/// Asks one blocked question alone, and looks at the counters: the rule that is named must have counted.
fn named_rule(world: &World, load: &str, question: Question, verdict: &Verdict, counts: &mut Counts) {
    let Verdict::Blocked { rule, or, how } = verdict else { return };
    if !or.is_empty() || matches!(how, How::Elsewhere(_)) {
        return;
    }
    // Neighbours are looked for now and then (ICMPv6), which is counted too: what is wrong is wrong again.
    let mut right = false;
    let mut counted = Vec::new();
    for _ in 0..AGAIN {
        world::feed("nft", &["-f", "-"], load).unwrap();
        world.ask(&[question], LIMIT);
        counted = stopping(&world::run("nft", &["-j", "list", "ruleset"]));
        right = match rule.handle {
            // A rule that ends in a map's verdict counts every packet that asks the map.
            Some(_) => {
                let named = counted.iter().find(|one| one.is(rule));
                named.is_some_and(|one| one.packets > 0) || rule.text.starts_with("ct state vmap")
            }
            // A policy: no rule that stops anything has stopped anything.
            None => counted.iter().all(|one| one.packets == 0 || one.asks_more),
        };
        if right {
            break;
        }
    }
    counts.rules_seen += 1;
    if !right {
        counts.wrong_rule += 1;
        let counted: Vec<_> = counted.iter().filter(|one| one.packets > 0).collect();
        eprintln!(
            "WRONG RULE: {question:?}\n  the verdict is {verdict:?}\n  these counted: {counted:?}\n{load}"
        );
    }
}

/// A rule that may stop a packet, and how many it counted.
#[derive(Debug)]
struct Counted {
    place: (String, String, String, u64),
    packets: u64,
    /// Whether it counts before it has decided: by a map, or by another match.
    asks_more: bool,
}

impl Counted {
    fn is(&self, rule: &DecidingRule) -> bool {
        let (family, table, chain, handle) = &self.place;
        (family, table, chain, Some(*handle)) == (&rule.family, &rule.table, &rule.chain, rule.handle)
    }
}

fn stopping(dump: &[u8]) -> Vec<Counted> {
    let dump: serde_json::Value = serde_json::from_slice(dump).unwrap();
    let rules = dump["nftables"].as_array().unwrap().iter().filter_map(|object| object.get("rule"));
    rules
        .filter_map(|rule| {
            let expressions = rule["expr"].as_array().unwrap();
            let has = |name: &str| expressions.iter().any(|one| one.get(name).is_some());
            let packets = expressions.iter().find_map(|one| one.get("counter")?.get("packets")?.as_u64())?;
            let text = |key: &str| rule[key].as_str().unwrap().to_owned();
            let place = (text("family"), text("table"), text("chain"), rule["handle"].as_u64().unwrap());
            let after = expressions.iter().skip_while(|one| one.get("counter").is_none());
            let resets = |one: &serde_json::Value| one["reject"]["type"] == "tcp reset";
            // nft does not show the `meta l4proto tcp` that it puts between the counter and a reset.
            let more = after.clone().any(|one| one.get("match").is_some() || resets(one));
            (has("drop") || has("reject") || has("vmap")).then(|| Counted {
                place,
                packets,
                asks_more: has("vmap") || more,
            })
        })
        .collect()
}
