//! Planted secrets: in nothing that is printed, and in nothing that is stored outside the bundles.

mod support;

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use support::{Host, Ran, free_port, processes_mentioning, title};

/// What must never be seen again. None is a part of another.
const BEARER: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.c2lnbmF0dXJlLXBsYW50ZWQ";
const PASSWORD: &str = "planted-Pa55word";
const API_KEY: &str = "planted-k3y-0123456789";
const BASIC: &str = "cGxhbnRlZDpwbGFudGVkLXBhc3M=";
const TYPED: &str = "planted-typed-t0ken";
const REFUSED: &str = "planted-refused-s3cret";
const AT_RUN_TIME: &str = "planted-runtime-s3cret";
const ALL: &[&str] = &[BEARER, PASSWORD, API_KEY, BASIC, TYPED, REFUSED, AT_RUN_TIME];

/// Collects all that the commands say, and what other processes can see of them.
struct Ear<'h> {
    host: &'h Host,
    heard: Vec<(String, String)>,
}

impl Ear<'_> {
    /// Runs a command as text and as JSON.
    fn run(&mut self, args: &[&str], code: i32) {
        for json in [false, true] {
            let args = if json { [args, &["--json"]].concat() } else { args.to_vec() };
            let ran = self.host.run(&args).ends(code);
            self.hear(&args, &ran);
        }
    }

    fn hear(&mut self, args: &[&str], ran: &Ran) {
        self.heard.push((args[0].to_owned(), ran.said()));
    }

    /// Applies `new/`, as text or as JSON; watches what the process list says meanwhile.
    fn apply(&mut self, more: &[&str], code: i32, says: &str) {
        let tree = self.host.path("new");
        let args = [&["apply", "--no-rehearsal", tree.to_str().unwrap(), "--bake", "300ms"], more].concat();
        let child = self.host.evenkeel(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let ended = Arc::new(AtomicBool::new(false));
        let (dir, stop) = (self.host.dir.path().to_str().unwrap().to_owned(), ended.clone());
        let watcher = std::thread::spawn(move || {
            let mut seen = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                // What a person typed stands in the title of their own command, and of its children until they are
                // another program. That is theirs.
                let others = processes_mentioning(&dir).into_iter().filter_map(title);
                seen.extend(others.filter(|title| !title.contains(" --bake ")));
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            seen
        });
        let ran = Ran::from(child.wait_with_output().unwrap());
        ended.store(true, Ordering::Relaxed);
        for title in watcher.join().unwrap() {
            self.heard.push(("the process list".to_owned(), title));
        }
        let ran = ran.ends(code).says(says);
        self.hear(&args, &ran);
    }

    /// Holds that none of the secrets was heard, and none is stored outside the bundles.
    fn holds(&self) {
        for (by, said) in &self.heard {
            for secret in ALL {
                assert!(!said.contains(secret), "{by} says {secret}:\n{said}");
            }
        }
        let mut files = 0;
        walk(&self.host.path("state"), &mut |path| {
            let mut bytes = Vec::new();
            std::fs::File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
            files += 1;
            for secret in ALL {
                let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "{} holds {secret}", path.display());
            }
        });
        assert!(files >= 3, "journal, slots and the log of the fuse were to be looked at");
    }
}

/// Every file of the state directory that is not of a bundle.
fn walk(directory: &Path, look: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        match entry.file_type().unwrap() {
            kind if kind.is_dir() && entry.file_name() == "bundles" => {}
            kind if kind.is_dir() => walk(&entry.path(), look),
            kind if kind.is_file() => look(&entry.path()),
            _ => {}
        }
    }
}

/// A site with secrets at every usual place.
fn secret_site(host: &Host) -> String {
    host.good_site().replace(
        "limit_req ",
        &format!(
            "proxy_set_header Authorization \"Bearer {BEARER}\";\n        set $api_key {API_KEY};\n        \
             # old: proxy_pass http://admin:{PASSWORD}@127.0.0.1/;\n        limit_req "
        ),
    )
}

#[test]
fn planted_secrets_are_nowhere_but_in_the_bundles() {
    let host = Host::start();
    let mut ear = Ear { host: &host, heard: Vec::new() };
    let (tree, prefix) = (host.path("new"), host.path("etc"));
    let check = ["check", tree.to_str().unwrap(), "--prefix", prefix.to_str().unwrap()];
    ear.run(&["adopt", "--message", &format!("password={TYPED}")], 0);

    // A good change, with a secret in its routes too.
    let routes = host.good_routes()
        + &format!("headers = {{ Authorization = \"Basic {BASIC}\", X-Api-Key = \"{API_KEY}\" }}\n");
    host.propose().write("sites/shop.conf", &secret_site(&host)).write("routes.toml", &routes);
    ear.apply(&["--message", &format!("new token: {TYPED}")], 0, "confirmed");
    let ran = host.run(&check);
    ear.hear(&check, &ran);

    // nginx -t quotes what it refuses.
    for (text, says) in [
        (format!("proxy_set_header Authorization \"Bearer {REFUSED}\" \"x\";"), "proxy_set_header"),
        (format!("password={REFUSED} on;"), "unknown directive"),
        (format!("proxy_pass http://user:{REFUSED}@127.0.0.1:port;"), "port"),
        (format!("proxy_pass httpx://user:{REFUSED}@127.0.0.1;"), "URL prefix"),
        (format!("return 200 token={REFUSED} x;"), "return"),
        (format!("auth_basic_user_file token={REFUSED} x;"), "auth_basic_user_file"),
        (format!("add_header X-Api-Key {REFUSED} always x;"), "add_header"),
    ] {
        host.propose().replace("sites/shop.conf", "limit_req ", &format!("{text}\n        limit_req "));
        let ran = host.run(&check);
        ear.hear(&check, &ran);
        ear.apply(&[], 1, says);
        // What our own check refuses nginx itself is asked of, too.
        let found = host.run(&[&check[..], &["--json"]].concat()).json();
        let rules = found["findings"].as_array().unwrap().iter().filter_map(|it| it["rule"].as_str());
        let accept: Vec<&str> = rules.flat_map(|rule| ["--accept", rule]).collect();
        ear.apply(&accept, 1, "refuses it");
    }

    // Accepted by nginx -t, refused at run time in nginx's own words; and a live route that gets a wrong answer.
    let zone = |key: &str| format!("limit_req_zone {key} zone=per_ip:1m rate=1000r/s;");
    let main = host.good_main();
    host.propose().write(
        "nginx.conf",
        &main.replace(&zone("$binary_remote_addr"), &zone(&format!("token={AT_RUN_TIME}$uri"))),
    );
    ear.apply(&[], 1, "while previously it used");
    let missing = format!("working_directory {}/password={AT_RUN_TIME};\n", host.dir.path().display());
    host.propose().write("nginx.conf", &format!("{missing}{main}"));
    ear.apply(&["--json"], 1, "chdir");
    let wrong = format!(
        "{}[[route]]\nname = \"token={AT_RUN_TIME}\"\nrequest = \"GET http://shop.test:{}/?api_key={API_KEY}\"\nheaders = {{ Cookie = \"session={AT_RUN_TIME}\" }}\nlive = {{ contains = \"password: {AT_RUN_TIME}\" }}\n",
        host.good_routes(),
        host.port
    );
    host.propose().write("routes.toml", &wrong);
    ear.apply(&[], 1, "live route");
    host.propose().write(
        "routes.toml",
        &format!(
            "[[route]]\nrequest = \"GET http://shop.test/\"\nheaders = {{ Authorization = \"Basic {BASIC}\n"
        ),
    );
    ear.apply(&[], 1, "routes.toml");
    host.propose().replace("sites/shop.conf", &host.app.port.to_string(), &free_port().to_string());
    ear.apply(&["--message", &format!("Authorization: Bearer {TYPED}")], 1, "502");

    // By hand.
    host.write("etc/conf.d/by-hand.conf", &format!("# password = {PASSWORD}\n"));
    ear.run(&["status"], 1);
    ear.run(&["rollback", "--message", &format!("secret={TYPED}")], 0);
    ear.run(&["freeze", "--message", &format!("password: {TYPED}")], 0);
    ear.apply(&[], 1, "frozen");
    ear.run(&["thaw", "--message", &format!("https://user:{TYPED}@example.com/")], 0);

    let history = host.run(&["history", "--json", "--limit", "99"]).json();
    let ids: Vec<String> = history["history"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| Some(row["id"].as_str()?.to_owned()))
        .collect();
    ear.run(&["history"], 0);
    for id in ids.iter().filter(|id| id.starts_with('r')) {
        ear.run(&["show", id], 0);
        for args in [&["postmortem", id][..], &["postmortem", id, "--json"]] {
            let ran = host.run(args);
            ear.hear(args, &ran);
        }
    }
    ear.run(&["postmortem", "--since", "1h"], 0);
    ear.run(&["recover"], 0);
    ear.holds();
}

#[test]
fn slots_and_journal_of_an_open_release_hold_no_secret() {
    let host = Host::start();
    let mut ear = Ear { host: &host, heard: Vec::new() };
    host.propose().write("sites/shop.conf", &secret_site(&host).replace("\"one\"", "\"two\""));
    let mut child = host.apply_in_background(&["--hold", "--message", &format!("password={TYPED}")]);
    host.wait("the new configuration", || host.get("/version").is_some_and(|(_, body)| body == "two"));
    // The plan and the old files lie beside the tree, which is where they lay before.
    ear.holds();
    ear.run(&["status"], 1);
    let rollback = ["rollback", "--message", &format!("token={TYPED}")];
    let ran = host.run(&rollback).ends(0);
    ear.hear(&rollback, &ran);
    let _ = child.wait();
    ear.holds();
}

#[test]
fn nobody_else_reads_what_is_stored() {
    let host = Host::start();
    host.run(&["adopt"]).ends(0);
    host.propose().write("sites/shop.conf", &secret_site(&host));
    let mut child = host.apply_in_background(&["--hold"]);
    host.wait("a release waits", || {
        host.path("etc/.evenkeel").exists() && host.run(&["status"]).said().contains("proven")
    });
    let mut seen = 0;
    for root in [host.path("state"), host.path("etc/.evenkeel")] {
        for (path, _) in support::picture(&root) {
            let mode = std::fs::symlink_metadata(&path).unwrap().permissions().mode() & 0o777;
            // What stands beside the tree keeps the mode that it has in the tree, behind a closed door.
            let closed = mode & 0o077 == 0 || !path.starts_with(host.path("state"));
            assert!(closed, "{} has mode {mode:o}", path.display());
            seen += 1;
        }
        let mode = std::fs::metadata(&root).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", root.display());
    }
    assert!(seen > 5);
    host.run(&["rollback"]).ends(0);
    let _ = child.wait();
}
