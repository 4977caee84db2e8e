//! The values of variables, as far as a request and a configuration give them.
//!
//! Source: `ngx_http_core_variables` and its handlers, src/http/ngx_http_variables.c

use super::Router;
use super::question::{Input, Piece};
use super::traced::Traced;
use super::walk::{Walk, shown};
use crate::catalog::Version;
use crate::request::{Dependence, HttpVersion};

/// The release from which `$http_x` has all lines of a header, not the first only.
const ALL_LINES: Version = Version { major: 1, minor: 23, patch: 0 };

impl Walk<'_, '_> {
    pub(super) fn group(&self, group: usize) -> Traced {
        self.captured.get(group).unwrap_or_default()
    }

    /// All that the value of a variable rests on that cannot be known.
    pub(super) fn unknown(&self, name: &[u8]) -> String {
        let name = shown(&name.to_ascii_lowercase());
        match self.router.definition(&name) {
            Some((_, node)) => format!("${name} of {}", self.written(node)),
            None => format!("${name}"),
        }
    }

    /// The value of a variable; `None`, and a dependence, where nobody can know it.
    pub(super) fn variable(&mut self, name: &[u8]) -> Option<Traced> {
        let name = name.to_ascii_lowercase();
        let text = std::str::from_utf8(&name).unwrap_or("?");
        // `set_by_lua` may have written to it after the last `set`.
        if let Some(("lua", _)) = self.router.definition(text) {
            self.depend("lua");
            return None;
        }
        // One of the configuration's own may be called as a header or an argument is (`set $http_x …`).
        if let Some(value) = self.variables.get(&name) {
            return Some(value.clone());
        }
        if let Some(value) = self.builtin(text) {
            return Some(value);
        }
        if let Some(value) = self.defined(text) {
            return value;
        }
        if self.router.is_own_variable(text) {
            return Some(Traced::default());
        }
        let dependence = match text {
            "msec" | "date_local" | "date_gmt" => Dependence::Time,
            "remote_addr" | "binary_remote_addr" | "proxy_add_x_forwarded_for" => Dependence::ClientAddress,
            "remote_port" | "realip_remote_addr" | "proxy_protocol_addr" => Dependence::ClientAddress,
            "request_id" | "connection" | "pid" => Dependence::Random,
            _ if text.starts_with("time_") => Dependence::Time,
            _ if text.starts_with("upstream_") || text.starts_with("sent_") => Dependence::UpstreamResponse,
            _ if text.starts_with("ssl_") => Dependence::Module(String::from("ssl")),
            "server_addr" => Dependence::Module(String::from("local-address")),
            _ => Dependence::Module(format!("${text}")),
        };
        self.depends_on.insert(dependence);
        None
    }

    /// The variables that a request alone decides.
    fn builtin(&mut self, name: &str) -> Option<Traced> {
        let value = match name {
            "uri" | "document_uri" | "fastcgi_script_name" => self.uri.clone(),
            "request_uri" => self.given(&*self.unparsed_uri, || Input::Target),
            "args" | "query_string" => self.args.clone(),
            "is_args" => {
                let mark = if self.args.is_empty() { Vec::new() } else { b"?".to_vec() };
                self.args.changed("is-args", mark)
            }
            "host" if self.has_host() => self.host_traced(),
            "host" => Traced::text(self.server_name()?),
            "server_name" => Traced::text(self.server_name()?),
            "request" if !self.unparsed_uri.is_empty() => self.request_line(),
            "request_method" => match &self.beside.main_method {
                Some(method) => method.clone(),
                None if self.beside.has_line || self.method_is_of_page => self.method_traced(),
                None => Traced::default(),
            },
            "server_port" => {
                let port = self.socket.key.port();
                Traced::text(port.map_or_else(Vec::new, |port| port.to_string().into_bytes()))
            }
            "server_addr" => Traced::text(self.local_ip.map(|ip| ip.to_string().into_bytes())?),
            "server_protocol" => {
                let version: &[u8] = match self.version {
                    HttpVersion::V0_9 => b"",
                    HttpVersion::V1_0 => b"HTTP/1.0",
                    HttpVersion::V1_1 => b"HTTP/1.1",
                    HttpVersion::V2 => b"HTTP/2.0",
                };
                self.given(version, || Input::Protocol)
            }
            "remote_addr" => {
                let address = self.remote_addr()?;
                let address = if self.beside.is_forwarded {
                    Traced::text(address)
                } else {
                    self.given(address, || Input::Client)
                };
                // What a location says of proxies comes too late for a value that was asked for before.
                self.variables.insert(name.as_bytes().to_vec(), address.clone());
                address
            }
            "realip_remote_addr" => {
                let address = self.connection_addr()?;
                self.given(address, || Input::Client)
            }
            "binary_remote_addr" => {
                let address = self.binary_addr()?;
                self.of_client(address, name)
            }
            "proxy_protocol_addr" => {
                let address = self.proxied_addr()?;
                self.of_client(address, name)
            }
            "proxy_add_x_forwarded_for" => {
                let addresses = self.forwarded_for()?;
                self.of_client(addresses, name)
            }
            "remote_user" => {
                let user = self.user();
                self.opaque(user, || String::from("$remote_user"))
            }
            // What was read of the body until then has a length.
            "content_length" if self.header("transfer-encoding").is_some() => return None,
            "content_length" => {
                self.given(self.header("content-length").unwrap_or(b""), || Input::ContentLength)
            }
            "content_type" => self.given(self.header("content-type").unwrap_or(b""), || {
                Input::Header(b"content_type".to_vec())
            }),
            "ssl_client_verify" if self.request.tls => Traced::text(self.client_verify()?),
            "ssl_server_name" => self.given(self.request.sni.as_deref().unwrap_or(b""), || Input::Sni),
            "document_root" => return self.document_root(),
            "request_filename" => self.path_of_uri()?,
            "limit_rate" => return None,
            _ => return self.of_connection(name).map(Traced::text).or_else(|| self.prefixed(name)),
        };
        Some(value)
    }

    /// A value that rests on where the request comes from, and on what a header says of that.
    fn of_client(&self, value: Vec<u8>, name: &str) -> Traced {
        self.opaque(value, || {
            let forwarded =
                if self.beside.is_forwarded { format!(" of {:?}", self.beside.peer) } else { String::new() };
            format!("${name}{forwarded}")
        })
    }

    /// What all requests of a connection have in common.
    fn of_connection(&self, name: &str) -> Option<Vec<u8>> {
        let (tls, two) = (self.request.tls, self.version == HttpVersion::V2);
        let text: &[u8] = match name {
            "scheme" if tls => b"https",
            "scheme" => b"http",
            "https" if tls => b"on",
            "https" | "http3" => b"",
            "http2" if two && tls => b"h2",
            "http2" if two => b"h2c",
            "http2" => b"",
            name if !tls && name.starts_with("ssl_") => b"",
            "nginx_version" => {
                let version = self.router.config.settings().version?;
                return Some(format!("{}.{}.{}", version.major, version.minor, version.patch).into_bytes());
            }
            _ => return None,
        };
        Some(text.to_vec())
    }

    /// The request line as it came.
    fn request_line(&self) -> Traced {
        let version: &[u8] = match self.request.version {
            HttpVersion::V0_9 => b"",
            HttpVersion::V1_0 => b" HTTP/1.0",
            HttpVersion::V1_1 => b" HTTP/1.1",
            HttpVersion::V2 => b" HTTP/2.0",
        };
        let method = self.given(&*self.request.method, || Input::Method);
        method.and(b" ").then(&self.given(&*self.request.target, || Input::Target)).and(version)
    }

    /// `$arg_x`, `$http_x`, `$cookie_x`.
    fn prefixed(&self, name: &str) -> Option<Traced> {
        if let Some(name) = name.strip_prefix("arg_") {
            let value = argument(&self.args, name.as_bytes()).unwrap_or(b"");
            let mut pieces = self.args.pieces().map(|(piece, _)| piece);
            return Some(match (pieces.next(), pieces.next()) {
                (None, _) => Traced::text(value),
                (Some(Piece::Input(Input::Args)), None) => {
                    self.given(value, || Input::Argument(name.as_bytes().to_vec()))
                }
                _ => {
                    let (pattern, of) = (argument_pattern(name.as_bytes()), self.args.template());
                    let piece = Piece::Group { pattern, caseless: true, group: 1, of };
                    Traced::piece(value.to_vec(), piece)
                }
            });
        }
        if let Some(name) = name.strip_prefix("cookie_") {
            let value = cookie_of(&self.headers, name.as_bytes());
            return Some(self.given(value, || Input::Cookie(name.as_bytes().to_vec())));
        }
        let name = name.strip_prefix("http_")?;
        let value = header_of(&self.headers, name, self.router.takes_first_lines());
        Some(self.given(value, || Input::Header(name.as_bytes().to_vec())))
    }

    /// The first name of the server, as `$server_name` has it; `None`: the name of the machine.
    pub(super) fn server_name(&mut self) -> Option<Vec<u8>> {
        let server = &self.router.config.servers()[self.server];
        let first = server.names.first().map_or(&b""[..], |name| &name.text);
        let directive = self.server_node().find("server_name").next().and_then(|node| node.arg(0));
        if directive.is_some_and(<[u8]>::is_empty) {
            return Some(Vec::new());
        }
        if first.eq_ignore_ascii_case(b"$hostname") {
            self.depend("hostname");
            return None;
        }
        Some(first.strip_prefix(b".").unwrap_or(first).to_vec())
    }

    /// The local address as nginx writes it into a `Location`; `None`, and a dependence, where it is not known.
    pub(super) fn local_address(&mut self) -> Option<Vec<u8>> {
        if self.socket.key.port().is_none() {
            return Some(self.socket.key.to_string().into_bytes());
        }
        match self.local_ip {
            // An IPv6 address, too, stands without brackets.
            Some(ip) => Some(ip.to_string().into_bytes()),
            None => {
                self.depend("local-address");
                None
            }
        }
    }

    /// A variable that a directive of the configuration defines; the inner `None`: it cannot be known.
    fn defined(&mut self, name: &str) -> Option<Option<Traced>> {
        let (module, node) = self.router.definition(name)?;
        match module {
            "map" => return Some(self.mapped(name, node)),
            "geo" => return Some(self.located(name, node)),
            "split_clients" => return Some(self.shared(name, node)),
            "auth_request" if !self.beside.unknown.contains(name.as_bytes()) => {
                return Some(Some(Traced::default()));
            }
            _ => {}
        }
        self.depends_on.insert(Dependence::Module(module.to_owned()));
        Some(None)
    }

    /// A target for people, with its arguments.
    pub(super) fn uri_shown(&self) -> String {
        let args = if self.args.is_empty() { String::new() } else { format!("?{}", shown(&self.args)) };
        format!("{}{args}", shown(&self.uri))
    }
}

impl Router<'_> {
    /// Whether `$http_x` is the first line of a header only.
    pub(super) fn takes_first_lines(&self) -> bool {
        self.version().is_some_and(|version| version < ALL_LINES)
    }
}

/// The value of `$http_x`: all lines of a header, or the first.
pub(super) fn header_of<B: AsRef<[u8]>>(headers: &[(B, B)], name: &str, first_only: bool) -> Vec<u8> {
    let is = |header: &[u8]| {
        let same = |(a, b): (&u8, u8)| a.eq_ignore_ascii_case(&b) || (*a == b'-' && b == b'_');
        header.len() == name.len() && header.iter().zip(name.bytes()).all(same)
    };
    let values: Vec<&[u8]> =
        headers.iter().filter(|(header, _)| is(header.as_ref())).map(|(_, value)| value.as_ref()).collect();
    if first_only && !matches!(name, "cookie" | "x_forwarded_for") {
        return values.first().map_or_else(Vec::new, |value| value.to_vec());
    }
    let between: &[u8] = if name == "cookie" { b"; " } else { b", " };
    values.join(between)
}

/// The value of `$cookie_x`.
pub(super) fn cookie_of<'h, B: AsRef<[u8]>>(headers: &'h [(B, B)], name: &[u8]) -> &'h [u8] {
    let cookies = headers.iter().filter(|(header, _)| header.as_ref().eq_ignore_ascii_case(b"cookie"));
    cookies.filter_map(|(_, value)| cookie(value.as_ref(), name)).next().unwrap_or(b"")
}

/// Source: `ngx_http_arg`, src/http/ngx_http_parse.c
pub(super) fn argument<'a>(args: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    args.split(|&byte| byte == b'&').find_map(|pair| {
        let at = pair.iter().position(|&byte| byte == b'=')?;
        pair[..at].eq_ignore_ascii_case(name).then_some(&pair[at + 1..])
    })
}

/// A regex whose first group is the value of an argument, or empty where it is not there.
pub(crate) fn argument_pattern(name: &[u8]) -> Vec<u8> {
    [br"\A(?:(?:[^&]*&)*?", name, br"=([^&]*))?"].concat()
}

/// Source: `ngx_http_parse_multi_header_lines`, src/http/ngx_http_parse.c
fn cookie<'a>(value: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    value.split(|&byte| byte == b';').find_map(|pair| {
        let pair = pair.trim_ascii_start();
        let at = pair.iter().position(|&byte| byte == b'=')?;
        let (found, value) = (pair[..at].trim_ascii_end(), &pair[at + 1..]);
        found.eq_ignore_ascii_case(name).then(|| value.trim_ascii_start())
    })
}
