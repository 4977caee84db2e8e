//! `postmortem`: the document, from the journal.

use anyhow::{anyhow, bail};
use evenkeel_controller::local::now;
use evenkeel_controller::pages::postmortem::markdown;
use evenkeel_controller::when;
use evenkeel_fleet::{IncidentId, Postmortem};
use serde_json::json;

use crate::args::{self, Global};
use crate::commands::history::release_id;
use crate::commands::{host, incident_review};
use crate::output::{Exit, Output, put};

pub(crate) fn postmortem(args: &args::Postmortem, global: &Global, output: Output) -> anyhow::Result<Exit> {
    let journal = host(global)?.read_journal()?;
    // `7` is a release; an incident is said with its letter.
    let incident = args.id.as_deref().filter(|id| id.starts_with('i')).map(str::parse::<IncidentId>);
    if let Some(id) = incident {
        return incident_review::write(id?, args, &journal, global, output);
    }
    if args.html.is_some() {
        bail!("write HTML of a release: --html is for incidents (i1, i2, …)");
    }
    let documents = match (&args.id, &args.since) {
        (Some(id), _) => {
            let id = release_id(id)?;
            let Some(release) = journal.fleet().release(id) else {
                bail!("find {id}: there is no such release on this host; `evenkeel history` lists them");
            };
            match evenkeel_fleet::postmortem(journal.events(), id) {
                Some(document) => vec![document],
                None => {
                    let said = format!("nothing went wrong with {id}: it is {}", release.stage().name());
                    output.print(|| said.clone(), || json!({ "postmortems": [], "reason": said }));
                    return Ok(Exit::No);
                }
            }
        }
        (None, Some(since)) => {
            let since = when::moment(since, now()).map_err(|why| anyhow!("read --since: {why}"))?;
            evenkeel_fleet::since(journal.events(), since)
        }
        (None, None) => bail!("find a release: say which, or --since"),
    };
    if output.json {
        let list: Vec<_> = documents.iter().map(document).collect();
        put(&json!({ "postmortems": list }).to_string());
    } else if documents.is_empty() {
        put("no release was refused or taken back since then");
    } else {
        put(&documents.iter().map(markdown).collect::<Vec<_>>().join("\n\n"));
    }
    Ok(Exit::Yes)
}

fn document(it: &Postmortem) -> serde_json::Value {
    let moments: Vec<_> = it
        .timeline
        .iter()
        .map(|moment| json!({ "at": when::rfc3339(moment.at), "what": moment.what }))
        .collect();
    json!({
        "release": it.release.to_string(), "host": it.host.as_str(),
        "duration_ms": it.summary.duration.map(evenkeel_fleet::Span::as_millis),
        "root_cause": it.root_cause.to_string(), "resolution": it.resolution.to_string(),
        "impact": { "asked": it.summary.impact.asked, "wrong": it.summary.impact.wrong,
                    "text": it.summary.impact.claim.to_string() },
        "caught_by": it.caught.as_ref().map(|caught| json!({ "by": caught.by, "said": caught.said,
                    "after_ms": caught.after.as_millis() })),
        "timeline": moments, "markdown": markdown(it),
    })
}
