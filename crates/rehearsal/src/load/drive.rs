//! Sends each request when it is due, and never waits for an answer with the next one.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::{FLYING_MAX, Round};

/// What became of one request.
#[derive(Debug)]
pub(crate) enum Shot {
    /// It was answered.
    Answered,
    /// It was not, or turned away.
    Failed(String),
}

/// Drives one round. `shoot` asks the request with a number.
pub(crate) async fn drive<F: Future<Output = Shot>>(
    rate: u32,
    lasts: Duration,
    shoot: impl Fn(u32) -> F,
) -> Round {
    let between = Duration::from_secs(1) / rate.max(1);
    let asked = u32::try_from(lasts.as_nanos() / between.as_nanos().max(1)).unwrap_or(u32::MAX);
    let mut round = Round { asked, ..Round::default() };
    let (mut times, mut late) = (Vec::new(), Vec::new());
    let began = Instant::now();
    let mut flying = FuturesUnordered::new();
    for number in 0..asked {
        let due = began + between * number;
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(due) => break,
                Some((due, shot)) = flying.next(), if !flying.is_empty() => take_in(&mut round, &mut times, due, shot),
            }
        }
        // Those that have ended meanwhile make room.
        while flying.len() >= FLYING_MAX {
            match futures_util::FutureExt::now_or_never(flying.next()).flatten() {
                Some((due, shot)) => take_in(&mut round, &mut times, due, shot),
                None => break,
            }
        }
        if flying.len() >= FLYING_MAX {
            round.fail(format!("{FLYING_MAX} others still waited for their answers"));
            continue;
        }
        late.push(micros(due.elapsed()));
        let shot = shoot(number);
        flying.push(async move { (due, shot.await) });
    }
    while let Some((due, shot)) = flying.next().await {
        take_in(&mut round, &mut times, due, shot);
    }
    round.p50_ms = quantile(&mut times, 50);
    round.p99_ms = quantile(&mut times, 99);
    round.sent_late_ms = quantile(&mut late, 99).unwrap_or_default();
    round
}

fn take_in(round: &mut Round, times: &mut Vec<u32>, due: Instant, shot: Shot) {
    match shot {
        Shot::Answered => times.push(micros(due.elapsed())),
        Shot::Failed(how) => round.fail(how),
    }
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

/// The smallest time within which so many of a hundred were, in milliseconds.
fn quantile(times: &mut [u32], of_hundred: usize) -> Option<f64> {
    let at = (times.len() * of_hundred).div_ceil(100).checked_sub(1)?;
    let (_, time, _) = times.select_nth_unstable(at);
    Some(f64::from(*time) / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn driven<F: Future<Output = Shot>>(rate: u32, seconds: u64, shoot: impl Fn(u32) -> F) -> Round {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(drive(rate, Duration::from_secs(seconds), shoot))
    }

    #[test]
    fn every_request_is_sent_when_it_is_due() {
        let round = driven(100, 2, |_| async { Shot::Answered });
        assert_eq!((round.asked, round.failed, round.sent_late_ms), (200, 0, 0.0));
        assert!(round.p99_ms.unwrap() < 2.0, "{round:?}");
    }

    #[test]
    fn halt_of_a_second_is_seen_with_all_that_came_in_it() {
        let began = std::cell::OnceCell::new();
        // From the first second to the second nobody is answered.
        let round = driven(100, 4, |_| {
            let began = *began.get_or_init(Instant::now);
            async move {
                let halts = began + Duration::from_secs(1)..began + Duration::from_secs(2);
                if halts.contains(&Instant::now()) {
                    tokio::time::sleep_until(halts.end).await;
                }
                Shot::Answered
            }
        });
        // A closed loop would have waited with one request and seen one slow answer of 300.
        assert!(round.p99_ms.unwrap() > 900.0, "{round:?}");
        assert!(round.p50_ms.unwrap() < 2.0, "{round:?}");
    }

    #[test]
    fn what_is_on_its_way_is_bounded() {
        let round = driven(1_000, 2, |_| async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            Shot::Answered
        });
        let most = u32::try_from(FLYING_MAX).unwrap();
        assert_eq!((round.asked, round.failed), (2_000, 2_000 - most));
    }

    #[test]
    fn quantiles_are_those_of_the_answers() {
        let mut times: Vec<u32> = (1..=100).rev().map(|n| n * 1_000).collect();
        assert_eq!((quantile(&mut times, 50), quantile(&mut times, 99)), (Some(50.0), Some(99.0)));
        assert_eq!((quantile(&mut [7_000], 99), quantile(&mut [], 50)), (Some(7.0), None));
    }
}
