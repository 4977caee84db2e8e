//! The text of an evenkeel.toml: what is in force, written down.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use evenkeel_model::Config;

use crate::settings::Settings;

/// Where pid files are when nobody says so.
const DEFAULT_PID: &str = "/run/nginx.pid";

/// The settings of a host, as flags, file and tree say them.
pub(super) fn text(settings: &Settings, config: &Config, live: bool) -> String {
    let mut text = String::from(
        "# Where nginx is on this host, and how changes are made to it. Read from /etc/evenkeel/evenkeel.toml, or from\n\
         # the file that --config names; flags win over it. It decides about safety: keep it root's, outside every tree.\n\n\
         [host]\n",
    );
    let mut line = |key: &str, path: &Path| {
        writeln!(text, "{key} = {}", quoted(&path.to_string_lossy())).expect("a String takes all");
    };
    line("config-dir", &settings.config_dir);
    line("nginx", &settings.nginx);
    line("pid", &pid(settings, config, live));
    line("state-dir", &settings.state_dir);
    let host = |text: &mut String, line: String| writeln!(text, "{line}").expect("a String takes all");
    if live {
        host(&mut text, format!("name = {}", quoted(&settings.name)));
    }
    if settings.keep.is_empty() {
        host(
            &mut text,
            "# keep = [\"*.key\"]            # files of the tree that are never touched".to_owned(),
        );
    } else {
        let keep: Vec<String> = settings.keep.iter().map(|pattern| quoted(pattern)).collect();
        host(&mut text, format!("keep = [{}]", keep.join(", ")));
    }
    text.push_str("\n[policy]\n");
    window(
        &mut text,
        "confirm-within",
        settings.confirm_within,
        "60s",
        "how long a host waits for a confirmation",
    );
    window(
        &mut text,
        "bake",
        settings.bake,
        "10s",
        "how long a proven release is watched before it confirms itself",
    );
    text.push_str("\n[rules]\n");
    if settings.rules.is_empty() {
        text.push_str(
            "# missing-error-page = \"off\"   # off, note, warning or error; `evenkeel rules` lists them\n",
        );
    }
    for (rule, level) in &settings.rules {
        host(&mut text, format!("{} = {}", quoted(rule), quoted(level)));
    }
    text
}

fn window(text: &mut String, key: &str, set: Option<Duration>, example: &str, does: &str) {
    let line = match set {
        Some(time) => format!("{key} = \"{}ms\"", time.as_millis()),
        None => format!("# {key} = \"{example}\"   # {does}"),
    };
    writeln!(text, "{line}").expect("a String takes all");
}

/// The pid file: what somebody said, else what the live tree says.
fn pid(settings: &Settings, config: &Config, live: bool) -> std::path::PathBuf {
    let said = config.root().find("pid").find_map(|node| node.arg_str(0).map(Path::new));
    match said.filter(|path| live && path.is_absolute() && settings.pid == Path::new(DEFAULT_PID)) {
        Some(path) => path.to_path_buf(),
        None => settings.pid.clone(),
    }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
