//! Directives that do not decide where a request goes, who may ask or what is added to the answer.

use crate::config::Node;

/// Whether a directive only logs, tunes, or is compared elsewhere.
pub(crate) fn is_silent(node: Node<'_>) -> bool {
    let name = node.name();
    // An included file stands in its place; a hole does not.
    if name == "include" {
        return true;
    }
    SILENT.contains(&name)
        || ENDS.iter().any(|end| name.ends_with(end))
        || STARTS.iter().any(|start| name.starts_with(start)) && !LOUD.contains(&name)
}

const SILENT: &[&str] = &[
    "access_log",
    "aio",
    "aio_write",
    "charset",
    "charset_types",
    "daemon",
    "debug_points",
    "default_type",
    "directio",
    "error_log",
    "etag",
    "listen",
    "lock_file",
    "log_format",
    "log_not_found",
    "log_subrequest",
    "master_process",
    "msie_padding",
    "output_buffers",
    "pcre_jit",
    "pid",
    "postpone_output",
    "read_ahead",
    "reset_timedout_connection",
    "sendfile",
    "sendfile_max_chunk",
    "server_name",
    "server_names_hash_bucket_size",
    "server_names_hash_max_size",
    "server_tokens",
    "tcp_nodelay",
    "tcp_nopush",
    "thread_pool",
    "timer_resolution",
    "types",
    "types_hash_bucket_size",
    "types_hash_max_size",
    "user",
    "variables_hash_bucket_size",
    "variables_hash_max_size",
    "working_directory",
];

const ENDS: &[&str] =
    &["_timeout", "_buffers", "_buffer_size", "_temp_path", "_buffering", "_temp_file_write_size"];

const STARTS: &[&str] = &["gzip", "keepalive", "open_file_cache", "open_log_file_cache", "ssl_", "worker_"];

const LOUD: &[&str] = &["gzip_static", "ssl_verify_client", "ssl_reject_handshake"];
