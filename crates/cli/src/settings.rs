//! Reads `evenkeel.toml`: where the host is, its windows, its rules, and what is watched.

pub(crate) mod watch;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use evenkeel_controller::local::{APPS_DIR, Approvals};
use serde::Deserialize;

use crate::args::{Global, WayBack, duration};
use watch::{Hosts, Watched};

/// Where the settings are looked for when nobody says otherwise.
pub(crate) const DEFAULT_FILE: &str = "/etc/evenkeel/evenkeel.toml";

/// Who may approve, when nobody says otherwise.
const DEFAULT_SIGNERS: &str = "/etc/evenkeel/allowed_signers";

/// A settings or routes file larger than this is not one.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// What `evenkeel.toml` and the flags say together; flags win.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The live tree.
    pub(crate) config_dir: PathBuf,
    /// The nginx binary.
    pub(crate) nginx: PathBuf,
    /// The pid file.
    pub(crate) pid: PathBuf,
    /// Bundles, slots and journal.
    pub(crate) state_dir: PathBuf,
    /// More patterns of files that are never touched.
    pub(crate) keep: Vec<String>,
    /// What this host is called.
    pub(crate) name: String,
    /// Where the tree answers with the number of its worker.
    pub(crate) generation: Option<SocketAddr>,
    /// The windows of a release.
    pub(crate) confirm_within: Option<Duration>,
    /// How long a proven release is watched.
    pub(crate) bake: Option<Duration>,
    /// Where the steps of applications are defined.
    pub(crate) apps_dir: PathBuf,
    /// Which way back releases are given.
    pub(crate) way_back: WayBack,
    /// Who must approve what is a high risk.
    pub(crate) approvals: Approvals,
    /// The levels of rules: `off`, `note`, `warning`, `error`.
    pub(crate) rules: BTreeMap<String, String>,
    /// What is watched, from where, and who is told.
    pub(crate) watched: Watched,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct File {
    host: Hosts,
    policy: Policy,
    approval: Approval,
    rules: BTreeMap<String, String>,
    vantage: Vec<watch::Vantage>,
    probe: Vec<watch::Probe>,
    watch: watch::Watch,
    alert: Vec<watch::Alert>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Policy {
    confirm_within: Option<String>,
    bake: Option<String>,
    way_back: Option<WayBack>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Approval {
    allowed_signers: Option<PathBuf>,
    needed: Option<usize>,
}

impl Approval {
    /// A host that has a file of allowed signers at the usual place asks for approvals.
    fn read(self, from: &Path) -> anyhow::Result<Approvals> {
        if self.needed == Some(0) {
            bail!("{}: [approval] needed = 0 approves nothing; leave the section out", from.display());
        }
        let usual = || Path::new(DEFAULT_SIGNERS).exists().then(|| DEFAULT_SIGNERS.into());
        let signers = self.allowed_signers.or_else(usual).map(absolute).transpose()?;
        Ok(Approvals { signers, needed: self.needed.unwrap_or(1) })
    }
}

impl Settings {
    /// Reads the settings file, if there is one, and lays the flags over it.
    pub(crate) fn load(global: &Global) -> anyhow::Result<Settings> {
        Settings::read(global).context("read the settings")
    }

    fn read(global: &Global) -> anyhow::Result<Settings> {
        let usual = Path::new(DEFAULT_FILE);
        let from = global.config.clone().or_else(|| usual.exists().then(|| usual.into())).unwrap_or_default();
        let (file, text) = match from.as_os_str().is_empty() {
            true => (File::default(), String::new()),
            false => read_toml::<File>(&from)?,
        };
        let (host, hosts) = file.host.split(&host_name());
        let place = watch::Place { file: from.display().to_string(), text };
        let watched = Watched {
            place,
            hosts,
            vantages: file.vantage,
            probes: file.probe,
            watch: file.watch,
            alerts: file.alert,
        };
        let window = |text: &Option<String>| -> anyhow::Result<Option<Duration>> {
            let read =
                |text: &String| duration(text).map_err(|why| anyhow!("{}: [policy] {why}", from.display()));
            text.as_ref().map(read).transpose()
        };
        let pick = |flag: &Option<PathBuf>, file: Option<PathBuf>, default: &str| {
            absolute(flag.clone().or(file).unwrap_or_else(|| default.into()))
        };
        if let Some(address) = host.generation.filter(|address| !address.ip().is_loopback()) {
            bail!("{}: [host] generation = \"{address}\" is no loopback address", from.display());
        }
        Ok(Settings {
            generation: host.generation,
            config_dir: pick(&global.config_dir, host.config_dir, "/etc/nginx")?,
            nginx: pick(&global.nginx.last().cloned(), host.nginx, "/usr/sbin/nginx")?,
            pid: pick(&global.pid, host.pid, "/run/nginx.pid")?,
            state_dir: pick(&global.state_dir, host.state_dir, "/var/lib/evenkeel")?,
            apps_dir: pick(&None, host.apps_dir, APPS_DIR)?,
            keep: host.keep,
            name: host.name.unwrap_or_else(host_name),
            confirm_within: window(&file.policy.confirm_within)?,
            bake: window(&file.policy.bake)?,
            way_back: file.policy.way_back.unwrap_or(WayBack::Auto),
            approvals: file.approval.read(&from)?,
            rules: file.rules,
            watched,
        })
    }
}

/// Makes a path absolute without following links: what is bound or linked there stays the operator's word.
pub(crate) fn absolute(path: PathBuf) -> anyhow::Result<PathBuf> {
    std::path::absolute(&path).with_context(|| format!("find where {} is", path.display()))
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "localhost".to_owned() } else { name.trim().to_owned() }
}

fn read_toml<T: serde::de::DeserializeOwned>(path: &Path) -> anyhow::Result<(T, String)> {
    let about = || path.display().to_string();
    if std::fs::metadata(path).with_context(about)?.len() > FILE_BYTES_MAX {
        bail!("{} is larger than {FILE_BYTES_MAX} bytes", path.display());
    }
    let text = std::fs::read_to_string(path).with_context(about)?;
    if let Some(why) = watch::place::brackets(&path.display().to_string(), &text) {
        return Err(why);
    }
    let file = toml::from_str(&text).map_err(|error| anyhow!("{}: {error}", path.display()))?;
    Ok((file, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_unit() {
        assert_eq!(duration("500ms").unwrap(), Duration::from_millis(500));
        assert_eq!(duration("2m").unwrap(), Duration::from_secs(120));
        assert_eq!(duration("7").unwrap(), Duration::from_secs(7));
        assert!(
            duration("5 parsecs").is_err() && duration("99999999999999h").is_err() && duration("").is_err()
        );
    }
}
