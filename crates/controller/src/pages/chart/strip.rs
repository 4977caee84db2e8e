//! What each vantage saw, as one strip a probe, host and vantage.

use evenkeel_fleet::postmortem::incident::{Seen, Strip};
use maud::{Markup, html};

use super::{Axis, LEFT, Placed, RIGHT, WIDTH};
use crate::when;

/// The height of one strip, and of what is between two.
const STRIP: f64 = 22.0;
const GAP: f64 = 8.0;
/// The height of one row of flags.
const FLAG: f64 = 22.0;
/// So wide must a stretch be for its class to be written into it, a letter.
const LETTER: f64 = 6.6;
/// What is below the last strip: the ticks.
const FOOT: f64 = 34.0;

/// The chart of all strips, with the marks above it.
#[must_use]
pub fn strips(strips: &[Strip], marks: &[Placed<'_>], axis: &Axis) -> Markup {
    let head = FLAG * rows(marks) + 10.0;
    let foot = head + (STRIP + GAP) * count(strips.len());
    html! {
        svg role="img" aria-labelledby="strips-name strips-text" viewBox={ "0 0 " (WIDTH) " " (foot + FOOT) } {
            title id="strips-name" { "What each vantage saw over time" }
            desc id="strips-text" { (told(strips)) }
            (patterns())
            @for (row, strip) in strips.iter().enumerate() {
                (one(strip, axis, head + (STRIP + GAP) * count(row)))
            }
            (flags(marks, head, foot))
            (ticks(axis, foot))
        }
    }
}

/// The same as a sentence a strip.
fn told(strips: &[Strip]) -> String {
    let strip = |it: &Strip| {
        let down = it.stretches.iter().filter_map(|stretch| match &stretch.seen {
            Seen::Down(class) => {
                Some(format!("{class} from {} to {}", when::clock(stretch.from), when::clock(stretch.until)))
            }
            Seen::Up | Seen::Unknown => None,
        });
        let down: Vec<String> = down.collect();
        let seen = if down.is_empty() { "never down".to_owned() } else { down.join(", ") };
        format!("{} at {} from {}: {seen}.", it.probe, it.host, it.vantage)
    };
    strips.iter().map(strip).collect::<Vec<_>>().join(" ")
}

fn one(strip: &Strip, axis: &Axis, y: f64) -> Markup {
    html! {
        text x=(LEFT - 8.0) y=(y + 15.0) class="label" text-anchor="end" {
            (short(&format!("{} @ {} ({})", strip.probe, strip.host, strip.vantage)))
        }
        @for stretch in &strip.stretches {
            @let (from, until) = (axis.x(stretch.from), axis.x(stretch.until));
            // Too short to be seen is still there: two units at least.
            @let width = (until - from).max(if matches!(stretch.seen, Seen::Down(_)) { 2.0 } else { 0.0 });
            rect x=(number(from)) y=(y) width=(number(width)) height=(STRIP) class=(class(&stretch.seen)) {}
            @if let Seen::Down(name) = &stretch.seen {
                @if count(name.chars().count()) * LETTER < width {
                    text x=(number(from + 5.0)) y=(y + 15.0) class="on-down" { (name) }
                }
            }
        }
    }
}

fn class(seen: &Seen) -> &'static str {
    match seen {
        Seen::Up => "up",
        Seen::Down(_) => "down",
        Seen::Unknown => "unknown",
    }
}

/// Told apart without colour: plain, hatched, dotted.
fn patterns() -> Markup {
    html! {
        defs {
            pattern id="dotted" width="6" height="6" patternUnits="userSpaceOnUse" {
                rect width="6" height="6" class="unknown-ground" {}
                circle cx="2" cy="2" r="1" class="unknown-dot" {}
            }
        }
    }
}

pub(super) fn flags(marks: &[Placed<'_>], head: f64, foot: f64) -> Markup {
    html! {
        @for it in marks {
            @let y = head - 14.0 - FLAG * count(it.row);
            line x1=(number(it.x)) x2=(number(it.x)) y1=(y) y2=(foot) class="flag" {}
            circle cx=(number(it.x)) cy=(y) r="10" class="flag-ground" {}
            text x=(number(it.x)) y=(y + 4.0) class="flag-number" text-anchor="middle" { (it.number) }
        }
    }
}

pub(super) fn rows(marks: &[Placed<'_>]) -> f64 {
    count(marks.iter().map(|it| it.row + 1).max().unwrap_or(0))
}

/// Half the width of a time below the axis.
const HALF_A_TIME: f64 = 27.0;

pub(super) fn ticks(axis: &Axis, y: f64) -> Markup {
    html! {
        line x1=(LEFT) x2=(RIGHT) y1=(y + 2.0) y2=(y + 2.0) class="axis" {}
        @for tick in axis.ticks() {
            @let x = axis.x(tick);
            line x1=(number(x)) x2=(number(x)) y1=(y + 2.0) y2=(y + 8.0) class="axis" {}
            // The last one stays on the page.
            @let anchor = if x + HALF_A_TIME > WIDTH { "end" } else { "middle" };
            text x=(number(x)) y=(y + 22.0) class="tick" text-anchor=(anchor) { (when::second(tick)) }
        }
    }
}

/// One digit after the point is finer than any printer.
pub(super) fn number(value: f64) -> String {
    format!("{value:.1}")
}

#[expect(clippy::cast_precision_loss, reason = "rows and letters are few")]
pub(super) fn count(of: usize) -> f64 {
    of as f64
}

/// What fits left of a strip.
fn short(text: &str) -> String {
    let most = 30;
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most - 1).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::super::placed;
    use super::*;
    use evenkeel_fleet::postmortem::incident::{Mark, MarkKind, Stretch};
    use evenkeel_fleet::watch::{ProbeId, VantageId};
    use evenkeel_fleet::{HostId, Sequence, Timestamp};

    fn at(second: u64) -> Timestamp {
        Timestamp::from_millis(second * 1_000)
    }

    #[test]
    fn strip_is_down_between_the_moments_that_it_was_down_and_the_flag_stands_on_the_change() {
        let stretch = |from, until, seen| Stretch { from: at(from), until: at(until), seen };
        let strip = Strip {
            probe: ProbeId("shop".to_owned()),
            host: HostId::new("web1").unwrap(),
            vantage: VantageId("client1".to_owned()),
            stretches: vec![
                stretch(0, 40, Seen::Up),
                stretch(40, 60, Seen::Down("refused".to_owned())),
                stretch(60, 100, Seen::Up),
            ],
        };
        let mark =
            Mark { at: at(38), kind: MarkKind::Change, what: "release r2".to_owned(), entry: Sequence(3) };
        let axis = Axis::new(at(0), at(100), LEFT, RIGHT);
        let width = RIGHT - LEFT;
        let drawn = strips(&[strip], &placed(std::slice::from_ref(&mark), &axis), &axis).into_string();
        let down = format!(
            "<rect x=\"{:.1}\" y=\"32\" width=\"{:.1}\" height=\"22\" class=\"down\"",
            LEFT + width * 0.4,
            width * 0.2
        );
        assert!(drawn.contains(&down), "{down}\n{drawn}");
        let flag = format!("<line x1=\"{0:.1}\" x2=\"{0:.1}\"", LEFT + width * 0.38);
        assert!(drawn.contains(&flag), "{flag}\n{drawn}");
        assert!(drawn.contains("shop at web1 from client1: refused from"), "{drawn}");
        assert!(drawn.contains(">refused</text>"));
    }

    #[test]
    fn outage_of_a_moment_is_still_seen() {
        let strip = Strip {
            probe: ProbeId("p".to_owned()),
            host: HostId::new("h").unwrap(),
            vantage: VantageId("v".to_owned()),
            stretches: vec![Stretch { from: at(500), until: at(501), seen: Seen::Down("slow".to_owned()) }],
        };
        let axis = Axis::new(at(0), at(100_000), LEFT, RIGHT);
        assert!(
            strips(&[strip], &[], &axis).into_string().contains("width=\"2.0\" height=\"22\" class=\"down\"")
        );
    }
}
