//! The processes of a sandbox, as this machine sees them.

use std::collections::HashMap;
use std::fs;

/// Lists the children of a process. One that ends while the list is read may hide another.
pub(crate) fn children(pid: i32) -> Vec<i32> {
    match fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")) {
        Ok(text) => text.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect(),
        Err(_) => by_parent().remove(&pid).unwrap_or_default(),
    }
}

/// Lists everything that descends from a process.
pub(crate) fn descendants(pid: i32) -> Vec<i32> {
    let mut by_parent = by_parent();
    let (mut found, mut todo) = (Vec::new(), vec![pid]);
    while let Some(parent) = todo.pop() {
        let children = by_parent.remove(&parent).unwrap_or_default();
        found.extend(&children);
        todo.extend(children);
    }
    found
}

/// Says whether a process descends from another.
pub(crate) fn descends(pid: i32, from: i32) -> bool {
    const DEPTH_MAX: usize = 1000;
    let parents = std::iter::successors(Some(pid), |pid| parent(*pid)).skip(1).take(DEPTH_MAX);
    parents.into_iter().any(|parent| parent == from)
}

/// Gives the command line of a process, or the title that it wrote over it; empty when it has ended.
pub(crate) fn title(pid: i32) -> String {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line: Vec<u8> = line.into_iter().map(|byte| if byte == 0 { b' ' } else { byte }).collect();
    String::from_utf8_lossy(&line).trim_end().to_owned()
}

/// Says whether a process has ended, taken or not.
pub(crate) fn has_ended(pid: i32) -> bool {
    stat(pid).is_none_or(|(state, _)| matches!(state, 'Z' | 'X'))
}

/// Says whether a process waits for events: a worker of nginx, or an nginx that is its own.
pub(crate) fn waits_for_events(pid: i32) -> bool {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| {
        fs::read_link(entry.path()).is_ok_and(|target| target.as_os_str() == "anon_inode:[eventpoll]")
    })
}

fn by_parent() -> HashMap<i32, Vec<i32>> {
    let mut by_parent: HashMap<i32, Vec<i32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if let Some(parent) = parent(pid) {
            by_parent.entry(parent).or_default().push(pid);
        }
    }
    by_parent
}

fn parent(pid: i32) -> Option<i32> {
    stat(pid).map(|(_, parent)| parent).filter(|parent| *parent > 0)
}

fn stat(pid: i32) -> Option<(char, i32)> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let after = stat.iter().rposition(|&byte| byte == b')')? + 1;
    let text = String::from_utf8_lossy(stat.get(after..)?).into_owned();
    let mut fields = text.split_ascii_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}
