//! `rates`: what this host answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use evenkeel_controller::local::Host;
use evenkeel_controller::rates::Counts;
use evenkeel_controller::when;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::args;
use crate::output::{Exit, Output, complain};

/// How long is counted when nobody says otherwise: once, and again and again.
const ONCE: Duration = Duration::from_secs(10);
const EVERY: Duration = Duration::from_secs(2);
/// How often it is asked whether to stop.
const TURN: Duration = Duration::from_millis(100);

pub(crate) fn rates(args: &args::Rates, host: &Host, output: Output) -> anyhow::Result<Exit> {
    let every = args.every.unwrap_or(if args.follow { EVERY } else { ONCE });
    if every.is_zero() {
        bail!("count for no time at all");
    }
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).context("listen for Ctrl-C")?;
    }
    let mut answering = host.answering()?;
    if answering.logs().is_empty() {
        bail!("find an access log of the configuration whose path and format are known");
    }
    let mut known: Vec<String> = Vec::new();
    let mut until = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        until += every;
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            if stop.load(Ordering::Relaxed) {
                return Ok(Exit::Yes);
            }
            std::thread::sleep(left.min(TURN));
        }
        let (counts, troubles) = answering.count();
        for trouble in &troubles {
            if !known.contains(trouble) {
                complain(&format!("evenkeel: {trouble}\n"));
            }
        }
        known = troubles;
        let document = serde_json::to_value(&counts).context("write what was counted")?;
        output.print(|| text(&counts), || document);
        if !args.follow {
            return Ok(if known.is_empty() { Exit::Yes } else { Exit::CouldNotLook });
        }
    }
    Ok(Exit::Yes)
}

fn text(counts: &Counts) -> String {
    let seconds = Duration::from_millis(counts.took_ms).as_secs_f64();
    let mut out = format!(
        "{}  {} answered in {seconds:.1} s, without {} of probes\n",
        when::clock(counts.at),
        counts.answered,
        counts.probes
    );
    for it in &counts.failed {
        let clients = if it.clients == 1 { "client" } else { "clients" };
        out.push_str(&format!(
            "    {} of {}xx {}, to {} {clients}",
            it.count,
            it.hundred,
            it.by.said(),
            it.clients
        ));
        let of: Vec<String> = it.upstreams.iter().map(|(name, count)| format!("{name} {count}")).collect();
        let of = if of.is_empty() { String::new() } else { format!(": {}", of.join(", ")) };
        out.push_str(&format!("{of}\n"));
    }
    if counts.unread > 0 {
        out.push_str(&format!(
            "    {} lines are not of the format that the configuration names\n",
            counts.unread
        ));
    }
    out
}
