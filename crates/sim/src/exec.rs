//! Processes as futures on one thread: who runs when is decided by simulated time alone, and killing a process is
//! dropping its future.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// The number of a process; never given twice in one history.
pub(crate) type Pid = u32;

type Body = Pin<Box<dyn Future<Output = ()>>>;

/// The processes that live, and when each is looked at next.
#[derive(Default)]
pub(crate) struct Exec {
    now: Cell<u64>,
    turns: Cell<u64>,
    pids: Cell<Pid>,
    queue: RefCell<BinaryHeap<Reverse<(u64, u64, Pid)>>>,
    bodies: RefCell<BTreeMap<Pid, Option<Body>>>,
    woken: RefCell<BTreeSet<Pid>>,
}

impl Exec {
    /// Milliseconds since the history began.
    pub(crate) fn now(&self) -> u64 {
        self.now.get()
    }

    pub(crate) fn next_pid(&self) -> Pid {
        self.pids.set(self.pids.get() + 1);
        self.pids.get()
    }

    pub(crate) fn start(&self, pid: Pid, body: Body) {
        self.bodies.borrow_mut().insert(pid, Some(body));
        self.at(self.now(), pid);
    }

    pub(crate) fn lives(&self, pid: Pid) -> bool {
        self.bodies.borrow().contains_key(&pid)
    }

    /// Ends a process where it stands; says whether it lived.
    pub(crate) fn kill(&self, pid: Pid) -> bool {
        let body = self.bodies.borrow_mut().remove(&pid);
        body.is_some()
    }

    /// Has a process look around before its time has come.
    pub(crate) fn wake(&self, pid: Pid) {
        if self.lives(pid) && self.woken.borrow_mut().insert(pid) {
            self.at(self.now(), pid);
        }
    }

    fn at(&self, time: u64, pid: Pid) {
        self.turns.set(self.turns.get() + 1);
        self.queue.borrow_mut().push(Reverse((time, self.turns.get(), pid)));
    }

    /// Runs until nothing is to be done before `end`. Gives who ended by itself, one at a time; `None` at the end.
    pub(crate) fn run_until(&self, end: u64) -> Option<Pid> {
        let mut context = Context::from_waker(Waker::noop());
        loop {
            let next =
                self.queue.borrow().peek().map(|Reverse(next)| *next).filter(|(time, ..)| *time <= end);
            let Some((time, _, pid)) = next else {
                self.now.set(end);
                return None;
            };
            self.queue.borrow_mut().pop();
            self.now.set(time.max(self.now()));
            let body = self.bodies.borrow_mut().get_mut(&pid).and_then(Option::take);
            let Some(mut body) = body else { continue };
            match body.as_mut().poll(&mut context) {
                Poll::Ready(()) => {
                    if self.kill(pid) {
                        return Some(pid);
                    }
                }
                Poll::Pending => {
                    // Dropped where it was killed meanwhile.
                    if let Some(place) = self.bodies.borrow_mut().get_mut(&pid) {
                        *place = Some(body);
                    }
                }
            }
        }
    }

    /// Forgets every process.
    pub(crate) fn clear(&self) {
        let bodies = std::mem::take(&mut *self.bodies.borrow_mut());
        drop(bodies);
    }

    /// Until that time.
    pub(crate) fn sleep(&self, until: u64, pid: Pid) -> Sleep<'_> {
        Sleep { exec: self, until, pid, wakes: false, queued: false }
    }

    /// Until that time, or until somebody wakes this process.
    pub(crate) fn wait(&self, until: u64, pid: Pid) -> Sleep<'_> {
        Sleep { exec: self, until, pid, wakes: true, queued: false }
    }
}

/// A process that waits.
pub(crate) struct Sleep<'e> {
    exec: &'e Exec,
    until: u64,
    pid: Pid,
    wakes: bool,
    queued: bool,
}

impl Future for Sleep<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let woken = self.wakes && self.exec.woken.borrow_mut().remove(&self.pid);
        if woken || self.exec.now() >= self.until {
            return Poll::Ready(());
        }
        if !self.queued {
            self.queued = true;
            self.exec.at(self.until, self.pid);
        }
        Poll::Pending
    }
}
