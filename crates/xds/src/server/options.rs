//! The settings of a server.

use std::time::Duration;

use fairlead_resource::Types;

/// The settings of a server.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// The types that are served. Default: Envoy's.
    pub types: &'static Types,
    /// Maximum size of a request in bytes. Default 16 MiB: a state-of-the-world client repeats all its names in each
    /// request, and 100,000 of them take some 10 MB. A larger one ends its stream with `ResourceExhausted`.
    pub max_request_bytes: usize,
    /// Maximum time from a request's first byte to its last. Default 30 s.
    pub request_timeout: Duration,
    /// The fields of a node's metadata that are kept. Default none.
    pub metadata: &'static [&'static str],
    /// Maximum size in bytes of the kept fields of a node. Default 64 KiB.
    pub max_node_bytes: usize,
    /// Maximum number of connections; further ones wait to be accepted. Default 16,384: each is a file descriptor.
    pub max_connections: usize,
    /// Maximum number of connections from one address, or one IPv6 /64 network; further ones are closed. Default
    /// 12,288, as all proxies may come through one gateway; never more than three quarters of
    /// [`ServerOptions::max_connections`].
    pub max_connections_per_client: usize,
    /// Maximum number of bytes held for one address, apart from what it is served: unfinished requests, nodes, and
    /// requested names that do not exist. Large requests beyond that wait; streams that hold more are ended. Default
    /// 128 MiB.
    pub client_bytes: usize,
    /// Maximum number of bytes held for all addresses together. Default 512 MiB.
    pub clients_bytes: usize,
    /// Maximum time for which a connection may be without a stream. Default 60 s: a proxy that was told to retry does
    /// so within 30.
    pub idle_timeout: Duration,
    /// Maximum number of concurrent streams of a connection; further ones are refused. Default 100: a proxy has one or
    /// two, and each costs some 8 KB before its first request.
    pub max_streams: u32,
    /// Interval of keepalive pings on an idle connection. Default 30 s.
    pub keepalive_interval: Duration,
    /// Maximum wait for the answer to a ping. Default 20 s.
    pub keepalive_timeout: Duration,
    /// Maximum time for a client to read one response before its connection is closed. Default 5 min: until then it
    /// costs one chunk of 64 KiB and its HTTP/2 window.
    pub stall_timeout: Duration,
    /// Delay before a client is sent again what it rejected for want of a file or port; doubles each time. Default 5 s.
    pub retry_first: Duration,
    /// Maximum such delay. Default 5 min.
    pub retry_last: Duration,
    /// Number of bytes owed to clients that keep reading above which new connections wait. Default 64 MiB.
    pub backlog_limit: usize,
    /// Maximum time for which a new connection waits for the backlog before its streams are refused, with a hint when
    /// to retry. Default 20 s.
    pub admission_timeout: Duration,
    /// Maximum time for a new stream to send its first request, and for a new connection to send its first bytes, to
    /// complete its TLS handshake, and to open a stream. Default 10 s.
    pub greeting_timeout: Duration,
    /// Interval at which clients report their load (LRS), if their bootstrap says so. `None`: reports are refused.
    /// Default 10 s.
    pub load_report_interval: Option<Duration>,
    /// Whether client status (CSDS) is served to peers on other machines, too. Default false.
    pub client_status_beyond_loopback: bool,
    /// Maximum time for draining connections to end. Default 10 s.
    pub drain_timeout: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            types: Types::envoy(),
            max_request_bytes: 16 << 20,
            request_timeout: Duration::from_secs(30),
            metadata: &[],
            max_node_bytes: 64 << 10,
            max_connections: 16_384,
            max_connections_per_client: 12_288,
            client_bytes: 128 << 20,
            clients_bytes: 512 << 20,
            idle_timeout: Duration::from_secs(60),
            max_streams: 100,
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(20),
            stall_timeout: Duration::from_secs(5 * 60),
            retry_first: Duration::from_secs(5),
            retry_last: Duration::from_secs(5 * 60),
            backlog_limit: 64 << 20,
            admission_timeout: Duration::from_secs(20),
            greeting_timeout: Duration::from_secs(10),
            load_report_interval: Some(Duration::from_secs(10)),
            client_status_beyond_loopback: false,
            drain_timeout: Duration::from_secs(10),
        }
    }
}
