//! One invariant of a routes file, and what became of it.

use evenkeel_model::{Config, Invariant, Proof};
use evenkeel_syntax::secret::redact_str;
use serde_json::{Value, json as value};

use crate::commands::route::show as way;

/// An invariant, judged.
#[derive(Debug)]
pub(super) struct Proven<'f> {
    /// The file that has it, for people.
    pub(super) file: &'f str,
    pub(super) invariant: &'f Invariant,
    pub(super) proof: Proof,
}

impl Proven<'_> {
    /// The word of `--json`.
    pub(super) fn word(&self) -> &'static str {
        match self.proof {
            Proof::Holds => "proven",
            Proof::Fails(_) => "failed",
            Proof::Undecided(_) => "undecided",
        }
    }

    /// Why it is not proven, for people.
    pub(super) fn why(&self) -> Option<String> {
        match &self.proof {
            Proof::Holds => None,
            Proof::Fails(against) => Some(redact_str(&against.why).into_owned()),
            Proof::Undecided(why) => Some(redact_str(&why.join("; ")).into_owned()),
        }
    }

    /// The request against it and its way, for people.
    pub(super) fn against(&self, config: &Config) -> Option<String> {
        let Proof::Fails(against) = &self.proof else { return None };
        let mut text = way::text(config, &against.request, &against.route);
        let others = against.request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case(b"host"));
        for (name, value) in others {
            text.push_str(&format!(
                "with {}: {}\n",
                String::from_utf8_lossy(name),
                String::from_utf8_lossy(value)
            ));
        }
        for assumed in against.world.texts() {
            text.push_str(&format!("assuming {assumed}\n"));
        }
        Some(text)
    }

    pub(super) fn json(&self, config: &Config) -> Value {
        let mut document = value!({
            "name": self.invariant.name, "file": self.file, "defined_at": self.invariant.line,
            "verdict": self.word(), "because": self.why(),
        });
        if let Proof::Fails(against) = &self.proof {
            document["witness"] = way::document(config, &against.request, &against.route);
            document["assuming"] = against.world.texts().into();
        }
        document
    }
}
