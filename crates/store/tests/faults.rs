//! A writer that is killed, a reader that may only read, a disk that is full.
//!
//! Each fault needs a process of its own, so this test runs itself again: `faults CHILD PATH`.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use evenkeel_fleet::journal::What;
use evenkeel_fleet::{Actor, Event, Sequence, Timestamp};
use evenkeel_store::{SqliteStore, Store, StoreError};

/// An unprivileged user that every system has; no name service is asked.
const NOBODY: u32 = 65_534;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["appends-until-killed", path] => block_on(appends_until_killed(Path::new(path))),
        ["reads", path] => block_on(reads(Path::new(path))),
        ["fills-its-disk", path] => block_on(fills_its_disk(Path::new(path))),
        _ => {
            let tests: [(&str, fn()); 3] = [
                ("kill_9_loses_nothing_that_was_acknowledged", kill_9_loses_nothing_that_was_acknowledged),
                ("ordinary_reader_reads_what_it_may", ordinary_reader_reads_what_it_may),
                ("full_disk_is_named_and_harms_nothing", full_disk_is_named_and_harms_nothing),
            ];
            run(&tests, &args);
        }
    }
}

/// Lists or runs the tests as `cargo test` and `cargo nextest` ask for them. A test that fails ends the process.
fn run(tests: &[(&str, fn())], args: &[String]) {
    let says = |flag: &str| args.iter().any(|arg| arg == flag);
    let parts: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted = |name: &str| parts.is_empty() || parts.iter().any(|part| name.contains(part.as_str()));
    if says("--list") {
        // Runners ask for those that are ignored, too: none is.
        tests.iter().filter(|_| !says("--ignored")).for_each(|(name, _)| println!("{name}: test"));
        return;
    }
    let wanted: Vec<_> = tests.iter().filter(|(name, _)| is_wanted(name)).collect();
    for (name, test) in &wanted {
        test();
        println!("test {name} ... ok");
    }
    println!("test result: ok. {} passed; 0 failed; 0 ignored", wanted.len());
}

fn note(n: u64) -> Event {
    let (who, text) = (Actor::new("anna", "test"), "x".repeat(2_000));
    Event { at: Timestamp::from_millis(n), what: What::Note { host: None, release: None, who, text } }
}

fn again(program: &Path, what: &str, path: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg(what).arg(path).stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

fn myself() -> PathBuf {
    std::env::current_exe().unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

/// What a child says until it ends.
fn said(child: &mut Child) -> String {
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success(), "the child failed: {text}");
    text.trim().to_owned()
}

/// Acknowledges each append on standard output, three events at a time.
async fn appends_until_killed(path: &Path) {
    let mut store = SqliteStore::open(path).await.unwrap();
    let mut at = store.sequence().await.unwrap();
    loop {
        let events: Vec<Event> = (1..=3).map(|n| note(at.0 + n)).collect();
        at = store.append(at, &events).await.unwrap().sequence();
        println!("{at}");
    }
}

fn kill_9_loses_nothing_that_was_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.sqlite");
    let mut last = 0;
    for round in 0..20 {
        let mut child = again(&myself(), "appends-until-killed", &path).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let heard: Vec<String> = lines.by_ref().take(1 + round % 7).map(Result::unwrap).collect();
        child.kill().unwrap();
        let rest: Vec<String> = lines.map_while(Result::ok).collect();
        child.wait().unwrap();
        let acknowledged: u64 = rest.last().or(heard.last()).expect("a line was heard").parse().unwrap();
        let found = block_on(async {
            let mut store = SqliteStore::open(&path).await.unwrap();
            let events = store.read(Sequence(0)).await.unwrap();
            assert!(events.iter().all(|it| it.event == note(it.sequence.0)));
            u64::try_from(events.len()).unwrap()
        });
        assert!(found >= acknowledged, "round {round}: {acknowledged} acknowledged, {found} found");
        assert_eq!(found % 3, 0, "round {round}: part of an append is there");
        assert!(found > last);
        last = found;
    }
}

/// Says how many events it could read, or why it could not.
async fn reads(path: &Path) {
    match SqliteStore::open_read_only(path).await {
        Ok(mut store) => println!("{}", store.read(Sequence(0)).await.unwrap().len()),
        Err(StoreError::NotPermitted { .. }) => println!("not permitted"),
        Err(error) => println!("{error:?}"),
    }
}

fn ordinary_reader_reads_what_it_may() {
    let directory = tempfile::tempdir().unwrap();
    let (program, path) = (directory.path().join("faults"), directory.path().join("journal.sqlite"));
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    fs::copy(myself(), &program).unwrap();
    mode(&program, 0o755);
    block_on(async {
        let mut store = SqliteStore::open(&path).await.unwrap();
        store.append(Sequence(0), &[note(1)]).await.unwrap();
        store.close().await.unwrap();
    });
    let root = fs::metadata(&program).unwrap().uid() == 0;
    let asks = || {
        let mut reader = again(&program, "reads", &path);
        if root {
            reader.uid(NOBODY).gid(NOBODY);
        }
        said(&mut reader.spawn().unwrap())
    };
    // The owner's own files are closed to the owner too, so that the test means the same to everybody.
    mode(&path, if root { 0o600 } else { 0o000 });
    mode(directory.path(), 0o555);
    assert_eq!(asks(), "not permitted");
    mode(&path, 0o444);
    assert_eq!(asks(), "1", "nobody writes, and nothing may be made beside it");
    mode(&path, 0o644);
    mode(directory.path(), 0o755);
    let mut writer = block_on(SqliteStore::open(&path)).unwrap();
    assert_eq!(asks(), "1", "a writer has it open");
    block_on(writer.append(Sequence(1), &[note(2)])).unwrap();
    assert_eq!(asks(), "2", "what the writer appended is still in its log");
    block_on(writer.close()).unwrap();
}

/// Gets its own small disk, fills it, and says what happened.
async fn fills_its_disk(directory: &Path) {
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(directory).status();
    assert!(mount.unwrap().success());
    let (path, ballast) = (directory.join("journal.sqlite"), directory.join("ballast"));
    let mut store = SqliteStore::open(&path).await.unwrap();
    let first = store.append(Sequence(0), &[note(1)]).await.unwrap();
    fs::write(&ballast, vec![7; 300_000]).unwrap();

    let (mut at, mut full) = (first.sequence(), None);
    for _ in 0..10_000 {
        match store.append(at, &[note(at.0 + 1), note(at.0 + 2)]).await {
            Ok(receipt) => at = receipt.sequence(),
            Err(error) => {
                full = Some(error);
                break;
            }
        }
    }
    assert!(matches!(full, Some(StoreError::DiskFull { .. })), "{full:?}");
    let blob = store.put_blob(&[7; 400_000]).await;
    assert!(matches!(blob, Err(StoreError::DiskFull { .. })), "{blob:?}");
    assert_eq!(store.sequence().await.unwrap(), at, "a failed append left something");
    drop(store);

    let opened = SqliteStore::open(&path).await;
    assert!(matches!(opened, Ok(_) | Err(StoreError::DiskFull { .. })), "{opened:?}");
    drop(opened);
    let other = SqliteStore::open(directory.join("other.sqlite")).await;
    assert!(matches!(other, Err(StoreError::DiskFull { .. })), "{other:?}");
    assert!(!directory.join("other.sqlite").exists(), "half a journal appeared");

    fs::remove_file(ballast).unwrap();
    let mut store = SqliteStore::open(&path).await.unwrap();
    let events = store.read(Sequence(0)).await.unwrap();
    assert_eq!(u64::try_from(events.len()).unwrap(), at.0);
    assert!(events.iter().all(|it| it.event == note(it.sequence.0)));
    store.append(at, &[note(at.0 + 1)]).await.unwrap();
    println!("{at} events survived");
}

fn full_disk_is_named_and_harms_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let possible = Command::new("unshare").args(["-Urm", "true"]).stderr(Stdio::null()).status();
    if !possible.is_ok_and(|status| status.success()) {
        println!("no disk of its own here (unshare -Urm is not possible): the full disk was not tried");
        return;
    }
    let mut child = again(Path::new("unshare"), "-Urm", &myself());
    child.arg("fills-its-disk").arg(directory.path());
    assert!(said(&mut child.spawn().unwrap()).ends_with("events survived"));
}
