//! apt's own history: which command was run, when, and by whom it was asked for.
//!
//! Source: apt's `/var/log/apt/history.log`: stanzas of `Start-Date`, `Commandline`, `Requested-By`, `End-Date`.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How much of the end of the log is read, in bytes.
const BYTES_MAX: u64 = 4 << 20;
/// How far a change and the run that made it may lie apart.
const SLACK: Duration = Duration::from_secs(60);

/// One run of apt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its command line.
    pub command: String,
    /// Who asked for it, where apt knows: `alice (1000)`.
    pub by: Option<String>,
}

/// The run of apt during which, or within a minute of which, something happened; the last of them.
///
/// # Errors
/// When the log cannot be read; one that is not there tells nothing.
pub fn at(log: &Path, moment: SystemTime) -> io::Result<Option<Run>> {
    let mut file = match File::open(log) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(BYTES_MAX)))?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX).read_to_end(&mut bytes)?;
    let local = |at: Option<SystemTime>| {
        let at = Timestamp::try_from(at?).ok()?;
        Some(at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d  %H:%M:%S").to_string())
    };
    let (Some(from), Some(to)) = (local(moment.checked_sub(SLACK)), local(moment.checked_add(SLACK))) else {
        return Ok(None);
    };
    Ok(between(&String::from_utf8_lossy(&bytes), &from, &to))
}

/// The last run that began before `to` and had not ended before `from`; times as apt writes them.
fn between(text: &str, from: &str, to: &str) -> Option<Run> {
    let stanzas = text.split("\n\n").filter_map(|stanza| {
        let field = |name: &str| {
            stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::to_owned)
        };
        let (start, end) = (field("Start-Date")?, field("End-Date"));
        let here = start.as_str() <= to && end.is_none_or(|end| end.as_str() >= from);
        here.then(|| Run { command: field("Commandline").unwrap_or_default(), by: field("Requested-By") })
    });
    stanzas.filter(|run| !run.command.is_empty()).last()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\nStart-Date: 2026-11-21  10:00:00\nCommandline: apt-get -y upgrade\nRequested-By: alice (1000)\n\
Upgrade: nginx-common:amd64 (1, 2)\nEnd-Date: 2026-11-21  10:00:09\n\n\
Start-Date: 2026-11-21  12:00:00\nCommandline: /usr/bin/unattended-upgrade\nUpgrade: x (1, 2)\nEnd-Date: 2026-11-21  12:00:01\n";

    #[test]
    fn run_of_a_moment_is_found() {
        let found =
            |from: &str, to: &str| between(LOG, &format!("2026-11-21  {from}"), &format!("2026-11-21  {to}"));
        let run = found("10:00:05", "10:01:00").unwrap();
        assert_eq!((run.command.as_str(), run.by.as_deref()), ("apt-get -y upgrade", Some("alice (1000)")));
        assert_eq!(found("12:00:01", "12:02:00").unwrap().command, "/usr/bin/unattended-upgrade");
        assert_eq!(found("10:00:10", "11:59:59"), None);
        assert_eq!(at(Path::new("/nonexistent"), SystemTime::now()).unwrap(), None);
    }
}
