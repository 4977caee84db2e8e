//! The near end: starts the command that leads over there, keeps it alive, and matches answers to questions.

use std::collections::HashMap;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::wire::{Line, Question};
use super::{LINE_BYTES_MAX, VERSION};
use crate::probe::{Report, Spec};

/// How long the other end may take to say its first line.
const HELLO_WITHIN: Duration = Duration::from_secs(15);
/// How much longer than the limits of a question its answer may be on its way.
const ON_ITS_WAY: Duration = Duration::from_secs(5);
/// How long to wait before the first and any later attempt to connect again.
const BACKOFF_MIN: Duration = Duration::from_millis(500);
const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// How many questions wait for the other end.
const WAITING_MAX: usize = 4_096;
/// How much of its complaints is kept.
const COMPLAINT_BYTES_MAX: usize = 400;

/// Why a question has no report. None of it says anything about the host that was to be asked: the vantage is unfit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VantageError {
    /// There is no way to the other end now.
    #[error("reach the vantage: {why}")]
    Down {
        /// What was met last.
        why: String,
    },
    /// The other end took the question, and did not answer in time.
    #[error("hear from the vantage in time")]
    Late,
    /// The other end did not understand the question.
    #[error("ask the vantage: {why}")]
    Refused {
        /// What it said.
        why: String,
    },
}

type Reply = oneshot::Sender<Result<Report, VantageError>>;

/// A place from which questions are asked.
#[derive(Debug, Clone)]
pub struct Remote {
    questions: mpsc::Sender<(Spec, Reply)>,
}

impl Remote {
    /// Keeps a connection by this command, a program and its arguments, until the last handle is dropped. The command must end in
    /// `evenkeel __vantage` over there. Needs a tokio runtime with IO and time.
    #[must_use]
    pub fn new(command: Vec<String>) -> Remote {
        let (questions, received) = mpsc::channel(WAITING_MAX);
        tokio::spawn(keep(command, received));
        Remote { questions }
    }

    /// The usual command for a host that ssh knows.
    #[must_use]
    pub fn ssh(host: &str) -> Vec<String> {
        let options =
            ["BatchMode=yes", "ConnectTimeout=10", "ServerAliveInterval=5", "ServerAliveCountMax=3"];
        let mut command = vec!["ssh".to_owned()];
        command.extend(options.iter().flat_map(|option| ["-o".to_owned(), (*option).to_owned()]));
        command.extend(["--", host, "evenkeel", "__vantage"].map(str::to_owned));
        command
    }

    /// Asks once from over there.
    ///
    /// # Errors
    /// [`VantageError`] when that could not be done; it says nothing of the host.
    pub async fn ask(&self, spec: &Spec) -> Result<Report, VantageError> {
        let (reply, answer) = oneshot::channel();
        let gone = || VantageError::Down { why: "it is not kept any more".to_owned() };
        match self.questions.try_send((spec.clone(), reply)) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                return Err(VantageError::Down { why: "too many questions wait for it".to_owned() });
            }
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(gone()),
        }
        let limit = spec.limits.whole() + ON_ITS_WAY;
        timeout(limit, answer).await.map_err(|_| VantageError::Late)?.map_err(|_| gone())?
    }
}

/// How long to wait before the next attempt, after so many in a row that failed.
#[must_use]
pub fn backoff(failed: u32) -> Duration {
    BACKOFF_MIN
        .saturating_mul(1_u32.checked_shl(failed.saturating_sub(1)).unwrap_or(u32::MAX))
        .min(BACKOFF_MAX)
}

/// Connects, speaks until that ends, and connects again, each time later. Questions are refused at once meanwhile.
async fn keep(command: Vec<String>, mut questions: mpsc::Receiver<(Spec, Reply)>) {
    let mut failed = 0;
    loop {
        let why = match connect(&command).await {
            Err(why) => why,
            Ok((child, answers)) => {
                failed = 0;
                match speak(child, answers, &mut questions).await {
                    Some(why) => why,
                    None => return,
                }
            }
        };
        failed += 1;
        let again = Instant::now() + backoff(failed);
        while let Ok(question) = tokio::time::timeout_at(again, questions.recv()).await {
            let Some((_, reply)) = question else { return };
            let _gave_up = reply.send(Err(VantageError::Down { why: why.clone() }));
        }
    }
}

async fn connect(command: &[String]) -> Result<(Child, BufReader<ChildStdout>), String> {
    let [program, arguments @ ..] = command else { return Err("no command leads there".to_owned()) };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("start {program}: {error}"))?;
    let stdout = child.stdout.take().ok_or("its output is not piped")?;
    let mut answers = BufReader::new(stdout);
    let said = timeout(HELLO_WITHIN, line(&mut answers)).await;
    match said {
        Ok(Ok(Line::Hello { v: VERSION, .. })) => Ok((child, answers)),
        Ok(Ok(Line::Hello { v, evenkeel })) => {
            Err(format!("evenkeel {evenkeel} over there speaks version {v}, and not {VERSION}"))
        }
        Ok(Ok(_)) => Err("it does not begin with its version".to_owned()),
        Ok(Err(why)) => Err(complaint(&mut child).await.unwrap_or(why)),
        Err(_) => Err(format!("it said nothing within {} s", HELLO_WITHIN.as_secs())),
    }
}

/// What a command that ended had to say for itself.
async fn complaint(child: &mut Child) -> Option<String> {
    let mut said = Vec::new();
    let stderr = child.stderr.take()?;
    let mut stderr = stderr.take(COMPLAINT_BYTES_MAX as u64);
    let _cut_off = timeout(Duration::from_secs(1), stderr.read_to_end(&mut said)).await;
    let said = String::from_utf8_lossy(&said);
    let last = said.lines().rev().find(|line| !line.trim().is_empty())?;
    Some(last.chars().filter(|c| !c.is_control()).collect())
}

/// Passes questions and answers on until the connection ends, and gives why. `None`: nobody asks any more.
async fn speak(
    mut child: Child,
    mut answers: BufReader<ChildStdout>,
    questions: &mut mpsc::Receiver<(Spec, Reply)>,
) -> Option<String> {
    let mut waiting: HashMap<u64, (Reply, Instant)> = HashMap::new();
    let mut id = 0;
    let Some(mut input) = child.stdin.take() else { return Some("its input is not piped".to_owned()) };
    let (lines_to, mut lines) = mpsc::channel(64);
    // A line that is half read must not be lost: it has a task of its own.
    let reader = tokio::spawn(async move {
        loop {
            let said = line(&mut answers).await;
            let ended = said.is_err();
            if lines_to.send(said).await.is_err() || ended {
                return;
            }
        }
    });
    let why = loop {
        tokio::select! {
            question = questions.recv() => {
                let Some((spec, reply)) = question else { break None };
                id += 1;
                let ends = Instant::now() + spec.limits.whole() + ON_ITS_WAY;
                let text = match serde_json::to_string(&Question { v: VERSION, id, spec }) {
                    Ok(text) if text.len() < LINE_BYTES_MAX => text + "\n",
                    Ok(_) => {
                        let why = "the question is too long".to_owned();
                        let _gave_up = reply.send(Err(VantageError::Refused { why }));
                        continue;
                    }
                    Err(error) => break Some(error.to_string()),
                };
                waiting.retain(|_, (_, ends)| *ends > Instant::now());
                waiting.insert(id, (reply, ends));
                match timeout(ON_ITS_WAY, input.write_all(text.as_bytes())).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => break Some(error.to_string()),
                    Err(_) => break Some("it takes no more questions".to_owned()),
                }
            }
            said = lines.recv() => match said {
                Some(Ok(Line::Answer { id, report })) => {
                    if let Some((reply, _)) = waiting.remove(&id) {
                        let _gave_up = reply.send(Ok((*report).into()));
                    }
                }
                Some(Ok(Line::Refused { id: Some(id), why })) => {
                    if let Some((reply, _)) = waiting.remove(&id) {
                        let _gave_up = reply.send(Err(VantageError::Refused { why }));
                    }
                }
                Some(Ok(Line::Refused { id: None, why })) => break Some(why),
                Some(Ok(Line::Hello { .. })) => break Some("it began anew".to_owned()),
                Some(Err(why)) => break Some(complaint(&mut child).await.unwrap_or(why)),
                None => break Some("the connection ended".to_owned()),
            },
        }
    };
    reader.abort();
    for (reply, _) in waiting.into_values() {
        let why = why.clone().unwrap_or_default();
        let _gave_up = reply.send(Err(VantageError::Down { why }));
    }
    // Its input is closed: it ends by itself, or is killed.
    drop(input);
    let _killed = timeout(Duration::from_secs(1), child.wait()).await;
    why
}

/// Reads one line of bounded length.
async fn line(input: &mut (impl AsyncBufRead + Unpin)) -> Result<Line, String> {
    let mut line = Vec::new();
    let mut limited = input.take(LINE_BYTES_MAX as u64);
    limited.read_until(b'\n', &mut line).await.map_err(|error| error.to_string())?;
    if !line.ends_with(b"\n") {
        return Err(if line.is_empty() { "the connection ended" } else { "it said half a line" }.to_owned());
    }
    serde_json::from_slice(&line).map_err(|_| "what it says is no answer".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_come_later_and_later_up_to_a_minute() {
        let waits: Vec<u128> = [1, 2, 3, 7, 8, 100].map(|failed| backoff(failed).as_millis()).to_vec();
        assert_eq!(waits, [500, 1_000, 2_000, 32_000, 60_000, 60_000]);
    }
}
