//! A disk that is full: whoever is on call is told all the same, and everything is written down once there is room.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use evenkeel_controller::ledger::Ledger;
use evenkeel_controller::local::now;
use evenkeel_controller::notify::{Notifier, build};
use evenkeel_controller::outbox::Courier;
use evenkeel_fleet::incident::{Channel, Input, Settings};
use evenkeel_fleet::journal::Seen;
use serde_json::json;

use crate::deliver::opened;
use crate::server::Server;

/// In a mount namespace of its own: fills a disk, and has an incident.
pub(super) fn fills_its_disk(directory: &str, url: &str) {
    let directory = Path::new(directory);
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(directory).status();
    assert!(mount.unwrap().success());
    let (path, ballast) = (directory.join("journal.db"), directory.join("ballast"));
    let settings = || Settings { channels: vec![Channel::new("pager")], ..Settings::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut ledger = Ledger::open(&path, settings()).await.unwrap();
        let told = ledger.tell(now(), Input::Report(opened(1, now()))).await.unwrap();
        assert_eq!(told.events.len(), 2);
        std::fs::write(&ballast, vec![7; 1_300_000]).unwrap();
        let seen = || Input::Seen(Seen::Ended { why: "x".repeat(20_000) });
        let mut before = 0;
        while ledger.unwritten().is_none() {
            assert!(before < 1_000, "the disk never fills up");
            before += 1;
            let _what_is_sent = ledger.tell_or_keep(now(), seen()).await;
        }
        let told = ledger.tell_or_keep(now(), Input::Report(opened(2, now()))).await;
        assert_eq!(told.events.len(), 2);
        let why = ledger.unwritten().unwrap().1.to_owned();
        assert!(why.contains("the disk is full"), "{why}");
        let notifier = build("webhook", json!({ "url": url }), "test").unwrap();
        let channels: BTreeMap<String, Box<dyn Notifier>> = [("pager".to_owned(), notifier)].into();
        let mut courier = Courier::new(channels, Duration::from_secs(5));
        while ledger.state().outbox().pending() > 0 {
            courier.dispatch(&mut ledger, now()).await;
            let landed = courier.landed().await;
            courier.settle(&mut ledger, landed, now()).await;
        }
        assert!(!ledger.write_down().await, "there is no room yet");
        let state = ledger.state().clone();
        std::fs::remove_file(&ballast).unwrap();
        assert!(ledger.write_down().await);
        assert_eq!((ledger.unwritten(), ledger.state()), (None, &state));
        drop(ledger);
        let ledger = Ledger::read(&path, settings()).await.unwrap();
        assert_eq!(ledger.state(), &state, "what was kept in memory is in the journal");
        println!("{} incidents survived", state.incidents().count());
        drop(ledger);
        // Whoever watches keeps room: an incident that begins on a full disk is in the journal, where others see it.
        let mut ledger = Ledger::open(&path, settings()).await.unwrap();
        ledger.keep_room();
        fill(&directory.join("fill"));
        let told = ledger.tell_or_keep(now(), Input::Report(opened(3, now()))).await;
        assert_eq!((told.events.len(), ledger.unwritten()), (2, None));
        let read = Ledger::read(&path, settings()).await.unwrap();
        assert_eq!(read.state(), ledger.state());
    });
}

/// Takes what room there is.
fn fill(path: &Path) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(path).unwrap();
    let full = (0..10_000).find_map(|_| file.write_all(&[7; 4096]).err()).unwrap();
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull, "{full}");
}

pub(super) fn full_disk_keeps_no_alert_from_whoever_is_on_call() {
    let able = Command::new("unshare").args(["-Urm", "true"]).status();
    if !able.is_ok_and(|status| status.success()) {
        println!("no disk of its own here (unshare -Urm is not possible): the full disk was not tried");
        return;
    }
    let (dir, server) = (tempfile::tempdir().unwrap(), Server::start("pager"));
    let mut child = Command::new("unshare");
    child
        .arg("-Urm")
        .arg(std::env::current_exe().unwrap())
        .arg("fills-its-disk")
        .arg(dir.path())
        .arg(server.url());
    let output = child.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let alerts: Vec<u64> = server.received().iter().map(|it| it.alert).collect();
    assert_eq!(alerts, [1, 2], "both came, the one of the full disk too");
}
