//! One rehearsal, from the trees to the report.

use std::cell::OnceCell;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use evenkeel_host::nginx::compiled::{Compiled, compiled};
use evenkeel_model::{Config, Expectation, Live, Request, RouteSpec};

use crate::asker::Asker;
use crate::confinement;
use crate::connect;
use crate::descriptors;
use crate::finding::Finding;
use crate::inventory::{Around, Names};
use crate::load::Load;
use crate::machine::Machine;
use crate::on_request;
pub use crate::predicted::Predicted;
use crate::reach::{Address, Limits as ReachLimits, Reached, Target, reach, targets};
use crate::report::Report;
use crate::run::{Play, Ran, Side, run};
use crate::sandbox::SandboxError;
use crate::setup::setup;
use crate::stub::StubError;
use crate::watch::millis;

/// How long `nginx -V` may take.
const SAYS_WITHIN: Duration = Duration::from_secs(5);

/// A tree, where it lies and what it means.
#[derive(Debug, Clone, Copy)]
pub struct Tree<'a> {
    /// Where its files lie.
    pub directory: &'a Path,
    /// What it means, read for the place where it will live.
    pub config: &'a Config,
    /// Files and directories of the tree that are not in `directory` (keys that no copy may hold): the path below the
    /// tree, and where it really lies. They are mounted at their place inside.
    pub kept: &'a [(PathBuf, PathBuf)],
}

/// A request that is asked because somebody wrote it down.
#[derive(Debug, Clone)]
pub struct Question {
    /// Its name, for people.
    pub name: String,
    /// The request.
    pub request: Request,
    /// Where it must end.
    pub expect: Option<Expectation>,
    /// What a real answer must hold. Of an answer that a stand-in gave, nothing rests on it.
    pub live: Option<Live>,
    /// Whether the live tree does not ask it yet: when it fails that is new, whatever the live tree answers.
    pub is_new: bool,
    /// The file that asks it, for people.
    pub file: Option<String>,
    /// The line.
    pub line: Option<u32>,
}

impl Question {
    /// A `[[route]]` of a file. `live`: what the live tree's file asks.
    #[must_use]
    pub fn beside(route: &RouteSpec, live: &[RouteSpec], file: &str) -> Question {
        let same = |old: &RouteSpec| {
            old.request == route.request && old.expect == route.expect && old.live == route.live
        };
        Question { is_new: !live.iter().any(same), ..Question::of(route, file) }
    }

    /// A `[[route]]` of a file.
    #[must_use]
    pub fn of(route: &RouteSpec, file: &str) -> Question {
        Question {
            name: route.name.clone(),
            request: route.request.clone(),
            expect: route.expect.clone(),
            live: route.live.clone(),
            is_new: false,
            file: Some(file.to_owned()),
            line: Some(route.line),
        }
    }
}

/// How the sandbox is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum How {
    /// As faithfully as is possible here.
    #[default]
    Best,
    /// Root, with the host's own user numbers.
    Ident,
    /// An ordinary user with subordinate user numbers.
    Subid,
    /// An ordinary user: every account is the same inside.
    Alias,
    /// Without namespaces: a private prefix, listens and upstreams rewritten.
    Reduced,
}

/// What is rehearsed, and how.
#[derive(Debug, Clone)]
pub struct Settings {
    /// This binary, which is executed again for the sandbox: `/proc/self/exe`.
    pub program: PathBuf,
    /// The nginx binaries, at least one.
    pub nginx: Vec<PathBuf>,
    /// Where the tree will live.
    pub config_dir: PathBuf,
    /// The arguments that nginx is started with on this host (`-c FILE`, `-p DIR`, …), without its own name.
    pub args: Vec<String>,
    /// How the sandbox is built.
    pub how: How,
    /// Whether nobody outside is asked.
    pub offline: bool,
    /// Whether the tree must see no real key.
    pub untrusted: bool,
    /// The master of the nginx that runs here, when there is one: its limits and its sockets count.
    pub master: Option<i32>,
    /// The volume of requests that is played to both trees at the end; `None`: none.
    pub load: Option<Load>,
    /// What is predicted to change between the live tree and this one, to be asked of both.
    pub changes: Vec<Predicted>,
    /// Where somebody listens only when the release has begun, and is asked then: the application that comes with it.
    pub to_come: Vec<SocketAddr>,
    /// When the command began.
    pub began: Instant,
}

/// Why a rehearsal could not be held. A tree that fails is no such thing: that is what the report says.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// There is no sandbox.
    #[error("build the sandbox: {reason}")]
    Sandbox {
        /// What was refused, and by what.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The tree wanted more than a sandbox gives.
    #[error("rehearse to the end: the tree wanted more than a sandbox gives ({wanted})")]
    Ended {
        /// Of what: `more than 2048 processes`.
        wanted: String,
    },
}

impl RehearsalError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            RehearsalError::Sandbox { hint, .. } => hint.as_deref(),
            RehearsalError::Ended { .. } => Some("what a sandbox gives is in docs/guide/rehearsal.md"),
        }
    }

    pub(crate) fn from_sandbox(error: SandboxError) -> RehearsalError {
        if let SandboxError::Ended { because: Some(wanted) } = error {
            return RehearsalError::Ended { wanted };
        }
        let reduced = "where namespaces are refused, --mode reduced rehearses without them, and sees less";
        let hint = match error.hint() {
            Some(hint) => Some(format!("{hint}; {reduced}")),
            None if matches!(error, SandboxError::Refused { .. }) => Some(reduced.to_owned()),
            None => None,
        };
        RehearsalError::Sandbox { reason: chain(&error), hint }
    }

    pub(crate) fn from_stub(error: StubError) -> RehearsalError {
        RehearsalError::Sandbox { reason: chain(&error), hint: None }
    }

    pub(crate) fn broken(what: &str, error: &std::io::Error) -> RehearsalError {
        RehearsalError::Sandbox { reason: format!("{what}: {error}"), hint: None }
    }
}

pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Rehearses a tree: the way from the live one, a fresh start, the questions, and what happens when upstreams are down.
///
/// Runs on a current-thread runtime. `progress` is told what is being done now.
///
/// # Errors
/// [`RehearsalError`] when there is no sandbox; never because the tree is bad.
pub async fn rehearse(
    tree: &Tree<'_>,
    against: Option<&Tree<'_>>,
    questions: &[Question],
    settings: &Settings,
    progress: &mut dyn FnMut(&str),
) -> Result<Report, RehearsalError> {
    if settings.untrusted && settings.how == How::Reduced {
        return Err(RehearsalError::Sandbox {
            reason: "the reduced mode confines nothing, and the tree is not to be trusted".to_owned(),
            hint: Some("rehearse it where namespaces are allowed: docs/guide/rehearsal.md".to_owned()),
        });
    }
    let mut machine = Machine::look(settings.master);
    let lent = lent(&mut machine, tree, against, settings);
    let new_targets = targets(tree.config);
    let live_targets = against.map(|live| targets(live.config));
    let reaching = reached(&new_targets, tree.config, &machine, settings);
    let playing =
        play(tree, against, questions, settings, &machine, (&new_targets, live_targets.as_deref()), progress);
    // Where there is no sandbox, the upstreams are not waited for.
    let (reached, mut report) = tokio::try_join!(async { Ok(reaching.await) }, playing)?;
    if let [first, ..] = lent.as_slice() {
        let more = if lent.len() > 1 { format!(" and {} more", lent.len() - 1) } else { String::new() };
        report
            .differences
            .push(format!("addresses that this machine lacks are its own inside: {first}{more}"));
    }
    let comes = |at: &&SocketAddr| {
        new_targets.iter().any(|target| matches!(&target.address, Address::Inet(it) if it == *at))
    };
    report.differences.extend(settings.to_come.iter().filter(comes).map(|at| {
        format!("{at} is not asked: the application of this release listens there when the release has begun")
    }));
    let (upstreams, findings) = connect::judge(&new_targets, live_targets.as_deref(), &reached);
    report.upstreams = upstreams;
    report.findings.extend(findings);
    report.findings.extend(denials(tree, against, settings));
    report.findings.extend(on_request::findings(tree, against, settings));
    report.findings.extend(descriptors::findings(tree, against, settings));
    sort(&mut report.findings);
    report.timings.total_ms = millis(settings.began.elapsed());
    Ok(report)
}

/// Takes addresses of another host for our own. Where a master runs this is the host, and what it lacks it lacks. A live
/// tree that listens on what this machine lacks shows that it is not; and so does a lone tree that lies elsewhere.
pub(crate) fn lent(
    machine: &mut Machine,
    tree: &Tree<'_>,
    against: Option<&Tree<'_>>,
    settings: &Settings,
) -> Vec<IpAddr> {
    if settings.master.is_some() {
        return Vec::new();
    }
    let mut lent = against.map(|live| machine.take_addresses(live.config)).unwrap_or_default();
    let is_elsewhere = match against {
        Some(_) => !lent.is_empty(),
        None => tree.directory != settings.config_dir,
    };
    if is_elsewhere {
        lent.extend(machine.take_addresses(tree.config));
    }
    lent
}

/// Asks from here whether the upstreams accept connections.
async fn reached(
    targets: &[Target],
    config: &Config,
    machine: &Machine,
    settings: &Settings,
) -> Vec<Reached> {
    if settings.offline {
        return Vec::new();
    }
    let asked = connect::to_ask(targets.to_vec(), config, machine, &settings.to_come);
    reach(&asked, &ReachLimits::default()).await
}

async fn play(
    tree: &Tree<'_>,
    against: Option<&Tree<'_>>,
    questions: &[Question],
    settings: &Settings,
    machine: &Machine,
    (new_targets, live_targets): (&[Target], Option<&[Target]>),
    progress: &mut dyn FnMut(&str),
) -> Result<Report, RehearsalError> {
    let all: Vec<&Target> = new_targets.iter().chain(live_targets.unwrap_or_default()).collect();
    let mut names = Names::assign(all.iter().copied(), machine);
    let listened: Vec<String> =
        against.into_iter().chain([tree]).flat_map(|tree| names.take_listens(tree.config, machine)).collect();
    // Whose sockets are whose can be seen of a master alone. Without one, what the live tree listens on is its own; without
    // a live tree this is not the host, and whoever listens here is in nobody's way.
    let is_host = settings.master.is_some();
    let running = (!is_host).then(|| against.map_or(tree.config, |live| live.config));
    let side = |tree, targets: &[Target]| Side {
        tree,
        around: Around::of(tree_config(tree), targets, &names, machine, running),
        asker: Asker::new(tree_config(tree), machine),
    };
    let mut new = side(tree, new_targets);
    if let Some(live) = against {
        new.around.hold_files(tree.config, live.config);
    }
    let whole = Play {
        new,
        live: against.map(|live| side(live, live_targets.unwrap_or_default())),
        questions,
        items: OnceCell::new(),
        machine,
        names: &names,
        settings,
    };
    let trees: Vec<&Tree<'_>> = against.into_iter().chain([tree]).collect();
    let mut report = Report::default();
    report.differences.extend(listened.iter().map(|name| {
        format!(
            "{name} is listened on as 127.0.0.1 inside: what it resolves to on the host is not known here"
        )
    }));
    let mut runs = Vec::new();
    for nginx in &settings.nginx {
        let asked = built(nginx);
        // The trees were read for the one binary that there is; of several, each must be asked what it was built for.
        let (known, asked) = match settings.nginx.len() {
            1 => (None, Some(asked)),
            _ => (asked.await, None),
        };
        let setup = setup(&trees, &all, &names, machine, settings, (nginx, known.as_ref()))
            .map_err(|error| RehearsalError::Sandbox { reason: chain(&error), hint: None })?;
        let mut ran = run(&whole, setup, progress).await?;
        let known = match asked {
            Some(asked) => asked.await,
            None => known,
        };
        ran.run.version = known.map(|it| it.version);
        runs.push(ran);
    }
    gather(&mut report, runs);
    Ok(report)
}

fn tree_config<'a>(tree: &Tree<'a>) -> &'a Config {
    tree.config
}

/// Asks a binary what it is, beside everything else.
pub(crate) fn built(nginx: &Path) -> impl Future<Output = Option<Compiled>> + use<> {
    let nginx = nginx.to_owned();
    let asked = tokio::task::spawn_blocking(move || compiled(&nginx, SAYS_WITHIN).ok());
    async move { asked.await.ok().flatten() }
}

/// Puts the runs together: what all of them found is told once.
fn gather(report: &mut Report, runs: Vec<Ran>) {
    let several = runs.len() > 1;
    let all: Vec<Vec<Finding>> = runs.iter().map(|ran| ran.findings.clone()).collect();
    for ran in runs {
        report.mode = ran.mode;
        report.timings.first_answer_ms = report.timings.first_answer_ms.or(ran.first_answer_ms);
        for difference in ran.differences {
            if !report.differences.contains(&difference) {
                report.differences.push(difference);
            }
        }
        for mut finding in ran.findings {
            let everywhere = all.iter().all(|findings| findings.contains(&finding));
            if several && !everywhere {
                finding.nginx = Some(match &ran.run.version {
                    Some(version) => format!("{} ({version})", ran.run.nginx),
                    None => ran.run.nginx.clone(),
                });
            }
            if !report.findings.contains(&finding) {
                report.findings.push(finding);
            }
        }
        report.runs.push(ran.run);
    }
}

/// What SELinux or AppArmor say of new sockets: their denials do not show in a sandbox.
fn denials(tree: &Tree<'_>, against: Option<&Tree<'_>>, settings: &Settings) -> Vec<Finding> {
    let (Some(live), Some(nginx)) = (against, settings.nginx.first()) else { return Vec::new() };
    let facts = confinement::Facts::read(nginx, settings.master);
    let denied = confinement::ask(tree.config, Some(live.config), &facts);
    denied.iter().map(|denial| denial.finding(tree.config)).collect()
}

/// The worst first, what is new before what was there, what has a place before what has none, then by place.
fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let key = |it: &Finding| {
            (it.old, std::cmp::Reverse(it.severity), it.file.is_none(), it.file.clone(), it.line, it.rule)
        };
        key(a).cmp(&key(b))
    });
}
