//! The variables that nginx and its modules bring.
//!
//! Source: `ngx_http_core_variables`, src/http/ngx_http_variables.c; `ngx_stream_core_variables`,
//! src/stream/ngx_stream_variables.c; the modules' own tables

use crate::catalog::Version;

/// What begins so is known in every release.
const PREFIXES: &[&str] = &[
    "arg_",
    "brotli_",
    "cookie_",
    "geoip2_",
    "geoip_",
    "http_",
    "jwt_",
    "njs_",
    "otel_",
    "proxy_protocol_tlv_",
    "sent_http_",
    "sent_trailer_",
    "session_log_",
    "upstream_cookie_",
    "upstream_http_",
    "upstream_trailer_",
    "zstd_",
];

/// What begins so may be a variable that a release newer than these tables has.
const GROWING: &[&str] =
    &["connection", "limit_", "proxy_", "quic", "request_", "ssl_", "tcpinfo_", "upstream_"];

/// The newest release whose variables are all in the tables.
const COMPLETE_TO: Version = Version { major: 1, minor: 28, patch: u32::MAX };

/// Whether http, or stream, has a variable of this name, in lower case. Where the release is newer than the tables, or not
/// known, a name that a newer release may have passes.
pub(super) fn is_builtin(name: &str, stream: bool, version: Option<Version>) -> bool {
    let has = |table: &[&str]| table.binary_search(&name).is_ok();
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    let other = if stream { STREAM } else { HTTP };
    is_fixed(name, stream)
        || has(other)
        || has(TLS)
        || begins(PREFIXES)
        || (version.is_none_or(|version| version > COMPLETE_TO) && begins(GROWING))
}

/// Whether nginx refuses to have a variable of this name defined.
pub(super) fn is_fixed(name: &str, stream: bool) -> bool {
    (if stream { STREAM_FIXED } else { HTTP_FIXED }).binary_search(&name).is_ok()
}

/// Variables of http that no directive can define again, in every release and build.
const HTTP_FIXED: &[&str] = &[
    "binary_remote_addr",
    "body_bytes_sent",
    "bytes_sent",
    "connection",
    "connection_requests",
    "content_length",
    "content_type",
    "date_gmt",
    "date_local",
    "document_root",
    "document_uri",
    "fastcgi_path_info",
    "fastcgi_script_name",
    "gzip_ratio",
    "host",
    "hostname",
    "http_cookie",
    "http_host",
    "http_referer",
    "http_user_agent",
    "http_via",
    "http_x_forwarded_for",
    "https",
    "is_args",
    "limit_conn_status",
    "limit_req_status",
    "msec",
    "nginx_version",
    "pid",
    "pipe",
    "proxy_add_x_forwarded_for",
    "proxy_protocol_addr",
    "proxy_protocol_port",
    "query_string",
    "realpath_root",
    "remote_addr",
    "remote_port",
    "remote_user",
    "request",
    "request_body",
    "request_body_file",
    "request_completion",
    "request_filename",
    "request_id",
    "request_length",
    "request_method",
    "request_time",
    "request_uri",
    "scheme",
    "sent_http_cache_control",
    "sent_http_connection",
    "sent_http_content_length",
    "sent_http_content_type",
    "sent_http_keep_alive",
    "sent_http_last_modified",
    "sent_http_link",
    "sent_http_location",
    "sent_http_transfer_encoding",
    "server_addr",
    "server_name",
    "server_port",
    "server_protocol",
    "status",
    "tcpinfo_rcv_space",
    "tcpinfo_rtt",
    "tcpinfo_rttvar",
    "tcpinfo_snd_cwnd",
    "time_iso8601",
    "time_local",
    "uid_got",
    "uid_set",
    "upstream_addr",
    "upstream_bytes_received",
    "upstream_bytes_sent",
    "upstream_cache_status",
    "upstream_connect_time",
    "upstream_header_time",
    "upstream_response_length",
    "upstream_response_time",
    "upstream_status",
    "uri",
];

/// Other variables of http.
const HTTP: &[&str] = &[
    "ancient_browser",
    "args",
    "connection_time",
    "connections_active",
    "connections_reading",
    "connections_waiting",
    "connections_writing",
    "grpc_internal_trailers",
    "http2",
    "http3",
    "invalid_referer",
    "is_request_port",
    "limit_rate",
    "modern_browser",
    "msie",
    "proxy_host",
    "proxy_internal_body_length",
    "proxy_internal_chunked",
    "proxy_internal_connection",
    "proxy_port",
    "proxy_protocol_server_addr",
    "proxy_protocol_server_port",
    "realip_remote_addr",
    "realip_remote_port",
    "request_port",
    "secure_link",
    "secure_link_expires",
    "slice_range",
    "spdy",
    "spdy_request_priority",
    "uid_reset",
    "upstream_cache_etag",
    "upstream_cache_last_modified",
    "upstream_last_server_name",
    "upstream_queue_time",
];

/// Variables of TLS, of http and stream alike.
const TLS: &[&str] = &[
    "ssl_alpn_protocol",
    "ssl_cipher",
    "ssl_ciphers",
    "ssl_client_cert",
    "ssl_client_escaped_cert",
    "ssl_client_fingerprint",
    "ssl_client_i_dn",
    "ssl_client_i_dn_legacy",
    "ssl_client_raw_cert",
    "ssl_client_s_dn",
    "ssl_client_s_dn_legacy",
    "ssl_client_serial",
    "ssl_client_v_end",
    "ssl_client_v_remain",
    "ssl_client_v_start",
    "ssl_client_verify",
    "ssl_curve",
    "ssl_curves",
    "ssl_early_data",
    "ssl_protocol",
    "ssl_server_name",
    "ssl_session_id",
    "ssl_session_reused",
];

/// Variables of stream that no directive can define again.
const STREAM_FIXED: &[&str] = &[
    "binary_remote_addr",
    "bytes_received",
    "bytes_sent",
    "connection",
    "hostname",
    "msec",
    "nginx_version",
    "pid",
    "protocol",
    "proxy_protocol_addr",
    "proxy_protocol_port",
    "remote_addr",
    "remote_port",
    "server_addr",
    "server_port",
    "session_time",
    "status",
    "time_iso8601",
    "time_local",
    "upstream_addr",
    "upstream_bytes_received",
    "upstream_bytes_sent",
    "upstream_connect_time",
    "upstream_first_byte_time",
    "upstream_session_time",
];

/// Other variables of stream.
const STREAM: &[&str] = &[
    "limit_conn_status",
    "proxy_protocol_server_addr",
    "proxy_protocol_server_port",
    "realip_remote_addr",
    "realip_remote_port",
    "server_name",
    "ssl_preread_alpn_protocols",
    "ssl_preread_protocol",
    "ssl_preread_server_name",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_for_their_search() {
        for table in [HTTP_FIXED, HTTP, TLS, STREAM_FIXED, STREAM] {
            assert!(table.is_sorted());
        }
    }

    #[test]
    fn newer_release_may_have_more() {
        assert!(!is_builtin("upstream_addres", false, Version::parse("1.22.1")));
        assert!(is_builtin("upstream_addres", false, None));
        assert!(!is_builtin("hosst", false, None));
    }
}
