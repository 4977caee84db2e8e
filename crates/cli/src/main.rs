//! The evenkeel binary: arguments, one library call, rendering, exit code.

mod args;
mod commands;
mod fuse;
mod identity;
mod junit;
mod logs;
mod output;
mod release_file;
mod routes_file;
mod served;
mod settings;
mod tree;

use std::process::ExitCode;

use clap::Parser as _;
use evenkeel_host::drift::guard;

fn main() -> ExitCode {
    // Another process of ours: it is a fuse before it is a command line, and closes what it inherited first.
    if std::env::args_os().nth(1).is_some_and(|first| first == "__fuse") {
        return fuse::main(std::env::args_os().skip(2));
    }
    if std::env::args_os().nth(1).is_some_and(|first| first == "__app") {
        return evenkeel_host::app::main(std::env::args_os().skip(2));
    }
    // What another machine's evenkeel speaks to: it asks from here and writes answers.
    if std::env::args_os().nth(1).is_some_and(|first| first == "__vantage") {
        return match evenkeel_host::probe::vantage::serve(std::io::stdin(), std::io::stdout().lock()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(2),
        };
    }
    if std::env::args_os().nth(1).is_some_and(|first| first == guard::OVERSEER || first == guard::LISTENER) {
        return guard::main(std::env::args_os().skip(1));
    }
    if let Some(code) = evenkeel_rehearsal::child(std::env::args_os()) {
        return code;
    }
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            return commands::not_understood(&error, std::env::args_os().any(|arg| arg == "--json"));
        }
    };
    let json = cli.global.json;
    match commands::run(cli) {
        Ok(code) => code,
        Err(error) => {
            commands::failed(&error, json);
            ExitCode::from(2)
        }
    }
}
