//! Where the look for a cause is plugged in: whoever can say what is behind evidence implements [`Looker`].

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use evenkeel_fleet::incident::Incident;
use evenkeel_fleet::journal::{Clue, Finding, Replay};
use evenkeel_fleet::watch::verdict::Panel;
use evenkeel_fleet::watch::{Answer, VantageId};
use evenkeel_fleet::{IncidentId, Timestamp};
use tokio::sync::mpsc;

use super::Told;

/// How long a look may take.
pub const LOOK_WITHIN: Duration = Duration::from_secs(60);

/// How long it may take to play a change once more, on all hosts that are asked.
pub const REPLAY_WITHIN: Duration = Duration::from_secs(300);

/// A change that is played once more; `None` when there is none, or nobody could be asked.
pub type Replaying = Pin<Box<dyn Future<Output = Option<Replay>> + Send>>;

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
