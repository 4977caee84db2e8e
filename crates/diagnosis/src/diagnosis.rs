//! What comes out.

use std::fmt;

/// What evidence says about causes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diagnosis {
    /// Whether anything fails at all.
    pub failing: bool,
    /// The causes, the best first.
    pub causes: Vec<Cause>,
    /// What looked like a cause and is none.
    pub ruled_out: Vec<RuledOut>,
    /// What would settle what is open.
    pub missing: Vec<String>,
}

/// How sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// The evidence fits it, and others.
    Possible,
    /// The evidence fits it and nothing else that is known, or a change points to it.
    Likely,
    /// A fact settles it.
    Confident,
}

impl Confidence {
    /// As reports write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Possible => "possible",
            Self::Likely => "likely",
            Self::Confident => "confident",
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Its name: stays the same from release to release.
    pub id: &'static str,
    /// What it is, with the names of this case.
    pub says: String,
    /// How sure.
    pub confidence: Confidence,
    /// The facts that speak for it.
    pub rests_on: Vec<String>,
    /// The facts that speak against it.
    pub against: Vec<String>,
    /// What to look at first.
    pub first_check: String,
    /// How it is mended.
    pub fix: String,
    /// The change that brought it, when one is to blame.
    pub change: Option<String>,
    /// The command that takes that change back.
    pub rollback: Option<String>,
}

/// What looked like a cause and is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuledOut {
    /// The name of the cause.
    pub id: &'static str,
    /// What it would have been.
    pub says: String,
    /// Why it is not that.
    pub because: String,
}

impl Diagnosis {
    /// The best cause.
    pub fn first(&self) -> Option<&Cause> {
        self.causes.first()
    }
}
