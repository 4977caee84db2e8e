//! `diff`: which requests change their outcome between two trees, and how much of yesterday's traffic that is.

mod agreed;
mod beside;
mod counts;
mod curl;
mod json;
mod reading;
mod rows;
mod show;
mod stream;
mod traffic;
mod verify;

use evenkeel_model::{Catalog, Config, Diff, DiffOptions, Lacks, Side, World, validate};
use evenkeel_syntax::secret::redact_str;

use crate::args::{self, Global};
use crate::output::{Exit, Output};
use crate::settings::Settings;
use crate::tree::Tree;
use agreed::Agreed;
use reading::Reading;
use traffic::Replayed;
use verify::Verified;

/// Both trees.
struct Trees {
    old: Tree,
    new: Tree,
}

/// Everything that is told.
struct Report<'t> {
    trees: &'t Trees,
    /// What nginx would refuse.
    problems: Vec<Fault>,
    diff: Diff,
    traffic: Option<Replayed>,
    verified: Option<Verified>,
    /// Whether every row is shown.
    all: bool,
}

/// Something that nginx would refuse.
struct Fault {
    side: Side,
    file: String,
    line: u32,
    code: &'static str,
    message: String,
}

impl Trees {
    fn config(&self, side: Side) -> &Config {
        match side {
            Side::Old => &self.old.config,
            Side::New => &self.new.config,
        }
    }
}

pub(crate) fn diff(args: &args::Diff, global: &Global, output: Output) -> anyhow::Result<Exit> {
    let settings = Settings::load(global)?;
    let progress = output.progress();
    progress.say("reading the trees");
    let read = |tree| Tree::read(tree, args.prefix.as_deref(), args.nginx_version.as_deref(), &settings);
    let trees = Trees { old: read(&args.old)?, new: read(&args.new)? };
    // What cannot be read is said before anything takes long.
    let logs = traffic::open(args, &trees)?;
    let problems: Vec<Fault> =
        [Side::Old, Side::New].into_iter().flat_map(|side| faults(&trees, side)).collect();
    progress.say("comparing the ways of requests");
    let files = Agreed::new(&trees);
    let options = DiffOptions::default();
    let diff = evenkeel_model::diff(&trees.old.config, &trees.new.config, &files, &options);
    let traffic = match logs {
        Some(logs) => Some(traffic::replay(&trees, logs, &progress)?),
        None => None,
    };
    let verified = match args.verify {
        true => Some(verify::verify(&trees, &diff, args, global, &settings, &progress)?),
        false => None,
    };
    drop(progress);
    let report = Report { trees: &trees, problems, diff, traffic, verified, all: args.all };
    output.print(|| show::text(&report, output), || json::document(&report));
    Ok(report.exit())
}

/// What nginx would refuse of a tree.
fn faults(trees: &Trees, side: Side) -> Vec<Fault> {
    let config = trees.config(side);
    let problems = validate(config, &Catalog::for_version(config.settings().version));
    let refused = problems.into_iter().filter(|problem| problem.code != "duplicate-server-name");
    let fault = |problem: evenkeel_model::Problem| Fault {
        side,
        file: config.file(problem.file).display.clone(),
        line: problem.line,
        code: problem.code,
        message: redact_str(&problem.message).into_owned(),
    };
    refused.map(fault).collect()
}

impl Report<'_> {
    fn changes_nothing(&self) -> bool {
        self.diff.changes.is_empty() && self.diff.stream.is_empty() && self.diff.settings.is_empty()
    }

    fn exit(&self) -> Exit {
        let refuted = self.verified.as_ref().is_some_and(|verified| !verified.disagree.is_empty());
        let seen = self.traffic.as_ref().is_some_and(|traffic| traffic.counted.changed() > 0);
        let blind = self.traffic.as_ref().is_some_and(|traffic| traffic.saw_nothing());
        let unproven = self.verified.as_ref().is_some_and(|verified| !verified.failed.is_empty());
        if !self.problems.is_empty() || !self.changes_nothing() || seen || refuted {
            Exit::No
        } else if !self.diff.incomplete_because.is_empty() || blind || unproven {
            Exit::CouldNotLook
        } else {
            Exit::Yes
        }
    }
}

fn side_name(side: Side) -> &'static str {
    match side {
        Side::Old => "old",
        Side::New => "new",
    }
}

/// What a world takes as given, for people.
fn assumptions(world: &World) -> Vec<String> {
    world.texts()
}

/// What a log does not say, and what is taken for true instead.
fn lacking(lacks: &Lacks, reading: &Reading) -> Vec<String> {
    let mut said = Vec::new();
    let mut lacking = |is: bool, words: &str| {
        if is {
            said.push(words.to_owned());
        }
    };
    lacking(
        lacks.host && reading.assumed.host.is_none(),
        "it has no $host: every request is taken for one without a name",
    );
    let ports = "the socket that fits host and scheme";
    lacking(
        lacks.port && reading.assumed.port.is_none(),
        &format!("it has no $server_port: {ports} takes the request"),
    );
    let guessed = lacks.scheme && reading.assumed.tls.is_none() && !reading.assumed.tls_ports.is_empty();
    lacking(guessed, "it has no $scheme: http where the status of the old tree fits that alone, else https");
    lacking(lacks.method, "it has no $request_method: every request is taken for a GET");
    lacking(
        lacks.raw_target,
        "it has $uri, not $request_uri: rewrites may have changed it before it was written",
    );
    lacking(lacks.args, "it has no $args: every request is taken for one without arguments");
    lacking(lacks.client, "it has no $remote_addr, and the trees ask where a client comes from");
    for name in &lacks.headers {
        let variable = name.replace('-', "_");
        lacking(
            true,
            &format!("it has no $http_{variable}, and the trees ask for it: none is taken to be sent"),
        );
    }
    said.extend(reading.assumes.iter().map(|assumed| format!("it has no $host: {assumed}")));
    said
}
