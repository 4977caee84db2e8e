//! Whether a fact holds.

/// Whether a fact holds, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It does.
    Yes(String),
    /// It does not.
    No(String),
    /// Nobody looked: what would tell.
    Unknown(String),
}

impl Finding {
    pub(crate) fn of(holds: bool, yes: impl Into<String>, no: impl Into<String>) -> Self {
        if holds { Self::Yes(yes.into()) } else { Self::No(no.into()) }
    }

    pub(crate) fn is_yes(&self) -> bool {
        matches!(self, Self::Yes(_))
    }

    pub(crate) fn unknown(look: impl Into<String>) -> Self {
        Self::Unknown(look.into())
    }
}
