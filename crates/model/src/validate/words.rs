//! The words that nginx accepts where a directive takes one of a list, and the bounds where it takes a number.

/// The words of a directive of an enum or a bitmask, in nginx's spelling (compared without case).
/// `None`: they are not in this table, so nothing is said of them.
pub(crate) fn words(name: &str) -> Option<&'static [&'static str]> {
    let index = WORDS.binary_search_by_key(&name, |(known, _)| known).ok()?;
    Some(WORDS[index].1)
}

const CACHE_METHODS: &[&str] = &["GET", "HEAD", "POST"];
const IGNORE_HEADERS: &[&str] = &[
    "X-Accel-Redirect",
    "X-Accel-Expires",
    "X-Accel-Limit-Rate",
    "X-Accel-Buffering",
    "X-Accel-Charset",
    "Expires",
    "Cache-Control",
    "Set-Cookie",
    "Vary",
];
const INHERIT: &[&str] = &["off", "on", "merge"];
const LOG_LEVEL: &[&str] = &["info", "notice", "warn", "error"];
/// What a request may be passed on to the next server for, or a stale answer be used for.
const NEXT: &[&str] = &[
    "error",
    "timeout",
    "denied",
    "invalid_header",
    "non_idempotent",
    "http_500",
    "http_502",
    "http_503",
    "http_504",
    "http_403",
    "http_404",
    "http_429",
    "updating",
    "off",
];
/// The same for FastCGI, SCGI and uwsgi, which know no 502 and 504.
const NEXT_CGI: &[&str] = &[
    "error",
    "timeout",
    "denied",
    "invalid_header",
    "non_idempotent",
    "http_500",
    "http_503",
    "http_403",
    "http_404",
    "http_429",
    "updating",
    "off",
];
const OCSP: &[&str] = &["off", "on", "leaf"];
const PROTOCOLS: &[&str] = &["SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];

static WORDS: &[(&str, &[&str])] = &[
    ("add_header_inherit", INHERIT),
    ("add_trailer_inherit", INHERIT),
    ("autoindex_format", &["html", "json", "jsonp", "xml"]),
    ("client_body_in_file_only", &["off", "on", "clean"]),
    ("dav_methods", &["off", "put", "delete", "mkcol", "copy", "move"]),
    ("debug_points", &["stop", "abort"]),
    ("degrade", &["204", "444"]),
    ("fastcgi_cache_methods", CACHE_METHODS),
    ("fastcgi_cache_use_stale", NEXT_CGI),
    ("fastcgi_ignore_headers", IGNORE_HEADERS),
    ("fastcgi_next_upstream", NEXT_CGI),
    ("grpc_ignore_headers", IGNORE_HEADERS),
    ("grpc_next_upstream", NEXT),
    ("grpc_ssl_protocols", PROTOCOLS),
    ("gzip_http_version", &["1.0", "1.1"]),
    (
        "gzip_proxied",
        &["off", "expired", "no-cache", "no-store", "private", "no_last_modified", "no_etag", "auth", "any"],
    ),
    ("gzip_static", &["off", "on", "always"]),
    ("if_modified_since", &["off", "exact", "before"]),
    ("imap_auth", &["plain", "login", "cram-md5", "external"]),
    ("js_fetch_protocols", PROTOCOLS),
    ("keepalive_disable", &["none", "msie6", "safari"]),
    ("limit_conn_log_level", LOG_LEVEL),
    ("limit_req_log_level", LOG_LEVEL),
    ("lingering_close", &["off", "on", "always"]),
    ("lua_ssl_protocols", PROTOCOLS),
    ("memcached_next_upstream", &["error", "timeout", "denied", "invalid_response", "not_found", "off"]),
    ("pop3_auth", &["plain", "apop", "cram-md5", "external"]),
    ("proxy_cache_methods", CACHE_METHODS),
    ("proxy_cache_use_stale", NEXT),
    ("proxy_http_version", &["1.0", "1.1", "2"]),
    ("proxy_ignore_headers", IGNORE_HEADERS),
    ("proxy_next_upstream", NEXT),
    ("proxy_ssl_protocols", PROTOCOLS),
    ("satisfy", &["all", "any"]),
    ("scgi_cache_methods", CACHE_METHODS),
    ("scgi_cache_use_stale", NEXT_CGI),
    ("scgi_ignore_headers", IGNORE_HEADERS),
    ("scgi_next_upstream", NEXT_CGI),
    ("server_tokens", &["off", "on", "build"]),
    ("smtp_auth", &["plain", "login", "cram-md5", "external", "none"]),
    ("ssl_ocsp", OCSP),
    ("ssl_protocols", PROTOCOLS),
    ("ssl_verify_client", &["off", "on", "optional", "optional_no_ca"]),
    ("userid", &["off", "log", "v1", "on"]),
    ("userid_flags", &["off", "secure", "httponly", "samesite=strict", "samesite=lax", "samesite=none"]),
    ("uwsgi_cache_methods", CACHE_METHODS),
    ("uwsgi_cache_use_stale", NEXT_CGI),
    ("uwsgi_ignore_headers", IGNORE_HEADERS),
    ("uwsgi_next_upstream", NEXT_CGI),
    ("uwsgi_ssl_protocols", PROTOCOLS),
];

/// The least and the most of a number that nginx bounds when it reads it.
pub(crate) fn bounds(name: &str) -> Option<(i64, i64)> {
    match name {
        "gzip_comp_level" => Some((1, 9)),
        "limit_req_status" | "limit_conn_status" => Some((400, 599)),
        "uwsgi_modifier1" | "uwsgi_modifier2" => Some((0, 255)),
        _ => None,
    }
}

/// The powers of two that a size must be one of, with nginx's words.
///
/// Source: `ngx_http_gzip_window` and `ngx_http_gzip_hash`, src/http/modules/ngx_http_gzip_filter_module.c
pub(crate) fn powers(name: &str) -> Option<(std::ops::RangeInclusive<u32>, &'static str)> {
    match name {
        "gzip_window" => Some((9..=15, "must be 512, 1k, 2k, 4k, 8k, 16k, or 32k")),
        "gzip_hash" => Some((9..=17, "must be 512, 1k, 2k, 4k, 8k, 16k, 32k, 64k, or 128k")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_sorted_for_its_search() {
        assert!(WORDS.is_sorted_by_key(|(name, _)| name));
        assert_eq!(words("satisfy"), Some(&["all", "any"][..]));
    }
}
