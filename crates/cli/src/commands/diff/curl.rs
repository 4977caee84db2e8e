//! A request as a command that sends it.

use evenkeel_model::{HttpVersion, LocalAddress, Request};

/// `curl` with the arguments that send this very request; `None`: curl cannot.
pub(super) fn curl(request: &Request) -> Option<String> {
    let printable = |text: &[u8]| text.iter().all(|byte| matches!(byte, b'!'..=b'~'));
    let value = |text: &[u8]| text.iter().all(|byte| matches!(byte, b' '..=b'~'));
    let host = request.header("host")?;
    let sni = request.sni.as_deref().is_none_or(|name| host.to_ascii_lowercase().starts_with(name));
    let whole = printable(host) && printable(&request.target) && request.target.starts_with(b"/") && sni;
    if !whole || request.client.is_some() {
        return None;
    }
    let mut words = vec!["curl".to_owned(), "-i".to_owned()];
    match &request.method[..] {
        b"GET" => {}
        b"HEAD" => words[1] = "-I".to_owned(),
        method => words.extend(["-X".to_owned(), String::from_utf8_lossy(method).into_owned()]),
    }
    match request.version {
        HttpVersion::V1_0 => words.push("--http1.0".to_owned()),
        HttpVersion::V1_1 => {}
        HttpVersion::V2 if request.tls => words.push("--http2".to_owned()),
        HttpVersion::V2 => words.push("--http2-prior-knowledge".to_owned()),
        HttpVersion::V0_9 => return None,
    }
    let target = String::from_utf8_lossy(&request.target);
    if target.contains("/.") {
        words.push("--path-as-is".to_owned());
    }
    if target.contains(['[', ']', '{', '}']) {
        words.push("-g".to_owned());
    }
    match &request.listen {
        Some(LocalAddress::Inet(address)) if !address.ip().is_unspecified() => {
            words.extend(["--connect-to".to_owned(), format!("::{address}")]);
        }
        Some(LocalAddress::Unix(path)) if printable(path) => {
            words.extend(["--unix-socket".to_owned(), String::from_utf8_lossy(path).into_owned()]);
        }
        Some(LocalAddress::Unix(_)) => return None,
        _ => {}
    }
    for (name, text) in request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case(b"host")) {
        if !printable(name) || !value(text) {
            return None;
        }
        let (name, text) = (String::from_utf8_lossy(name), String::from_utf8_lossy(text));
        let colon = if text.is_empty() { ";" } else { ": " };
        words.extend(["-H".to_owned(), format!("{name}{colon}{text}")]);
    }
    let url = request.url();
    words.push(url.split_once(' ').map(|(_, url)| url.to_owned())?);
    Some(words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "))
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=%,@+".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_become_commands() {
        let request = |text: &str| Request::parse(text).unwrap();
        let shown = |request: &Request| curl(request).unwrap_or_default();
        assert_eq!(shown(&request("GET https://a.test/b")), "curl -i https://a.test/b");
        assert_eq!(
            shown(&request("POST http://a.test:81/b?x=1&y='")),
            r"curl -i -X POST 'http://a.test:81/b?x=1&y='\'''"
        );
        assert_eq!(
            shown(&request("HEAD http://a.test/../[x]")),
            "curl -I --path-as-is -g 'http://a.test/../[x]'"
        );
        let mut one = request("GET http://a.test/");
        one.headers.push((b"X-A".to_vec(), b"b c".to_vec()));
        one.listen = Some(LocalAddress::Inet("127.0.0.1:8080".parse().unwrap()));
        assert_eq!(shown(&one), "curl -i --connect-to ::127.0.0.1:8080 -H 'X-A: b c' http://a.test/");
        one.target = b"/\x01".to_vec();
        assert_eq!(curl(&one), None, "curl would send something else");
    }
}
