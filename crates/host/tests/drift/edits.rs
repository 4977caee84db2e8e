//! A hundred edits by the commands with which people and programs edit: which of them are told of, and whose they are said
//! to be.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use evenkeel_host::configdir::Keep;
use evenkeel_host::drift::author::Witness;
use evenkeel_host::drift::events::{Events, Happened, Means};

use crate::runner::Test;
use crate::tree::{is_root, tree};

pub(crate) const TESTS: &[Test] = &[(
    "hundred_edits_are_all_seen_and_as_root_their_commands_are_named",
    hundred_edits_are_all_seen_and_as_root_their_commands_are_named,
)];

/// `{f}` is a file that is there, `{n}` one that is not yet, `{t}` a finished one elsewhere on the same file system.
const EDITS: &[(&str, &str)] = &[
    ("sh", "echo x > {f}"),
    ("sh", "printf y >> {f}"),
    ("sh", ": > {f}"),
    ("argv", "sed -i s/listen/listen/g {f}"),
    ("argv", "cp {t} {f}"),
    ("argv", "mv {t} {f}"),
    ("argv", "install -m 644 {t} {f}"),
    ("argv", "truncate -s 3 {f}"),
    ("argv", "ln -sf mime.types {n}"),
    ("argv", "chmod 600 {f}"),
    ("argv", "chown {u} {f}"),
    ("argv", "rm -f {f}"),
    ("argv", "touch {n}"),
    ("argv", "perl -pi -e s/a/b/ {f}"),
    ("argv", "/usr/bin/python3 -c open('{f}','w').write('p')"),
    ("argv", "dd if={t} of={f} status=none"),
    ("argv", "vim -es -u NONE -c wq {f}"),
    ("argv", "rsync -aI {t} {f}"),
    ("tee", "setsid tee {f}"),
    ("argv", "ln {t} {n}"),
];

/// What came of the edits.
struct Told {
    edits: usize,
    seen: usize,
    named: usize,
    lost: Vec<String>,
    latency_us: Vec<u64>,
}

fn edit(kind: &str, line: &str) -> (Command, String) {
    let (mut command, words) = if kind == "sh" {
        let mut command = Command::new("sh");
        command.args(["-c", line]);
        (command, format!("sh -c '{line}'"))
    } else {
        let words: Vec<&str> = line.split(' ').collect();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]);
        // setsid becomes the program that it starts.
        let shown: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let shown = if kind == "tee" { shown[1..].to_vec() } else { shown };
        let shown = shown.into_iter().map(String::into_bytes).collect::<Vec<_>>();
        (command, evenkeel_host::drift::author::command(&shown))
    };
    command.stdin(if kind == "tee" { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::null()).stderr(Stdio::null());
    (command, words)
}

fn hundred_edits(root: &Path, elsewhere: &Path) -> Told {
    let mut events = Events::open(root, &Keep::default()).unwrap();
    let mut witness = Witness::new();
    // An ordinary user may give a file to itself alone.
    let me = nix::unistd::geteuid().to_string();
    let owner = if is_root() { "65534" } else { &me };
    let mut told = Told { edits: 0, seen: 0, named: 0, lost: Vec::new(), latency_us: Vec::new() };
    let has: BTreeMap<&str, bool> = EDITS
        .iter()
        .map(|(kind, line)| {
            let program = if *kind == "sh" { "sh" } else { line.split(' ').next().unwrap() };
            let found =
                ["/usr/bin", "/bin", "/usr/local/bin"].iter().any(|at| Path::new(at).join(program).exists());
            (*line, found)
        })
        .collect();
    for n in 0.. {
        if told.edits == 100 {
            break;
        }
        let (kind, line) = EDITS[n % EDITS.len()];
        if !has[line] {
            continue;
        }
        let (file, new) = (root.join(format!("conf.d/{n}.conf")), root.join(format!("conf.d/{n}.new")));
        let finished = elsewhere.join(n.to_string());
        std::fs::write(&file, "listen 80;\n").unwrap();
        std::fs::write(&finished, "listen 81;\n").unwrap();
        while !events.wait(Duration::from_millis(30)).unwrap().is_empty() {}
        let line = line
            .replace("{u}", owner)
            .replace("{f}", file.to_str().unwrap())
            .replace("{n}", new.to_str().unwrap())
            .replace("{t}", finished.to_str().unwrap());
        let (mut command, shown) = edit(kind, &line);
        told.edits += 1;
        // The edit runs in a thread of its own, so that it is watched while it runs.
        let run = std::thread::spawn(move || {
            let mut child = command.spawn().unwrap();
            drop(child.stdin.take().map(|mut stdin| std::io::Write::write_all(&mut stdin, b"t")));
            let status = child.wait().unwrap();
            (status, Instant::now())
        });
        let (mut at, mut authors, mut quiet) = (None, Vec::new(), 0);
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until && quiet < 2 {
            let happened = events.wait(Duration::from_millis(20)).unwrap();
            quiet = if happened.is_empty() && run.is_finished() { quiet + 1 } else { 0 };
            for happened in happened {
                let Happened::File(happening) = happened else { continue };
                let path = root.join(std::str::from_utf8(&happening.path).unwrap());
                let author = witness.author(happening.pid);
                if path == file || path == new {
                    at = Some(happening.at);
                    authors.push(author);
                }
            }
        }
        let (status, ended) = run.join().unwrap();
        assert!(status.success(), "{line}: {status}");
        told.seen += usize::from(at.is_some());
        told.latency_us.extend(
            at.map(|at| u64::try_from(at.saturating_duration_since(ended).as_micros()).unwrap_or(u64::MAX)),
        );
        if authors.iter().flatten().any(|author| author.command == shown) {
            told.named += 1;
        } else {
            told.lost.push(format!("{shown}: {authors:?}"));
        }
    }
    told
}

fn hundred_edits_are_all_seen_and_as_root_their_commands_are_named() {
    let (root, elsewhere) = (tree(), tempfile::tempdir().unwrap());
    let mut told = hundred_edits(root.path(), elsewhere.path());
    told.latency_us.sort_unstable();
    let means = Events::open(root.path(), &Keep::default()).unwrap();
    println!(
        "{:?}: {} edits, {} seen, {} named; event read after the command's end: p50 {} us, p99 {} us",
        means.means(),
        told.edits,
        told.seen,
        told.named,
        told.latency_us[told.latency_us.len() / 2],
        told.latency_us[told.latency_us.len() * 99 / 100],
    );
    println!("not named: {:#?}", told.lost.first());
    assert_eq!(told.seen, told.edits);
    if matches!(means.means(), Means::Fanotify) && Witness::new().blind().is_none() {
        assert!(told.named >= 99, "{} named; not: {:#?}", told.named, told.lost);
    } else {
        println!("skipped: only root learns who it was ({:?})", means.means());
        assert_eq!(told.named, 0, "inotify names no process");
    }
}
