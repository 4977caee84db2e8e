//! A program of this machine: it gets the alert as a document on its standard input. Status 0: it has it. Anything else: not yet.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use evenkeel_fleet::incident::Delivery;
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStderr, Command as Process};

use super::{Came, Notifier, Sending, document};
use crate::group::Group;

/// How much of what it says is kept.
const SAID_CHARS_MAX: usize = 200;
const SAID_BYTES_MAX: usize = 4 * SAID_CHARS_MAX;
/// How long its last words are waited for once it has ended.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// What the settings say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Settings {
    /// The program and its arguments; no shell reads them.
    run: Vec<String>,
}

#[derive(Debug)]
struct Command {
    run: Vec<String>,
    installation: String,
}

pub(super) fn build(settings: Settings, installation: &str) -> Result<impl Notifier + use<>, String> {
    if settings.run.first().is_none_or(String::is_empty) {
        return Err("run is empty: it wants a program and its arguments, such as run = [\"/usr/local/bin/call\"]".to_owned());
    }
    Ok(Command { run: settings.run, installation: installation.to_owned() })
}

/// Keeps the beginning of what a program says, and lets the rest go by: it must not wait for us.
async fn hear(mut from: ChildStderr, said: Arc<Mutex<Vec<u8>>>) {
    let mut part = [0; 1024];
    while let Ok(count @ 1..) = from.read(&mut part).await {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        let left = SAID_BYTES_MAX.saturating_sub(said.len());
        said.extend_from_slice(&part[..count.min(left)]);
    }
}

/// Whether it can be started as far as can be seen without doing so: with a slash it is a path, else one of `PATH`.
fn is_program(program: &str) -> bool {
    let runs = |path: &Path| {
        std::fs::metadata(path).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return runs(Path::new(program));
    }
    std::env::var_os("PATH").is_some_and(|all| std::env::split_paths(&all).any(|dir| runs(&dir.join(program))))
}

impl Notifier for Command {
    fn send(&self, delivery: &Delivery) -> Sending {
        let (run, body) = (self.run.clone(), document(&self.installation, delivery).to_string() + "\n");
        Box::pin(async move {
            let mut command = Process::new(&run[0]);
            command.args(&run[1..]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
            // Whoever gives the attempt up ends the program too, and what it started.
            let mut group = match Group::start(&mut command) {
                Ok(group) => group,
                Err(error) => return Came::failed(format!("start {}: {error}", run[0]), false),
            };
            let said = Arc::new(Mutex::new(Vec::new()));
            let hearing = group.child().stderr.take().map(|error| tokio::spawn(hear(error, said.clone())));
            if let Some(mut input) = group.child().stdin.take() {
                // One that does not read its input may know enough from its arguments.
                let _unread = input.write_all(body.as_bytes()).await;
            }
            let ended = group.wait().await;
            // What it left in the background may hold its standard error for as long as it likes.
            if let Some(mut hearing) = hearing
                && tokio::time::timeout(LAST_WORDS, &mut hearing).await.is_err()
            {
                hearing.abort();
            }
            match ended {
                Ok(status) if status.success() => Came::Accepted { receipt: "status 0".to_owned() },
                Ok(status) => {
                    let said = said.lock().unwrap_or_else(PoisonError::into_inner);
                    let said = String::from_utf8_lossy(&said);
                    let said: String = said.trim().chars().filter(|c| !c.is_control()).take(SAID_CHARS_MAX).collect();
                    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
                    Came::failed(format!("{} ended with {status}{said}", run[0]), true)
                }
                Err(error) => Came::failed(format!("wait for {}: {error}", run[0]), true),
            }
        })
    }

    fn lacks(&self) -> Option<String> {
        let program = &self.run[0];
        (!is_program(program)).then(|| format!("{program} is no program that can be started"))
    }
}
