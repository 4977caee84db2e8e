//! The claims of a comparison, asked of the old tree and then of the new one.

use std::time::{Duration, Instant};

use evenkeel_model::{Outcome, Route};

use super::{Failed, Play, Playing, Ran, Side, Until, Up};
use crate::compare::differs;
use crate::rehearse::RehearsalError;
use crate::setup::Setup;
use crate::stage::Stage;
use crate::stub::Stubs;
use crate::verify::{Claim, Replay, Verdict};
use crate::world::World;

/// How long one tree may be asked.
const WITHIN: Duration = Duration::from_secs(120);

/// Asks both trees of a play. Its live tree is the old one.
pub(crate) async fn replay(
    play: &Play<'_>,
    setup: Setup,
    claims: &[Claim<'_>],
    progress: &mut dyn FnMut(&str),
) -> Result<Replay, RehearsalError> {
    progress("building the sandbox");
    let stubs = Stubs::start(&play.settings.program).map_err(RehearsalError::from_stub)?;
    let sides: Vec<&Side<'_>> = play.live.iter().chain([&play.new]).collect();
    let configs: Vec<_> = sides.iter().map(|side| side.tree.config).collect();
    let Setup { spec, nginx, args, identity, .. } = setup;
    let stage = Stage::set(play.settings.how, spec, &configs).await.map_err(RehearsalError::from_sandbox)?;
    let world = World::new(stubs, play.machine, play.names, identity);
    let mut playing = Playing { play, stage, world, nginx: &nginx, args: &args, ran: Ran::default() };
    playing.world.open_dns(&playing.stage).await.map_err(RehearsalError::from_stub)?;
    let mut replay = Replay { mode: playing.stage.mode(), ..Replay::default() };
    let mut said: Vec<Vec<Verdict>> = Vec::new();
    for (at, side) in sides.iter().enumerate() {
        let which = if at == 0 { "old" } else { "new" };
        if at > 0 {
            playing.stage.stop_nginx().await;
            playing.exchange().await?;
        }
        progress(&format!("asking the {which} tree"));
        playing.fit(side).await?;
        let verdicts = match playing.start(side, Until::Answer).await? {
            Up::Runs(..) => playing.verdicts(side, claims, at == 0).await?,
            Up::Failed(Failed { step, .. }) => {
                replay.failed.push(format!("the {which} tree does not start here: {}", step.said.join("; ")));
                vec![Verdict::NotAsked("the tree does not start in the sandbox".to_owned()); claims.len()]
            }
        };
        said.push(verdicts);
    }
    let mut said = said.into_iter();
    let (old, new) = (said.next().unwrap_or_default(), said.next().unwrap_or_default());
    replay.verdicts = old.into_iter().zip(new).map(|(old, new)| [old, new]).collect();
    playing.stage.stop().await;
    Ok(replay)
}

impl Playing<'_, '_> {
    async fn verdicts(
        &self,
        side: &Side<'_>,
        claims: &[Claim<'_>],
        is_old: bool,
    ) -> Result<Vec<Verdict>, RehearsalError> {
        let began = Instant::now();
        let mut verdicts = Vec::new();
        for claim in claims {
            if began.elapsed() > WITHIN {
                verdicts.push(Verdict::NotAsked("there was no more time".to_owned()));
                continue;
            }
            verdicts.push(self.verdict(side, claim, if is_old { claim.old } else { claim.new }).await?);
        }
        Ok(verdicts)
    }

    async fn verdict(
        &self,
        side: &Side<'_>,
        claim: &Claim<'_>,
        predicted: &Route,
    ) -> Result<Verdict, RehearsalError> {
        let heard = side.asker.ask(&self.stage, &self.world, claim.request).await;
        let heard = heard.map_err(RehearsalError::from_stub)?;
        if heard.not_asked {
            let why = heard.observed.error.unwrap_or_default();
            return Ok(Verdict::NotAsked(why.trim_start_matches("not asked: ").to_owned()));
        }
        // With the files that are here.
        let here = side.asker.predict(&self.stage, claim.request).await;
        let stands = |name: &str| side.around.has(name);
        if let Some(why) = differs(&here, &heard, &stands) {
            return Ok(Verdict::Disagrees(why));
        }
        if (&here.outcome, here.status) != (&predicted.outcome, predicted.status) {
            return Ok(Verdict::NotAsked(match claim.given.as_slice() {
                [] => "its way rests on files or a client that the sandbox does not have".to_owned(),
                given => format!("the sandbox does not have what it takes as given: {}", given.join(", ")),
            }));
        }
        if let Some(first) = predicted.depends_on.first() {
            return Ok(Verdict::NotAsked(format!("its way rests on {first}")));
        }
        Ok(match &predicted.outcome {
            Outcome::Pass { upstream: Some(name), .. } if !stands(name) => {
                Verdict::NotAsked(format!("nobody stands in for {name}"))
            }
            Outcome::Files { .. } => Verdict::NotAsked("which file is served cannot be seen".to_owned()),
            _ => Verdict::Agrees,
        })
    }
}
