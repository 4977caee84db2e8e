//! Two random configurations that differ a little: no connection may end elsewhere of which the difference does not tell.

use evenkeel_model::{Budget, Config, Connection, Preface, StreamOutcome, StreamRouter, stream_diff};

use crate::nginx::Binary;
use crate::random::Random;
use crate::{connections, generate, support};

const PORTS: [u16; 5] = [7001, 7002, 7003, 7004, 7005];

/// The pairs of texts: a line is gone, or two change places, or a value is another.
fn edited(random: &mut Random, text: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let movable =
        |line: &String| line.ends_with(';') && !line.contains(['{', '}']) && !line.starts_with("listen");
    let places: Vec<usize> = (1..lines.len()).filter(|&at| movable(&lines[at])).collect();
    let at = random.pick(&places);
    match random.below(3) {
        0 => lines[at] = String::from("#"),
        1 => {
            let other = (at + 1).min(lines.len() - 1);
            if movable(&lines[other]) {
                lines.swap(at, other);
            }
        }
        _ => {
            lines[at] =
                lines[at].replace("one", "two").replace("127.0.0.2", "127.0.0.3").replace("on;", "off;");
        }
    }
    lines.join("\n")
}

fn loaded(directory: &std::path::Path, text: &str) -> Config {
    let main = directory.join("nginx.conf");
    std::fs::write(&main, text).unwrap();
    support::load(&main, directory, None)
}

/// Whether the search looks for such connections.
fn is_looked_for(connection: &Connection) -> bool {
    let plain = |name: &[u8]| {
        name.split(|&byte| byte == b'.').all(|label| {
            !label.is_empty()
                && label
                    .iter()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(byte))
        })
    };
    let name = connection.hello.as_ref().and_then(|hello| hello.sni.as_deref());
    name.is_none_or(plain)
}

#[test]
fn connection_that_ends_elsewhere_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let mut random = Random::new(crate::count("EVENKEEL_SEED", 1) as u64);
    let (mut pairs, mut differ, mut told, mut open) = (0, 0, 0, 0);
    for _ in 0..crate::count("EVENKEEL_STREAM_PAIRS", 25) {
        let mut text = generate::config(&mut random, &Binary::imagined()).text.replace("@DIR@", "/run/test");
        for (index, port) in PORTS.iter().enumerate() {
            text = text.replace(&format!("@P{index}@"), &port.to_string());
        }
        for index in 0..crate::echo::UPSTREAMS {
            text = text.replace(&format!("@U{index}@"), &(8001 + index).to_string());
        }
        let changed = edited(&mut random, &text);
        let [old, new] = [&text, &changed].map(|text| loaded(directory.path(), text));
        let (changes, incomplete) = stream_diff(&old, &new, &mut Budget(20_000_000));
        pairs += 1;
        told += changes.len();
        open += usize::from(!incomplete.is_empty());
        let routers = [&old, &new].map(StreamRouter::new);
        let outcomes = |connection: &Connection| routers.each_ref().map(|router| router.route(connection));
        for change in &changes {
            assert_eq!(
                outcomes(&change.witness),
                [change.old.clone(), change.new.clone()],
                "{}",
                change.class
            );
        }
        for _ in 0..200 {
            let mut connection = connections::connection(&mut random, &PORTS, &old);
            connection.preface = Preface::AsWanted;
            let [before, after] = outcomes(&connection);
            if same(&before.outcome, &after.outcome) || !is_looked_for(&connection) {
                continue;
            }
            differ += 1;
            let listen = |change: &evenkeel_model::StreamChange| {
                (change.old.listen.clone(), change.new.listen.clone())
            };
            let is_told =
                changes.iter().any(|change| listen(change) == (before.listen.clone(), after.listen.clone()));
            let excused =
                !incomplete.is_empty() || !before.depends_on.is_empty() || !after.depends_on.is_empty();
            assert!(
                is_told || excused,
                "{connection:?}\n{before:#?}\n{after:#?}\n{changes:#?}\n--- old\n{text}\n--- new\n{changed}"
            );
        }
    }
    eprintln!("{pairs} pairs, {open} not complete, {told} classes, {differ} connections that end elsewhere");
    assert!(differ > 0 && open * 2 < pairs);
}

fn same(old: &StreamOutcome, new: &StreamOutcome) -> bool {
    match (old, new) {
        (StreamOutcome::Handed { to: old, .. }, StreamOutcome::Handed { to: new, .. }) => old == new,
        _ => old == new,
    }
}
