//! Times as people read them, always with their zone, and as they write them.

use evenkeel_fleet::{Span, Timestamp};
use jiff::tz::TimeZone;

/// The last moment of a day here, written as `2026-12-01`.
#[must_use]
pub fn end_of_day(day: &str) -> Option<Timestamp> {
    let day: jiff::civil::Date = day.parse().ok()?;
    let last = day.at(23, 59, 59, 0).to_zoned(TimeZone::system()).ok()?;
    Some(Timestamp::from_millis(u64::try_from(last.timestamp().as_millisecond()).ok()?))
}

/// `2026-11-21 10:41:03 +01:00`, in the zone of this machine.
#[must_use]
pub fn shown(at: Timestamp) -> String {
    in_zone(at, TimeZone::system(), "%Y-%m-%d %H:%M:%S %:z")
}

/// `10:41:03.250`, in the zone of this machine.
#[must_use]
pub fn clock(at: Timestamp) -> String {
    in_zone(at, TimeZone::system(), "%H:%M:%S%.3f")
}

/// `10:41:03`, in the zone of this machine.
#[must_use]
pub fn second(at: Timestamp) -> String {
    in_zone(at, TimeZone::system(), "%H:%M:%S")
}

/// Whether most people sleep at that moment, in the zone of this machine: from 22 to 6 o'clock.
#[must_use]
pub fn night(at: Timestamp) -> bool {
    let hour: u8 = in_zone(at, TimeZone::system(), "%H").parse().unwrap_or(12);
    !(6..22).contains(&hour)
}

/// RFC 3339 in UTC, for programs.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    in_zone(at, TimeZone::UTC, "%Y-%m-%dT%H:%M:%S%.3fZ")
}

fn in_zone(at: Timestamp, zone: TimeZone, format: &str) -> String {
    let ms = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    let moment = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX);
    moment.to_zoned(zone).strftime(format).to_string()
}

/// `212 ms`, `3.4 s`, `2 min 5 s`, `1 h 12 min`.
#[must_use]
pub fn span(span: Span) -> String {
    let ms = span.as_millis();
    let seconds = ms / 1_000;
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{seconds}.{} s", ms % 1_000 / 100),
        60_000..3_600_000 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// Reads a moment that is to come: RFC 3339, a date and time or a date in this machine's zone, or how long from now (`24h`).
///
/// # Errors
/// A sentence that says which forms there are, or that it is over.
pub fn ahead(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let past = moment(text, now)
        .map_err(|_| format!("\"{text}\" is not a time; write 2026-11-21T09:00:00Z, 2026-11-21 or how long from now: 90m, 24h, 7d"))?;
    // How long ago, seen from the other side.
    let is_span = text.len() < 12 && text.ends_with(['s', 'm', 'h', 'd']);
    let at = if is_span { now + now.since(past) } else { past };
    if at <= now { Err(format!("\"{text}\" is over")) } else { Ok(at) }
}

/// Reads a moment in the past: RFC 3339, a date and time or a date in this machine's zone, or how long ago (`24h`).
///
/// # Errors
/// A sentence that says which forms there are.
pub fn moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let of =
        |moment: jiff::Timestamp| Timestamp::from_millis(u64::try_from(moment.as_millisecond()).unwrap_or(0));
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Ok(of(moment));
    }
    if let Ok(civil) = text.parse::<jiff::civil::DateTime>()
        && let Ok(zoned) = civil.to_zoned(TimeZone::system())
    {
        return Ok(of(zoned.timestamp()));
    }
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        Some('d') => 86_400,
        _ => 0,
    };
    let number = text.get(..text.len().saturating_sub(1)).and_then(|digits| digits.parse::<u64>().ok());
    match number.and_then(|number| number.checked_mul(unit)).filter(|_| unit > 0) {
        Some(seconds) => {
            Ok(Timestamp::from_millis(now.as_millis().saturating_sub(seconds.saturating_mul(1_000))))
        }
        None => Err(format!(
            "\"{text}\" is not a time; write 2026-11-21T09:00:00Z, 2026-11-21 or how long ago: 90m, 24h, 7d"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_well_at_every_size() {
        let shown = [212, 3_450, 125_000, 4_320_000].map(|ms| span(Span::from_millis(ms)));
        assert_eq!(shown, ["212 ms", "3.4 s", "2 min 5 s", "1 h 12 min"]);
    }

    #[test]
    fn moments_are_read_in_every_form() {
        let now = Timestamp::from_millis(1_790_000_000_000);
        assert_eq!(moment("1970-01-01T00:00:05Z", now).unwrap().as_millis(), 5_000);
        assert_eq!(moment("90m", now).unwrap().as_millis(), 1_790_000_000_000 - 5_400_000);
        assert!(moment("2026-11-21", now).is_ok() && moment("2026-11-21T09:00:00", now).is_ok());
        assert!(moment("yesterday", now).is_err() && moment("", now).is_err() && moment("9é", now).is_err());
    }

    #[test]
    fn moments_ahead_are_later_than_now() {
        let now = Timestamp::from_millis(1_790_000_000_000);
        assert_eq!(ahead("90m", now).unwrap().as_millis(), 1_790_000_000_000 + 5_400_000);
        assert!(ahead("2030-01-01", now).is_ok() && ahead("2030-01-01T00:00:00Z", now).is_ok());
        for over in ["2020-01-01", "0h", "yesterday", "", "1970-01-01T00:00:05Z"] {
            assert!(ahead(over, now).is_err(), "{over}");
        }
    }

    #[test]
    fn a_time_names_its_zone() {
        let text = shown(Timestamp::from_millis(0));
        assert!(text.contains('+') || text.contains('-'), "{text}");
        assert_eq!(rfc3339(Timestamp::from_millis(1_500)), "1970-01-01T00:00:01.500Z");
    }
}
