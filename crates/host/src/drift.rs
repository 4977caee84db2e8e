//! What differs on this host from what was released: a pass over the whole tree, events as it happens, and who did it.
//!
//! * [`pass`] is the truth: it reads every file. Events can be lost (a queue overflows, a file is written through another
//!   mount), so that a pass follows every loss and comes by itself from time to time.
//! * [`events`] tells of single paths within milliseconds: fanotify where we may, inotify else.
//! * [`author`] says which command made a change, how that is known, and when it is not.
//!
//! Nothing here waits for anybody: what a process does is watched, never held up, with one exception that lives in a
//! process of its own under an overseer ([`guard`]).

pub mod author;
pub mod events;
pub mod guard;
pub mod pass;
pub mod queues;

/// Has the thread that follows a tree woken before others that want to run, as far as this user may ask for that.
pub fn wake_early() {
    let _as_usual_then = rustix::process::setpriority_process(None, -10);
}
