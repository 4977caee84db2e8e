//! The users and groups that are known inside.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use evenkeel_host::process::{self, Request};

/// How long a directory service may take to say who somebody is.
const LOOK_UP: Duration = Duration::from_secs(3);

/// Writes `passwd` and `group`, or nothing where this machine's own will do.
pub(crate) fn files(wanted: &[String], alias: bool) -> Vec<(String, Vec<u8>)> {
    ["passwd", "group"]
        .into_iter()
        .filter_map(|table| Some((table.to_owned(), file(table, wanted, alias)?)))
        .collect()
}

fn file(table: &str, wanted: &[String], alias: bool) -> Option<Vec<u8>> {
    let own = fs::read(format!("/etc/{table}")).unwrap_or_default();
    let own = String::from_utf8_lossy(&own);
    let is_there = |name: &&String| own.lines().any(|line| line.split(':').next() == Some(name.as_str()));
    let elsewhere: Vec<String> =
        wanted.iter().filter(|name| !is_there(name)).filter_map(|name| look_up(table, name)).collect();
    if !alias && elsewhere.is_empty() {
        return None;
    }
    let lines = own.lines().map(str::to_owned).chain(elsewhere);
    let lines = lines.map(|line| if alias { as_root(&line, table == "passwd") } else { line });
    Some(lines.map(|line| line + "\n").collect::<String>().into_bytes())
}

/// Asks this machine for an account that is in none of its files.
fn look_up(table: &str, name: &str) -> Option<String> {
    if name.starts_with('-') || name.contains([':', '\n', '\0']) {
        return None;
    }
    let request = Request {
        program: PathBuf::from("/usr/bin/getent"),
        args: vec![OsString::from(table), OsString::from(name)],
        env: Vec::new(),
        cwd: None,
        limit: LOOK_UP,
        output_bytes_max: 64 << 10,
    };
    let said = process::run(&request).ok()?;
    let line = String::from_utf8_lossy(&said.stdout).lines().next()?.to_owned();
    (said.status.success() && line.split(':').next() == Some(name)).then_some(line)
}

/// Turns an account into another name of root.
fn as_root(line: &str, is_user: bool) -> String {
    let mut fields: Vec<&str> = line.split(':').collect();
    let numbers = if is_user { 2..4 } else { 2..3 };
    fields
        .iter_mut()
        .enumerate()
        .filter(|(place, _)| numbers.contains(place))
        .for_each(|(_, field)| *field = "0");
    fields.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_becomes_another_name_of_root() {
        let user = "www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin";
        assert_eq!(as_root(user, true), "www-data:x:0:0:www-data:/var/www:/usr/sbin/nologin");
        assert_eq!(as_root("adm:x:4:syslog", false), "adm:x:0:syslog");
        let text = String::from_utf8(file("passwd", &[], true).unwrap()).unwrap();
        assert!(text.starts_with("root:"));
        assert!(text.lines().all(|line| line.split(':').nth(2) == Some("0")));
    }

    #[test]
    fn own_files_do_where_nothing_is_missing() {
        assert_eq!(file("passwd", &["root".to_owned()], false), None);
        assert_eq!(look_up("passwd", "--help"), None);
    }
}
