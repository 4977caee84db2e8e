//! Without namespaces: the same told, nobody reached, nothing left.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use evenkeel_rehearsal::rehearse::{How, Settings};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::answers::{at, question, status};
use crate::stand::{REDUCED, blocking, main_file, only, run, settings, tree, tree_of};
use crate::{Test, answers, transitions};

pub(crate) const TESTS: &[Test] = &[
    ("what is told in a sandbox is told without one", what_is_told_in_a_sandbox_is_told_without_one),
    ("without a sandbox nginx speaks of the tree", without_a_sandbox_nginx_speaks_of_the_tree),
    ("without a sandbox every kind of listen is asked", every_kind_of_listen_is_asked),
    ("without a sandbox variables reach nobody", variables_reach_nobody),
    ("without a sandbox the tree is not written to", the_tree_is_not_written_to),
    ("a command that is killed leaves nothing, without a sandbox either", killed_command_leaves_nothing),
    ("a keeper that is killed ends the rehearsal and leaves nothing", killed_keeper_leaves_nothing),
];

/// How long something may take that must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// What only a network of its own shows.
const NOT_SHOWN: [&str; 3] = [
    "address that becomes the wildcard refuses the reload",
    "reload that is refused leaves no unix socket to a fresh start",
    "address that the host lacks refuses the reload",
];

fn reduced() -> Settings {
    Settings { how: How::Reduced, ..settings() }
}

fn what_is_told_in_a_sandbox_is_told_without_one() {
    REDUCED.store(true, Ordering::Relaxed);
    let all = [transitions::TESTS, answers::TESTS].concat();
    let others = all.into_iter().filter(|(name, _)| !NOT_SHOWN.contains(name));
    let failed: Vec<&str> =
        others.filter(|(_, test)| std::panic::catch_unwind(test).is_err()).map(|(name, _)| name).collect();
    REDUCED.store(false, Ordering::Relaxed);
    assert!(failed.is_empty(), "{failed:?}");
}

fn without_a_sandbox_nginx_speaks_of_the_tree() {
    let new = tree_of(&[
        ("nginx.conf", &main_file("", "include /etc/nginx/conf.d/*.conf;")),
        ("conf.d/a.conf", "server {\n listen 8090;\n proxy_pas http://a;\n}"),
    ]);
    let report = run(None, &new, &[], &reduced());
    assert_eq!(report.mode, "reduced");
    let finding = only(&report, "start-refused");
    assert_eq!((finding.file.as_deref(), finding.line), (Some("conf.d/a.conf"), Some(3)));
    assert!(finding.message.contains("unknown directive \"proxy_pas\""), "{}", finding.message);
    let said = format!("{:?}", report.runs);
    assert!(!said.contains("/ek-") && !said.contains("127.6"), "{said}");
}

fn every_kind_of_listen_is_asked() {
    let new = tree(
        "server { listen 8090; listen [::]:8090 ipv6only=on; listen 127.0.0.1:8091; return 200 one; }
         server { listen 8092-8094; return 200 two; }
         server { listen 8443 ssl; ssl_certificate a.pem; ssl_certificate_key a.key; return 200 three; }
         server { listen 8095; location / { proxy_pass http://127.0.0.1:8090; } }
         server { listen unix:/run/a.sock; return 200 four; }
         server { listen 8096; location / { proxy_pass http://unix:/run/a.sock; } }",
    );
    let urls = [
        "http://a:8090/",
        "http://a:8091/",
        "http://a:8093/",
        "https://a:8443/",
        "http://a:8095/",
        "http://a:8096/",
    ];
    let urls = urls.map(|url| format!("GET {url}"));
    let questions: Vec<_> = urls.iter().map(|url| question(url, status(200))).collect();
    let report = run(None, &new, &questions, &reduced());
    assert!(blocking(&report).is_empty(), "{:#?}", report.findings);
    for url in urls {
        assert_eq!(at(&report, &url).new.status, Some(200), "{url}");
    }
}

fn variables_reach_nobody() {
    // TEST-NET-1: nobody is there, and from loopback nobody is even asked.
    let new = tree("server { listen 8090; location / { set $to 192.0.2.1; proxy_pass http://$to:8099; } }");
    let began = Instant::now();
    let report = run(None, &new, &[question("GET http://a:8090/", status(502))], &reduced());
    let asked = at(&report, "GET http://a:8090/");
    assert!(matches!(asked.new.status, Some(500 | 502)), "{asked:?}");
    assert!(began.elapsed() < Duration::from_secs(4), "a connection was waited for: {:?}", began.elapsed());
    let told = report.differences.iter().any(|it| it.contains("variables decide"));
    assert!(told, "{:#?}", report.differences);
}

fn the_tree_is_not_written_to() {
    let new = tree_of(&[
        ("nginx.conf", &main_file("", "server { listen 8090; access_log logs/a.log; root /etc/nginx/www; }")),
        ("www/index.html", "here"),
        ("secret.key", "secret"),
    ]);
    let before = listing(&new.path(""));
    let report = run(None, &new, &[question("GET http://a:8090/", status(200))], &reduced());
    assert!(blocking(&report).is_empty(), "{:#?}", report.findings);
    assert_eq!(listing(&new.path("")), before);
}

/// Every file below a directory, with what it holds.
fn listing(directory: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => pending.push(path),
                false => found.push((path.display().to_string(), fs::read_to_string(&path).unwrap())),
            }
        }
    }
    found.sort();
    found
}

/// A command that rehearses again and again, until it is killed or something is missing.
pub(crate) fn command() -> ExitCode {
    let new = tree("server { listen 8090; location / { proxy_pass http://10.1.2.3:80; } }");
    loop {
        let rehearsed = std::panic::catch_unwind(|| run(None, &new, &[], &reduced()));
        match rehearsed {
            Ok(report) if report.runs[0].start.as_ref().is_some_and(|step| step.works) => {}
            _ => return ExitCode::FAILURE,
        }
    }
}

/// Starts the command with temporary files in a directory of its own.
fn started(temporary: &Path) -> Child {
    let mut command = Command::new("/proc/self/exe");
    command.arg("__reduced").env("TMPDIR", temporary).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// The processes that have a file below a directory open, or stand in their own command line for it.
fn users(directory: &Path) -> Vec<i32> {
    let name = directory.display().to_string();
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let own = i32::try_from(std::process::id()).unwrap();
    pids.filter(|pid| *pid != own)
        .filter(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
            let mut links = files.filter_map(|file| fs::read_link(file.path()).ok());
            String::from_utf8_lossy(&line).contains(&name) || links.any(|link| link.starts_with(directory))
        })
        .collect()
}

#[track_caller]
fn is_left_clean(temporary: &Path) {
    let end = Instant::now() + PATIENCE;
    loop {
        // The tree of the command itself is not its rehearsal's.
        let names = fs::read_dir(temporary).unwrap().flatten().map(|entry| entry.file_name());
        let left: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with("ek-")).collect();
        let users = users(temporary);
        if left.is_empty() && users.is_empty() {
            return;
        }
        assert!(Instant::now() < end, "{left:?} and processes {users:?} are left");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn killed_command_leaves_nothing() {
    let temporary = tempfile::Builder::new().prefix("k").tempdir().unwrap();
    for turn in 0_u64..20 {
        let mut command = started(temporary.path());
        // At moments that lie all over the way: 0 to 350 ms.
        std::thread::sleep(Duration::from_millis(turn * 97 % 350));
        command.kill().unwrap();
        let ended = command.wait().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended), Some(9), "it ended by itself");
        is_left_clean(temporary.path());
    }
}

fn killed_keeper_leaves_nothing() {
    let temporary = tempfile::Builder::new().prefix("k").tempdir().unwrap();
    let mut command = started(temporary.path());
    let end = Instant::now() + PATIENCE;
    // A keeper, and the directory that it keeps.
    let (keeper, kept) = loop {
        let kept = |pid: i32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
            let mut words = line.split(|&byte| byte == 0).skip_while(|word| *word != b"__keeper");
            Some((pid, PathBuf::from(String::from_utf8(words.nth(1)?.to_vec()).ok()?)))
        };
        match users(temporary.path()).into_iter().find_map(kept) {
            // nginx is up when it has written its number.
            Some(found) if found.1.join("root/run/nginx.pid").exists() => break found,
            _ => assert!(Instant::now() < end, "no keeper comes"),
        }
        // On a busy machine it may be over before it was seen.
        if command.try_wait().unwrap().is_some() {
            command = started(temporary.path());
        }
    };
    kill(Pid::from_raw(keeper), Signal::SIGKILL).unwrap();
    while kept.exists() || !users(&kept).is_empty() {
        assert!(Instant::now() < end, "{kept:?} and processes {:?} are left", users(&kept));
        std::thread::sleep(Duration::from_millis(5));
    }
    command.kill().unwrap();
    command.wait().unwrap();
    is_left_clean(temporary.path());
}
