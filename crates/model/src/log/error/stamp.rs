//! The time at the beginning of a line.

/// A moment as the host's clock showed it, in the zone of the host: the line does not say which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the parts of a date")]
pub struct Stamp {
    pub year: u16,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
}

impl Stamp {
    /// Reads `2026/11/21 09:37:36`, and gives what follows it.
    ///
    /// Source: `ngx_time_update`, src/core/ngx_times.c
    pub(super) fn read(line: &[u8]) -> Option<(Stamp, &[u8])> {
        const SHAPE: &[u8; 19] = b"0000/00/00 00:00:00";
        let (text, rest) = line.split_at_checked(SHAPE.len())?;
        let fits =
            |(&shape, &byte): (&u8, &u8)| if shape == b'0' { byte.is_ascii_digit() } else { shape == byte };
        if !SHAPE.iter().zip(text).all(fits) {
            return None;
        }
        let two = |at: usize| (text[at] - b'0') * 10 + (text[at + 1] - b'0');
        let stamp = Stamp {
            year: u16::from(two(0)) * 100 + u16::from(two(2)),
            month: two(5),
            day: two(8),
            hour: two(11),
            minute: two(14),
            second: two(17),
        };
        let real = (1..=12).contains(&stamp.month)
            && (1..=31).contains(&stamp.day)
            && stamp.hour < 24
            && stamp.minute < 60
            && stamp.second < 62;
        real.then_some((stamp, rest))
    }

    /// Seconds since 1970-01-01 00:00 UTC, when the host's zone is this far east of UTC, in seconds.
    pub fn unix_seconds(&self, east_of_utc: i32) -> i64 {
        // Howard Hinnant's days_from_civil: years begin in March, so that leap days come last.
        let (month, day) = (i64::from(self.month), i64::from(self.day));
        let year = i64::from(self.year) - i64::from(month <= 2);
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
        let time = i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        days * 86_400 + time - i64::from(east_of_utc)
    }
}
