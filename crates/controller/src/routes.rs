//! What `routes.toml` says of live answers: which requests are asked of the real nginx, and what must come back.

pub use evenkeel_model::Live;

/// One `[[route]]` of `routes.toml`, as far as it is asked of a real nginx.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its name, for people.
    pub name: String,
    /// The request method, upper case.
    pub method: String,
    /// `http` or `https`.
    pub scheme: String,
    /// The host as the client would say it, without the port.
    pub host: String,
    /// The port that the client would connect to.
    pub port: u16,
    /// The raw request target: path and query.
    pub target: String,
    /// More request headers.
    pub headers: Vec<(String, String)>,
    /// The local address to connect to; else it follows from the listens of the tree.
    pub listen: Option<String>,
    /// What a real answer must hold. Without it the request is asked and its answer recorded, and nothing rests on it.
    pub live: Option<Live>,
}

/// Why a request of `routes.toml` cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RequestError {
    /// Not `METHOD URL`.
    #[error("\"{0}\" is not a request; write for example \"GET https://shop.example.com/cart\"")]
    Form(String),
    /// Another scheme than http or https.
    #[error("\"{0}\" is neither http nor https")]
    Scheme(String),
    /// Something that is not a port.
    #[error("\"{0}\" is not a port")]
    Port(String),
    /// A method that changes something, without leave.
    #[error("a live route may only be GET or HEAD, not {0}, unless it says unsafe = true")]
    Unsafe(String),
    /// A byte that does not belong into a request.
    #[error("\"{0}\" holds a control character or a blank")]
    Control(String),
}

impl Route {
    /// Reads `GET https://shop.example.com/cart`.
    ///
    /// # Errors
    /// [`RequestError`] says what does not fit.
    pub fn parse(name: &str, request: &str) -> Result<Route, RequestError> {
        let form = || RequestError::Form(request.to_owned());
        let (method, url) = request.trim().split_once(' ').ok_or_else(form)?;
        let url = url.trim();
        if url.chars().any(|c| c.is_control() || c == ' ') || !method.chars().all(|c| c.is_ascii_alphabetic())
        {
            return Err(RequestError::Control(request.to_owned()));
        }
        let (scheme, rest) = url.split_once("://").ok_or_else(form)?;
        let default_port = match scheme {
            "http" => 80,
            "https" => 443,
            other => return Err(RequestError::Scheme(other.to_owned())),
        };
        let cut = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(cut);
        let (host, port) = split_authority(authority);
        if host.is_empty() {
            return Err(form());
        }
        let port = match port {
            None => default_port,
            Some(text) => text.parse().map_err(|_| RequestError::Port(text.to_owned()))?,
        };
        let target = match target {
            "" => "/".to_owned(),
            query if query.starts_with('?') => format!("/{query}"),
            path => path.to_owned(),
        };
        Ok(Route {
            name: name.to_owned(),
            method: method.to_ascii_uppercase(),
            scheme: scheme.to_owned(),
            host: host.to_owned(),
            port,
            target,
            headers: Vec::new(),
            listen: None,
            live: None,
        })
    }

    /// The request as one line: `GET http://shop.example.com/cart`.
    #[must_use]
    pub fn request(&self) -> String {
        format!("{} {}://{}{}", self.method, self.scheme, self.authority(), self.target)
    }

    /// The `Host` header: with the port where it is not the scheme's own.
    #[must_use]
    pub fn authority(&self) -> String {
        let own = if self.scheme == "https" { 443 } else { 80 };
        if self.port == own { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    /// Whether asking it may change something.
    #[must_use]
    pub fn is_unsafe(&self) -> bool {
        !matches!(self.method.as_str(), "GET" | "HEAD")
    }
}

/// Splits `host:port`, `[::1]:port` or `host`.
fn split_authority(authority: &str) -> (&str, Option<&str>) {
    if authority.starts_with('[') {
        let end = authority.find(']').map_or(authority.len(), |at| at + 1);
        let (host, rest) = authority.split_at(end);
        return (host, rest.strip_prefix(':'));
    }
    match authority.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_in_every_usual_form() {
        let cases = [
            ("GET https://shop.example.com/cart?x=1", "shop.example.com", 443, "/cart?x=1"),
            ("head http://a.test", "a.test", 80, "/"),
            ("GET http://127.0.0.1:8080/x", "127.0.0.1", 8080, "/x"),
            ("GET http://[::1]:81?q", "[::1]", 81, "/?q"),
        ];
        for (text, host, port, target) in cases {
            let route = Route::parse("r", text).unwrap();
            assert_eq!(
                (route.host.as_str(), route.port, route.target.as_str()),
                (host, port, target),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_not_a_request_is_refused() {
        for text in
            ["", "GET", "GET /x", "GET ftp://a/", "GET http://a:x/", "GET http:///x", "GET http://a/ b"]
        {
            assert!(Route::parse("r", text).is_err(), "{text}");
        }
        assert!(Route::parse("r", "GET http://a/\r\nX: y").is_err());
    }
}
