//! Drift that nobody wants to hear of for a while.

use super::Host;
use crate::journal::{Drift, DriftStage};
use crate::{Actor, Digest, Timestamp};

/// The drift at one path is not told of until then, as long as this is what stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// Since when.
    pub since: Timestamp,
    /// When it is told of again.
    pub until: Timestamp,
    /// Who wanted it.
    pub who: Actor,
    /// Why.
    pub why: String,
    /// What stands there; `None`: nothing does.
    pub of: Option<Digest>,
}

impl Host {
    /// The silence that holds at a path, if this is what stands there: it ends with its time, and with the next change.
    pub fn silence(&self, path: &str, stands: Option<Digest>, at: Timestamp) -> Option<&Silence> {
        self.silences.get(path).filter(|it| at < it.until && it.of == stands)
    }

    /// Each silence whose end was not told of, by its path; its time may be over.
    pub fn silences(&self) -> impl Iterator<Item = (&str, &Silence)> {
        self.silences.iter().map(|(path, it)| (path.as_str(), it))
    }

    /// Takes in what a drift says of silences. One that names paths is about these alone, and about nothing else.
    pub(super) fn fold_silence(&mut self, at: Timestamp, drift: &Drift) -> bool {
        match &drift.stage {
            DriftStage::Silenced { until, who, why } if !drift.changes.is_empty() => {
                for change in &drift.changes {
                    let (who, why) = (who.clone(), why.clone());
                    let silence = Silence { since: at, until: *until, who, why, of: change.new };
                    self.silences.insert(change.path.clone(), silence);
                }
                true
            }
            DriftStage::SilenceOver => {
                for change in &drift.changes {
                    self.silences.remove(&change.path);
                }
                true
            }
            DriftStage::Ended(_) => {
                self.silences.clear();
                false
            }
            _ => {
                for change in &drift.changes {
                    // Told once more of the same file, because now it is known who it was, is no change.
                    if self.silences.get(&change.path).is_some_and(|it| it.of != change.new) {
                        self.silences.remove(&change.path);
                    }
                }
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Input;
    use crate::journal::{DriftChange, DriftEnd, DriftHow};
    use crate::testing::{OLD, World, anna, at, host};

    const PATH: &str = "conf.d/a.conf";

    fn digest(n: u8) -> Digest {
        Digest([n; 32])
    }

    fn drift(stage: DriftStage, new: u8) -> Input {
        let (path, old, new) = (PATH.to_owned(), Some(digest(0)), Some(digest(new)));
        let change = DriftChange { path, how: DriftHow::Changed, old, new, at: at(10), author: None };
        let (host, meaning) = (host(), Vec::new());
        Input::Drift(Drift { host, released: OLD, stage, changes: vec![change], more: 0, meaning })
    }

    fn silenced(world: &World, seconds: u64, new: u8) -> bool {
        world.fleet.host(&host()).unwrap().silence(PATH, Some(digest(new)), at(seconds)).is_some()
    }

    fn silent_world() -> World {
        let mut world = World::adopted();
        world.tell(10, drift(DriftStage::Opened, 1));
        let stage = DriftStage::Silenced { until: at(100), who: anna(), why: "the fix comes".to_owned() };
        world.tell(20, drift(stage, 1));
        world
    }

    #[test]
    fn silence_ends_with_its_time_and_with_the_next_change() {
        let mut world = silent_world();
        assert!(silenced(&world, 99, 1));
        assert!(!silenced(&world, 100, 1), "its time is over");
        assert!(!silenced(&world, 99, 2), "another file stands there");
        world.tell(30, drift(DriftStage::Updated, 1));
        assert!(silenced(&world, 99, 1), "told once more of the same file");
        world.tell(40, drift(DriftStage::Updated, 2));
        world.tell(41, drift(DriftStage::Updated, 1));
        assert!(!silenced(&world, 99, 1), "it changed, and changed back");
    }

    #[test]
    fn silence_that_is_over_is_told_of_once_and_changes_nothing_of_the_drift() {
        let mut world = silent_world();
        let left = |world: &World| {
            let host = world.fleet.host(&host()).unwrap();
            host.silences().map(|(path, it)| (path.to_owned(), it.until)).collect::<Vec<_>>()
        };
        assert_eq!(left(&world), [(PATH.to_owned(), at(100))]);
        let before = world.fleet.host(&host()).unwrap().drift().cloned();
        world.tell(100, drift(DriftStage::SilenceOver, 1));
        assert_eq!(left(&world), []);
        assert_eq!(world.fleet.host(&host()).unwrap().drift().cloned(), before);
    }

    #[test]
    fn silence_leaves_the_drift_as_it_is_and_ends_with_it() {
        let mut world = silent_world();
        let open = world.fleet.host(&host()).unwrap().drift().unwrap();
        assert_eq!((open.changes.len(), open.silent_until), (1, None));
        let Input::Drift(mut end) = drift(DriftStage::Ended(DriftEnd::Undone), 0) else { unreachable!() };
        end.changes.clear();
        world.tell(30, Input::Drift(end));
        assert!(!silenced(&world, 40, 1));
        assert!(world.fleet.host(&host()).unwrap().drift().is_none());
    }

    #[test]
    fn silence_alone_opens_no_drift() {
        let mut world = World::adopted();
        let stage = DriftStage::Silenced { until: at(100), who: anna(), why: "x".to_owned() };
        world.tell(20, drift(stage, 1));
        assert!(world.fleet.host(&host()).unwrap().drift().is_none());
        assert!(silenced(&world, 30, 1));
    }
}
