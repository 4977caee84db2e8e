//! What happens without Evenkeel: `after/` is copied over the tree and reloaded, as a script would do it.

use std::path::Path;

use anyhow::{Context as _, ensure};

use super::entry::Entry;
use super::stand::{Stand, text};

/// Does it on a stand of its own and holds `[alone]` of `expect.toml` and every `after` of `requests.toml` against it.
pub(super) fn hold(entry: &Entry, nginx: &Path) -> anyhow::Result<()> {
    let stand = Stand::start(entry, "alone", nginx)?;
    let expect = &entry.expect.alone;
    let etc = stand.path("etc");
    std::fs::remove_dir_all(&etc)?;
    entry.write_tree("after", &etc, &stand.values)?;
    for (what, argument, accepts) in [
        ("nginx -t", &["-t"][..], expect.check_accepts),
        ("nginx -s reload", &["-s", "reload"], expect.reload_accepts),
    ] {
        let output =
            stand.nginx_command().args(argument).output().with_context(|| format!("start {what}"))?;
        let said = if output.status.success() { "accepts" } else { "refuses" };
        ensure!(output.status.success() == accepts, "{what} {said} it: {}", text(&output));
    }
    stand.wait_for_answers(|request| &request.after).context("with after/, reloaded by hand")?;
    stand.wait(|| {
        (!stand.error_log().contains(&expect.log)).then(|| format!("no \"{}\" in the error log", expect.log))
    })?;
    stand.end()
}
