//! Whether there is a way back, and which, is asked before anything is touched: whether the running nginx would read what
//! it runs once more today, and whether it can stand by with it in memory instead.

use evenkeel_agent::Looks;
use evenkeel_fleet::{Evidence, EvidenceKind};
use evenkeel_host::nginx::check::{self, CheckError, Verdict};
use evenkeel_host::nginx::find::Master;
use evenkeel_host::nginx::upgrade;
use evenkeel_host::slots::{Record, Upgrade};
use evenkeel_model::{Config, Settings};

use super::look::looks_within;
use super::{Host, HostError, Look, Outcome};
use crate::stages;

/// Which way back a release is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WayBack {
    /// The old files and a reload where nginx would read them today; else from memory, where that is possible.
    #[default]
    Auto,
    /// The old files and a reload.
    Reload,
    /// From memory: the old master stands by until the release is confirmed.
    ParseFree,
}

/// The way back of one release.
pub(super) struct Chosen {
    pub(super) evidence: Evidence,
    /// Whether the old master stands by.
    pub(super) parse_free: bool,
    /// Whether nginx would read what it runs once more today; `None` where it could not be asked.
    pub(super) old_is_read: Option<bool>,
    /// What was in the way and was accepted, as recorded.
    pub(super) accepted: Option<String>,
}

impl Host {
    /// Chooses the way back. Without one the evidence does not hold, unless that was accepted.
    pub(super) fn way_back(
        &self,
        master: &Master,
        live: &Look,
        wanted: WayBack,
        accept: &[String],
    ) -> Result<Chosen, HostError> {
        let accepts = |kind: EvidenceKind| accept.iter().any(|accept| accept == kind.name());
        let refusal = match check::live(&self.question(Some(master), live, &live.outside)) {
            Ok(Verdict::Accepted { .. }) => Ok(None),
            Ok(refused @ Verdict::Refused { .. }) => {
                let said = stages::preflight_evidence(&refused, "it").summary;
                Ok(Some(said.trim_start_matches("it refuses it: ").to_owned()))
            }
            Err(error @ CheckError::Interrupted) => return Err(error.into()),
            // The same answer that the proposed tree got a moment ago.
            Err(error) if accepts(EvidenceKind::Preflight) => Err(error.to_string()),
            Err(error) => return Err(error.into()),
        };
        let possible = upgrade::possible(master, &self.settings.place.pid, says_daemon_off(&live.config));
        let pid = master.id.pid;
        let stands_by = |why: &str| {
            format!(
                "parse-free: {why}nginx {pid} stands by with the old configuration in memory until it is confirmed"
            )
        };
        let (parse_free, holds, summary) = match (wanted, &refusal, &possible) {
            (WayBack::ParseFree, _, Ok(())) => (true, true, stands_by("as was asked for, ")),
            (WayBack::ParseFree, _, Err(why)) => {
                (false, false, format!("nginx {pid} cannot stand by for a way back without reading: {why}"))
            }
            (_, Ok(None), _) => (
                false,
                true,
                "reload: the running nginx would read the old configuration once more today".to_owned(),
            ),
            (_, Err(why), _) => (
                false,
                true,
                format!("reload: whether nginx would read the old configuration is not known: {why}"),
            ),
            (WayBack::Auto, Ok(Some(said)), Ok(())) => (
                true,
                true,
                stands_by(&format!("the old configuration cannot be read again today ({said}), so ")),
            ),
            (WayBack::Auto, Ok(Some(said)), Err(why)) => (
                false,
                false,
                format!("{NO_WAY_BACK} ({said}); and nginx {pid} cannot stand by with it: {why}"),
            ),
            (WayBack::Reload, Ok(Some(said)), Ok(())) => {
                (false, false, format!("{NO_WAY_BACK} ({said}); `--way-back parse-free` would work"))
            }
            (WayBack::Reload, Ok(Some(said)), Err(_)) => (false, false, format!("{NO_WAY_BACK} ({said})")),
        };
        let old_is_read = refusal.as_ref().ok().map(Option::is_none);
        let go_on = !holds && accepts(EvidenceKind::WayBack);
        let mut evidence = Evidence::new(EvidenceKind::WayBack, holds || go_on, summary.clone());
        if go_on {
            evidence.summary = format!("accepted to go on without: {summary}");
        } else if !holds {
            let kind = EvidenceKind::WayBack.name();
            evidence = evidence
                .details([format!("put that right first, or say `--accept {kind}`; that is recorded")]);
        }
        if parse_free {
            evidence = evidence.details(self.costs(&live.config));
        }
        let accepted = go_on.then(|| format!("{}: {summary}", EvidenceKind::WayBack.name()));
        Ok(Chosen { evidence, parse_free, old_is_read, accepted })
    }

    /// What a new master beside the old one costs, for people.
    fn costs(&self, config: &Config) -> Vec<String> {
        let mut lines = Vec::new();
        let zones = zones(config);
        if !zones.is_empty() {
            lines.push(format!(
                "the new nginx begins with empty shared memory, and what it counts is lost if it is taken back: {}",
                zones.join(", ")
            ));
        }
        let pid = self.settings.place.pid.display();
        lines.push(format!(
            "from the switch on {pid} names the new nginx, and {pid}.oldbin the old one; systemd follows the pid file \
             (Type=forking with PIDFile=) when the old one has ended"
        ));
        lines
    }

    /// What nginx looks like with the bundle that was confirmed before the one that stands there.
    pub(super) fn good_before(
        &self,
        live: &Look,
        settings: &Settings,
        limit: std::time::Duration,
    ) -> Option<Looks> {
        let before = self.agent_here().standing().ok()??.confirmed_before?;
        let files = self.bundle(before).ok()?;
        let outside = stages::outside(&self.meaning(&files, settings, live));
        Some(looks_within(&outside, limit))
    }
}

const NO_WAY_BACK: &str =
    "there would be no way back: the running nginx does not read the old configuration again today";

/// Says who woke the master that stood by, when somebody did.
pub(super) fn woken(record: &Record) -> Option<String> {
    evenkeel_agent::woken(&record.upgrade?)
}

/// Adds to an outcome what became of the master that stood by.
pub(super) fn tell_of_old(outcome: &mut Outcome, record: Option<&Record>, pid_file: &std::path::Path) {
    let Some(both) = record.and_then(|record| record.upgrade) else { return };
    outcome.notes.extend(record.and_then(woken));
    if let (true, Upgrade { old, new: Some(new), .. }) =
        (both.old.lives() && both.new.is_some_and(|it| it.lives()), both)
    {
        outcome.notes.push(format!(
            "nginx {} still finishes its requests; it ends by itself, and nginx {} is named by {}",
            old.pid,
            new.pid,
            pid_file.display()
        ));
    }
}

fn says_daemon_off(config: &Config) -> bool {
    config.root().find("daemon").any(|node| node.arg(0) == Some(b"off"))
}

/// The shared memory zones of a configuration, each with what it is for.
fn zones(config: &Config) -> Vec<String> {
    let mut all = Vec::new();
    for node in config.nodes() {
        let named = |text: &[u8], key: &[u8]| {
            let rest = text.strip_prefix(key)?;
            let end = rest.iter().position(|&byte| byte == b':').unwrap_or(rest.len());
            Some(String::from_utf8_lossy(&rest[..end]).into_owned())
        };
        let key: &[u8] = match node.name() {
            "limit_req_zone" | "limit_conn_zone" => b"zone=",
            "ssl_session_cache" => b"shared:",
            "zone" => b"",
            name if name.ends_with("_cache_path") => b"keys_zone=",
            _ => continue,
        };
        let mut args = node.args();
        let zone = if key.is_empty() {
            node.arg(0).and_then(|arg| named(arg, key))
        } else {
            args.find_map(|arg| named(arg, key))
        };
        all.extend(
            zone.map(|zone| format!("{zone} ({})", if key.is_empty() { "upstream" } else { node.name() })),
        );
    }
    all.sort();
    all.dedup();
    all
}
