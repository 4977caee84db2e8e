//! Fuzzing without a fuzzer: mutated configurations, a fixed time long, on a stable toolchain.
//!
//! `cargo run -p evenkeel-syntax --example fuzz -- --seconds 60 [--seed N]`
//!
//! Ends with 0 when nothing was found. A text that is found is written down, and its seed is named.
#![expect(clippy::disallowed_methods, reason = "an example has a clock, arguments and files")]

mod check;
mod mutate;

use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How long one text may take: what is slower is not linear.
const LIMIT: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let Some((seconds, mut seed)) = arguments() else {
        eprintln!("usage: fuzz [--seconds N] [--seed N]");
        return ExitCode::from(2);
    };
    let (start, mut bytes, first) = (Instant::now(), 0, seed);
    while start.elapsed() < Duration::from_secs(seconds) {
        let text = mutate::text(seed);
        bytes += text.len();
        if let Err(reason) = look_at(&text) {
            let file = std::env::temp_dir().join(format!("evenkeel-fuzz-{seed}"));
            let kept = std::fs::write(&file, &text).map(|()| format!(", kept in {}", file.display()));
            eprintln!("found with --seed {seed}: {reason}{}", kept.unwrap_or_default());
            return ExitCode::FAILURE;
        }
        seed += 1;
    }
    println!("{} texts, {} MB, seeds from {first}: nothing found", seed - first, bytes / 1_000_000);
    ExitCode::SUCCESS
}

fn arguments() -> Option<(u64, u64)> {
    let (mut seconds, mut seed) = (60, 0);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next()?.parse().ok()?;
        match name.as_str() {
            "--seconds" => seconds = value,
            "--seed" => seed = value,
            _ => return None,
        }
    }
    Some((seconds, seed))
}

fn look_at(text: &[u8]) -> Result<(), String> {
    let start = Instant::now();
    let looked = std::panic::catch_unwind(|| {
        check::lexer(text);
        check::parse_print(text);
        check::edit(text);
    });
    match start.elapsed() {
        _ if looked.is_err() => Err("a check failed".into()),
        taken if taken > LIMIT => Err(format!("{} bytes took {taken:?}", text.len())),
        _ => Ok(()),
    }
}
