//! Everything that a history has in it, and what its processes may do to it. Whatever is done leaves a [`Fact`].

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::rc::{Rc, Weak};

use evenkeel_fleet::{Command, Event, Generation, HostId, Report, Timestamp};

use crate::controller::Asked;
use crate::disk::{Content, Slots, Tree};
use crate::exec::{Exec, Pid};
use crate::facts::Fact;
use crate::plan::{Harm, Item, Plan, Step, Who};
use crate::plant::Plant;
use crate::server::Server;

/// A history under way.
pub(crate) type Sim = Rc<World>;

/// The wall clock when a history begins.
const EPOCH_MS: u64 = 1_700_000_000_000;
/// The bundle that stands on every host at first.
pub(crate) const FIRST: Content = [1; crate::disk::FILES];

/// A process of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Me {
    pub(crate) pid: Pid,
    pub(crate) who: Who,
    pub(crate) host: usize,
}

/// What was about to be done failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failed;

/// An order on its way, and who waits for the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) generation: Generation,
    pub(crate) command: Command,
    pub(crate) from: usize,
}

/// One machine with one server.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) name: HostId,
    pub(crate) slots: RefCell<Slots>,
    pub(crate) tree: RefCell<Tree>,
    pub(crate) server: RefCell<Server>,
    pub(crate) guard: Cell<Option<Pid>>,
    pub(crate) applying: Cell<Option<Pid>>,
    pub(crate) up: Cell<bool>,
    pub(crate) boots: Cell<u8>,
    booted_at: Cell<u64>,
    pub(crate) skew_ms: Cell<i64>,
    pub(crate) inbox: RefCell<VecDeque<Order>>,
    pub(crate) agent: Cell<Pid>,
    /// The highest order that was durably accepted.
    pub(crate) accepted: Cell<Generation>,
}

/// What one controller is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    /// A person asks for something about a host.
    Asked(usize, Asked),
    /// A host says something.
    Said(usize, Generation, Report),
}

/// One controller's place, whether or not a process sits there.
#[derive(Debug, Default)]
pub(crate) struct Seat {
    pub(crate) inbox: RefCell<VecDeque<Message>>,
    pub(crate) pid: Cell<Pid>,
    pub(crate) skew_ms: Cell<i64>,
    /// How long nobody starts it again once it is gone.
    pub(crate) away_ms: Cell<u64>,
}

/// Everything.
pub(crate) struct World {
    this: Weak<World>,
    pub(crate) exec: Exec,
    pub(crate) plan: Plan,
    pub(crate) plant: Option<Plant>,
    rng: RefCell<fastrand::Rng>,
    counts: RefCell<BTreeMap<(usize, Who, Step), u32>>,
    processes: RefCell<BTreeMap<Pid, Me>>,
    signals: RefCell<BTreeMap<Pid, bool>>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) seats: Vec<Seat>,
    pub(crate) journal: RefCell<Vec<Event>>,
    /// When each event was appended, on a clock that nobody in the history has.
    pub(crate) appended_at: RefCell<Vec<u64>>,
    pub(crate) journal_full: Cell<bool>,
    pub(crate) silent_until: Cell<u64>,
    /// Nothing breaks any more.
    pub(crate) calm: Cell<bool>,
    pub(crate) facts: RefCell<Vec<(u64, Fact)>>,
    pub(crate) reached: RefCell<BTreeMap<String, u64>>,
}

impl World {
    pub(crate) fn new(plan: Plan, plant: Option<Plant>) -> Sim {
        let host = |index: usize| Host {
            name: HostId::new(&format!("web-{index}")).expect("a letter, a hyphen and a digit are a name"),
            slots: RefCell::new(Slots::new()),
            tree: RefCell::new(Tree::new(FIRST)),
            server: RefCell::new(Server::new(FIRST)),
            guard: Cell::new(None),
            applying: Cell::new(None),
            up: Cell::new(true),
            boots: Cell::new(1),
            booted_at: Cell::new(0),
            skew_ms: Cell::new(0),
            inbox: RefCell::default(),
            agent: Cell::new(0),
            accepted: Cell::new(Generation(0)),
        };
        Rc::new_cyclic(|this| Self {
            this: this.clone(),
            exec: Exec::default(),
            plant,
            rng: RefCell::new(fastrand::Rng::with_seed(plan.seed ^ 0x5eed)),
            counts: RefCell::default(),
            processes: RefCell::default(),
            signals: RefCell::default(),
            hosts: (0..plan.shape.hosts).map(host).collect(),
            seats: (0..plan.shape.controllers).map(|_| Seat::default()).collect(),
            journal: RefCell::default(),
            appended_at: RefCell::default(),
            journal_full: Cell::new(false),
            silent_until: Cell::new(0),
            calm: Cell::new(false),
            facts: RefCell::default(),
            reached: RefCell::default(),
            plan,
        })
    }

    /// The same, to be held by a process.
    pub(crate) fn sim(&self) -> Sim {
        self.this.upgrade().expect("who calls this holds it")
    }

    pub(crate) fn planted(&self, plant: Plant) -> bool {
        self.plant == Some(plant)
    }

    pub(crate) fn now(&self) -> u64 {
        self.exec.now()
    }

    pub(crate) fn random(&self, below: u64) -> u64 {
        self.rng.borrow_mut().u64(0..below.max(1))
    }

    pub(crate) fn fact(&self, fact: Fact) {
        self.facts.borrow_mut().push((self.now(), fact));
    }

    /// What a clock that never jumped showed then.
    pub(crate) fn true_time(&self, at: u64) -> Timestamp {
        Timestamp::from_millis(EPOCH_MS + at)
    }

    pub(crate) fn append(&self, events: &[Event]) {
        self.journal.borrow_mut().extend_from_slice(events);
        self.appended_at.borrow_mut().resize(self.journal.borrow().len(), self.now());
    }

    /// Counts that something was reached, by its name: what `Debug` calls it, without what it holds.
    pub(crate) fn reach(&self, kind: &str, what: &impl std::fmt::Debug) {
        let text = format!("{what:?}");
        let name: String = text.chars().take_while(char::is_ascii_alphanumeric).collect();
        *self.reached.borrow_mut().entry(format!("{kind} {name}")).or_default() += 1;
    }

    pub(crate) fn wall(&self, skew_ms: i64) -> Timestamp {
        Timestamp::from_millis((EPOCH_MS + self.now()).saturating_add_signed(skew_ms))
    }

    // Processes.

    pub(crate) fn spawn<F>(&self, who: Who, host: usize, body: impl FnOnce(Sim, Me) -> F) -> Pid
    where
        F: Future<Output = ()> + 'static,
    {
        let me = Me { pid: self.exec.next_pid(), who, host };
        self.processes.borrow_mut().insert(me.pid, me);
        self.exec.start(me.pid, Box::pin(body(self.sim(), me)));
        me.pid
    }

    pub(crate) fn lives(&self, pid: Option<Pid>) -> bool {
        pid.is_some_and(|pid| self.exec.lives(pid))
    }

    pub(crate) fn kill(&self, pid: Pid) {
        if self.exec.kill(pid) {
            self.ended(pid);
        }
    }

    /// What the kernel does when a process is gone.
    pub(crate) fn ended(&self, pid: Pid) {
        let Some(me) = self.processes.borrow_mut().remove(&pid) else { return };
        self.signals.borrow_mut().remove(&pid);
        let host = &self.hosts[me.host];
        for lock in [&host.guard, &host.applying] {
            if lock.get() == Some(pid) {
                lock.set(None);
            }
        }
        self.fact(Fact::Ended { host: me.host, pid, who: me.who });
        self.wake_host(me.host);
        if me.who == Who::Controller {
            crate::deeds::restart(self, pid);
        }
    }

    pub(crate) fn processes(&self, host: usize) -> Vec<Me> {
        self.processes.borrow().values().filter(|me| me.host == host).copied().collect()
    }

    /// Everybody on a host looks around.
    pub(crate) fn wake_host(&self, host: usize) {
        for me in self.processes(host) {
            self.exec.wake(me.pid);
        }
    }

    /// Tells a process to look; `back` when somebody wants the old bundle back.
    pub(crate) fn signal(&self, pid: Option<Pid>, back: bool) {
        let Some(pid) = pid.filter(|pid| self.exec.lives(*pid)) else { return };
        *self.signals.borrow_mut().entry(pid).or_default() |= back;
        self.exec.wake(pid);
    }

    pub(crate) fn take_signal(&self, me: Me) -> bool {
        self.signals.borrow_mut().remove(&me.pid).unwrap_or(false)
    }

    pub(crate) async fn sleep(&self, me: Me, ms: u64) {
        self.exec.sleep(self.now() + ms, me.pid).await;
    }

    pub(crate) async fn wait(&self, me: Me, until: u64) {
        self.exec.wait(until, me.pid).await;
    }

    /// A place to come to harm. Getting there takes a moment.
    pub(crate) async fn point(&self, me: Me, step: Step) -> Result<(), Failed> {
        self.sleep(me, self.random(3)).await;
        if self.calm.get() {
            return Ok(());
        }
        let nth = {
            let mut counts = self.counts.borrow_mut();
            let count = counts.entry((me.host, me.who, step)).or_default();
            *count += 1;
            *count - 1
        };
        let here = |item: &&Item| match **item {
            Item::Harm { host, who, step: at, nth: n, .. } => {
                (host, who, at, n) == (me.host, me.who, step, nth)
            }
            _ => false,
        };
        let Some(Item::Harm { harm, .. }) = self.plan.items.iter().find(here) else { return Ok(()) };
        self.reach("harm", harm);
        self.reach("harmed", &me.who);
        self.reach("harmed at", &step);
        match *harm {
            Harm::Kill => self.kill(me.pid),
            // A controller on a machine of its own.
            Harm::PowerCut if me.who == Who::Controller && !self.plan.shape.local => self.kill(me.pid),
            Harm::KillAll => {
                for other in self.processes(me.host) {
                    if matches!(other.who, Who::Command | Who::Fuse) || other.pid == me.pid {
                        self.kill(other.pid);
                    }
                }
            }
            Harm::PowerCut => crate::deeds::power_cut(self, me.host),
            Harm::Hang(ms) => {
                self.fact(Fact::Hung { host: me.host, pid: me.pid });
                self.sleep(me, ms).await;
                return Ok(());
            }
            Harm::Fail => return Err(Failed),
        }
        std::future::pending::<()>().await;
        Ok(())
    }

    // Hosts.

    pub(crate) fn boottime(&self, host: usize) -> evenkeel_fleet::apply::Boottime {
        evenkeel_fleet::apply::Boottime(self.now() - self.hosts[host].booted_at.get())
    }

    pub(crate) fn boot(&self, host: usize) -> [u8; 16] {
        [self.hosts[host].boots.get(); 16]
    }

    /// Another boot: another id, and a clock that starts anew.
    pub(crate) fn booted(&self, host: usize) {
        let host = &self.hosts[host];
        host.boots.set(host.boots.get().wrapping_add(1));
        host.booted_at.set(self.now());
        host.up.set(true);
    }

    pub(crate) fn cut_power(&self, index: usize) {
        let (host, mut rng) = (&self.hosts[index], self.rng.borrow_mut());
        host.slots.borrow_mut().power_cut(&mut rng);
        host.tree.borrow_mut().power_cut(&mut rng);
        host.up.set(false);
        if host.slots.borrow().lost() {
            self.fact(Fact::Lost { host: index });
        }
    }
}
