//! Requests and failures over time, as steps.

use evenkeel_fleet::postmortem::incident::Rate;
use evenkeel_fleet::{Span, Timestamp};
use maud::{Markup, html};

use super::strip::{flags, number, rows, ticks};
use super::{Axis, LEFT, Placed, RIGHT, WIDTH};

const HEIGHT: f64 = 140.0;
const FLAG: f64 = 22.0;
const FOOT: f64 = 34.0;

/// The chart of requests, and of those that failed below them. `interval` is how long each point counts.
#[must_use]
pub fn rate(points: &[Rate], interval: Span, marks: &[Placed<'_>], axis: &Axis) -> Markup {
    let top = FLAG * rows(marks) + 10.0;
    let foot = top + HEIGHT;
    let most = points.iter().map(|point| point.all).max().unwrap_or(0);
    let scale = scale(most);
    let y = |value: u64| foot - share(value, scale) * HEIGHT;
    html! {
        svg role="img" aria-labelledby="rate-name rate-text" viewBox={ "0 0 " (WIDTH) " " (foot + FOOT) } {
            title id="rate-name" { "Requests, and how many of them failed, in steps of " (interval) }
            desc id="rate-text" { (told(points)) }
            path class="all" d=(steps(points, interval, axis, foot, |point| y(point.all))) {}
            path class="failed" d=(steps(points, interval, axis, foot, |point| y(point.failed))) {}
            (flags(marks, top, foot))
            line x1=(LEFT) x2=(LEFT) y1=(top) y2=(foot) class="axis" {}
            @for value in [0, scale / 2, scale] {
                @if value != scale / 2 || scale > 1 {
                    text x=(LEFT - 8.0) y=(number(y(value) + 4.0)) class="tick" text-anchor="end" { (value) }
                    line x1=(LEFT) x2=(RIGHT) y1=(number(y(value))) y2=(number(y(value))) class="grid" {}
                }
            }
            (ticks(axis, foot))
        }
    }
}

fn told(points: &[Rate]) -> String {
    let all: u64 = points.iter().map(|point| point.all).sum();
    let failed: u64 = points.iter().map(|point| point.failed).sum();
    match points.iter().max_by_key(|point| point.failed).filter(|worst| worst.failed > 0) {
        Some(worst) => format!(
            "{failed} of {all} requests failed; most at {}: {} of {}.",
            crate::when::clock(worst.at),
            worst.failed,
            worst.all
        ),
        None => format!("None of {all} requests failed."),
    }
}

/// Down from the first step to the ground and back: a closed shape.
fn steps(points: &[Rate], interval: Span, axis: &Axis, foot: f64, y: impl Fn(&Rate) -> f64) -> String {
    let Some(first) = points.first() else { return String::new() };
    let mut path = format!("M{} {}", number(axis.x(first.at)), number(foot));
    let mut ended: Option<Timestamp> = None;
    for point in points {
        let from = number(axis.x(point.at));
        if ended.is_some_and(|ended| ended < point.at) {
            // Nothing was counted in between: that is not the same as the last value.
            path += &format!(" V{} H{from}", number(foot));
        }
        let until = point.at + interval;
        path += &format!(" H{from} V{} H{}", number(y(point)), number(axis.x(until)));
        ended = Some(until);
    }
    path + &format!(" V{} Z", number(foot))
}

/// The next of 1, 2, 5, 10, 20, 50, … that is not below it.
fn scale(most: u64) -> u64 {
    let mut step = 1_u64;
    loop {
        for factor in [1, 2, 5] {
            let value = step.saturating_mul(factor);
            if value >= most {
                return value.max(1);
            }
        }
        step = step.saturating_mul(10);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share on paper")]
fn share(value: u64, of: u64) -> f64 {
    value as f64 / of as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(second: u64, all: u64, failed: u64) -> Rate {
        Rate { at: Timestamp::from_millis(second * 1_000), all, failed }
    }

    #[test]
    fn steps_are_as_high_as_their_share_of_the_scale() {
        let axis = Axis::new(Timestamp::from_millis(0), Timestamp::from_millis(30_000), LEFT, RIGHT);
        let points = [point(0, 100, 0), point(10, 100, 50), point(20, 80, 0)];
        let drawn = rate(&points, Span::from_secs(10), &[], &axis).into_string();
        let third = (RIGHT - LEFT) / 3.0;
        let expected = format!("H{:.1} V80.0 H{:.1}", LEFT + third, LEFT + 2.0 * third);
        assert!(drawn.contains(&expected), "{expected}\n{drawn}");
        assert!(drawn.contains("50 of 280 requests failed; most at"), "{drawn}");
    }

    #[test]
    fn scale_is_a_round_number_that_holds_everything() {
        for (most, round) in [(0, 1), (1, 1), (3, 5), (7, 10), (99, 100), (101, 200), (4_999, 5_000)] {
            assert_eq!(scale(most), round);
        }
        assert!(scale(u64::MAX) >= u64::MAX / 2);
    }

    #[test]
    fn gap_in_the_log_is_a_gap_in_the_chart() {
        let axis = Axis::new(Timestamp::from_millis(0), Timestamp::from_millis(100_000), LEFT, RIGHT);
        let drawn = rate(&[point(0, 10, 0), point(50, 10, 0)], Span::from_secs(10), &[], &axis).into_string();
        let gap = format!("V150.0 H{:.1}", axis.x(Timestamp::from_millis(50_000)));
        assert!(drawn.contains(&gap), "{gap}\n{drawn}");
    }
}
