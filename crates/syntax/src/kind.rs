//! What a token is.

/// The kind of a token. Every byte of a file belongs to exactly one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TokenKind {
    /// Space, tab, carriage return, line feed: nothing else separates.
    Blank,
    /// From `#` to the end of the line, the line feed not included.
    Comment,
    /// A name or an argument without quotes.
    Word,
    /// A name or an argument in `"`.
    DoubleQuoted,
    /// A name or an argument in `'`.
    SingleQuoted,
    /// `;`
    Semicolon,
    /// `{`
    Open,
    /// `}`
    Close,
    /// What stands between the braces of a `*_by_lua_block`.
    Lua,
    /// What was not read.
    Unread,
}

impl TokenKind {
    /// Whether it is a name or an argument, quoted or not.
    #[must_use]
    pub fn is_word(self) -> bool {
        matches!(self, TokenKind::Word | TokenKind::DoubleQuoted | TokenKind::SingleQuoted)
    }
}
