//! What a host's disk holds, as its processes see it and as a power cut leaves it.

use evenkeel_fleet::BundleId;
use evenkeel_fleet::ReleaseId;
use evenkeel_fleet::apply::{Applying, RevertWhy, Stage};

use crate::exec::Pid;

/// How many files a tree has.
pub(crate) const FILES: usize = 3;
/// From here on a file's content is somebody else's.
pub(crate) const FOREIGN: u8 = 100;

/// What stands in a tree, or is served: one number a file. Bundle 7 is `[7, 7, 7]`.
pub(crate) type Content = [u8; FILES];

pub(crate) fn id(content: Content) -> BundleId {
    let mut id = [0; 32];
    id[..FILES].copy_from_slice(&content);
    BundleId(id)
}

pub(crate) fn content(id: BundleId) -> Content {
    std::array::from_fn(|file| id.0[file])
}

/// What a slot says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) applying: Applying,
    pub(crate) confirmed: Option<BundleId>,
    pub(crate) confirmed_before: Option<BundleId>,
    pub(crate) command: Option<Pid>,
    pub(crate) fuse: Option<Pid>,
    pub(crate) asked: Option<RevertWhy>,
    /// Whether the old files stood again when the last way back was gone.
    pub(crate) restored: bool,
    /// Whether the old bundle was seen to serve; `None` where there was nothing to prove.
    pub(crate) proven: Option<bool>,
    /// Whether an earlier way back was not proven either: the server may still serve what that took back.
    pub(crate) owed: bool,
}

impl Record {
    pub(crate) const IDLE: Self = Self {
        applying: Applying::IDLE,
        confirmed: None,
        confirmed_before: None,
        command: None,
        fuse: None,
        asked: None,
        restored: false,
        proven: None,
        owed: false,
    };

    pub(crate) fn stage(&self) -> Stage {
        self.applying.stage
    }

    pub(crate) fn is_unproven(&self) -> bool {
        match self.stage() {
            Stage::Reverted => self.proven == Some(false),
            Stage::Idle => self.owed,
            _ => false,
        }
    }
}

/// One slot as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Written {
    sequence: u64,
    record: Record,
    /// Whether its checksum fits.
    whole: bool,
}

/// Something with a present state and one that survives a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cached<T> {
    now: T,
    durable: T,
}

impl<T: Copy + PartialEq> Cached<T> {
    fn new(now: T) -> Self {
        Self { now, durable: now }
    }

    fn flush(&mut self) {
        self.durable = self.now;
    }
}

/// Neither slot is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Corrupt;

/// The two slots.
#[derive(Debug, Clone)]
pub(crate) struct Slots {
    pages: [Cached<Option<Written>>; 2],
    /// The newest record that a power cut may not take.
    flushed: u64,
}

impl Slots {
    pub(crate) fn new() -> Self {
        Self { pages: [Cached::new(None); 2], flushed: 0 }
    }

    fn newest(pages: [Option<Written>; 2], believes_all: bool) -> Option<(usize, Written)> {
        let written = pages.into_iter().enumerate().filter_map(|(index, page)| Some((index, page?)));
        written.filter(|(_, page)| page.whole || believes_all).max_by_key(|(_, page)| page.sequence)
    }

    /// The newest record that is whole. A reader that believes torn ones, too, is a planted fault.
    pub(crate) fn read(&self, believes_all: bool) -> Result<Option<Record>, Corrupt> {
        let pages = self.pages.map(|page| page.now);
        match Self::newest(pages, believes_all) {
            Some((_, written)) => Ok(Some(written.record)),
            None if pages.iter().any(Option::is_some) => Err(Corrupt),
            None => Ok(None),
        }
    }

    /// What a power cut would leave in the worst case.
    pub(crate) fn durable(&self) -> Option<Record> {
        Self::newest(self.pages.map(|page| page.durable), false).map(|(_, written)| written.record)
    }

    pub(crate) fn write(&mut self, record: Record, believes_all: bool) {
        let newest = Self::newest(self.pages.map(|page| page.now), believes_all);
        let (index, sequence) = newest.map_or((0, 1), |(index, written)| (1 - index, written.sequence + 1));
        self.pages[index].now = Some(Written { sequence, record, whole: true });
    }

    /// Takes back what the disk could not keep: each slot is what it was.
    pub(crate) fn put_back(&mut self, former: &Self) {
        for (page, former) in self.pages.iter_mut().zip(former.pages) {
            page.now = former.now;
        }
    }

    pub(crate) fn flush(&mut self) {
        self.pages.iter_mut().for_each(Cached::flush);
        let newest = Self::newest(self.pages.map(|page| page.now), false);
        self.flushed = newest.map_or(0, |(_, written)| written.sequence);
    }

    /// Whether a record that was durable is gone.
    pub(crate) fn lost(&self) -> bool {
        let newest = Self::newest(self.pages.map(|page| page.durable), false);
        newest.map_or(0, |(_, written)| written.sequence) < self.flushed
    }

    pub(crate) fn dirty(&self) -> bool {
        self.pages.iter().any(|page| page.now != page.durable)
    }

    /// What was not flushed is there, is not there, or is torn: the front half of the new on the back half of the old.
    pub(crate) fn power_cut(&mut self, rng: &mut fastrand::Rng) {
        for page in &mut self.pages {
            if page.now != page.durable {
                page.durable = match rng.u8(0..3) {
                    0 => page.now,
                    1 => page.durable,
                    _ => page.now.map(|new| torn(new, page.durable)),
                };
            }
            page.now = page.durable;
        }
    }
}

fn torn(new: Written, old: Option<Written>) -> Written {
    let old = old.map_or(Record::IDLE, |old| old.record);
    let applying = Applying { stage: new.record.applying.stage, ..old.applying };
    Written { sequence: new.sequence, record: Record { applying, ..old }, whole: false }
}

/// What lies staged beside the tree: the plan of one release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) release: ReleaseId,
    pub(crate) from: Content,
    pub(crate) to: Content,
}

/// One file of the tree, and what lies beside it. Both names change in one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Spot {
    live: u8,
    beside: Option<u8>,
}

/// The tree, and what lies beside it.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    spots: [Cached<Spot>; FILES],
    pub(crate) plan: Option<Plan>,
    /// What somebody else had written and is kept.
    pub(crate) kept: Vec<u8>,
    /// Whether there is no space left.
    pub(crate) full: bool,
}

/// What putting one file back came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Undone {
    Already,
    Restored,
    /// What stood there was somebody else's; it lies beside the tree now.
    RestoredOverForeign,
    Left,
}

impl Tree {
    pub(crate) fn new(content: Content) -> Self {
        let spots = content.map(|live| Cached::new(Spot { live, beside: None }));
        Self { spots, plan: None, kept: Vec::new(), full: false }
    }

    pub(crate) fn content(&self) -> Content {
        self.spots.map(|spot| spot.now.live)
    }

    /// Somebody else writes, and makes it durable.
    pub(crate) fn write(&mut self, file: usize, value: u8) {
        self.spots[file].now.live = value;
        self.spots[file].flush();
    }

    /// Puts the new contents beside the tree, durably; says whether there was room.
    pub(crate) fn stage(&mut self, plan: Plan) -> bool {
        self.discard();
        if self.full {
            return false;
        }
        for (spot, to) in self.spots.iter_mut().zip(plan.to) {
            spot.now.beside = Some(to);
            spot.flush();
        }
        self.plan = Some(plan);
        true
    }

    /// Exchanges one file; says whether what came out is what was expected, and puts it back where it is not.
    pub(crate) fn exchange(&mut self, file: usize, expected: u8) -> bool {
        let spot = &mut self.spots[file].now;
        let Some(new) = spot.beside else { return false };
        let fits = spot.live == expected;
        if fits {
            *spot = Spot { live: new, beside: Some(spot.live) };
        }
        fits
    }

    /// Puts one file back, decided by what lies where.
    pub(crate) fn undo(&mut self, file: usize) -> Undone {
        let Some(plan) = self.plan else { return Undone::Left };
        let (from, to) = (plan.from[file], plan.to[file]);
        let spot = &mut self.spots[file].now;
        match spot.beside {
            _ if spot.live == from => Undone::Already,
            Some(beside) if beside == from => {
                let out = spot.live;
                *spot = Spot { live: from, beside: Some(out) };
                if out == to { Undone::Restored } else { Undone::RestoredOverForeign }
            }
            _ => Undone::Left,
        }
    }

    pub(crate) fn flush(&mut self) {
        self.spots.iter_mut().for_each(Cached::flush);
    }

    /// Clears what lies beside the tree; what is of no bundle is kept.
    pub(crate) fn discard(&mut self) {
        let plan = self.plan.take();
        for (file, spot) in self.spots.iter_mut().enumerate() {
            let beside = spot.now.beside.take();
            let known = |value| plan.is_some_and(|plan| [plan.from[file], plan.to[file]].contains(&value));
            self.kept.extend(beside.filter(|value| !known(*value)));
            spot.durable.beside = None;
        }
    }

    /// Puts the new content in place and loses what stood there: a planted fault.
    pub(crate) fn overwrite(&mut self, file: usize) {
        if let Some(plan) = self.plan {
            self.spots[file].now = Spot { live: plan.to[file], beside: Some(plan.from[file]) };
        }
    }

    /// Loses what lies beside the tree at one file.
    pub(crate) fn forget_beside(&mut self, file: usize) {
        self.spots[file].now.beside = None;
    }

    /// What lies beside the tree at one file.
    pub(crate) fn beside(&self, file: usize) -> Option<u8> {
        self.spots[file].now.beside
    }

    pub(crate) fn power_cut(&mut self, rng: &mut fastrand::Rng) {
        for spot in &mut self.spots {
            if spot.now != spot.durable && rng.bool() {
                spot.flush();
            }
            spot.now = spot.durable;
        }
    }
}
