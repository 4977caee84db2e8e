//! What a directive means for the way of a request.

use std::sync::LazyLock;

use crate::catalog;
use crate::config::Node;
use crate::request::PassKind;

/// What a directive means for the way of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Root,
    Alias,
    Index,
    Autoindex,
    TryFiles,
    ErrorPage,
    RecursiveErrorPages,
    /// `return`, `rewrite`, `set`, `if`, `break`: run in their order.
    Code,
    Pass(PassKind),
    /// `proxy_intercept_errors` and its kind.
    InterceptErrors(PassKind),
    EmptyGif,
    StubStatus,
    /// Another module answers in its own way.
    Handler(&'static str),
    Internal,
    LimitExcept,
    /// `allow`, `deny`
    Access,
    Satisfy,
    AuthBasic,
    AuthBasicUserFile,
    /// Another module may refuse or change the request.
    Gate(&'static str),
    AuthRequest,
    AuthRequestSet,
    LimitReq,
    LimitConn,
    LimitReqStatus,
    LimitConnStatus,
    LimitReqDryRun,
    LimitConnDryRun,
    RealIp,
    RealIpHeader,
    RealIpRecursive,
    AddHeader,
    AddHeaderInherit,
    Expires,
    SetHeader(PassKind),
    ProxyHttpVersion,
    ClientMaxBodySize,
    AbsoluteRedirect,
    PortInRedirect,
    ServerNameInRedirect,
    MergeSlashes,
    IgnoreInvalidHeaders,
    UnderscoresInHeaders,
    LargeHeaderBuffers,
    Ssl,
    Http2,
    SslVerifyClient,
    SslRejectHandshake,
    Resolver,
    /// What comes from an upstream is kept, or served in parts.
    Keeps,
    GzipStatic,
    /// For whom something is packed.
    GzipFor,
    DavMethods,
    RandomIndex,
}

impl Role {
    /// The role of a directive of http; most have none.
    pub(super) fn of(node: Node<'_>) -> Option<Role> {
        let known = ROLES.get(usize::from(node.symbol().0));
        known.copied().unwrap_or_else(|| stranger(node.name_bytes()))
    }

    /// The bits of everything that passes on.
    pub(super) const PASSES: u128 = Role::Pass(PassKind::Proxy).bit()
        | Role::Pass(PassKind::Fastcgi).bit()
        | Role::Pass(PassKind::Uwsgi).bit()
        | Role::Pass(PassKind::Scgi).bit()
        | Role::Pass(PassKind::Grpc).bit()
        | Role::Pass(PassKind::Memcached).bit();

    /// A bit of its own; modules of one kind share one.
    pub(super) const fn bit(self) -> u128 {
        const fn of(kind: PassKind) -> u32 {
            match kind {
                PassKind::Proxy => 0,
                PassKind::Fastcgi => 1,
                PassKind::Uwsgi => 2,
                PassKind::Scgi => 3,
                PassKind::Grpc => 4,
                PassKind::Memcached => 5,
            }
        }
        let place = match self {
            Role::Root => 0,
            Role::Alias => 1,
            Role::Index => 2,
            Role::Autoindex => 3,
            Role::TryFiles => 4,
            Role::ErrorPage => 5,
            Role::RecursiveErrorPages => 6,
            Role::Code => 7,
            Role::Pass(kind) => 8 + of(kind),
            Role::InterceptErrors(kind) => 14 + of(kind),
            Role::EmptyGif => 20,
            Role::StubStatus => 21,
            Role::Handler(_) => 22,
            Role::Internal => 23,
            Role::LimitExcept => 24,
            Role::Access => 25,
            Role::Satisfy => 26,
            Role::AuthBasic => 27,
            Role::AuthBasicUserFile => 28,
            Role::Gate(_) => 29,
            Role::AuthRequest => 30,
            Role::AuthRequestSet => 31,
            Role::LimitReq => 32,
            Role::LimitConn => 33,
            Role::LimitReqStatus => 34,
            Role::LimitConnStatus => 35,
            Role::LimitReqDryRun => 36,
            Role::LimitConnDryRun => 37,
            Role::RealIp => 38,
            Role::RealIpHeader => 39,
            Role::RealIpRecursive => 40,
            Role::AddHeader => 41,
            Role::AddHeaderInherit => 42,
            Role::Expires => 43,
            Role::SetHeader(kind) => 44 + of(kind),
            Role::ProxyHttpVersion => 50,
            Role::ClientMaxBodySize => 51,
            Role::AbsoluteRedirect => 52,
            Role::PortInRedirect => 53,
            Role::ServerNameInRedirect => 54,
            Role::MergeSlashes => 55,
            Role::IgnoreInvalidHeaders => 56,
            Role::UnderscoresInHeaders => 57,
            Role::LargeHeaderBuffers => 58,
            Role::Ssl => 59,
            Role::Http2 => 60,
            Role::SslVerifyClient => 61,
            Role::SslRejectHandshake => 62,
            Role::Resolver => 63,
            Role::Keeps => 64,
            Role::GzipStatic => 65,
            Role::GzipFor => 66,
            Role::DavMethods => 67,
            Role::RandomIndex => 68,
        };
        1 << place
    }
}

/// The role of every name in the catalogue.
static ROLES: LazyLock<Vec<Option<Role>>> = LazyLock::new(|| {
    let catalog = catalog::Catalog::for_version(None);
    let role_of = |name: &&str| {
        let third_party = catalog.entries(name).all(catalog::Entry::is_third_party);
        role(name).or_else(|| if third_party { stranger(name.as_bytes()) } else { None })
    };
    catalog::names().iter().map(role_of).collect()
});

fn role(name: &str) -> Option<Role> {
    Some(match name {
        "root" => Role::Root,
        "alias" => Role::Alias,
        "index" => Role::Index,
        "autoindex" => Role::Autoindex,
        "try_files" => Role::TryFiles,
        "error_page" => Role::ErrorPage,
        "recursive_error_pages" => Role::RecursiveErrorPages,
        "return" | "rewrite" | "set" | "if" | "break" => Role::Code,
        "proxy_pass" => Role::Pass(PassKind::Proxy),
        "fastcgi_pass" => Role::Pass(PassKind::Fastcgi),
        "uwsgi_pass" => Role::Pass(PassKind::Uwsgi),
        "scgi_pass" => Role::Pass(PassKind::Scgi),
        "grpc_pass" => Role::Pass(PassKind::Grpc),
        "memcached_pass" => Role::Pass(PassKind::Memcached),
        "proxy_intercept_errors" => Role::InterceptErrors(PassKind::Proxy),
        "fastcgi_intercept_errors" => Role::InterceptErrors(PassKind::Fastcgi),
        "uwsgi_intercept_errors" => Role::InterceptErrors(PassKind::Uwsgi),
        "scgi_intercept_errors" => Role::InterceptErrors(PassKind::Scgi),
        "grpc_intercept_errors" => Role::InterceptErrors(PassKind::Grpc),
        "empty_gif" => Role::EmptyGif,
        "stub_status" => Role::StubStatus,
        "flv" => Role::Handler("flv"),
        "mp4" => Role::Handler("mp4"),
        "hls" => Role::Handler("hls"),
        "perl" => Role::Handler("perl"),
        "js_content" => Role::Handler("njs"),
        "api" | "status" => Role::Handler("api"),
        "tunnel_pass" => Role::Handler("tunnel"),
        "content_by_lua" | "content_by_lua_block" | "content_by_lua_file" => Role::Handler("lua"),
        "echo" | "echo_exec" | "echo_location" | "echo_duplicate" => Role::Handler("echo"),
        "internal" => Role::Internal,
        "limit_except" => Role::LimitExcept,
        "allow" | "deny" => Role::Access,
        "satisfy" => Role::Satisfy,
        "auth_basic" => Role::AuthBasic,
        "auth_basic_user_file" => Role::AuthBasicUserFile,
        "auth_request" => Role::AuthRequest,
        "auth_request_set" => Role::AuthRequestSet,
        "auth_jwt" => Role::Gate("auth_jwt"),
        "auth_oidc" => Role::Gate("auth_oidc"),
        "auth_require" => Role::Gate("auth_require"),
        "limit_req" => Role::LimitReq,
        "limit_conn" => Role::LimitConn,
        "limit_req_status" => Role::LimitReqStatus,
        "limit_conn_status" => Role::LimitConnStatus,
        "limit_req_dry_run" => Role::LimitReqDryRun,
        "limit_conn_dry_run" => Role::LimitConnDryRun,
        "degrade" => Role::Gate("degradation"),
        "image_filter" => Role::Gate("image_filter"),
        "xslt_stylesheet" => Role::Gate("xslt"),
        "js_access" | "js_header_filter" => Role::Gate("njs"),
        "disable_symlinks" => Role::Gate("disable_symlinks"),
        "session_log" => return None,
        "set_real_ip_from" => Role::RealIp,
        "real_ip_header" => Role::RealIpHeader,
        "real_ip_recursive" => Role::RealIpRecursive,
        "add_header" => Role::AddHeader,
        "add_header_inherit" => Role::AddHeaderInherit,
        "expires" => Role::Expires,
        "proxy_set_header" => Role::SetHeader(PassKind::Proxy),
        "grpc_set_header" => Role::SetHeader(PassKind::Grpc),
        "proxy_http_version" => Role::ProxyHttpVersion,
        "client_max_body_size" => Role::ClientMaxBodySize,
        "absolute_redirect" => Role::AbsoluteRedirect,
        "port_in_redirect" => Role::PortInRedirect,
        "server_name_in_redirect" => Role::ServerNameInRedirect,
        "merge_slashes" => Role::MergeSlashes,
        "ignore_invalid_headers" => Role::IgnoreInvalidHeaders,
        "underscores_in_headers" => Role::UnderscoresInHeaders,
        "large_client_header_buffers" => Role::LargeHeaderBuffers,
        "ssl" => Role::Ssl,
        "http2" => Role::Http2,
        "ssl_verify_client" => Role::SslVerifyClient,
        "ssl_reject_handshake" => Role::SslRejectHandshake,
        "resolver" => Role::Resolver,
        "proxy_cache"
        | "fastcgi_cache"
        | "uwsgi_cache"
        | "scgi_cache"
        | "proxy_force_ranges"
        | "fastcgi_force_ranges"
        | "uwsgi_force_ranges"
        | "scgi_force_ranges"
        | "slice" => Role::Keeps,
        "gzip_static" => Role::GzipStatic,
        "gzip_disable" | "gzip_http_version" | "gzip_proxied" => Role::GzipFor,
        "dav_methods" => Role::DavMethods,
        "random_index" => Role::RandomIndex,
        _ => return None,
    })
}

/// What begins so answers, serves another file or changes the request, though most of its module does not.
const ANSWERING: &[&str] = &[
    "passenger_enabled",
    "brotli_static",
    "zstd_static",
    "more_set_input_headers",
    "more_clear_input_headers",
    "echo_location_",
    "echo_subrequest",
    "echo_request_body",
    "echo_foreach_split",
];

/// What begins so belongs to modules that do not change where a request goes.
const HARMLESS: &[&str] = &[
    "brotli",
    "echo_",
    "headers_more",
    "include",
    "js_",
    "lua_",
    "map",
    "more_",
    "ndk_",
    "opentelemetry",
    "opentracing",
    "otel_",
    "vhost_traffic_status",
    "zstd",
    "geoip2",
    "geoip_",
    "pagespeed",
    "passenger_",
    "jaeger",
    "zipkin",
    "datadog_",
    "subs_filter",
    "sub_filter",
    "set_",
    "array_",
];

/// The role of a directive of a module that nginx does not bring itself.
fn stranger(name: &[u8]) -> Option<Role> {
    let text = std::str::from_utf8(name).unwrap_or("?");
    if text.contains("by_lua") {
        return Some(Role::Gate("lua"));
    }
    if text.starts_with("modsecurity") {
        return Some(Role::Gate("modsecurity"));
    }
    if ANSWERING.iter().any(|prefix| text.starts_with(prefix)) {
        return Some(Role::Gate("third-party"));
    }
    if HARMLESS.iter().any(|prefix| text.starts_with(prefix)) {
        None
    } else {
        Some(Role::Gate("third-party"))
    }
}
