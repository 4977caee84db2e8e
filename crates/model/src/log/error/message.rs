//! What a message says, as a class: the table.

use std::sync::LazyLock;

use super::pattern::{CAPTURES_MAX, Captures, fits};

macro_rules! messages {
    ($($(#[doc = $doc:literal])+ $name:ident = $($pattern:literal)|+;)+) => {
        /// What a line of an error log says. A class for each message that tells something about the way of a request, a start
        /// or a reload; everything else is [`Message::Other`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Message {
            $($(#[doc = $doc])+ $name,)+
            /// Another message.
            Other,
        }

        impl Message {
            /// Every class but [`Message::Other`].
            pub const ALL: &'static [Message] = &[$(Message::$name),+];

            /// The messages of a class: literal text from the beginning, `*` where something else stands.
            pub fn patterns(self) -> &'static [&'static str] {
                match self {
                    $(Message::$name => &[$($pattern),+],)+
                    Message::Other => &[],
                }
            }

            /// The name of the class, as reports have it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Message::$name => stringify!($name),)+
                    Message::Other => "Other",
                }
            }
        }
    };
}

messages! {
    // The way to an upstream.

    /// `ngx_http_upstream_connect`, `ngx_http_upstream_test_connect` (src/http/ngx_http_upstream.c), `ngx_event_connect_peer`
    ConnectFailed = "connect() failed (*" | "connect() to * failed (*";
    /// `proxy_bind` with an address that the host has not: `ngx_event_connect_peer`, src/event/ngx_event_connect.c
    LocalBindFailed = "bind(*) failed (*";
    /// `ngx_http_upstream_next`, src/http/ngx_http_upstream.c
    UpstreamTimedOut = "upstream timed out (*";
    /// `ngx_http_upstream_process_header`, `ngx_http_upstream_process_upstream`
    UpstreamClosedEarly = "upstream prematurely closed connection" | "upstream prematurely closed FastCGI" | "upstream prematurely closed stream";
    /// `ngx_http_upstream_process_header`
    UpstreamHeaderTooBig = "upstream sent too big header";
    /// `ngx_http_proxy_process_header`, src/http/modules/ngx_http_proxy_module.c
    UpstreamHeaderInvalid = "upstream sent invalid header";
    /// `ngx_http_proxy_process_status_line`
    UpstreamNotHttp = "upstream sent no valid HTTP/1.0 header" | "upstream sent no valid HTTP/1 header";
    /// `ngx_http_proxy_chunked_filter`, `ngx_http_proxy_non_buffered_chunked_filter`
    UpstreamChunksInvalid = "upstream sent invalid chunked response";
    /// `ngx_http_upstream_process_headers` and its header handlers
    UpstreamHeaderTwice = "upstream sent duplicate header line: *" | "upstream sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time";
    /// `ngx_http_proxy_copy_filter`, `ngx_event_pipe`
    UpstreamTooMuch = "upstream sent more data than specified in \"Content-Length\" header";
    /// `ngx_http_fastcgi_process_record`, src/http/modules/ngx_http_fastcgi_module.c
    FastCgiVersion = "upstream sent unsupported FastCGI protocol version: *";
    /// `ngx_http_fastcgi_process_header`: what the application wrote to its standard error
    FastCgiStderr = "FastCGI sent in stderr: *";
    /// `ngx_http_upstream_next`: the whole group is out
    NoLiveUpstreams = "no live upstreams";
    /// `ngx_http_upstream_free_round_robin_peer`: a server is out for `fail_timeout`
    UpstreamDisabled = "upstream server temporarily disabled";
    /// `ngx_http_upstream_resolve_handler`, and stream's
    NotResolved = "* could not be resolved (*: *)";
    /// `ngx_http_upstream_init_request`: a variable in `proxy_pass`, and no `resolver`
    NoResolver = "no resolver defined to resolve *";
    /// `ngx_udp_connect` and `ngx_resolver_*`, src/core/ngx_resolver.c
    ResolverUnreachable = "send() failed (*" | "recv() failed (*: *) while resolving";
    /// `ngx_http_proxy_eval`: the URL of a `proxy_pass` with variables came out without a scheme or host
    InvalidUrlPrefix = "invalid URL prefix in \"*\"";
    /// `ngx_http_upstream_eval`, `ngx_parse_url`: nothing left where a host should be
    UpstreamUrlInvalid = "no host in upstream \"*\"" | "invalid port in upstream \"*\"";
    /// `ngx_http_upstream_ssl_handshake`, `ngx_ssl_handshake` (src/event/ngx_event_openssl.c)
    HandshakeFailed = "SSL_do_handshake() failed (*" | "peer closed connection in SSL handshake*";
    /// `ngx_http_upstream_ssl_handshake`
    UpstreamCertificate = "upstream SSL certificate verify error: (*:*)";
    /// `ngx_http_upstream_ssl_handshake`
    UpstreamCertificateName = "upstream SSL certificate does not match \"*\"";
    /// `ngx_unix_recv`, src/os/unix/ngx_recv.c
    RecvFailed = "recv() failed (*" | "readv() failed (*" | "recv() * failed (*";
    /// `ngx_linux_sendfile_chain`, `ngx_writev`
    SendFailed = "writev() failed (*" | "sendfile() failed (*" | "sendfile64() failed (*";

    // What nginx itself answers.

    /// `ngx_http_static_handler` and whoever opens files through `ngx_open_cached_file`; `ngx_http_index_handler`
    OpenFailed = "open() \"*\" failed (*" | "\"*\" is not found (*";
    /// `ngx_http_autoindex_handler`, `ngx_http_index_error`
    DirectoryForbidden = "directory index of \"*\" is forbidden";
    /// `ngx_http_core_post_access_phase`, `ngx_http_access_found`
    AccessForbidden = "access forbidden by rule";
    /// `ngx_http_auth_basic_handler`, src/http/modules/ngx_http_auth_basic_module.c
    UserUnknown = "user \"*\" was not found in \"*\"";
    /// `ngx_http_auth_basic_crypt_handler`
    PasswordMismatch = "user \"*\": password mismatch";
    /// `ngx_http_auth_basic_handler`, at info
    NoUser = "no user/password was provided for basic authentication";
    /// `ngx_http_auth_request_handler`, src/http/modules/ngx_http_auth_request_module.c
    AuthRequestStatus = "auth request unexpected status: *";
    /// `ngx_http_internal_redirect`, `ngx_http_core_find_config_phase`, `ngx_http_named_location`
    RewriteCycle = "rewrite or internal redirection cycle while *" | "subrequests cycle while processing \"*\"";
    /// `ngx_http_named_location`, src/http/ngx_http_core_module.c
    NoNamedLocation = "could not find named location \"*\"";
    /// `ngx_http_limit_req_handler`, src/http/modules/ngx_http_limit_req_module.c
    LimitedRequests = "limiting requests, excess: * by zone \"*\"" | "limiting requests*excess: * by zone \"*\"";
    /// `ngx_http_limit_req_handler`: served, only later
    DelayedRequest = "delaying request*";
    /// `ngx_http_limit_conn_handler`, src/http/modules/ngx_http_limit_conn_module.c
    LimitedConnections = "limiting connections by zone \"*\"" | "limiting connections*";
    /// `ngx_http_core_find_config_phase`, `ngx_http_discard_request_body`
    BodyTooLarge = "client intended to send too large body: * bytes" | "client intended to send too large chunked body: *";
    /// `ngx_write_chain_to_temp_file`, `ngx_write_file` (src/os/unix/ngx_files.c)
    WriteFailed = "pwrite() \"*\" failed (*" | "pwritev() \"*\" failed (*" | "write() \"*\" failed (*" | "mkdir() \"*\" failed (*";
    /// `ngx_http_regex_exec`, src/http/ngx_http_variables.c
    RegexFailed = "pcre2_match() failed: * on \"*\" using \"*\"" | "pcre_exec() failed: * on \"*\" using \"*\"" | "ngx_regex_exec() failed: * on \"*\" using \"*\"";
    /// `ngx_get_connection`, src/core/ngx_connection.c
    ConnectionsExhausted = "* worker_connections are not enough*";
    /// `ngx_event_accept`, src/event/ngx_event_accept.c
    AcceptFailed = "accept4() failed (*" | "accept() failed (*";
    /// `ngx_open_socket` and whoever else is out of descriptors
    SocketFailed = "socket() failed (*";
    /// `ngx_http_upstream_store`, a cache, a buffer on disk
    BufferedToFile = "an upstream response is buffered to a temporary file *" | "a client request body is buffered to a temporary file *";
    /// `ngx_http_perl`, `ngx_http_lua`: code of others
    LuaFailed = "lua entry thread aborted: *" | "failed to run *" | "[lua] *";
    /// `ngx_http_variable_not_found` under `log_subrequest`, `ngx_http_rewrite`
    VariableUnset = "using uninitialized \"*\" variable";

    // What clients do. nginx says most of it at info.

    /// `ngx_http_test_reading`, `ngx_http_upstream_check_broken_connection`
    ClientGone = "client prematurely closed connection*" | "epoll_wait() reported that client prematurely closed connection*" | "client closed connection*" | "client prematurely closed stream*" | "client * closed keepalive connection";
    /// `ngx_http_process_host`, `ngx_http_process_request_header`
    ClientHostInvalid = "client sent invalid host header" | "client sent invalid host in request line" | "client sent HTTP/1.1 request without \"Host\" header" | "client sent duplicate host header*";
    /// `ngx_http_process_request_line`, `ngx_http_client_errors`
    ClientRequestInvalid = "client sent invalid request" | "client sent invalid method*" | "client sent invalid version*" | "client sent invalid \"*\" header";
    /// `ngx_http_process_request_headers`
    ClientHeaderTooLong = "client sent too long header line: \"*\"" | "client sent too large request" | "client sent too large header*" | "client sent too many header lines";
    /// `ngx_http_process_request_line`
    ClientUriTooLong = "client sent too long URI";
    /// `ngx_http_process_request_headers`
    ClientHeaderInvalid = "client sent invalid header line: \"*\"" | "client sent invalid header*";
    /// `ngx_http_process_request`, src/http/ngx_http_request.c
    PlainToTls = "client sent plain HTTP request to HTTPS port";
    /// `ngx_http_process_request`
    ClientCertificateMissing = "client sent no required SSL certificate";
    /// `ngx_http_process_request`
    ClientCertificateInvalid = "client SSL certificate verify error: *";
    /// `ngx_proxy_protocol_read`, src/core/ngx_proxy_protocol.c
    ProxyProtocolBroken = "broken header: \"*\"" | "broken header: *";
    /// `ngx_http_request_handler` and its time-outs
    ClientTimedOut = "client timed out (*" | "client request timed out*";

    // Starts and reloads.

    /// `ngx_open_listening_sockets`, src/core/ngx_connection.c
    BindFailed = "bind() to * failed (*";
    /// `ngx_open_listening_sockets`
    StillNotBound = "still could not bind()";
    /// `ngx_http_upstream_server`, `ngx_http_proxy_pass` at a start
    HostNotFound = "host not found in * \"*\"" | "host not found in upstream *" | "host not found in resolver \"*\"";
    /// `ngx_conf_handler`, src/core/ngx_conf_file.c
    UnknownDirective = "unknown directive \"*\"";
    /// `ngx_conf_handler`
    DirectiveMisplaced = "\"*\" directive is not allowed here";
    /// `ngx_conf_handler`
    ArgumentsWrong = "invalid number of arguments in \"*\" directive";
    /// `ngx_conf_parse`, `ngx_conf_read_token`
    SyntaxBroken = "unexpected \"*\"" | "unexpected end of file, expecting \"*\"" | "unexpected end of file*" | "directive \"*\" is not terminated by \"*\"" | "directive \"*\" has no opening \"*\"";
    /// `ngx_conf_set_*_slot` and many others
    ArgumentInvalid = "invalid value \"*\"" | "invalid parameter \"*\"" | "\"*\" directive invalid value" | "invalid port in \"*\"" | "invalid condition \"*\"";
    /// `ngx_conf_set_*_slot`, `is duplicate`
    DirectiveTwice = "\"*\" directive is duplicate" | "duplicate upstream \"*\"" | "duplicate location \"*\"" | "duplicate listen options for *" | "a duplicate default server for *" | "duplicate \"*\"";
    /// `ngx_http_variables_init_vars`
    UnknownVariable = "unknown \"*\" variable";
    /// `ngx_load_module`, src/core/nginx.c
    ModuleNotLoaded = "dlopen() \"*\" failed (*" | "dlsym() \"*\", \"*\" failed (*";
    /// `ngx_add_module`, src/core/ngx_module.c
    ModuleIncompatible = "module \"*\" is not binary compatible*" | "module \"*\" version * instead of *";
    /// `ngx_add_module`
    ModuleTwice = "module \"*\" is already loaded";
    /// `ngx_ssl_certificate`, src/event/ngx_event_openssl.c
    KeyMismatch = "SSL_CTX_use_PrivateKey(\"*\") failed (SSL: *" | "SSL_use_PrivateKey(\"*\") failed (SSL: *" | "SSL_CTX_use_PrivateKey_file(\"*\") failed (SSL: *";
    /// `ngx_ssl_certificate`, `ngx_ssl_load_certificate`
    CertificateNotLoaded = "cannot load certificate key \"*\": *" | "cannot load certificate \"*\": *" | "SSL_CTX_use_certificate(\"*\") failed *" | "SSL_CTX_load_verify_locations(\"*\") failed *";
    /// `ngx_http_core_server`, `ngx_http_ssl_merge_srv_conf`
    NoCertificate = "no \"ssl_certificate\" is defined *" | "no \"ssl_certificate_key\" is defined *";
    /// `ngx_hash_init`, src/core/ngx_hash.c
    HashNotBuilt = "could not build *, you should increase *" | "could not build *, too large *" | "could not build the *";
    /// `ngx_init_zone_pool`, `ngx_shared_memory_add`, src/core/ngx_cycle.c
    ZoneUnknown = "zero size shared memory zone \"*\"" | "\"*\" zone \"*\" is unknown" | "unknown zone \"*\"";
    /// `ngx_http_limit_req_init_zone`, `ngx_http_file_cache_init`
    ZoneConflict = "limit_req \"*\" uses the \"*\" key while previously it used *" | "limit_conn_zone \"*\" uses the \"*\" key while previously it used *" | "cache \"*\" uses the \"*\" cache path while previously it used *" | "the size * of shared memory zone \"*\" conflicts with *";
    /// `ngx_http_proxy_merge_loc_conf`
    BusyBuffers = "\"*_busy_buffers_size\" must be *" | "\"*buffers_size\" must be *";
    /// `ngx_http_server_names`, src/http/ngx_http.c
    NameConflict = "conflicting server name \"*\" on *, ignored";
    /// `ngx_http_add_listen`: the one wins that nginx read first
    ProtocolConflict = "protocol options redefined for *";
    /// `ngx_http_block`: a line that tells of something old
    Deprecated = "the \"*\" directive is deprecated*" | "the \"listen ... http2\" directive is deprecated*";
    /// `ngx_open_file` at a start: includes, logs, the file with the pid
    FileNotOpened = "could not open *" | "open() * failed (*";
    /// `ngx_create_paths`, `ngx_create_pidfile`
    DirectoryNotMade = "mkdir() * failed (*" | "chown(\"*\", *) failed (*";
    /// `ngx_http_optimize_servers`, `ngx_set_user`
    UserNotFound = "getpwnam(\"*\") failed*" | "getgrnam(\"*\") failed*";
    /// `ngx_regex_compile`, src/core/ngx_regex.c
    RegexInvalid = "pcre2_compile() failed: *" | "pcre_compile() failed: *";

    // The life of the processes.

    /// `ngx_signal_handler`, src/os/unix/ngx_process.c
    Reconfiguring = "signal 1 (SIGHUP) received*reconfiguring";
    /// `ngx_spawn_process` through `ngx_start_worker_processes`
    WorkerStarted = "start worker process *";
    /// `ngx_process_get_status`: ended by a signal
    WorkerKilled = "worker process * exited on signal *";
    /// `ngx_process_get_status`: will not be started again
    WorkerFatal = "worker process * exited with fatal code *";
    /// `ngx_process_get_status`
    WorkerExited = "worker process * exited with code *";
    /// `ngx_worker_process_cycle`
    ShuttingDown = "gracefully shutting down";
    /// `ngx_worker_process_exit`: connections that nobody closed
    ConnectionLeak = "open socket #* left in connection *";
    /// `ngx_init_cycle`, `ngx_event_process_init`
    TooManyForLimit = "* worker_connections exceed open file resource limit: *";
    /// `ngx_slab_alloc_locked`, src/core/ngx_slab.c: a zone is full
    ZoneFull = "ngx_slab_alloc() failed: no memory*" | "could not allocate node*";
    /// `ngx_alloc`, `ngx_memalign`
    OutOfMemory = "malloc(*) failed (*" | "posix_memalign(*) failed (*" | "fork() failed while spawning *";
}

/// The patterns of the table by their first byte, in the order of the table. Those that begin with `*` stand under `*`.
static BY_FIRST: LazyLock<Vec<Vec<(Message, &'static str)>>> = LazyLock::new(|| {
    let mut by_first = vec![Vec::new(); 128];
    for &message in Message::ALL {
        for &pattern in message.patterns() {
            by_first[usize::from(pattern.as_bytes()[0])].push((message, pattern));
        }
    }
    by_first
});

impl Message {
    /// The class of a message, and what stands at the `*` of its pattern. The first pattern that fits decides, so the
    /// narrower ones stand first in the table; one that begins with `*` is asked last.
    pub(super) fn of(text: &[u8]) -> (Message, Captures<'_>) {
        let first = text.first().copied().unwrap_or_default();
        let beginning = BY_FIRST.get(usize::from(first)).map_or(&[][..], Vec::as_slice);
        beginning
            .iter()
            .chain(&BY_FIRST[usize::from(b'*')])
            .find_map(|&(message, pattern)| Some((message, fits(pattern, text)?)))
            .unwrap_or((Message::Other, [None; CAPTURES_MAX]))
    }
}
