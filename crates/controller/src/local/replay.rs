//! What would have stopped the change that nobody released: what differs from the release is played once more, on this host, while
//! or after it hurts.

use std::path::Path;
use std::time::Instant;

use evenkeel_fleet::BundleId;
use evenkeel_fleet::journal::{Gate, Replay, Verdict};
use evenkeel_host::configdir::bundles;
use evenkeel_syntax::fileset::{Digest, FileSet};

use super::{Host, HostError, span};
use crate::ask::Asker;
use crate::counterfactual::{self, Change};
use crate::diff;
use crate::stages;

/// What asks live routes: a release, after its switch.
const LIVE: &str = "apply (live routes)";
/// A text diff is cut after so many bytes; both trees are kept.
const DIFF_BYTES_MAX: usize = 16 << 10;

impl Host {
    /// Plays what differs from the release once more through everything that looks at a change, and asks the live routes of the
    /// release. Both trees are kept as bundles. `None`: nothing was released here. Nothing of the host is changed.
    ///
    /// # Errors
    /// [`HostError`] when it cannot be looked at.
    pub fn replay(
        &self,
        program: &Path,
        settings_file: Option<&Path>,
        doing: &mut dyn FnMut(&str),
    ) -> Result<Option<Replay>, HostError> {
        let compiled = self.compiled(None)?;
        let settings = self.model_settings(&compiled, None);
        let (live, _) = self.live(&settings)?;
        let journal = self.read_journal().ok();
        let Some((released, _)) = self.released(journal.as_ref(), None) else { return Ok(None) };
        let old = self.bundle(released)?;
        let new = &live.snapshot.files;
        let place = &self.settings.place;
        // First: what is asked of users' ways may be put right any moment.
        doing("asking the live routes");
        let mut gates: Vec<Gate> = self.live_gate(&old, &live).into_iter().collect();
        let host = self.settings.name.clone();
        if diff::changes(&old, new).is_empty() {
            let said =
                "what stands on disk is as released, and these look at configurations alone".to_owned();
            let name = "check, diff, test, rehearse".to_owned();
            gates.insert(0, Gate { name, verdict: Verdict::NotAsked, said, took: None });
            return Ok(Some(Replay { host, bundles: None, diff: String::new(), gates }));
        }
        let kept = bundles::save(&place.state_dir, new)?;
        let at = |digest: Digest| bundles::path(&place.state_dir, digest);
        let (old_at, new_at) = (at(Digest(released.0)), at(kept));
        let change = Change { program, settings_file, old: &old_at, new: &new_at, prefix: &place.config_dir };
        let mut played = counterfactual::gates(&change, doing);
        played.append(&mut gates);
        let mut diff = diff::text(&old, new);
        if diff.len() > DIFF_BYTES_MAX {
            diff.truncate(diff.floor_char_boundary(DIFF_BYTES_MAX));
            diff.push_str("\n… (cut here)\n");
        }
        Ok(Some(Replay { host, bundles: Some((released, BundleId(kept.0))), diff, gates: played }))
    }

    /// The live routes of the release, asked now, where a release would ask them. `None`: there are none.
    fn live_gate(&self, released: &FileSet, live: &super::Look) -> Option<Gate> {
        let routes = self.routes(released).unwrap_or_default();
        let routes: Vec<_> = routes.into_iter().filter(|route| route.live.is_some()).collect();
        if routes.is_empty() {
            let said =
                "routes.toml has no live route: a release would ask nothing after its switch".to_owned();
            return Some(Gate { name: LIVE.to_owned(), verdict: Verdict::NotAsked, said, took: None });
        }
        let began = Instant::now();
        let mut asker = Asker::new(&routes, &stages::outside(&live.config).listens);
        let wrong = asker.live_round(&self.runtime);
        let took = Some(span(began.elapsed()));
        let (verdict, said) = match wrong {
            Some(wrong) => {
                (Verdict::Stops, format!("{wrong}; a release asks it after its switch, and goes back"))
            }
            None => (Verdict::Passes, format!("{} live routes are answered as they should be", routes.len())),
        };
        Some(Gate { name: LIVE.to_owned(), verdict, said, took })
    }
}
