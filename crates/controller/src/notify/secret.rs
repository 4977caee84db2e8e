//! What only the other side may know.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

/// Largest secret, in bytes.
const BYTES_MAX: u64 = 64 * 1024;

/// A text that is read when it is needed: `{ file = "/etc/evenkeel/slack-url" }`, `{ env = "SLACK_URL" }`, or the text itself
/// where it is no secret.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", untagged)]
pub enum Secret {
    /// In a file; a line end behind it does not count.
    #[serde(rename_all = "kebab-case")]
    File {
        /// The file.
        file: PathBuf,
    },
    /// In the environment.
    #[serde(rename_all = "kebab-case")]
    Env {
        /// The name of the variable.
        env: String,
    },
    /// In the settings themselves.
    Plain(String),
}

impl Secret {
    /// The text.
    ///
    /// # Errors
    /// A sentence that names the place, and never what is there.
    pub fn read(&self) -> Result<String, String> {
        let text = match self {
            Self::Plain(text) => text.clone(),
            Self::Env { env } => {
                std::env::var(env).map_err(|_| format!("the environment has no {env} that can be read"))?
            }
            Self::File { file } => {
                let about = |why: String| format!("read the secret in {}: {why}", file.display());
                let size = std::fs::metadata(file).map_err(|error| about(error.to_string()))?.len();
                if size > BYTES_MAX {
                    return Err(about(format!("it is larger than {BYTES_MAX} bytes")));
                }
                std::fs::read_to_string(file).map_err(|error| about(error.to_string()))?
            }
        };
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(format!("{self} is empty"));
        }
        Ok(text.to_owned())
    }
}

/// Where it is, never what it is.
impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { file } => write!(f, "the secret in {}", file.display()),
            Self::Env { env } => write!(f, "the secret in ${env}"),
            Self::Plain(_) => f.write_str("the text in the settings"),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_shown_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        std::fs::write(&file, "s3cr3t\n").unwrap();
        let secret: Secret = serde_json::from_value(serde_json::json!({ "file": file })).unwrap();
        assert_eq!(secret.read().unwrap(), "s3cr3t");
        assert!(!format!("{secret} {secret:?}").contains("s3cr3t"));
        let plain = Secret::Plain("s3cr3t".to_owned());
        assert!(!format!("{plain} {plain:?}").contains("s3cr3t"));
        std::fs::write(&file, "\n").unwrap();
        assert!(secret.read().unwrap_err().contains("empty"));
        std::fs::remove_file(&file).unwrap();
        assert!(secret.read().unwrap_err().contains("key"));
    }
}
