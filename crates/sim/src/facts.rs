//! What was done, as somebody sees it who sees everything. The checkers judge by this, not by what the parties believe.

use evenkeel_fleet::apply::Boottime;
use evenkeel_fleet::{Generation, Input, Refusal};

use crate::disk::{Content, Record};
use crate::exec::Pid;
use crate::plan::Who;
use crate::world::Me;

/// Something that was done.
#[derive(Debug, Clone)]
pub(crate) enum Fact {
    /// A slot was written.
    Slot {
        host: usize,
        me: Me,
        before: Option<Record>,
        after: Record,
        boot: [u8; 16],
        boottime: Boottime,
        served: Option<Content>,
        guarded: bool,
    },
    /// A file of the tree was exchanged, forward or back. `durable` is what the slots would say after a power cut.
    Touched { host: usize, me: Me, durable: Option<Record>, forward: bool, guarded: bool },
    /// The server was told to load.
    Told { host: usize, me: Me, durable: Option<Record>, forward: bool, guarded: bool },
    /// Somebody else wrote to the tree.
    Edited { host: usize, file: usize, value: u8 },
    /// An order was sent; `journaled` when its event was in the journal.
    Sent { host: usize, generation: Generation, journaled: bool },
    /// A host follows an order that is not a repetition; `highest` is what it had durably accepted before.
    Followed { host: usize, generation: Generation, highest: Generation },
    /// A controller took an input.
    Took { input: Input, refusal: Option<Refusal> },
    /// A controller replayed the journal, or followed it; `same` when its state is the one that the journal gives.
    Folded { same: bool },
    /// A process stands still.
    Hung { host: usize, pid: Pid },
    /// A process is gone.
    Ended { host: usize, pid: Pid, who: Who },
    /// A host lost power.
    PowerCut { host: usize },
    /// A power cut took a record that was durable.
    Lost { host: usize },
}
