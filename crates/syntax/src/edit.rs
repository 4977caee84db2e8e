//! Lossless edits: what is not replaced stays as it was, byte for byte.

use std::ops::Range;

use crate::tree::Tree;

/// A replacement of some bytes; an insertion where the range is empty, a removal where the replacement is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The bytes that go.
    pub range: Range<usize>,
    /// What comes in their place.
    pub replacement: Vec<u8>,
}

/// Edits that cannot be applied together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Overlap {
    /// Two edits touch the same bytes, or insert at the same place.
    #[error("replace bytes {}..{} and {}..{} at once", first.start, first.end, second.start, second.end)]
    Both {
        /// The one that starts first.
        first: Range<usize>,
        /// The other.
        second: Range<usize>,
    },
    /// An edit reaches past the end of the text, or ends before it starts.
    #[error("replace bytes {}..{} of {length}", range.start, range.end)]
    Outside {
        /// The edit's range.
        range: Range<usize>,
        /// How many bytes there are.
        length: usize,
    },
}

/// Applies edits, in whatever order they are given.
///
/// # Errors
/// [`Overlap`] when two touch, or one is outside the text; then nothing is applied.
pub fn apply(tree: &Tree, edits: &[Edit]) -> Result<Vec<u8>, Overlap> {
    let bytes = tree.bytes();
    let mut sorted: Vec<&Edit> = edits.iter().collect();
    sorted.sort_by_key(|edit| (edit.range.start, edit.range.end));
    let mut text = Vec::with_capacity(bytes.len());
    let mut done = 0;
    let mut last: Option<&Edit> = None;
    for edit in sorted {
        let Range { start, end } = edit.range;
        if start > end || end > bytes.len() {
            return Err(Overlap::Outside { range: edit.range.clone(), length: bytes.len() });
        }
        if let Some(first) = last.filter(|first| start < first.range.end || start == first.range.start) {
            return Err(Overlap::Both { first: first.range.clone(), second: edit.range.clone() });
        }
        text.extend_from_slice(&bytes[done..start]);
        text.extend_from_slice(&edit.replacement);
        done = end;
        last = Some(edit);
    }
    text.extend_from_slice(&bytes[done..]);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(range: Range<usize>, replacement: &str) -> Edit {
        Edit { range, replacement: replacement.into() }
    }

    fn applied(text: &str, edits: &[Edit]) -> Result<String, Overlap> {
        let bytes = apply(&Tree::parse(text.into()), edits)?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn edits_apply_in_whatever_order_they_come() {
        let edits = [edit(8..10, "81"), edit(0..6, "listen"), edit(11..11, " # why")];
        assert_eq!(applied("LISTEN  80;\n", &edits).as_deref(), Ok("listen  81; # why\n"));
        assert_eq!(applied("a;", &[]).as_deref(), Ok("a;"));
    }

    #[test]
    fn edits_side_by_side_do_not_touch() {
        assert_eq!(applied("abcd", &[edit(2..4, "y"), edit(0..2, "x")]).as_deref(), Ok("xy"));
        assert_eq!(applied("abcd", &[edit(2..2, "y"), edit(0..2, "x")]).as_deref(), Ok("xycd"));
    }

    #[test]
    fn edits_that_touch_are_refused_and_nothing_is_applied() {
        for (first, second) in [(0..2, 1..3), (0..2, 0..2), (1..1, 1..1), (1..1, 1..3), (0..4, 1..1)] {
            let overlap = applied("abcd", &[edit(second.clone(), ""), edit(first.clone(), "")]);
            assert_eq!(overlap, Err(Overlap::Both { first, second }));
        }
    }

    #[test]
    fn edits_outside_the_text_are_refused() {
        let backwards = Range { start: 3, end: 2 };
        for range in [0..5, 5..5, backwards] {
            let refused = Err(Overlap::Outside { range: range.clone(), length: 4 });
            assert_eq!(applied("abcd", &[edit(range, "")]), refused);
        }
    }
}
