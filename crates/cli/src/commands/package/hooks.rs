//! `package install`, `remove` and `status`: the files with which others call us.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use evenkeel_host::packages::hold;
use evenkeel_host::packages::hooks::{self, Calls, How, Stands};
use serde_json::{Value, json};

use crate::args::Global;
use crate::output::{Exit, Output, table};
use crate::settings::{Settings, absolute};

/// Where the program lies on a host that was set up by a package.
const PROGRAM: &str = "/usr/bin/evenkeel";

pub(super) fn install(root: &Path, global: &Global, output: Output) -> anyhow::Result<Exit> {
    let stands = hooks::install(root, &calls(global)?)?;
    tell(&stands, None, output);
    Ok(stands.iter().all(|it| it.how != How::Foreign).into())
}

pub(super) fn remove(root: &Path, output: Output) -> anyhow::Result<Exit> {
    let gone = hooks::remove(root)?;
    output.print(
        || match gone.as_slice() {
            [] => "nothing of ours was there".to_owned(),
            gone => gone.iter().map(|path| format!("gone  /{}\n", path.display())).collect(),
        },
        || json!({ "removed": gone.iter().map(|path| path.display().to_string()).collect::<Vec<_>>() }),
    );
    Ok(Exit::Yes)
}

/// Exit 1 when a file is missing or not ours, or restarts are held back.
pub(super) fn status(root: &Path, global: &Global, output: Output) -> anyhow::Result<Exit> {
    let calls = calls(global)?;
    let stands = hooks::status(root, &calls)?;
    let held = hold::held(&calls.state_dir);
    tell(&stands, Some(held.as_deref()), output);
    let whole = stands.iter().all(|it| matches!(it.how, How::Here | How::NotHere));
    Ok((whole && held.is_none()).into())
}

/// The flags that say where this host is go into every call.
fn calls(global: &Global) -> anyhow::Result<Calls> {
    let settings = Settings::load(global)?;
    let own = std::env::current_exe().context("find this program")?;
    let program = if Path::new(PROGRAM).exists() { PathBuf::from(PROGRAM) } else { own };
    let mut flags = Vec::new();
    let given = [
        ("--config", &global.config),
        ("--config-dir", &global.config_dir),
        ("--pid", &global.pid),
        ("--state-dir", &global.state_dir),
        ("--nginx", &global.nginx.last().cloned()),
    ];
    for (flag, value) in given {
        if let Some(value) = value {
            flags.extend([flag.to_owned(), absolute(value.clone())?.display().to_string()]);
        }
    }
    Ok(Calls { program, flags, state_dir: settings.state_dir })
}

fn word(how: How) -> &'static str {
    match how {
        How::Here => "here",
        How::Other => "other",
        How::Foreign => "FOREIGN",
        How::Missing => "missing",
        How::NotHere => "-",
    }
}

fn tell(stands: &[Stands], held: Option<Option<&str>>, output: Output) {
    output.print(
        || {
            let row = |it: &Stands| {
                vec![word(it.how).to_owned(), format!("/{}", it.path.display()), it.what.to_owned()]
            };
            let mut text = table(&stands.iter().map(row).collect::<Vec<_>>());
            if stands.iter().any(|it| it.how == How::Foreign) {
                text.push_str("FOREIGN: somebody else's file is in its place and was left alone\n");
            }
            if stands.iter().any(|it| it.how == How::Here && it.path.starts_with("etc/systemd")) && held.is_none() {
                text.push_str("`systemctl daemon-reload` makes the drop-in known to a running systemd\n");
            }
            if let Some(Some(reason)) = held {
                text.push_str(&format!("automatic restarts of nginx are held back: {reason}\n"));
            }
            text
        },
        || {
            let files: Vec<Value> = stands
                .iter()
                .map(|it| json!({ "path": format!("/{}", it.path.display()), "stands": word(it.how), "what": it.what }))
                .collect();
            json!({ "files": files, "held": held.flatten() })
        },
    );
}
