//! The stages of an apply on one host, and which may follow which.

use std::fmt;
use std::str::FromStr;

use crate::{BundleId, Generation, ReleaseId, Span};

/// Milliseconds since this host booted, sleep included. It never jumps, and starts anew at every boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Boottime(pub u64);

impl Boottime {
    /// The time `span` later.
    #[must_use]
    pub fn after(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.as_millis()))
    }
}

macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $number:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$vdoc])* $variant = $number,)* }

        impl $name {
            /// Every one, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its number in a slot; a public promise between versions.
            pub const fn number(self) -> u8 {
                self as u8
            }

            /// The one with this number.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)* _ => None }
            }

            /// Its name, also for people.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

numbered! {
    /// How far an apply is on its host.
    Stage {
        /// Nothing is under way.
        Idle = 0, "idle";
        /// The new contents lie beside the tree; the tree is untouched.
        Staged = 1, "staged";
        /// The way back is on the disk; files may be exchanged from now on.
        Armed = 2, "armed";
        /// Every file that differs was exchanged.
        Switched = 3, "switched";
        /// The server was told to load its configuration.
        Signalled = 4, "signalled";
        /// New workers serve the new bundle.
        Proven = 5, "proven";
        /// The new bundle is permanent.
        Confirmed = 6, "confirmed";
        /// The old bundle is being put back.
        Reverting = 7, "reverting";
        /// The old bundle stands again.
        Reverted = 8, "reverted";
    }
}

numbered! {
    /// Why a host goes back.
    RevertWhy {
        /// The command died before its proof.
        CommandDied = 1, "command-died";
        /// The proof did not come in time.
        NotProvenInTime = 2, "not-proven-in-time";
        /// Nobody confirmed in time.
        NotConfirmedInTime = 3, "not-confirmed-in-time";
        /// Somebody asked for it.
        Asked = 4, "asked";
        /// The host booted, or recovery was called, with nothing confirmed.
        Boot = 5, "boot";
        /// What was seen did not hold.
        Evidence = 6, "evidence";
    }
}

numbered! {
    /// Which way a host goes back.
    Way {
        /// The old files stand again, and the server reads them.
        Reload = 1, "reload";
        /// The server had stood by with the old configuration in memory, and nothing was read.
        ParseFree = 2, "parse-free";
        /// The server did not take the old configuration; the one before it serves.
        LastKnownGood = 3, "last-known-good";
    }
}

/// A name that is no [`Way`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read {0:?} as a way back")]
pub struct UnknownWay(String);

impl FromStr for Way {
    type Err = UnknownWay;

    fn from_str(name: &str) -> Result<Self, UnknownWay> {
        let way = Self::ALL.iter().find(|way| way.name() == name);
        way.copied().ok_or_else(|| UnknownWay(name.to_owned()))
    }
}

/// A name that is no [`RevertWhy`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read {0:?} as a reason to go back")]
pub struct UnknownRevertWhy(String);

impl FromStr for RevertWhy {
    type Err = UnknownRevertWhy;

    fn from_str(name: &str) -> Result<Self, UnknownRevertWhy> {
        let why = Self::ALL.iter().find(|why| why.name() == name);
        why.copied().ok_or_else(|| UnknownRevertWhy(name.to_owned()))
    }
}

/// What a slot says: an apply, how far it is, and when it ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applying {
    /// How far it is.
    pub stage: Stage,
    /// The highest order this host has accepted.
    pub generation: Generation,
    /// The release.
    pub release: ReleaseId,
    /// The bundle to go back to.
    pub from: BundleId,
    /// The bundle that is applied.
    pub to: BundleId,
    /// The boot in which the deadlines count; the kernel's random id of it.
    pub boot: [u8; 16],
    /// When the present step must be over: the proof, and while reverting the revert.
    pub proof_deadline: Boottime,
    /// When the release must be confirmed.
    pub confirm_deadline: Boottime,
    /// Why it goes or went back.
    pub why: Option<RevertWhy>,
}

/// Whether a host follows an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// It is new: follow it.
    Fresh,
    /// It was accepted before: answer what is so, do nothing twice.
    Repeated,
    /// A later one was accepted: refuse it.
    Stale,
}

/// Why an apply cannot go to a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IllegalStep {
    /// The stages do not follow each other.
    #[error("go from {from} to {to}")]
    Order {
        /// The stage it is in.
        from: Stage,
        /// The stage that was asked for.
        to: Stage,
    },
    /// The deadline is past, or the host goes back already.
    #[error("go to {to}: it is too late, the host goes back")]
    TooLate {
        /// The stage that was asked for.
        to: Stage,
    },
    /// The order is older than one that was accepted.
    #[error("follow order {order}: order {accepted} was accepted after it")]
    Stale {
        /// The order.
        order: Generation,
        /// The highest accepted one.
        accepted: Generation,
    },
}

impl Applying {
    /// A host on which nothing was ever applied.
    pub const IDLE: Self = Self {
        stage: Stage::Idle,
        generation: Generation(0),
        release: ReleaseId(0),
        from: BundleId([0; 32]),
        to: BundleId([0; 32]),
        boot: [0; 16],
        proof_deadline: Boottime(0),
        confirm_deadline: Boottime(0),
        why: None,
    };

    /// Whether this host follows an order of that generation.
    pub fn accept(&self, order: Generation) -> Accept {
        match order.cmp(&self.generation) {
            std::cmp::Ordering::Greater => Accept::Fresh,
            std::cmp::Ordering::Equal => Accept::Repeated,
            std::cmp::Ordering::Less => Accept::Stale,
        }
    }

    /// Whether the tree may hold something that nobody confirmed.
    pub fn unconfirmed(&self) -> bool {
        self.stage.unconfirmed()
    }

    /// A new apply whose contents are staged. The deadlines are set by [`Applying::arm`].
    ///
    /// # Errors
    /// [`IllegalStep`] when another apply is unconfirmed, or when the order is not newer than every accepted one.
    pub fn stage(
        &self,
        order: Generation,
        release: ReleaseId,
        from: BundleId,
        to: BundleId,
    ) -> Result<Self, IllegalStep> {
        if self.accept(order) != Accept::Fresh {
            return Err(IllegalStep::Stale { order, accepted: self.generation });
        }
        self.follow(Stage::Staged)?;
        Ok(Self { stage: Stage::Staged, generation: order, release, from, to, ..Self::IDLE })
    }

    /// Sets the deadlines, in this boot's time. After this is on the disk files may be exchanged.
    ///
    /// # Errors
    /// [`IllegalStep`] unless the contents are staged.
    pub fn arm(
        &self,
        boot: [u8; 16],
        now: Boottime,
        proof_within: Span,
        confirm_within: Span,
    ) -> Result<Self, IllegalStep> {
        self.follow(Stage::Armed)?;
        let (proof_deadline, confirm_deadline) = (now.after(proof_within), now.after(confirm_within));
        Ok(Self { stage: Stage::Armed, boot, proof_deadline, confirm_deadline, ..*self })
    }

    /// Goes to the next stage: switched, signalled, proven, confirmed, reverted, or back to idle from staged.
    /// `boot` and `now` say where the host is in time.
    ///
    /// # Errors
    /// [`IllegalStep`] when the stages do not follow each other, or when the deadline of the step is past, in
    /// another boot, or the host goes back already.
    pub fn advance(&self, to: Stage, boot: [u8; 16], now: Boottime) -> Result<Self, IllegalStep> {
        if matches!(to, Stage::Staged | Stage::Armed | Stage::Reverting) {
            return Err(IllegalStep::Order { from: self.stage, to });
        }
        self.follow(to)?;
        let past = |deadline| boot != self.boot || now >= deadline;
        let late = match to {
            Stage::Switched | Stage::Signalled | Stage::Proven => past(self.proof_deadline),
            Stage::Confirmed => past(self.confirm_deadline),
            _ => false,
        };
        if late { Err(IllegalStep::TooLate { to }) } else { Ok(Self { stage: to, ..*self }) }
    }

    /// Accepts an order that is not an apply (a confirm, a revert) and remembers its number.
    ///
    /// # Errors
    /// [`IllegalStep::Stale`] when a later one was accepted.
    pub fn ordered(&self, order: Generation) -> Result<Self, IllegalStep> {
        match self.accept(order) {
            Accept::Stale => Err(IllegalStep::Stale { order, accepted: self.generation }),
            Accept::Fresh | Accept::Repeated => Ok(Self { generation: order, ..*self }),
        }
    }

    /// Begins, or begins again, to put the old bundle back, and gives it until `within` from now.
    /// The first reason stays.
    ///
    /// # Errors
    /// [`IllegalStep::Order`] when nothing is unconfirmed.
    pub fn revert(
        &self,
        why: RevertWhy,
        boot: [u8; 16],
        now: Boottime,
        within: Span,
    ) -> Result<Self, IllegalStep> {
        if !self.unconfirmed() {
            return Err(IllegalStep::Order { from: self.stage, to: Stage::Reverting });
        }
        let why = self.why.or(Some(why));
        Ok(Self { stage: Stage::Reverting, boot, proof_deadline: now.after(within), why, ..*self })
    }

    fn follow(&self, to: Stage) -> Result<(), IllegalStep> {
        let from = self.stage;
        match (from.leads_to(to), to) {
            (true, _) => Ok(()),
            (false, Stage::Confirmed | Stage::Proven)
                if matches!(from, Stage::Reverting | Stage::Reverted) =>
            {
                Err(IllegalStep::TooLate { to })
            }
            (false, _) => Err(IllegalStep::Order { from, to }),
        }
    }
}

impl Stage {
    /// Whether the tree may hold something that nobody confirmed.
    pub fn unconfirmed(self) -> bool {
        !matches!(self, Self::Idle | Self::Confirmed | Self::Reverted)
    }

    /// Whether `to` may follow.
    pub fn leads_to(self, to: Self) -> bool {
        match to {
            Self::Idle => self == Self::Staged,
            Self::Staged => !self.unconfirmed(),
            Self::Armed => self == Self::Staged,
            Self::Switched => self == Self::Armed,
            Self::Signalled => self == Self::Switched,
            Self::Proven => self == Self::Signalled,
            Self::Confirmed => self == Self::Proven,
            Self::Reverting => self.unconfirmed(),
            Self::Reverted => self == Self::Reverting,
        }
    }
}
