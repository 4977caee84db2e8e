//! The workshop: what writes the generated files and holds the rules of the house.

mod bench;
mod codegen;
mod gallery;
mod rule_pages;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str =
    "usage: cargo xtask codegen [--check] | tidy | gallery [--demo] [--only NN] | bench [--sites N,N]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["codegen", rest @ ..] => {
            codegen::run(rest).and_then(|()| rule_pages::run(rest.contains(&"--check")))
        }
        ["tidy", rest @ ..] => tidy::run(rest),
        ["bench", rest @ ..] => bench::run(rest),
        ["gallery", rest @ ..] => gallery::run(rest),
        // The parts of a stand of the gallery.
        ["app", rest @ ..] => gallery::app::run(rest),
        ["keeper", rest @ ..] => gallery::keeper::run(rest),
        ["stand", rest @ ..] => gallery::world::run(rest),
        _ => Err(anyhow::anyhow!("{USAGE}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the workspace.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_path_buf()
}
