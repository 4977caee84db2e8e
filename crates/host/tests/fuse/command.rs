//! The command that applies, as far as this crate goes: stage, arm, switch, signal, proof. It says on standard output
//! how far it is, and at one point it is killed, stops, or waits.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use evenkeel_fleet::apply::Stage;
use evenkeel_fleet::{Generation, ReleaseId, Span};
use evenkeel_host::fuse::{self, Launch, Order, WayBack};
use evenkeel_host::identity::ProcessId;
use evenkeel_host::install;
use evenkeel_host::nginx::control::{self, Reload};
use evenkeel_host::nginx::find::find;
use evenkeel_host::nginx::generation::{Before, Expected, LIMIT, Proof, STAY, Workers, prove};
use evenkeel_host::nginx::upgrade;
use evenkeel_host::slots::Slots;
use nix::sys::signal::{Signal, raise};

use crate::common::Host;

/// `command DIR PROOF_MS CONFIRM_MS POINT ACT [parse-free]`: does ACT (`kill`, `stop`, `wait`, `fuse`: kill the fuse and go on) at
/// POINT (`staged`, `arming`, `armed`, a number: that step of the switch, `switched`, `signalled`, `proven`; and, where the old master is to stand
/// by: `begun`, `beside`, `told`, `resting`).
pub(crate) fn main(args: &[String]) -> ExitCode {
    let [dir, proof_ms, confirm_ms, point, act, way @ ..] = args else {
        panic!("command DIR PROOF CONFIRM POINT ACT")
    };
    let parse_free = !way.is_empty();
    let span = |ms: &String| Span::from_millis(ms.parse().unwrap());
    let mut host = Host::open(Path::new(dir));
    host.place.nginx = crate::private::NGINX.into();
    let told = |here: &str| {
        println!("{here}");
        std::io::stdout().flush().unwrap();
        if here != point {
            return;
        }
        match act.as_str() {
            "kill" => raise(Signal::SIGKILL).unwrap(),
            "stop" => raise(Signal::SIGSTOP).unwrap(),
            "wait" => drop(std::io::stdin().lines().next()),
            "fuse" => {
                let record = Slots::open(&Path::new(dir).join("state")).unwrap().read().unwrap().unwrap();
                let fuse = record.fuse.unwrap().open().unwrap().unwrap();
                fuse.signal(Signal::SIGKILL).unwrap();
                fuse.ended_within(5_000).unwrap();
            }
            other => panic!("{other}"),
        }
    };
    let master = find(&host.place).unwrap().id;
    let expected = Expected { workers: Workers::Fixed(2), listens: Vec::new(), stay: STAY, limit: LIMIT };
    let logs = vec![host.dir.join("logs/error.log"), host.dir.join("logs/start.log")];
    let way_back = WayBack {
        place: host.place.clone(),
        error_logs: logs.clone(),
        expected: expected.clone(),
        good: None,
    };
    for files in [&host.from, &host.to] {
        evenkeel_host::configdir::bundles::save(&host.place.state_dir, files).unwrap();
    }
    let plan = install::plan(&host.from, &host.to);
    let staged = install::stage(&host.place, &host.keep, &plan, &host.to, "r1", &way_back.encode()).unwrap();
    told("staged");

    let mut slots = Slots::create(&host.place.state_dir).unwrap();
    let order = Order {
        generation: Generation(1),
        release: ReleaseId(1),
        staged: &staged,
        master: Some(master),
        parse_free,
        proof_within: span(proof_ms),
        confirm_within: span(confirm_ms),
    };
    // At this point the test's own program stands between us and the fuse.
    let program = if point == "arming" { host.dir.join("fuse") } else { "/proc/self/exe".into() };
    let launch = Launch::Child { program };
    let armed = fuse::arm(&mut slots, &host.place.state_dir, &order, &launch);
    if let Err(error) = armed {
        println!("refused: {error}");
        return ExitCode::from(3);
    }
    told("armed");

    let reload = {
        let mut guard = slots.lock(1_000).unwrap();
        let mut step = 0;
        let mut steps = |_: &'static str, _: &[u8]| {
            told(&step.to_string());
            step += 1;
        };
        if let Err(error) = install::switch(&staged, &host.from, &mut guard, &mut steps) {
            println!("refused: {error}");
            return ExitCode::from(3);
        }
        told("switched");
        if let Err(error) = guard.advance(Stage::Signalled) {
            println!("refused: {error}");
            return ExitCode::from(3);
        }
        let before = Before::take(master, &logs);
        let tell = if parse_free { control::upgrade } else { control::reload };
        (before, tell(master).unwrap())
    };
    told("signalled");
    if parse_free {
        return match beside(&mut slots, master, reload, &expected, &told) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                println!("refused: {why}");
                ExitCode::from(3)
            }
        };
    }
    if let Proof::Fails(failure) = prove(reload.0, &reload.1, &expected) {
        println!("refused: {}", failure.reason);
        return ExitCode::from(3);
    }
    if let Err(error) = slots.lock(1_000).unwrap().advance(Stage::Proven) {
        println!("refused: {error}");
        return ExitCode::from(3);
    }
    told("proven");
    ExitCode::SUCCESS
}

/// The rest of the way where the old master stands by.
fn beside(
    slots: &mut Slots,
    old: ProcessId,
    (mut before, reload): (Before, Reload),
    expected: &Expected,
    told: &dyn Fn(&str),
) -> Result<(), String> {
    let never = &mut || false;
    let new = upgrade::begun(old, before.logs(), &reload, LIMIT, never).map_err(|failure| failure.reason)?;
    told("begun");
    fuse::new_begun(slots, new).map_err(|error| error.to_string())?;
    let first = Expected { stay: Duration::from_millis(120), ..expected.clone() };
    if let Proof::Fails(failure) = prove(before.of_new(new), &Reload { master: new, ..reload }, &first) {
        return Err(failure.reason);
    }
    told("beside");
    fuse::stand_by(slots).map_err(|error| error.to_string())?;
    told("told");
    upgrade::rests(old, LIMIT, never).map_err(|failure| failure.reason)?;
    told("resting");
    slots.lock(1_000).unwrap().advance(Stage::Proven).map_err(|error| error.to_string())?;
    told("proven");
    Ok(())
}
