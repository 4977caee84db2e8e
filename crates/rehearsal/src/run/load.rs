//! The volume that was asked for, played to both trees.

use std::time::Duration;

use evenkeel_model::Request;

use super::{Failed, Play, Playing, Side, Until, Up};
use crate::asker::through;
use crate::corpus::{Door, door};
use crate::load::{Load, Loaded, Round, Shot, chosen, drive, judge};
use crate::rehearse::RehearsalError;
use crate::report::Origin;

/// From here on an answer says that a request was turned away, or failed.
const FAILS: u16 = 500;
/// Turned away for their number.
const TOO_MANY: u16 = 429;

impl<'p> Playing<'p, '_> {
    /// Plays a load to both trees. It begins them afresh each time; the stage is left with none.
    pub(super) async fn load(
        &mut self,
        load: Load,
        progress: &mut dyn FnMut(&str),
    ) -> Result<(), RehearsalError> {
        let play = self.play;
        let sides: Vec<(&Side<'_>, bool, usize)> = match &play.live {
            // What the machine does beside it grows or shrinks: in this order it falls on both.
            Some(live) => {
                vec![(live, true, 0), (&play.new, false, 1), (&play.new, false, 1), (live, true, 0)]
            }
            None => vec![(&play.new, false, 0)],
        };
        let lasts = load.round(if sides.len() > 1 { 2 } else { 1 });
        let mut loaded = Loaded { rate: load.rate, seconds: load.seconds, ..Loaded::default() };
        let mut asked: Option<Vec<&Request>> = None;
        for (side, is_live, tree) in sides {
            let which = if is_live { "live" } else { "proposed" };
            progress(&format!("{} requests a second to the {which} tree", load.rate));
            self.stage.stop_nginx().await;
            self.stage
                .exchange(tree)
                .await
                .map_err(|error| RehearsalError::broken("exchange the trees", &error))?;
            self.fit(side).await?;
            if let Up::Failed(Failed { step, .. }) = self.start(side, Until::Settled).await? {
                let said =
                    format!("no load was played: the {which} tree does not start ({})", step.said.join("; "));
                self.ran.differences.push(said);
                return Ok(());
            }
            let requests = match &asked {
                Some(requests) => requests,
                None => asked.insert(self.served(side).await?),
            };
            if requests.is_empty() {
                self.ran
                    .differences
                    .push(format!("no load was played: the {which} tree serves nothing that is asked"));
                return Ok(());
            }
            loaded.requests = requests.len();
            let round = self.round(side, requests, load.rate, lasts).await;
            // What reached the stand-ins is nobody's news.
            let _seen = self.world.seen().await.map_err(RehearsalError::from_stub)?;
            if is_live { &mut loaded.old } else { &mut loaded.new }.push(round);
        }
        self.stage.stop_nginx().await;
        let (findings, unjudged) = judge(&loaded);
        self.ran.findings.extend(findings);
        self.ran.differences.extend(unjudged);
        self.ran.run.load = Some(loaded);
        Ok(())
    }

    /// The requests that a tree serves when each of them comes alone.
    async fn served(&self, side: &Side<'_>) -> Result<Vec<&'p Request>, RehearsalError> {
        let play: &'p Play<'_> = self.play;
        let items = play.items();
        let of = |routes: bool| {
            items
                .iter()
                .filter(move |it| (it.origin == Origin::Routes) == routes)
                .map(|it| &it.request)
                .collect()
        };
        let mut served = Vec::new();
        for request in chosen(of(true), of(false)) {
            let heard =
                side.asker.ask(&self.stage, &self.world, request).await.map_err(RehearsalError::from_stub)?;
            if heard.observed.status.is_some_and(|status| !turns_away(status)) {
                served.push(request);
            }
        }
        Ok(served)
    }

    async fn round(&self, side: &Side<'_>, requests: &[&Request], rate: u32, lasts: Duration) -> Round {
        let ways =
            requests.iter().map(|request| door(side.tree.config, &closing(request), self.play.machine));
        let ways: Vec<Result<(Door, Request), String>> =
            ways.map(|way| way.map_err(|why| why.to_string())).collect();
        let shoot = |number: u32| {
            let way = &ways[number as usize % ways.len()];
            async move {
                let (door, request) = match way {
                    Ok(way) => way,
                    Err(why) => return Shot::Failed(why.clone()),
                };
                match through(&self.stage, door, request).await {
                    Ok(answer) if turns_away(answer.status) => {
                        Shot::Failed(format!("status {}", answer.status))
                    }
                    Ok(_) => Shot::Answered,
                    Err(error) => Shot::Failed(error.to_string()),
                }
            }
        };
        drive(rate, lasts, shoot).await
    }
}

fn turns_away(status: u16) -> bool {
    status >= FAILS || status == TOO_MANY
}

/// The request on a connection that nginx closes: whoever closes keeps the port for a minute, and a client has too few.
fn closing(request: &Request) -> Request {
    let mut request = request.clone();
    if request.header("connection").is_none() {
        request.headers.push((b"Connection".to_vec(), b"close".to_vec()));
    }
    request
}
