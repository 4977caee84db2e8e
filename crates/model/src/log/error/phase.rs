//! What nginx was at when it wrote a line.

macro_rules! phases {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal;)+) => {
        /// What nginx was at: its own words behind `while`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Phase {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Phase {
            /// Every phase.
            pub const ALL: &'static [Phase] = &[$(Phase::$name),+];

            /// nginx's words for it.
            pub fn text(self) -> &'static str {
                match self {
                    $(Phase::$name => $text,)+
                }
            }
        }
    };
}

phases! {
    /// `ngx_http_upstream_connect`, src/http/ngx_http_upstream.c
    ConnectingToUpstream = "connecting to upstream";
    /// `ngx_http_upstream_send_request`, src/http/ngx_http_upstream.c
    SendingToUpstream = "sending request to upstream";
    /// `ngx_http_upstream_send_request`, src/http/ngx_http_upstream.c
    ReadingHeader = "reading response header from upstream";
    /// `ngx_http_upstream_send_response`, src/http/ngx_http_upstream.c
    ReadingUpstream = "reading upstream";
    /// `ngx_http_upstream_ssl_init_connection`, src/http/ngx_http_upstream.c
    HandshakingWithUpstream = "SSL handshaking to upstream";
    /// `ngx_http_upstream_upgrade`, src/http/ngx_http_upstream.c
    ProxyingUpgraded = "proxying upgraded connection";
    /// `ngx_http_init_connection`, src/http/ngx_http_request.c
    WaitingForRequest = "waiting for request";
    /// `ngx_http_init_connection`, src/http/ngx_http_request.c
    ReadingProxyProtocol = "reading PROXY protocol";
    /// `ngx_http_init_connection`, src/http/ngx_http_request.c
    Handshaking = "SSL handshaking";
    /// `ngx_http_wait_request_handler`, src/http/ngx_http_request.c
    ReadingRequestLine = "reading client request line";
    /// `ngx_http_process_request_line`, src/http/ngx_http_request.c
    ReadingRequestHeaders = "reading client request headers";
    /// `ngx_http_set_keepalive`, src/http/ngx_http_request.c
    ReadingPipelined = "reading client pipelined request line";
    /// `ngx_http_v2_init`, src/http/v2/ngx_http_v2.c
    ProcessingHttp2 = "processing HTTP/2 connection";
    /// `ngx_http_send_response`, src/http/ngx_http_core_module.c, and `ngx_http_writer`
    SendingToClient = "sending to client";
    /// `ngx_http_upstream_send_response`, the older words
    SendingResponse = "sending response to client";
    /// `ngx_http_set_keepalive`, src/http/ngx_http_request.c
    Keepalive = "keepalive";
    /// `ngx_http_free_request`, src/http/ngx_http_request.c
    Logging = "logging request";
    /// `ngx_http_free_request`, src/http/ngx_http_request.c
    ClosingRequest = "closing request";
    /// `ngx_stream_init_connection`, src/stream/ngx_stream_handler.c
    InitializingSession = "initializing session";
    /// `ngx_stream_core_preread_phase`, src/stream/ngx_stream_core_module.c
    Prereading = "prereading client data";
    /// `ngx_stream_proxy_init_upstream`, src/stream/ngx_stream_proxy_module.c
    ProxyingConnection = "proxying connection";
    /// `ngx_stream_proxy_process`, src/stream/ngx_stream_proxy_module.c
    ProxyReadingUpstream = "proxying and reading from upstream";
    /// `ngx_stream_proxy_process`, src/stream/ngx_stream_proxy_module.c
    ProxyReadingClient = "proxying and reading from client";
    /// `ngx_stream_proxy_process`, src/stream/ngx_stream_proxy_module.c
    ProxySendingUpstream = "proxying and sending to upstream";
    /// `ngx_stream_proxy_process`, src/stream/ngx_stream_proxy_module.c
    ProxySendingClient = "proxying and sending to client";
}

impl Phase {
    /// Splits ` while PHASE` off the end of what a line says.
    pub(super) fn split(said: &[u8]) -> (&[u8], Option<Phase>) {
        const WHILE: &[u8] = b" while ";
        // No phase is longer.
        let from = said.len().saturating_sub(64);
        let Some(at) = said[from..].windows(WHILE.len()).rposition(|window| window == WHILE) else {
            return (said, None);
        };
        let at = from + at;
        let words = &said[at + WHILE.len()..];
        match Phase::ALL.iter().find(|phase| phase.text().as_bytes() == words) {
            Some(phase) => (&said[..at], Some(*phase)),
            None => (said, None),
        }
    }

    /// Whether nginx was at the upstream, and not at its client.
    pub fn at_upstream(self) -> bool {
        matches!(
            self,
            Phase::ConnectingToUpstream
                | Phase::SendingToUpstream
                | Phase::ReadingHeader
                | Phase::ReadingUpstream
                | Phase::HandshakingWithUpstream
                | Phase::ProxyReadingUpstream
                | Phase::ProxySendingUpstream
        )
    }
}
