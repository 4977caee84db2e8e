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
        let (_, text) = lab.shell(host, &["cat", log]);
        assert!(text.contains(says), "{outage}: {text}");
        let repaired = lab.json(&["repair"]);
        assert!(repaired["proofs"].as_array().unwrap().len() >= 10, "{repaired}");
        for client in ["client1", "client2", "client3"] {
            assert_eq!(lab.ask(client, "shop.lab:80", &[])["status"], 200, "{outage}, {client}");
        }
        assert!(lab.json(&["status"])["broken"].is_null());
    }
}
