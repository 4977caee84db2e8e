//! Asks a host, by its command, again and again.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_fleet::HostId;
use serde_json::Value;
use tokio::process::Command;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use super::Known;
use crate::local::now;
use crate::ready::Readiness;
use crate::watch::Told;

/// How long a host may look at itself.
const WITHIN: Duration = Duration::from_secs(90);
/// However much happens, a host is left alone for so long.
const PAUSE: Duration = Duration::from_secs(5);
/// How far apart hosts are asked the first time.
const APART: Duration = Duration::from_millis(500);
const APART_MAX: Duration = Duration::from_secs(30);
/// A longer answer is none.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// Begins to ask, until what they say is dropped.
pub(in crate::watch) fn start(
    hosts: &BTreeMap<HostId, Vec<String>>,
    every: Duration,
    known: &Known,
    told: &mpsc::Sender<Told>,
) -> JoinSet<()> {
    let mut asking = JoinSet::new();
    for (number, (host, command)) in (0_u32..).zip(hosts) {
        let Some(nudge) = known.nudges.get(host).map(Arc::clone) else { continue };
        let first = (APART * number).min(APART_MAX);
        asking.spawn(ask_always(host.clone(), command.clone(), every, first, nudge, told.clone()));
    }
    asking
}

async fn ask_always(
    host: HostId,
    command: Vec<String>,
    every: Duration,
    first: Duration,
    nudge: Arc<Notify>,
    told: mpsc::Sender<Told>,
) {
    let pause = PAUSE.min(every);
    let mut troubled = false;
    tokio::time::sleep(first).await;
    while !told.is_closed() {
        let asked = now();
        let word = match ask(&command).await {
            Ok(says) => {
                troubled = false;
                Some(Told::Ready { host: host.clone(), asked, says })
            }
            Err(why) if !troubled => {
                troubled = true;
                Some(Told::Trouble(format!(
                    "{host} does not say whether it is ready ({why}); it is asked again"
                )))
            }
            Err(_) => None,
        };
        if let Some(word) = word {
            let _the_loop_is_gone = told.send(word).await;
        }
        tokio::time::sleep(pause).await;
        let _nudged_or_not = tokio::time::timeout(every.saturating_sub(pause), nudge.notified()).await;
    }
}

async fn ask(command: &[String]) -> Result<Readiness, String> {
    let (program, args) = command.split_first().ok_or("no command")?;
    let mut child = Command::new(program);
    child.args(args).arg("--json").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    child.kill_on_drop(true);
    let output = match tokio::time::timeout(WITHIN, child.output()).await {
        Err(_) => return Err(format!("no answer for {} s", WITHIN.as_secs())),
        Ok(Err(error)) => return Err(format!("start {program}: {error}")),
        Ok(Ok(output)) => output,
    };
    if output.stdout.len() > ANSWER_BYTES_MAX {
        return Err("its answer is too long".to_owned());
    }
    let said: Value = serde_json::from_slice(&output.stdout).map_err(|_| {
        let said = String::from_utf8_lossy(&output.stderr);
        said.trim().lines().last().unwrap_or("it says nothing").to_owned()
    })?;
    match said.get("error").and_then(Value::as_str) {
        Some(error) => Err(error.to_owned()),
        None => serde_json::from_value(said).map_err(|error| format!("of another version? {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> BTreeMap<HostId, Vec<String>> {
        // What is added to a command is an argument of the script.
        let command = ["sh", "-c", script, "sh"].map(str::to_owned).to_vec();
        [(HostId::new("web1").unwrap(), command)].into()
    }

    #[tokio::test]
    async fn host_is_asked_again_when_something_happens_to_it() {
        let says = serde_json::to_string(&Readiness::default()).unwrap();
        let hosts = sh(&format!("[ \"$1\" = --json ] && echo '{says}'; exit 1"));
        let known = Known::of(hosts.keys(), Duration::ZERO);
        let (told, mut inbox) = mpsc::channel(8);
        let _asking = start(&hosts, Duration::from_secs(3_600), &known, &told);
        let first = inbox.recv().await;
        assert!(matches!(first, Some(Told::Ready { .. })), "{first:?}");
        known.nudge(hosts.keys().next().unwrap());
        let again = tokio::time::timeout(PAUSE * 12, inbox.recv()).await.unwrap();
        assert!(matches!(again, Some(Told::Ready { .. })), "{again:?}");
    }

    #[tokio::test]
    async fn host_that_says_nothing_is_told_once() {
        let hosts = sh("echo permission denied >&2; exit 2");
        let known = Known::of(hosts.keys(), Duration::ZERO);
        let (told, mut inbox) = mpsc::channel(8);
        let _asking = start(&hosts, Duration::from_millis(10), &known, &told);
        let Some(Told::Trouble(what)) = inbox.recv().await else { panic!("no word of it") };
        assert!(what.contains("web1") && what.contains("permission denied"), "{what}");
        let more = tokio::time::timeout(Duration::from_millis(500), inbox.recv()).await;
        assert!(more.is_err(), "{more:?}");
    }
}
