//! `cargo run --release -p evenkeel-model --example validate -- /etc/nginx/nginx.conf`: what nginx would refuse, and how
//! long it took to find out.
#![expect(clippy::disallowed_methods, reason = "an example reads real files and the clock")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::Path;
use std::time::Instant;

use evenkeel_model::{Catalog, validate};

fn main() {
    let main = std::env::args().nth(1).expect("the main file");
    let main = std::path::absolute(Path::new(&main)).expect("a path");
    let start = Instant::now();
    let config = support::load(&main, Path::new("/usr/share/nginx"), None);
    let loaded = start.elapsed();
    let problems = validate(&config, &Catalog::for_version(None));
    let validated = start.elapsed() - loaded;
    for problem in problems.iter().take(20) {
        let file = &config.file(problem.file).display;
        println!("{file}:{}:{}: {} ({})", problem.line, problem.column, problem.message, problem.code);
    }
    let (files, directives) = (config.files().len(), config.directive_count());
    println!(
        "{} problems; {files} files, {directives} directives; load {loaded:?}, validate {validated:?}",
        problems.len()
    );
}
