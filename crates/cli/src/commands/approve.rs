//! `approve`: what somebody else wants to apply is read, shown and signed.

use std::ffi::OsString;
use std::fs;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use evenkeel_controller::when;
use evenkeel_fleet::approval::{Approval, BYTES_MAX, NAMESPACE};
use serde_json::json;

use crate::args;
use crate::output::{Exit, Output, put};

/// Writes what somebody else would have to sign.
pub(super) fn asked(approval: &Approval, path: &Path, output: Output) -> anyhow::Result<Exit> {
    let text = approval.to_string();
    if path == Path::new("-") {
        put(text.trim_end());
        return Ok(Exit::Yes);
    }
    fs::write(path, &text).with_context(|| format!("write {}", path.display()))?;
    output.print(
        || {
            format!(
                "{}\nwritten to {}; somebody else signs it: evenkeel approve {} --key ~/.ssh/id_ed25519",
                shown(approval),
                path.display(),
                path.display()
            )
        },
        || json!({ "request": path, "approval": text }),
    );
    Ok(Exit::Yes)
}

/// Signs a request, after showing what it is.
pub(crate) fn approve(args: &args::Approve, output: Output) -> anyhow::Result<Exit> {
    let about = || format!("read {}", args.request.display());
    let mut text = String::new();
    let bytes_max = u64::try_from(BYTES_MAX).unwrap_or(u64::MAX) + 1;
    fs::File::open(&args.request)
        .and_then(|file| file.take(bytes_max).read_to_string(&mut text))
        .with_context(about)?;
    let approval: Approval = text.parse().with_context(about)?;
    if approval.expires <= evenkeel_controller::local::now() {
        bail!(
            "approve {}: it expired at {}; ask for a new one",
            args.request.display(),
            when::shown(approval.expires)
        );
    }
    let out = args.out.clone().unwrap_or_else(|| with_suffix(&args.request, ".approved"));
    if !output.json {
        put(&shown(&approval));
    }
    let signature = sign(&text, &args.key)?;
    let mut file = fs::File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o644)
        .open(&out)
        .with_context(|| format!("write {}", out.display()))?;
    file.write_all(format!("{text}{signature}").as_bytes())
        .with_context(|| format!("write {}", out.display()))?;
    output.print(
        || format!("approved: {}; apply it with --approval {}", out.display(), out.display()),
        || json!({ "approved": out, "to": approval.to.to_string(), "host": approval.host.as_str() }),
    );
    Ok(Exit::Yes)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// What is approved, for whoever signs.
fn shown(approval: &Approval) -> String {
    let Approval { host, from, to, epoch, expires, author, risks } = approval;
    let mut out = format!(
        "{author} wants to take {host} from {} to {} (order {epoch}), until {}\n",
        from.short(),
        to.short(),
        when::shown(*expires)
    );
    for risk in risks {
        out.push_str(&format!("  high risk  {risk}\n"));
    }
    out.trim_end().to_owned()
}

/// Has ssh-keygen sign: it knows agents, tokens and passphrases, and asks for them itself.
fn sign(text: &str, key: &Path) -> anyhow::Result<String> {
    let directory = tempfile::tempdir().context("make a directory for the signature")?;
    let message = directory.path().join("approval");
    fs::write(&message, text).context("write what is signed")?;
    let mut command = Command::new("ssh-keygen");
    command.args(["-Y", "sign", "-n", NAMESPACE, "-f"]).arg(key).arg(&message).stdout(Stdio::null());
    // A passphrase is asked for on the terminal; without one nobody waits for an answer.
    if !std::io::stdin().is_terminal() {
        command.stdin(Stdio::null());
    }
    let ended = command.output().context("start ssh-keygen (of OpenSSH), which makes the signature")?;
    if !ended.status.success() {
        bail!(
            "sign with {}: {}",
            key.display(),
            String::from_utf8_lossy(&ended.stderr).trim().replace('\n', "; ")
        );
    }
    fs::read_to_string(with_suffix(&message, ".sig")).context("read the signature")
}
