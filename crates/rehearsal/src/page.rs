//! What a page says, in a few words: enough for a person to know which one it is.

use evenkeel_syntax::secret::redact_str;

/// How many characters are shown.
const SHOWN_MAX: usize = 60;
/// How many bytes of a page are looked at.
const BYTES_MAX: usize = 4096;

/// The first words of a page, without its tags and without what looks like a secret. `None`: it is empty.
pub(crate) fn page(body: &[u8]) -> Option<String> {
    if body.is_empty() {
        return None;
    }
    let text = String::from_utf8_lossy(&body[..body.len().min(BYTES_MAX)]);
    if is_builtin(&text) {
        return Some("nginx's own page".to_owned());
    }
    // Its numbers are others each time.
    if text.starts_with("Active connections: ") && text.contains("server accepts handled requests") {
        return Some("nginx's own status".to_owned());
    }
    if text.chars().any(|c| c == char::REPLACEMENT_CHARACTER || (c.is_control() && !c.is_whitespace())) {
        return Some(format!("{} bytes that are no text", body.len()));
    }
    let words = without_tags(&text).split_whitespace().collect::<Vec<_>>().join(" ");
    if words.is_empty() {
        return Some(format!("{} bytes", body.len()));
    }
    let words = redact_str(&words);
    let short: String = words.chars().take(SHOWN_MAX).collect();
    Some(if short.len() < words.len() { format!("\"{short}…\"") } else { format!("\"{short}\"") })
}

/// Whether it is the error page that nginx has built in (`ngx_http_error_tail`,
/// src/http/ngx_http_special_response.c).
fn is_builtin(text: &str) -> bool {
    text.contains("<hr><center>nginx") || text.contains("<hr><center>openresty")
}

/// The status that the page names which nginx has built in; `None` when it is another page.
pub(crate) fn builtin(body: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(&body[..body.len().min(BYTES_MAX)]);
    let named = is_builtin(&text).then(|| text.split_once("<title>"))?;
    named.and_then(|(_, rest)| rest.get(..3)?.parse().ok())
}

fn without_tags(text: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in text.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => {
                inside = false;
                out.push(' ');
            }
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_told_by_their_first_words() {
        assert_eq!(page(b""), None);
        assert_eq!(page(b"<h1>We are\n sorry</h1>").unwrap(), "\"We are sorry\"");
        let own =
            b"<html><body><center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body></html>";
        assert_eq!(page(own).unwrap(), "nginx's own page");
        let titled = b"<head><title>502 Bad Gateway</title></head><hr><center>nginx</center>";
        assert_eq!((builtin(titled), builtin(b"<title>502 Bad Gateway</title>")), (Some(502), None));
        assert_eq!(page(b"\x89PNG\r\n\x1a\n\0\0").unwrap(), "10 bytes that are no text");
        assert!(page("x".repeat(500).as_bytes()).unwrap().ends_with("…\""));
        let status = b"Active connections: 1 \nserver accepts handled requests\n 19 19 34 \nReading: 0 Writing: 1 Waiting: 0 \n";
        assert_eq!(page(status).unwrap(), "nginx's own status");
        assert_eq!(page(b"<img>").unwrap(), "5 bytes");
    }
}
