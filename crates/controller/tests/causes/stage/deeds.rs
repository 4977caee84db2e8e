//! What is done to a stage while its nginx runs.

use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{PATIENCE, Stage};

impl Stage {
    /// Waits until the error log has said something so often.
    pub(crate) fn wait_for_times(&self, text: &str, times: usize) {
        self.until(text, || String::from_utf8_lossy(&self.log("error.log")).matches(text).count() >= times);
    }

    /// Waits for something that must happen.
    pub(crate) fn until(&self, what: &str, happened: impl Fn() -> bool) {
        let until = Instant::now() + PATIENCE;
        while !happened() {
            let log = self.log("error.log");
            assert!(Instant::now() < until, "never: {what}\n{}", String::from_utf8_lossy(&log));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until nginx answers again.
    pub(crate) fn wait_until_served(&self) {
        self.until("an answer", || {
            use std::io::{Read as _, Write as _};
            let Ok(mut stream) = TcpStream::connect(self.at(0)) else { return false };
            let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
            let _ = stream.write_all(b"GET / HTTP/1.0\r\n\r\n");
            let mut some = [0; 8];
            stream.read(&mut some).is_ok_and(|read| read > 0)
        });
    }

    /// Asks again and again until an answer has this status.
    pub(crate) fn client_until(&self, status: &str) {
        use std::io::{Read as _, Write as _};
        self.until(status, || {
            let mut stream = TcpStream::connect(self.at(0)).unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            stream.write_all(b"GET /cart HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n").unwrap();
            let mut some = [0; 12];
            stream.read(&mut some).is_ok_and(|_| String::from_utf8_lossy(&some).ends_with(status))
        });
    }

    /// Waits until so many connections to the application stand.
    pub(crate) fn wait_for_connection(&self, many: usize) {
        let port = format!(":{:04X} ", self.at(1).port());
        self.until("a connection to the application", || {
            let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
            let to_application = |line: &&str| {
                let mut words = line.split_ascii_whitespace();
                let remote = words.nth(2).map(|remote| format!("{remote} "));
                remote.is_some_and(|remote| remote.ends_with(&port)) && words.next() == Some("01")
            };
            table.lines().filter(to_application).count() >= many
        });
    }

    /// Closes the connections that were held.
    pub(crate) fn let_go(&mut self) {
        self.held.clear();
    }

    /// Opens a connection to a place of this stage and keeps it, if one can be made.
    pub(crate) fn hold_at(&mut self, place: u16, says: &str) {
        use std::io::Write as _;
        if let Ok(mut stream) = TcpStream::connect_timeout(&self.at(place), Duration::from_millis(300)) {
            let _ = stream.write_all(self.fill(says).as_bytes());
            self.held.push(stream);
        }
    }
}

impl Stage {
    /// Ends nginx, and nothing else.
    pub(crate) fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(Command::new("kill").args(["-TERM", &child.id().to_string()]).status());
            drop(child.wait());
        }
    }

    /// Waits until the youngest worker is so old.
    pub(crate) fn wait_for_age(&self, age: Duration) {
        use evenkeel_host::identity::ProcessId;
        let master = self.child.as_ref().expect("nginx runs").id();
        self.until("a worker of that age", || {
            let children = std::fs::read_to_string(format!("/proc/{master}/task/{master}/children")).unwrap();
            let mut workers = children.split_ascii_whitespace();
            workers.all(|pid| ProcessId::of(pid.parse().unwrap()).is_none_or(|worker| worker.age() >= age))
        });
    }

    /// Builds a package whose one configuration file is this nginx's, and has dpkg install it with its own version of that file.
    pub(crate) fn package(&self, version: &str, file: &str) {
        let (root, admin) = (self.path().join(format!("package-{version}")), self.path().join("dpkg"));
        let main = self.path().join("nginx.conf");
        let inside = root.join(main.strip_prefix("/").unwrap());
        std::fs::create_dir_all(inside.parent().unwrap()).unwrap();
        std::fs::create_dir_all(root.join("DEBIAN")).unwrap();
        for directory in ["info", "updates", "triggers"] {
            std::fs::create_dir_all(admin.join(directory)).unwrap();
        }
        for list in ["status", "available"] {
            std::fs::File::options().append(true).create(true).open(admin.join(list)).unwrap();
        }
        std::fs::write(inside, file).unwrap();
        let control = format!(
            "Package: shop-config\nVersion: {version}\nArchitecture: all\nMaintainer: nobody <nobody@shop.test>\nDescription: one file\n"
        );
        std::fs::write(root.join("DEBIAN/control"), control).unwrap();
        std::fs::write(root.join("DEBIAN/conffiles"), format!("{}\n", main.display())).unwrap();
        let deb = self.path().join(format!("{version}.deb")).display().to_string();
        self.run("dpkg-deb", &["--root-owner-group", "-Zgzip", "-b", &root.display().to_string(), &deb]);
        let (admin, log) = (admin.display(), self.path().join("dpkg.log"));
        self.run(
            "dpkg",
            &[
                &format!("--admindir={admin}"),
                &format!("--log={}", log.display()),
                "--force-confnew,confmiss,not-root,script-chrootless",
                "--force-unsafe-io",
                "-i",
                &deb,
            ],
        );
    }
}

impl Stage {
    /// Starts the application while nginx runs; it ends with the stage.
    pub(crate) fn start_application(&mut self, app: crate::app::App) {
        self.running = crate::app::run(app, self.at(1));
    }
}
