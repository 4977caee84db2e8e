//! Every way in which a probe can fail, in network namespaces with a real nginx, real firewalls and servers that misbehave. The
//! prober has no privileges at all: uid 65534 where the tests run as root, and no capability in either case.
//!
//! This program is its own runner, because it starts itself again: as the stage with its namespaces (`__stage`), as the
//! servers (`__servers`) and as the prober (`__vantage`).

mod net;
mod rows;
#[path = "../runner/mod.rs"]
mod runner;
mod servers;
mod stage;
mod web;

use std::process::{Command, ExitCode};

use runner::Test;

const TESTS: &[Test] =
    &[("every_case_has_the_right_class_for_a_prober_without_privileges", every_case_has_the_right_class)];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    match args.get(1).map(String::as_str) {
        Some("__stage") => return stage::main(args[2].as_ref()),
        Some("__servers") => servers::main(args[2].as_ref()),
        Some("__vantage") => {
            without_privileges();
            evenkeel_host::probe::vantage::serve(std::io::stdin(), std::io::stdout().lock()).unwrap();
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    runner::run(TESTS.to_vec(), 1)
}

/// Ends the prober if it may do more than anybody.
fn without_privileges() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    for capabilities in ["CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        let line = status.lines().find(|line| line.starts_with(capabilities)).unwrap();
        assert_eq!(line.trim_start_matches(capabilities).trim(), "0000000000000000", "{line}");
    }
}

fn every_case_has_the_right_class() {
    // Open to whoever the prober is: uid 65534 reads and starts what is here.
    let dir = tempfile::Builder::new().prefix("evenkeel-classes-").tempdir().unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(dir.path(), open).unwrap();
    std::fs::copy(std::env::current_exe().unwrap(), dir.path().join("classes")).unwrap();
    let namespaces = if nix::unistd::geteuid().is_root() { "-nm" } else { "-Urnm" };
    let mut stage = Command::new("unshare");
    stage.arg(namespaces).arg(dir.path().join("classes")).arg("__stage").arg(dir.path());
    let status = stage.status().expect("unshare of util-linux");
    assert!(status.success(), "the stage ended with {status}");
}
