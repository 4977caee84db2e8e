//! `evenkeel diff`: rows for people, JSON, logs, and witnesses on real nginxes.

mod bad_input;
mod json;
mod logs;
mod people;
mod verified;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const OLD: &str = r#"events {}
http {
    log_format js escape=json '{"r":"$request","h":"$host","p":"$server_port","s":$status,"c":"$remote_addr"}';
    access_log /var/log/nginx/shop.log js;
    access_log /var/log/nginx/access.log;
    upstream app {
        server 127.0.0.1:9001;
    }
    server {
        listen 127.0.0.1:18980;
        server_name shop.test;
        location / {
            proxy_pass http://app;
        }
        location /cart {
            proxy_pass http://app/cart;
        }
    }
}
"#;

/// Two trees that will live at /etc/nginx, and what lies beside them.
struct Pair(tempfile::TempDir);

/// What a run ended with.
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Pair {
    /// The old tree, and the same with some text replaced.
    fn replaced(changes: &[(&str, &str)]) -> Pair {
        let mut new = OLD.to_owned();
        for (from, to) in changes {
            assert!(new.contains(from), "{from}");
            new = new.replace(from, to);
        }
        Pair::of(OLD, &new)
    }

    fn of(old: &str, new: &str) -> Pair {
        let pair = Pair(tempfile::tempdir().unwrap());
        pair.write("old/nginx.conf", old.as_bytes());
        pair.write("new/nginx.conf", new.as_bytes());
        pair
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
        command.args([
            "--config",
            "/dev/null",
            "--config-dir",
            "/etc/nginx",
            "--nginx",
            "/nonexistent/nginx",
        ]);
        command.current_dir(self.0.path()).args(["diff", "old", "new"]).args(args);
        command.env("NO_COLOR", "1");
        command
    }

    fn diff(&self, args: &[&str]) -> Ran {
        Ran::from(self.command(args).stdin(Stdio::null()).output().unwrap())
    }

    /// The same, with something on standard input.
    fn fed(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().unwrap();
        let _ = writer.join().unwrap();
        Ran::from(output)
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Ran {
    #[track_caller]
    fn ends(self, code: i32) -> Ran {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    fn says(self, text: &str) -> Ran {
        assert!(
            self.out.contains(text) || self.err.contains(text),
            "no {text:?} in\n{}\n{}",
            self.out,
            self.err
        );
        self
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err))
    }
}

/// Lines of a combined log.
fn combined(requests: &[(u32, &str)]) -> String {
    let line = |(client, request): &(u32, &str)| {
        format!("192.0.2.{client} - - [21/Nov/2026:10:00:00 +0000] \"{request}\" 200 5 \"-\" \"curl/8\"\n")
    };
    requests.iter().map(line).collect()
}

fn nginx() -> Option<&'static Path> {
    Some(Path::new("/usr/sbin/nginx")).filter(|nginx| nginx.exists())
}
