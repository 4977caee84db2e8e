//! Plays histories by hand: `evenkeel-sim [--histories N] [--from SEED] [--seed SEED]`. Exit status 1 when a promise is broken.

use std::process::ExitCode;

use evenkeel_sim::{explain, play, promises};

/// How many are played when nobody says.
const HISTORIES: u64 = 1_000_000;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (mut from, mut histories, mut seed) = (0, HISTORIES, None);
    while let Some(name) = arguments.next() {
        let value = arguments.next().and_then(|value| value.parse().ok());
        match (name.as_str(), value) {
            ("--histories", Some(value)) => histories = value,
            ("--from", Some(value)) => from = value,
            ("--seed", Some(value)) => seed = Some(value),
            _ => {
                eprintln!("usage: evenkeel-sim [--histories N] [--from SEED] [--seed SEED]");
                return ExitCode::from(2);
            }
        }
    }
    let seeds = seed.map_or(from..from.saturating_add(histories), |seed| seed..seed + 1);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let started = std::time::Instant::now();
    let played = play(seeds, threads, None, None);
    for (name, count) in &played.reached {
        println!("{count:>12}  {name}");
    }
    for broken in &played.broken {
        println!("{}", explain(broken.seed, broken.promise, None));
    }
    println!(
        "{} histories, {} promises, {} broken, {:.1} s",
        played.histories,
        promises().count(),
        played.broken.len(),
        started.elapsed().as_secs_f64()
    );
    ExitCode::from(u8::from(!played.broken.is_empty()))
}
