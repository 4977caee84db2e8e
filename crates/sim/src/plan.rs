//! What happens in one history, drawn from its seed: what people do, what breaks, and when. A plan is a list, so that a
//! history that fails can be made smaller by leaving things out.

use evenkeel_fleet::Span;

/// Who a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    /// It applies a release.
    Command,
    /// It watches the command.
    Fuse,
    /// It runs at boot, before the server.
    Recovery,
    /// It wants the open release back, from any terminal.
    Asker,
    /// It takes the orders of the controllers.
    Agent,
    /// It keeps the journal's end of a release.
    Controller,
}

/// Where a process stands. Each is a place to die at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// It was started and has looked at nothing yet.
    Begin,
    /// It is about to put files beside the tree.
    Stage,
    /// It is about to write a slot.
    BeforeWrite,
    /// A slot is written and not flushed.
    Unflushed,
    /// A slot is written and durable.
    AfterWrite,
    /// It is about to exchange a file, or to put one back.
    Exchange,
    /// All files are exchanged and not flushed.
    Exchanged,
    /// It is about to tell the server.
    BeforeTold,
    /// It has told the server.
    AfterTold,
    /// It is about to append to the journal.
    BeforeAppend,
    /// It has appended and done nothing else yet.
    AfterAppend,
}

/// What becomes of a process there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Harm {
    /// It is killed.
    Kill,
    /// It is killed together with the command and the fuse of its host.
    KillAll,
    /// Its host loses power.
    PowerCut,
    /// It stands still for so many milliseconds.
    Hang(u64),
    /// What it is about to do fails.
    Fail,
}

/// How the server of a host behaves when it is told to load its configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// As it should.
    Well,
    /// It says that it does not want to, and keeps the old one.
    Refuses,
    /// It says that all is well, and keeps the old one.
    Lies,
    /// It takes half a minute.
    Hangs,
    /// It dies.
    Dies,
    /// New workers come, and die at once.
    Sick,
}

/// What a bundle is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quality {
    /// It serves.
    Good,
    /// The server refuses it, and the gates know.
    Caught,
    /// The server refuses it, and the gates do not know.
    Broken,
    /// The server loads it, and it answers wrongly.
    Wrong,
}

/// What people and the world do, at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Somebody proposes a bundle.
    Propose(u8, Quality),
    /// The same in spite of a freeze.
    Emergency(u8, Quality),
    /// Somebody confirms what is open.
    Confirm,
    /// Somebody wants back what is open.
    Rollback,
    /// The same at the host, without the journal.
    RollbackOnHost,
    /// Somebody wants the bundle before the confirmed one.
    Return,
    /// Somebody adopts what stands on the host.
    Adopt,
    /// Somebody forbids forward changes for so many milliseconds; for ever when 0.
    Freeze(u64),
    /// Somebody allows them again.
    Thaw,
    /// Somebody edits a file of the live tree.
    Edit(usize),
    /// Somebody makes the server load what stands there.
    Reload,
    /// The server changes its ways.
    Mood(Mood),
    /// The server dies.
    ServerDies,
    /// A supervisor starts the server.
    ServerStarts,
    /// What was loadable no longer is: a certificate is gone.
    Rots(u8),
    /// The host's wall clock jumps, by milliseconds.
    HostClock(i64),
    /// The controller's wall clock jumps.
    ControllerClock(i64),
    /// The host loses power.
    PowerCut,
    /// The command is killed.
    KillCommand,
    /// The fuse is killed.
    KillFuse,
    /// Both are.
    KillBoth,
    /// The controller is killed, and started again after so many milliseconds.
    KillController(u64),
    /// Nobody hears anybody for so many milliseconds.
    Silence(u64),
    /// The host's disk is full for so many milliseconds.
    DiskFull(u64),
    /// The journal cannot be written for so many milliseconds.
    JournalFull(u64),
}

/// One thing of a plan. Each may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item {
    /// At `at` milliseconds `deed` is done to a host, through a controller.
    Do { at: u64, host: usize, controller: usize, deed: Deed },
    /// When a process of this kind gets to this step for the `nth` time, it comes to harm.
    Harm { host: usize, who: Who, step: Step, nth: u32, harm: Harm },
    /// Of 100 messages so many are lost, so many come twice, and all come up to `late_ms` late.
    Network { lost: u8, twice: u8, late_ms: u64 },
}

/// How the parties stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) hosts: usize,
    pub(crate) controllers: usize,
    /// One machine, one journal, commands that are their own controllers: a power cut takes all.
    pub(crate) local: bool,
    /// A person confirms, and the policy never does.
    pub(crate) hold: bool,
    pub(crate) proof_within: Span,
    pub(crate) confirm_within: Span,
    pub(crate) bake: Span,
}

/// One history to be played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) shape: Shape,
    pub(crate) items: Vec<Item>,
}

/// What happens after this is only what is under way.
const BUSY_MS: u64 = 180_000;

const STEPS: &[Step] = &[
    Step::Begin,
    Step::Stage,
    Step::BeforeWrite,
    Step::Unflushed,
    Step::AfterWrite,
    Step::Exchange,
    Step::Exchanged,
    Step::BeforeTold,
    Step::AfterTold,
];

/// Draws a plan. Most histories begin with a release, so that there is something to break.
pub(crate) fn draw(seed: u64) -> Plan {
    let mut rng = fastrand::Rng::with_seed(seed);
    let local = rng.u8(0..3) == 0;
    let shape = Shape {
        hosts: if !local && rng.u8(0..8) == 0 { 2 } else { 1 },
        controllers: rng.usize(1..3),
        local,
        hold: rng.u8(0..4) == 0,
        proof_within: Span::from_secs(3),
        confirm_within: Span::from_secs([20, 60, 60, 90][rng.usize(0..4)]),
        bake: Span::from_secs([1, 10, 10][rng.usize(0..3)]),
    };
    let mut items = Vec::new();
    let mut bundle = 2;
    let mut at = 1_000;
    for _ in 0..rng.usize(1..4) {
        items.push(one(&mut rng, shape, at, Deed::Propose(bundle, quality(bundle, seed))));
        bundle += 1;
        at += rng.u64(5_000..80_000);
    }
    for _ in 0..rng.usize(0..7) {
        // Most things happen while the first release is on its way.
        let at = if rng.u8(0..3) == 0 { rng.u64(0..BUSY_MS) } else { rng.u64(900..16_000) };
        let deed = deed(&mut rng, seed, &mut bundle);
        items.push(one(&mut rng, shape, at, deed));
    }
    for _ in 0..[0, 0, 1, 1, 2, 3][rng.usize(0..6)] {
        items.push(harm(&mut rng, shape));
    }
    if !local && rng.bool() {
        let (lost, twice) = (rng.u8(0..50), rng.u8(0..40));
        items.push(Item::Network { lost, twice, late_ms: [0, 50, 3_000, 20_000][rng.usize(0..4)] });
    }
    Plan { seed, shape, items }
}

fn one(rng: &mut fastrand::Rng, shape: Shape, at: u64, deed: Deed) -> Item {
    Item::Do { at, host: rng.usize(0..shape.hosts), controller: rng.usize(0..shape.controllers), deed }
}

fn quality(bundle: u8, seed: u64) -> Quality {
    match (seed / 7 + u64::from(bundle) * 5) % 12 {
        0 => Quality::Caught,
        1 => Quality::Broken,
        2 | 3 => Quality::Wrong,
        _ => Quality::Good,
    }
}

fn deed(rng: &mut fastrand::Rng, seed: u64, bundle: &mut u8) -> Deed {
    let long = |rng: &mut fastrand::Rng| rng.u64(500..60_000);
    match rng.u8(0..36) {
        0..2 => {
            *bundle += 1;
            let (bundle, quality) = (*bundle - 1, quality(*bundle - 1, seed));
            if rng.bool() { Deed::Propose(bundle, quality) } else { Deed::Emergency(bundle, quality) }
        }
        2..5 => Deed::Confirm,
        5..7 => Deed::Rollback,
        7 => Deed::RollbackOnHost,
        8..10 => Deed::Return,
        10 => Deed::Adopt,
        11 => Deed::Freeze([0, 5_000, 60_000][rng.usize(0..3)]),
        12 => Deed::Thaw,
        13..16 => Deed::Edit(rng.usize(0..crate::disk::FILES)),
        16 => Deed::Reload,
        17..21 => {
            let moods = [Mood::Well, Mood::Refuses, Mood::Lies, Mood::Hangs, Mood::Dies, Mood::Sick];
            Deed::Mood(moods[rng.usize(0..moods.len())])
        }
        21 => Deed::ServerDies,
        22 => Deed::ServerStarts,
        23 => Deed::Rots(rng.u8(1..3)),
        24 => Deed::HostClock(rng.i64(-600_000..600_000)),
        25 => Deed::ControllerClock(rng.i64(-600_000..600_000)),
        26..28 => Deed::PowerCut,
        28 => Deed::KillCommand,
        29 => Deed::KillFuse,
        30 => Deed::KillBoth,
        31 | 32 => Deed::KillController(long(rng)),
        33 => Deed::Silence(long(rng)),
        34 => Deed::DiskFull(long(rng)),
        _ => Deed::JournalFull(rng.u64(500..20_000)),
    }
}

fn harm(rng: &mut fastrand::Rng, shape: Shape) -> Item {
    let whos = [Who::Command, Who::Command, Who::Command, Who::Fuse, Who::Fuse, Who::Fuse];
    let others = [Who::Recovery, Who::Asker, Who::Agent, Who::Controller, Who::Controller];
    let who = if rng.u8(0..4) == 0 { others[rng.usize(0..others.len())] } else { whos[rng.usize(0..6)] };
    let step = match who {
        Who::Controller => [Step::BeforeAppend, Step::AfterAppend][rng.usize(0..2)],
        _ => STEPS[rng.usize(0..STEPS.len())],
    };
    let nth = if rng.bool() { rng.u32(0..3) } else { rng.u32(0..12) };
    let harm = match rng.u8(0..10) {
        0..4 => Harm::Kill,
        4 | 5 => Harm::KillAll,
        6 | 7 => Harm::PowerCut,
        8 => Harm::Hang(rng.u64(500..90_000)),
        _ => Harm::Fail,
    };
    Item::Harm { host: rng.usize(0..shape.hosts), who, step, nth, harm }
}
