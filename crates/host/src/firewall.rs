//! This machine's firewall, as its own programs print it, and what a verdict on it has to know of the machine.
//!
//! Nothing is judged here: bytes come out. What could not be read is named, because "nothing was read" and "there is
//! nothing" are not the same. The sets that the next boot loads are loaded for real, in a network namespace of their own
//! that lives as long as it is read ([`persisted`]).

mod facts;
mod persisted;
mod tools;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use facts::{Address, Facts, Link, Route, facts};
pub use persisted::{Persisted, persisted};
pub use tools::ban_tools;

use crate::process::{self, Output, Request, RunError};

/// How long one program may take. A ruleset of 100,000 rules takes nft about a second.
const LIMIT: Duration = Duration::from_secs(20);
/// How much one program may print.
const OUTPUT_BYTES_MAX: usize = 256 << 20;

/// What the programs print.
#[derive(Debug, Clone, Default)]
pub struct Dumps {
    /// `nft -j list ruleset`
    pub nft: Option<Vec<u8>>,
    /// `nft -t list ruleset`
    pub words: Option<Vec<u8>>,
    /// `iptables-nft-save`
    pub iptables: Option<Vec<u8>>,
    /// `ip6tables-nft-save`
    pub ip6tables: Option<Vec<u8>>,
    /// `iptables-legacy-save`
    pub iptables_legacy: Option<Vec<u8>>,
    /// `ip6tables-legacy-save`
    pub ip6tables_legacy: Option<Vec<u8>>,
    /// `ipset save`
    pub ipset: Option<Vec<u8>>,
}

/// What was read, and what was not.
#[derive(Debug, Clone, Default)]
pub struct Read {
    /// What the programs printed.
    pub dumps: Dumps,
    /// What could not be read although it may be there, each with the way out.
    pub unread: Vec<String>,
}

/// Why a program told nothing.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("it is not installed")]
    Missing,
    #[error("{0}")]
    Run(#[from] RunError),
    #[error("{0}")]
    Refused(String),
    #[error("it prints more than {} MB", OUTPUT_BYTES_MAX >> 20)]
    TooMuch,
}

/// Reads the firewall that is at work.
pub fn running() -> Read {
    let mut read = Read::default();
    let tables = legacy_tables(Path::new("/proc/net"));
    match nft_ruleset() {
        Ok((words, dump)) => {
            read.dumps.words = Some(words);
            // The old iptables is beside nftables; without its module it is not there.
            let managed = managed(&dump);
            read.dumps.nft = Some(dump);
            for (family, program, slot) in [
                ("ip", "iptables-nft-save", &mut read.dumps.iptables),
                ("ip6", "ip6tables-nft-save", &mut read.dumps.ip6tables),
            ] {
                if managed.iter().any(|of| of == family) {
                    // Without it, what nft does not understand is unknown, and the verdict says so.
                    *slot = ask(program, &[]).ok();
                }
            }
        }
        Err(error) => read.unread.push(format!("nftables: nft: {error}{}", way_out(&error, "nftables"))),
    }
    for (tables, program, slot) in [
        (&tables[0], "iptables-legacy-save", &mut read.dumps.iptables_legacy),
        (&tables[1], "ip6tables-legacy-save", &mut read.dumps.ip6tables_legacy),
    ] {
        match tables {
            Ok(false) => {}
            Ok(true) => match ask(program, &[]) {
                Ok(dump) => *slot = Some(dump),
                Err(error) => read.unread.push(format!("{program}: {error}{}", way_out(&error, "iptables"))),
            },
            Err(error) => read.unread.push(format!("the tables of {program}: {error}")),
        }
    }
    let saves = [
        &read.dumps.iptables,
        &read.dumps.ip6tables,
        &read.dumps.iptables_legacy,
        &read.dumps.ip6tables_legacy,
    ];
    if saves.into_iter().flatten().any(|dump| contains(dump, b"--match-set")) {
        match ask("ipset", &["save"]) {
            Ok(dump) => read.dumps.ipset = Some(dump),
            Err(error) => read.unread.push(format!("ipset: {error}{}", way_out(&error, "ipset"))),
        }
    }
    read
}

/// nft's words and JSON. With a table that is asleep, nft 1.0.6 prints rubbish for its flags, or ends there: then the other
/// tables are asked for one by one.
fn nft_ruleset() -> Result<(Vec<u8>, Vec<u8>), AskError> {
    let words = ask("nft", &["-t", "list", "ruleset"])?;
    let dump = ask("nft", &["-j", "list", "ruleset"])?;
    if !contains(&words, b"flags dormant") {
        return Ok((words, dump));
    }
    let mut all = Vec::new();
    for (family, name) in awake(&words) {
        let dump = ask("nft", &["-j", "list", "table", &family, &name])?;
        let mut dump: serde_json::Value =
            serde_json::from_slice(&dump).map_err(|error| AskError::Refused(error.to_string()))?;
        if let Some(objects) = dump.get_mut("nftables").and_then(serde_json::Value::as_array_mut) {
            all.append(objects);
        }
    }
    Ok((words, serde_json::json!({ "nftables": all }).to_string().into_bytes()))
}

/// The tables that are not asleep, by family and name.
fn awake(words: &[u8]) -> Vec<(String, String)> {
    let mut tables: Vec<(String, String)> = Vec::new();
    for line in String::from_utf8_lossy(words).lines() {
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["table", family, name, "{"] => tables.push(((*family).to_owned(), (*name).to_owned())),
            // Sets have flags too, but none of this name.
            ["flags", "dormant", ..] => drop(tables.pop()),
            _ => {}
        }
    }
    tables
}

/// The families whose tables iptables manages: there is something in them that nft does not understand, or they have
/// iptables' names.
fn managed(dump: &[u8]) -> Vec<String> {
    let has = |family: &str| {
        ["filter", "nat", "mangle", "raw", "security"].iter().any(|table| {
            let name = format!("{{\"table\": {{\"family\": \"{family}\", \"name\": \"{table}\"");
            contains(dump, name.as_bytes())
                || contains(dump, name.replace(": ", ":").replace(", ", ",").as_bytes())
        })
    };
    ["ip", "ip6"].into_iter().filter(|family| has(family)).map(str::to_owned).collect()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// Says for IPv4 and IPv6 whether the old iptables has tables. The kernel tells root alone.
fn legacy_tables(proc: &Path) -> [io::Result<bool>; 2] {
    ["ip_tables_names", "ip6_tables_names"].map(|name| match std::fs::read(proc.join(name)) {
        Ok(names) => Ok(!names.is_empty()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    })
}

/// What to do so that it can be read.
fn way_out(error: &AskError, package: &str) -> String {
    match error {
        AskError::Missing => format!("; install {package}, or give --ruleset FILE"),
        _ if !nix::unistd::geteuid().is_root() => {
            "; run this as root, or give --ruleset FILE with a dump that root took".to_owned()
        }
        _ => String::new(),
    }
}

/// Finds a program where administrators' programs are, whatever the caller's PATH.
fn find(program: &str) -> Option<PathBuf> {
    let places = ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin"];
    places.iter().map(|place| Path::new(place).join(program)).find(|path| path.exists())
}

/// Runs a program that prints its tables.
fn ask(program: &str, args: &[&str]) -> Result<Vec<u8>, AskError> {
    let program = find(program).ok_or(AskError::Missing)?;
    let args = args.iter().map(OsString::from).collect();
    ask_with(program, args)
}

fn ask_with(program: PathBuf, args: Vec<OsString>) -> Result<Vec<u8>, AskError> {
    let env = vec![("LC_ALL".into(), "C".into()), ("PATH".into(), "/usr/sbin:/usr/bin:/sbin:/bin".into())];
    let request = Request {
        program,
        args,
        env,
        cwd: Some("/".into()),
        limit: LIMIT,
        output_bytes_max: OUTPUT_BYTES_MAX,
    };
    let Output { status, stdout, stderr, truncated } = process::run(&request)?;
    if truncated {
        return Err(AskError::TooMuch);
    }
    if !status.success() {
        let said = String::from_utf8_lossy(&stderr);
        let said = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it failed and said nothing");
        return Err(AskError::Refused(said.trim().to_owned()));
    }
    Ok(stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_read_is_named_with_the_way_out() {
        let read = running();
        if nix::unistd::geteuid().is_root() {
            assert!(read.dumps.nft.is_some(), "{:?}", read.unread);
        } else {
            assert!(read.dumps.nft.is_none());
            assert!(read.unread.iter().any(|unread| unread.contains("root")), "{:?}", read.unread);
        }
    }

    #[test]
    fn tables_of_iptables_are_known_by_their_names() {
        let dump = br#"{"nftables": [{"table": {"family": "ip6", "name": "filter", "handle": 1}}]}"#;
        assert_eq!(managed(dump), ["ip6"]);
        assert_eq!(
            managed(br#"{"nftables":[{"table":{"family":"inet","name":"filter","handle":1}}]}"#),
            [""; 0]
        );
    }

    #[test]
    fn tables_that_are_asleep_are_left_out() {
        let words = b"table inet a {\n\tflags dormant\n\n\tchain i {\n\t}\n}\ntable ip b {\n\tset s {\n\t\tflags interval\n\t}\n}\n";
        assert_eq!(awake(words), [("ip".to_owned(), "b".to_owned())]);
    }

    #[test]
    fn old_tables_are_there_when_the_kernel_names_one() {
        let proc = tempfile::tempdir().unwrap();
        std::fs::write(proc.path().join("ip_tables_names"), "").unwrap();
        std::fs::write(proc.path().join("ip6_tables_names"), "filter\n").unwrap();
        assert_eq!(legacy_tables(proc.path()).map(Result::unwrap), [false, true]);
        std::fs::remove_file(proc.path().join("ip6_tables_names")).unwrap();
        assert_eq!(legacy_tables(proc.path()).map(Result::unwrap), [false, false]);
    }

    #[test]
    fn set_without_its_service_is_asleep() {
        let root = tempfile::tempdir().unwrap();
        let nothing = persisted(root.path(), &Facts::default());
        assert!(nothing.from.is_empty() && nothing.asleep.is_empty() && nothing.read.dumps.nft.is_some());
        std::fs::create_dir_all(root.path().join("etc/systemd/system/sysinit.target.wants")).unwrap();
        std::fs::write(root.path().join("etc/nftables.conf"), "").unwrap();
        let asleep = persisted(root.path(), &Facts::default());
        assert_eq!(asleep.asleep, ["/etc/nftables.conf (nftables.service is not enabled)"]);
        let wants = root.path().join("etc/systemd/system/sysinit.target.wants/nftables.service");
        std::os::unix::fs::symlink("/lib/systemd/system/nftables.service", wants).unwrap();
        // The file is the machine's own, loaded in a namespace.
        let awake = persisted(root.path(), &Facts::default());
        assert_eq!(awake.from, ["/etc/nftables.conf"]);
        assert!(awake.asleep.is_empty());
        assert!(awake.read.dumps.nft.is_some() || !awake.read.unread.is_empty());
    }
}
