//! Reads `release.toml`, which names the application that belongs to a tree, and the files in which a host defines the
//! steps of its applications.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use evenkeel_controller::local::{Answers, App};
use evenkeel_host::app::{Step, is_version};
use serde::Deserialize;

use crate::args::duration;

/// How long a step may take when its host says nothing.
const STEP_WITHIN: Duration = Duration::from_secs(60);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Release {
    app: Option<AppTable>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AppTable {
    version: String,
    update: String,
    rollback: String,
    check: Option<String>,
    answers: Option<AnswersTable>,
    #[serde(default)]
    requires: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AnswersTable {
    url: String,
    contains: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Steps {
    #[serde(default)]
    step: BTreeMap<String, StepTable>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct StepTable {
    command: Vec<String>,
    user: Option<String>,
    within: Option<String>,
}

/// Reads the text of a `release.toml`.
pub(crate) fn app(text: &str) -> Result<Option<App>, String> {
    let Release { app } = toml::from_str(text).map_err(|error| said(&error, text))?;
    let Some(AppTable { version, update, rollback, check, answers, requires }) = app else { return Ok(None) };
    if !is_version(&version) {
        return Err(format!(
            "[app] version = {version:?} is none: letters, digits and . _ + - ~, 64 at most"
        ));
    }
    let answers = answers.map(|answers| read_answers(answers, &version)).transpose()?;
    Ok(Some(App { version, update, rollback, check, answers, requires }))
}

/// Takes `http://127.0.0.1:9302/version`. The address must be this machine's own: the tree says what root asks.
fn read_answers(answers: AnswersTable, version: &str) -> Result<Answers, String> {
    let AnswersTable { url, contains } = answers;
    let wrong =
        || format!("[app] answers: \"{url}\" is not http://127.0.0.1:PORT/PATH, an address of this machine");
    let rest = url.strip_prefix("http://").ok_or_else(wrong)?;
    let cut = rest.find('/').unwrap_or(rest.len());
    let (authority, target) = rest.split_at(cut);
    let with_port = if authority.ends_with(']') || !authority.contains(':') {
        format!("{authority}:80")
    } else {
        authority.to_owned()
    };
    let at: SocketAddr = with_port.replace("localhost", "127.0.0.1").parse().map_err(|_| wrong())?;
    let plain = !target.bytes().any(|byte| byte <= b' ' || byte == 127);
    if !at.ip().is_loopback() || !plain {
        return Err(wrong());
    }
    Ok(Answers {
        at,
        host: authority.to_owned(),
        target: if target.is_empty() { "/".to_owned() } else { target.to_owned() },
        contains: contains.unwrap_or_else(|| version.to_owned()),
    })
}

/// Reads the text of a file of steps.
pub(crate) fn steps(text: &str) -> Result<Vec<Step>, String> {
    let Steps { step } = toml::from_str(text).map_err(|error| said(&error, text))?;
    step.into_iter()
        .map(|(name, StepTable { command, user, within })| {
            if !command.first().is_some_and(|program| program.starts_with('/')) {
                return Err(format!(
                    "step \"{name}\": its command begins with the absolute path of a program"
                ));
            }
            let within = within.map_or(Ok(STEP_WITHIN), |text| duration(&text));
            let within = within.map_err(|why| format!("step \"{name}\": {why}"))?;
            Ok(Step { name, command, user, within })
        })
        .collect()
}

/// What is wrong, and where; never the line itself.
fn said(error: &toml::de::Error, text: &str) -> String {
    let at = error.span().map_or(0, |span| span.start).min(text.len());
    let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
    format!("line {line}: {}", error.message().replace('\n', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "[app]\nversion = \"1.1\"\nupdate = \"up\"\nrollback = \"down\"\n";

    #[test]
    fn application_is_read_with_its_steps_and_where_it_answers() {
        let text =
            format!("{APP}requires = [\"cart\"]\nanswers = {{ url = \"http://127.0.0.1:9302/version\" }}\n");
        let app = app(&text).unwrap().unwrap();
        assert_eq!((app.version.as_str(), app.update.as_str(), app.rollback.as_str()), ("1.1", "up", "down"));
        let answers = app.answers.unwrap();
        assert_eq!(
            (answers.at.to_string().as_str(), answers.target.as_str()),
            ("127.0.0.1:9302", "/version")
        );
        assert_eq!(answers.contains, "1.1");
        assert!(super::app("").unwrap().is_none());
    }

    #[test]
    fn what_a_tree_must_not_say_is_refused() {
        for version in ["1.1; reboot", "-x", ""] {
            assert!(app(&APP.replace("1.1", version)).is_err(), "{version}");
        }
        for url in [
            "http://10.0.0.1/",
            "https://127.0.0.1/",
            "http://127.0.0.1/a b",
            "http://169.254.169.254/latest",
            "file:///etc/shadow",
        ] {
            let text = format!("{APP}answers = {{ url = \"{url}\" }}\n");
            assert!(app(&text).is_err(), "{url}");
        }
        let error = app(&format!("{APP}command = [\"/bin/sh\"]\n")).unwrap_err();
        assert!(error.starts_with("line 5: ") && error.contains("command"), "{error}");
    }

    #[test]
    fn steps_of_a_host_are_argument_vectors() {
        let text =
            "[step.up]\ncommand = [\"/usr/local/bin/up\", \"{new}\"]\nuser = \"deploy\"\nwithin = \"2m\"\n";
        let steps = steps(text).unwrap();
        assert_eq!((steps[0].name.as_str(), steps[0].within), ("up", Duration::from_secs(120)));
        for bad in [
            "[step.up]\ncommand = \"up\"\n",
            "[step.up]\ncommand = [\"up\"]\n",
            "[step.up]\ncommand = []\n",
            "[steps]\n",
        ] {
            assert!(super::steps(bad).is_err(), "{bad}");
        }
    }
}
