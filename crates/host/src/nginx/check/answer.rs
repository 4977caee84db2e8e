//! Reads what `nginx -t` printed.

use std::path::{Path, PathBuf};

use evenkeel_syntax::secret::redact_str;

use super::{Message, Verdict};
use crate::nginx::log::{Level, LogLine};

/// How many lines are kept.
const MESSAGES_MAX: usize = 1_000;

pub(super) fn read(success: bool, stderr: &[u8]) -> Verdict {
    let text = String::from_utf8_lossy(stderr);
    let mut messages: Vec<Message> = text.lines().filter_map(message).take(MESSAGES_MAX).collect();
    if success {
        return Verdict::Accepted { warnings: messages };
    }
    if messages.is_empty() {
        // The loader, or an option that this nginx does not know.
        let rest = text.lines().map(|line| line.trim().trim_start_matches("nginx: "));
        let rest = rest.filter(|line| !line.is_empty()).take(MESSAGES_MAX);
        messages = rest.map(|line| placed(Level::Emerg, line)).collect();
    }
    Verdict::Refused { messages }
}

/// Reads `nginx: [emerg] text in /file:3`, or the same with the stamp of a log that is standard error.
fn message(line: &str) -> Option<Message> {
    if let Some(line) = LogLine::parse(line.as_bytes(), Path::new("stderr")) {
        return Some(placed(line.level, &line.message));
    }
    let (level, text) = line.strip_prefix("nginx: [")?.split_once("] ")?;
    Some(placed(Level::from_name(level)?, text))
}

/// Splits the place off that `ngx_conf_log_error` (src/core/ngx_conf_file.c) puts behind a text.
fn placed(level: Level, text: &str) -> Message {
    let place = text.rsplit_once(" in ").and_then(|(text, place)| {
        let (file, line) = place.rsplit_once(':')?;
        let line = line.parse().ok()?;
        file.starts_with('/').then(|| (text, PathBuf::from(file), line))
    });
    let shown = |text| redact_str(text).into_owned();
    match place {
        Some((text, file, line)) => Message { level, text: shown(text), file: Some(file), line: Some(line) },
        None => Message { level, text: shown(text), file: None, line: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_is_split_into_text_and_place() {
        let said = b"nginx: [warn] conflicting server name \"a\" on 0.0.0.0:80, ignored\n\
            nginx: [emerg] host not found in upstream \"x in y\" in /etc/nginx/a b:c.conf:12\n\
            nginx: configuration file /etc/nginx/nginx.conf test failed\n";
        let Verdict::Refused { messages } = read(false, said) else { panic!("accepted") };
        assert_eq!(messages.len(), 2);
        assert_eq!((messages[0].level, messages[0].line), (Level::Warn, None));
        assert_eq!(messages[1].text, "host not found in upstream \"x in y\"");
        assert_eq!(messages[1].file.as_deref(), Some(Path::new("/etc/nginx/a b:c.conf")));
        assert_eq!(messages[1].line, Some(12));
    }

    #[test]
    fn line_with_a_stamp_is_read_too() {
        let said = b"2026/11/21 10:00:00 [emerg] 12#12: unexpected end of file, expecting \"}\" in /x:3\n";
        let Verdict::Refused { messages } = read(false, said) else { panic!("accepted") };
        assert_eq!(
            (messages[0].text.as_str(), messages[0].line),
            ("unexpected end of file, expecting \"}\"", Some(3))
        );
    }

    #[test]
    fn refusal_in_other_words_is_kept() {
        let said = b"nginx: error while loading shared libraries: libpcre2-8.so.0: cannot open\n";
        let Verdict::Refused { messages } = read(false, said) else { panic!("accepted") };
        assert_eq!(messages[0].text, "error while loading shared libraries: libpcre2-8.so.0: cannot open");
    }

    #[test]
    fn success_has_no_warnings_of_its_own() {
        let said = b"nginx: the configuration file /x syntax is ok\nnginx: configuration file /x test is successful\n";
        assert_eq!(read(true, said), Verdict::Accepted { warnings: Vec::new() });
    }
}
