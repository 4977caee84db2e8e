//! It comes up, is what it says, and is gone without a trace.

use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Lab, evenkeel, is_gone, wait_until};

#[test]
fn everybody_is_served_and_nothing_is_left() {
    let lab = Lab::up();
    let status = lab.json(&["status"]);
    let hosts = status["hosts"].as_array().unwrap();
    assert_eq!(hosts.len(), 10);
    for (host, title) in
        [("lb", "haproxy"), ("web1", "nginx: worker"), ("app2", "__shop app2 1.0"), ("dns", "dns")]
    {
        let host = hosts.iter().find(|one| one["name"] == host).unwrap();
        assert!(host["processes"].to_string().contains(title), "{host}");
    }
    // A check that was sent before its server listened is forgotten at the next one.
    wait_until("all servers pass their checks", || {
        let servers = lab.json(&["status"])["servers"].as_array().unwrap().clone();
        servers.len() == 3 && servers.iter().all(|one| one["state"] == "up")
    });
    for (from, to) in [("client1", "shop.lab:80"), ("client2", "[fd73::2]:80"), ("web1", "standby.lab:80")] {
        let reply = lab.ask(from, to, &[]);
        assert_eq!(reply["status"], 200, "{from} asks {to}: {reply}");
        assert!(reply["body"].as_str().unwrap().starts_with("Welcome"), "{reply}");
    }
    let held = lab.holders();
    assert_eq!(held.len(), 11);
    let mut all: Vec<i64> = hosts
        .iter()
        .flat_map(|host| host["processes"].as_array().unwrap())
        .map(|one| one["pid"].as_i64().unwrap())
        .collect();
    all.extend(&held);
    assert!(lab.json(&["down"])["was_up"].as_bool().unwrap());
    let left: Vec<&i64> = all.iter().filter(|pid| !is_gone(**pid)).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!lab.dir.exists());
    assert!(!lab.json(&["down"])["was_up"].as_bool().unwrap());
    assert_eq!(evenkeel(&lab.dir, &["status"]).status.code(), Some(2));
}

#[test]
fn customer_keeps_the_cart_and_two_labs_know_nothing_of_each_other() {
    let (lab, other) = (Lab::up(), Lab::up());
    let session = |lab: &Lab| {
        let reply = lab.ask("client1", "shop.lab:80", &["POST", "/login?name=anna"]);
        reply["session"].as_str().unwrap().to_owned()
    };
    let cookie = session(&lab);
    lab.ask("client1", "shop.lab:80", &["POST", "/cart?item=tea", &cookie]);
    for to in ["shop.lab:80", "[fd73::2]:80"] {
        let cart = lab.ask("client1", to, &["GET", "/cart", &cookie]);
        let same_family = to.starts_with("shop");
        assert!(!same_family || cart["body"] == "anna: tea\n", "{cart}");
    }
    assert_eq!(other.ask("client1", "shop.lab:80", &["GET", "/cart", &cookie])["status"], 403);
    lab.json(&["down"]);
    assert_eq!(other.ask("client1", "shop.lab:80", &[])["status"], 200);
    assert_eq!(evenkeel(&other.dir, &["up"]).status.code(), Some(2));
}

#[test]
fn host_reaches_nothing_outside_and_writes_nothing_there() {
    let lab = Lab::up();
    assert_eq!(lab.shell("web1", &["sh", "-c", "exit 7"]).0, 7);
    assert_eq!(lab.shell("web1", &["hostname"]), (0, "web1\n".to_owned()));
    let outside = lab.ask("client1", "192.0.2.1:80", &[]);
    assert!(outside["error"].as_str().unwrap().contains("unreachable"), "{outside}");
    let trace = format!("evenkeel-lab-test-{}", std::process::id());
    for place in ["/", "/usr", "/var", "/home", "/opt"] {
        let path = format!("{place}/{trace}");
        let _refused_or_in_memory = lab.shell("web1", &["touch", &path]);
        assert!(!std::path::Path::new(&path).exists(), "{path}");
    }
    assert_ne!(lab.shell("web1", &["touch", &format!("/usr/{trace}")]).0, 0);
    assert_eq!(lab.shell("web1", &["touch", &format!("/etc/{trace}")]).0, 0, "what lies in /etc is its own");
    let (code, processes) = lab.shell("client3", &["ls", "/proc"]);
    let numbers = processes.lines().filter(|line| line.bytes().all(|byte| byte.is_ascii_digit())).count();
    assert!(code == 0 && numbers <= 3, "it sees {processes}");
    let (_, missing) = lab.shell("web9", &["true"]);
    assert!(missing.contains("standby"), "{missing}");
}

#[test]
fn nothing_is_left_of_a_lab_that_is_killed() {
    // While it comes up: whoever brings it up is gone.
    for keepers in [1, 11] {
        let lab = Lab::new();
        let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
        command.args(["lab", "up", "--dir"]).arg(&lab.dir).stdout(Stdio::null()).stderr(Stdio::null());
        let mut up = command.spawn().unwrap();
        let found = || lab.dir.join("lab.json").exists() && (keepers == 1 || lab.holders().len() >= keepers);
        wait_until("it comes up", || found() || lab.holders().len() == 11);
        let held = lab.holders();
        up.kill().unwrap();
        up.wait().unwrap();
        wait_until("everything has ended", || held.iter().all(|pid| is_gone(*pid)));
        lab.json(&["down"]);
        assert!(!lab.dir.exists());
    }
    // While it stands: its keeper is killed, and what it kept is gone.
    let lab = Lab::up();
    let held = lab.holders();
    kill(Pid::from_raw(held[0].try_into().unwrap()), Signal::SIGKILL).unwrap();
    wait_until("everything has ended", || held.iter().all(|pid| is_gone(*pid)));
    let status = evenkeel(&lab.dir, &["status"]);
    assert_eq!(status.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&status.stderr).contains("it was killed"), "{status:?}");
    assert!(!lab.dir.exists());
    // One of its hosts is killed: the others stand, and the status says so.
    let lab = Lab::up();
    let app = lab.holders()[8];
    kill(Pid::from_raw(app.try_into().unwrap()), Signal::SIGKILL).unwrap();
    wait_until("the host is gone", || is_gone(app));
    let status = evenkeel(&lab.dir, &["status"]);
    assert_eq!(status.status.code(), Some(1), "{status:?}");
    assert!(String::from_utf8_lossy(&status.stdout).contains("gone"), "{status:?}");
}

#[test]
fn directory_with_something_else_in_it_is_left_alone() {
    let lab = Lab::new();
    std::fs::create_dir(&lab.dir).unwrap();
    let thesis = lab.dir.join("thesis.txt");
    std::fs::write(&thesis, "").unwrap();
    let up = evenkeel(&lab.dir, &["up"]);
    assert_eq!(up.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&up.stderr).contains("something else is in it"), "{up:?}");
    lab.json(&["down"]);
    assert!(thesis.exists());
}
