//! Stubs behind a real nginx, on loopback.
//!
//! This program is its own runner, because it starts itself again as the process of the stubs.

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(code) = evenkeel_rehearsal::child(std::env::args_os()) {
        return code;
    }
    ExitCode::SUCCESS
}
