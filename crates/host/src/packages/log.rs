//! dpkg's log: what it did, and what it decided about configuration files.
//!
//! Source: dpkg(1), `--log`: `YYYY-MM-DD HH:MM:SS ACTION …`, in the time of the place.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use evenkeel_fleet::journal::PackageStep;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::protocol::{is_name, is_version};

/// How much of the end of the log is read, in bytes.
const BYTES_MAX: u64 = 8 << 20;

/// What the log tells of a stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// Packages that came, changed or went, in their order.
    pub steps: Vec<PackageStep>,
    /// Configuration files about which dpkg decided or was told: whether the package's own was taken.
    pub decided: Vec<(PathBuf, bool)>,
}

/// Reads what the log says since a time; the second in which that lies counts.
///
/// # Errors
/// When it cannot be read; a log that is not there says nothing.
pub fn since(log: &Path, since: SystemTime) -> io::Result<Told> {
    let mut file = match File::open(log) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Told::default()),
        file => file?,
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(BYTES_MAX)))?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX).read_to_end(&mut bytes)?;
    let from = Timestamp::try_from(since).map_or_else(
        |_| String::new(),
        |at| at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
    );
    Ok(told(&String::from_utf8_lossy(&bytes), &from))
}

fn told(text: &str, from: &str) -> Told {
    let mut told = Told::default();
    for line in text.lines() {
        // A log that was cut in the middle begins with the rest of a line.
        let (Some(at), Some(rest)) = (line.get(..19), line.get(20..)) else { continue };
        if at < from || !at.starts_with(|first: char| first.is_ascii_digit()) {
            continue;
        }
        if let Some((path, decision)) = rest.strip_prefix("conffile ").and_then(|it| it.rsplit_once(' ')) {
            let taken = match decision {
                "install" => true,
                "keep" => false,
                _ => continue,
            };
            told.decided.push((path.into(), taken));
            continue;
        }
        let mut words = rest.split(' ');
        let (Some(action), Some(name)) = (words.next(), words.next()) else { continue };
        if !matches!(action, "install" | "upgrade" | "remove" | "purge") {
            continue;
        }
        let name = name.split(':').next().unwrap_or_default();
        let mut version = || words.next().filter(|text| is_version(text)).map(str::to_owned);
        let (old, new) = (version(), version());
        if is_name(name) {
            told.steps.push(PackageStep { name: name.to_owned(), old, new });
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_and_decisions_since_a_time_are_read() {
        let log = "te half-configured old 1\n\
            2026-11-21 10:00:00 upgrade old:all 1 2\n\
            2026-11-21 10:00:05 startup archives unpack\n\
            2026-11-21 10:00:05 upgrade nginx:amd64 1.22.1-9 1.22.1-9+b1\n\
            2026-11-21 10:00:05 status half-configured nginx:amd64 1.22.1-9\n\
            2026-11-21 10:00:06 install new:all <none> 3\n\
            2026-11-21 10:00:06 remove gone:all 4 <none>\n\
            2026-11-21 10:00:06 conffile /etc/nginx/a b.conf keep\n\
            2026-11-21 10:00:06 conffile /etc/nginx/mime.types install\n\
            2026-11-21 10:00:07 conffile\n2026-11-21 10:00:07 upgrade ; 1 2\n";
        let told = told(log, "2026-11-21 10:00:05");
        let step = |name: &str, old: &str, new: &str| PackageStep {
            name: name.to_owned(),
            old: (old != "-").then(|| old.to_owned()),
            new: (new != "-").then(|| new.to_owned()),
        };
        assert_eq!(
            told.steps,
            [step("nginx", "1.22.1-9", "1.22.1-9+b1"), step("new", "-", "3"), step("gone", "4", "-")]
        );
        assert_eq!(
            told.decided,
            [("/etc/nginx/a b.conf".into(), false), ("/etc/nginx/mime.types".into(), true)]
        );
    }

    #[test]
    fn log_that_is_not_there_says_nothing() {
        assert_eq!(since(Path::new("/nonexistent/log"), SystemTime::now()).unwrap(), Told::default());
    }
}
