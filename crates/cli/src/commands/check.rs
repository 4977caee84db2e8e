//! `check` and `rules`.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use evenkeel_controller::source::{FILE_BYTES_MAX, Root, Source};
use evenkeel_controller::stages;
use evenkeel_lint::render::{Style, json, text};
use evenkeel_lint::{Baseline, Counts, Finding, Report, Severity};
use serde_json::json as value;

use crate::args::{self, Format, Global, Level};
use crate::commands::rule_settings;
use crate::output::{Exit, Output, put, table};
use crate::settings::{Settings, absolute};
use crate::tree::{Place, built, locate, model_settings};

pub(crate) fn check(args: &args::Check, global: &Global, output: Output) -> anyhow::Result<Exit> {
    let settings = Settings::load(global)?;
    let prefix = match &args.prefix {
        Some(prefix) => absolute(prefix.clone())?,
        None => settings.config_dir.clone(),
    };
    let progress = output.progress();
    progress.say("reading the tree");
    let place = locate(&args.tree, &prefix)?;
    let built = built(args.nginx_version.as_deref(), &settings)?;
    let mut source = Source::new(Root::Directory(&place.directory), &place.prefix, place.on_host);
    if let Some(fragment) = &args.fragment {
        source.replace(in_tree(fragment, &place)?, standard_input()?);
    }
    let config = source.load(&model_settings(&place, &built));
    let live = match &args.against {
        Some(directory) => {
            let live = locate(directory, &prefix)?;
            let root = Root::Directory(&live.directory);
            Some(Source::new(root, &live.prefix, live.on_host).load(&model_settings(&live, &built)))
        }
        None => None,
    };
    progress.say("checking");
    let rules = rule_settings(&settings)?;
    let checked = stages::check(config, live.as_ref(), &rules);
    drop(progress);
    let old = live.map(|live| stages::check(live, None, &rules).report);
    if let Some(file) = &args.write_baseline {
        let text = Baseline::of(&checked.report).write();
        std::fs::write(file, text).with_context(|| format!("write {}", file.display()))?;
        let (count, name) = (checked.report.findings.len(), file.display());
        output.print(
            || format!("the baseline {name} is written; findings in it: {count}"),
            || value!({ "baseline": name.to_string(), "findings": count }),
        );
        return Ok(Exit::Yes);
    }
    let report = relevant(checked.report, old.as_ref(), args.baseline.as_deref())?;
    let format = if output.json { Format::Json } else { args.format };
    match format {
        Format::Json => put(&json(&report)),
        Format::Text => {
            put(&text(&report, &checked.config, Style { colour: output.colour, ..Style::default() }));
        }
    }
    let worst = match args.fail_on {
        Level::Note => Severity::Note,
        Level::Warning => Severity::Warning,
        Level::Error => Severity::Error,
    };
    Ok((!report.findings.iter().any(|finding| finding.severity >= worst)).into())
}

/// Leaves what is new or worse, when there is something to hold it against.
fn relevant(report: Report, old: Option<&Report>, baseline: Option<&Path>) -> anyhow::Result<Report> {
    let findings: Vec<Finding> = match (old, baseline) {
        (Some(old), _) => evenkeel_lint::new_or_worse(&report, old),
        (None, Some(file)) => {
            let about = || format!("read the baseline {}", file.display());
            let bytes = std::fs::read(file).with_context(about)?;
            Baseline::read(&bytes).with_context(about)?.new_or_worse(&report)
        }
        (None, None) => return Ok(report),
    };
    let counts = Counts {
        files: report.summary.files,
        directives: report.summary.directives,
        ..Counts::of(&findings)
    };
    Ok(Report { findings, summary: counts, ..report })
}

/// The path of a fragment as nginx would see it.
fn in_tree(fragment: &Path, place: &Place) -> anyhow::Result<PathBuf> {
    let inside = if fragment.is_absolute() {
        let stripped =
            fragment.strip_prefix(&place.prefix).or_else(|_| fragment.strip_prefix(&place.directory));
        stripped.map(Path::to_path_buf).map_err(|_| {
            anyhow!(
                "take {} as a file of the tree: it is not under {}",
                fragment.display(),
                place.prefix.display()
            )
        })?
    } else {
        fragment.to_path_buf()
    };
    Ok(place.prefix.join(inside))
}

fn standard_input() -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .context("read standard input")?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        bail!("read standard input: it is larger than {} MiB", FILE_BYTES_MAX >> 20);
    }
    Ok(bytes)
}

pub(crate) fn rules(args: &args::Rules, output: Output) -> anyhow::Result<Exit> {
    let Some(name) = &args.rule else {
        let rules = evenkeel_lint::rules().iter().map(|rule| (rule.name, rule.severity, rule.summary()));
        let checks =
            evenkeel_lint::nginx_checks().iter().map(|check| (check.name, check.severity, check.summary));
        let all: Vec<_> = rules.chain(checks).collect();
        output.print(
            || {
                let row = |(name, severity, summary): &(&str, Severity, &str)| {
                    vec![(*name).to_owned(), severity.name().to_owned(), (*summary).to_owned()]
                };
                table(&all.iter().map(row).collect::<Vec<_>>())
            },
            || {
                let rule = |(name, severity, summary): &(&str, Severity, &str)| {
                    value!({ "rule": name, "severity": severity.name(), "summary": summary })
                };
                value!({ "rules": all.iter().map(rule).collect::<Vec<_>>() })
            },
        );
        return Ok(Exit::Yes);
    };
    let (severity, since, text) = match evenkeel_lint::rule(name) {
        Some(rule) => (rule.severity, Some(rule.since), rule.documentation()),
        None => match evenkeel_lint::nginx_checks().iter().find(|check| check.name == name) {
            Some(check) => (check.severity, None, format!("{} nginx itself refuses it.", check.summary)),
            None => bail!("find a rule called \"{name}\"; `evenkeel rules` lists them"),
        },
    };
    output.print(
        || format!("{name} ({})\n\n{text}", severity.name()),
        || value!({ "rule": name, "severity": severity.name(), "since": since, "documentation": text }),
    );
    Ok(Exit::Yes)
}
