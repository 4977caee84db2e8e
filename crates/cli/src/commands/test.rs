//! `test`: the expectations of routes.toml, held against the model and, where it is wanted, against a real nginx.

mod generate;
mod proven;
mod rehearsed;
mod report;
mod show;
mod tested;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use evenkeel_model::{Coverage, Limits, NodeId, Route, Router, map_lines, prove};

use crate::args::{self, Global, TestFormat};
use crate::output::{Exit, Output, put};
use crate::routes_file::{self, Entry, RoutesFile};
use crate::served::Served;
use crate::settings::Settings;
use crate::tree::{Place, Tree};
use proven::Proven;
use report::Report;
use tested::Tested;

/// A routes file larger than this is not one.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// A file of expectations.
struct File {
    /// As people are told of it.
    name: String,
    says: RoutesFile,
}

pub(crate) fn test(args: &args::Test, global: &Global, output: Output) -> anyhow::Result<Exit> {
    if args.fail_under.is_some_and(|share| share > 100) {
        bail!("read --fail-under: a share is at most 100 percent");
    }
    let settings = Settings::load(global)?;
    let progress = output.progress();
    progress.say("reading the tree");
    let tree = Tree::read(&args.tree, args.prefix.as_deref(), args.nginx_version.as_deref(), &settings)?;
    let files = match files(&args.routes, &tree.place, &args.tree) {
        // The first file is made of what this prints.
        Err(_) if args.generate && args.routes.is_empty() => Vec::new(),
        files => files?,
    };
    let router = Router::new(&tree.config).with_files(Served::new(&tree));
    progress.say("routing");
    let wanted =
        |entry: &&Entry| args.tags.is_empty() || entry.tags.iter().any(|tag| args.tags.contains(tag));
    if let Some(tag) = args.tags.iter().find(|tag| !files.iter().any(|file| file.says.has_tag(tag))) {
        bail!("find the tag \"{}\": no route has it", tag.escape_debug());
    }
    let specs = files
        .iter()
        .flat_map(|file| file.says.routes.iter().filter(wanted).map(move |entry| (file, &entry.spec)));
    let mut tested: Vec<Tested<'_>> = specs
        .map(|(file, spec)| Tested::on_model(&file.name, spec, router.route(&spec.request), &tree.config))
        .collect();
    let stands = if args.rehearse {
        Some(rehearsed::rehearse(&tree, &mut tested, global, &settings, &progress)?)
    } else {
        None
    };
    let covering: Vec<(&Route, Vec<NodeId>)> = tested
        .iter()
        .filter_map(|tested| Some((tested.covers()?, map_lines(&router, &tested.spec.request))))
        .collect();
    let coverage = Coverage::of(&tree.config, covering.iter().map(|(route, lines)| (*route, &lines[..])));
    if args.generate {
        progress.say("looking for a request for every server, location and line of a map");
        let names = files.iter().flat_map(|file| &file.says.routes).map(|entry| entry.spec.name.clone());
        return Ok(generate::generate(&router, &tree.config, &coverage, names.collect()));
    }
    let all = args.tags.is_empty();
    let invariants = files.iter().flat_map(|file| file.says.invariants.iter().map(move |it| (file, it)));
    let proven = invariants.filter(|_| all).map(|(file, invariant)| {
        progress.say(&format!("proving: {}", invariant.name.escape_debug()));
        Proven { file: &file.name, invariant, proof: prove(&router, invariant, &Limits::default()) }
    });
    let invariants = proven.collect();
    drop(progress);
    let report = Report {
        config: &tree.config,
        coverage,
        list_coverage: args.coverage,
        invariants,
        fail_under: args.fail_under,
        stands,
        tested,
    };
    let format = if output.json { TestFormat::Json } else { args.format };
    put(&match format {
        TestFormat::Text => show::text(&report, output),
        TestFormat::Json => show::json(&report).to_string(),
        TestFormat::Junit => show::junit(&report),
    });
    Ok(report.holds().into())
}

/// The files of expectations: those that are named, else the one beside nginx.conf.
fn files(named: &[PathBuf], place: &Place, tree: &Path) -> anyhow::Result<Vec<File>> {
    if !named.is_empty() {
        return named.iter().map(|path| file(path)).collect();
    }
    let path = place.directory.join("routes.toml");
    if !path.exists() {
        bail!(
            "find {}: `evenkeel init {}` writes a first one, and --routes names one that lies elsewhere",
            path.display(),
            tree.display()
        );
    }
    Ok(vec![file(&path)?])
}

fn file(path: &Path) -> anyhow::Result<File> {
    let about = || format!("read {}", path.display());
    // Opening a pipe would wait for somebody who writes into it.
    if !std::fs::metadata(path).with_context(about)?.is_file() {
        bail!("read {}: it is not a regular file", path.display());
    }
    let opened = std::fs::File::open(path).with_context(about)?;
    let mut bytes = Vec::new();
    opened.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).with_context(about)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        bail!("read {}: it is larger than {} MiB", path.display(), FILE_BYTES_MAX >> 20);
    }
    let Ok(text) = String::from_utf8(bytes) else {
        bail!("read {}: it is not text", path.display());
    };
    let says = routes_file::read(&text).map_err(|unread| {
        let routes_file::Unread { line, column, message } = unread;
        anyhow::anyhow!("read {}:{line}:{column}: {message}", path.display())
    })?;
    if let Some((name, first, second)) = says.same_name() {
        let (path, name) = (path.display(), name.escape_debug());
        bail!("read {path}:{second}: the name \"{name}\" is taken already by line {first}");
    }
    Ok(File { name: path.display().to_string(), says })
}
