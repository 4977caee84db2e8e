//! The server of a host: it loads the tree when it is told, in its own time and its own mood.

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::disk::Content;
use crate::plan::{Mood, Who};
use crate::world::{Me, Sim, World};

/// How long new workers are watched, in milliseconds.
const STAY_MS: u64 = 200;
/// How long a load takes that hangs.
const HANG_MS: u64 = 30_000;
/// How long workers live that die at once.
const SICK_MS: u64 = 100;

/// The server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) running: bool,
    /// How often it was started: a load that was asked of an earlier one is lost.
    starts: u32,
    serves: Option<Content>,
    loads: u32,
    refusals: u32,
    pub(crate) mood: Mood,
    /// Contents that it does not load.
    pub(crate) refused: BTreeSet<u8>,
    /// Contents that load and answer wrongly.
    pub(crate) wrong: BTreeSet<u8>,
}

/// What it had done when somebody began to watch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Before {
    starts: u32,
    loads: u32,
    refusals: u32,
}

impl Server {
    pub(crate) fn new(serves: Content) -> Self {
        let (refused, wrong) = (BTreeSet::new(), BTreeSet::new());
        Self {
            running: true,
            starts: 1,
            serves: Some(serves),
            loads: 0,
            refusals: 0,
            mood: Mood::Well,
            refused,
            wrong,
        }
    }

    /// What its workers serve; `None` when there are none.
    pub(crate) fn serves(&self) -> Option<Content> {
        self.serves.filter(|_| self.running)
    }

    /// Whether it would load that, if it were well.
    pub(crate) fn accepts(&self, content: Content) -> bool {
        !content.iter().any(|file| self.refused.contains(file))
    }

    /// Whether every request is answered as it should.
    pub(crate) fn answers(&self) -> bool {
        self.serves().is_some_and(|content| !content.iter().any(|file| self.wrong.contains(file)))
    }

    pub(crate) fn before(&self) -> Before {
        Before { starts: self.starts, loads: self.loads, refusals: self.refusals }
    }

    pub(crate) fn die(&mut self) {
        self.running = false;
    }

    fn load(&mut self, content: Content) {
        match self.mood {
            Mood::Dies => self.die(),
            Mood::Lies => {}
            _ if self.mood == Mood::Refuses || !self.accepts(content) => self.refusals += 1,
            _ => {
                self.serves = Some(content);
                self.loads += 1;
            }
        }
    }
}

/// Starts the server when it does not run; it reads what stands there.
pub(crate) fn start(world: &World, host: usize) {
    let content = world.hosts[host].tree.borrow().content();
    let mut server = world.hosts[host].server.borrow_mut();
    if !server.running && server.accepts(content) && !matches!(server.mood, Mood::Refuses | Mood::Dies) {
        server.running = true;
        server.starts += 1;
        server.serves = Some(content);
    }
    drop(server);
    world.wake_host(host);
}

/// Tells the server to load what stands there; says whether there was one to tell.
pub(crate) fn tell(sim: &Sim, host: usize) -> bool {
    let (running, starts, hangs) = {
        let server = sim.hosts[host].server.borrow();
        (server.running, server.starts, server.mood == Mood::Hangs)
    };
    if running {
        let after = if hangs { HANG_MS } else { 20 + sim.random(130) };
        // The server's own work is nobody's process: nothing of ours can kill it.
        let pid = sim.exec.next_pid();
        sim.exec.start(pid, Box::pin(work(Rc::clone(sim), host, pid, starts, after)));
    }
    running
}

async fn work(sim: Sim, host: usize, pid: u32, starts: u32, after: u64) {
    sim.exec.sleep(sim.now() + after, pid).await;
    let (server, tree) = (&sim.hosts[host].server, &sim.hosts[host].tree);
    let same = |server: &Server| server.running && server.starts == starts;
    if !same(&server.borrow()) {
        return;
    }
    let loads = server.borrow().loads;
    server.borrow_mut().load(tree.borrow().content());
    sim.wake_host(host);
    let sick = server.borrow().mood == Mood::Sick && server.borrow().loads > loads;
    if sick {
        sim.exec.sleep(sim.now() + SICK_MS, pid).await;
        if same(&server.borrow()) {
            server.borrow_mut().serves = None;
            sim.wake_host(host);
        }
    }
}

/// Watches whether new workers come and stay.
pub(crate) async fn prove(sim: &Sim, me: Me, before: Before, limit_ms: u64) -> bool {
    let (server, end) = (&sim.hosts[me.host].server, sim.now() + limit_ms);
    let bad = |server: &Server| {
        !server.running || server.starts != before.starts || server.refusals > before.refusals
    };
    loop {
        if bad(&server.borrow()) {
            return false;
        }
        if server.borrow().loads > before.loads {
            sim.sleep(me, STAY_MS).await;
            let server = server.borrow();
            return !bad(&server) && server.serves().is_some();
        }
        if sim.now() >= end {
            return false;
        }
        sim.wait(me, end).await;
    }
}

/// Whether somebody of ours is at work on a host.
pub(crate) fn busy(world: &World, host: usize) -> bool {
    let ours = |who| matches!(who, Who::Command | Who::Fuse | Who::Recovery | Who::Asker);
    world.processes(host).iter().any(|me| ours(me.who))
}
