//! `pass ROOT RUNS`: how long a full pass over a tree takes, for `cargo xtask bench drift`.

use std::path::Path;
use std::process::ExitCode;

use evenkeel_host::configdir::Keep;
use evenkeel_host::drift::pass::pass;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [root, runs] = &arguments[..] else {
        eprintln!("usage: pass ROOT RUNS");
        return ExitCode::from(2);
    };
    for _ in 0..runs.parse().unwrap_or(1) {
        match pass(Path::new(root), &Keep::default()) {
            Ok(pass) => println!("{} {:.3}", pass.files.len(), pass.took.as_secs_f64() * 1_000.0),
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::from(2);
            }
        }
    }
    ExitCode::SUCCESS
}
