//! The five outages, live: what users get, what HAProxy sees, and that all is well afterwards.

use serde_json::Value;

use super::Lab;

fn states(lab: &Lab) -> Vec<String> {
    let output = super::evenkeel(&lab.dir, &["status", "--json"]);
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    let servers = status["servers"].as_array().unwrap().clone();
    let word = |server: &Value| format!("{} {}", server["state"], server["check"]["class"]).replace('"', "");
    servers.iter().map(word).collect()
}

#[test]
fn every_outage_happens_and_is_put_right() {
    let lab = Lab::up();
    for outage in ["A", "B", "C", "D", "E"] {
        let broken = lab.json(&["break", outage]);
        let (first, onset) = (broken["deeds"][0]["at_ms"].as_u64(), broken["onset_ms"].as_u64());
        assert!(onset > first, "{broken}");
        // Another one would hide it.
        assert_eq!(super::evenkeel(&lab.dir, &["break", "B"]).status.code(), Some(2));
        let (status, log, host, says): (Option<u64>, _, _, _) = match outage {
            "A" => {
                super::wait_until("both are down", || {
                    states(&lab)[..2].iter().all(|state| state == "down L4CON")
                });
                assert_eq!(states(&lab)[2], "down L4TOUT");
                (Some(503), "/etc/nginx/sites-available/default", "web1", "# listen 80 default_server;")
            }
            "B" => {
                (Some(502), "/var/log/nginx/error.log", "web2", "connect() failed (111: Connection refused)")
            }
            "C" => (
                Some(502),
                "/var/log/dpkg.log",
                "standby",
                "conffile /etc/nginx/conf.d/upstreams.conf install",
            ),
            "D" => {
                assert_eq!(
                    lab.ask("client2", "shop.lab:80", &[])["error"],
                    "no answer",
                    "the guard blocks it"
                );
                (Some(503), "/etc/nginx/conf.d/tuning.conf", "web1", "proxy_buffering_size")
            }
            _ => {
                assert_eq!(lab.ask("client1", "app1.lab:8080", &["GET", "/v2/"])["status"], 200);
                (Some(404), "/var/log/nginx/access.log", "web1", "\" 404 ")
            }
        };
        super::wait_until("users get it", || {
            lab.ask("client1", "shop.lab:80", &[])["status"].as_u64() == status
        });
        // HAProxy asks the web servers in turn: the answer that was seen may be that of the other one.
        super::wait_until("the host says why", || {
            lab.ask("client1", "shop.lab:80", &[]);
            lab.shell(host, &["cat", log]).1.contains(says)
        });
        let repaired = lab.json(&["repair"]);
        assert!(repaired["proofs"].as_array().unwrap().len() >= 10, "{repaired}");
        for client in ["client1", "client2", "client3"] {
            assert_eq!(lab.ask(client, "shop.lab:80", &[])["status"], 200, "{outage}, {client}");
        }
        assert!(lab.json(&["status"])["broken"].is_null());
    }
}

/// The exit code of a drill, and what it prints.
fn drill(lab: &Lab, words: &[&str], typed: &str) -> (i32, Value) {
    use std::io::Write as _;
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    command.arg("drill").args(words).arg("--json").arg("--dir").arg(&lab.dir);
    let pipe = std::process::Stdio::piped;
    let mut child = command.stdin(pipe()).stdout(pipe()).stderr(pipe()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = serde_json::from_slice(&output.stdout);
    (output.status.code().unwrap(), said.unwrap_or_else(|error| panic!("{error}: {output:?}")))
}

#[test]
fn failover_says_whether_shop_and_session_survive() {
    let lab = Lab::up();
    let (code, said) = drill(&lab, &["failover"], "");
    assert_eq!(code, 0, "{said}");
    for fall in said["falls"].as_array().unwrap() {
        assert_eq!((&fall["stays_up"], &fall["session_survives"]), (&true.into(), &true.into()), "{said}");
    }
    // A standby that nobody can reach: all is well until it is needed.
    let deny =
        "sed -i 's/tcp dport 80 accept/tcp dport 80 drop/' /etc/nftables.conf; nft -f /etc/nftables.conf";
    assert_eq!(lab.shell("standby", &["sh", "-c", deny]).0, 0);
    let (code, said) = drill(&lab, &["failover"], "");
    assert_eq!(code, 1, "{said}");
    let stays: Vec<&Value> = said["falls"].as_array().unwrap().iter().map(|fall| &fall["stays_up"]).collect();
    assert_eq!(stays, [true, false], "{said}");
}

#[test]
fn drill_times_whoever_takes_part_and_leaves_the_lab_as_it_was() {
    let lab = Lab::up();
    // Nobody repairs it.
    let (code, said) = drill(&lab, &["B", "--limit", "1s", "--people", "anna,bert"], "\nthe proxy_pass\n");
    assert_eq!(code, 1, "{said}");
    assert_eq!((&said["named"], &said["people"][1]), (&"the proxy_pass".into(), &"bert".into()), "{said}");
    assert!(said["acknowledged_after_ms"].is_u64() && said["repaired_after_ms"].is_null(), "{said}");
    assert_eq!(lab.ask("client1", "shop.lab:80", &[])["status"], 200);
    assert!(lab.json(&["status"])["broken"].is_null());
}
