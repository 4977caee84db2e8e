//! What the variables of a format say of a request.

use super::Escape;

/// What a variable says of the request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Field {
    /// The request line.
    Request,
    Method,
    /// The target as it was sent.
    Target,
    /// The URI as the last rewrite left it, decoded.
    Uri,
    Args,
    Protocol,
    /// The name that was asked for, in lower case, or what stands in for it.
    Host,
    ServerName,
    Port,
    Scheme,
    /// `on`, or nothing.
    Https,
    /// Something that only a TLS connection has.
    Tls,
    /// The client, as `real_ip_header` has it.
    Client,
    /// The client of the connection.
    Peer,
    Sni,
    Status,
    /// The statuses of the upstreams that were asked.
    UpstreamStatus,
    /// The addresses of the upstreams that were asked.
    UpstreamAddr,
    /// A header, by its name in lower case with `-`.
    Header(String),
    Cookie(String),
}

impl Field {
    /// What a variable says; `None`: nothing that decides where a request goes.
    pub(super) fn of(name: &str) -> Option<Field> {
        Some(match name {
            "request" => Field::Request,
            "upstream_status" => Field::UpstreamStatus,
            "upstream_addr" => Field::UpstreamAddr,
            "request_method" => Field::Method,
            "request_uri" => Field::Target,
            "uri" | "document_uri" => Field::Uri,
            "args" | "query_string" => Field::Args,
            "server_protocol" => Field::Protocol,
            "host" => Field::Host,
            "server_name" => Field::ServerName,
            "server_port" => Field::Port,
            "scheme" => Field::Scheme,
            "https" => Field::Https,
            "ssl_server_name" => Field::Sni,
            "ssl_protocol" | "ssl_cipher" => Field::Tls,
            "remote_addr" => Field::Client,
            "realip_remote_addr" => Field::Peer,
            "status" => Field::Status,
            "content_length" => Field::Header(String::from("content-length")),
            _ => {
                if let Some(header) = name.strip_prefix("http_") {
                    Field::Header(header.to_ascii_lowercase().replace('_', "-"))
                } else if let Some(cookie) = name.strip_prefix("cookie_") {
                    Field::Cookie(cookie.to_owned())
                } else {
                    return None;
                }
            }
        })
    }
}

/// Which bytes a value may have, where that helps to find its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Any,
    /// No space and no quotation mark.
    Word,
    /// Digits.
    Digits,
    /// A word without `/` and `?`.
    Host,
    /// All but `?`.
    Path,
    /// A letter or another: `http`.
    Letters,
    /// `?`, or nothing.
    Mark,
}

impl Class {
    pub(super) fn of(name: &str, escape: Escape) -> Class {
        match name {
            "remote_addr" | "realip_remote_addr" | "binary_remote_addr" | "server_addr" | "time_iso8601" => {
                Class::Word
            }
            "status" | "server_port" | "remote_port" | "body_bytes_sent" | "bytes_sent" => Class::Digits,
            "host" | "http_host" | "server_name" | "ssl_server_name" if escape != Escape::None => Class::Host,
            "uri" | "document_uri" => Class::Path,
            "scheme" | "request_method" => Class::Letters,
            "is_args" => Class::Mark,
            _ => Class::Any,
        }
    }

    pub(super) fn allows(self, byte: u8) -> bool {
        match self {
            Class::Any => true,
            Class::Word => byte != b' ' && byte != b'"',
            // `-` stands for what is not there.
            Class::Digits => byte.is_ascii_digit() || byte == b'-',
            Class::Host => !matches!(byte, b' ' | b'"' | b'/' | b'?'),
            Class::Path => byte != b'?',
            Class::Letters => byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_'),
            Class::Mark => byte == b'?',
        }
    }
}

/// The places of the fields that most formats have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Slots {
    pub(super) request: Option<usize>,
    pub(super) method: Option<usize>,
    pub(super) target: Option<usize>,
    pub(super) uri: Option<usize>,
    pub(super) args: Option<usize>,
    pub(super) protocol: Option<usize>,
    pub(super) host: Option<usize>,
    pub(super) server_name: Option<usize>,
    pub(super) port: Option<usize>,
    pub(super) scheme: Option<usize>,
    pub(super) https: Option<usize>,
    pub(super) tls: Option<usize>,
    pub(super) client: Option<usize>,
    pub(super) peer: Option<usize>,
    pub(super) sni: Option<usize>,
    pub(super) status: Option<usize>,
    pub(super) upstream_status: Option<usize>,
    pub(super) upstream_addr: Option<usize>,
    pub(super) agent: Option<usize>,
    /// The header that the client sent as `Host`.
    pub(super) http_host: Option<usize>,
}

impl Slots {
    pub(super) fn of(fields: &[Field]) -> Slots {
        let at = |field: &Field| fields.iter().position(|known| known == field);
        Slots {
            request: at(&Field::Request),
            method: at(&Field::Method),
            target: at(&Field::Target),
            uri: at(&Field::Uri),
            args: at(&Field::Args),
            protocol: at(&Field::Protocol),
            host: at(&Field::Host),
            server_name: at(&Field::ServerName),
            port: at(&Field::Port),
            scheme: at(&Field::Scheme),
            https: at(&Field::Https),
            tls: at(&Field::Tls),
            client: at(&Field::Client),
            peer: at(&Field::Peer),
            sni: at(&Field::Sni),
            status: at(&Field::Status),
            upstream_status: at(&Field::UpstreamStatus),
            upstream_addr: at(&Field::UpstreamAddr),
            agent: at(&Field::Header(String::from("user-agent"))),
            http_host: at(&Field::Header(String::from("host"))),
        }
    }

    pub(super) fn has_target(&self) -> bool {
        self.request.or(self.target).or(self.uri).is_some()
    }
}
