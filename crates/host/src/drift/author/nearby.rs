//! What ran when something happened, where the kernel names nobody: inotify tells an ordinary user, or a container, of an event
//! without its process.
//!
//! Of all that was started in the last second only one that stands alone is named, and as a possibility: the process with which
//! it began, its children with it. Where several things began, nobody can tell.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use super::Process;
use crate::identity::ProcessId;

/// What was started within so long may have done it.
const LATELY: Duration = Duration::from_secs(1);
/// On a machine with more processes nobody is looked for.
const PROCESSES_MAX: usize = 2_000;

/// The one thing that was started lately, but for what `me` started.
pub(super) fn nearby(me: i32) -> Option<Process> {
    let numbers =
        fs::read_dir("/proc").ok()?.flatten().filter_map(|it| it.file_name().to_str()?.parse().ok());
    let all: Vec<i32> = numbers.take(PROCESSES_MAX + 1).collect();
    if all.len() > PROCESSES_MAX {
        return None;
    }
    let lately = |pid: &i32| ProcessId::of(*pid).is_some_and(|id| id.age() <= LATELY);
    let started: HashMap<i32, i32> = all
        .into_iter()
        .filter(|pid| *pid != me && lately(pid) && !serves(*pid))
        .map(|pid| (pid, above(pid)))
        .collect();
    let pid = alone(&started, me)?;
    Process::look(pid)
}

/// Whether it is a process that nginx started to serve: it follows from a change, and makes none.
fn serves(pid: i32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(b"nginx: "))
}

fn above(pid: i32) -> i32 {
    super::parent(pid).unwrap_or(0)
}

/// The only process whose own parent is not among them; `None` when there are several, or none. `me` and what it started count not.
fn alone(started: &HashMap<i32, i32>, me: i32) -> Option<i32> {
    let mut first = started.iter().filter(|(_, parent)| **parent != me && !started.contains_key(parent));
    let one = first.next().map(|(pid, _)| *pid)?;
    first.next().is_none().then_some(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_began_alone_is_named_with_its_children_and_two_are_nobody() {
        let of = |all: &[(i32, i32)]| alone(&all.iter().copied().collect(), 9);
        assert_eq!(of(&[(20, 1), (21, 20), (22, 21)]), Some(20), "a script, and what it runs");
        assert_eq!(of(&[(20, 1), (30, 1)]), None, "two things at the same time");
        assert_eq!(of(&[(20, 1), (31, 9), (32, 31)]), Some(20), "what this one started is none");
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn living_process_that_was_just_started_is_among_what_ran() {
        let mut child = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let me = i32::try_from(std::process::id()).unwrap();
        let seen = above(pid) == me;
        // Started by this process itself, it is nobody's deed.
        let named = nearby(me);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(seen && named.is_none_or(|it| it.pid != pid));
    }
}
