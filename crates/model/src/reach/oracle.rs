//! Answers to questions that nobody can answer: one after the other, each way.

use std::collections::HashMap;

/// A question that the dump does not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Doubt {
    /// The expression that asks it.
    pub(super) text: String,
    /// What kind it is.
    pub(super) kind: DoubtKind,
}

/// How long an answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DoubtKind {
    /// The same question has the same answer for the whole connection.
    Fixed,
    /// Every time another.
    Passing,
    /// Every time another; but a quiet host knows it.
    Load,
}

/// One question and the answer that it got.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The question.
    pub(super) doubt: Doubt,
    /// The answer.
    pub(super) answer: bool,
    /// The answer that it gets unless told otherwise.
    pub(super) natural: bool,
}

/// Answers first as told, then naturally, and remembers.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    script: Vec<bool>,
    fixed: HashMap<String, bool>,
    /// Everything that was asked, in order.
    pub(super) asked: Vec<Asked>,
}

impl Oracle {
    /// Answers its first questions so.
    pub(super) fn new(script: Vec<bool>) -> Self {
        Self { script, ..Self::default() }
    }

    /// Answers.
    pub(super) fn ask(&mut self, text: &str, kind: DoubtKind, natural: bool) -> bool {
        if kind == DoubtKind::Fixed
            && let Some(answer) = self.fixed.get(text)
        {
            return *answer;
        }
        let answer = self.script.get(self.asked.len()).copied().unwrap_or(natural);
        if kind == DoubtKind::Fixed {
            self.fixed.insert(text.to_owned(), answer);
        }
        self.asked.push(Asked { doubt: Doubt { text: text.to_owned(), kind }, answer, natural });
        answer
    }
}
