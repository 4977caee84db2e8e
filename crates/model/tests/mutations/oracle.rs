//! Asks the real nginx.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use evenkeel_model::Version;

/// What `nginx -t` says.
#[derive(Debug)]
pub(crate) enum Verdict {
    Accepted,
    /// The first message, and the place where it gives one.
    Refused {
        message: String,
        file: Option<String>,
        line: u32,
    },
    /// It failed for what this machine is, not for what the configuration says.
    Environment,
}

/// What no configuration decides: names that nobody resolves, sockets that are taken or forbidden.
const ENVIRONMENT: &[&str] = &[
    "host not found",
    "could not be resolved",
    "bind() to",
    "socket() ",
    "Permission denied",
    "getgrnam",
    "getpwnam",
];

impl Verdict {
    /// The kind of answer, for the table.
    pub(crate) fn class(&self) -> String {
        let message = match self {
            Verdict::Accepted => return String::from("(accepted)"),
            Verdict::Environment => return String::from("(not ours)"),
            Verdict::Refused { message, .. } => message,
        };
        let classes = [
            ("unexpected", "syntax"),
            ("unknown directive", "unknown directive"),
            ("is not allowed here", "context"),
            ("invalid number of", "arguments"),
            ("is not terminated by", "syntax"),
            ("has no opening", "syntax"),
            ("duplicate", "duplicate"),
            ("conflicting", "duplicate"),
            ("variable", "variable"),
            ("pcre2_compile", "regex"),
            ("condition", "condition"),
            ("open()", "missing file"),
            ("dlopen", "missing file"),
            ("zone", "zone"),
            ("upstream", "upstream"),
            ("listen", "listen"),
            ("invalid", "value"),
            ("must", "value"),
        ];
        let class =
            classes.iter().find(|(text, _)| message.contains(text)).map_or("other", |(_, class)| class);
        class.to_owned()
    }
}

fn binary() -> String {
    std::env::var("EVENKEEL_NGINX").unwrap_or_else(|_| String::from("/usr/sbin/nginx"))
}

/// The version of the nginx that is asked.
pub(crate) fn version() -> Version {
    static VERSION: LazyLock<Version> = LazyLock::new(|| {
        let output = Command::new(binary()).arg("-v").output().expect("nginx is installed");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let number = text.rsplit('/').next().and_then(|rest| rest.split_whitespace().next());
        number.and_then(Version::parse).expect("nginx says its version")
    });
    *VERSION
}

/// What `nginx -V` says.
pub(crate) fn build() -> &'static str {
    static BUILD: LazyLock<String> = LazyLock::new(|| {
        let output = Command::new(binary()).arg("-V").output().expect("nginx is installed");
        String::from_utf8_lossy(&output.stderr).into_owned()
    });
    &BUILD
}

/// Has nginx test a main file, with everything that it writes beside it.
pub(crate) fn ask(main: &Path) -> Verdict {
    ask_from(main, main.parent().expect("a main file lies in a directory"))
}

/// The same, with another directory for what it writes.
pub(crate) fn ask_from(main: &Path, directory: &Path) -> Verdict {
    let output = Command::new(binary())
        .args(["-t", "-p"])
        .arg(directory)
        .arg("-c")
        .arg(main)
        .args(["-e", "startup.log"])
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .expect("nginx runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let serious =
        |line: &&str| ["[emerg]", "[alert]", "[crit]", "[error]"].iter().any(|level| line.contains(level));
    let Some(message) = text.lines().find(serious).filter(|_| !output.status.success()) else {
        return if output.status.success() { Verdict::Accepted } else { Verdict::Environment };
    };
    if ENVIRONMENT.iter().any(|part| message.contains(part)) {
        return Verdict::Environment;
    }
    let place = message.rsplit_once(" in ").and_then(|(_, place)| place.trim().rsplit_once(':'));
    let place = place.and_then(|(file, line)| Some((file.to_owned(), line.parse().ok()?)));
    let message = message.split_once("] ").map_or(message, |(_, rest)| rest).to_owned();
    match place {
        Some((file, line)) => Verdict::Refused { message, file: Some(file), line },
        None => Verdict::Refused { message, file: None, line: 0 },
    }
}
