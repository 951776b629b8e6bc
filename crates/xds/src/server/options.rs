//! The settings of a server.

use std::time::Duration;

use fairlead_resource::Types;

/// The settings of a server.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// The types that are served. Default Envoy's.
    pub types: &'static Types,
    /// The largest request that is taken, in bytes. Default 16 MiB: a state-of-the-world client repeats all
    /// its names in each request, and 100,000 of them have some 10 MB. A larger one ends its stream with
    /// `ResourceExhausted`.
    pub max_request_bytes: usize,
    /// How long a request may take from its first byte to its last. Default 30 s.
    pub request_timeout: Duration,
    /// Which fields of a node's metadata are kept. Default none.
    pub metadata: &'static [&'static str],
    /// The largest node, in bytes, without what is not kept of it. Default 64 KiB.
    pub max_node_bytes: usize,
    /// How many connections there may be; further ones wait to be accepted. Default 16,384: each is a file descriptor.
    pub max_connections: usize,
    /// How many of them may come from one address, or one IPv6 network of 64 bits; further ones are closed. Default
    /// 12,288, as all proxies may come from one gateway; never more than three quarters of
    /// [`ServerOptions::max_connections`].
    pub max_connections_per_client: usize,
    /// How many bytes are held for one address, beside what it is served: unfinished requests, nodes, and names that
    /// are asked for and do not exist. Large requests beyond that wait, streams that keep more are ended. Default
    /// 128 MiB.
    pub client_bytes: usize,
    /// The same for all addresses together. Default 512 MiB.
    pub clients_bytes: usize,
    /// How long a connection may be without a stream. Default 60 s: a proxy that was told to come back does within 30.
    pub idle_timeout: Duration,
    /// How many streams a connection may have at once; further ones are refused. Default 100: a proxy has one or
    /// two, and each costs some 8 KB before it has asked for anything.
    pub max_streams: u32,
    /// How often an idle connection is pinged. Default 30 s.
    pub keepalive_interval: Duration,
    /// How long a ping may go unanswered. Default 20 s.
    pub keepalive_timeout: Duration,
    /// How long a client may take to read one response before its connection is closed. Default 5 min: until
    /// then it costs one chunk of 64 KiB and what it has in its HTTP/2 window.
    pub stall_timeout: Duration,
    /// After which time a client is sent again what it rejected for want of a file or a port; the time doubles with
    /// each attempt in vain. Default 5 s.
    pub retry_first: Duration,
    /// The longest such time. Default 5 min.
    pub retry_last: Duration,
    /// New connections wait while so many bytes are owed to clients that read them. Default 64 MiB.
    pub backlog_limit: usize,
    /// How long a new connection may wait for the backlog before its streams are refused, with the hint when to
    /// come back. Default 20 s.
    pub admission_timeout: Duration,
    /// How long a new stream may take to send its first request, and a new connection to say something, for its TLS
    /// handshake, and to open a stream. Default 10 s.
    pub greeting_timeout: Duration,
    /// How often clients are asked to report their load, if their bootstrap has them offer it (LRS). `None`:
    /// reports are refused. Default 10 s.
    pub load_report_interval: Option<Duration>,
    /// Tells client status (CSDS) to peers that are not on this machine, too. Default false.
    pub client_status_beyond_loopback: bool,
    /// How long draining connections may take to end. Default 10 s.
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
