//! What hosts say of themselves line by line, as long as somebody listens: their drift (`evenkeel drift --follow --json` over there),
//! and what they answer (`evenkeel rates --follow --json`).

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use evenkeel_fleet::HostId;
use evenkeel_fleet::journal::Drift;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Told;
use crate::rates::Counts;

/// How long one that ended is left alone before it is started again, the first time and at most.
const AGAIN: Duration = Duration::from_secs(1);
const AGAIN_MAX: Duration = Duration::from_secs(60);
/// One that held out so long was well: the next time begins with the first pause again.
const WELL: Duration = Duration::from_secs(60);
/// The most that a host may say, in bytes: a line of a drift names at most some hundred paths.
const LINE_BYTES_MAX: u64 = 4 << 20;

/// What is followed.
#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    /// What is no longer as it was released.
    Drift,
    /// What is answered.
    Rates,
}

impl What {
    /// What a host calls it, in a sentence.
    fn said(self) -> &'static str {
        match self {
            Self::Drift => "the drift",
            Self::Rates => "what is answered",
        }
    }

    /// A line, where it is one.
    fn read(self, host: &HostId, line: &str) -> Option<Told> {
        // What a host says of another one is not believed.
        match self {
            Self::Drift => {
                let drift: Drift = serde_json::from_str(line).ok()?;
                Some(Told::Drift(Drift { host: host.clone(), ..drift }))
            }
            Self::Rates => {
                let counts: Counts = serde_json::from_str(line).ok()?;
                Some(Told::Rates { host: host.clone(), counts })
            }
        }
    }
}

/// Begins to follow hosts, until what they say is dropped.
pub(super) fn start(
    what: What,
    hosts: &BTreeMap<HostId, Vec<String>>,
    told: &mpsc::Sender<Told>,
) -> JoinSet<()> {
    let mut following = JoinSet::new();
    for (host, command) in hosts {
        following.spawn(follow(what, host.clone(), command.clone(), told.clone()));
    }
    following
}

async fn follow(what: What, host: HostId, command: Vec<String>, told: mpsc::Sender<Told>) {
    let (mut pause, mut said) = (AGAIN, false);
    loop {
        let began = tokio::time::Instant::now();
        let why = follow_once(what, &host, &command, &told).await;
        if told.is_closed() {
            return;
        }
        if began.elapsed() >= WELL {
            (pause, said) = (AGAIN, false);
        }
        if !said {
            said = true;
            let what = format!("{} of {host} cannot be followed ({why}); it is tried again", what.said());
            let _the_loop_is_gone = told.send(Told::Trouble(what)).await;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(AGAIN_MAX);
    }
}

/// Follows until it ends; gives why.
async fn follow_once(what: What, host: &HostId, command: &[String], told: &mpsc::Sender<Told>) -> String {
    let Some((program, args)) = command.split_first() else { return "no command".to_owned() };
    let mut child = Command::new(program);
    child.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = match child.spawn() {
        Ok(child) => child,
        Err(error) => return format!("start {program}: {error}"),
    };
    let Some(stdout) = child.stdout.take() else { return "no output".to_owned() };
    let mut lines = BufReader::new(stdout);
    let mut line = String::new();
    loop {
        line.clear();
        match (&mut lines).take(LINE_BYTES_MAX).read_line(&mut line).await {
            Ok(0) | Err(_) => return ended(child).await,
            Ok(_) => {}
        }
        if let Some(word) = what.read(host, &line)
            && told.send(word).await.is_err()
        {
            return String::new();
        }
    }
}

/// What it said at its end.
async fn ended(mut child: Child) -> String {
    const SAID_BYTES_MAX: u64 = 4096;
    let mut said = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        let read = stderr.take(SAID_BYTES_MAX);
        tokio::pin!(read);
        let _what_there_is = tokio::time::timeout(Duration::from_secs(1), read.read_to_end(&mut said)).await;
    }
    let said = String::from_utf8_lossy(&said);
    said.trim().lines().last().unwrap_or("it ended").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> BTreeMap<HostId, Vec<String>> {
        let command = ["sh", "-c", script].map(str::to_owned).to_vec();
        [(HostId::new("web1").unwrap(), command)].into()
    }

    #[tokio::test]
    async fn drift_of_a_host_is_told_under_its_own_name() {
        let zeros = "0".repeat(64);
        let line =
            serde_json::json!({ "host": "another", "released": zeros, "stage": "opened", "changes": [] });
        let (told, mut inbox) = mpsc::channel(8);
        let _following =
            start(What::Drift, &sh(&format!("echo no drift; echo '{line}'; exec sleep 60")), &told);
        let Some(Told::Drift(drift)) = inbox.recv().await else { panic!("no drift") };
        assert_eq!(drift.host.as_str(), "web1");
    }

    #[tokio::test]
    async fn host_that_cannot_be_followed_is_told_once_and_tried_again() {
        let (told, mut inbox) = mpsc::channel(8);
        let _following = start(What::Drift, &sh("echo nothing was released >&2; exit 2"), &told);
        let Some(Told::Trouble(what)) = inbox.recv().await else { panic!("no word of it") };
        assert!(what.contains("web1") && what.contains("nothing was released"), "{what}");
        let more = tokio::time::timeout(AGAIN * 2, inbox.recv()).await;
        assert!(more.is_err(), "{more:?}");
    }
}
