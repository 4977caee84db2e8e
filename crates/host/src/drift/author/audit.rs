//! The kernel's audit as a witness: it writes down each system call that changes something in a tree, with the process, its
//! command line and the login that it began with, whether it still lives or not.
//!
//! It is read where it is in use: beside the daemon that takes its records, in the group for readers, and never in the
//! daemon's place. One rule for the tree is added, under the key `evenkeel`, and taken away at the end; after a kill, by whoever
//! follows the tree next. Where it is off, it stays off unless somebody wants it on: it slows every system call of every later
//! process down. Then it is switched off again at the end, or at the next start.

mod book;
mod netlink;
mod record;

use std::fs;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rustix::net::{RecvFlags, recv};

pub(super) use book::{Deed, is_beginning};

use book::Book;
use netlink::{Control, MESSAGE_BYTES_MAX, Rule, State, message_of, records};

/// The key of our rule.
const KEY: &[u8] = b"evenkeel";
/// In the directory of the state: the boot in which the audit was switched on by us.
const MARK: &str = "audit.on";
/// So many records are read before somebody looks at what they say: they may come faster than they are read.
const AT_ONCE_MAX: usize = 8_192;
/// A record is on its way for so long.
const ON_ITS_WAY: Duration = Duration::from_millis(5);
/// Tells one boot from another.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// What is wanted of the audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// That it is read where it is in use.
    WhereInUse,
    /// That it is switched on where it is off, as long as it is read.
    On,
}

/// How the audit stands on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stands {
    /// Whether it writes anything down.
    pub on: bool,
    /// The process that takes its records.
    pub daemon: Option<u32>,
    /// The directories of which a rule of ours has it write down every change.
    pub ours: Vec<PathBuf>,
    /// How many rules others gave it.
    pub others: usize,
}

/// Asks how the audit stands.
///
/// # Errors
/// What the kernel said: no permission, or not built with it.
pub fn stands() -> io::Result<Stands> {
    let mut control = Control::open()?;
    let (state, rules) = (control.state()?, control.rules()?);
    let ours: Vec<PathBuf> = rules.iter().filter_map(Rule::ours).collect();
    let daemon = Some(state.daemon).filter(|daemon| *daemon != 0);
    Ok(Stands { on: state.enabled != 0, daemon, others: rules.len() - ours.len(), ours })
}

/// The audit, as long as it is read.
#[derive(Debug)]
pub struct Audit {
    heard: Arc<Heard>,
    /// Whether a record came when one was asked for the last time.
    comes: bool,
    /// The listener ends when this does.
    _stop: OwnedFd,
    /// Taken away when this is.
    rule: Option<Rule>,
    /// Switched off again with this, where it was off before.
    mark: Option<Mark>,
}

impl Audit {
    /// Begins to read what happens in a tree; `None` where the audit is off and is to stay off.
    ///
    /// # Errors
    /// What the kernel said: no permission, not built with it; or that no record would come.
    pub fn listen(root: &Path, state_dir: &Path, wanted: Wanted) -> io::Result<Option<Self>> {
        let mut control = Control::open()?;
        let state = put_back(&mut control, state_dir)?;
        let rules = control.rules()?;
        for left in rules.iter().filter(|rule| rule.ours().is_some_and(|of| of == root)) {
            let _is_locked_then = control.remove(left);
        }
        let is_used = state.enabled != 0 || state.daemon != 0;
        if !is_used && wanted == Wanted::WhereInUse {
            return Ok(None);
        }
        if rules.iter().any(Rule::stops_everything) {
            return Err(io::Error::other("a rule keeps it from every process (-a task,never)"));
        }
        let (stopped, stop) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
        let heard =
            Arc::new(Heard { socket: records()?, book: Mutex::new(Book::new(root)), came: Condvar::new() });
        let mut audit = Self { heard, comes: true, _stop: stop, rule: None, mark: None };
        if state.enabled == 0 && wanted == Wanted::On {
            audit.mark = Some(Mark::switch_on(&mut control, state_dir, state.daemon)?);
        }
        // Nobody changes the rules of one that is locked; those that it has may do.
        if state.enabled != 2 {
            let rule = Rule::changes_below(root);
            control.add(&rule)?;
            audit.rule = Some(rule);
        }
        let shared = Arc::clone(&audit.heard);
        std::thread::Builder::new().name("audit".to_owned()).spawn(move || shared.follow(&stopped))?;
        Ok(Some(audit))
    }

    /// Whether it was switched on for this.
    #[must_use]
    pub fn was_off(&self) -> bool {
        self.mark.is_some()
    }

    /// Who changed what stands at a path, if a record tells it.
    pub(super) fn deed(&mut self, path: &Path, pid: Option<i32>) -> Option<Deed> {
        let until = Instant::now() + ON_ITS_WAY;
        let mut book = self.heard.book();
        loop {
            // It may still wait to be read, or be on its way: the kernel has a thread that sends them.
            let _goes_on_without = self.heard.drain(&mut book);
            let found = book.find(path, pid).cloned();
            let left = until.saturating_duration_since(Instant::now());
            if found.is_some() || !self.comes || left.is_zero() {
                // Where none came the last time, none is waited for.
                self.comes = found.is_some();
                return found;
            }
            book = self.heard.came.wait_timeout(book, left).expect("no listener panics").0;
        }
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        // What cannot be taken away now is by whoever follows next.
        let Ok(mut control) = Control::open() else { return };
        if let Some(rule) = &self.rule {
            let _gone_already = control.remove(rule);
        }
        if let Some(mark) = &self.mark {
            let _next_time_then = mark.switch_off(&mut control);
        }
    }
}

/// That it was off before: where that is marked, and who took its records then.
#[derive(Debug)]
struct Mark {
    path: PathBuf,
    daemon: u32,
}

impl Mark {
    /// Switches it on; that is marked first, so that it is switched off again whatever happens.
    fn switch_on(control: &mut Control, state_dir: &Path, daemon: u32) -> io::Result<Self> {
        let path = state_dir.join(MARK);
        let mut file = fs::File::create(&path)?;
        file.write_all(format!("{}{daemon}\n", fs::read_to_string(BOOT)?).as_bytes())?;
        file.sync_all()?;
        fs::File::open(state_dir)?.sync_all()?;
        control.enable(true)?;
        Ok(Self { path, daemon })
    }

    fn switch_off(&self, control: &mut Control) -> io::Result<()> {
        // A daemon that came meanwhile wants it on.
        if control.state()? == (State { enabled: 1, daemon: self.daemon }) {
            control.enable(false)?;
        }
        fs::remove_file(&self.path)
    }
}

/// Switches off what was switched on by one of us that was killed, in this boot. Gives how it stands then.
fn put_back(control: &mut Control, state_dir: &Path) -> io::Result<State> {
    let path = state_dir.join(MARK);
    if let Ok(marked) = fs::read_to_string(&path) {
        let boot = fs::read_to_string(BOOT)?;
        match marked.strip_prefix(&boot).and_then(|daemon| daemon.trim().parse().ok()) {
            Some(daemon) => Mark { path, daemon }.switch_off(control)?,
            None => fs::remove_file(&path)?,
        }
    }
    control.state()
}

/// What the kernel told, and where it tells more.
#[derive(Debug)]
struct Heard {
    socket: OwnedFd,
    book: Mutex<Book>,
    /// Somebody waits for a record.
    came: Condvar,
}

impl Heard {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("no listener panics")
    }

    /// Reads all that waits; who reads holds the book, so that records are taken in their order.
    fn drain(&self, book: &mut Book) -> rustix::io::Result<()> {
        let mut buffer = [0_u8; MESSAGE_BYTES_MAX];
        for _ in 0..AT_ONCE_MAX {
            match recv(&self.socket, &mut buffer[..], RecvFlags::DONTWAIT) {
                Ok((length, _)) => {
                    if let Some((kind, text)) = message_of(&buffer[..length]) {
                        book.take(kind, text);
                    }
                }
                Err(rustix::io::Errno::AGAIN) => return Ok(()),
                // The kernel dropped some: nobody waits for us.
                Err(rustix::io::Errno::NOBUFS | rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn follow(&self, stopped: &OwnedFd) {
        while super::comes(self.socket.as_fd(), stopped.as_fd()) {
            if self.drain(&mut self.book()).is_err() {
                return;
            }
            self.came.notify_all();
        }
    }
}
