//! `evenkeel rehearse`: text, JSON, exit codes, and what is left when it is interrupted.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const NGINX: &str = "/usr/sbin/nginx";

/// Trees in a directory of their own.
struct Desk(tempfile::TempDir);

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Desk {
    fn new() -> Desk {
        let desk = Desk(tempfile::Builder::new().prefix("evenkeel-test-").tempdir().unwrap());
        desk.tree("live", "server { listen 790; location / { return 200 ok; } }");
        desk
    }

    fn tree(&self, name: &str, http: &str) {
        let main = "user www-data;\npid /run/nginx.pid;\nerror_log /var/log/nginx/error.log;\nevents { }\n";
        self.write(&format!("{name}/nginx.conf"), &format!("{main}http {{\naccess_log off;\n{http}\n}}\n"));
    }

    fn write(&self, below: &str, text: &str) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
        command.current_dir(self.0.path()).args(args).stdin(Stdio::null()).env("NO_COLOR", "1");
        command.args(["--pid", "/nowhere/nginx.pid"]);
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        let output = self.command(args).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The processes that see one of these trees mounted: those of a sandbox.
    fn inside(&self) -> Vec<i32> {
        let mark = self.0.path().to_str().unwrap().to_owned();
        let pids = fs::read_dir("/proc").unwrap().flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let mounts = |pid: &i32| fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap_or_default();
        pids.filter(|pid| mounts(pid).contains(&mark)).collect()
    }
}

impl Ran {
    #[track_caller]
    fn ends(self, code: i32) -> Ran {
        assert_eq!(self.code, Some(code), "out: {}\nerr: {}", self.out, self.err);
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

fn rules(document: &Value) -> Vec<&str> {
    document["findings"].as_array().unwrap().iter().map(|it| it["rule"].as_str().unwrap()).collect()
}

#[test]
fn unchanged_tree_passes_and_the_verdict_comes_first() {
    let desk = Desk::new();
    let ran = desk.run(&["rehearse", "live", "--against", "live", "--offline"]).ends(0);
    assert!(ran.out.starts_with("rehearsed: nothing stands in the way\n"), "{}", ran.out);
    assert!(ran.out.contains("  reload          works (") && ran.out.contains("sandbox mode"), "{}", ran.out);
    assert!(ran.err.is_empty(), "{}", ran.err);
}

#[test]
fn refused_reload_is_told_in_json_and_may_be_accepted() {
    let desk = Desk::new();
    desk.tree("new", "server { listen 127.0.0.1:790; location / { return 200 ok; } }");
    let args = ["rehearse", "new", "--against", "live", "--offline", "--json"];
    let document = desk.run(&args).ends(1).json();
    assert_eq!(rules(&document), ["transition-refused"]);
    assert_eq!(document["passes"], false);
    let finding = &document["findings"][0];
    assert_eq!((finding["file"].as_str(), finding["line"].as_u64()), (Some("nginx.conf"), Some(7)));
    assert_eq!(document["runs"][0]["transition"]["works"], false);
    assert_eq!(document["runs"][0]["start"]["works"], true);
    assert!(document["timings"]["first_answer_ms"].is_u64(), "{document:#}");
    for accepted in ["transition-refused", "transition-refused:nginx.conf"] {
        let document = desk.run(&[&args[..], &["--accept", accepted]].concat()).ends(0).json();
        assert_eq!(document["passes"], true);
    }
}

#[test]
fn routes_of_the_tree_are_asked() {
    let desk = Desk::new();
    desk.tree("new", "server { listen 790; location / { return 404; } }");
    desk.write(
        "new/routes.toml",
        "[[route]]\nname = \"home\"\nrequest = \"GET http://a:790/\"\nlive = { status = 200 }\n",
    );
    let ran = desk.run(&["rehearse", "new", "--against", "live", "--offline"]).ends(1);
    assert!(ran.out.contains("error[route-answers-wrong]: routes.toml:1: home"), "{}", ran.out);
    assert!(ran.out.contains("GET http://a:790/: 200, \"ok\" -> 404, nginx's own page"), "{}", ran.out);
}

#[test]
fn what_cannot_be_looked_at_ends_with_2_and_a_way_out() {
    let desk = Desk::new();
    desk.write("bad/nginx.conf", "events { }\n");
    desk.write("bad/routes.toml", "[[route]]\nreqest = 1\n");
    let cases: [(&[&str], &str); 3] = [
        (&["rehearse", "live", "--nginx", "/nowhere/nginx"], "name it with --nginx FILE"),
        (&["rehearse", "nowhere"], "nowhere"),
        (&["rehearse", "bad"], "routes.toml: line 2"),
    ];
    for (args, said) in cases {
        let ran = desk.run(args).ends(2);
        assert!(ran.err.contains(said) && ran.out.is_empty(), "{args:?}: {}", ran.err);
        let document = desk.run(&[args, &["--json"]].concat()).ends(2).json();
        assert!(document["error"].is_string(), "{document}");
    }
}

#[test]
fn every_nginx_that_is_named_is_rehearsed_and_other_commands_take_the_last() {
    let desk = Desk::new();
    let copy = desk.path("nginx");
    fs::copy(NGINX, &copy).unwrap();
    let copy = copy.to_str().unwrap();
    let args = ["rehearse", "live", "--offline", "--json", "--nginx", NGINX, "--nginx", copy];
    let document = desk.run(&args).ends(0).json();
    let names: Vec<&str> =
        document["runs"].as_array().unwrap().iter().map(|run| run["nginx"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 2, "{document:#}");
    assert!(names[1].ends_with("/nginx") && names[0] != names[1], "{names:?}");
    assert!(document["runs"][0]["version"].is_string());
    desk.run(&["check", "live", "--nginx", "/nowhere/nginx", "--nginx", NGINX]).ends(0);
}

#[test]
fn tree_that_is_not_trusted_sees_no_real_key() {
    let desk = Desk::new();
    desk.tree(
        "new",
        "server { listen 793 ssl; ssl_certificate a.pem; ssl_certificate_key a.key;\n \
         location / { root /etc/nginx; } }",
    );
    desk.write("new/a.pem", "real certificate");
    desk.write("new/a.key", "real key");
    desk.write(
        "new/routes.toml",
        "[[route]]\nrequest = \"GET https://a:793/a.pem\"\nlive = { status = 200, contains = \"BEGIN CERTIFICATE\" }\n",
    );
    let ran = desk.run(&["rehearse", "new", "--offline", "--untrusted"]).ends(0);
    assert!(ran.out.contains("because the tree is not trusted"), "{}", ran.out);
    // The same tree with the real key is refused: it is no key.
    let document = desk.run(&["rehearse", "new", "--offline", "--json"]).ends(1).json();
    assert_eq!(rules(&document), ["start-refused"]);
}

#[test]
fn interrupted_at_any_moment_it_leaves_nothing() {
    let desk = Desk::new();
    for round in 0..16_u64 {
        let mut child = background(&desk);
        // Half of them while the sandbox is built, half of them while nginx runs in it.
        if round >= 8 {
            wait_until("a sandbox", || !desk.inside().is_empty());
        }
        std::thread::sleep(Duration::from_millis(round % 8 * 9));
        let signal = if round % 2 == 0 { "-INT" } else { "-KILL" };
        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        let status = child.wait().unwrap();
        assert!(status.signal().is_some(), "round {round} ended by itself: {status}");
        wait_until(&format!("the end of all that {signal} hit in round {round}"), || {
            desk.inside().is_empty()
        });
    }
    let left: Vec<PathBuf> =
        fs::read_dir(desk.0.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left, [Path::new(&desk.path("live"))], "no file of ours stays");
}

#[track_caller]
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// A rehearsal of the live tree against itself: both ways of nginx to begin, and a reload.
fn background(desk: &Desk) -> Child {
    let mut command = desk.command(&["rehearse", "live", "--against", "live", "--offline"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}
