//! What a token is.

/// What a token is. Every byte of a file belongs to exactly one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TokenKind {
    /// A run of space, tab, CR and LF; nothing else is white space to nginx.
    Space,
    /// From `#` up to, and without, the line feed.
    Comment,
    /// An unquoted word.
    Word,
    /// `"…"` with its quotes; without the closing one where that is missing.
    DoubleQuoted,
    /// `'…'` with its quotes; without the closing one where that is missing.
    SingleQuoted,
    /// `;`
    Semicolon,
    /// `{`
    Open,
    /// `}`
    Close,
    /// The body of a Lua block, between its braces.
    Lua,
    /// A text that is too large to be read.
    Unread,
}

impl TokenKind {
    /// Whether it is a name or an argument.
    #[must_use]
    pub fn is_word(self) -> bool {
        matches!(self, TokenKind::Word | TokenKind::DoubleQuoted | TokenKind::SingleQuoted)
    }
}
