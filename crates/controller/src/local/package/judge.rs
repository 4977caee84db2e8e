//! Whether nginx would come up with a tree, and what that tree changes for those who ask.

use evenkeel_fleet::{Evidence, EvidenceKind};
use evenkeel_host::nginx::check::Verdict;
use evenkeel_model::{Config, DiffOptions, FileKind};
use evenkeel_syntax::fileset::FileSet;

use super::super::{Host, HostError, Look};
use crate::stages::{self, Checked};

/// What was said of a tree.
pub(super) struct Judged {
    /// In order: nginx's own word, ours, and what changes for requests.
    pub(super) evidence: Vec<Evidence>,
    /// What changes for requests, in one line.
    pub(super) effect: String,
    /// What refuses it, if something does.
    pub(super) refused: Option<String>,
}

impl Host {
    /// Judges a tree by the nginx that is found at its place now, held against the tree before. `of` says which nginx that is.
    pub(super) fn judge(
        &self,
        files: &FileSet,
        (live, was): (&Look, &Checked),
        of: &str,
    ) -> Result<Judged, HostError> {
        let compiled = self.compiled(None)?;
        let config = self.meaning(files, &self.model_settings(&compiled, None), live);
        let verdict = self.would_start(files, live)?;
        let preflight = stages::preflight_evidence(&verdict, &format!("nginx {} {of}", compiled.version));
        let checked = stages::check(config, Some(&was.config), &self.settings.rules);
        let check = stages::check_evidence(&stages::gate(&checked.report, &was.report, &[]), &checked.report);
        // What nginx refuses has no meaning to compare.
        let changes = preflight.holds.then(|| requests(&was.config, &checked.config));
        let effect = changes
            .as_ref()
            .map_or_else(|| "not compared: nginx does not take the tree".to_owned(), in_one_line);
        let refused = [&preflight, &check].into_iter().find(|it| !it.holds).map(|it| match it.kind {
            EvidenceKind::Check => format!("check: {}", it.summary),
            _ => it.summary.clone(),
        });
        let evidence = [preflight, check].into_iter().chain(changes).collect();
        Ok(Judged { evidence, effect, refused })
    }

    /// What the tree that stands here means and what is wrong with it: what a change is held against.
    pub(super) fn baseline(&self, files: &FileSet, live: &Look) -> Result<Checked, HostError> {
        let compiled = self.compiled(None)?;
        let config = self.meaning(files, &self.model_settings(&compiled, None), live);
        Ok(stages::check(config, None, &self.settings.rules))
    }

    /// Whether nginx would start with what stands here now.
    pub(super) fn starts_now(&self, live: &Look) -> bool {
        matches!(self.restart_works(live), Ok(Verdict::Accepted { .. }))
    }
}

fn requests(was: &Config, new: &Config) -> Evidence {
    let nothing = |_: &[u8]| FileKind::Unknown;
    stages::diff_evidence(&evenkeel_model::diff(was, new, &nothing, &DiffOptions::default()))
}

fn in_one_line(evidence: &Evidence) -> String {
    match evidence.details.first() {
        Some(first) => format!("{}: {}", evidence.summary, first.lines().next().unwrap_or_default()),
        None => evidence.summary.clone(),
    }
}
