//! The names of things. Each is a newtype, so that none is taken for another.

use std::fmt;
use std::str::FromStr;

/// Longest host name, in bytes; what the domain name system allows.
const HOST_BYTES_MAX: usize = 253;

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadId {
    /// A host name is empty, too long, or holds white space or control characters.
    #[error("read {0:?} as a host name")]
    Host(String),
    /// A release is `r` and a number.
    #[error("read {0:?} as a release (r1, r2, …)")]
    Release(String),
    /// An incident is `i` and a number.
    #[error("read {0:?} as an incident (i1, i2, …)")]
    Incident(String),
    /// An alert is `a` and a number.
    #[error("read {0:?} as an alert (a1, a2, …)")]
    Alert(String),
    /// A digest is 64 hexadecimal digits.
    #[error("read {0:?} as a digest of 64 hexadecimal digits")]
    Digest(String),
}

/// The name of one host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(String);

impl HostId {
    /// Takes `name` as a host's name.
    ///
    /// # Errors
    /// [`BadId::Host`] when it is empty, longer than 253 bytes, or holds white space or control characters.
    pub fn new(name: &str) -> Result<Self, BadId> {
        let bad = |c: char| c.is_control() || c.is_whitespace();
        if name.is_empty() || name.len() > HOST_BYTES_MAX || name.contains(bad) {
            return Err(BadId::Host(name.to_owned()));
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for HostId {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        Self::new(text)
    }
}

macro_rules! numbered {
    ($($(#[$doc:meta])* $name:ident $letter:literal $bad:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($letter, "{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            /// Reads it as shown, and the bare number as people type it.
            fn from_str(text: &str) -> Result<Self, BadId> {
                let digits = text.strip_prefix($letter).unwrap_or(text);
                let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
                let number = if plain { digits.parse().ok() } else { None };
                number.map(Self).ok_or_else(|| BadId::$bad(text.to_owned()))
            }
        }
    )*};
}

numbered! {
    /// The number of one release; shown as `r12`.
    ReleaseId 'r' Release
    /// The number of one incident; shown as `i12`.
    IncidentId 'i' Incident
    /// The number of one alert; shown as `a12`.
    AlertId 'a' Alert
}

/// A number that only grows, on every order to a host. A host refuses a lower one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Generation(pub u64);

impl Generation {
    /// The generation of the next order.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("a journal of 2^64 orders does not exist"))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// How many events a journal holds; also the number of its last event, the first being 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sequence(pub u64);

impl Sequence {
    /// The sequence after `count` more events.
    #[must_use]
    pub fn after(self, count: usize) -> Self {
        let count = u64::try_from(count).expect("a count of events fits 64 bits");
        Self(self.0.checked_add(count).expect("a journal of 2^64 events does not exist"))
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

macro_rules! digest {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl $name {
            /// The first 12 hexadecimal digits: enough for people.
            pub fn short(&self) -> String {
                self.0[..6].iter().map(|byte| format!("{byte:02x}")).collect()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.short())
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                hex(text).map(Self).ok_or_else(|| BadId::Digest(text.to_owned()))
            }
        }
    };
}

digest! {
    /// The digest that names a bundle: paths, bytes and link targets, nothing else.
    BundleId
}

digest! {
    /// The digest of some content: one file, one piece of evidence, one blob.
    Digest
}

fn hex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

/// Who did something, as far as the caller could tell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Actor {
    /// The person or program: a login name, an address, a package manager.
    pub name: String,
    /// The way it came in: `sudo`, `ssh`, `apt`; empty when unknown.
    pub via: String,
}

impl Actor {
    /// An actor with a name and the way it came in.
    pub fn new(name: impl Into<String>, via: impl Into<String>) -> Self {
        Self { name: name.into(), via: via.into() }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.via.is_empty() { Ok(()) } else { write!(f, " via {}", self.via) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_is_read_as_shown_and_as_typed() {
        assert_eq!("r12".parse(), Ok(ReleaseId(12)));
        assert_eq!("12".parse(), Ok(ReleaseId(12)));
        assert_eq!(ReleaseId(12).to_string(), "r12");
        for bad in ["", "r", "rr1", "+1", "r-1", "r99999999999999999999999", "12 "] {
            assert_eq!(bad.parse::<ReleaseId>(), Err(BadId::Release(bad.to_owned())));
        }
    }

    #[test]
    fn digest_is_read_as_it_is_written() {
        let digest = Digest(std::array::from_fn(|i| u8::try_from(i * 7 % 256).unwrap()));
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert!(digest.to_string().starts_with(&digest.short()));
        for bad in ["", "ab", &"g".repeat(64), &"0".repeat(63), &"é".repeat(32)] {
            assert_eq!(bad.parse::<Digest>(), Err(BadId::Digest(bad.to_owned())));
        }
    }

    #[test]
    fn host_name_has_a_bound_and_no_blanks() {
        assert_eq!(HostId::new("web-1.example").unwrap().as_str(), "web-1.example");
        for bad in ["", "a b", "a\n", &"a".repeat(254)] {
            assert_eq!(HostId::new(bad), Err(BadId::Host(bad.to_owned())));
        }
    }

    #[test]
    fn actor_without_a_way_is_only_a_name() {
        assert_eq!(Actor::new("anna", "sudo").to_string(), "anna via sudo");
        assert_eq!(Actor::new("anna", "").to_string(), "anna");
    }
}
