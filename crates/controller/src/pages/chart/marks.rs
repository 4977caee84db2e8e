//! The marks above a chart: a numbered flag where something happened. Flags that would cover each other move up a row.

use evenkeel_fleet::postmortem::incident::Mark;

use super::Axis;

/// How far two flags in a row must be apart.
const APART: f64 = 22.0;

/// A mark and where its flag stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed<'m> {
    /// Its number, from 1, in time order.
    pub number: usize,
    /// The mark.
    pub mark: &'m Mark,
    /// Where it stands on the axis.
    pub x: f64,
    /// In which row its flag is, from 0.
    pub row: usize,
}

/// The marks that are on the axis, in time order, with the row of each.
#[must_use]
pub fn placed<'m>(marks: &'m [Mark], axis: &Axis) -> Vec<Placed<'m>> {
    let mut sorted: Vec<&Mark> = marks.iter().filter(|mark| axis.holds(mark.at)).collect();
    sorted.sort_by_key(|mark| (mark.at, mark.entry));
    let mut last_of_row: Vec<f64> = Vec::new();
    let place = |(index, mark): (usize, &'m Mark)| {
        let x = axis.x(mark.at);
        let free = last_of_row.iter().position(|last| x - last >= APART);
        let row = free.unwrap_or_else(|| {
            last_of_row.push(x);
            last_of_row.len() - 1
        });
        last_of_row[row] = x;
        Placed { number: index + 1, mark, x, row }
    };
    sorted.into_iter().enumerate().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use evenkeel_fleet::postmortem::incident::MarkKind;
    use evenkeel_fleet::{Sequence, Timestamp};

    fn mark(second: u64) -> Mark {
        Mark {
            at: Timestamp::from_millis(second * 1_000),
            kind: MarkKind::Change,
            what: format!("at {second}"),
            entry: Sequence(second),
        }
    }

    fn axis() -> Axis {
        Axis::new(Timestamp::from_millis(0), Timestamp::from_millis(100_000), 0.0, 1_000.0)
    }

    #[test]
    fn flags_stand_at_their_moments_and_cover_none() {
        let marks: Vec<Mark> = [50, 51, 52, 10, 53, 90].map(mark).to_vec();
        let placed = placed(&marks, &axis());
        let numbers: Vec<_> = placed.iter().map(|it| (it.number, it.x, it.row)).collect();
        assert_eq!(
            numbers,
            [(1, 100.0, 0), (2, 500.0, 0), (3, 510.0, 1), (4, 520.0, 2), (5, 530.0, 0), (6, 900.0, 0)]
        );
    }

    #[test]
    fn what_happened_outside_has_no_flag() {
        assert!(placed(&[mark(101)], &axis()).is_empty());
    }
}
