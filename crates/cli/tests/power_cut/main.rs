//! Power cuts on a file system of its own: whatever a disk had kept when the power went, in whatever order it liked, a
//! boot and `recover` bring the host to what was confirmed, and its tree is one of the two bundles to the byte.
//!
//! `apply` runs once, on an ext4 whose disk remembers every write and every flush. Then the power is cut at one point of
//! that record after another: the disk is made as it may have been left, mounted (which replays the file system's
//! journal) under another boot id, and recovered. `make test` takes some points, `make test-power-cut` takes many.

#[path = "../support/mod.rs"]
mod support;

mod disk;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use disk::{Disk, SECTOR_BYTES, Told};
use evenkeel_fleet::apply::{Applying, Stage};
use evenkeel_host::slots::{Record, Slots};
use support::{Host, Namespace, Ran, is_root};

/// Points that a plain test run takes of each release.
const POINTS: usize = 8;
const DISK_BYTES: u64 = 16 << 20;

/// What a disk has kept of what it was told since its last flush.
#[derive(Debug, Clone, Copy)]
enum Keeps {
    All,
    Nothing,
    /// Some of it, and of some writes only the first sectors.
    Some {
        seed: u64,
    },
}

/// A release on a disk that remembers.
struct Recorded {
    host: Host,
    /// The disk when it began, and what it was told from then on.
    before: Vec<u8>,
    told: Vec<Told>,
    /// How much it had been told when the command ended.
    ended: usize,
    old: BTreeMap<PathBuf, Vec<u8>>,
    new: BTreeMap<PathBuf, Vec<u8>>,
}

impl Recorded {
    /// Makes a proposal and does something with it, to its end. `None` where there is no such disk; says why.
    fn of(propose: impl FnOnce(&Host), release: impl FnOnce(&Host)) -> Option<Recorded> {
        if !is_root() {
            println!("skipped: only root has loop devices");
            return None;
        }
        let mut host = Host::for_namespace();
        host.write("etc/conf.d/old.conf", "# read, and of no effect\n");
        let dir = host.dir.path().to_owned();
        let image = dir.join("cut");
        std::fs::File::create(&image).unwrap().set_len(DISK_BYTES).unwrap();
        let mut mkfs = Command::new("mkfs.ext4");
        // Nothing is left to be done in the background.
        mkfs.args(["-q", "-E", "lazy_itable_init=0,lazy_journal_init=0"]).arg(&image);
        let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
        let Ok(made) = mkfs.env("PATH", path).output() else {
            println!("skipped: there is no mkfs.ext4 (e2fsprogs)");
            return None;
        };
        Ran::from(made).ends(0);
        let dir = dir.display();
        host.within = Some(Namespace::new(&format!(
            "cd {dir}; mkdir disk state; chmod 700 state; touch recorded; cat /proc/sys/kernel/random/uuid >boot"
        ))?);
        let namespace = host.within.as_ref().unwrap();
        let disk = Disk::mount(std::fs::read(&image).unwrap(), namespace, &host.path("recorded"))?;
        namespace.shell(&format!("cd {dir}; mount -o loop recorded disk; cp -a etc state disk/"));
        bind(&host);
        host.start_nginx();
        host.run(&["adopt"]).ends(0);
        namespace.shell(&format!("sync -f {dir}/disk"));

        let old = host.tree();
        propose(&host);
        let before = disk.begin();
        release(&host);
        let ended = disk.told();
        host.wait("no process of ours is left", || host.ours().is_empty());
        let new = in_place_of(&host, "new", "etc");
        let told = disk.record();
        host.kill_nginx();
        unbind(&host);
        host.within.as_ref().unwrap().shell(&format!("umount {dir}/recorded"));
        disk.end();
        Some(Recorded { host, before, told, ended, old, new })
    }

    /// The disk, after the power was cut when it had been told so much.
    fn left(&self, point: usize, keeps: Keeps) -> Vec<u8> {
        let flushed = self.told[..point].iter().rposition(|told| matches!(told, Told::Flush)).unwrap_or(0);
        let mut disk = self.before.clone();
        let mut chance = match keeps {
            Keeps::Some { seed } => seed,
            _ => 0,
        };
        for (index, told) in self.told[..point].iter().enumerate() {
            let Told::Write { at, bytes } = told else { continue };
            let kept = match keeps {
                _ if index < flushed => bytes.len(),
                Keeps::All => bytes.len(),
                Keeps::Nothing => 0,
                Keeps::Some { .. } => match next(&mut chance) % 4 {
                    0 | 1 => 0,
                    2 => bytes.len(),
                    _ => next(&mut chance) % (bytes.len() / SECTOR_BYTES + 1) * SECTOR_BYTES,
                },
            };
            disk[*at..*at + kept].copy_from_slice(&bytes[..kept]);
        }
        disk
    }

    /// Cuts the power and boots again. Says what is wrong then.
    fn cut(&self, point: usize, keeps: Keeps, confirms: bool) -> Result<(), String> {
        let host = &self.host;
        std::fs::write(host.path("cut"), self.left(point, keeps)).unwrap();
        let dir = host.dir.path().display();
        host.within.as_ref().unwrap().shell(&format!("cd {dir}; rm -f nginx.pid; mount -o loop cut disk"));
        bind(host);
        let recovered = host.run(&["recover"]);
        let tree = host.tree();
        host.start_nginx();
        let serves = host.get("/version").map(|(_, body)| body).unwrap_or_default();
        let status = host.run(&["status"]);
        let stage = Slots::open(&host.seen("state")).ok().map(|slots| slots.read().unwrap());
        let stage = stage.flatten().map(|record| record.stage());
        host.kill_nginx();
        unbind(host);

        let (is_old, is_new) = (tree == self.old, tree == self.new);
        let right = match serves.as_str() {
            // What was told as confirmed stays so.
            "one" => is_old && (!confirms || point < self.ended) && stage != Some(Stage::Confirmed),
            "two" => is_new && confirms && stage == Some(Stage::Confirmed),
            _ => false,
        };
        if right && status.code == 0 {
            return Ok(());
        }
        Err(format!(
            "cut at {point} of {}, the command ended at {}, {keeps:?}: serves {serves:?}, the slots say {stage:?}, the tree is \
             the old one: {is_old}, the new one: {is_new}\n{}{}",
            self.told.len(),
            self.ended,
            recovered.said(),
            status.said()
        ))
    }

    /// Cuts the power at points that are spread evenly over the record, and in each of the ways in turn.
    fn hold(&self, name: &str, confirms: bool) {
        let count = std::env::var("EVENKEEL_POWER_CUTS").ok();
        let count = count.map_or(POINTS, |count| count.parse().expect("EVENKEEL_POWER_CUTS is a number"));
        assert!(self.told.len() > 20, "the disk was told {} things", self.told.len());
        let mut bad = Vec::new();
        for index in 0..count {
            let point = self.told.len() * index / (count - 1).max(1);
            let keeps = match index % 4 {
                0 => Keeps::All,
                1 => Keeps::Nothing,
                _ => Keeps::Some { seed: index as u64 + 1 },
            };
            bad.extend(self.cut(point, keeps, confirms).err());
        }
        let flushes = self.told.iter().filter(|told| matches!(told, Told::Flush)).count();
        let told = self.told.len();
        println!("{name}: {} bad of {count} points; {told} writes and flushes, {flushes} flushes", bad.len());
        assert!(bad.is_empty(), "{}", bad.join("\n"));
    }
}

/// Puts what is on the disk where the host lives, in another boot than any before.
fn bind(host: &Host) {
    let dir = host.dir.path().display();
    host.within.as_ref().unwrap().shell(&format!(
        "cd {dir}; mount --bind disk/etc etc; mount --bind disk/state state\n\
         cat /proc/sys/kernel/random/uuid >boot; mount --bind boot /proc/sys/kernel/random/boot_id"
    ));
}

fn unbind(host: &Host) {
    let dir = host.dir.path().display();
    let script = format!("cd {dir}; umount etc state disk /proc/sys/kernel/random/boot_id");
    host.within.as_ref().unwrap().shell(&script);
}

/// What stands below one directory, as if it stood below another.
fn in_place_of(host: &Host, tree: &str, place: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let (root, place) = (host.seen(tree), host.seen(place));
    let below = |path: &Path| place.join(path.strip_prefix(&root).unwrap());
    support::picture(&root).iter().map(|(path, holds)| (below(path), holds.clone())).collect()
}

/// The next number of a sequence that looks random (splitmix64).
fn next(state: &mut u64) -> usize {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    usize::try_from((mixed ^ (mixed >> 31)) >> 16).unwrap()
}

/// A release of several files: changed, new, gone, and in a directory that is new.
fn several_files(host: &Host) {
    host.propose().replace("sites/shop.conf", "return 200 \"one\"", "return 200 \"two\"");
    std::fs::remove_file(host.seen("new/conf.d/old.conf")).unwrap();
    host.write("new/conf.d/types.conf", "# types\ndefault_type text/plain;\n");
    host.write("new/snippets/deep/note.conf", "# read by nobody\n");
}

#[test]
fn power_cut_during_a_release_leaves_the_confirmed_bundle() {
    let release = |host: &Host| drop(host.apply(&["--bake", "50ms"]).ends(0));
    if let Some(recorded) = Recorded::of(several_files, release) {
        recorded.hold("a release that is confirmed", true);
    }
}

#[test]
fn power_cut_during_a_way_back_leaves_the_confirmed_bundle() {
    let fails = |host: &Host| {
        several_files(host);
        let gone = format!("proxy_pass http://127.0.0.1:{}", support::free_port());
        let app = format!("proxy_pass http://127.0.0.1:{}", host.app.port);
        let site = host.read("new/sites/shop.conf").replace(&app, &gone);
        host.write("new/sites/shop.conf", &site);
    };
    let release = |host: &Host| drop(host.apply(&["--bake", "50ms"]).ends(1));
    if let Some(recorded) = Recorded::of(fails, release) {
        recorded.hold("a release that is taken back", false);
    }
}

#[test]
fn confirmation_that_was_told_is_on_the_disk_though_its_command_died_before() {
    let release = |host: &Host| {
        let mut applies = host.apply_in_background(&["--bake", "50ms", "--hold"]);
        let slots = || Slots::open(&host.seen("state")).unwrap();
        let stage = || slots().read().unwrap().map(|record| record.stage());
        host.wait("the release is proven", || stage() == Some(Stage::Proven));
        // Everything of ours dies between the writing of the confirmation and its flush.
        let mut slots = slots();
        let mut guard = slots.lock(1_000).unwrap();
        let ours: Vec<_> = host.ours().into_iter().chain([i32::try_from(applies.id()).unwrap()]).collect();
        support::kill_all(&ours, "KILL");
        applies.wait().unwrap();
        let record = guard.record().unwrap().clone();
        let applying = Applying { stage: Stage::Confirmed, ..record.applying };
        let confirmed = Some(applying.to);
        let confirmed = Record { applying, confirmed, confirmed_before: record.confirmed, ..record };
        guard.write_unflushed(confirmed).unwrap();
        drop(guard);
        host.run(&["status"]).ends(0);
    };
    if let Some(recorded) = Recorded::of(several_files, release) {
        for keeps in [Keeps::All, Keeps::Nothing] {
            recorded.cut(recorded.ended, keeps, true).unwrap();
        }
    }
}
