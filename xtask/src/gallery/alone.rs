//! What happens without Evenkeel: `after/` is copied over the tree and reloaded, as a script would do it.

use std::path::Path;

use anyhow::{Context as _, ensure};

use super::entry::Entry;
use super::stand::{Stand, same_tree, text};

/// Does it on a stand of its own and holds `[alone]` of `expect.toml`, every `after` and every `later` of `requests.toml`
/// against it.
pub(super) fn hold(entry: &Entry, nginx: &Path) -> anyhow::Result<()> {
    let stand = Stand::start(entry, "alone", nginx)?;
    let expect = &entry.expect.alone;
    change(entry, &stand)?;
    for (what, argument, accepts) in [
        ("nginx -t", &["-t"][..], expect.check_accepts),
        ("nginx -s reload", &["-s", "reload"], expect.reload_accepts),
    ] {
        let output =
            stand.nginx_command().args(argument).output().with_context(|| format!("start {what}"))?;
        let said = if output.status.success() { "accepts" } else { "refuses" };
        ensure!(output.status.success() == accepts, "{what} {said} it: {}", text(&output));
    }
    stand.wait_for_answers(|request| Some(&request.after)).context("with after/, reloaded by hand")?;
    stand.wait(|| {
        (!stand.error_log().contains(&expect.log)).then(|| format!("no \"{}\" in the error log", expect.log))
    })?;
    if let Some(script) = entry.script("later.sh") {
        // The master has read the new configuration when it starts workers for the second time.
        let read = || stand.error_log().matches("start worker processes").count() > 1;
        stand.wait(|| (!read()).then(|| "the reload is not done".to_owned()))?;
        stand.script(&script)?;
        stand.wait_for_answers(|request| request.later.as_ref()).context("later")?;
    }
    stand.end()
}

/// Makes `after/` stand where `before/` stood: as it happened, where the entry says how, else by copying.
fn change(entry: &Entry, stand: &Stand) -> anyhow::Result<()> {
    let etc = stand.path("etc");
    let Some(script) = entry.script("change.sh") else {
        std::fs::remove_dir_all(&etc)?;
        return entry.write_tree("after", &etc, &stand.values);
    };
    stand.script(&script)?;
    let after = stand.path("after");
    entry.write_tree("after", &after, &stand.values)?;
    same_tree(&after, &etc).context("change.sh does not lead to after/")
}
