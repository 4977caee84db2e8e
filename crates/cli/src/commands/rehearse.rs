//! `rehearse`: the tree under a real nginx in a sandbox.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, anyhow, bail};
use evenkeel_host::nginx::find::find;
use evenkeel_host::place::Place as HostPlace;
use evenkeel_model::{DiffOptions, FileKind, RouteSpec};
use evenkeel_rehearsal::rehearse::{
    How, Predicted, Question, RehearsalError, Settings as Wanted, Tree as Proposed,
};
use evenkeel_rehearsal::report::text::text;

use crate::args::{self, Global};
use crate::output::{Exit, Output};
use crate::routes_file;
use crate::settings::{Settings, absolute};
use crate::tree::Tree;

/// The file of routes beside the main file.
const ROUTES: &str = "routes.toml";
/// A file of routes larger than this is not one.
const ROUTES_BYTES_MAX: u64 = 4 << 20;

pub(crate) fn rehearse(args: &args::Rehearse, global: &Global, output: Output) -> anyhow::Result<Exit> {
    let began = Instant::now();
    if args.untrusted && args.mode.as_deref() == Some("reduced") {
        bail!("rehearse a tree that is not trusted in mode reduced: nothing would confine it");
    }
    let settings = Settings::load(global)?;
    let progress = output.progress();
    progress.say("reading the tree");
    let prefix = match &args.prefix {
        Some(prefix) => absolute(prefix.clone())?,
        None => settings.config_dir.clone(),
    };
    let tree = Tree::read(&args.tree, Some(&prefix), None, &settings)?;
    let live = match &args.against {
        Some(live) => Some(Tree::read(live, Some(&prefix), None, &settings)?),
        None => None,
    };
    let asked = routes(&tree.place.directory)?;
    let known = match &live {
        Some(live) => routes(&live.place.directory).unwrap_or_default(),
        // Without a live tree nothing is new.
        None => asked.clone(),
    };
    let questions: Vec<Question> =
        asked.iter().map(|route| Question::beside(route, &known, ROUTES)).collect();
    let changes = match &live {
        Some(live) => {
            progress.say("comparing the ways of requests");
            let nothing = |_: &[u8]| FileKind::Unknown;
            let options = DiffOptions::default();
            Predicted::of(&evenkeel_model::diff(&live.config, &tree.config, &nothing, &options))
        }
        None => Vec::new(),
    };
    let wanted = Wanted {
        program: "/proc/self/exe".into(),
        nginx: binaries(global, &settings)?,
        config_dir: prefix.clone(),
        args: if global.nginx.len() > 1 { Vec::new() } else { arguments(&tree) },
        how: how(args.mode.as_deref()),
        offline: args.offline,
        untrusted: args.untrusted,
        master: master(&settings, &prefix),
        load: args.load,
        changes,
        to_come: Vec::new(),
        began,
    };
    let new = proposed(&tree);
    let old = live.as_ref().map(proposed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start")?;
    let mut say = |what: &str| progress.say(what);
    let held = evenkeel_rehearsal::rehearse(&new, old.as_ref(), &questions, &wanted, &mut say);
    let report = runtime.block_on(held).map_err(with_hint)?;
    drop(progress);
    let good = report.blocking(&args.accept).next().is_none();
    output.print(
        || text(&report, &args.accept),
        || {
            let mut document = serde_json::to_value(&report).unwrap_or_default();
            if let Some(document) = document.as_object_mut() {
                document.insert("passes".to_owned(), good.into());
                document.insert("accepted".to_owned(), args.accept.clone().into());
            }
            document
        },
    );
    Ok(good.into())
}

fn proposed(tree: &Tree) -> Proposed<'_> {
    Proposed { directory: &tree.place.directory, config: &tree.config, kept: &[] }
}

/// The message, with the way out behind it.
pub(super) fn with_hint(error: RehearsalError) -> anyhow::Error {
    let hint = error.hint().map(str::to_owned);
    match hint {
        Some(hint) => anyhow!("{error} ({hint})"),
        None => anyhow!(error),
    }
}

/// The binaries: those of the command line, else that of this host.
pub(super) fn binaries(global: &Global, settings: &Settings) -> anyhow::Result<Vec<PathBuf>> {
    let named = match global.nginx.as_slice() {
        [] => vec![settings.nginx.clone()],
        named => named.to_vec(),
    };
    let mut found = Vec::new();
    for nginx in named {
        // Inside, `..` may lead elsewhere.
        let nginx =
            std::fs::canonicalize(&nginx).or_else(|_| absolute(nginx).map_err(std::io::Error::other))?;
        if !nginx.is_file() {
            bail!(
                "find nginx at {}: a rehearsal needs a real one; name it with --nginx FILE",
                nginx.display()
            );
        }
        if !found.contains(&nginx) {
            found.push(nginx);
        }
    }
    Ok(found)
}

pub(super) fn how(mode: Option<&str>) -> How {
    match mode {
        Some("ident") => How::Ident,
        Some("subid") => How::Subid,
        Some("alias") => How::Alias,
        Some("reduced") => How::Reduced,
        _ => How::Best,
    }
}

/// How nginx is told of a main file that is not the one it was built for.
pub(super) fn arguments(tree: &Tree) -> Vec<String> {
    let main = &tree.place.main;
    let configure = tree.config.settings().configure.as_deref().unwrap_or_default();
    let own = configure.split_whitespace().find_map(|word| word.strip_prefix("--conf-path="));
    if own.is_some_and(|own| Path::new(own) == main) {
        return Vec::new();
    }
    vec!["-c".to_owned(), main.display().to_string()]
}

/// The nginx that runs here with this tree's place, when there is one.
fn master(settings: &Settings, prefix: &Path) -> Option<i32> {
    if prefix != settings.config_dir {
        return None;
    }
    let mut place = HostPlace::new(&settings.config_dir, &settings.state_dir);
    place.nginx.clone_from(&settings.nginx);
    place.pid.clone_from(&settings.pid);
    find(&place).ok().map(|master| master.id.pid)
}

/// What a tree's own `routes.toml` asks.
fn routes(directory: &Path) -> anyhow::Result<Vec<RouteSpec>> {
    let path = directory.join(ROUTES);
    let Ok(meta) = std::fs::metadata(&path) else { return Ok(Vec::new()) };
    // Opening a pipe would wait for somebody who writes into it.
    if !meta.is_file() {
        bail!("read {}: it is not a regular file", path.display());
    }
    if meta.len() > ROUTES_BYTES_MAX {
        bail!("{} is larger than {ROUTES_BYTES_MAX} bytes", path.display());
    }
    let bytes = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let file = routes_file::read(&bytes).map_err(|why| anyhow!("read {}: {why}", path.display()))?;
    Ok(file.routes.into_iter().map(|entry| entry.spec).collect())
}
