//! A thousand alerts, a process that is killed at random moments, and ten minutes in which no channel takes anything: none is lost,
//! none comes twice without a mark, and those of an incident come in their order.
//!
//! Whoever delivers is a process of its own, so this test runs itself again: `alerts delivers …`. Its clock runs faster than
//! that on the wall.

mod deliver;
mod full;
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use evenkeel_controller::ledger::Ledger;
use evenkeel_fleet::incident::ParcelState;

use deliver::{ALERTS, CHANNELS, SPEED};
use server::{Received, Server};

/// How long no channel takes anything, by the clock of the one who delivers.
const OUTAGE: Duration = Duration::from_secs(600);
/// How often it is killed before, while and after nothing is taken.
const KILLS: [usize; 3] = [8, 8, 6];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["delivers", path, began, ref urls @ ..] => deliver::deliver(path, began, urls),
        ["fills-its-disk", directory, url] => full::fills_its_disk(directory, url),
        _ => {
            let tests: [(&str, fn()); 2] = [
                ("thousand_alerts_survive_kills_and_an_outage_of_every_channel", survive),
                (
                    "full_disk_keeps_no_alert_from_whoever_is_on_call",
                    full::full_disk_keeps_no_alert_from_whoever_is_on_call,
                ),
            ];
            run(&tests, &args);
        }
    }
}

/// Lists or runs the tests as `cargo test` and `cargo nextest` ask for them. A failure ends the process.
fn run(tests: &[(&str, fn())], args: &[String]) {
    let says = |flag: &str| args.iter().any(|arg| arg == flag);
    let parts: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted = |name: &str| parts.is_empty() || parts.iter().any(|part| name.contains(part.as_str()));
    if says("--list") {
        // Runners ask for those that are ignored, too: none is.
        tests.iter().filter(|_| !says("--ignored")).for_each(|(name, _)| println!("{name}: test"));
        return;
    }
    for (name, test) in tests.iter().filter(|(name, _)| is_wanted(name)) {
        test();
        println!("test {name} ... ok");
    }
}

/// Numbers that differ from run to run, and are told when it fails.
struct Chance(u64);

impl Chance {
    fn below(&mut self, max: u64) -> u64 {
        // xorshift64: enough to pick moments.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % max
    }
}

fn survive() {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64 | 1;
    println!("seed {seed}");
    let mut chance = Chance(seed);
    let dir = tempfile::tempdir().unwrap();
    let journal = dir.path().join("journal.db");
    let servers: Vec<Server> = CHANNELS.iter().map(|channel| Server::start(channel)).collect();
    let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().to_string();
    let start = || -> Child {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.arg("delivers").arg(&journal).arg(&began).args(servers.iter().map(Server::url));
        child.stdin(Stdio::null()).spawn().unwrap()
    };
    let mut kill = |count: usize, within: Duration| {
        let until = Instant::now() + within;
        for n in 0..count {
            let mut child = start();
            let left = until.saturating_duration_since(Instant::now()) / u32::try_from(count - n).unwrap();
            let ms = u64::try_from(left.as_millis()).unwrap().max(40);
            // A moment that is chosen by chance is the point: there is no event to wait for.
            std::thread::sleep(Duration::from_millis(ms / 4 + chance.below(ms)));
            child.kill().unwrap();
            child.wait().unwrap();
        }
    };
    kill(KILLS[0], Duration::from_secs(4));
    servers.iter().for_each(|server| server.takes(false));
    kill(KILLS[1], OUTAGE / SPEED);
    servers.iter().for_each(|server| server.takes(true));
    kill(KILLS[2], Duration::from_secs(3));
    let mut last = start();
    let began_last = Instant::now();
    while last.try_wait().unwrap().is_none() {
        assert!(began_last.elapsed() < Duration::from_secs(180), "it never came to its end");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(last.wait().unwrap().success());
    let received: Vec<Received> = servers.iter().flat_map(Server::received).collect();
    check(&journal, &received);
}

fn check(journal: &std::path::Path, received: &[Received]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ledger = runtime.block_on(Ledger::read(journal, deliver::settings())).unwrap();
    let outbox = ledger.state().outbox();
    assert_eq!(outbox.alerts().count(), ALERTS);
    assert_eq!(outbox.pending(), 0);
    let there: BTreeSet<(&str, u64)> = received.iter().map(|it| (it.channel.as_str(), it.alert)).collect();
    let mut parcels = 0;
    for alert in outbox.alerts() {
        for (channel, parcel) in &alert.parcels {
            parcels += 1;
            assert!(
                matches!(parcel.state, ParcelState::Accepted { .. }),
                "{} through {channel}: {parcel:?}",
                alert.id
            );
            assert!(
                there.contains(&(channel.as_str(), alert.id.0)),
                "{} is lost on its way through {channel}",
                alert.id
            );
        }
    }
    let (mut seen, mut last, mut twice) = (BTreeSet::new(), BTreeMap::new(), 0);
    for it in received {
        if seen.insert((&it.channel, it.alert)) {
            let before = last.insert((&it.channel, it.incident), it.alert);
            assert!(before < Some(it.alert), "{it:?} came after {before:?}");
        } else {
            twice += 1;
            assert!(it.repeat, "{it:?} came twice, and was not marked");
        }
    }
    println!(
        "{ALERTS} alerts, {parcels} deliveries, {} requests, {twice} came again, all marked",
        received.len()
    );
}
