//! `init`: a first evenkeel.toml and routes.toml for an existing tree.

mod settings_file;

use std::path::{Path, PathBuf};

use anyhow::bail;
use evenkeel_model::{Router, Suggestion, suggest};
use evenkeel_syntax::secret::redact_str;
use serde_json::json as value;

use super::place::{exists, is_special, write};
use crate::args::{self, Global};
use crate::output::{Exit, Output};
use crate::served::Served;
use crate::settings::{DEFAULT_FILE, Settings, absolute};
use crate::tree::{Tree, locate};

pub(crate) fn init(args: &args::Init, global: &Global, output: Output) -> anyhow::Result<Exit> {
    // `--config FILE` says where the settings are to go; there need not be any yet.
    let missing = global.config.as_ref().is_some_and(|path| !exists(path));
    let settings =
        Settings::load(&Global { config: global.config.clone().filter(|_| !missing), ..global.clone() })?;
    let tree = args.dir.clone().unwrap_or_else(|| settings.config_dir.clone());
    let prefix = args.prefix.as_deref().unwrap_or(&settings.config_dir);
    let directory = locate(&tree, prefix)?.directory;
    let routes = directory.join("routes.toml");
    if exists(&routes) && !args.force {
        bail!("write {}: it is there already; --force writes over it", routes.display());
    }
    let progress = output.progress();
    progress.say("reading the tree");
    let tree = Tree::read(&tree, Some(prefix), None, &settings)?;
    if let Some(problem) = tree.config.problems().first() {
        let (file, message) = (&tree.config.file(problem.file).display, redact_str(&problem.message));
        bail!(
            "learn from a tree that nginx would refuse ({file}:{}: {message}); `evenkeel check` tells more",
            problem.line
        );
    }
    progress.say("looking for a request for every server and location");
    let router = Router::new(&tree.config).with_files(Served::new(&tree));
    let suggestion = suggest(&tree.config, &router.witnesses(), &mut |request| router.route(request));
    drop(progress);
    let live = is_live(&directory, &settings);
    let target = settings_file(global, &directory, live)?;
    write(&routes, &suggestion.text, args.force)?;
    let mut written = vec![routes];
    let mut notes = Vec::new();
    let text = settings_file::text(&settings, &tree.config, live);
    match target {
        Some(paths) => match write_first(&paths, &text, args.force) {
            Ok(Some(path)) => written.push(path),
            Ok(None) => notes.push("the settings were there already and stay as they are".to_owned()),
            Err(error) if global.config.is_some() => return Err(error),
            Err(error) => {
                notes.push(format!("the settings were not written ({error:#}); --config FILE says where"));
            }
        },
        None => notes.push(
            "evenkeel.toml was not written: settings lie outside every tree; --config FILE says where"
                .to_owned(),
        ),
    }
    if live && settings.state_dir.join("journal.db").exists() {
        notes.push(
            "routes.toml is now part of the live tree: `evenkeel adopt` makes it part of what is released"
                .into(),
        );
    }
    let done = Done {
        next: next(args.dir.as_deref(), args.prefix.as_deref(), &directory, &written),
        written,
        suggestion,
        notes,
    };
    output.print(|| done.text(), || done.json());
    Ok(Exit::Yes)
}

/// What was written, and what to do with it.
struct Done {
    /// The files, `routes.toml` first.
    written: Vec<PathBuf>,
    suggestion: Suggestion,
    notes: Vec<String>,
    /// A command, and what it does.
    next: Vec<(String, &'static str)>,
}

impl Done {
    fn text(&self) -> String {
        let Suggestion { routes, without, .. } = self.suggestion;
        let mut text = String::new();
        for path in &self.written {
            text.push_str(&format!("wrote {}\n", path.display()));
        }
        text.push_str(&format!(
            "routes in it: {routes}; servers and locations without one, with the reason: {without}\n"
        ));
        if routes == 0 {
            text.push_str("no request reaches a server of this tree: routes.toml is a beginning only\n");
        }
        self.notes.iter().for_each(|note| text.push_str(&format!("{note}\n")));
        text.push_str("\nNext:\n");
        let wide = self.next.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0);
        self.next.iter().for_each(|(command, does)| text.push_str(&format!("  {command:<wide$}   {does}\n")));
        text
    }

    fn json(&self) -> serde_json::Value {
        value!({
            "written": self.written.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
            "routes": self.suggestion.routes,
            "without_route": self.suggestion.without,
            "notes": self.notes,
            "next": self.next.iter().map(|(command, _)| command).collect::<Vec<_>>(),
        })
    }
}

/// Whether a tree is the live one.
fn is_live(directory: &Path, settings: &Settings) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    real(directory).is_some_and(|tree| Some(tree) == real(&settings.config_dir))
}

/// Where the settings may go, the best place first; `None`: nowhere. They decide about safety, so they lie outside every
/// tree; those of the live tree are this host's.
fn settings_file(global: &Global, tree: &Path, live: bool) -> anyhow::Result<Option<Vec<PathBuf>>> {
    let real_tree = std::fs::canonicalize(tree).ok();
    let is_inside = |path: &PathBuf| {
        let parent = path.parent().and_then(|parent| std::fs::canonicalize(parent).ok());
        parent.zip(real_tree.as_ref()).is_some_and(|(parent, tree)| parent.starts_with(tree))
    };
    if let Some(path) = &global.config {
        let path = absolute(path.clone())?;
        if is_inside(&path) {
            bail!("write {}: settings decide about safety and lie outside every tree", path.display());
        }
        return Ok(Some(vec![path]));
    }
    let mut places = vec![absolute(PathBuf::from("evenkeel.toml"))?];
    // Who says where the host is does not speak of the one that the machine's own settings are about.
    if live && global.config_dir.is_none() {
        places.insert(0, PathBuf::from(DEFAULT_FILE));
    }
    places.retain(|path| !is_inside(path));
    Ok((!places.is_empty()).then_some(places))
}

/// Writes the first of these files that this user may write; `None`: it was there already.
fn write_first(paths: &[PathBuf], text: &str, over: bool) -> anyhow::Result<Option<PathBuf>> {
    let mut last = None;
    for path in paths {
        if is_special(path) || (exists(path) && !over) {
            return Ok(None);
        }
        match write(path, text, over) {
            Ok(()) => return Ok(Some(path.clone())),
            Err(error) => last = Some(error),
        }
    }
    last.map_or(Ok(None), Err)
}

/// What to do with what was written.
fn next(
    named: Option<&Path>,
    prefix: Option<&Path>,
    tree: &Path,
    written: &[PathBuf],
) -> Vec<(String, &'static str)> {
    let shown = named.unwrap_or(tree).display();
    let settings = written.iter().skip(1).find(|path| *path != Path::new(DEFAULT_FILE));
    let config = settings.map(|path| format!(" --config {}", path.display())).unwrap_or_default();
    let prefix = prefix.map(|prefix| format!(" --prefix {}", prefix.display())).unwrap_or_default();
    vec![
        (format!("evenkeel test {shown}{prefix}{config}"), "hold the tree against its routes"),
        (format!("evenkeel test {shown}{prefix}{config} --rehearse"), "ask a real nginx in a sandbox"),
    ]
}
