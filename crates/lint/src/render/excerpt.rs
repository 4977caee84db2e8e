//! The piece of a file that a finding shows: printable whatever the bytes are, without secrets, not too long.

use std::borrow::Cow;
use std::ops::Range;

use evenkeel_syntax::{Tree, secret};

/// A place to show.
#[derive(Debug, Clone)]
pub(crate) struct Mark<'a> {
    /// Its line, from 1; only to tell what lies near.
    pub(crate) line: u32,
    /// Its bytes in the file.
    pub(crate) span: Range<usize>,
    /// What to write beside it.
    pub(crate) label: &'a str,
    /// Whether it is what the finding is about.
    pub(crate) primary: bool,
}

/// Text to print and where the marks are in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Excerpt {
    pub(crate) text: String,
    /// The line number of the first line.
    pub(crate) first_line: usize,
    /// One for each mark, in bytes of `text`, none beyond the end of its line.
    pub(crate) spans: Vec<Range<usize>>,
}

/// How many bytes of a line are shown; nginx itself takes no parameter that is longer.
const LINE_BYTES_MAX: usize = 4_096;

/// How many bytes before the first line are read too, to know a secret of several lines.
const BEFORE_BYTES: usize = 8_192;

/// Cuts the lines of the marks, and those in between, out of a file.
pub(crate) fn excerpt(tree: &Tree, marks: &[Mark<'_>]) -> Excerpt {
    let bytes = tree.bytes();
    let clamp = |offset: usize| offset.min(bytes.len());
    let first = marks.iter().map(|mark| clamp(mark.span.start)).min().unwrap_or(0);
    let last = marks.iter().map(|mark| clamp(mark.span.start)).max().unwrap_or(0);
    let start = bytes[..first].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let start = start.max(first.saturating_sub(LINE_BYTES_MAX));
    let end = end_of_line(bytes, last).min(last + 2 * LINE_BYTES_MAX);
    let from = start.saturating_sub(BEFORE_BYTES);
    let mut secrets = secret::find(&bytes[from..end]);
    secrets.iter_mut().for_each(|secret| *secret = secret.start + from..secret.end + from);
    let mut writer = Writer { bytes, secrets: &secrets, text: String::new() };
    let mut spans = vec![0..0; marks.len()];
    let mut at = start;
    loop {
        let line = at..end_of_line(bytes, at).min(end);
        writer.line(&line, marks, &mut spans);
        at = line.end + 1;
        if at > end {
            break;
        }
        writer.text.push('\n');
    }
    let (first_line, _) = tree.line_column(start);
    Excerpt { text: writer.text, first_line: first_line as usize, spans }
}

fn end_of_line(bytes: &[u8], from: usize) -> usize {
    bytes[from..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |at| from + at)
}

struct Writer<'a> {
    bytes: &'a [u8],
    secrets: &'a [Range<usize>],
    text: String,
}

impl Writer<'_> {
    /// Writes one line, and where the marks that begin in it come to lie.
    fn line(&mut self, line: &Range<usize>, marks: &[Mark<'_>], spans: &mut [Range<usize>]) {
        let safe = Safe::of(&self.bytes[line.clone()], line.start, self.secrets);
        let here: Vec<usize> = (0..marks.len())
            .filter(|&index| (line.start..=line.end).contains(&marks[index].span.start.min(self.bytes.len())))
            .collect();
        let place = |offset: usize| safe.place(offset.clamp(line.start, line.end) - line.start);
        let shown = shown(safe.text.len(), here.first().map(|&index| place(marks[index].span.start)));
        if shown.start > 0 || (line.start > 0 && self.bytes[line.start - 1] != b'\n') {
            self.text.push('…');
        }
        let mut cuts: Vec<usize> = vec![shown.start, shown.end];
        for &index in &here {
            cuts.extend([place(marks[index].span.start), place(marks[index].span.end)]);
        }
        cuts.iter_mut().for_each(|cut| *cut = (*cut).clamp(shown.start, shown.end));
        cuts.sort_unstable();
        cuts.dedup();
        let mut written = vec![(cuts[0], self.text.len())];
        for pair in cuts.windows(2) {
            self.text.push_str(&String::from_utf8_lossy(&safe.text[pair[0]..pair[1]]));
            written.push((pair[1], self.text.len()));
        }
        let to = |offset: usize| {
            let at = place(offset).clamp(shown.start, shown.end);
            written.iter().find(|(from, _)| *from == at).map_or(0, |(_, to)| *to)
        };
        for index in here {
            spans[index] = to(marks[index].span.start)..to(marks[index].span.end);
        }
        if shown.end < safe.text.len() || self.bytes.get(line.end).is_some_and(|&byte| byte != b'\n') {
            self.text.push('…');
        }
    }
}

/// A line without its secrets.
struct Safe<'t> {
    text: Cow<'t, [u8]>,
    /// What was kept: where it was, where it is, and how long it is.
    kept: Vec<(usize, usize, usize)>,
}

impl<'t> Safe<'t> {
    /// `secrets` are in order and in bytes of the file, as `place` is.
    fn of(line: &'t [u8], place: usize, secrets: &[Range<usize>]) -> Self {
        let end = place + line.len();
        let here = secrets.iter().filter(|secret| secret.start < end && secret.end > place);
        let mut safe = Self { text: Cow::Borrowed(line), kept: Vec::new() };
        let mut was = 0;
        for secret in here {
            let text = safe.text.to_mut();
            if safe.kept.is_empty() {
                text.clear();
            }
            let start = secret.start.saturating_sub(place).max(was);
            safe.kept.push((was, text.len(), start - was));
            text.extend_from_slice(&line[was..start]);
            text.extend_from_slice(secret::REDACTED.as_bytes());
            was = secret.end.min(end) - place;
        }
        safe.kept.push((was, if was == 0 { 0 } else { safe.text.len() }, line.len() - was));
        if let Cow::Owned(text) = &mut safe.text {
            text.extend_from_slice(&line[was..]);
        }
        safe
    }

    /// Where a byte of the line is now; one of a secret is where the secret was taken out.
    fn place(&self, offset: usize) -> usize {
        let before = self.kept.iter().rev().find(|(was, _, _)| *was <= offset);
        before.map_or(0, |(was, is, length)| is + (offset - was).min(*length)).min(self.text.len())
    }
}

/// The part of a line that is shown: all of it, or some of it around the place that matters.
fn shown(length: usize, place: Option<usize>) -> Range<usize> {
    if length <= LINE_BYTES_MAX {
        return 0..length;
    }
    let start = place.unwrap_or(0).saturating_sub(LINE_BYTES_MAX / 4);
    start..(start + LINE_BYTES_MAX).min(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(span: Range<usize>) -> Mark<'static> {
        Mark { line: 1, span, label: "", primary: true }
    }

    #[test]
    fn an_excerpt_is_the_lines_of_its_marks_and_those_between() {
        let tree = Tree::parse(b"one;\ntwo a;\nthree;\nfour;\n".to_vec());
        let excerpt = excerpt(&tree, &[mark(12..17), mark(5..8)]);
        assert_eq!(
            excerpt,
            Excerpt { text: "two a;\nthree;".into(), first_line: 2, spans: vec![7..12, 0..3] }
        );
    }

    #[test]
    fn a_mark_ends_with_its_line_and_with_its_file() {
        let tree = Tree::parse(b"a 'x\ny';\nb".to_vec());
        assert_eq!(excerpt(&tree, &[mark(2..7)]).spans[0], 2..4);
        let at_end = excerpt(&tree, &[mark(10..40)]);
        assert_eq!((at_end.text.as_str(), &at_end.spans[0]), ("b", &(1..1)));
    }

    #[test]
    fn marks_stay_where_they_are_around_secrets() {
        let line = b"a 'Bearer 0123456789abcdef' b 'Bearer fedcba9876543210' c;";
        let tree = Tree::parse(line.to_vec());
        let at = |word: &[u8]| {
            let start = line.windows(word.len()).position(|window| window == word).unwrap();
            mark(start..start + word.len())
        };
        let excerpt = excerpt(&tree, &[at(b"a"), at(b"' b"), at(b" c"), at(b"9876")]);
        assert_eq!(excerpt.text, "a 'Bearer [redacted]' b 'Bearer [redacted]' c;");
        let shown: Vec<&str> = excerpt.spans.iter().map(|span| &excerpt.text[span.clone()]).collect();
        assert_eq!(shown, ["a", "' b", " c", ""]);
    }

    #[test]
    fn a_secret_of_several_lines_is_known_by_its_first() {
        let text = "a '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7VJTU\n-----END PRIVATE KEY-----' b;";
        let tree = Tree::parse(text.as_bytes().to_vec());
        let start = text.find("BKcw").unwrap();
        assert_eq!(excerpt(&tree, &[mark(start..start + 4)]).text, "[redacted]");
    }

    #[test]
    fn marks_stay_where_they_are_behind_bytes_that_are_no_text() {
        let tree = Tree::parse(b"a \xff\xfe b;\n".to_vec());
        let excerpt = excerpt(&tree, &[mark(5..6)]);
        assert_eq!(&excerpt.text[excerpt.spans[0].clone()], "b");
    }
}
