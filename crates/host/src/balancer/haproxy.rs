//! HAProxy, over its stats socket: which servers take traffic, what its checks saw, and how much each is given.
//!
//! One connection a command, each with a limit in time. What the socket may do is its `level` in HAProxy's own
//! configuration: `operator` shows, `admin` also sets.
//!
//! Source: doc/management.txt of HAProxy 2.6, sections 9.1 (the fields of `show stat`) and 9.3 (the commands)

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

/// How much HAProxy may say to one command, in bytes: some ten thousand servers.
const ANSWER_BYTES_MAX: u64 = 8 << 20;

/// The socket of an HAProxy.
#[derive(Debug, Clone)]
pub struct Haproxy {
    socket: PathBuf,
    limit: Duration,
}

/// A server of a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The backend.
    pub backend: String,
    /// Its name there.
    pub name: String,
    /// Where it is, `ADDRESS:PORT`; empty where the socket may not tell.
    pub address: String,
    /// Whether it takes traffic.
    pub state: ServerState,
    /// How much of it, as it stands now.
    pub weight: u32,
    /// Whether it only takes traffic when all others are away.
    pub is_backup: bool,
    /// What the last check saw; `None` where there are no checks.
    pub check: Option<Check>,
    /// How many sessions it has now.
    pub sessions: u64,
    /// How many seconds ago its state changed.
    pub changed_s: u64,
}

/// Whether a server takes traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerState {
    /// It does.
    Up,
    /// It does, and the last check failed.
    Failing,
    /// It does not: its checks failed.
    Down,
    /// It does not, and the last check passed.
    Rising,
    /// Only sessions that are bound to it.
    Drain,
    /// Somebody took it out.
    Maintenance,
    /// It does, and nobody checks.
    Unchecked,
    /// Something else, in HAProxy's own words.
    Other(String),
}

impl ServerState {
    /// Whether new sessions are sent there.
    pub fn takes_traffic(&self) -> bool {
        matches!(self, Self::Up | Self::Failing | Self::Unchecked)
    }

    /// The word for it.
    pub fn word(&self) -> &str {
        match self {
            Self::Up => "up",
            Self::Failing => "up, failing",
            Self::Down => "down",
            Self::Rising => "down, rising",
            Self::Drain => "drain",
            Self::Maintenance => "maintenance",
            Self::Unchecked => "not checked",
            Self::Other(said) => said,
        }
    }

    /// Reads a status: `UP`, `UP 1/3`, `DOWN`, `DOWN 1/2`, `MAINT`, `MAINT (via …)`, `DRAIN`, `no check`.
    fn read(status: &str) -> Self {
        let mut words = status.split_whitespace();
        match (words.next(), words.next()) {
            (Some("UP"), None) => Self::Up,
            (Some("UP"), Some(_)) => Self::Failing,
            (Some("DOWN"), Some(count)) if count.contains('/') => Self::Rising,
            (Some("DOWN"), _) => Self::Down,
            (Some("DRAIN"), _) => Self::Drain,
            (Some("MAINT"), _) => Self::Maintenance,
            (Some("no"), Some("check")) => Self::Unchecked,
            _ => Self::Other(status.to_owned()),
        }
    }
}

/// What a check saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// HAProxy's own class: `L4CON`, `L4TOUT`, `L7STS`, `L7OK` …
    pub class: String,
    /// The status of the answer, or 0.
    pub code: u32,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The reason, as HAProxy says it.
    pub reason: String,
}

/// What a server is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Takes traffic as its checks allow.
    Ready,
    /// Takes no new sessions but those that are bound to it.
    Drain,
    /// Takes nothing, and is not checked.
    Maintenance,
}

/// Why HAProxy did not tell, or did not do it.
#[derive(Debug, thiserror::Error)]
pub enum HaproxyError {
    /// The socket could not be reached, or closed.
    #[error("speak with HAProxy at {socket}", socket = socket.display())]
    Speak {
        /// Which socket.
        socket: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// No whole answer in time.
    #[error("hear from HAProxy at {socket} within {limit_ms} ms", socket = socket.display())]
    TimedOut {
        /// Which socket.
        socket: PathBuf,
        /// The limit.
        limit_ms: u64,
    },
    /// HAProxy refused.
    #[error("have HAProxy do `{command}`: it says {said:?}")]
    Refused {
        /// What it was to do.
        command: String,
        /// What it said.
        said: String,
    },
    /// The answer is not what the management guide says.
    #[error("understand what HAProxy says to `{command}`")]
    Unknown {
        /// What was asked.
        command: String,
    },
}

impl Haproxy {
    /// The HAProxy behind a socket; each command may take as long as `limit`.
    pub fn at(socket: impl Into<PathBuf>, limit: Duration) -> Self {
        Self { socket: socket.into(), limit }
    }

    /// Where its socket is.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Lists the servers of all backends.
    ///
    /// # Errors
    /// [`HaproxyError`]: it did not answer, or not as it should.
    pub async fn servers(&self) -> Result<Vec<Server>, HaproxyError> {
        // -1: all proxies; 4: servers; -1: all of them.
        const COMMAND: &str = "show stat -1 4 -1";
        let said = self.ask(COMMAND).await?;
        read_stat(&said).ok_or_else(|| HaproxyError::Unknown { command: COMMAND.to_owned() })
    }

    /// Finds one server.
    ///
    /// # Errors
    /// As [`Self::servers`]; there is no such server.
    pub async fn server(&self, backend: &str, name: &str) -> Result<Server, HaproxyError> {
        let mut all = self.servers().await?.into_iter();
        all.find(|one| one.backend == backend && one.name == name).ok_or_else(|| HaproxyError::Refused {
            command: format!("show stat {backend}/{name}"),
            said: "no such server".to_owned(),
        })
    }

    /// Sets what a server is to be.
    ///
    /// # Errors
    /// [`HaproxyError::Refused`]: there is no such server, or the socket may not.
    pub async fn set(&self, backend: &str, server: &str, wanted: Wanted) -> Result<(), HaproxyError> {
        let state = match wanted {
            Wanted::Ready => "ready",
            Wanted::Drain => "drain",
            Wanted::Maintenance => "maint",
        };
        self.order(&format!("set server {}/{} state {state}", word(backend)?, word(server)?)).await
    }

    /// Sets how much traffic a server takes, 0 to 256; 0 drains it.
    ///
    /// # Errors
    /// As [`Self::set`]; the weight is higher than HAProxy allows.
    pub async fn set_weight(&self, backend: &str, server: &str, weight: u32) -> Result<(), HaproxyError> {
        self.order(&format!("set server {}/{} weight {weight}", word(backend)?, word(server)?)).await
    }

    /// Gives a command to which HAProxy has nothing to say.
    async fn order(&self, command: &str) -> Result<(), HaproxyError> {
        let said = self.ask(command).await?;
        match said.trim() {
            "" => Ok(()),
            said => Err(HaproxyError::Refused { command: command.to_owned(), said: said.to_owned() }),
        }
    }

    async fn ask(&self, command: &str) -> Result<String, HaproxyError> {
        let speak = |source| HaproxyError::Speak { socket: self.socket.clone(), source };
        let converse = async {
            let mut stream = UnixStream::connect(&self.socket).await?;
            stream.write_all(format!("{command}\n").as_bytes()).await?;
            let mut said = Vec::new();
            // It closes the connection after the answer.
            stream.take(ANSWER_BYTES_MAX).read_to_end(&mut said).await?;
            Ok(String::from_utf8_lossy(&said).into_owned())
        };
        let said = tokio::time::timeout(self.limit, converse).await;
        let limit_ms = u64::try_from(self.limit.as_millis()).unwrap_or(u64::MAX);
        let timed_out = |_| HaproxyError::TimedOut { socket: self.socket.clone(), limit_ms };
        let said = said.map_err(timed_out)?.map_err(speak)?;
        let refused = ["Unknown command", "Permission denied"].iter().any(|start| said.starts_with(start));
        if refused {
            let said = said.lines().next().unwrap_or_default().to_owned();
            return Err(HaproxyError::Refused { command: command.to_owned(), said });
        }
        Ok(said)
    }
}

/// A name that stays one word of one command.
fn word(name: &str) -> Result<&str, HaproxyError> {
    let is_bad = |letter: char| letter.is_whitespace() || letter.is_control() || "/;\\".contains(letter);
    if name.is_empty() || name.contains(is_bad) {
        let said = "not a name".to_owned();
        return Err(HaproxyError::Refused { command: format!("set server {name:?}"), said });
    }
    Ok(name)
}

/// Reads the lines of `show stat`, whose first one names the columns.
fn read_stat(said: &str) -> Option<Vec<Server>> {
    let mut lines = said.lines().filter(|line| !line.is_empty());
    let columns: Vec<String> = fields(lines.next()?.strip_prefix("# ")?);
    let place = |name: &str| columns.iter().position(|column| column == name);
    let at = ["pxname", "svname", "status", "weight", "bck", "check_status"].map(place);
    let [Some(backend), Some(name), Some(status), Some(weight), Some(backup), Some(class)] = at else {
        return None;
    };
    let more = ["addr", "check_code", "check_duration", "last_chk", "scur", "lastchg"].map(place);
    let server = |line: &str| {
        let row = fields(line);
        let text = |at: Option<usize>| at.and_then(|at| row.get(at)).map_or("", String::as_str);
        let number = |at: Option<usize>| text(at).parse().unwrap_or(0_u64);
        let [address, code, took, reason, sessions, changed] = more;
        // A star stands before the class while a check is under way.
        let seen = text(Some(class)).trim_start_matches("* ");
        let check = (!seen.is_empty()).then(|| Check {
            class: seen.to_owned(),
            code: u32::try_from(number(code)).unwrap_or(0),
            took_ms: number(took),
            reason: text(reason).to_owned(),
        });
        Some(Server {
            backend: row.get(backend)?.clone(),
            name: row.get(name)?.clone(),
            address: text(address).to_owned(),
            state: ServerState::read(row.get(status)?),
            weight: u32::try_from(number(Some(weight))).unwrap_or(0),
            is_backup: text(Some(backup)) == "1",
            check,
            sessions: number(sessions),
            changed_s: number(changed),
        })
    };
    lines.map(server).collect()
}

/// The fields of a line, some of them in quotes.
fn fields(line: &str) -> Vec<String> {
    let (mut all, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => all.push(std::mem::take(&mut field)),
            letter => field.push(letter),
        }
    }
    all.push(field);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_says_whether_traffic_is_sent() {
        for (status, state, takes) in [
            ("UP", ServerState::Up, true),
            ("UP 1/3", ServerState::Failing, true),
            ("DOWN", ServerState::Down, false),
            ("DOWN (agent)", ServerState::Down, false),
            ("DOWN 1/2", ServerState::Rising, false),
            ("MAINT (via shop/web1)", ServerState::Maintenance, false),
            ("DRAIN", ServerState::Drain, false),
            ("no check", ServerState::Unchecked, true),
            ("NOLB 1/2", ServerState::Other("NOLB 1/2".to_owned()), false),
        ] {
            let read = ServerState::read(status);
            assert_eq!((read.takes_traffic(), read), (takes, state), "{status}");
        }
    }

    #[test]
    fn fields_may_hold_commas_and_quotes() {
        assert_eq!(fields(r#"a,"b, ""c""",,d"#), ["a", r#"b, "c""#, "", "d"]);
    }

    #[test]
    fn columns_are_found_by_their_names() {
        let said = "# svname,pxname,bck,weight,status,check_status,check_code,lastchg,new_one,\n\
                    web1,shop,0,100,UP,* L7OK,200,17,x,\n\n";
        let servers = read_stat(said).unwrap();
        let [web] = servers.as_slice() else { panic!("{servers:?}") };
        assert_eq!((web.backend.as_str(), web.name.as_str(), web.changed_s), ("shop", "web1", 17));
        assert_eq!(web.check.as_ref().map(|check| (check.class.as_str(), check.code)), Some(("L7OK", 200)));
        assert!(read_stat("# svname,\n").is_none());
        assert!(read_stat("hello\n").is_none());
    }

    #[test]
    fn name_cannot_become_another_command() {
        for name in ["", "a b", "web1;shutdown", "a/b", "web1\nset server x/y state maint"] {
            assert!(word(name).is_err(), "{name:?}");
        }
        assert!(word("web-1.eu").is_ok());
    }
}
