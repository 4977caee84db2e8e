//! Patterns of messages: literal text, with `*` for what differs.

/// The most `*` of a pattern.
pub(super) const CAPTURES_MAX: usize = 3;

/// What stood at the `*`, in order.
pub type Captures<'l> = [Option<&'l [u8]>; CAPTURES_MAX];

/// Whether a text begins as a pattern says; what stands at each `*` is the shortest that fits. A `*` at the end takes the rest.
pub(super) fn fits<'l>(pattern: &str, text: &'l [u8]) -> Option<Captures<'l>> {
    let mut captures = [None; CAPTURES_MAX];
    let mut pieces = pattern.split('*');
    let mut rest = text.strip_prefix(pieces.next()?.as_bytes())?;
    for (slot, piece) in captures.iter_mut().zip(pieces) {
        let at = if piece.is_empty() { rest.len() } else { find(rest, piece.as_bytes())? };
        *slot = Some(&rest[..at]);
        rest = &rest[at + piece.len()..];
    }
    Some(captures)
}

/// Where a text first stands in another.
pub(super) fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut from = 0;
    loop {
        let at = from + text.get(from..)?.iter().position(|&byte| byte == first)?;
        if text[at..].starts_with(wanted) {
            return Some(at);
        }
        from = at + 1;
    }
}
