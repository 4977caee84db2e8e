//! Random pairs of configurations: what `diff` predicts of each witness is what two real nginxes answer in a sandbox.
//!
//! `EVENKEEL_DIFF_PAIRS` plays more of them, `EVENKEEL_SEED` others; `--nocapture` shows the counts.

#[path = "../../model/tests/diff/pairs.rs"]
#[expect(dead_code, reason = "requests are for the test of the model")]
mod pairs;
#[path = "../../model/tests/route/random.rs"]
mod random;

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use pairs::Pair;
use random::Random;

fn count(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn write(tree: &Path, http: &str) {
    let log = "error_log /var/log/nginx/error.log; pid /run/nginx.pid;";
    let main = format!("{log}\nevents {{}}\nhttp {{\naccess_log off;\n{http}\n}}\n");
    std::fs::create_dir(tree).unwrap();
    std::fs::write(tree.join("nginx.conf"), main).unwrap();
}

/// What `diff --verify` says of a pair.
fn verified(pair: &Pair) -> Value {
    let place = tempfile::tempdir().unwrap();
    write(&place.path().join("old"), &pair.old);
    write(&place.path().join("new"), &pair.new);
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    command.args([
        "--config-dir",
        "/etc/nginx",
        "--state-dir",
        "/nonexistent",
        "diff",
        "old",
        "new",
        "--verify",
        "--json",
    ]);
    let output = command.current_dir(place.path()).output().unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{output:?}\n{}\n--- new\n{}", pair.old, pair.new))
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|text| text.as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn real_nginxes_refute_no_witness_of_random_pairs() {
    let (pairs, first) = (count("EVENKEEL_DIFF_PAIRS", 10), count("EVENKEEL_SEED", 1));
    let (mut asked, mut left_out, mut complete, mut held, mut wrong) = (0, 0, 0, 0, Vec::new());
    let mut refused = Vec::new();
    for seed in first.. {
        if held == pairs {
            break;
        }
        assert!(refused.len() <= 4 * pairs, "nginx refuses nearly every pair: {:#?}", refused.last());
        let pair = pairs::pair(&mut Random::new(seed as u64));
        let said = verified(&pair);
        let verification = &said["verified"];
        // What does not start on a real nginx is drawn again.
        let failed = texts(&verification["failed"]);
        if !failed.is_empty() {
            refused.push(failed);
            continue;
        }
        held += 1;
        asked += verification["asked"].as_u64().unwrap_or_default();
        left_out += texts(&verification["not_asked"]).len();
        complete += usize::from(said["complete"] == true);
        for why in texts(&verification["disagree"]) {
            eprintln!("seed {seed}: {why}");
            wrong.push(format!(
                "seed {seed}: {why}\nedits: {:#?}\n--- old\n{}--- new\n{}",
                pair.edits, pair.old, pair.new
            ));
        }
    }
    println!(
        "{held} pairs, {} more that nginx refuses, {complete} complete, {asked} answers held against a real nginx, \
         {left_out} not asked, {} wrong",
        refused.len(),
        wrong.len()
    );
    assert!(
        wrong.is_empty(),
        "{} are wrong; the first three:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(3)].join("\n")
    );
    assert!(asked > 0, "nothing was asked");
}
