//! Ctrl-C, a hang-up and a polite end, at any moment.

use std::time::{Duration, Instant};

use crate::support::{Host, kill};

/// Whether a process catches SIGINT (2), which every command does before it looks at the host.
fn listens(pid: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 0b10 != 0)
}

/// Interrupts applies at moments `step` apart, from the first to one that is surely in the bake.
fn interrupted(signal: &str, offset_ms: u64) {
    let host = Host::start();
    host.run(&["adopt"]).ends(0);
    let before = host.tree();
    let mut baking = 0;
    for round in 0..40 {
        host.propose().replace("sites/shop.conf", "\"one\"", &format!("\"new {round}\""));
        let mut child = host.apply_in_background(&["--bake", "30s"]);
        let pid = i32::try_from(child.id()).unwrap();
        host.wait("the command listens", || listens(pid));
        std::thread::sleep(Duration::from_millis(offset_ms + round * 30));
        let was_new = host.get("/version").is_some_and(|(_, body)| body.starts_with("new"));
        kill(pid, signal);
        let asked = Instant::now();
        let code = child.wait().unwrap().code();
        let what = format!("{signal} in round {round}");
        assert_eq!(code, Some(1), "{what}");
        assert!(asked.elapsed() < Duration::from_secs(8), "{what}: {:?}", asked.elapsed());
        host.is_still(&before, &what);
        assert!(!host.path("etc/.evenkeel").exists(), "{what}: something lies beside the tree");
        host.run(&["status"]).ends(0);
        baking += u32::from(was_new);
        if baking > 2 {
            return;
        }
    }
    panic!("no apply came as far as its bake");
}

#[test]
fn ctrl_c_hang_up_and_polite_end_at_any_moment_are_rollbacks() {
    // Each of them mostly waits.
    std::thread::scope(|scope| {
        for (signal, offset_ms) in [("INT", 0), ("TERM", 10), ("HUP", 20)] {
            scope.spawn(move || interrupted(signal, offset_ms));
        }
    });
}

#[test]
fn impatient_ctrl_c_is_one_ctrl_c() {
    let host = Host::start();
    host.run(&["adopt"]).ends(0);
    let before = host.tree();
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    let mut child = host.apply_in_background(&["--bake", "30s"]);
    host.wait("the new configuration", || host.get("/version").is_some_and(|(_, body)| body == "two"));
    for _ in 0..5 {
        kill(i32::try_from(child.id()).unwrap(), "INT");
    }
    assert_eq!(child.wait().unwrap().code(), Some(1));
    host.is_still(&before, &"five interrupts");
    host.run(&["status"]).ends(0);
}
