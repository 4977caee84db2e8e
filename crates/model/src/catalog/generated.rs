//! The directives of nginx, lua-nginx-module and njs. Written by `cargo xtask codegen` from
//! `data/directives/`; change those and run it again.

use super::{Arity, Contexts, Entry};

/// The releases that the table was made from, oldest first.
pub(super) static RELEASES: [&str; 8] = [
    "1.18.0",
    "1.20.2",
    "1.22.1",
    "1.24.0",
    "1.26.3",
    "1.28.3",
    "1.30.2",
    "1.31.4",
];

/// The modules, by the name of their source file.
pub(super) static MODULES: [&str; 111] = [
    "nginx",
    "ngx_conf_file",
    "ngx_devpoll_module",
    "ngx_epoll_module",
    "ngx_event",
    "ngx_event_openssl",
    "ngx_event_openssl_cache",
    "ngx_event_quic_bpf",
    "ngx_eventport_module",
    "ngx_google_perftools_module",
    "ngx_http",
    "ngx_http_access_module",
    "ngx_http_addition_filter_module",
    "ngx_http_auth_basic_module",
    "ngx_http_auth_request_module",
    "ngx_http_autoindex_module",
    "ngx_http_browser_module",
    "ngx_http_charset_filter_module",
    "ngx_http_copy_filter_module",
    "ngx_http_core_module",
    "ngx_http_dav_module",
    "ngx_http_degradation_module",
    "ngx_http_empty_gif_module",
    "ngx_http_fastcgi_module",
    "ngx_http_flv_module",
    "ngx_http_geo_module",
    "ngx_http_geoip_module",
    "ngx_http_grpc_module",
    "ngx_http_gunzip_filter_module",
    "ngx_http_gzip_filter_module",
    "ngx_http_gzip_static_module",
    "ngx_http_headers_filter_module",
    "ngx_http_image_filter_module",
    "ngx_http_index_module",
    "ngx_http_js_module",
    "ngx_http_limit_conn_module",
    "ngx_http_limit_req_module",
    "ngx_http_log_module",
    "ngx_http_lua_fake_shm_module",
    "ngx_http_lua_module",
    "ngx_http_map_module",
    "ngx_http_memcached_module",
    "ngx_http_mirror_module",
    "ngx_http_mp4_module",
    "ngx_http_perl_module",
    "ngx_http_proxy_module",
    "ngx_http_random_index_module",
    "ngx_http_realip_module",
    "ngx_http_referer_module",
    "ngx_http_rewrite_module",
    "ngx_http_scgi_module",
    "ngx_http_secure_link_module",
    "ngx_http_slice_filter_module",
    "ngx_http_split_clients_module",
    "ngx_http_ssi_filter_module",
    "ngx_http_ssl_module",
    "ngx_http_stub_status_module",
    "ngx_http_sub_filter_module",
    "ngx_http_try_files_module",
    "ngx_http_tunnel_module",
    "ngx_http_upstream",
    "ngx_http_upstream_hash_module",
    "ngx_http_upstream_ip_hash_module",
    "ngx_http_upstream_keepalive_module",
    "ngx_http_upstream_least_conn_module",
    "ngx_http_upstream_least_time_module",
    "ngx_http_upstream_random_module",
    "ngx_http_upstream_sticky_module",
    "ngx_http_upstream_zone_module",
    "ngx_http_userid_filter_module",
    "ngx_http_uwsgi_module",
    "ngx_http_v2_module",
    "ngx_http_v3_module",
    "ngx_http_xslt_filter_module",
    "ngx_iocp_module",
    "ngx_kqueue_module",
    "ngx_log",
    "ngx_mail",
    "ngx_mail_auth_http_module",
    "ngx_mail_core_module",
    "ngx_mail_imap_module",
    "ngx_mail_pop3_module",
    "ngx_mail_proxy_module",
    "ngx_mail_realip_module",
    "ngx_mail_smtp_module",
    "ngx_mail_ssl_module",
    "ngx_regex",
    "ngx_stream",
    "ngx_stream_access_module",
    "ngx_stream_core_module",
    "ngx_stream_geo_module",
    "ngx_stream_geoip_module",
    "ngx_stream_js_module",
    "ngx_stream_limit_conn_module",
    "ngx_stream_log_module",
    "ngx_stream_map_module",
    "ngx_stream_pass_module",
    "ngx_stream_proxy_module",
    "ngx_stream_realip_module",
    "ngx_stream_return_module",
    "ngx_stream_set_module",
    "ngx_stream_split_clients_module",
    "ngx_stream_ssl_module",
    "ngx_stream_ssl_preread_module",
    "ngx_stream_upstream",
    "ngx_stream_upstream_hash_module",
    "ngx_stream_upstream_least_conn_module",
    "ngx_stream_upstream_least_time_module",
    "ngx_stream_upstream_random_module",
    "ngx_stream_upstream_zone_module",
    "ngx_thread_pool",
];

/// Every name, sorted.
pub(super) static NAMES: [&str; 784] = [
    "absolute_redirect",
    "accept_mutex",
    "accept_mutex_delay",
    "acceptex_read",
    "access_by_lua",
    "access_by_lua_block",
    "access_by_lua_file",
    "access_by_lua_no_postpone",
    "access_log",
    "add_after_body",
    "add_before_body",
    "add_header",
    "add_header_inherit",
    "add_trailer",
    "add_trailer_inherit",
    "addition_types",
    "aio",
    "aio_write",
    "alias",
    "allow",
    "ancient_browser",
    "ancient_browser_value",
    "auth_basic",
    "auth_basic_user_file",
    "auth_delay",
    "auth_http",
    "auth_http_header",
    "auth_http_pass_client_cert",
    "auth_http_timeout",
    "auth_request",
    "auth_request_set",
    "autoindex",
    "autoindex_exact_size",
    "autoindex_format",
    "autoindex_localtime",
    "balancer_by_lua_block",
    "balancer_by_lua_file",
    "balancer_keepalive",
    "body_filter_by_lua",
    "body_filter_by_lua_block",
    "body_filter_by_lua_file",
    "break",
    "charset",
    "charset_map",
    "charset_types",
    "chunked_transfer_encoding",
    "client_body_buffer_size",
    "client_body_in_file_only",
    "client_body_in_single_buffer",
    "client_body_temp_path",
    "client_body_timeout",
    "client_header_buffer_size",
    "client_header_timeout",
    "client_max_body_size",
    "connection_pool_size",
    "content_by_lua",
    "content_by_lua_block",
    "content_by_lua_file",
    "create_full_put_path",
    "daemon",
    "dav_access",
    "dav_methods",
    "debug_connection",
    "debug_points",
    "default_type",
    "degradation",
    "degrade",
    "deny",
    "devpoll_changes",
    "devpoll_events",
    "directio",
    "directio_alignment",
    "disable_symlinks",
    "early_hints",
    "empty_gif",
    "env",
    "epoll_events",
    "error_log",
    "error_page",
    "etag",
    "eventport_events",
    "events",
    "exit_worker_by_lua_block",
    "exit_worker_by_lua_file",
    "expires",
    "fastcgi_bind",
    "fastcgi_buffer_size",
    "fastcgi_buffering",
    "fastcgi_buffers",
    "fastcgi_busy_buffers_size",
    "fastcgi_cache",
    "fastcgi_cache_background_update",
    "fastcgi_cache_bypass",
    "fastcgi_cache_key",
    "fastcgi_cache_lock",
    "fastcgi_cache_lock_age",
    "fastcgi_cache_lock_timeout",
    "fastcgi_cache_max_range_offset",
    "fastcgi_cache_methods",
    "fastcgi_cache_min_uses",
    "fastcgi_cache_path",
    "fastcgi_cache_revalidate",
    "fastcgi_cache_use_stale",
    "fastcgi_cache_valid",
    "fastcgi_catch_stderr",
    "fastcgi_connect_timeout",
    "fastcgi_force_ranges",
    "fastcgi_hide_header",
    "fastcgi_ignore_client_abort",
    "fastcgi_ignore_headers",
    "fastcgi_index",
    "fastcgi_intercept_errors",
    "fastcgi_keep_conn",
    "fastcgi_limit_rate",
    "fastcgi_max_temp_file_size",
    "fastcgi_next_upstream",
    "fastcgi_next_upstream_timeout",
    "fastcgi_next_upstream_tries",
    "fastcgi_no_cache",
    "fastcgi_param",
    "fastcgi_pass",
    "fastcgi_pass_header",
    "fastcgi_pass_request_body",
    "fastcgi_pass_request_headers",
    "fastcgi_read_timeout",
    "fastcgi_request_buffering",
    "fastcgi_send_lowat",
    "fastcgi_send_timeout",
    "fastcgi_socket_keepalive",
    "fastcgi_socket_rcvbuf",
    "fastcgi_socket_sndbuf",
    "fastcgi_split_path_info",
    "fastcgi_store",
    "fastcgi_store_access",
    "fastcgi_temp_file_write_size",
    "fastcgi_temp_path",
    "flv",
    "geo",
    "geoip_city",
    "geoip_country",
    "geoip_org",
    "geoip_proxy",
    "geoip_proxy_recursive",
    "google_perftools_profiles",
    "grpc_bind",
    "grpc_buffer_size",
    "grpc_connect_timeout",
    "grpc_hide_header",
    "grpc_ignore_headers",
    "grpc_intercept_errors",
    "grpc_next_upstream",
    "grpc_next_upstream_timeout",
    "grpc_next_upstream_tries",
    "grpc_pass",
    "grpc_pass_header",
    "grpc_read_timeout",
    "grpc_send_timeout",
    "grpc_set_header",
    "grpc_socket_keepalive",
    "grpc_socket_rcvbuf",
    "grpc_socket_sndbuf",
    "grpc_ssl_certificate",
    "grpc_ssl_certificate_cache",
    "grpc_ssl_certificate_key",
    "grpc_ssl_ciphers",
    "grpc_ssl_conf_command",
    "grpc_ssl_crl",
    "grpc_ssl_name",
    "grpc_ssl_password_file",
    "grpc_ssl_protocols",
    "grpc_ssl_server_name",
    "grpc_ssl_session_reuse",
    "grpc_ssl_trusted_certificate",
    "grpc_ssl_verify",
    "grpc_ssl_verify_depth",
    "gunzip",
    "gunzip_buffers",
    "gzip",
    "gzip_buffers",
    "gzip_comp_level",
    "gzip_disable",
    "gzip_hash",
    "gzip_http_version",
    "gzip_min_length",
    "gzip_no_buffer",
    "gzip_proxied",
    "gzip_static",
    "gzip_types",
    "gzip_vary",
    "gzip_window",
    "hash",
    "header_filter_by_lua",
    "header_filter_by_lua_block",
    "header_filter_by_lua_file",
    "http",
    "http2",
    "http2_body_preread_size",
    "http2_chunk_size",
    "http2_idle_timeout",
    "http2_max_concurrent_pushes",
    "http2_max_concurrent_streams",
    "http2_max_field_size",
    "http2_max_header_size",
    "http2_max_requests",
    "http2_pool_size",
    "http2_push",
    "http2_push_preload",
    "http2_recv_buffer_size",
    "http2_recv_timeout",
    "http2_streams_index_size",
    "http3",
    "http3_hq",
    "http3_max_concurrent_streams",
    "http3_stream_buffer_size",
    "if",
    "if_modified_since",
    "ignore_invalid_headers",
    "image_filter",
    "image_filter_buffer",
    "image_filter_interlace",
    "image_filter_jpeg_quality",
    "image_filter_sharpen",
    "image_filter_transparency",
    "image_filter_webp_quality",
    "imap_auth",
    "imap_capabilities",
    "imap_client_buffer",
    "include",
    "index",
    "init_by_lua",
    "init_by_lua_block",
    "init_by_lua_file",
    "init_worker_by_lua",
    "init_worker_by_lua_block",
    "init_worker_by_lua_file",
    "internal",
    "iocp_threads",
    "ip_hash",
    "js_access",
    "js_body_filter",
    "js_content",
    "js_context_reuse",
    "js_context_reuse_max_size",
    "js_engine",
    "js_fetch_buffer_size",
    "js_fetch_ciphers",
    "js_fetch_keepalive",
    "js_fetch_keepalive_requests",
    "js_fetch_keepalive_time",
    "js_fetch_keepalive_timeout",
    "js_fetch_max_response_buffer_size",
    "js_fetch_protocols",
    "js_fetch_proxy",
    "js_fetch_timeout",
    "js_fetch_trusted_certificate",
    "js_fetch_verify",
    "js_fetch_verify_depth",
    "js_filter",
    "js_header_filter",
    "js_import",
    "js_load_http_native_module",
    "js_load_stream_native_module",
    "js_path",
    "js_periodic",
    "js_preload_object",
    "js_preread",
    "js_set",
    "js_shared_dict_zone",
    "js_var",
    "keepalive",
    "keepalive_disable",
    "keepalive_min_timeout",
    "keepalive_requests",
    "keepalive_time",
    "keepalive_timeout",
    "kqueue_changes",
    "kqueue_events",
    "large_client_header_buffers",
    "least_conn",
    "least_time",
    "limit_conn",
    "limit_conn_dry_run",
    "limit_conn_log_level",
    "limit_conn_status",
    "limit_conn_zone",
    "limit_except",
    "limit_rate",
    "limit_rate_after",
    "limit_req",
    "limit_req_dry_run",
    "limit_req_log_level",
    "limit_req_status",
    "limit_req_zone",
    "lingering_close",
    "lingering_time",
    "lingering_timeout",
    "listen",
    "load_module",
    "location",
    "lock_file",
    "log_by_lua",
    "log_by_lua_block",
    "log_by_lua_file",
    "log_format",
    "log_not_found",
    "log_subrequest",
    "lua_capture_error_log",
    "lua_check_client_abort",
    "lua_code_cache",
    "lua_fake_shm",
    "lua_http10_buffering",
    "lua_load_resty_core",
    "lua_malloc_trim",
    "lua_max_pending_timers",
    "lua_max_running_timers",
    "lua_need_request_body",
    "lua_package_cpath",
    "lua_package_path",
    "lua_regex_cache_max_entries",
    "lua_regex_match_limit",
    "lua_sa_restart",
    "lua_shared_dict",
    "lua_socket_buffer_size",
    "lua_socket_connect_timeout",
    "lua_socket_keepalive_timeout",
    "lua_socket_log_errors",
    "lua_socket_pool_size",
    "lua_socket_read_timeout",
    "lua_socket_send_lowat",
    "lua_socket_send_timeout",
    "lua_ssl_certificate",
    "lua_ssl_certificate_key",
    "lua_ssl_ciphers",
    "lua_ssl_conf_command",
    "lua_ssl_crl",
    "lua_ssl_key_log",
    "lua_ssl_protocols",
    "lua_ssl_trusted_certificate",
    "lua_ssl_verify_depth",
    "lua_thread_cache_max_entries",
    "lua_transform_underscores_in_response_headers",
    "lua_upstream_skip_openssl_default_verify",
    "lua_use_default_type",
    "lua_worker_thread_vm_pool_size",
    "mail",
    "map",
    "map_hash_bucket_size",
    "map_hash_max_size",
    "master_process",
    "max_errors",
    "max_headers",
    "max_ranges",
    "memcached_bind",
    "memcached_buffer_size",
    "memcached_connect_timeout",
    "memcached_gzip_flag",
    "memcached_next_upstream",
    "memcached_next_upstream_timeout",
    "memcached_next_upstream_tries",
    "memcached_pass",
    "memcached_read_timeout",
    "memcached_send_timeout",
    "memcached_socket_keepalive",
    "merge_slashes",
    "min_delete_depth",
    "mirror",
    "mirror_request_body",
    "modern_browser",
    "modern_browser_value",
    "mp4",
    "mp4_buffer_size",
    "mp4_max_buffer_size",
    "mp4_start_key_frame",
    "msie_padding",
    "msie_refresh",
    "multi_accept",
    "open_file_cache",
    "open_file_cache_errors",
    "open_file_cache_events",
    "open_file_cache_min_uses",
    "open_file_cache_valid",
    "open_log_file_cache",
    "output_buffers",
    "override_charset",
    "pass",
    "pcre_jit",
    "perl",
    "perl_modules",
    "perl_require",
    "perl_set",
    "pid",
    "pop3_auth",
    "pop3_capabilities",
    "port_in_redirect",
    "post_acceptex",
    "post_action",
    "postpone_gzipping",
    "postpone_output",
    "precontent_by_lua_block",
    "precontent_by_lua_file",
    "precontent_by_lua_no_postpone",
    "preread_buffer_size",
    "preread_timeout",
    "protocol",
    "proxy",
    "proxy_bind",
    "proxy_buffer",
    "proxy_buffer_size",
    "proxy_buffering",
    "proxy_buffers",
    "proxy_busy_buffers_size",
    "proxy_cache",
    "proxy_cache_background_update",
    "proxy_cache_bypass",
    "proxy_cache_convert_head",
    "proxy_cache_key",
    "proxy_cache_lock",
    "proxy_cache_lock_age",
    "proxy_cache_lock_timeout",
    "proxy_cache_max_range_offset",
    "proxy_cache_methods",
    "proxy_cache_min_uses",
    "proxy_cache_path",
    "proxy_cache_revalidate",
    "proxy_cache_use_stale",
    "proxy_cache_valid",
    "proxy_connect_timeout",
    "proxy_cookie_domain",
    "proxy_cookie_flags",
    "proxy_cookie_path",
    "proxy_download_rate",
    "proxy_downstream_buffer",
    "proxy_force_ranges",
    "proxy_half_close",
    "proxy_headers_hash_bucket_size",
    "proxy_headers_hash_max_size",
    "proxy_hide_header",
    "proxy_http_version",
    "proxy_ignore_client_abort",
    "proxy_ignore_headers",
    "proxy_intercept_errors",
    "proxy_limit_rate",
    "proxy_max_temp_file_size",
    "proxy_method",
    "proxy_next_upstream",
    "proxy_next_upstream_timeout",
    "proxy_next_upstream_tries",
    "proxy_no_cache",
    "proxy_pass",
    "proxy_pass_error_message",
    "proxy_pass_header",
    "proxy_pass_request_body",
    "proxy_pass_request_headers",
    "proxy_pass_trailers",
    "proxy_protocol",
    "proxy_protocol_timeout",
    "proxy_read_timeout",
    "proxy_redirect",
    "proxy_request_buffering",
    "proxy_requests",
    "proxy_responses",
    "proxy_send_lowat",
    "proxy_send_timeout",
    "proxy_set_body",
    "proxy_set_header",
    "proxy_smtp_auth",
    "proxy_socket_keepalive",
    "proxy_socket_rcvbuf",
    "proxy_socket_sndbuf",
    "proxy_ssl",
    "proxy_ssl_alpn",
    "proxy_ssl_certificate",
    "proxy_ssl_certificate_by_lua_block",
    "proxy_ssl_certificate_by_lua_file",
    "proxy_ssl_certificate_cache",
    "proxy_ssl_certificate_key",
    "proxy_ssl_ciphers",
    "proxy_ssl_conf_command",
    "proxy_ssl_crl",
    "proxy_ssl_name",
    "proxy_ssl_password_file",
    "proxy_ssl_protocols",
    "proxy_ssl_server_name",
    "proxy_ssl_session_reuse",
    "proxy_ssl_trusted_certificate",
    "proxy_ssl_verify",
    "proxy_ssl_verify_by_lua_block",
    "proxy_ssl_verify_by_lua_file",
    "proxy_ssl_verify_depth",
    "proxy_store",
    "proxy_store_access",
    "proxy_temp_file_write_size",
    "proxy_temp_path",
    "proxy_timeout",
    "proxy_upload_rate",
    "proxy_upstream_buffer",
    "quic_active_connection_id_limit",
    "quic_bpf",
    "quic_gso",
    "quic_host_key",
    "quic_retry",
    "random",
    "random_index",
    "read_ahead",
    "real_ip_header",
    "real_ip_recursive",
    "recursive_error_pages",
    "referer_hash_bucket_size",
    "referer_hash_max_size",
    "request_pool_size",
    "reset_timedout_connection",
    "resolver",
    "resolver_timeout",
    "return",
    "rewrite",
    "rewrite_by_lua",
    "rewrite_by_lua_block",
    "rewrite_by_lua_file",
    "rewrite_by_lua_no_postpone",
    "rewrite_log",
    "root",
    "satisfy",
    "scgi_bind",
    "scgi_buffer_size",
    "scgi_buffering",
    "scgi_buffers",
    "scgi_busy_buffers_size",
    "scgi_cache",
    "scgi_cache_background_update",
    "scgi_cache_bypass",
    "scgi_cache_key",
    "scgi_cache_lock",
    "scgi_cache_lock_age",
    "scgi_cache_lock_timeout",
    "scgi_cache_max_range_offset",
    "scgi_cache_methods",
    "scgi_cache_min_uses",
    "scgi_cache_path",
    "scgi_cache_revalidate",
    "scgi_cache_use_stale",
    "scgi_cache_valid",
    "scgi_connect_timeout",
    "scgi_force_ranges",
    "scgi_hide_header",
    "scgi_ignore_client_abort",
    "scgi_ignore_headers",
    "scgi_intercept_errors",
    "scgi_limit_rate",
    "scgi_max_temp_file_size",
    "scgi_next_upstream",
    "scgi_next_upstream_timeout",
    "scgi_next_upstream_tries",
    "scgi_no_cache",
    "scgi_param",
    "scgi_pass",
    "scgi_pass_header",
    "scgi_pass_request_body",
    "scgi_pass_request_headers",
    "scgi_read_timeout",
    "scgi_request_buffering",
    "scgi_send_timeout",
    "scgi_socket_keepalive",
    "scgi_socket_rcvbuf",
    "scgi_socket_sndbuf",
    "scgi_store",
    "scgi_store_access",
    "scgi_temp_file_write_size",
    "scgi_temp_path",
    "secure_link",
    "secure_link_md5",
    "secure_link_secret",
    "send_lowat",
    "send_timeout",
    "sendfile",
    "sendfile_max_chunk",
    "server",
    "server_name",
    "server_name_in_redirect",
    "server_names_hash_bucket_size",
    "server_names_hash_max_size",
    "server_rewrite_by_lua_block",
    "server_rewrite_by_lua_file",
    "server_tokens",
    "set",
    "set_by_lua",
    "set_by_lua_block",
    "set_by_lua_file",
    "set_real_ip_from",
    "slice",
    "smtp_auth",
    "smtp_capabilities",
    "smtp_client_buffer",
    "smtp_greeting_delay",
    "source_charset",
    "spdy_chunk_size",
    "spdy_headers_comp",
    "spdy_keepalive_timeout",
    "spdy_max_concurrent_streams",
    "spdy_pool_size",
    "spdy_recv_buffer_size",
    "spdy_recv_timeout",
    "spdy_streams_index_size",
    "split_clients",
    "ssi",
    "ssi_ignore_recycled_buffers",
    "ssi_last_modified",
    "ssi_min_file_chunk",
    "ssi_silent_errors",
    "ssi_types",
    "ssi_value_length",
    "ssl",
    "ssl_alpn",
    "ssl_buffer_size",
    "ssl_certificate",
    "ssl_certificate_by_lua_block",
    "ssl_certificate_by_lua_file",
    "ssl_certificate_cache",
    "ssl_certificate_compression",
    "ssl_certificate_key",
    "ssl_ciphers",
    "ssl_client_certificate",
    "ssl_client_hello_by_lua_block",
    "ssl_client_hello_by_lua_file",
    "ssl_conf_command",
    "ssl_crl",
    "ssl_dhparam",
    "ssl_early_data",
    "ssl_ecdh_curve",
    "ssl_ech_file",
    "ssl_engine",
    "ssl_handshake_timeout",
    "ssl_object_cache_inheritable",
    "ssl_ocsp",
    "ssl_ocsp_cache",
    "ssl_ocsp_responder",
    "ssl_password_file",
    "ssl_prefer_server_ciphers",
    "ssl_preread",
    "ssl_protocols",
    "ssl_reject_handshake",
    "ssl_session_cache",
    "ssl_session_fetch_by_lua_block",
    "ssl_session_fetch_by_lua_file",
    "ssl_session_store_by_lua_block",
    "ssl_session_store_by_lua_file",
    "ssl_session_ticket_key",
    "ssl_session_tickets",
    "ssl_session_timeout",
    "ssl_stapling",
    "ssl_stapling_file",
    "ssl_stapling_responder",
    "ssl_stapling_verify",
    "ssl_trusted_certificate",
    "ssl_verify_client",
    "ssl_verify_depth",
    "starttls",
    "sticky",
    "stream",
    "stub_status",
    "sub_filter",
    "sub_filter_last_modified",
    "sub_filter_once",
    "sub_filter_types",
    "subrequest_output_buffer_size",
    "tcp_nodelay",
    "tcp_nopush",
    "thread_pool",
    "timeout",
    "timer_resolution",
    "try_files",
    "tunnel_bind",
    "tunnel_buffer_size",
    "tunnel_connect_timeout",
    "tunnel_next_upstream",
    "tunnel_next_upstream_timeout",
    "tunnel_next_upstream_tries",
    "tunnel_pass",
    "tunnel_read_timeout",
    "tunnel_send_lowat",
    "tunnel_send_timeout",
    "tunnel_socket_keepalive",
    "tunnel_socket_rcvbuf",
    "tunnel_socket_sndbuf",
    "types",
    "types_hash_bucket_size",
    "types_hash_max_size",
    "underscores_in_headers",
    "uninitialized_variable_warn",
    "upstream",
    "use",
    "user",
    "userid",
    "userid_domain",
    "userid_expires",
    "userid_flags",
    "userid_mark",
    "userid_name",
    "userid_p3p",
    "userid_path",
    "userid_service",
    "uwsgi_bind",
    "uwsgi_buffer_size",
    "uwsgi_buffering",
    "uwsgi_buffers",
    "uwsgi_busy_buffers_size",
    "uwsgi_cache",
    "uwsgi_cache_background_update",
    "uwsgi_cache_bypass",
    "uwsgi_cache_key",
    "uwsgi_cache_lock",
    "uwsgi_cache_lock_age",
    "uwsgi_cache_lock_timeout",
    "uwsgi_cache_max_range_offset",
    "uwsgi_cache_methods",
    "uwsgi_cache_min_uses",
    "uwsgi_cache_path",
    "uwsgi_cache_revalidate",
    "uwsgi_cache_use_stale",
    "uwsgi_cache_valid",
    "uwsgi_connect_timeout",
    "uwsgi_force_ranges",
    "uwsgi_hide_header",
    "uwsgi_ignore_client_abort",
    "uwsgi_ignore_headers",
    "uwsgi_intercept_errors",
    "uwsgi_limit_rate",
    "uwsgi_max_temp_file_size",
    "uwsgi_modifier1",
    "uwsgi_modifier2",
    "uwsgi_next_upstream",
    "uwsgi_next_upstream_timeout",
    "uwsgi_next_upstream_tries",
    "uwsgi_no_cache",
    "uwsgi_param",
    "uwsgi_pass",
    "uwsgi_pass_header",
    "uwsgi_pass_request_body",
    "uwsgi_pass_request_headers",
    "uwsgi_read_timeout",
    "uwsgi_request_buffering",
    "uwsgi_send_timeout",
    "uwsgi_socket_keepalive",
    "uwsgi_socket_rcvbuf",
    "uwsgi_socket_sndbuf",
    "uwsgi_ssl_certificate",
    "uwsgi_ssl_certificate_cache",
    "uwsgi_ssl_certificate_key",
    "uwsgi_ssl_ciphers",
    "uwsgi_ssl_conf_command",
    "uwsgi_ssl_crl",
    "uwsgi_ssl_name",
    "uwsgi_ssl_password_file",
    "uwsgi_ssl_protocols",
    "uwsgi_ssl_server_name",
    "uwsgi_ssl_session_reuse",
    "uwsgi_ssl_trusted_certificate",
    "uwsgi_ssl_verify",
    "uwsgi_ssl_verify_depth",
    "uwsgi_store",
    "uwsgi_store_access",
    "uwsgi_string",
    "uwsgi_temp_file_write_size",
    "uwsgi_temp_path",
    "valid_referers",
    "variables_hash_bucket_size",
    "variables_hash_max_size",
    "worker_aio_requests",
    "worker_connections",
    "worker_cpu_affinity",
    "worker_priority",
    "worker_processes",
    "worker_rlimit_core",
    "worker_rlimit_nofile",
    "worker_shutdown_timeout",
    "working_directory",
    "xclient",
    "xml_entities",
    "xml_external_entities",
    "xslt_last_modified",
    "xslt_param",
    "xslt_string_param",
    "xslt_stylesheet",
    "xslt_types",
    "zone",
];

/// The function of nginx that reads a directive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Setter {
    /// `ngx_conf_include`
    ConfInclude,
    /// `ngx_conf_set_access_slot`
    ConfSetAccessSlot,
    /// `ngx_conf_set_bitmask_slot`
    ConfSetBitmaskSlot,
    /// `ngx_conf_set_bufs_slot`
    ConfSetBufsSlot,
    /// `ngx_conf_set_enum_slot`
    ConfSetEnumSlot,
    /// `ngx_conf_set_flag_slot`
    ConfSetFlagSlot,
    /// `ngx_conf_set_keyval_slot`
    ConfSetKeyvalSlot,
    /// `ngx_conf_set_msec_slot`
    ConfSetMsecSlot,
    /// `ngx_conf_set_num_slot`
    ConfSetNumSlot,
    /// `ngx_conf_set_off_slot`
    ConfSetOffSlot,
    /// `ngx_conf_set_path_slot`
    ConfSetPathSlot,
    /// `ngx_conf_set_sec_slot`
    ConfSetSecSlot,
    /// `ngx_conf_set_size_slot`
    ConfSetSizeSlot,
    /// `ngx_conf_set_str_array_slot`
    ConfSetStrArraySlot,
    /// `ngx_conf_set_str_slot`
    ConfSetStrSlot,
    /// `ngx_conf_split_clients_block`
    ConfSplitClientsBlock,
    /// `ngx_error_log`
    ErrorLog,
    /// `ngx_event_connections`
    EventConnections,
    /// `ngx_event_debug_connection`
    EventDebugConnection,
    /// `ngx_event_use`
    EventUse,
    /// `ngx_events_block`
    EventsBlock,
    /// `ngx_http_access_rule`
    HttpAccessRule,
    /// `ngx_http_ancient_browser`
    HttpAncientBrowser,
    /// `ngx_http_ancient_browser_value`
    HttpAncientBrowserValue,
    /// `ngx_http_auth_basic_user_file`
    HttpAuthBasicUserFile,
    /// `ngx_http_auth_request`
    HttpAuthRequest,
    /// `ngx_http_auth_request_set`
    HttpAuthRequestSet,
    /// `ngx_http_block`
    HttpBlock,
    /// `ngx_http_charset_map_block`
    HttpCharsetMapBlock,
    /// `ngx_http_core_directio`
    HttpCoreDirectio,
    /// `ngx_http_core_error_log`
    HttpCoreErrorLog,
    /// `ngx_http_core_error_page`
    HttpCoreErrorPage,
    /// `ngx_http_core_internal`
    HttpCoreInternal,
    /// `ngx_http_core_keepalive`
    HttpCoreKeepalive,
    /// `ngx_http_core_limit_except`
    HttpCoreLimitExcept,
    /// `ngx_http_core_listen`
    HttpCoreListen,
    /// `ngx_http_core_location`
    HttpCoreLocation,
    /// `ngx_http_core_open_file_cache`
    HttpCoreOpenFileCache,
    /// `ngx_http_core_resolver`
    HttpCoreResolver,
    /// `ngx_http_core_root`
    HttpCoreRoot,
    /// `ngx_http_core_server`
    HttpCoreServer,
    /// `ngx_http_core_server_name`
    HttpCoreServerName,
    /// `ngx_http_core_set_aio`
    HttpCoreSetAio,
    /// `ngx_http_core_types`
    HttpCoreTypes,
    /// `ngx_http_degradation`
    HttpDegradation,
    /// `ngx_http_disable_symlinks`
    HttpDisableSymlinks,
    /// `ngx_http_empty_gif`
    HttpEmptyGif,
    /// `ngx_http_fastcgi_cache`
    HttpFastcgiCache,
    /// `ngx_http_fastcgi_cache_key`
    HttpFastcgiCacheKey,
    /// `ngx_http_fastcgi_pass`
    HttpFastcgiPass,
    /// `ngx_http_fastcgi_split_path_info`
    HttpFastcgiSplitPathInfo,
    /// `ngx_http_fastcgi_store`
    HttpFastcgiStore,
    /// `ngx_http_file_cache_set_slot`
    HttpFileCacheSetSlot,
    /// `ngx_http_file_cache_valid_set_slot`
    HttpFileCacheValidSetSlot,
    /// `ngx_http_flv`
    HttpFlv,
    /// `ngx_http_geo_block`
    HttpGeoBlock,
    /// `ngx_http_geoip_city`
    HttpGeoipCity,
    /// `ngx_http_geoip_country`
    HttpGeoipCountry,
    /// `ngx_http_geoip_org`
    HttpGeoipOrg,
    /// `ngx_http_geoip_proxy`
    HttpGeoipProxy,
    /// `ngx_http_grpc_pass`
    HttpGrpcPass,
    /// `ngx_http_grpc_ssl_certificate_cache`
    HttpGrpcSslCertificateCache,
    /// `ngx_http_grpc_ssl_password_file`
    HttpGrpcSslPasswordFile,
    /// `ngx_http_gzip_disable`
    HttpGzipDisable,
    /// `ngx_http_headers_add`
    HttpHeadersAdd,
    /// `ngx_http_headers_expires`
    HttpHeadersExpires,
    /// `ngx_http_image_filter`
    HttpImageFilter,
    /// `ngx_http_image_filter_jpeg_quality`
    HttpImageFilterJpegQuality,
    /// `ngx_http_image_filter_sharpen`
    HttpImageFilterSharpen,
    /// `ngx_http_image_filter_webp_quality`
    HttpImageFilterWebpQuality,
    /// `ngx_http_index_set_index`
    HttpIndexSetIndex,
    /// `ngx_http_js_access`
    HttpJsAccess,
    /// `ngx_http_js_body_filter_set`
    HttpJsBodyFilterSet,
    /// `ngx_http_js_content`
    HttpJsContent,
    /// `ngx_http_js_fetch_proxy`
    HttpJsFetchProxy,
    /// `ngx_http_js_periodic`
    HttpJsPeriodic,
    /// `ngx_http_js_set`
    HttpJsSet,
    /// `ngx_http_js_shared_dict_zone`
    HttpJsSharedDictZone,
    /// `ngx_http_js_var`
    HttpJsVar,
    /// `ngx_http_limit_conn`
    HttpLimitConn,
    /// `ngx_http_limit_conn_zone`
    HttpLimitConnZone,
    /// `ngx_http_limit_req`
    HttpLimitReq,
    /// `ngx_http_limit_req_zone`
    HttpLimitReqZone,
    /// `ngx_http_log_open_file_cache`
    HttpLogOpenFileCache,
    /// `ngx_http_log_set_format`
    HttpLogSetFormat,
    /// `ngx_http_log_set_log`
    HttpLogSetLog,
    /// `ngx_http_lua_access_by_lua`
    HttpLuaAccessByLua,
    /// `ngx_http_lua_access_by_lua_block`
    HttpLuaAccessByLuaBlock,
    /// `ngx_http_lua_balancer_by_lua`
    HttpLuaBalancerByLua,
    /// `ngx_http_lua_balancer_by_lua_block`
    HttpLuaBalancerByLuaBlock,
    /// `ngx_http_lua_balancer_keepalive`
    HttpLuaBalancerKeepalive,
    /// `ngx_http_lua_body_filter_by_lua`
    HttpLuaBodyFilterByLua,
    /// `ngx_http_lua_body_filter_by_lua_block`
    HttpLuaBodyFilterByLuaBlock,
    /// `ngx_http_lua_capture_error_log`
    HttpLuaCaptureErrorLog,
    /// `ngx_http_lua_code_cache`
    HttpLuaCodeCache,
    /// `ngx_http_lua_content_by_lua`
    HttpLuaContentByLua,
    /// `ngx_http_lua_content_by_lua_block`
    HttpLuaContentByLuaBlock,
    /// `ngx_http_lua_exit_worker_by_lua`
    HttpLuaExitWorkerByLua,
    /// `ngx_http_lua_exit_worker_by_lua_block`
    HttpLuaExitWorkerByLuaBlock,
    /// `ngx_http_lua_fake_shm`
    HttpLuaFakeShm,
    /// `ngx_http_lua_header_filter_by_lua`
    HttpLuaHeaderFilterByLua,
    /// `ngx_http_lua_header_filter_by_lua_block`
    HttpLuaHeaderFilterByLuaBlock,
    /// `ngx_http_lua_init_by_lua`
    HttpLuaInitByLua,
    /// `ngx_http_lua_init_by_lua_block`
    HttpLuaInitByLuaBlock,
    /// `ngx_http_lua_init_worker_by_lua`
    HttpLuaInitWorkerByLua,
    /// `ngx_http_lua_init_worker_by_lua_block`
    HttpLuaInitWorkerByLuaBlock,
    /// `ngx_http_lua_load_resty_core`
    HttpLuaLoadRestyCore,
    /// `ngx_http_lua_log_by_lua`
    HttpLuaLogByLua,
    /// `ngx_http_lua_log_by_lua_block`
    HttpLuaLogByLuaBlock,
    /// `ngx_http_lua_malloc_trim`
    HttpLuaMallocTrim,
    /// `ngx_http_lua_package_cpath`
    HttpLuaPackageCpath,
    /// `ngx_http_lua_package_path`
    HttpLuaPackagePath,
    /// `ngx_http_lua_precontent_by_lua`
    HttpLuaPrecontentByLua,
    /// `ngx_http_lua_precontent_by_lua_block`
    HttpLuaPrecontentByLuaBlock,
    /// `ngx_http_lua_proxy_ssl_cert_by_lua`
    HttpLuaProxySslCertByLua,
    /// `ngx_http_lua_proxy_ssl_cert_by_lua_block`
    HttpLuaProxySslCertByLuaBlock,
    /// `ngx_http_lua_proxy_ssl_verify_by_lua`
    HttpLuaProxySslVerifyByLua,
    /// `ngx_http_lua_proxy_ssl_verify_by_lua_block`
    HttpLuaProxySslVerifyByLuaBlock,
    /// `ngx_http_lua_regex_cache_max_entries`
    HttpLuaRegexCacheMaxEntries,
    /// `ngx_http_lua_regex_match_limit`
    HttpLuaRegexMatchLimit,
    /// `ngx_http_lua_rewrite_by_lua`
    HttpLuaRewriteByLua,
    /// `ngx_http_lua_rewrite_by_lua_block`
    HttpLuaRewriteByLuaBlock,
    /// `ngx_http_lua_server_rewrite_by_lua`
    HttpLuaServerRewriteByLua,
    /// `ngx_http_lua_server_rewrite_by_lua_block`
    HttpLuaServerRewriteByLuaBlock,
    /// `ngx_http_lua_set_by_lua`
    HttpLuaSetByLua,
    /// `ngx_http_lua_set_by_lua_block`
    HttpLuaSetByLuaBlock,
    /// `ngx_http_lua_set_by_lua_file`
    HttpLuaSetByLuaFile,
    /// `ngx_http_lua_shared_dict`
    HttpLuaSharedDict,
    /// `ngx_http_lua_ssl_cert_by_lua`
    HttpLuaSslCertByLua,
    /// `ngx_http_lua_ssl_cert_by_lua_block`
    HttpLuaSslCertByLuaBlock,
    /// `ngx_http_lua_ssl_client_hello_by_lua`
    HttpLuaSslClientHelloByLua,
    /// `ngx_http_lua_ssl_client_hello_by_lua_block`
    HttpLuaSslClientHelloByLuaBlock,
    /// `ngx_http_lua_ssl_sess_fetch_by_lua`
    HttpLuaSslSessFetchByLua,
    /// `ngx_http_lua_ssl_sess_fetch_by_lua_block`
    HttpLuaSslSessFetchByLuaBlock,
    /// `ngx_http_lua_ssl_sess_store_by_lua`
    HttpLuaSslSessStoreByLua,
    /// `ngx_http_lua_ssl_sess_store_by_lua_block`
    HttpLuaSslSessStoreByLuaBlock,
    /// `ngx_http_map_block`
    HttpMapBlock,
    /// `ngx_http_memcached_pass`
    HttpMemcachedPass,
    /// `ngx_http_mirror`
    HttpMirror,
    /// `ngx_http_modern_browser`
    HttpModernBrowser,
    /// `ngx_http_modern_browser_value`
    HttpModernBrowserValue,
    /// `ngx_http_mp4`
    HttpMp4,
    /// `ngx_http_perl`
    HttpPerl,
    /// `ngx_http_perl_set`
    HttpPerlSet,
    /// `ngx_http_proxy_cache`
    HttpProxyCache,
    /// `ngx_http_proxy_cache_key`
    HttpProxyCacheKey,
    /// `ngx_http_proxy_cookie_domain`
    HttpProxyCookieDomain,
    /// `ngx_http_proxy_cookie_flags`
    HttpProxyCookieFlags,
    /// `ngx_http_proxy_cookie_path`
    HttpProxyCookiePath,
    /// `ngx_http_proxy_pass`
    HttpProxyPass,
    /// `ngx_http_proxy_redirect`
    HttpProxyRedirect,
    /// `ngx_http_proxy_ssl_certificate_cache`
    HttpProxySslCertificateCache,
    /// `ngx_http_proxy_ssl_password_file`
    HttpProxySslPasswordFile,
    /// `ngx_http_proxy_store`
    HttpProxyStore,
    /// `ngx_http_quic_host_key`
    HttpQuicHostKey,
    /// `ngx_http_realip`
    HttpRealip,
    /// `ngx_http_realip_from`
    HttpRealipFrom,
    /// `ngx_http_rewrite`
    HttpRewrite,
    /// `ngx_http_rewrite_break`
    HttpRewriteBreak,
    /// `ngx_http_rewrite_if`
    HttpRewriteIf,
    /// `ngx_http_rewrite_return`
    HttpRewriteReturn,
    /// `ngx_http_rewrite_set`
    HttpRewriteSet,
    /// `ngx_http_scgi_cache`
    HttpScgiCache,
    /// `ngx_http_scgi_cache_key`
    HttpScgiCacheKey,
    /// `ngx_http_scgi_pass`
    HttpScgiPass,
    /// `ngx_http_scgi_store`
    HttpScgiStore,
    /// `ngx_http_set_charset_slot`
    HttpSetCharsetSlot,
    /// `ngx_http_set_complex_value_size_slot`
    HttpSetComplexValueSizeSlot,
    /// `ngx_http_set_complex_value_slot`
    HttpSetComplexValueSlot,
    /// `ngx_http_set_complex_value_zero_slot`
    HttpSetComplexValueZeroSlot,
    /// `ngx_http_set_predicate_slot`
    HttpSetPredicateSlot,
    /// `ngx_http_set_stub_status`
    HttpSetStubStatus,
    /// `ngx_http_ssl_certificate_cache`
    HttpSslCertificateCache,
    /// `ngx_http_ssl_enable`
    HttpSslEnable,
    /// `ngx_http_ssl_ocsp_cache`
    HttpSslOcspCache,
    /// `ngx_http_ssl_password_file`
    HttpSslPasswordFile,
    /// `ngx_http_ssl_session_cache`
    HttpSslSessionCache,
    /// `ngx_http_sub_filter`
    HttpSubFilter,
    /// `ngx_http_try_files`
    HttpTryFiles,
    /// `ngx_http_tunnel_pass`
    HttpTunnelPass,
    /// `ngx_http_types_slot`
    HttpTypesSlot,
    /// `ngx_http_upstream`
    HttpUpstream,
    /// `ngx_http_upstream_bind_set_slot`
    HttpUpstreamBindSetSlot,
    /// `ngx_http_upstream_hash`
    HttpUpstreamHash,
    /// `ngx_http_upstream_ip_hash`
    HttpUpstreamIpHash,
    /// `ngx_http_upstream_keepalive`
    HttpUpstreamKeepalive,
    /// `ngx_http_upstream_least_conn`
    HttpUpstreamLeastConn,
    /// `ngx_http_upstream_least_time`
    HttpUpstreamLeastTime,
    /// `ngx_http_upstream_param_set_slot`
    HttpUpstreamParamSetSlot,
    /// `ngx_http_upstream_random`
    HttpUpstreamRandom,
    /// `ngx_http_upstream_resolver`
    HttpUpstreamResolver,
    /// `ngx_http_upstream_server`
    HttpUpstreamServer,
    /// `ngx_http_upstream_sticky`
    HttpUpstreamSticky,
    /// `ngx_http_upstream_zone`
    HttpUpstreamZone,
    /// `ngx_http_userid_expires`
    HttpUseridExpires,
    /// `ngx_http_userid_mark`
    HttpUseridMark,
    /// `ngx_http_uwsgi_cache`
    HttpUwsgiCache,
    /// `ngx_http_uwsgi_cache_key`
    HttpUwsgiCacheKey,
    /// `ngx_http_uwsgi_pass`
    HttpUwsgiPass,
    /// `ngx_http_uwsgi_ssl_certificate_cache`
    HttpUwsgiSslCertificateCache,
    /// `ngx_http_uwsgi_ssl_password_file`
    HttpUwsgiSslPasswordFile,
    /// `ngx_http_uwsgi_store`
    HttpUwsgiStore,
    /// `ngx_http_v2_obsolete`
    HttpV2Obsolete,
    /// `ngx_http_v2_push`
    HttpV2Push,
    /// `ngx_http_v2_spdy_deprecated`
    HttpV2SpdyDeprecated,
    /// `ngx_http_valid_referers`
    HttpValidReferers,
    /// `ngx_http_xslt_entities`
    HttpXsltEntities,
    /// `ngx_http_xslt_param`
    HttpXsltParam,
    /// `ngx_http_xslt_stylesheet`
    HttpXsltStylesheet,
    /// `ngx_js_core_load_native_module`
    JsCoreLoadNativeModule,
    /// `ngx_js_engine`
    JsEngine,
    /// `ngx_js_import`
    JsImport,
    /// `ngx_js_preload_object`
    JsPreloadObject,
    /// `ngx_load_module`
    LoadModule,
    /// `ngx_mail_auth_http`
    MailAuthHttp,
    /// `ngx_mail_auth_http_header`
    MailAuthHttpHeader,
    /// `ngx_mail_block`
    MailBlock,
    /// `ngx_mail_capabilities`
    MailCapabilities,
    /// `ngx_mail_core_error_log`
    MailCoreErrorLog,
    /// `ngx_mail_core_listen`
    MailCoreListen,
    /// `ngx_mail_core_protocol`
    MailCoreProtocol,
    /// `ngx_mail_core_resolver`
    MailCoreResolver,
    /// `ngx_mail_core_server`
    MailCoreServer,
    /// `ngx_mail_realip_from`
    MailRealipFrom,
    /// `ngx_mail_ssl_enable`
    MailSslEnable,
    /// `ngx_mail_ssl_password_file`
    MailSslPasswordFile,
    /// `ngx_mail_ssl_session_cache`
    MailSslSessionCache,
    /// `ngx_mail_ssl_starttls`
    MailSslStarttls,
    /// `ngx_openssl_engine`
    OpensslEngine,
    /// `ngx_set_cpu_affinity`
    SetCpuAffinity,
    /// `ngx_set_env`
    SetEnv,
    /// `ngx_set_priority`
    SetPriority,
    /// `ngx_set_user`
    SetUser,
    /// `ngx_set_worker_processes`
    SetWorkerProcesses,
    /// `ngx_stream_access_rule`
    StreamAccessRule,
    /// `ngx_stream_block`
    StreamBlock,
    /// `ngx_stream_core_error_log`
    StreamCoreErrorLog,
    /// `ngx_stream_core_listen`
    StreamCoreListen,
    /// `ngx_stream_core_resolver`
    StreamCoreResolver,
    /// `ngx_stream_core_server`
    StreamCoreServer,
    /// `ngx_stream_core_server_name`
    StreamCoreServerName,
    /// `ngx_stream_geo_block`
    StreamGeoBlock,
    /// `ngx_stream_geoip_city`
    StreamGeoipCity,
    /// `ngx_stream_geoip_country`
    StreamGeoipCountry,
    /// `ngx_stream_geoip_org`
    StreamGeoipOrg,
    /// `ngx_stream_js_fetch_proxy`
    StreamJsFetchProxy,
    /// `ngx_stream_js_periodic`
    StreamJsPeriodic,
    /// `ngx_stream_js_set`
    StreamJsSet,
    /// `ngx_stream_js_shared_dict_zone`
    StreamJsSharedDictZone,
    /// `ngx_stream_js_var`
    StreamJsVar,
    /// `ngx_stream_limit_conn`
    StreamLimitConn,
    /// `ngx_stream_limit_conn_zone`
    StreamLimitConnZone,
    /// `ngx_stream_log_open_file_cache`
    StreamLogOpenFileCache,
    /// `ngx_stream_log_set_format`
    StreamLogSetFormat,
    /// `ngx_stream_log_set_log`
    StreamLogSetLog,
    /// `ngx_stream_map_block`
    StreamMapBlock,
    /// `ngx_stream_pass`
    StreamPass,
    /// `ngx_stream_proxy_bind`
    StreamProxyBind,
    /// `ngx_stream_proxy_pass`
    StreamProxyPass,
    /// `ngx_stream_proxy_ssl_alpn_set_slot`
    StreamProxySslAlpnSetSlot,
    /// `ngx_stream_proxy_ssl_certificate_cache`
    StreamProxySslCertificateCache,
    /// `ngx_stream_proxy_ssl_password_file`
    StreamProxySslPasswordFile,
    /// `ngx_stream_realip_from`
    StreamRealipFrom,
    /// `ngx_stream_return`
    StreamReturn,
    /// `ngx_stream_set`
    StreamSet,
    /// `ngx_stream_set_complex_value_size_slot`
    StreamSetComplexValueSizeSlot,
    /// `ngx_stream_set_complex_value_slot`
    StreamSetComplexValueSlot,
    /// `ngx_stream_set_complex_value_zero_slot`
    StreamSetComplexValueZeroSlot,
    /// `ngx_stream_ssl_alpn`
    StreamSslAlpn,
    /// `ngx_stream_ssl_certificate_cache`
    StreamSslCertificateCache,
    /// `ngx_stream_ssl_ocsp_cache`
    StreamSslOcspCache,
    /// `ngx_stream_ssl_password_file`
    StreamSslPasswordFile,
    /// `ngx_stream_ssl_session_cache`
    StreamSslSessionCache,
    /// `ngx_stream_upstream`
    StreamUpstream,
    /// `ngx_stream_upstream_hash`
    StreamUpstreamHash,
    /// `ngx_stream_upstream_least_conn`
    StreamUpstreamLeastConn,
    /// `ngx_stream_upstream_least_time`
    StreamUpstreamLeastTime,
    /// `ngx_stream_upstream_random`
    StreamUpstreamRandom,
    /// `ngx_stream_upstream_resolver`
    StreamUpstreamResolver,
    /// `ngx_stream_upstream_server`
    StreamUpstreamServer,
    /// `ngx_stream_upstream_zone`
    StreamUpstreamZone,
    /// `ngx_thread_pool`
    ThreadPool,
}

/// `STARTS[i]..STARTS[i + 1]` are the entries of `NAMES[i]`.
pub(super) static STARTS: [u16; 785] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
    22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41,
    42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61,
    62, 63, 64, 65, 66, 67, 68, 69, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80, 84, 85,
    86, 87, 88, 89, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101, 102, 103, 104, 105,
    106, 107, 108, 109, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119, 121, 122, 123, 124, 125, 126,
    127, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 138, 139, 140, 141, 142, 143, 144, 146, 148,
    150, 152, 153, 154, 155, 156, 157, 158, 159, 160, 161, 162, 163, 164, 165, 166, 167, 168, 169, 170,
    171, 172, 174, 175, 177, 178, 179, 180, 181, 182, 183, 184, 185, 186, 187, 188, 189, 190, 191, 192,
    193, 194, 195, 196, 197, 198, 199, 200, 201, 202, 203, 205, 206, 207, 208, 209, 210, 211, 212, 214,
    216, 217, 219, 221, 223, 224, 226, 228, 229, 231, 232, 233, 234, 235, 236, 237, 238, 239, 240, 241,
    242, 243, 244, 245, 246, 247, 248, 249, 250, 251, 252, 253, 254, 255, 256, 257, 258, 259, 260, 262,
    263, 264, 266, 268, 270, 272, 274, 276, 278, 280, 282, 284, 286, 288, 290, 292, 294, 296, 297, 298,
    300, 301, 302, 304, 306, 308, 309, 311, 313, 315, 317, 318, 319, 321, 323, 325, 326, 327, 328, 330,
    332, 334, 336, 338, 339, 341, 342, 343, 344, 345, 346, 347, 348, 349, 350, 351, 352, 355, 356, 357,
    358, 359, 360, 361, 363, 364, 365, 366, 367, 368, 369, 370, 371, 372, 373, 374, 375, 376, 377, 378,
    379, 380, 381, 382, 383, 384, 385, 386, 387, 388, 389, 390, 391, 392, 393, 394, 395, 396, 397, 398,
    399, 400, 401, 402, 403, 404, 406, 408, 410, 411, 412, 413, 414, 415, 416, 417, 418, 419, 420, 421,
    422, 423, 424, 425, 426, 427, 428, 429, 430, 431, 432, 433, 434, 435, 436, 437, 438, 439, 440, 441,
    442, 443, 445, 446, 447, 448, 449, 450, 451, 452, 453, 454, 455, 456, 457, 458, 459, 460, 461, 462,
    463, 464, 465, 466, 467, 468, 470, 471, 473, 474, 475, 476, 477, 478, 479, 480, 481, 482, 483, 484,
    485, 486, 487, 488, 489, 490, 491, 493, 494, 495, 496, 497, 498, 499, 500, 501, 502, 503, 504, 505,
    506, 507, 509, 510, 511, 513, 515, 517, 518, 520, 521, 522, 523, 524, 525, 529, 530, 531, 532, 533,
    534, 535, 536, 537, 538, 539, 540, 542, 544, 546, 547, 548, 552, 553, 554, 556, 560, 562, 564, 566,
    568, 570, 572, 574, 576, 578, 580, 581, 582, 584, 585, 586, 587, 588, 590, 591, 592, 593, 594, 595,
    596, 597, 599, 600, 601, 602, 603, 604, 605, 606, 607, 608, 613, 618, 620, 621, 622, 623, 624, 625,
    626, 627, 628, 629, 630, 631, 632, 633, 634, 635, 636, 637, 638, 639, 640, 641, 642, 643, 644, 645,
    646, 647, 648, 649, 650, 651, 652, 653, 655, 656, 657, 658, 659, 660, 661, 662, 663, 664, 665, 666,
    667, 668, 669, 670, 671, 672, 673, 674, 675, 676, 677, 678, 679, 680, 681, 682, 687, 690, 691, 693,
    695, 696, 697, 698, 700, 701, 702, 703, 706, 707, 708, 709, 710, 711, 712, 713, 714, 715, 716, 717,
    718, 719, 720, 722, 723, 724, 725, 726, 727, 728, 729, 731, 732, 733, 736, 737, 738, 740, 743, 746,
    749, 752, 753, 754, 757, 760, 763, 764, 767, 769, 770, 771, 772, 775, 777, 779, 782, 785, 786, 789,
    791, 794, 795, 796, 797, 798, 801, 804, 807, 809, 811, 813, 815, 818, 821, 824, 825, 826, 827, 828,
    829, 830, 831, 832, 833, 835, 836, 837, 838, 839, 840, 841, 842, 843, 844, 845, 846, 847, 848, 849,
    850, 851, 852, 853, 854, 855, 856, 857, 858, 860, 861, 862, 863, 864, 865, 866, 867, 868, 869, 870,
    871, 872, 873, 874, 875, 876, 877, 878, 879, 880, 881, 882, 883, 884, 885, 886, 887, 888, 889, 890,
    891, 892, 893, 894, 895, 896, 898, 899, 900, 901, 902, 903, 904, 905, 906, 907, 908, 909, 910, 911,
    912, 913, 914, 915, 916, 918, 919, 921, 922, 923, 924, 925, 926, 927, 928, 929, 930, 931, 932, 933,
    934, 935, 936, 937, 938, 940, 942, 943, 944, 945, 946, 947, 948, 949, 950, 951, 952, 953, 954, 955,
    956, 957, 958, 959, 961,
];

/// What nginx knows of each, in the order of `NAMES`.
pub(super) static ENTRIES: [Entry; 961] = [
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 19, 0, 7), // absolute_redirect
    e(0x2, 0x100, Setter::ConfSetFlagSlot, 4, 0, 7), // accept_mutex
    e(0x2, 0x2, Setter::ConfSetMsecSlot, 4, 0, 7), // accept_mutex_delay
    e(0x2, 0x100, Setter::ConfSetFlagSlot, 74, 0, 7), // acceptex_read
    e(0x9c, 0x2, Setter::HttpLuaAccessByLua, 39, 255, 255), // access_by_lua
    e(0x9c, 0x1001, Setter::HttpLuaAccessByLuaBlock, 39, 255, 255), // access_by_lua_block
    e(0x9c, 0x2, Setter::HttpLuaAccessByLua, 39, 255, 255), // access_by_lua_file
    e(0x4, 0x100, Setter::ConfSetFlagSlot, 39, 255, 255), // access_by_lua_no_postpone
    e(0x19c, 0x200, Setter::HttpLogSetLog, 37, 0, 7), // access_log
    e(0x1800, 0x200, Setter::StreamLogSetLog, 94, 0, 7), // access_log
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 12, 0, 7), // add_after_body
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 12, 0, 7), // add_before_body
    e(0x9c, 0xc, Setter::HttpHeadersAdd, 31, 0, 7), // add_header
    e(0x9c, 0x2, Setter::ConfSetEnumSlot, 31, 6, 7), // add_header_inherit
    e(0x9c, 0xc, Setter::HttpHeadersAdd, 31, 0, 7), // add_trailer
    e(0x9c, 0x2, Setter::ConfSetEnumSlot, 31, 6, 7), // add_trailer_inherit
    e(0x1c, 0x200, Setter::HttpTypesSlot, 12, 0, 7), // addition_types
    e(0x1c, 0x2, Setter::HttpCoreSetAio, 19, 0, 7), // aio
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 19, 0, 7), // aio_write
    e(0x10, 0x2, Setter::HttpCoreRoot, 19, 0, 7), // alias
    e(0x11c, 0x2, Setter::HttpAccessRule, 11, 0, 7), // allow
    e(0x1800, 0x2, Setter::StreamAccessRule, 88, 0, 7), // allow
    e(0x1c, 0x200, Setter::HttpAncientBrowser, 16, 0, 7), // ancient_browser
    e(0x1c, 0x2, Setter::HttpAncientBrowserValue, 16, 0, 7), // ancient_browser_value
    e(0x11c, 0x2, Setter::HttpSetComplexValueSlot, 13, 0, 7), // auth_basic
    e(0x11c, 0x2, Setter::HttpAuthBasicUserFile, 13, 0, 7), // auth_basic_user_file
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 19, 0, 7), // auth_delay
    e(0x600, 0x2, Setter::MailAuthHttp, 78, 0, 7), // auth_http
    e(0x600, 0x4, Setter::MailAuthHttpHeader, 78, 0, 7), // auth_http_header
    e(0x600, 0x100, Setter::ConfSetFlagSlot, 78, 0, 7), // auth_http_pass_client_cert
    e(0x600, 0x2, Setter::ConfSetMsecSlot, 78, 0, 7), // auth_http_timeout
    e(0x1c, 0x2, Setter::HttpAuthRequest, 14, 0, 7), // auth_request
    e(0x1c, 0x4, Setter::HttpAuthRequestSet, 14, 0, 7), // auth_request_set
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 15, 0, 7), // autoindex
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 15, 0, 7), // autoindex_exact_size
    e(0x1c, 0x2, Setter::ConfSetEnumSlot, 15, 0, 7), // autoindex_format
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 15, 0, 7), // autoindex_localtime
    e(0x20, 0x1001, Setter::HttpLuaBalancerByLuaBlock, 39, 255, 255), // balancer_by_lua_block
    e(0x20, 0x2, Setter::HttpLuaBalancerByLua, 39, 255, 255), // balancer_by_lua_file
    e(0x20, 0x2, Setter::HttpLuaBalancerKeepalive, 39, 255, 255), // balancer_keepalive
    e(0x9c, 0x2, Setter::HttpLuaBodyFilterByLua, 39, 255, 255), // body_filter_by_lua
    e(0x9c, 0x1001, Setter::HttpLuaBodyFilterByLuaBlock, 39, 255, 255), // body_filter_by_lua_block
    e(0x9c, 0x2, Setter::HttpLuaBodyFilterByLua, 39, 255, 255), // body_filter_by_lua_file
    e(0xd8, 0x1, Setter::HttpRewriteBreak, 49, 0, 7), // break
    e(0x9c, 0x2, Setter::HttpSetCharsetSlot, 17, 0, 7), // charset
    e(0x4, 0x1004, Setter::HttpCharsetMapBlock, 17, 0, 7), // charset_map
    e(0x1c, 0x200, Setter::HttpTypesSlot, 17, 0, 7), // charset_types
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 19, 0, 7), // chunked_transfer_encoding
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 19, 0, 7), // client_body_buffer_size
    e(0x1c, 0x2, Setter::ConfSetEnumSlot, 19, 0, 7), // client_body_in_file_only
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 19, 0, 7), // client_body_in_single_buffer
    e(0x1c, 0x1e, Setter::ConfSetPathSlot, 19, 0, 7), // client_body_temp_path
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 19, 0, 7), // client_body_timeout
    e(0xc, 0x2, Setter::ConfSetSizeSlot, 19, 0, 7), // client_header_buffer_size
    e(0xc, 0x2, Setter::ConfSetMsecSlot, 19, 0, 7), // client_header_timeout
    e(0x1c, 0x2, Setter::ConfSetOffSlot, 19, 0, 7), // client_max_body_size
    e(0xc, 0x2, Setter::ConfSetSizeSlot, 19, 0, 7), // connection_pool_size
    e(0x90, 0x2, Setter::HttpLuaContentByLua, 39, 255, 255), // content_by_lua
    e(0x90, 0x1001, Setter::HttpLuaContentByLuaBlock, 39, 255, 255), // content_by_lua_block
    e(0x90, 0x2, Setter::HttpLuaContentByLua, 39, 255, 255), // content_by_lua_file
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 20, 0, 7), // create_full_put_path
    e(0x1, 0x100, Setter::ConfSetFlagSlot, 0, 0, 7), // daemon
    e(0x1c, 0xe, Setter::ConfSetAccessSlot, 20, 0, 7), // dav_access
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 20, 0, 7), // dav_methods
    e(0x2, 0x2, Setter::EventDebugConnection, 4, 0, 7), // debug_connection
    e(0x1, 0x2, Setter::ConfSetEnumSlot, 0, 0, 7), // debug_points
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 19, 0, 7), // default_type
    e(0x4, 0x2, Setter::HttpDegradation, 21, 0, 7), // degradation
    e(0x1c, 0x2, Setter::ConfSetEnumSlot, 21, 0, 7), // degrade
    e(0x11c, 0x2, Setter::HttpAccessRule, 11, 0, 7), // deny
    e(0x1800, 0x2, Setter::StreamAccessRule, 88, 0, 7), // deny
    e(0x2, 0x2, Setter::ConfSetNumSlot, 2, 0, 7), // devpoll_changes
    e(0x2, 0x2, Setter::ConfSetNumSlot, 2, 0, 7), // devpoll_events
    e(0x1c, 0x2, Setter::HttpCoreDirectio, 19, 0, 7), // directio
    e(0x1c, 0x2, Setter::ConfSetOffSlot, 19, 0, 7), // directio_alignment
    e(0x1c, 0x6, Setter::HttpDisableSymlinks, 19, 0, 7), // disable_symlinks
    e(0x1c, 0x200, Setter::HttpSetPredicateSlot, 19, 6, 7), // early_hints
    e(0x10, 0x1, Setter::HttpEmptyGif, 22, 0, 7), // empty_gif
    e(0x1, 0x2, Setter::SetEnv, 0, 0, 7), // env
    e(0x2, 0x2, Setter::ConfSetNumSlot, 3, 0, 7), // epoll_events
    e(0x1, 0x200, Setter::ErrorLog, 76, 0, 7), // error_log
    e(0x1c, 0x200, Setter::HttpCoreErrorLog, 19, 0, 7), // error_log
    e(0x600, 0x200, Setter::MailCoreErrorLog, 79, 0, 7), // error_log
    e(0x1800, 0x200, Setter::StreamCoreErrorLog, 89, 0, 7), // error_log
    e(0x9c, 0x400, Setter::HttpCoreErrorPage, 19, 0, 7), // error_page
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 19, 0, 7), // etag
    e(0x2, 0x2, Setter::ConfSetNumSlot, 8, 0, 7), // eventport_events
    e(0x1, 0x1001, Setter::EventsBlock, 4, 0, 7), // events
    e(0x4, 0x1001, Setter::HttpLuaExitWorkerByLuaBlock, 39, 255, 255), // exit_worker_by_lua_block
    e(0x4, 0x2, Setter::HttpLuaExitWorkerByLua, 39, 255, 255), // exit_worker_by_lua_file
    e(0x9c, 0x6, Setter::HttpHeadersExpires, 31, 0, 7), // expires
    e(0x1c, 0x6, Setter::HttpUpstreamBindSetSlot, 23, 0, 7), // fastcgi_bind
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 23, 0, 7), // fastcgi_buffer_size
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 23, 0, 7), // fastcgi_buffering
    e(0x1c, 0x4, Setter::ConfSetBufsSlot, 23, 0, 7), // fastcgi_buffers
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 23, 0, 7), // fastcgi_busy_buffers_size
    e(0x1c, 0x2, Setter::HttpFastcgiCache, 23, 0, 7), // fastcgi_cache
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 23, 0, 7), // fastcgi_cache_background_update
    e(0x1c, 0x200, Setter::HttpSetPredicateSlot, 23, 0, 7), // fastcgi_cache_bypass
    e(0x1c, 0x2, Setter::HttpFastcgiCacheKey, 23, 0, 7), // fastcgi_cache_key
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 23, 0, 7), // fastcgi_cache_lock
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 23, 0, 7), // fastcgi_cache_lock_age
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 23, 0, 7), // fastcgi_cache_lock_timeout
    e(0x1c, 0x2, Setter::ConfSetOffSlot, 23, 0, 7), // fastcgi_cache_max_range_offset
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 23, 0, 7), // fastcgi_cache_methods
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 23, 0, 7), // fastcgi_cache_min_uses
    e(0x4, 0x400, Setter::HttpFileCacheSetSlot, 23, 0, 7), // fastcgi_cache_path
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 23, 0, 7), // fastcgi_cache_revalidate
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 23, 0, 7), // fastcgi_cache_use_stale
    e(0x1c, 0x200, Setter::HttpFileCacheValidSetSlot, 23, 0, 7), // fastcgi_cache_valid
    e(0x1c, 0x2, Setter::ConfSetStrArraySlot, 23, 0, 7), // fastcgi_catch_stderr
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 23, 0, 7), // fastcgi_connect_timeout
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 23, 0, 7), // fastcgi_force_ranges
    e(0x1c, 0x2, Setter::ConfSetStrArraySlot, 23, 0, 7), // fastcgi_hide_header
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 23, 0, 7), // fastcgi_ignore_client_abort
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 23, 0, 7), // fastcgi_ignore_headers
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 23, 0, 7), // fastcgi_index
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 23, 0, 7), // fastcgi_intercept_errors
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 23, 0, 7), // fastcgi_keep_conn
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 23, 0, 4), // fastcgi_limit_rate
    e(0x1c, 0x2, Setter::HttpSetComplexValueSizeSlot, 23, 5, 7), // fastcgi_limit_rate
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 23, 0, 7), // fastcgi_max_temp_file_size
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 23, 0, 7), // fastcgi_next_upstream
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 23, 0, 7), // fastcgi_next_upstream_timeout
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 23, 0, 7), // fastcgi_next_upstream_tries
    e(0x1c, 0x200, Setter::HttpSetPredicateSlot, 23, 0, 7), // fastcgi_no_cache
    e(0x1c, 0xc, Setter::HttpUpstreamParamSetSlot, 23, 0, 7), // fastcgi_param
    e(0x90, 0x2, Setter::HttpFastcgiPass, 23, 0, 7), // fastcgi_pass
    e(0x1c, 0x2, Setter::ConfSetStrArraySlot, 23, 0, 7), // fastcgi_pass_header
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 23, 0, 7), // fastcgi_pass_request_body
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 23, 0, 7), // fastcgi_pass_request_headers
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 23, 0, 7), // fastcgi_read_timeout
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 23, 0, 7), // fastcgi_request_buffering
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 23, 0, 7), // fastcgi_send_lowat
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 23, 0, 7), // fastcgi_send_timeout
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 23, 0, 7), // fastcgi_socket_keepalive
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 23, 7, 7), // fastcgi_socket_rcvbuf
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 23, 7, 7), // fastcgi_socket_sndbuf
    e(0x1c, 0x2, Setter::HttpFastcgiSplitPathInfo, 23, 0, 7), // fastcgi_split_path_info
    e(0x1c, 0x2, Setter::HttpFastcgiStore, 23, 0, 7), // fastcgi_store
    e(0x1c, 0xe, Setter::ConfSetAccessSlot, 23, 0, 7), // fastcgi_store_access
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 23, 0, 7), // fastcgi_temp_file_write_size
    e(0x1c, 0x1e, Setter::ConfSetPathSlot, 23, 0, 7), // fastcgi_temp_path
    e(0x10, 0x1, Setter::HttpFlv, 24, 0, 7), // flv
    e(0x4, 0x1006, Setter::HttpGeoBlock, 25, 0, 7), // geo
    e(0x800, 0x1006, Setter::StreamGeoBlock, 90, 0, 7), // geo
    e(0x4, 0x6, Setter::HttpGeoipCity, 26, 0, 7), // geoip_city
    e(0x800, 0x6, Setter::StreamGeoipCity, 91, 0, 7), // geoip_city
    e(0x4, 0x6, Setter::HttpGeoipCountry, 26, 0, 7), // geoip_country
    e(0x800, 0x6, Setter::StreamGeoipCountry, 91, 0, 7), // geoip_country
    e(0x4, 0x6, Setter::HttpGeoipOrg, 26, 0, 7), // geoip_org
    e(0x800, 0x6, Setter::StreamGeoipOrg, 91, 0, 7), // geoip_org
    e(0x4, 0x2, Setter::HttpGeoipProxy, 26, 0, 7), // geoip_proxy
    e(0x4, 0x100, Setter::ConfSetFlagSlot, 26, 0, 7), // geoip_proxy_recursive
    e(0x1, 0x2, Setter::ConfSetStrSlot, 9, 0, 7), // google_perftools_profiles
    e(0x1c, 0x6, Setter::HttpUpstreamBindSetSlot, 27, 0, 7), // grpc_bind
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 27, 0, 7), // grpc_buffer_size
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 27, 0, 7), // grpc_connect_timeout
    e(0x1c, 0x2, Setter::ConfSetStrArraySlot, 27, 0, 7), // grpc_hide_header
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 27, 0, 7), // grpc_ignore_headers
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 27, 0, 7), // grpc_intercept_errors
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 27, 0, 7), // grpc_next_upstream
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 27, 0, 7), // grpc_next_upstream_timeout
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 27, 0, 7), // grpc_next_upstream_tries
    e(0x90, 0x2, Setter::HttpGrpcPass, 27, 0, 7), // grpc_pass
    e(0x1c, 0x2, Setter::ConfSetStrArraySlot, 27, 0, 7), // grpc_pass_header
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 27, 0, 7), // grpc_read_timeout
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 27, 0, 7), // grpc_send_timeout
    e(0x1c, 0x4, Setter::ConfSetKeyvalSlot, 27, 0, 7), // grpc_set_header
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 27, 0, 7), // grpc_socket_keepalive
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 27, 7, 7), // grpc_socket_rcvbuf
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 27, 7, 7), // grpc_socket_sndbuf
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 27, 0, 1), // grpc_ssl_certificate
    e(0x1c, 0x2, Setter::HttpSetComplexValueZeroSlot, 27, 2, 7), // grpc_ssl_certificate
    e(0x1c, 0xe, Setter::HttpGrpcSslCertificateCache, 27, 5, 7), // grpc_ssl_certificate_cache
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 27, 0, 1), // grpc_ssl_certificate_key
    e(0x1c, 0x2, Setter::HttpSetComplexValueZeroSlot, 27, 2, 7), // grpc_ssl_certificate_key
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 27, 0, 7), // grpc_ssl_ciphers
    e(0x1c, 0x4, Setter::ConfSetKeyvalSlot, 27, 1, 7), // grpc_ssl_conf_command
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 27, 0, 7), // grpc_ssl_crl
    e(0x1c, 0x2, Setter::HttpSetComplexValueSlot, 27, 0, 7), // grpc_ssl_name
    e(0x1c, 0x2, Setter::HttpGrpcSslPasswordFile, 27, 0, 7), // grpc_ssl_password_file
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 27, 0, 7), // grpc_ssl_protocols
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 27, 0, 7), // grpc_ssl_server_name
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 27, 0, 7), // grpc_ssl_session_reuse
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 27, 0, 7), // grpc_ssl_trusted_certificate
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 27, 0, 7), // grpc_ssl_verify
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 27, 0, 7), // grpc_ssl_verify_depth
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 28, 0, 7), // gunzip
    e(0x1c, 0x4, Setter::ConfSetBufsSlot, 28, 0, 7), // gunzip_buffers
    e(0x9c, 0x100, Setter::ConfSetFlagSlot, 29, 0, 7), // gzip
    e(0x1c, 0x4, Setter::ConfSetBufsSlot, 29, 0, 7), // gzip_buffers
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 29, 0, 7), // gzip_comp_level
    e(0x1c, 0x200, Setter::HttpGzipDisable, 19, 0, 7), // gzip_disable
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 29, 0, 7), // gzip_hash
    e(0x1c, 0x2, Setter::ConfSetEnumSlot, 19, 0, 7), // gzip_http_version
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 29, 0, 7), // gzip_min_length
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 29, 0, 7), // gzip_no_buffer
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 19, 0, 7), // gzip_proxied
    e(0x1c, 0x2, Setter::ConfSetEnumSlot, 30, 0, 7), // gzip_static
    e(0x1c, 0x200, Setter::HttpTypesSlot, 29, 0, 7), // gzip_types
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 19, 0, 7), // gzip_vary
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 29, 0, 7), // gzip_window
    e(0x20, 0x6, Setter::HttpUpstreamHash, 61, 0, 7), // hash
    e(0x2000, 0x6, Setter::StreamUpstreamHash, 105, 0, 7), // hash
    e(0x9c, 0x2, Setter::HttpLuaHeaderFilterByLua, 39, 255, 255), // header_filter_by_lua
    e(0x9c, 0x1001, Setter::HttpLuaHeaderFilterByLuaBlock, 39, 255, 255), // header_filter_by_lua_block
    e(0x9c, 0x2, Setter::HttpLuaHeaderFilterByLua, 39, 255, 255), // header_filter_by_lua_file
    e(0x1, 0x1001, Setter::HttpBlock, 10, 0, 7), // http
    e(0xc, 0x100, Setter::ConfSetFlagSlot, 71, 4, 7), // http2
    e(0xc, 0x2, Setter::ConfSetSizeSlot, 71, 0, 7), // http2_body_preread_size
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 71, 0, 7), // http2_chunk_size
    e(0xc, 0x2, Setter::ConfSetMsecSlot, 71, 0, 0), // http2_idle_timeout
    e(0xc, 0x2, Setter::HttpV2Obsolete, 71, 1, 7), // http2_idle_timeout
    e(0xc, 0x2, Setter::ConfSetNumSlot, 71, 0, 3), // http2_max_concurrent_pushes
    e(0xc, 0x2, Setter::HttpV2Obsolete, 71, 4, 7), // http2_max_concurrent_pushes
    e(0xc, 0x2, Setter::ConfSetNumSlot, 71, 0, 7), // http2_max_concurrent_streams
    e(0xc, 0x2, Setter::ConfSetSizeSlot, 71, 0, 0), // http2_max_field_size
    e(0xc, 0x2, Setter::HttpV2Obsolete, 71, 1, 7), // http2_max_field_size
    e(0xc, 0x2, Setter::ConfSetSizeSlot, 71, 0, 0), // http2_max_header_size
    e(0xc, 0x2, Setter::HttpV2Obsolete, 71, 1, 7), // http2_max_header_size
    e(0xc, 0x2, Setter::ConfSetNumSlot, 71, 0, 0), // http2_max_requests
    e(0xc, 0x2, Setter::HttpV2Obsolete, 71, 1, 7), // http2_max_requests
    e(0xc, 0x2, Setter::ConfSetSizeSlot, 71, 0, 7), // http2_pool_size
    e(0x1c, 0x2, Setter::HttpV2Push, 71, 0, 3), // http2_push
    e(0x1c, 0x2, Setter::HttpV2Obsolete, 71, 4, 7), // http2_push
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 71, 0, 3), // http2_push_preload
    e(0x1c, 0x100, Setter::HttpV2Obsolete, 71, 4, 7), // http2_push_preload
    e(0x4, 0x2, Setter::ConfSetSizeSlot, 71, 0, 7), // http2_recv_buffer_size
    e(0xc, 0x2, Setter::ConfSetMsecSlot, 71, 0, 0), // http2_recv_timeout
    e(0xc, 0x2, Setter::HttpV2Obsolete, 71, 1, 7), // http2_recv_timeout
    e(0xc, 0x2, Setter::ConfSetNumSlot, 71, 0, 7), // http2_streams_index_size
    e(0xc, 0x100, Setter::ConfSetFlagSlot, 72, 4, 7), // http3
    e(0xc, 0x100, Setter::ConfSetFlagSlot, 72, 4, 7), // http3_hq
    e(0xc, 0x2, Setter::ConfSetNumSlot, 72, 4, 7), // http3_max_concurrent_streams
    e(0xc, 0x2, Setter::ConfSetSizeSlot, 72, 4, 7), // http3_stream_buffer_size
    e(0x18, 0x1200, Setter::HttpRewriteIf, 49, 0, 7), // if
    e(0x1c, 0x2, Setter::ConfSetEnumSlot, 19, 0, 7), // if_modified_since
    e(0xc, 0x100, Setter::ConfSetFlagSlot, 19, 0, 7), // ignore_invalid_headers
    e(0x10, 0xe, Setter::HttpImageFilter, 32, 0, 7), // image_filter
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 32, 0, 7), // image_filter_buffer
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 32, 0, 7), // image_filter_interlace
    e(0x1c, 0x2, Setter::HttpImageFilterJpegQuality, 32, 0, 7), // image_filter_jpeg_quality
    e(0x1c, 0x2, Setter::HttpImageFilterSharpen, 32, 0, 7), // image_filter_sharpen
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 32, 0, 7), // image_filter_transparency
    e(0x1c, 0x2, Setter::HttpImageFilterWebpQuality, 32, 0, 7), // image_filter_webp_quality
    e(0x600, 0x200, Setter::ConfSetBitmaskSlot, 80, 0, 7), // imap_auth
    e(0x600, 0x200, Setter::MailCapabilities, 80, 0, 7), // imap_capabilities
    e(0x600, 0x2, Setter::ConfSetSizeSlot, 80, 0, 7), // imap_client_buffer
    e(0xffffffff, 0x2, Setter::ConfInclude, 1, 0, 7), // include
    e(0x1c, 0x200, Setter::HttpIndexSetIndex, 33, 0, 7), // index
    e(0x4, 0x2, Setter::HttpLuaInitByLua, 39, 255, 255), // init_by_lua
    e(0x4, 0x1001, Setter::HttpLuaInitByLuaBlock, 39, 255, 255), // init_by_lua_block
    e(0x4, 0x2, Setter::HttpLuaInitByLua, 39, 255, 255), // init_by_lua_file
    e(0x4, 0x2, Setter::HttpLuaInitWorkerByLua, 39, 255, 255), // init_worker_by_lua
    e(0x4, 0x1001, Setter::HttpLuaInitWorkerByLuaBlock, 39, 255, 255), // init_worker_by_lua_block
    e(0x4, 0x2, Setter::HttpLuaInitWorkerByLua, 39, 255, 255), // init_worker_by_lua_file
    e(0x10, 0x1, Setter::HttpCoreInternal, 19, 0, 7), // internal
    e(0x2, 0x2, Setter::ConfSetNumSlot, 74, 0, 7), // iocp_threads
    e(0x20, 0x1, Setter::HttpUpstreamIpHash, 62, 0, 7), // ip_hash
    e(0x190, 0x2, Setter::HttpJsAccess, 34, 255, 255), // js_access
    e(0x1800, 0x2, Setter::ConfSetStrSlot, 92, 255, 255), // js_access
    e(0x190, 0x6, Setter::HttpJsBodyFilterSet, 34, 255, 255), // js_body_filter
    e(0x190, 0x2, Setter::HttpJsContent, 34, 255, 255), // js_content
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 34, 255, 255), // js_context_reuse
    e(0x1800, 0x2, Setter::ConfSetSizeSlot, 92, 255, 255), // js_context_reuse
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 34, 255, 255), // js_context_reuse_max_size
    e(0x1800, 0x2, Setter::ConfSetSizeSlot, 92, 255, 255), // js_context_reuse_max_size
    e(0x1c, 0x2, Setter::JsEngine, 34, 255, 255), // js_engine
    e(0x1800, 0x200, Setter::JsEngine, 92, 255, 255), // js_engine
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 34, 255, 255), // js_fetch_buffer_size
    e(0x1800, 0x2, Setter::ConfSetSizeSlot, 92, 255, 255), // js_fetch_buffer_size
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 34, 255, 255), // js_fetch_ciphers
    e(0x1800, 0x2, Setter::ConfSetStrSlot, 92, 255, 255), // js_fetch_ciphers
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 34, 255, 255), // js_fetch_keepalive
    e(0x1800, 0x2, Setter::ConfSetNumSlot, 92, 255, 255), // js_fetch_keepalive
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 34, 255, 255), // js_fetch_keepalive_requests
    e(0x1800, 0x2, Setter::ConfSetNumSlot, 92, 255, 255), // js_fetch_keepalive_requests
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 34, 255, 255), // js_fetch_keepalive_time
    e(0x1800, 0x2, Setter::ConfSetMsecSlot, 92, 255, 255), // js_fetch_keepalive_time
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 34, 255, 255), // js_fetch_keepalive_timeout
    e(0x1800, 0x2, Setter::ConfSetMsecSlot, 92, 255, 255), // js_fetch_keepalive_timeout
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 34, 255, 255), // js_fetch_max_response_buffer_size
    e(0x1800, 0x2, Setter::ConfSetSizeSlot, 92, 255, 255), // js_fetch_max_response_buffer_size
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 34, 255, 255), // js_fetch_protocols
    e(0x1800, 0x200, Setter::ConfSetBitmaskSlot, 92, 255, 255), // js_fetch_protocols
    e(0x1c, 0x2, Setter::HttpJsFetchProxy, 34, 255, 255), // js_fetch_proxy
    e(0x1800, 0x2, Setter::StreamJsFetchProxy, 92, 255, 255), // js_fetch_proxy
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 34, 255, 255), // js_fetch_timeout
    e(0x1800, 0x2, Setter::ConfSetMsecSlot, 92, 255, 255), // js_fetch_timeout
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 34, 255, 255), // js_fetch_trusted_certificate
    e(0x1800, 0x2, Setter::ConfSetStrSlot, 92, 255, 255), // js_fetch_trusted_certificate
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 34, 255, 255), // js_fetch_verify
    e(0x1800, 0x100, Setter::ConfSetFlagSlot, 92, 255, 255), // js_fetch_verify
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 34, 255, 255), // js_fetch_verify_depth
    e(0x1800, 0x2, Setter::ConfSetNumSlot, 92, 255, 255), // js_fetch_verify_depth
    e(0x1800, 0x2, Setter::ConfSetStrSlot, 92, 255, 255), // js_filter
    e(0x190, 0x2, Setter::ConfSetStrSlot, 34, 255, 255), // js_header_filter
    e(0x1c, 0xa, Setter::JsImport, 34, 255, 255), // js_import
    e(0x1800, 0xa, Setter::JsImport, 92, 255, 255), // js_import
    e(0x1, 0xa, Setter::JsCoreLoadNativeModule, 34, 255, 255), // js_load_http_native_module
    e(0x1, 0xa, Setter::JsCoreLoadNativeModule, 92, 255, 255), // js_load_stream_native_module
    e(0x1c, 0x2, Setter::ConfSetStrArraySlot, 34, 255, 255), // js_path
    e(0x1800, 0x2, Setter::ConfSetStrArraySlot, 92, 255, 255), // js_path
    e(0x10, 0x800, Setter::HttpJsPeriodic, 34, 255, 255), // js_periodic
    e(0x1000, 0x800, Setter::StreamJsPeriodic, 92, 255, 255), // js_periodic
    e(0x1c, 0xa, Setter::JsPreloadObject, 34, 255, 255), // js_preload_object
    e(0x1800, 0xa, Setter::JsPreloadObject, 92, 255, 255), // js_preload_object
    e(0x1800, 0x2, Setter::ConfSetStrSlot, 92, 255, 255), // js_preread
    e(0x1c, 0xc, Setter::HttpJsSet, 34, 255, 255), // js_set
    e(0x1800, 0xc, Setter::StreamJsSet, 92, 255, 255), // js_set
    e(0x4, 0x200, Setter::HttpJsSharedDictZone, 34, 255, 255), // js_shared_dict_zone
    e(0x800, 0x200, Setter::StreamJsSharedDictZone, 92, 255, 255), // js_shared_dict_zone
    e(0x1c, 0x6, Setter::HttpJsVar, 34, 255, 255), // js_var
    e(0x1800, 0x6, Setter::StreamJsVar, 92, 255, 255), // js_var
    e(0x20, 0x2, Setter::HttpUpstreamKeepalive, 63, 0, 5), // keepalive
    e(0x20, 0x6, Setter::HttpUpstreamKeepalive, 63, 6, 7), // keepalive
    e(0x1c, 0x6, Setter::ConfSetBitmaskSlot, 19, 0, 7), // keepalive_disable
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 19, 5, 7), // keepalive_min_timeout
    e(0x20, 0x2, Setter::ConfSetNumSlot, 63, 0, 7), // keepalive_requests
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 19, 0, 7), // keepalive_requests
    e(0x20, 0x2, Setter::ConfSetMsecSlot, 63, 1, 7), // keepalive_time
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 19, 1, 7), // keepalive_time
    e(0x20, 0x2, Setter::ConfSetMsecSlot, 63, 0, 7), // keepalive_timeout
    e(0x1c, 0x6, Setter::HttpCoreKeepalive, 19, 0, 7), // keepalive_timeout
    e(0x2, 0x2, Setter::ConfSetNumSlot, 75, 0, 7), // kqueue_changes
    e(0x2, 0x2, Setter::ConfSetNumSlot, 75, 0, 7), // kqueue_events
    e(0xc, 0x4, Setter::ConfSetBufsSlot, 19, 0, 7), // large_client_header_buffers
    e(0x20, 0x1, Setter::HttpUpstreamLeastConn, 64, 0, 7), // least_conn
    e(0x2000, 0x1, Setter::StreamUpstreamLeastConn, 106, 0, 7), // least_conn
    e(0x20, 0x6, Setter::HttpUpstreamLeastTime, 65, 7, 7), // least_time
    e(0x2000, 0x6, Setter::StreamUpstreamLeastTime, 107, 7, 7), // least_time
    e(0x1c, 0x4, Setter::HttpLimitConn, 35, 0, 7), // limit_conn
    e(0x1800, 0x4, Setter::StreamLimitConn, 93, 0, 7), // limit_conn
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 35, 0, 7), // limit_conn_dry_run
    e(0x1800, 0x100, Setter::ConfSetFlagSlot, 93, 0, 7), // limit_conn_dry_run
    e(0x1c, 0x2, Setter::ConfSetEnumSlot, 35, 0, 7), // limit_conn_log_level
    e(0x1800, 0x2, Setter::ConfSetEnumSlot, 93, 0, 7), // limit_conn_log_level
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 35, 0, 7), // limit_conn_status
    e(0x4, 0x4, Setter::HttpLimitConnZone, 35, 0, 7), // limit_conn_zone
    e(0x800, 0x4, Setter::StreamLimitConnZone, 93, 0, 7), // limit_conn_zone
    e(0x10, 0x1200, Setter::HttpCoreLimitExcept, 19, 0, 7), // limit_except
    e(0x9c, 0x2, Setter::HttpSetComplexValueSizeSlot, 19, 0, 7), // limit_rate
    e(0x9c, 0x2, Setter::HttpSetComplexValueSizeSlot, 19, 0, 7), // limit_rate_after
    e(0x1c, 0xe, Setter::HttpLimitReq, 36, 0, 7), // limit_req
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 36, 0, 7), // limit_req_dry_run
    e(0x1c, 0x2, Setter::ConfSetEnumSlot, 36, 0, 7), // limit_req_log_level
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 36, 0, 7), // limit_req_status
    e(0x4, 0x8, Setter::HttpLimitReqZone, 36, 0, 7), // limit_req_zone
    e(0x1c, 0x2, Setter::ConfSetEnumSlot, 19, 0, 7), // lingering_close
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 19, 0, 7), // lingering_time
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 19, 0, 7), // lingering_timeout
    e(0x8, 0x200, Setter::HttpCoreListen, 19, 0, 7), // listen
    e(0x400, 0x200, Setter::MailCoreListen, 79, 0, 7), // listen
    e(0x1000, 0x200, Setter::StreamCoreListen, 89, 0, 7), // listen
    e(0x1, 0x2, Setter::LoadModule, 0, 0, 7), // load_module
    e(0x18, 0x1006, Setter::HttpCoreLocation, 19, 0, 7), // location
    e(0x1, 0x2, Setter::ConfSetStrSlot, 0, 0, 7), // lock_file
    e(0x9c, 0x2, Setter::HttpLuaLogByLua, 39, 255, 255), // log_by_lua
    e(0x9c, 0x1001, Setter::HttpLuaLogByLuaBlock, 39, 255, 255), // log_by_lua_block
    e(0x9c, 0x2, Setter::HttpLuaLogByLua, 39, 255, 255), // log_by_lua_file
    e(0x4, 0x400, Setter::HttpLogSetFormat, 37, 0, 7), // log_format
    e(0x800, 0x400, Setter::StreamLogSetFormat, 94, 0, 7), // log_format
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 19, 0, 7), // log_not_found
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 19, 0, 7), // log_subrequest
    e(0x4, 0x2, Setter::HttpLuaCaptureErrorLog, 39, 255, 255), // lua_capture_error_log
    e(0x9c, 0x100, Setter::ConfSetFlagSlot, 39, 255, 255), // lua_check_client_abort
    e(0x9c, 0x100, Setter::HttpLuaCodeCache, 39, 255, 255), // lua_code_cache
    e(0x4, 0x4, Setter::HttpLuaFakeShm, 38, 255, 255), // lua_fake_shm
    e(0x9c, 0x100, Setter::ConfSetFlagSlot, 39, 255, 255), // lua_http10_buffering
    e(0x4, 0x100, Setter::HttpLuaLoadRestyCore, 39, 255, 255), // lua_load_resty_core
    e(0x4, 0x2, Setter::HttpLuaMallocTrim, 39, 255, 255), // lua_malloc_trim
    e(0x4, 0x2, Setter::ConfSetNumSlot, 39, 255, 255), // lua_max_pending_timers
    e(0x4, 0x2, Setter::ConfSetNumSlot, 39, 255, 255), // lua_max_running_timers
    e(0x9c, 0x100, Setter::ConfSetFlagSlot, 39, 255, 255), // lua_need_request_body
    e(0x4, 0x2, Setter::HttpLuaPackageCpath, 39, 255, 255), // lua_package_cpath
    e(0x4, 0x2, Setter::HttpLuaPackagePath, 39, 255, 255), // lua_package_path
    e(0x4, 0x2, Setter::HttpLuaRegexCacheMaxEntries, 39, 255, 255), // lua_regex_cache_max_entries
    e(0x4, 0x2, Setter::HttpLuaRegexMatchLimit, 39, 255, 255), // lua_regex_match_limit
    e(0x4, 0x100, Setter::ConfSetFlagSlot, 39, 255, 255), // lua_sa_restart
    e(0x4, 0x4, Setter::HttpLuaSharedDict, 39, 255, 255), // lua_shared_dict
    e(0x9c, 0x2, Setter::ConfSetSizeSlot, 39, 255, 255), // lua_socket_buffer_size
    e(0x9c, 0x2, Setter::ConfSetMsecSlot, 39, 255, 255), // lua_socket_connect_timeout
    e(0x9c, 0x2, Setter::ConfSetMsecSlot, 39, 255, 255), // lua_socket_keepalive_timeout
    e(0x9c, 0x100, Setter::ConfSetFlagSlot, 39, 255, 255), // lua_socket_log_errors
    e(0x9c, 0x2, Setter::ConfSetNumSlot, 39, 255, 255), // lua_socket_pool_size
    e(0x9c, 0x2, Setter::ConfSetMsecSlot, 39, 255, 255), // lua_socket_read_timeout
    e(0x9c, 0x2, Setter::ConfSetSizeSlot, 39, 255, 255), // lua_socket_send_lowat
    e(0x9c, 0x2, Setter::ConfSetMsecSlot, 39, 255, 255), // lua_socket_send_timeout
    e(0x1c, 0x2, Setter::ConfSetStrArraySlot, 39, 255, 255), // lua_ssl_certificate
    e(0x1c, 0x2, Setter::ConfSetStrArraySlot, 39, 255, 255), // lua_ssl_certificate_key
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 39, 255, 255), // lua_ssl_ciphers
    e(0x1c, 0x4, Setter::ConfSetKeyvalSlot, 39, 255, 255), // lua_ssl_conf_command
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 39, 255, 255), // lua_ssl_crl
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 39, 255, 255), // lua_ssl_key_log
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 39, 255, 255), // lua_ssl_protocols
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 39, 255, 255), // lua_ssl_trusted_certificate
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 39, 255, 255), // lua_ssl_verify_depth
    e(0x4, 0x2, Setter::ConfSetNumSlot, 39, 255, 255), // lua_thread_cache_max_entries
    e(0x9c, 0x100, Setter::ConfSetFlagSlot, 39, 255, 255), // lua_transform_underscores_in_response_headers
    e(0x90, 0x100, Setter::ConfSetFlagSlot, 39, 255, 255), // lua_upstream_skip_openssl_default_verify
    e(0x9c, 0x100, Setter::ConfSetFlagSlot, 39, 255, 255), // lua_use_default_type
    e(0x4, 0x2, Setter::ConfSetNumSlot, 39, 255, 255), // lua_worker_thread_vm_pool_size
    e(0x1, 0x1001, Setter::MailBlock, 77, 0, 7), // mail
    e(0x4, 0x1004, Setter::HttpMapBlock, 40, 0, 7), // map
    e(0x800, 0x1004, Setter::StreamMapBlock, 95, 0, 7), // map
    e(0x4, 0x2, Setter::ConfSetNumSlot, 40, 0, 7), // map_hash_bucket_size
    e(0x800, 0x2, Setter::ConfSetNumSlot, 95, 0, 7), // map_hash_bucket_size
    e(0x4, 0x2, Setter::ConfSetNumSlot, 40, 0, 7), // map_hash_max_size
    e(0x800, 0x2, Setter::ConfSetNumSlot, 95, 0, 7), // map_hash_max_size
    e(0x1, 0x100, Setter::ConfSetFlagSlot, 0, 0, 7), // master_process
    e(0x600, 0x2, Setter::ConfSetNumSlot, 79, 2, 7), // max_errors
    e(0xc, 0x2, Setter::ConfSetNumSlot, 19, 2, 7), // max_headers
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 19, 0, 7), // max_ranges
    e(0x1c, 0x6, Setter::HttpUpstreamBindSetSlot, 41, 0, 7), // memcached_bind
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 41, 0, 7), // memcached_buffer_size
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 41, 0, 7), // memcached_connect_timeout
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 41, 0, 7), // memcached_gzip_flag
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 41, 0, 7), // memcached_next_upstream
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 41, 0, 7), // memcached_next_upstream_timeout
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 41, 0, 7), // memcached_next_upstream_tries
    e(0x90, 0x2, Setter::HttpMemcachedPass, 41, 0, 7), // memcached_pass
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 41, 0, 7), // memcached_read_timeout
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 41, 0, 7), // memcached_send_timeout
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 41, 0, 7), // memcached_socket_keepalive
    e(0xc, 0x100, Setter::ConfSetFlagSlot, 19, 0, 7), // merge_slashes
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 20, 0, 7), // min_delete_depth
    e(0x1c, 0x2, Setter::HttpMirror, 42, 0, 7), // mirror
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 42, 0, 7), // mirror_request_body
    e(0x1c, 0x6, Setter::HttpModernBrowser, 16, 0, 7), // modern_browser
    e(0x1c, 0x2, Setter::HttpModernBrowserValue, 16, 0, 7), // modern_browser_value
    e(0x10, 0x1, Setter::HttpMp4, 43, 0, 7), // mp4
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 43, 0, 7), // mp4_buffer_size
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 43, 0, 7), // mp4_max_buffer_size
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 43, 2, 7), // mp4_start_key_frame
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 19, 0, 7), // msie_padding
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 19, 0, 7), // msie_refresh
    e(0x2, 0x100, Setter::ConfSetFlagSlot, 4, 0, 7), // multi_accept
    e(0x1c, 0x6, Setter::HttpCoreOpenFileCache, 19, 0, 7), // open_file_cache
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 19, 0, 7), // open_file_cache_errors
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 19, 0, 7), // open_file_cache_events
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 19, 0, 7), // open_file_cache_min_uses
    e(0x1c, 0x2, Setter::ConfSetSecSlot, 19, 0, 7), // open_file_cache_valid
    e(0x1c, 0x1e, Setter::HttpLogOpenFileCache, 37, 0, 7), // open_log_file_cache
    e(0x1800, 0x1e, Setter::StreamLogOpenFileCache, 94, 0, 7), // open_log_file_cache
    e(0x1c, 0x4, Setter::ConfSetBufsSlot, 18, 0, 7), // output_buffers
    e(0x9c, 0x100, Setter::ConfSetFlagSlot, 17, 0, 7), // override_charset
    e(0x1000, 0x2, Setter::StreamPass, 96, 4, 7), // pass
    e(0x1, 0x100, Setter::ConfSetFlagSlot, 86, 0, 7), // pcre_jit
    e(0x110, 0x2, Setter::HttpPerl, 44, 0, 7), // perl
    e(0x4, 0x2, Setter::ConfSetStrArraySlot, 44, 0, 7), // perl_modules
    e(0x4, 0x2, Setter::ConfSetStrArraySlot, 44, 0, 7), // perl_require
    e(0x4, 0x4, Setter::HttpPerlSet, 44, 0, 7), // perl_set
    e(0x1, 0x2, Setter::ConfSetStrSlot, 0, 0, 7), // pid
    e(0x600, 0x200, Setter::ConfSetBitmaskSlot, 81, 0, 7), // pop3_auth
    e(0x600, 0x200, Setter::MailCapabilities, 81, 0, 7), // pop3_capabilities
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 19, 0, 7), // port_in_redirect
    e(0x2, 0x2, Setter::ConfSetNumSlot, 74, 0, 7), // post_acceptex
    e(0x9c, 0x2, Setter::ConfSetStrSlot, 19, 0, 7), // post_action
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 29, 0, 7), // postpone_gzipping
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 19, 0, 7), // postpone_output
    e(0x9c, 0x1001, Setter::HttpLuaPrecontentByLuaBlock, 39, 255, 255), // precontent_by_lua_block
    e(0x9c, 0x2, Setter::HttpLuaPrecontentByLua, 39, 255, 255), // precontent_by_lua_file
    e(0x4, 0x100, Setter::ConfSetFlagSlot, 39, 255, 255), // precontent_by_lua_no_postpone
    e(0x1800, 0x2, Setter::ConfSetSizeSlot, 89, 0, 7), // preread_buffer_size
    e(0x1800, 0x2, Setter::ConfSetMsecSlot, 89, 0, 7), // preread_timeout
    e(0x400, 0x2, Setter::MailCoreProtocol, 79, 0, 7), // protocol
    e(0x600, 0x100, Setter::ConfSetFlagSlot, 82, 0, 7), // proxy
    e(0x1c, 0x6, Setter::HttpUpstreamBindSetSlot, 45, 0, 7), // proxy_bind
    e(0x1800, 0x6, Setter::StreamProxyBind, 97, 0, 7), // proxy_bind
    e(0x600, 0x2, Setter::ConfSetSizeSlot, 82, 0, 7), // proxy_buffer
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 45, 0, 7), // proxy_buffer_size
    e(0x1800, 0x2, Setter::ConfSetSizeSlot, 97, 0, 7), // proxy_buffer_size
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 45, 0, 7), // proxy_buffering
    e(0x1c, 0x4, Setter::ConfSetBufsSlot, 45, 0, 7), // proxy_buffers
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 45, 0, 7), // proxy_busy_buffers_size
    e(0x1c, 0x2, Setter::HttpProxyCache, 45, 0, 7), // proxy_cache
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 45, 0, 7), // proxy_cache_background_update
    e(0x1c, 0x200, Setter::HttpSetPredicateSlot, 45, 0, 7), // proxy_cache_bypass
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 45, 0, 7), // proxy_cache_convert_head
    e(0x1c, 0x2, Setter::HttpProxyCacheKey, 45, 0, 7), // proxy_cache_key
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 45, 0, 7), // proxy_cache_lock
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 45, 0, 7), // proxy_cache_lock_age
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 45, 0, 7), // proxy_cache_lock_timeout
    e(0x1c, 0x2, Setter::ConfSetOffSlot, 45, 0, 7), // proxy_cache_max_range_offset
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 45, 0, 7), // proxy_cache_methods
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 45, 0, 7), // proxy_cache_min_uses
    e(0x4, 0x400, Setter::HttpFileCacheSetSlot, 45, 0, 7), // proxy_cache_path
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 45, 0, 7), // proxy_cache_revalidate
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 45, 0, 7), // proxy_cache_use_stale
    e(0x1c, 0x200, Setter::HttpFileCacheValidSetSlot, 45, 0, 7), // proxy_cache_valid
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 45, 0, 7), // proxy_connect_timeout
    e(0x1800, 0x2, Setter::ConfSetMsecSlot, 97, 0, 7), // proxy_connect_timeout
    e(0x1c, 0x6, Setter::HttpProxyCookieDomain, 45, 0, 7), // proxy_cookie_domain
    e(0x1c, 0x1e, Setter::HttpProxyCookieFlags, 45, 1, 7), // proxy_cookie_flags
    e(0x1c, 0x6, Setter::HttpProxyCookiePath, 45, 0, 7), // proxy_cookie_path
    e(0x1800, 0x2, Setter::StreamSetComplexValueSizeSlot, 97, 0, 7), // proxy_download_rate
    e(0x1800, 0x2, Setter::ConfSetSizeSlot, 97, 0, 7), // proxy_downstream_buffer
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 45, 0, 7), // proxy_force_ranges
    e(0x1800, 0x100, Setter::ConfSetFlagSlot, 97, 2, 7), // proxy_half_close
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 45, 0, 7), // proxy_headers_hash_bucket_size
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 45, 0, 7), // proxy_headers_hash_max_size
    e(0x1c, 0x2, Setter::ConfSetStrArraySlot, 45, 0, 7), // proxy_hide_header
    e(0x1c, 0x2, Setter::ConfSetEnumSlot, 45, 0, 7), // proxy_http_version
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 45, 0, 7), // proxy_ignore_client_abort
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 45, 0, 7), // proxy_ignore_headers
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 45, 0, 7), // proxy_intercept_errors
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 45, 0, 4), // proxy_limit_rate
    e(0x1c, 0x2, Setter::HttpSetComplexValueSizeSlot, 45, 5, 7), // proxy_limit_rate
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 45, 0, 7), // proxy_max_temp_file_size
    e(0x1c, 0x2, Setter::HttpSetComplexValueSlot, 45, 0, 7), // proxy_method
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 45, 0, 7), // proxy_next_upstream
    e(0x1800, 0x100, Setter::ConfSetFlagSlot, 97, 0, 7), // proxy_next_upstream
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 45, 0, 7), // proxy_next_upstream_timeout
    e(0x1800, 0x2, Setter::ConfSetMsecSlot, 97, 0, 7), // proxy_next_upstream_timeout
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 45, 0, 7), // proxy_next_upstream_tries
    e(0x1800, 0x2, Setter::ConfSetNumSlot, 97, 0, 7), // proxy_next_upstream_tries
    e(0x1c, 0x200, Setter::HttpSetPredicateSlot, 45, 0, 7), // proxy_no_cache
    e(0x190, 0x2, Setter::HttpProxyPass, 45, 0, 7), // proxy_pass
    e(0x1000, 0x2, Setter::StreamProxyPass, 97, 0, 7), // proxy_pass
    e(0x600, 0x100, Setter::ConfSetFlagSlot, 82, 0, 7), // proxy_pass_error_message
    e(0x1c, 0x2, Setter::ConfSetStrArraySlot, 45, 0, 7), // proxy_pass_header
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 45, 0, 7), // proxy_pass_request_body
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 45, 0, 7), // proxy_pass_request_headers
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 45, 5, 7), // proxy_pass_trailers
    e(0x600, 0x100, Setter::ConfSetFlagSlot, 82, 1, 6), // proxy_protocol
    e(0x600, 0x2, Setter::ConfSetEnumSlot, 82, 7, 7), // proxy_protocol
    e(0x1800, 0x100, Setter::ConfSetFlagSlot, 97, 0, 6), // proxy_protocol
    e(0x1800, 0x2, Setter::ConfSetEnumSlot, 97, 7, 7), // proxy_protocol
    e(0x1800, 0x2, Setter::ConfSetMsecSlot, 89, 0, 7), // proxy_protocol_timeout
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 45, 0, 7), // proxy_read_timeout
    e(0x1c, 0x6, Setter::HttpProxyRedirect, 45, 0, 7), // proxy_redirect
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 45, 0, 7), // proxy_request_buffering
    e(0x1800, 0x2, Setter::ConfSetNumSlot, 97, 0, 7), // proxy_requests
    e(0x1800, 0x2, Setter::ConfSetNumSlot, 97, 0, 7), // proxy_responses
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 45, 0, 7), // proxy_send_lowat
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 45, 0, 7), // proxy_send_timeout
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 45, 0, 7), // proxy_set_body
    e(0x1c, 0x4, Setter::ConfSetKeyvalSlot, 45, 0, 7), // proxy_set_header
    e(0x600, 0x100, Setter::ConfSetFlagSlot, 82, 1, 7), // proxy_smtp_auth
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 45, 0, 7), // proxy_socket_keepalive
    e(0x1800, 0x100, Setter::ConfSetFlagSlot, 97, 0, 7), // proxy_socket_keepalive
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 45, 7, 7), // proxy_socket_rcvbuf
    e(0x1800, 0x2, Setter::ConfSetSizeSlot, 97, 7, 7), // proxy_socket_rcvbuf
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 45, 7, 7), // proxy_socket_sndbuf
    e(0x1800, 0x2, Setter::ConfSetSizeSlot, 97, 7, 7), // proxy_socket_sndbuf
    e(0x1800, 0x100, Setter::ConfSetFlagSlot, 97, 0, 7), // proxy_ssl
    e(0x1800, 0x200, Setter::StreamProxySslAlpnSetSlot, 97, 7, 7), // proxy_ssl_alpn
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 45, 0, 1), // proxy_ssl_certificate
    e(0x1c, 0x2, Setter::HttpSetComplexValueZeroSlot, 45, 2, 7), // proxy_ssl_certificate
    e(0x1800, 0x2, Setter::ConfSetStrSlot, 97, 0, 1), // proxy_ssl_certificate
    e(0x1800, 0x2, Setter::StreamSetComplexValueZeroSlot, 97, 2, 7), // proxy_ssl_certificate
    e(0x90, 0x1001, Setter::HttpLuaProxySslCertByLuaBlock, 39, 255, 255), // proxy_ssl_certificate_by_lua_block
    e(0x90, 0x2, Setter::HttpLuaProxySslCertByLua, 39, 255, 255), // proxy_ssl_certificate_by_lua_file
    e(0x1c, 0xe, Setter::HttpProxySslCertificateCache, 45, 5, 7), // proxy_ssl_certificate_cache
    e(0x1800, 0xe, Setter::StreamProxySslCertificateCache, 97, 5, 7), // proxy_ssl_certificate_cache
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 45, 0, 1), // proxy_ssl_certificate_key
    e(0x1c, 0x2, Setter::HttpSetComplexValueZeroSlot, 45, 2, 7), // proxy_ssl_certificate_key
    e(0x1800, 0x2, Setter::ConfSetStrSlot, 97, 0, 1), // proxy_ssl_certificate_key
    e(0x1800, 0x2, Setter::StreamSetComplexValueZeroSlot, 97, 2, 7), // proxy_ssl_certificate_key
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 45, 0, 7), // proxy_ssl_ciphers
    e(0x1800, 0x2, Setter::ConfSetStrSlot, 97, 0, 7), // proxy_ssl_ciphers
    e(0x1c, 0x4, Setter::ConfSetKeyvalSlot, 45, 1, 7), // proxy_ssl_conf_command
    e(0x1800, 0x4, Setter::ConfSetKeyvalSlot, 97, 1, 7), // proxy_ssl_conf_command
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 45, 0, 7), // proxy_ssl_crl
    e(0x1800, 0x2, Setter::ConfSetStrSlot, 97, 0, 7), // proxy_ssl_crl
    e(0x1c, 0x2, Setter::HttpSetComplexValueSlot, 45, 0, 7), // proxy_ssl_name
    e(0x1800, 0x2, Setter::StreamSetComplexValueSlot, 97, 0, 7), // proxy_ssl_name
    e(0x1c, 0x2, Setter::HttpProxySslPasswordFile, 45, 0, 7), // proxy_ssl_password_file
    e(0x1800, 0x2, Setter::StreamProxySslPasswordFile, 97, 0, 7), // proxy_ssl_password_file
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 45, 0, 7), // proxy_ssl_protocols
    e(0x1800, 0x200, Setter::ConfSetBitmaskSlot, 97, 0, 7), // proxy_ssl_protocols
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 45, 0, 7), // proxy_ssl_server_name
    e(0x1800, 0x100, Setter::ConfSetFlagSlot, 97, 0, 7), // proxy_ssl_server_name
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 45, 0, 7), // proxy_ssl_session_reuse
    e(0x1800, 0x100, Setter::ConfSetFlagSlot, 97, 0, 7), // proxy_ssl_session_reuse
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 45, 0, 7), // proxy_ssl_trusted_certificate
    e(0x1800, 0x2, Setter::ConfSetStrSlot, 97, 0, 7), // proxy_ssl_trusted_certificate
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 45, 0, 7), // proxy_ssl_verify
    e(0x1800, 0x100, Setter::ConfSetFlagSlot, 97, 0, 7), // proxy_ssl_verify
    e(0x90, 0x1001, Setter::HttpLuaProxySslVerifyByLuaBlock, 39, 255, 255), // proxy_ssl_verify_by_lua_block
    e(0x90, 0x2, Setter::HttpLuaProxySslVerifyByLua, 39, 255, 255), // proxy_ssl_verify_by_lua_file
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 45, 0, 7), // proxy_ssl_verify_depth
    e(0x1800, 0x2, Setter::ConfSetNumSlot, 97, 0, 7), // proxy_ssl_verify_depth
    e(0x1c, 0x2, Setter::HttpProxyStore, 45, 0, 7), // proxy_store
    e(0x1c, 0xe, Setter::ConfSetAccessSlot, 45, 0, 7), // proxy_store_access
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 45, 0, 7), // proxy_temp_file_write_size
    e(0x1c, 0x1e, Setter::ConfSetPathSlot, 45, 0, 7), // proxy_temp_path
    e(0x600, 0x2, Setter::ConfSetMsecSlot, 82, 0, 7), // proxy_timeout
    e(0x1800, 0x2, Setter::ConfSetMsecSlot, 97, 0, 7), // proxy_timeout
    e(0x1800, 0x2, Setter::StreamSetComplexValueSizeSlot, 97, 0, 7), // proxy_upload_rate
    e(0x1800, 0x2, Setter::ConfSetSizeSlot, 97, 0, 7), // proxy_upstream_buffer
    e(0xc, 0x2, Setter::ConfSetNumSlot, 72, 4, 7), // quic_active_connection_id_limit
    e(0x1, 0x100, Setter::ConfSetFlagSlot, 7, 4, 7), // quic_bpf
    e(0xc, 0x100, Setter::ConfSetFlagSlot, 72, 4, 7), // quic_gso
    e(0xc, 0x2, Setter::HttpQuicHostKey, 72, 4, 7), // quic_host_key
    e(0xc, 0x100, Setter::ConfSetFlagSlot, 72, 4, 7), // quic_retry
    e(0x20, 0x7, Setter::HttpUpstreamRandom, 66, 0, 7), // random
    e(0x2000, 0x7, Setter::StreamUpstreamRandom, 108, 0, 7), // random
    e(0x10, 0x100, Setter::ConfSetFlagSlot, 46, 0, 7), // random_index
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 19, 0, 7), // read_ahead
    e(0x1c, 0x2, Setter::HttpRealip, 47, 0, 7), // real_ip_header
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 47, 0, 7), // real_ip_recursive
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 19, 0, 7), // recursive_error_pages
    e(0x18, 0x2, Setter::ConfSetNumSlot, 48, 0, 7), // referer_hash_bucket_size
    e(0x18, 0x2, Setter::ConfSetNumSlot, 48, 0, 7), // referer_hash_max_size
    e(0xc, 0x2, Setter::ConfSetSizeSlot, 19, 0, 7), // request_pool_size
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 19, 0, 7), // reset_timedout_connection
    e(0x1c, 0x200, Setter::HttpCoreResolver, 19, 0, 7), // resolver
    e(0x20, 0x200, Setter::HttpUpstreamResolver, 60, 5, 7), // resolver
    e(0x600, 0x200, Setter::MailCoreResolver, 79, 0, 7), // resolver
    e(0x1800, 0x200, Setter::StreamCoreResolver, 89, 0, 7), // resolver
    e(0x2000, 0x200, Setter::StreamUpstreamResolver, 104, 5, 7), // resolver
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 19, 0, 7), // resolver_timeout
    e(0x20, 0x2, Setter::ConfSetMsecSlot, 60, 5, 7), // resolver_timeout
    e(0x600, 0x2, Setter::ConfSetMsecSlot, 79, 0, 7), // resolver_timeout
    e(0x1800, 0x2, Setter::ConfSetMsecSlot, 89, 0, 7), // resolver_timeout
    e(0x2000, 0x2, Setter::ConfSetMsecSlot, 104, 5, 7), // resolver_timeout
    e(0xd8, 0x6, Setter::HttpRewriteReturn, 49, 0, 7), // return
    e(0x1000, 0x2, Setter::StreamReturn, 99, 0, 7), // return
    e(0xd8, 0xc, Setter::HttpRewrite, 49, 0, 7), // rewrite
    e(0x9c, 0x2, Setter::HttpLuaRewriteByLua, 39, 255, 255), // rewrite_by_lua
    e(0x9c, 0x1001, Setter::HttpLuaRewriteByLuaBlock, 39, 255, 255), // rewrite_by_lua_block
    e(0x9c, 0x2, Setter::HttpLuaRewriteByLua, 39, 255, 255), // rewrite_by_lua_file
    e(0x4, 0x100, Setter::ConfSetFlagSlot, 39, 255, 255), // rewrite_by_lua_no_postpone
    e(0xdc, 0x100, Setter::ConfSetFlagSlot, 49, 0, 7), // rewrite_log
    e(0x9c, 0x2, Setter::HttpCoreRoot, 19, 0, 7), // root
    e(0x1c, 0x2, Setter::ConfSetEnumSlot, 19, 0, 7), // satisfy
    e(0x1c, 0x6, Setter::HttpUpstreamBindSetSlot, 50, 0, 7), // scgi_bind
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 50, 0, 7), // scgi_buffer_size
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 50, 0, 7), // scgi_buffering
    e(0x1c, 0x4, Setter::ConfSetBufsSlot, 50, 0, 7), // scgi_buffers
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 50, 0, 7), // scgi_busy_buffers_size
    e(0x1c, 0x2, Setter::HttpScgiCache, 50, 0, 7), // scgi_cache
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 50, 0, 7), // scgi_cache_background_update
    e(0x1c, 0x200, Setter::HttpSetPredicateSlot, 50, 0, 7), // scgi_cache_bypass
    e(0x1c, 0x2, Setter::HttpScgiCacheKey, 50, 0, 7), // scgi_cache_key
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 50, 0, 7), // scgi_cache_lock
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 50, 0, 7), // scgi_cache_lock_age
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 50, 0, 7), // scgi_cache_lock_timeout
    e(0x1c, 0x2, Setter::ConfSetOffSlot, 50, 0, 7), // scgi_cache_max_range_offset
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 50, 0, 7), // scgi_cache_methods
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 50, 0, 7), // scgi_cache_min_uses
    e(0x4, 0x400, Setter::HttpFileCacheSetSlot, 50, 0, 7), // scgi_cache_path
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 50, 0, 7), // scgi_cache_revalidate
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 50, 0, 7), // scgi_cache_use_stale
    e(0x1c, 0x200, Setter::HttpFileCacheValidSetSlot, 50, 0, 7), // scgi_cache_valid
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 50, 0, 7), // scgi_connect_timeout
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 50, 0, 7), // scgi_force_ranges
    e(0x1c, 0x2, Setter::ConfSetStrArraySlot, 50, 0, 7), // scgi_hide_header
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 50, 0, 7), // scgi_ignore_client_abort
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 50, 0, 7), // scgi_ignore_headers
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 50, 0, 7), // scgi_intercept_errors
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 50, 0, 4), // scgi_limit_rate
    e(0x1c, 0x2, Setter::HttpSetComplexValueSizeSlot, 50, 5, 7), // scgi_limit_rate
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 50, 0, 7), // scgi_max_temp_file_size
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 50, 0, 7), // scgi_next_upstream
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 50, 0, 7), // scgi_next_upstream_timeout
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 50, 0, 7), // scgi_next_upstream_tries
    e(0x1c, 0x200, Setter::HttpSetPredicateSlot, 50, 0, 7), // scgi_no_cache
    e(0x1c, 0xc, Setter::HttpUpstreamParamSetSlot, 50, 0, 7), // scgi_param
    e(0x90, 0x2, Setter::HttpScgiPass, 50, 0, 7), // scgi_pass
    e(0x1c, 0x2, Setter::ConfSetStrArraySlot, 50, 0, 7), // scgi_pass_header
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 50, 0, 7), // scgi_pass_request_body
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 50, 0, 7), // scgi_pass_request_headers
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 50, 0, 7), // scgi_read_timeout
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 50, 0, 7), // scgi_request_buffering
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 50, 0, 7), // scgi_send_timeout
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 50, 0, 7), // scgi_socket_keepalive
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 50, 7, 7), // scgi_socket_rcvbuf
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 50, 7, 7), // scgi_socket_sndbuf
    e(0x1c, 0x2, Setter::HttpScgiStore, 50, 0, 7), // scgi_store
    e(0x1c, 0xe, Setter::ConfSetAccessSlot, 50, 0, 7), // scgi_store_access
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 50, 0, 7), // scgi_temp_file_write_size
    e(0x1c, 0x1e, Setter::ConfSetPathSlot, 50, 0, 7), // scgi_temp_path
    e(0x1c, 0x2, Setter::HttpSetComplexValueSlot, 51, 0, 7), // secure_link
    e(0x1c, 0x2, Setter::HttpSetComplexValueSlot, 51, 0, 7), // secure_link_md5
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 51, 0, 7), // secure_link_secret
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 19, 0, 7), // send_lowat
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 19, 0, 7), // send_timeout
    e(0x9c, 0x100, Setter::ConfSetFlagSlot, 19, 0, 7), // sendfile
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 19, 0, 7), // sendfile_max_chunk
    e(0x4, 0x1001, Setter::HttpCoreServer, 19, 0, 7), // server
    e(0x20, 0x200, Setter::HttpUpstreamServer, 60, 0, 7), // server
    e(0x200, 0x1001, Setter::MailCoreServer, 79, 0, 7), // server
    e(0x800, 0x1001, Setter::StreamCoreServer, 89, 0, 7), // server
    e(0x2000, 0x200, Setter::StreamUpstreamServer, 104, 0, 7), // server
    e(0x8, 0x200, Setter::HttpCoreServerName, 19, 0, 7), // server_name
    e(0x600, 0x2, Setter::ConfSetStrSlot, 79, 0, 7), // server_name
    e(0x1000, 0x200, Setter::StreamCoreServerName, 89, 4, 7), // server_name
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 19, 0, 7), // server_name_in_redirect
    e(0x4, 0x2, Setter::ConfSetNumSlot, 19, 0, 7), // server_names_hash_bucket_size
    e(0x800, 0x2, Setter::ConfSetNumSlot, 89, 4, 7), // server_names_hash_bucket_size
    e(0x4, 0x2, Setter::ConfSetNumSlot, 19, 0, 7), // server_names_hash_max_size
    e(0x800, 0x2, Setter::ConfSetNumSlot, 89, 4, 7), // server_names_hash_max_size
    e(0xc, 0x1001, Setter::HttpLuaServerRewriteByLuaBlock, 39, 255, 255), // server_rewrite_by_lua_block
    e(0xc, 0x2, Setter::HttpLuaServerRewriteByLua, 39, 255, 255), // server_rewrite_by_lua_file
    e(0x1c, 0x2, Setter::ConfSetEnumSlot, 19, 0, 7), // server_tokens
    e(0xd8, 0x4, Setter::HttpRewriteSet, 49, 0, 7), // set
    e(0x1000, 0x4, Setter::StreamSet, 100, 1, 7), // set
    e(0xd8, 0x400, Setter::HttpLuaSetByLua, 39, 255, 255), // set_by_lua
    e(0xd8, 0x1002, Setter::HttpLuaSetByLuaBlock, 39, 255, 255), // set_by_lua_block
    e(0xd8, 0x400, Setter::HttpLuaSetByLuaFile, 39, 255, 255), // set_by_lua_file
    e(0x1c, 0x2, Setter::HttpRealipFrom, 47, 0, 7), // set_real_ip_from
    e(0x600, 0x2, Setter::MailRealipFrom, 83, 1, 7), // set_real_ip_from
    e(0x1800, 0x2, Setter::StreamRealipFrom, 98, 0, 7), // set_real_ip_from
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 52, 0, 7), // slice
    e(0x600, 0x200, Setter::ConfSetBitmaskSlot, 84, 0, 7), // smtp_auth
    e(0x600, 0x200, Setter::MailCapabilities, 84, 0, 7), // smtp_capabilities
    e(0x600, 0x2, Setter::ConfSetSizeSlot, 84, 0, 7), // smtp_client_buffer
    e(0x600, 0x2, Setter::ConfSetMsecSlot, 84, 0, 7), // smtp_greeting_delay
    e(0x9c, 0x2, Setter::HttpSetCharsetSlot, 17, 0, 7), // source_charset
    e(0x1c, 0x2, Setter::HttpV2SpdyDeprecated, 71, 0, 0), // spdy_chunk_size
    e(0xc, 0x2, Setter::HttpV2SpdyDeprecated, 71, 0, 0), // spdy_headers_comp
    e(0xc, 0x2, Setter::HttpV2SpdyDeprecated, 71, 0, 0), // spdy_keepalive_timeout
    e(0xc, 0x2, Setter::HttpV2SpdyDeprecated, 71, 0, 0), // spdy_max_concurrent_streams
    e(0xc, 0x2, Setter::HttpV2SpdyDeprecated, 71, 0, 0), // spdy_pool_size
    e(0x4, 0x2, Setter::HttpV2SpdyDeprecated, 71, 0, 0), // spdy_recv_buffer_size
    e(0xc, 0x2, Setter::HttpV2SpdyDeprecated, 71, 0, 0), // spdy_recv_timeout
    e(0xc, 0x2, Setter::HttpV2SpdyDeprecated, 71, 0, 0), // spdy_streams_index_size
    e(0x4, 0x1004, Setter::ConfSplitClientsBlock, 53, 0, 7), // split_clients
    e(0x800, 0x1004, Setter::ConfSplitClientsBlock, 101, 0, 7), // split_clients
    e(0x9c, 0x100, Setter::ConfSetFlagSlot, 54, 0, 7), // ssi
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 54, 0, 7), // ssi_ignore_recycled_buffers
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 54, 0, 7), // ssi_last_modified
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 54, 0, 7), // ssi_min_file_chunk
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 54, 0, 7), // ssi_silent_errors
    e(0x1c, 0x200, Setter::HttpTypesSlot, 54, 0, 7), // ssi_types
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 54, 0, 7), // ssi_value_length
    e(0xc, 0x100, Setter::HttpSslEnable, 55, 0, 3), // ssl
    e(0x600, 0x100, Setter::MailSslEnable, 85, 0, 3), // ssl
    e(0x1800, 0x200, Setter::StreamSslAlpn, 102, 2, 7), // ssl_alpn
    e(0xc, 0x2, Setter::ConfSetSizeSlot, 55, 0, 7), // ssl_buffer_size
    e(0xc, 0x2, Setter::ConfSetStrArraySlot, 55, 0, 7), // ssl_certificate
    e(0x600, 0x2, Setter::ConfSetStrArraySlot, 85, 0, 7), // ssl_certificate
    e(0x1800, 0x2, Setter::ConfSetStrArraySlot, 102, 0, 7), // ssl_certificate
    e(0xc, 0x1001, Setter::HttpLuaSslCertByLuaBlock, 39, 255, 255), // ssl_certificate_by_lua_block
    e(0xc, 0x2, Setter::HttpLuaSslCertByLua, 39, 255, 255), // ssl_certificate_by_lua_file
    e(0xc, 0xe, Setter::HttpSslCertificateCache, 55, 5, 7), // ssl_certificate_cache
    e(0x1800, 0xe, Setter::StreamSslCertificateCache, 102, 5, 7), // ssl_certificate_cache
    e(0xc, 0x100, Setter::ConfSetFlagSlot, 55, 6, 7), // ssl_certificate_compression
    e(0x600, 0x100, Setter::ConfSetFlagSlot, 85, 6, 7), // ssl_certificate_compression
    e(0x1800, 0x100, Setter::ConfSetFlagSlot, 102, 6, 7), // ssl_certificate_compression
    e(0xc, 0x2, Setter::ConfSetStrArraySlot, 55, 0, 7), // ssl_certificate_key
    e(0x600, 0x2, Setter::ConfSetStrArraySlot, 85, 0, 7), // ssl_certificate_key
    e(0x1800, 0x2, Setter::ConfSetStrArraySlot, 102, 0, 7), // ssl_certificate_key
    e(0xc, 0x2, Setter::ConfSetStrSlot, 55, 0, 7), // ssl_ciphers
    e(0x600, 0x2, Setter::ConfSetStrSlot, 85, 0, 7), // ssl_ciphers
    e(0x1800, 0x2, Setter::ConfSetStrSlot, 102, 0, 7), // ssl_ciphers
    e(0xc, 0x2, Setter::ConfSetStrSlot, 55, 0, 7), // ssl_client_certificate
    e(0x600, 0x2, Setter::ConfSetStrSlot, 85, 0, 7), // ssl_client_certificate
    e(0x1800, 0x2, Setter::ConfSetStrSlot, 102, 0, 7), // ssl_client_certificate
    e(0xc, 0x1001, Setter::HttpLuaSslClientHelloByLuaBlock, 39, 255, 255), // ssl_client_hello_by_lua_block
    e(0xc, 0x2, Setter::HttpLuaSslClientHelloByLua, 39, 255, 255), // ssl_client_hello_by_lua_file
    e(0xc, 0x4, Setter::ConfSetKeyvalSlot, 55, 1, 7), // ssl_conf_command
    e(0x600, 0x4, Setter::ConfSetKeyvalSlot, 85, 1, 7), // ssl_conf_command
    e(0x1800, 0x4, Setter::ConfSetKeyvalSlot, 102, 1, 7), // ssl_conf_command
    e(0xc, 0x2, Setter::ConfSetStrSlot, 55, 0, 7), // ssl_crl
    e(0x600, 0x2, Setter::ConfSetStrSlot, 85, 0, 7), // ssl_crl
    e(0x1800, 0x2, Setter::ConfSetStrSlot, 102, 0, 7), // ssl_crl
    e(0xc, 0x2, Setter::ConfSetStrSlot, 55, 0, 7), // ssl_dhparam
    e(0x600, 0x2, Setter::ConfSetStrSlot, 85, 0, 7), // ssl_dhparam
    e(0x1800, 0x2, Setter::ConfSetStrSlot, 102, 0, 7), // ssl_dhparam
    e(0xc, 0x100, Setter::ConfSetFlagSlot, 55, 0, 7), // ssl_early_data
    e(0xc, 0x2, Setter::ConfSetStrSlot, 55, 0, 7), // ssl_ecdh_curve
    e(0x600, 0x2, Setter::ConfSetStrSlot, 85, 0, 7), // ssl_ecdh_curve
    e(0x1800, 0x2, Setter::ConfSetStrSlot, 102, 0, 7), // ssl_ecdh_curve
    e(0xc, 0x2, Setter::ConfSetStrArraySlot, 55, 6, 7), // ssl_ech_file
    e(0x1800, 0x2, Setter::ConfSetStrArraySlot, 102, 6, 7), // ssl_ech_file
    e(0x1, 0x2, Setter::OpensslEngine, 5, 0, 7), // ssl_engine
    e(0x1800, 0x2, Setter::ConfSetMsecSlot, 102, 0, 7), // ssl_handshake_timeout
    e(0x1, 0x100, Setter::ConfSetFlagSlot, 6, 5, 7), // ssl_object_cache_inheritable
    e(0xc, 0x100, Setter::ConfSetEnumSlot, 55, 1, 4), // ssl_ocsp
    e(0xc, 0x2, Setter::ConfSetEnumSlot, 55, 5, 7), // ssl_ocsp
    e(0x1800, 0x2, Setter::ConfSetEnumSlot, 102, 5, 7), // ssl_ocsp
    e(0xc, 0x2, Setter::HttpSslOcspCache, 55, 1, 7), // ssl_ocsp_cache
    e(0x1800, 0x2, Setter::StreamSslOcspCache, 102, 5, 7), // ssl_ocsp_cache
    e(0xc, 0x2, Setter::ConfSetStrSlot, 55, 1, 7), // ssl_ocsp_responder
    e(0x1800, 0x2, Setter::ConfSetStrSlot, 102, 5, 7), // ssl_ocsp_responder
    e(0xc, 0x2, Setter::HttpSslPasswordFile, 55, 0, 7), // ssl_password_file
    e(0x600, 0x2, Setter::MailSslPasswordFile, 85, 0, 7), // ssl_password_file
    e(0x1800, 0x2, Setter::StreamSslPasswordFile, 102, 0, 7), // ssl_password_file
    e(0xc, 0x100, Setter::ConfSetFlagSlot, 55, 0, 7), // ssl_prefer_server_ciphers
    e(0x600, 0x100, Setter::ConfSetFlagSlot, 85, 0, 7), // ssl_prefer_server_ciphers
    e(0x1800, 0x100, Setter::ConfSetFlagSlot, 102, 0, 7), // ssl_prefer_server_ciphers
    e(0x1800, 0x100, Setter::ConfSetFlagSlot, 103, 0, 7), // ssl_preread
    e(0xc, 0x200, Setter::ConfSetBitmaskSlot, 55, 0, 7), // ssl_protocols
    e(0x600, 0x200, Setter::ConfSetBitmaskSlot, 85, 0, 7), // ssl_protocols
    e(0x1800, 0x200, Setter::ConfSetBitmaskSlot, 102, 0, 7), // ssl_protocols
    e(0xc, 0x100, Setter::ConfSetFlagSlot, 55, 1, 7), // ssl_reject_handshake
    e(0x1800, 0x100, Setter::ConfSetFlagSlot, 102, 4, 7), // ssl_reject_handshake
    e(0xc, 0x6, Setter::HttpSslSessionCache, 55, 0, 7), // ssl_session_cache
    e(0x600, 0x6, Setter::MailSslSessionCache, 85, 0, 7), // ssl_session_cache
    e(0x1800, 0x6, Setter::StreamSslSessionCache, 102, 0, 7), // ssl_session_cache
    e(0x4, 0x1001, Setter::HttpLuaSslSessFetchByLuaBlock, 39, 255, 255), // ssl_session_fetch_by_lua_block
    e(0x4, 0x2, Setter::HttpLuaSslSessFetchByLua, 39, 255, 255), // ssl_session_fetch_by_lua_file
    e(0x4, 0x1001, Setter::HttpLuaSslSessStoreByLuaBlock, 39, 255, 255), // ssl_session_store_by_lua_block
    e(0x4, 0x2, Setter::HttpLuaSslSessStoreByLua, 39, 255, 255), // ssl_session_store_by_lua_file
    e(0xc, 0x2, Setter::ConfSetStrArraySlot, 55, 0, 7), // ssl_session_ticket_key
    e(0x600, 0x2, Setter::ConfSetStrArraySlot, 85, 0, 7), // ssl_session_ticket_key
    e(0x1800, 0x2, Setter::ConfSetStrArraySlot, 102, 0, 7), // ssl_session_ticket_key
    e(0xc, 0x100, Setter::ConfSetFlagSlot, 55, 0, 7), // ssl_session_tickets
    e(0x600, 0x100, Setter::ConfSetFlagSlot, 85, 0, 7), // ssl_session_tickets
    e(0x1800, 0x100, Setter::ConfSetFlagSlot, 102, 0, 7), // ssl_session_tickets
    e(0xc, 0x2, Setter::ConfSetSecSlot, 55, 0, 7), // ssl_session_timeout
    e(0x600, 0x2, Setter::ConfSetSecSlot, 85, 0, 7), // ssl_session_timeout
    e(0x1800, 0x2, Setter::ConfSetSecSlot, 102, 0, 7), // ssl_session_timeout
    e(0xc, 0x100, Setter::ConfSetFlagSlot, 55, 0, 7), // ssl_stapling
    e(0x1800, 0x100, Setter::ConfSetFlagSlot, 102, 5, 7), // ssl_stapling
    e(0xc, 0x2, Setter::ConfSetStrSlot, 55, 0, 7), // ssl_stapling_file
    e(0x1800, 0x2, Setter::ConfSetStrSlot, 102, 5, 7), // ssl_stapling_file
    e(0xc, 0x2, Setter::ConfSetStrSlot, 55, 0, 7), // ssl_stapling_responder
    e(0x1800, 0x2, Setter::ConfSetStrSlot, 102, 5, 7), // ssl_stapling_responder
    e(0xc, 0x100, Setter::ConfSetFlagSlot, 55, 0, 7), // ssl_stapling_verify
    e(0x1800, 0x100, Setter::ConfSetFlagSlot, 102, 5, 7), // ssl_stapling_verify
    e(0xc, 0x2, Setter::ConfSetStrSlot, 55, 0, 7), // ssl_trusted_certificate
    e(0x600, 0x2, Setter::ConfSetStrSlot, 85, 0, 7), // ssl_trusted_certificate
    e(0x1800, 0x2, Setter::ConfSetStrSlot, 102, 0, 7), // ssl_trusted_certificate
    e(0xc, 0x2, Setter::ConfSetEnumSlot, 55, 0, 7), // ssl_verify_client
    e(0x600, 0x2, Setter::ConfSetEnumSlot, 85, 0, 7), // ssl_verify_client
    e(0x1800, 0x2, Setter::ConfSetEnumSlot, 102, 0, 7), // ssl_verify_client
    e(0xc, 0x2, Setter::ConfSetNumSlot, 55, 0, 7), // ssl_verify_depth
    e(0x600, 0x2, Setter::ConfSetNumSlot, 85, 0, 7), // ssl_verify_depth
    e(0x1800, 0x2, Setter::ConfSetNumSlot, 102, 0, 7), // ssl_verify_depth
    e(0x600, 0x2, Setter::MailSslStarttls, 85, 0, 7), // starttls
    e(0x20, 0x400, Setter::HttpUpstreamSticky, 67, 6, 7), // sticky
    e(0x1, 0x1001, Setter::StreamBlock, 87, 0, 7), // stream
    e(0x18, 0x3, Setter::HttpSetStubStatus, 56, 0, 7), // stub_status
    e(0x1c, 0x4, Setter::HttpSubFilter, 57, 0, 7), // sub_filter
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 57, 0, 7), // sub_filter_last_modified
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 57, 0, 7), // sub_filter_once
    e(0x1c, 0x200, Setter::HttpTypesSlot, 57, 0, 7), // sub_filter_types
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 19, 0, 7), // subrequest_output_buffer_size
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 19, 0, 7), // tcp_nodelay
    e(0x1800, 0x100, Setter::ConfSetFlagSlot, 89, 0, 7), // tcp_nodelay
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 19, 0, 7), // tcp_nopush
    e(0x1, 0xc, Setter::ThreadPool, 110, 0, 7), // thread_pool
    e(0x600, 0x2, Setter::ConfSetMsecSlot, 79, 0, 7), // timeout
    e(0x1, 0x2, Setter::ConfSetMsecSlot, 0, 0, 7), // timer_resolution
    e(0x18, 0x400, Setter::HttpTryFiles, 58, 0, 7), // try_files
    e(0x1c, 0x6, Setter::HttpUpstreamBindSetSlot, 59, 7, 7), // tunnel_bind
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 59, 7, 7), // tunnel_buffer_size
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 59, 7, 7), // tunnel_connect_timeout
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 59, 7, 7), // tunnel_next_upstream
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 59, 7, 7), // tunnel_next_upstream_timeout
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 59, 7, 7), // tunnel_next_upstream_tries
    e(0x98, 0x3, Setter::HttpTunnelPass, 59, 7, 7), // tunnel_pass
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 59, 7, 7), // tunnel_read_timeout
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 59, 7, 7), // tunnel_send_lowat
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 59, 7, 7), // tunnel_send_timeout
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 59, 7, 7), // tunnel_socket_keepalive
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 59, 7, 7), // tunnel_socket_rcvbuf
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 59, 7, 7), // tunnel_socket_sndbuf
    e(0x1c, 0x1001, Setter::HttpCoreTypes, 19, 0, 7), // types
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 19, 0, 7), // types_hash_bucket_size
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 19, 0, 7), // types_hash_max_size
    e(0xc, 0x100, Setter::ConfSetFlagSlot, 19, 0, 7), // underscores_in_headers
    e(0xdc, 0x100, Setter::ConfSetFlagSlot, 49, 0, 7), // uninitialized_variable_warn
    e(0x4, 0x1002, Setter::HttpUpstream, 60, 0, 7), // upstream
    e(0x800, 0x1002, Setter::StreamUpstream, 104, 0, 7), // upstream
    e(0x2, 0x2, Setter::EventUse, 4, 0, 7), // use
    e(0x1, 0x6, Setter::SetUser, 0, 0, 7), // user
    e(0x1c, 0x2, Setter::ConfSetEnumSlot, 69, 0, 7), // userid
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 69, 0, 7), // userid_domain
    e(0x1c, 0x2, Setter::HttpUseridExpires, 69, 0, 7), // userid_expires
    e(0x1c, 0xe, Setter::ConfSetBitmaskSlot, 69, 1, 7), // userid_flags
    e(0x1c, 0x2, Setter::HttpUseridMark, 69, 0, 7), // userid_mark
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 69, 0, 7), // userid_name
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 69, 0, 7), // userid_p3p
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 69, 0, 7), // userid_path
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 69, 0, 7), // userid_service
    e(0x1c, 0x6, Setter::HttpUpstreamBindSetSlot, 70, 0, 7), // uwsgi_bind
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 70, 0, 7), // uwsgi_buffer_size
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 70, 0, 7), // uwsgi_buffering
    e(0x1c, 0x4, Setter::ConfSetBufsSlot, 70, 0, 7), // uwsgi_buffers
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 70, 0, 7), // uwsgi_busy_buffers_size
    e(0x1c, 0x2, Setter::HttpUwsgiCache, 70, 0, 7), // uwsgi_cache
    e(0x1c, 0x2, Setter::ConfSetFlagSlot, 70, 0, 7), // uwsgi_cache_background_update
    e(0x1c, 0x200, Setter::HttpSetPredicateSlot, 70, 0, 7), // uwsgi_cache_bypass
    e(0x1c, 0x2, Setter::HttpUwsgiCacheKey, 70, 0, 7), // uwsgi_cache_key
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 70, 0, 7), // uwsgi_cache_lock
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 70, 0, 7), // uwsgi_cache_lock_age
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 70, 0, 7), // uwsgi_cache_lock_timeout
    e(0x1c, 0x2, Setter::ConfSetOffSlot, 70, 0, 7), // uwsgi_cache_max_range_offset
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 70, 0, 7), // uwsgi_cache_methods
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 70, 0, 7), // uwsgi_cache_min_uses
    e(0x4, 0x400, Setter::HttpFileCacheSetSlot, 70, 0, 7), // uwsgi_cache_path
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 70, 0, 7), // uwsgi_cache_revalidate
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 70, 0, 7), // uwsgi_cache_use_stale
    e(0x1c, 0x200, Setter::HttpFileCacheValidSetSlot, 70, 0, 7), // uwsgi_cache_valid
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 70, 0, 7), // uwsgi_connect_timeout
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 70, 0, 7), // uwsgi_force_ranges
    e(0x1c, 0x2, Setter::ConfSetStrArraySlot, 70, 0, 7), // uwsgi_hide_header
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 70, 0, 7), // uwsgi_ignore_client_abort
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 70, 0, 7), // uwsgi_ignore_headers
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 70, 0, 7), // uwsgi_intercept_errors
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 70, 0, 4), // uwsgi_limit_rate
    e(0x1c, 0x2, Setter::HttpSetComplexValueSizeSlot, 70, 5, 7), // uwsgi_limit_rate
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 70, 0, 7), // uwsgi_max_temp_file_size
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 70, 0, 7), // uwsgi_modifier1
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 70, 0, 7), // uwsgi_modifier2
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 70, 0, 7), // uwsgi_next_upstream
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 70, 0, 7), // uwsgi_next_upstream_timeout
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 70, 0, 7), // uwsgi_next_upstream_tries
    e(0x1c, 0x200, Setter::HttpSetPredicateSlot, 70, 0, 7), // uwsgi_no_cache
    e(0x1c, 0xc, Setter::HttpUpstreamParamSetSlot, 70, 0, 7), // uwsgi_param
    e(0x90, 0x2, Setter::HttpUwsgiPass, 70, 0, 7), // uwsgi_pass
    e(0x1c, 0x2, Setter::ConfSetStrArraySlot, 70, 0, 7), // uwsgi_pass_header
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 70, 0, 7), // uwsgi_pass_request_body
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 70, 0, 7), // uwsgi_pass_request_headers
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 70, 0, 7), // uwsgi_read_timeout
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 70, 0, 7), // uwsgi_request_buffering
    e(0x1c, 0x2, Setter::ConfSetMsecSlot, 70, 0, 7), // uwsgi_send_timeout
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 70, 0, 7), // uwsgi_socket_keepalive
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 70, 7, 7), // uwsgi_socket_rcvbuf
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 70, 7, 7), // uwsgi_socket_sndbuf
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 70, 0, 1), // uwsgi_ssl_certificate
    e(0x1c, 0x2, Setter::HttpSetComplexValueZeroSlot, 70, 2, 7), // uwsgi_ssl_certificate
    e(0x1c, 0xe, Setter::HttpUwsgiSslCertificateCache, 70, 5, 7), // uwsgi_ssl_certificate_cache
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 70, 0, 1), // uwsgi_ssl_certificate_key
    e(0x1c, 0x2, Setter::HttpSetComplexValueZeroSlot, 70, 2, 7), // uwsgi_ssl_certificate_key
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 70, 0, 7), // uwsgi_ssl_ciphers
    e(0x1c, 0x4, Setter::ConfSetKeyvalSlot, 70, 1, 7), // uwsgi_ssl_conf_command
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 70, 0, 7), // uwsgi_ssl_crl
    e(0x1c, 0x2, Setter::HttpSetComplexValueSlot, 70, 0, 7), // uwsgi_ssl_name
    e(0x1c, 0x2, Setter::HttpUwsgiSslPasswordFile, 70, 0, 7), // uwsgi_ssl_password_file
    e(0x1c, 0x200, Setter::ConfSetBitmaskSlot, 70, 0, 7), // uwsgi_ssl_protocols
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 70, 0, 7), // uwsgi_ssl_server_name
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 70, 0, 7), // uwsgi_ssl_session_reuse
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 70, 0, 7), // uwsgi_ssl_trusted_certificate
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 70, 0, 7), // uwsgi_ssl_verify
    e(0x1c, 0x2, Setter::ConfSetNumSlot, 70, 0, 7), // uwsgi_ssl_verify_depth
    e(0x1c, 0x2, Setter::HttpUwsgiStore, 70, 0, 7), // uwsgi_store
    e(0x1c, 0xe, Setter::ConfSetAccessSlot, 70, 0, 7), // uwsgi_store_access
    e(0x1c, 0x2, Setter::ConfSetStrSlot, 70, 0, 7), // uwsgi_string
    e(0x1c, 0x2, Setter::ConfSetSizeSlot, 70, 0, 7), // uwsgi_temp_file_write_size
    e(0x1c, 0x1e, Setter::ConfSetPathSlot, 70, 0, 7), // uwsgi_temp_path
    e(0x18, 0x200, Setter::HttpValidReferers, 48, 0, 7), // valid_referers
    e(0x4, 0x2, Setter::ConfSetNumSlot, 19, 0, 7), // variables_hash_bucket_size
    e(0x800, 0x2, Setter::ConfSetNumSlot, 89, 0, 7), // variables_hash_bucket_size
    e(0x4, 0x2, Setter::ConfSetNumSlot, 19, 0, 7), // variables_hash_max_size
    e(0x800, 0x2, Setter::ConfSetNumSlot, 89, 0, 7), // variables_hash_max_size
    e(0x2, 0x2, Setter::ConfSetNumSlot, 3, 0, 7), // worker_aio_requests
    e(0x2, 0x2, Setter::EventConnections, 4, 0, 7), // worker_connections
    e(0x1, 0x200, Setter::SetCpuAffinity, 0, 0, 7), // worker_cpu_affinity
    e(0x1, 0x2, Setter::SetPriority, 0, 0, 7), // worker_priority
    e(0x1, 0x2, Setter::SetWorkerProcesses, 0, 0, 7), // worker_processes
    e(0x1, 0x2, Setter::ConfSetOffSlot, 0, 0, 7), // worker_rlimit_core
    e(0x1, 0x2, Setter::ConfSetNumSlot, 0, 0, 7), // worker_rlimit_nofile
    e(0x1, 0x2, Setter::ConfSetMsecSlot, 0, 0, 7), // worker_shutdown_timeout
    e(0x1, 0x2, Setter::ConfSetStrSlot, 0, 0, 7), // working_directory
    e(0x600, 0x100, Setter::ConfSetFlagSlot, 82, 0, 7), // xclient
    e(0x1c, 0x2, Setter::HttpXsltEntities, 73, 0, 7), // xml_entities
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 73, 7, 7), // xml_external_entities
    e(0x1c, 0x100, Setter::ConfSetFlagSlot, 73, 0, 7), // xslt_last_modified
    e(0x1c, 0x4, Setter::HttpXsltParam, 73, 0, 7), // xslt_param
    e(0x1c, 0x4, Setter::HttpXsltParam, 73, 0, 7), // xslt_string_param
    e(0x10, 0x200, Setter::HttpXsltStylesheet, 73, 0, 7), // xslt_stylesheet
    e(0x1c, 0x200, Setter::HttpTypesSlot, 73, 0, 7), // xslt_types
    e(0x20, 0x6, Setter::HttpUpstreamZone, 68, 0, 7), // zone
    e(0x2000, 0x6, Setter::StreamUpstreamZone, 109, 0, 7), // zone
];

const fn e(contexts: u32, arity: u16, setter: Setter, module: u8, first: u8, last: u8) -> Entry {
    Entry { contexts: Contexts(contexts), arity: Arity(arity), setter, module, first, last }
}
