//! The directives that decide about routing, block by block, found once.

use std::sync::LazyLock;

use crate::catalog;
use crate::config::{Config, Node, NodeId};
use crate::context::Context;
use crate::number;
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

/// A directive that decides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fact {
    pub(super) role: Role,
    pub(super) node: NodeId,
}

/// The facts of every block of http.
pub(super) struct Blocks<'c> {
    config: &'c Config,
    /// `starts[n]..starts[n + 1]` are the facts of node `n`.
    starts: Vec<u32>,
    facts: Vec<Fact>,
}

impl<'c> Blocks<'c> {
    pub(super) fn of(config: &'c Config) -> Blocks<'c> {
        let mut found: Vec<(u32, Fact)> = Vec::new();
        for node in config.nodes() {
            let (context, data) = (node.context(), node.data());
            if !context.is_http() || context == Context::Upstream {
                continue;
            }
            let known = ROLES.get(usize::from(node.symbol().0));
            let role = known.copied().unwrap_or_else(|| stranger(node.name_bytes()));
            if let Some(role) = role {
                found.push((data.parent, Fact { role, node: node.id() }));
            }
        }
        found.sort_by_key(|(parent, _)| *parent);
        let mut starts = vec![0_u32; config.directive_count() + 2];
        for (parent, _) in &found {
            starts[*parent as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        Blocks { config, starts, facts: found.into_iter().map(|(_, fact)| fact).collect() }
    }

    /// The facts of a block itself, in the order of the text.
    pub(super) fn own(&self, block: NodeId) -> &[Fact] {
        &self.facts[self.starts[block.index()] as usize..self.starts[block.index() + 1] as usize]
    }

    /// The directives of a block itself that have this role.
    pub(super) fn own_with(&self, block: NodeId, role: Role) -> impl DoubleEndedIterator<Item = Node<'c>> {
        let facts = self.own(block).iter().filter(move |fact| fact.role == role);
        facts.map(|fact| self.config.node(fact.node))
    }

    /// A block and those around it, up to `http`.
    pub(super) fn around(&self, block: NodeId) -> impl Iterator<Item = NodeId> + use<'c> {
        let config = self.config;
        std::iter::successors(Some(block), move |&block| {
            let parent = config.node(block).data().parent;
            (parent != 0).then_some(NodeId(parent))
        })
    }

    /// The nearest block that has directives of this role, itself included.
    pub(super) fn nearest(&self, block: NodeId, role: Role) -> Option<NodeId> {
        self.around(block).find(|&block| self.own(block).iter().any(|fact| fact.role == role))
    }

    /// The directive of this role that is in force in a block.
    pub(super) fn effective(&self, block: NodeId, role: Role) -> Option<Node<'c>> {
        self.own_with(self.nearest(block, role)?, role).next_back()
    }

    /// The role of a directive.
    pub(super) fn role_of(&self, node: Node<'_>) -> Option<Role> {
        let block = node.parent()?.id();
        self.own(block).iter().find(|fact| fact.node == node.id()).map(|fact| fact.role)
    }

    /// The value of an `on`/`off` directive that is in force in a block.
    pub(super) fn flag(&self, block: NodeId, role: Role, default: bool) -> bool {
        let value = self.effective(block, role).and_then(|node| node.arg(0));
        value.map_or(default, |value| value.eq_ignore_ascii_case(b"on"))
    }

    /// The value of a directive that is a number of bytes.
    pub(super) fn size(&self, block: NodeId, role: Role, argument: usize, default: i64) -> i64 {
        let value = self.effective(block, role).and_then(|node| node.arg(argument));
        value.and_then(number::offset).unwrap_or(default)
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
