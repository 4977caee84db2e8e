//! Killing everything that can be killed, at every step, on real files and a real nginx.
//!
//! This program is its own runner, because it starts itself again: as the command that applies (`command`), as its
//! fuse (`__fuse`), and as a switch or an undo that ends in the middle (`install`).

mod again;
mod beside;
mod command;
#[path = "../common/mod.rs"]
mod common;
mod install;
mod live;
#[path = "../nginx/private.rs"]
#[expect(dead_code, reason = "the tests of nginx use the rest of it")]
mod private;
#[path = "../runner/mod.rs"]
mod runner;

use std::path::PathBuf;
use std::process::ExitCode;

use evenkeel_host::fuse::{self, FuseArgs};

use runner::Test;

/// How many tests run at a time: most of their time they wait for nginx.
const AT_ONCE: usize = 4;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    match args.get(1).map(String::as_str) {
        Some("__fuse") => {
            let value = |name: &str| args.iter().skip_while(|arg| *arg != name).nth(1).cloned();
            return fuse::run(&FuseArgs {
                state_dir: PathBuf::from(value("--state-dir").unwrap()),
                command_pid: value("--command-pid").unwrap().parse().unwrap(),
                ready: value("--ready").map(PathBuf::from),
            });
        }
        Some("command") => return command::main(&args[2..]),
        Some("install") => return install::main(&args[2..]),
        _ => {}
    }
    runner::run([install::TESTS, live::TESTS, again::TESTS, beside::TESTS].concat(), AT_ONCE)
}
