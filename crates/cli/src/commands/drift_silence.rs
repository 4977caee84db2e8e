//! `drift silence`: nothing is said of a path for a time.

use anyhow::{anyhow, bail};
use evenkeel_controller::local::{Host, now};
use evenkeel_controller::when;
use evenkeel_fleet::Span;
use serde_json::json;

use crate::args;
use crate::output::{Exit, Output};

/// Nothing is silenced for longer: a difference that stays is adopted.
const LONGEST: Span = Span::from_secs(365 * 86_400);
/// A reason is at most so long, in characters.
const WHY_MAX: usize = 1_000;

pub(crate) fn silence(args: &args::Silence, host: &Host, output: Output) -> anyhow::Result<Exit> {
    let at = now();
    let until = when::ahead(&args.until, at).map_err(|why| anyhow!("read --until: {why}"))?;
    if until > at + LONGEST {
        bail!("silence {}: a year is the longest; `evenkeel adopt` keeps what is to stay", args.path);
    }
    let why = args.why.trim();
    if why.is_empty() || why.chars().count() > WHY_MAX {
        bail!("silence {}: --why says why, in at most {WHY_MAX} characters", args.path);
    }
    let Some(change) = host.silence_drift(&args.path, until, why)? else {
        let said = format!("{} is as released: there is nothing to be silent of", args.path.escape_debug());
        output.print(|| said.clone(), || json!({ "silenced": false, "reason": said }));
        return Ok(Exit::No);
    };
    output.print(
        || format!("silent  {change}, until {} or until it changes again\n", when::shown(until)),
        || json!({ "silenced": true, "path": change.path, "until": when::rfc3339(until), "why": why }),
    );
    Ok(Exit::Yes)
}
