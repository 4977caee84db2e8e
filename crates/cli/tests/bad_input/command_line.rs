//! The command line itself: help, flags, JSON, colours, a reader that goes away.

use std::process::Stdio;

use crate::support::{Host, Ran, free_port};

const COMMANDS: &[&str] = &[
    "check",
    "rules",
    "route",
    "diff",
    "test",
    "rehearse",
    "reach",
    "lab",
    "drill",
    "error-pages",
    "init",
    "adopt",
    "apply",
    "confirm",
    "rollback",
    "history",
    "show",
    "status",
    "why",
    "drift",
    "approve",
    "freeze",
    "thaw",
    "recover",
    "package",
    "postmortem",
    "watch",
    "incident",
    "probe",
    "rates",
    "ready",
];

fn bare(args: &[&str]) -> Ran {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    Ran::from(command.args(args).stdin(Stdio::null()).output().unwrap())
}

#[test]
fn every_command_has_help_with_an_example() {
    let help = bare(&["--help"]).ends(0);
    for command in COMMANDS {
        assert!(help.out.contains(&format!("  {command} ")), "--help does not list {command}");
        let ran = bare(&[command, "--help"]).ends(0);
        assert!(
            ran.out.contains("Example") && ran.out.contains(&format!("  evenkeel {command}")),
            "{}",
            ran.out
        );
    }
    let listed =
        help.out.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // What goes on in a second line stands further to the right.
    let names = listed.filter(|line| !line.starts_with("   ") && !line.contains("  help "));
    assert_eq!(names.count(), COMMANDS.len(), "{}", help.out);
}

#[test]
fn what_the_command_line_does_not_know_ends_with_2() {
    for command in COMMANDS {
        let ran = bare(&[command, "--no-such-flag"]).ends(2);
        assert!(ran.out.is_empty() && ran.err.contains("--no-such-flag"), "{ran:?}");
    }
    for args in [
        &["launch"][..],
        &[],
        &["apply"],
        &["apply", "x", "--bake", "5 parsecs"],
        &["check", "x", "--color", "pink"],
        &["error-pages"],
        &["rehearse", "x", "--load", "10"],
        &["rehearse", "x", "--load", "1001,10"],
        &["rehearse", "x", "--load", "10,61"],
        &["__fuse"],
        &["__fuse", "--state-dir"],
    ] {
        let ran = bare(args).ends(2);
        assert!(!ran.err.is_empty() && !ran.err.contains("panicked"), "{args:?}: {ran:?}");
    }
    let ran = bare(&["apply", "x", "--no-such-flag", "--json"]).ends(2);
    assert!(ran.json()["error"].as_str().unwrap().contains("--no-such-flag"), "{ran:?}");
}

#[test]
fn json_is_one_document_whatever_comes_of_a_command() {
    let host = Host::start();
    let json = |args: &[&str], code: i32| {
        let ran = host.run(&[args, &["--json"]].concat()).ends(code);
        let document = ran.json();
        assert!(document.is_object(), "{args:?}: {ran:?}");
        assert_eq!(code == 2, document.get("error").is_some(), "{args:?}: {ran:?}");
        assert!(!ran.out.contains('\x1b') && !ran.err.contains('\x1b'), "{args:?}: {ran:?}");
    };
    let (tree, prefix) = (host.path("new"), host.path("etc"));
    let (tree, prefix) = (tree.to_str().unwrap(), prefix.to_str().unwrap());
    let baseline = host.path("baseline.json");
    let baseline = baseline.to_str().unwrap();

    // Nothing is there yet.
    json(&["history"], 2);
    json(&["show", "r1"], 2);
    json(&["postmortem", "r1"], 2);
    json(&["confirm"], 1);
    json(&["rollback"], 2);
    json(&["check", "/nonexistent"], 2);
    json(&["apply", "/nonexistent"], 2);
    json(&["rules"], 0);
    json(&["rules", "alias-traversal"], 0);
    json(&["rules", "no-such-rule"], 2);
    json(&["status"], 1);
    json(&["recover"], 0);
    json(&["adopt"], 0);
    json(&["adopt"], 0);
    json(&["status"], 0);

    host.propose().replace("sites/shop.conf", "proxy_pass http://", "proxy_passs http://");
    json(&["check", tree, "--prefix", prefix], 1);
    json(&["check", tree, "--prefix", prefix, "--write-baseline", baseline], 0);
    json(&["check", tree, "--prefix", prefix, "--baseline", baseline], 0);
    json(&["apply", tree], 1);
    json(&["apply", tree, "--dry-run"], 1);
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    json(&["check", tree, "--prefix", prefix, "--fail-on", "error"], 0);
    json(&["apply", tree, "--dry-run"], 0);
    json(&["freeze"], 0);
    json(&["apply", tree], 1);
    json(&["thaw"], 0);
    json(&["thaw"], 0);
    json(&["apply", tree, "--bake", "100ms"], 0);
    host.propose().replace("sites/shop.conf", &host.app.port.to_string(), &free_port().to_string());
    json(&["apply", tree, "--bake", "100ms"], 1);
    let history = host.run(&["history", "--json"]).json();
    let last = history["history"][0]["id"].as_str().unwrap().to_owned();
    json(&["history"], 0);
    json(&["show", &last], 0);
    json(&["show", "none"], 2);
    json(&["postmortem", &last], 0);
    json(&["postmortem", "--since", "1h"], 0);
    json(&["postmortem", "--since", "yesterday"], 2);
    json(&["confirm"], 1);
    json(&["rollback"], 0);
    json(&["status"], 0);
    json(&["check", tree, "--config", "/nonexistent.toml"], 2);
}

#[test]
fn colour_is_for_terminals_and_for_who_asks() {
    let host = Host::start();
    let colourful = |args: &[&str]| {
        let mut command = host.evenkeel(args);
        let ran = Ran::from(command.env_remove("NO_COLOR").env("TERM", "xterm").output().unwrap());
        ran.said().contains('\x1b')
    };
    let tree = host.path("etc");
    let tree = tree.to_str().unwrap();
    for args in [&["status"][..], &["check", tree], &["--help"], &["apply", "--no-such-flag"]] {
        assert!(!colourful(args), "{args:?} writes colours to a pipe");
    }
    assert!(colourful(&["status", "--color", "always"]));
    assert!(
        colourful(&["check", tree, "--color", "always"])
            && !colourful(&["check", tree, "--color", "always", "--json"])
    );
}

#[test]
fn reader_that_goes_away_is_no_panic() {
    let host = Host::start();
    host.run(&["adopt"]).ends(0);
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    let tree = host.path("new");
    let tree = tree.to_str().unwrap();
    for args in [
        &["rules"][..],
        &["--help"],
        &["apply", "--help"],
        &["check", tree],
        &["status"],
        &["history", "--json"],
        &["launch"],
        &["apply", tree, "--bake", "100ms"],
    ] {
        let mut child = host.evenkeel(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert!(!ran.err.contains("panicked") && ran.code >= 0, "{args:?}: {ran:?}");
    }
    assert_eq!(host.get("/version").unwrap().1, "two", "a release ends whoever reads of it");
    // Nor is a standard error that nobody reads any more.
    let mut child = host
        .evenkeel(&["apply", "/nonexistent"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().unwrap().code(), Some(2));
}
