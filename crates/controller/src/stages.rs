//! Where the text side and the fleet side meet: a tree is loaded, checked and held against the live one, and what that
//! says becomes evidence.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use evenkeel_agent::count;
use evenkeel_fleet::{Evidence, EvidenceKind};
use evenkeel_host::nginx::check::Verdict;
use evenkeel_host::nginx::generation::Workers;
use evenkeel_host::nginx::log::STDERR;
use evenkeel_host::nginx::sockets::Listen;
use evenkeel_lint::{Finding, Report, Severity};
use evenkeel_model::{Catalog, Config, Diff, ListenAddress, LogTarget, RuntimeUse, Settings};
use evenkeel_rehearsal::report::Report as Rehearsal;
use evenkeel_syntax::secret::redact_str;

/// A tree that was loaded and checked.
#[derive(Debug)]
pub struct Checked {
    /// What it means.
    pub config: Config,
    /// What is wrong with it.
    pub report: Report,
}

/// Checks a loaded tree; rules that look at what a change takes away hold it against `live`.
#[must_use]
pub fn check(config: Config, live: Option<&Config>, settings: &evenkeel_lint::Settings) -> Checked {
    let catalog = Catalog::for_version(config.settings().version);
    let problems = evenkeel_model::validate(&config, &catalog);
    let report =
        evenkeel_lint::check(&evenkeel_lint::Input { config: &config, problems: &problems, live, settings });
    Checked { config, report }
}

/// What a change brings, seen from the live tree.
#[derive(Debug)]
pub struct Gate {
    /// Errors that it brings or makes worse and that nobody accepted: they refuse it.
    pub refusing: Vec<Finding>,
    /// Errors that it brings and that its author accepted, as recorded.
    pub accepted: Vec<String>,
    /// Everything else that is new or worse.
    pub shown: Vec<Finding>,
}

/// Holds the new findings against the live ones. `accept` names rules (`RULE`) or a rule in a file (`RULE:FILE`).
#[must_use]
pub fn gate(new: &Report, live: &Report, accept: &[String]) -> Gate {
    let mut gate = Gate { refusing: Vec::new(), accepted: Vec::new(), shown: Vec::new() };
    for finding in evenkeel_lint::new_or_worse(new, live) {
        let named = |accept: &String| {
            *accept == finding.rule || accept.split_once(':') == Some((&finding.rule, &finding.file))
        };
        match finding.severity {
            Severity::Error if accept.iter().any(named) => gate.accepted.push(line(&finding)),
            Severity::Error => gate.refusing.push(finding),
            _ => gate.shown.push(finding),
        }
    }
    gate
}

/// A finding on one line, without secrets.
#[must_use]
pub fn line(finding: &Finding) -> String {
    let Finding { rule, severity, file, line, column, message, .. } = finding;
    redact_str(&format!("{file}:{line}:{column}: {}[{rule}]: {message}", severity.name())).into_owned()
}

/// The check as evidence.
#[must_use]
pub fn check_evidence(gate: &Gate, checked: &Report) -> Evidence {
    let summary = match gate.refusing.as_slice() {
        [] if gate.shown.is_empty() && gate.accepted.is_empty() => {
            format!("nothing new in {}", count(checked.summary.files, "file"))
        }
        [] => {
            format!("{}, none that refuses it", count(gate.shown.len() + gate.accepted.len(), "new finding"))
        }
        [first] => line(first),
        [first, rest @ ..] => format!("{} (and {} more)", line(first), rest.len()),
    };
    let details = gate.refusing.iter().chain(&gate.shown).map(line).chain(gate.accepted.iter().cloned());
    Evidence::new(EvidenceKind::Check, gate.refusing.is_empty(), summary).details(details)
}

/// What `nginx -t` said, as evidence.
#[must_use]
pub fn preflight_evidence(verdict: &Verdict, by: &str) -> Evidence {
    let text = |message: &evenkeel_host::nginx::check::Message| {
        let place = match (&message.file, message.line) {
            (Some(file), Some(line)) => format!(" in {}:{line}", file.display()),
            _ => String::new(),
        };
        redact_str(&format!("{}{place}", message.text)).into_owned()
    };
    match verdict {
        Verdict::Accepted { warnings } => {
            Evidence::new(EvidenceKind::Preflight, true, format!("accepted by {by}"))
                .details(warnings.iter().map(text))
        }
        Verdict::Refused { messages } => {
            let reason = messages.first().map_or_else(|| "no reason given".to_owned(), text);
            Evidence::new(EvidenceKind::Preflight, false, format!("{by} refuses it: {reason}"))
                .details(messages.iter().map(text))
        }
    }
}

/// A refusal of nginx with the line that it is about, where nginx names none, and the way out. `drift`: how the nginx that
/// runs differs from the one on disk, when that may be why.
#[must_use]
pub fn explained(mut evidence: Evidence, config: &Config, drift: Option<&str>) -> Evidence {
    if evidence.holds {
        return evidence;
    }
    if evidence.kind == EvidenceKind::Preflight {
        let has_line = |text: &str| {
            let line = text.rsplit_once(':').map_or("", |(_, line)| line);
            text.contains(" in /") && !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit())
        };
        let said =
            evidence.summary.split_once(" refuses it: ").map_or(evidence.summary.as_str(), |(_, said)| said);
        let place = evenkeel_rehearsal::line_of(said, config).filter(|_| !has_line(said));
        evidence.details.extend(evenkeel_rehearsal::way_out(said).map(|way| format!("help: {way}")));
        if let Some((file, line)) = place {
            evidence.summary = format!("{file}:{line}: {}", evidence.summary);
        }
    }
    // Only what the one knows and the other does not is of the binaries.
    let of_binaries = ["unknown", "invalid", "module", "dlopen"];
    if let Some(drift) = drift.filter(|_| of_binaries.iter().any(|word| evidence.summary.contains(word))) {
        evidence.summary = format!("{}; {drift}", evidence.summary);
    }
    evidence
}

/// What a change does to requests, as evidence. It refuses nothing: whether that is what was meant is for routes, invariants
/// and people to say.
#[must_use]
pub fn diff_evidence(diff: &Diff) -> Evidence {
    let rows = match diff.changes.len() {
        0 => "no request changes".to_owned(),
        1 => "1 class of requests changes".to_owned(),
        many => format!("{many} classes of requests change"),
    };
    let rows = match diff.stream.len() {
        0 => rows,
        1 => format!("{rows}, and 1 class of connections to stream"),
        many => format!("{rows}, and {many} classes of connections to stream"),
    };
    let mut summary = match diff.settings.len() {
        0 => rows,
        1 => format!("{rows}, and 1 setting"),
        many => format!("{rows}, and {many} settings"),
    };
    if !diff.incomplete_because.is_empty() {
        summary.push_str("; a change may be missing");
    }
    let lines = diff.changes.iter().map(ToString::to_string);
    let lines = lines.chain(diff.stream.iter().map(ToString::to_string));
    let lines = lines.chain(diff.settings.iter().map(ToString::to_string));
    let open = diff.incomplete_because.iter().map(|why| format!("not everything could be looked at: {why}"));
    let clean = |line: String| redact_str(&line).into_owned();
    Evidence::new(EvidenceKind::Diff, true, summary).details(lines.chain(open).map(clean))
}

/// A rehearsal as evidence; what was in its way and was accepted, as recorded; and what else a person should know.
#[must_use]
pub fn rehearsal_evidence(report: &Rehearsal, accept: &[String]) -> (Evidence, Vec<String>, Vec<String>) {
    let of = |finding: &evenkeel_rehearsal::finding::Finding| {
        let place = match (&finding.file, finding.line) {
            (Some(file), Some(line)) => format!("{file}:{line}: "),
            (Some(file), None) => format!("{file}: "),
            _ => String::new(),
        };
        let (rule, severity) = (finding.rule, finding.severity);
        redact_str(&format!("{place}{severity}[{rule}]: {}", finding.message)).into_owned()
    };
    let refusing: Vec<String> = report.blocking(accept).map(of).collect();
    let blocks = |accepted: bool| {
        report.findings.iter().filter(move |it| it.blocks() && it.is_accepted(accept) == accepted)
    };
    let accepted: Vec<String> = blocks(true).map(|it| format!("rehearsal: {}", of(it))).collect();
    let notes = report.findings.iter().filter(|it| !it.blocks() && !it.old).map(of).collect();
    let summary = match refusing.as_slice() {
        [] => rehearsal_summary(report),
        [first] => first.clone(),
        [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
    };
    let details = report.findings.iter().map(of).chain(report.differences.iter().cloned());
    let evidence = Evidence::new(EvidenceKind::Rehearsal, refusing.is_empty(), summary).details(details);
    (evidence, accepted, notes)
}

/// What went well, in one line.
fn rehearsal_summary(report: &Rehearsal) -> String {
    let asked: Vec<_> = report.runs.iter().flat_map(|run| &run.asked).collect();
    let changed = asked.iter().filter(|it| it.changed).count();
    let changes = match changed {
        0 => "none answered differently".to_owned(),
        1 => "1 answered differently".to_owned(),
        many => format!("{many} answered differently"),
    };
    let accepting = report.upstreams.iter().filter(|it| it.accepts).count();
    let upstreams = match report.upstreams.len() {
        0 => String::new(),
        1 if accepting == 1 => "; the upstream accepts connections".to_owned(),
        all if accepting == all => format!("; all {all} upstreams accept connections"),
        all => format!("; {accepting} of {} accept connections", count(all, "upstream")),
    };
    format!(
        "the reload works in a sandbox ({}): {} asked, {changes}{upstreams}",
        report.mode,
        count(asked.len(), "request")
    )
}

/// What a release must see of the nginx that runs a configuration.
#[derive(Debug, Clone)]
pub struct Outside {
    /// How many workers.
    pub workers: Workers,
    /// Every address it listens on.
    pub listens: Vec<Listen>,
    /// Where its master writes notices and errors.
    pub error_logs: Vec<PathBuf>,
    /// What nginx writes while it runs: never part of the tree.
    pub written: Vec<PathBuf>,
}

/// Says what to expect of an nginx that runs this configuration.
#[must_use]
pub fn outside(config: &Config) -> Outside {
    let path = |path: &[u8]| PathBuf::from(OsStr::from_bytes(path));
    let workers = match config.worker_processes() {
        evenkeel_model::Workers::Fixed(count) => Workers::Fixed(count),
        evenkeel_model::Workers::Auto => Workers::Auto,
    };
    let error_logs = config.error_logs().into_iter().filter_map(|log| match log.target {
        LogTarget::File(file) => Some(path(&file)),
        LogTarget::Stderr => Some(PathBuf::from(STDERR)),
        LogTarget::Syslog(_) | LogTarget::Memory => None,
    });
    Outside {
        workers,
        listens: listens(config),
        error_logs: error_logs.collect(),
        written: config.runtime_paths().into_iter().map(|written| path(&written.path)).collect(),
    }
}

/// Every TCP and Unix listen address that can be told without asking a name server; UDP has no listening state.
fn listens(config: &Config) -> Vec<Listen> {
    let mut out: Vec<Listen> = Vec::new();
    for listen in
        config.servers().iter().flat_map(|server| &server.listens).filter(|listen| !listen.options.udp)
    {
        match &listen.address {
            ListenAddress::Inet { ip, port, last } => {
                out.extend((*port..=*last).map(|port| Listen::Tcp(std::net::SocketAddr::new(*ip, port))));
            }
            ListenAddress::Unix(socket) => out.push(Listen::Unix(PathBuf::from(OsStr::from_bytes(socket)))),
            ListenAddress::Name { .. } => {}
        }
    }
    out.sort();
    out.dedup();
    out
}

/// The runtime files of a configuration that lie inside the tree, relative to it: logs, pids, caches.
#[must_use]
pub fn written_inside(config: &Config, config_dir: &Path) -> Vec<Vec<u8>> {
    let inside = |written: evenkeel_model::RuntimePath| {
        let path =
            Path::new(OsStr::from_bytes(&written.path)).strip_prefix(config_dir).ok()?.as_os_str().as_bytes();
        // A log can never be the tree itself, whatever a configuration says.
        (!path.is_empty() && path != b"nginx.conf").then(|| path.to_vec())
    };
    let relevant = |written: &evenkeel_model::RuntimePath| {
        matches!(
            written.what,
            RuntimeUse::Pid | RuntimeUse::Lock | RuntimeUse::Log | RuntimeUse::Temp | RuntimeUse::Cache
        )
    };
    config.runtime_paths().into_iter().filter(relevant).filter_map(inside).collect()
}

/// The settings of the model for a main file read by an nginx that printed `nginx_v` for `nginx -V`.
#[must_use]
pub fn settings(
    main: &Path,
    nginx_v: Option<&str>,
    prefix: Option<&Path>,
    error_log: Option<&Path>,
) -> Settings {
    let mut settings = Settings::new(main.as_os_str().as_bytes().to_vec());
    if let Some(text) = nginx_v {
        settings.learn(text);
    }
    if let Some(prefix) = prefix {
        settings.prefix = prefix.as_os_str().as_bytes().to_vec();
    }
    if let Some(path) = error_log {
        settings.built.error_log = path.as_os_str().as_bytes().to_vec();
    }
    settings
}
