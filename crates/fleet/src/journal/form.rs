//! How an event is written down: one versioned record, ids as text, times as numbers.

use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

use super::{Event, FORMAT, What};
use crate::apply::{RevertWhy, Way};
use crate::watch::{ProbeId, VantageId};
use crate::{
    Actor, AlertId, BundleId, Digest, Evidence, EvidenceKind, FileChange, Generation, HostId, IncidentId,
    Policy, ReleaseId, Span, Timestamp,
};

/// The version of a written event, without the rest of it: read this first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
pub struct Format {
    v: u16,
}

/// An event was written by a newer version of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("read an event of format {found}; this version understands formats up to {FORMAT}")]
pub struct NewerFormat {
    /// The format it was written in.
    pub found: u16,
}

impl Format {
    /// Checks that this version can read the event.
    ///
    /// # Errors
    /// [`NewerFormat`] when it cannot.
    pub fn check(self) -> Result<(), NewerFormat> {
        if self.v > FORMAT { Err(NewerFormat { found: self.v }) } else { Ok(()) }
    }
}

#[derive(serde::Serialize)]
struct Written<'a> {
    v: u16,
    at: Timestamp,
    what: &'a What,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    v: u16,
    at: Timestamp,
    what: What,
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written { v: FORMAT, at: self.at, what: &self.what }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Read { v, at, what } = Read::deserialize(deserializer)?;
        Format { v }.check().map_err(D::Error::custom)?;
        Ok(Self { at, what })
    }
}

/// Types that are written as their `Display` says and read as their `FromStr` says.
macro_rules! as_text {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                <$type>::from_str(&text).map_err(D::Error::custom)
            }
        }
    )*};
}

as_text!(
    AlertId,
    BundleId,
    Digest,
    EvidenceKind,
    HostId,
    IncidentId,
    ProbeId,
    ReleaseId,
    RevertWhy,
    VantageId,
    Way
);

/// Types that are written as one number.
macro_rules! as_number {
    ($($type:ty: $into:expr, $from:expr;)*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let into: fn($type) -> u64 = $into;
                serializer.serialize_u64(into(*self))
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                u64::deserialize(deserializer).map($from)
            }
        }
    )*};
}

as_number! {
    Generation: |it| it.0, Generation;
    Span: Span::as_millis, Span::from_millis;
    Timestamp: Timestamp::as_millis, Timestamp::from_millis;
}

/// Records of other modules, field by field: they themselves know nothing of this form.
macro_rules! record {
    ($($type:ident as $name:literal $form:ident { $($field:ident: $of:ty,)* })*) => {$(
        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(remote = $name, deny_unknown_fields)]
        struct $form { $($field: $of,)* }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $form::serialize(self, serializer)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $form::deserialize(deserializer)
            }
        }
    )*};
}

record! {
    Actor as "Actor" ActorForm {
        name: String,
        via: String,
    }
    Evidence as "Evidence" EvidenceForm {
        kind: EvidenceKind,
        holds: bool,
        summary: String,
        details: Vec<String>,
        rests_on: Vec<String>,
        digest: Option<Digest>,
    }
    FileChange as "FileChange" FileChangeForm {
        path: String,
        old: Option<Digest>,
        new: Option<Digest>,
    }
    Policy as "Policy" PolicyForm {
        proof_within: Span,
        confirm_within: Span,
        bake: Span,
        hold: bool,
        gates: Vec<EvidenceKind>,
    }
}
