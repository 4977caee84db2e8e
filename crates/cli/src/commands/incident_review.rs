//! `postmortem i7`: the document of an incident, as Markdown, as a page and as JSON.

use std::path::Path;

use anyhow::{Context as _, bail};
use evenkeel_controller::counterfactual::{self, Change};
use evenkeel_controller::local::Journal;
use evenkeel_controller::pages::incident::{html, markdown};
use evenkeel_controller::when;
use evenkeel_fleet::postmortem::incident::{RATE_STEP, Review, Verdict, incidents, review};
use evenkeel_fleet::{BundleId, IncidentId, Span};
use evenkeel_host::configdir::bundles;
use evenkeel_syntax::fileset::Digest;
use serde_json::{Value, json};

use crate::args::{self, Global};
use crate::output::{Exit, Output, put};
use crate::settings::Settings;

pub(crate) fn write(
    id: IncidentId,
    args: &args::Postmortem,
    journal: &Journal,
    global: &Global,
    output: Output,
) -> anyhow::Result<Exit> {
    let Some(mut review) = review(journal.events(), id, &when::night) else {
        let known: Vec<String> =
            incidents(journal.events()).iter().rev().take(5).map(ToString::to_string).collect();
        let known = if known.is_empty() {
            "there is none yet".to_owned()
        } else {
            format!("the last are {}", known.join(", "))
        };
        bail!("find {id}: there is no such incident on this host, or it is part of another one; {known}");
    };
    let told = std::mem::take(&mut review.counterfactual);
    if !told.is_empty() {
        // It was played once more while it lasted, where it was made.
        counterfactual::told(&mut review, told);
    } else if !args.no_replay {
        replay(&mut review, global, output)?;
    }
    if let Some(file) = &args.html {
        std::fs::write(file, html(&review, RATE_STEP))
            .with_context(|| format!("write {}", file.display()))?;
    }
    if output.json {
        put(&document(&review).to_string());
    } else {
        put(&markdown(&review));
    }
    Ok(Exit::Yes)
}

/// Plays the change once more, where both of its trees were saved.
fn replay(review: &mut Review, global: &Global, output: Output) -> anyhow::Result<()> {
    let Some((old, new)) = review.change.as_ref().and_then(|change| change.bundles) else { return Ok(()) };
    let settings = Settings::load(global)?;
    let at = |bundle: BundleId| bundles::path(&settings.state_dir, Digest(bundle.0));
    let (old, new) = (at(old), at(new));
    if !old.is_dir() || !new.is_dir() {
        review
            .cautions
            .push("the trees of the change are no longer saved here: it was not played once more".to_owned());
        return Ok(());
    }
    let progress = output.progress();
    let program = Path::new("/proc/self/exe");
    let settings_file = global.config.as_deref();
    let change = Change { program, settings_file, old: &old, new: &new, prefix: &settings.config_dir };
    let gates = counterfactual::gates(&change, &mut |what| progress.say(what));
    drop(progress);
    counterfactual::told(review, gates);
    Ok(())
}

fn document(review: &Review) -> Value {
    let moments =
        review.times.named().into_iter().map(|(name, at)| (name.to_owned(), when::rfc3339(at).into()));
    let it = review.times.durations();
    let ms = |span: Option<Span>| span.map(Span::as_millis);
    let gates = review.counterfactual.iter().map(|gate| {
        let verdict = match gate.verdict {
            Verdict::Stops => "stops",
            Verdict::Tells => "tells",
            Verdict::Passes => "passes",
            Verdict::NotAsked => "not-asked",
        };
        json!({ "name": gate.name, "verdict": verdict, "said": gate.said, "took_ms": ms(gate.took) })
    });
    let timeline = review.timeline.iter();
    json!({
        "incident": review.id, "title": review.title, "severity": review.severity,
        "hosts": review.hosts.iter().map(|host| host.as_str()).collect::<Vec<_>>(),
        "moments": moments.collect::<serde_json::Map<String, Value>>(),
        "durations_ms": {
            "to_detect": ms(it.to_detect), "alert_delay": ms(it.alert_delay), "to_acknowledge": ms(it.to_acknowledge),
            "to_diagnose": ms(it.to_diagnose), "to_name": ms(it.to_name), "to_mitigate": ms(it.to_mitigate), "to_repair": ms(it.to_repair),
            "to_repair_from_detection": ms(it.to_repair_from_detection),
        },
        "summary": review.summary.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "impact": { "text": review.impact.claim.to_string(), "probe_time_down_ms": review.impact.probe_time_down.as_millis(),
            "vantages": review.impact.vantages.iter().map(|it| json!({
                "probe": it.probe.0, "host": it.host.as_str(), "vantage": it.vantage.0, "down_ms": it.down.as_millis(),
                "failed": it.failed, "how": it.how,
            })).collect::<Vec<_>>() },
        "change": review.change.as_ref().map(|change| json!({
            "at": when::rfc3339(change.at), "what": change.what, "by": change.by, "meaning": change.meaning,
            "diff": change.diff,
        })),
        "causes": review.causes.iter().map(|cause| json!({
            "what": cause.what, "confidence": cause.confidence, "rests_on": cause.rests_on, "against": cause.against,
            "fix": cause.fix,
        })).collect::<Vec<_>>(),
        "misleading": review.misleading.iter().map(|it| json!({
            "what": it.what, "because": it.because, "cost_ms": ms(it.cost),
        })).collect::<Vec<_>>(),
        "counterfactual": gates.collect::<Vec<_>>(),
        "beside": review.beside.iter().map(|it| json!({
            "incident": it.id, "title": it.title, "cause": it.cause, "rests_on": it.rests_on, "fix": it.fix,
        })).collect::<Vec<_>>(),
        "items": review.items.iter().map(|item| json!({
            "what": item.task.what, "because": item.task.because, "closed_by": item.closed_by,
        })).collect::<Vec<_>>(),
        "timeline": timeline.map(|moment| json!({
            "at": when::rfc3339(moment.at), "what": moment.what, "entry": moment.entry.0,
        })).collect::<Vec<_>>(),
    })
}
