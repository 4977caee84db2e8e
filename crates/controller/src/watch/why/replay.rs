//! Has what was changed played once more on a host of the cause: `evenkeel why --replay` over there.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use evenkeel_fleet::journal::{Finding, Replay};
use evenkeel_fleet::{HostId, IncidentId};
use tokio::process::Command;

use super::{ANSWER_BYTES_MAX, Reached, Replaying};

/// How long one host may play a change once more.
const WITHIN: Duration = Duration::from_secs(120);
/// At most so many hosts are asked, one after the other.
const HOSTS_MAX: usize = 2;

/// The hosts on which a change was played once more, or is, of each incident.
pub(super) type Replayed = BTreeSet<(IncidentId, HostId)>;

/// Begins to have it played on the hosts of the first cause, until one answers. `None`: there is no such host, or it was asked.
pub(super) fn begin(
    replayed: &Arc<Mutex<Replayed>>,
    hosts: &BTreeMap<HostId, Reached>,
    incident: IncidentId,
    finding: &Finding,
) -> Option<Replaying> {
    let on = &finding.causes.first()?.hosts;
    let asked = on.iter().filter_map(|host| Some((host.clone(), hosts.get(host)?.1.clone())));
    let asked: Vec<(HostId, Vec<String>)> = asked.take(HOSTS_MAX).collect();
    let mut begun = replayed.lock().unwrap_or_else(PoisonError::into_inner);
    if asked.is_empty() || on.iter().any(|host| begun.contains(&(incident, host.clone()))) {
        return None;
    }
    begun.extend(asked.iter().map(|(host, _)| (incident, host.clone())));
    let begun = Arc::clone(replayed);
    Some(Box::pin(async move {
        // What is alike on several hosts is alike in what would have stopped it: the first that answers is enough.
        for (host, command) in &asked {
            if let Some(replay) = ask(host, command).await {
                return Some(replay);
            }
        }
        // After a later look one may answer.
        let mut begun = begun.lock().unwrap_or_else(PoisonError::into_inner);
        for (host, _) in asked {
            begun.remove(&(incident, host));
        }
        None
    }))
}

async fn ask(host: &HostId, command: &[String]) -> Option<Replay> {
    let (program, args) = command.split_first()?;
    let mut child = Command::new(program);
    child.args(args).args(["--replay", "--json"]);
    child.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(WITHIN, child.output()).await.ok()?.ok()?;
    if output.stdout.len() as u64 > ANSWER_BYTES_MAX {
        return None;
    }
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let replay: Replay = serde_json::from_value(said.get("replay")?.clone()).ok()?;
    // What a host says of another one is not believed.
    (!replay.gates.is_empty()).then(|| Replay { host: host.clone(), ..replay })
}
