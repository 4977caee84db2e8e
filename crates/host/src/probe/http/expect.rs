//! What an answer must be.

use std::time::Duration;

use evenkeel_fleet::watch::Failure;
use serde::{Deserialize, Serialize};

use super::{BODY_BYTES_MAX, Reply};

/// How much of somebody else's text is repeated.
const SHOWN_CHARS_MAX: usize = 200;

/// What an answer must be; nothing said, a success or a redirect.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Expect {
    /// One of these statuses; 200 to 399 when there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<u16>,
    /// Texts that must be in the body, of which the first MiB is read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contains: Vec<String>,
    /// Texts that must not be in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<String>,
    /// Headers that must be there, with these values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// How long a good answer may take, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<u64>,
}

impl Expect {
    /// Holds an answer that took so long against what is expected.
    pub(super) fn judge(&self, reply: &Reply, took: Duration) -> Result<(), Failure> {
        let status = reply.status;
        let good = if self.status.is_empty() { (200..400).contains(&status) } else { self.status.contains(&status) };
        if !good {
            return Err(Failure::Status(status));
        }
        let content = |reason: String| Err(Failure::Content { reason });
        for (name, value) in &self.headers {
            let mut found = reply.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
            let values: Vec<&[u8]> = found.by_ref().map(|(_, value)| value.as_slice()).collect();
            if values.contains(&value.as_bytes()) {
                continue;
            }
            return content(match values.first() {
                None => format!("it has no header {name}"),
                Some(other) => format!("its header {name} is \"{}\"", shown(&String::from_utf8_lossy(other))),
            });
        }
        let missing = self.contains.iter().find(|text| !has(&reply.body, text));
        if let Some(text) = missing {
            let part = if reply.truncated { format!(" in its first {BODY_BYTES_MAX} bytes") } else { String::new() };
            return content(format!("it does not contain \"{}\"{part}", shown(text)));
        }
        if let Some(text) = self.lacks.iter().find(|text| has(&reply.body, text)) {
            return content(format!("it contains \"{}\"", shown(text)));
        }
        if self.within_ms.is_some_and(|limit| took > Duration::from_millis(limit)) {
            return Err(Failure::Slow);
        }
        Ok(())
    }
}

fn has(body: &[u8], text: &str) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text.as_bytes())
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS_MAX).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(expect: &Expect) -> Result<(), Failure> {
        let reply = Reply {
            status: 301,
            headers: vec![("location".to_owned(), b"/b".to_vec())],
            body: b"moved to /b".to_vec(),
            truncated: false,
            took: Duration::ZERO,
        };
        expect.judge(&reply, Duration::from_millis(50))
    }

    #[test]
    fn answer_is_held_against_everything_that_was_said() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        assert_eq!(judged(&Expect::default()), Ok(()));
        assert_eq!(judged(&Expect { status: vec![200, 204], ..Expect::default() }), Err(Failure::Status(301)));
        assert_eq!(judged(&Expect { contains: texts(&["moved", "/b"]), ..Expect::default() }), Ok(()));
        let missing = judged(&Expect { contains: texts(&["moved", "wel\ncome"]), ..Expect::default() });
        assert_eq!(missing.unwrap_err().to_string(), "not the contents expected: it does not contain \"wel\\ncome\"");
        let there = judged(&Expect { lacks: texts(&["moved"]), ..Expect::default() });
        assert_eq!(there.unwrap_err().class(), "content");
        assert_eq!(judged(&Expect { headers: header("Location", "/b"), ..Expect::default() }), Ok(()));
        let other = judged(&Expect { headers: header("Location", "/c"), ..Expect::default() });
        assert!(other.unwrap_err().to_string().contains("Location is \"/b\""));
        let none = judged(&Expect { headers: header("X-App", "1"), ..Expect::default() });
        assert!(none.unwrap_err().to_string().contains("no header X-App"));
        assert_eq!(judged(&Expect { within_ms: Some(49), ..Expect::default() }), Err(Failure::Slow));
        assert_eq!(judged(&Expect { within_ms: Some(50), ..Expect::default() }), Ok(()));
    }
}
