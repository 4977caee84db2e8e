//! The values of variables, as far as a request and a configuration give them.
//!
//! Source: `ngx_http_core_variables` and its handlers, src/http/ngx_http_variables.c

use super::script::{self, Part};
use super::walk::{Walk, shown};
use crate::catalog::Version;
use crate::request::{Dependence, HttpVersion};

/// The release from which `$http_x` has all lines of a header, not the first only.
const ALL_LINES: Version = Version { major: 1, minor: 23, patch: 0 };

/// How long a value may get before it counts as unknown: a tree may double one again and again.
pub(super) const VALUE_BYTES_MAX: usize = 1 << 20;

/// A value put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    /// What cannot be known stands in it as it is written (`$name`).
    pub(super) text: Vec<u8>,
    pub(super) known: bool,
}

impl Walk<'_, '_> {
    /// A value with its variables filled in. What cannot be known becomes a dependence.
    pub(super) fn eval(&mut self, value: &[u8]) -> Value {
        let mut evaluated = Value { text: Vec::with_capacity(value.len()), known: true };
        for part in script::parts(value, false) {
            match part {
                Part::Text(text) => evaluated.text.extend_from_slice(text),
                Part::Capture(group) => evaluated.text.extend_from_slice(self.group(group)),
                Part::Variable(name) => self.append(name, &mut evaluated),
                Part::Args => {}
            }
            if evaluated.text.len() > VALUE_BYTES_MAX {
                evaluated.text.truncate(VALUE_BYTES_MAX);
                evaluated.known = false;
                self.depend("length");
                break;
            }
        }
        evaluated
    }

    /// Appends the value of a variable.
    pub(super) fn append(&mut self, name: &[u8], value: &mut Value) {
        match self.variable(name) {
            Some(text) => value.text.extend_from_slice(&text),
            None => {
                value.known = false;
                value.text.push(b'$');
                value.text.extend_from_slice(name);
            }
        }
    }

    pub(super) fn group(&self, group: usize) -> &[u8] {
        self.captured.get(group).map_or(b"", Vec::as_slice)
    }

    /// The value of a variable; `None`, and a dependence, where nobody can know it.
    pub(super) fn variable(&mut self, name: &[u8]) -> Option<Vec<u8>> {
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
            return Some(Vec::new());
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
    fn builtin(&mut self, name: &str) -> Option<Vec<u8>> {
        let value = match name {
            "uri" | "document_uri" | "fastcgi_script_name" => self.uri.clone(),
            "request_uri" => self.unparsed_uri.clone(),
            "args" | "query_string" => self.args.clone(),
            "is_args" => {
                if self.args.is_empty() {
                    Vec::new()
                } else {
                    b"?".to_vec()
                }
            }
            "host" => {
                if self.host.is_empty() {
                    self.server_name()?
                } else {
                    self.host.clone()
                }
            }
            "server_name" => self.server_name()?,
            "scheme" => {
                if self.request.tls {
                    b"https".to_vec()
                } else {
                    b"http".to_vec()
                }
            }
            "https" => {
                if self.request.tls {
                    b"on".to_vec()
                } else {
                    Vec::new()
                }
            }
            "request" if !self.unparsed_uri.is_empty() => self.request_line(),
            "request_method" => self.method.clone(),
            "server_port" => {
                self.socket.key.port().map_or_else(Vec::new, |port| port.to_string().into_bytes())
            }
            "server_addr" => self.local_ip.map(|ip| ip.to_string().into_bytes())?,
            "server_protocol" => match self.version {
                HttpVersion::V0_9 => Vec::new(),
                HttpVersion::V1_0 => b"HTTP/1.0".to_vec(),
                HttpVersion::V1_1 => b"HTTP/1.1".to_vec(),
                HttpVersion::V2 => b"HTTP/2.0".to_vec(),
            },
            "http2" => match self.version {
                HttpVersion::V2 => {
                    if self.request.tls {
                        b"h2".to_vec()
                    } else {
                        b"h2c".to_vec()
                    }
                }
                _ => Vec::new(),
            },
            "http3" => Vec::new(),
            "remote_addr" if !self.real_ip_matters() => self.request.client?.to_string().into_bytes(),
            "content_length" => self.header("content-length").unwrap_or(b"").to_vec(),
            "content_type" => self.header("content-type").unwrap_or(b"").to_vec(),
            "ssl_server_name" => self.request.sni.clone().unwrap_or_default(),
            "nginx_version" => {
                let version = self.router.config.settings().version?;
                format!("{}.{}.{}", version.major, version.minor, version.patch).into_bytes()
            }
            "document_root" => return self.document_root(),
            "request_filename" => self.path_of_uri()?,
            "limit_rate" => return None,
            _ => return self.prefixed(name),
        };
        Some(value)
    }

    /// The request line as it came.
    fn request_line(&self) -> Vec<u8> {
        let version: &[u8] = match self.request.version {
            HttpVersion::V0_9 => b"",
            HttpVersion::V1_0 => b" HTTP/1.0",
            HttpVersion::V1_1 => b" HTTP/1.1",
            HttpVersion::V2 => b" HTTP/2.0",
        };
        [&self.request.method[..], b" ", &self.request.target, version].concat()
    }

    /// `$arg_x`, `$http_x`, `$cookie_x`.
    fn prefixed(&self, name: &str) -> Option<Vec<u8>> {
        if let Some(name) = name.strip_prefix("arg_") {
            return Some(argument(&self.args, name.as_bytes()).unwrap_or(b"").to_vec());
        }
        if let Some(name) = name.strip_prefix("cookie_") {
            let cookies = self.headers.iter().filter(|(header, _)| header.eq_ignore_ascii_case(b"cookie"));
            let found = cookies.filter_map(|(_, value)| cookie(value, name.as_bytes())).next();
            return Some(found.unwrap_or(b"").to_vec());
        }
        let name = name.strip_prefix("http_")?;
        let is = |header: &[u8]| {
            let same = |(a, b): (&u8, u8)| a.eq_ignore_ascii_case(&b) || (*a == b'-' && b == b'_');
            header.len() == name.len() && header.iter().zip(name.bytes()).all(same)
        };
        let values: Vec<&[u8]> =
            self.headers.iter().filter(|(header, _)| is(header)).map(|(_, value)| &value[..]).collect();
        let between: &[u8] = if name == "cookie" { b"; " } else { b", " };
        if self.router.version().is_some_and(|version| version < ALL_LINES)
            && !matches!(name, "cookie" | "x_forwarded_for")
        {
            return Some(values.first().map_or_else(Vec::new, |value| value.to_vec()));
        }
        Some(values.join(between))
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

    /// Whether the address of the client is another than that of its connection.
    pub(super) fn real_ip_matters(&mut self) -> bool {
        let matters = self.router.real_ip(self.block);
        if matters {
            self.depend("realip");
        }
        matters
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
    fn defined(&mut self, name: &str) -> Option<Option<Vec<u8>>> {
        let (module, node) = self.router.definition(name)?;
        match module {
            "map" => return Some(self.mapped(name, node)),
            "geo" => return Some(self.located(node)),
            _ => {}
        }
        self.depends_on.insert(match module {
            "split_clients" => Dependence::Random,
            module => Dependence::Module(module.to_owned()),
        });
        Some(None)
    }

    /// A target for people, with its arguments.
    pub(super) fn uri_shown(&self) -> String {
        let args = if self.args.is_empty() { String::new() } else { format!("?{}", shown(&self.args)) };
        format!("{}{args}", shown(&self.uri))
    }
}

/// Source: `ngx_http_arg`, src/http/ngx_http_parse.c
fn argument<'a>(args: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    args.split(|&byte| byte == b'&').find_map(|pair| {
        let at = pair.iter().position(|&byte| byte == b'=')?;
        pair[..at].eq_ignore_ascii_case(name).then_some(&pair[at + 1..])
    })
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
