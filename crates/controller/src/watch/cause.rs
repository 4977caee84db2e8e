//! Where the look for a cause is plugged in: whoever can say what is behind evidence implements [`Looker`].

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_fleet::incident::Incident;
use evenkeel_fleet::journal::{Clue, Finding, Replay};
use evenkeel_fleet::watch::verdict::Panel;
use evenkeel_fleet::watch::{Answer, VantageId};
use evenkeel_fleet::{IncidentId, Timestamp};
use tokio::sync::{Semaphore, mpsc};

use super::Told;

/// How long a look may take.
pub const LOOK_WITHIN: Duration = Duration::from_secs(60);

/// How long it may take to play a change once more, on all hosts that are asked.
pub const REPLAY_WITHIN: Duration = Duration::from_secs(300);

/// A change that is played once more; `None` when there is none, or nobody could be asked.
pub type Replaying = Pin<Box<dyn Future<Output = Option<Replay>> + Send>>;

/// How long after a look there may be another one about the same incident.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How many may look at the same time.
const LOOKS_MAX: usize = 4;

/// A look under way; `None` when there is nothing to say.
pub type Looking = Pin<Box<dyn Future<Output = Option<Finding>> + Send>>;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// The incident.
    pub incident: IncidentId,
    /// Its first sign.
    pub onset: Timestamp,
    /// What it rests on now.
    pub clues: Vec<Clue>,
    /// The last answer of each vantage, to each probe of it.
    pub answers: Vec<(Clue, VantageId, Answer)>,
}

/// Whoever looks for causes. It runs beside the loop, each time evidence opens an incident or is added to one.
pub trait Looker: fmt::Debug {
    /// Begins to look.
    fn look(&self, question: &Question) -> Looking;

    /// Begins to play what was changed once more, now that this was found out; `None`: there is nothing to play, or it was played.
    fn replay(&self, incident: IncidentId, finding: &Finding) -> Option<Replaying> {
        let _nothing_to_play = (incident, finding);
        None
    }
}

/// Waits for it beside the loop, and tells what came of it.
pub(super) fn replayed(replaying: Option<Replaying>, incident: IncidentId, told: &mpsc::Sender<Told>) {
    let (Some(replaying), told) = (replaying, told.clone()) else { return };
    tokio::spawn(async move {
        if let Ok(Some(replay)) = tokio::time::timeout(REPLAY_WITHIN, replaying).await {
            let _the_loop_is_gone = told.send(Told::Replayed(incident, replay)).await;
        }
    });
}

/// The looks that are under way. Whoever looks asks hosts that are in trouble: never about one incident twice at the same time, and
/// never about many at once.
#[derive(Debug)]
pub(super) struct Looks {
    /// Each incident that is being looked at, and whether something was added to it meanwhile.
    under_way: BTreeMap<IncidentId, bool>,
    turns: Arc<Semaphore>,
    /// How long after a look there may be another one about the same incident.
    again: Duration,
}

impl Default for Looks {
    fn default() -> Self {
        Looks { under_way: BTreeMap::new(), turns: Arc::new(Semaphore::new(LOOKS_MAX)), again: LOOK_AGAIN }
    }
}

impl Looks {
    /// Whether an incident is being looked at; then it will be again.
    pub(super) fn is_under_way(&mut self, id: IncidentId) -> bool {
        self.under_way.get_mut(&id).map(|again| *again = true).is_some()
    }

    /// Begins to look when it is its turn; what comes of it is told, and then, a little later, that it may be looked at again.
    pub(super) fn begin(&mut self, id: IncidentId, looking: Looking, told: mpsc::Sender<Told>) {
        self.under_way.insert(id, false);
        let (turns, again) = (Arc::clone(&self.turns), self.again);
        tokio::spawn(async move {
            let turn = turns.acquire().await;
            if let Ok(Some(finding)) = tokio::time::timeout(LOOK_WITHIN, looking).await {
                let _the_loop_is_gone = told.send(Told::Finding(id, finding)).await;
            }
            drop(turn);
            tokio::time::sleep(again).await;
            let _the_loop_is_gone = told.send(Told::Looked(id)).await;
        });
    }

    /// A look is over. Says whether something was added meanwhile.
    pub(super) fn ended(&mut self, id: IncidentId) -> bool {
        self.under_way.remove(&id) == Some(true)
    }
}

impl Question {
    pub(super) fn of(incident: &Incident, panel: &Panel) -> Question {
        let clues: Vec<Clue> = incident.standing().cloned().collect();
        let mut answers = Vec::new();
        for clue in &clues {
            let (Some(probe), Some(host)) = (&clue.probe, &clue.host) else { continue };
            for (vantage, answer, _took) in panel.answers(probe, host) {
                answers.push((clue.clone(), vantage.clone(), answer.clone()));
            }
        }
        Question { incident: incident.id(), onset: incident.onset(), clues, answers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IncidentId = IncidentId(1);

    fn nothing() -> Looking {
        Box::pin(async { None })
    }

    #[tokio::test]
    async fn sixty_clues_at_once_are_two_looks() {
        let (told, mut inbox) = mpsc::channel(8);
        let (mut looks, mut begun) = (Looks { again: Duration::ZERO, ..Looks::default() }, 0);
        for _ in 0..60 {
            if !looks.is_under_way(ONE) {
                begun += 1;
                looks.begin(ONE, nothing(), told.clone());
            }
        }
        assert_eq!(inbox.recv().await, Some(Told::Looked(ONE)));
        assert!(looks.ended(ONE), "the other fifty-nine are looked at together");
        looks.begin(ONE, nothing(), told.clone());
        begun += 1;
        assert_eq!(inbox.recv().await, Some(Told::Looked(ONE)));
        assert!(!looks.ended(ONE), "and that was all");
        assert_eq!(begun, 2);
    }

    #[tokio::test]
    async fn many_incidents_wait_for_their_turn() {
        let (told, mut inbox) = mpsc::channel(100);
        let mut looks = Looks { again: Duration::ZERO, ..Looks::default() };
        let at_once = Arc::new(std::sync::Mutex::new((0, 0)));
        for id in 1..=20 {
            let at_once = Arc::clone(&at_once);
            let looking = async move {
                let count = |by: i32| {
                    let mut it = at_once.lock().unwrap();
                    it.0 += by;
                    it.1 = it.1.max(it.0);
                };
                count(1);
                // Whoever may look does so now.
                for _ in 0..50 {
                    tokio::task::yield_now().await;
                }
                count(-1);
                None
            };
            looks.begin(IncidentId(id), Box::pin(looking), told.clone());
        }
        for _ in 0..20 {
            assert!(matches!(inbox.recv().await, Some(Told::Looked(_))));
        }
        assert_eq!(at_once.lock().unwrap().1, 4);
    }
}
