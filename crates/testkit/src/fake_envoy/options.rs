//! How a client connects and behaves.

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use envoy_types::pb::envoy::config::core::v3::Node;

use super::record::ResponseRecord;
use crate::ads::{Protocol, node};

/// Says why a response is refused, or `None` to take it.
pub type Judge = Arc<dyn Fn(&ResponseRecord) -> Option<String> + Send + Sync>;

/// How a [`FakeEnvoy`](super::FakeEnvoy) connects and behaves.
#[derive(Clone)]
pub struct Options {
    /// The server.
    pub server: SocketAddr,
    /// The variant of ADS.
    pub protocol: Protocol,
    /// Its node, sent once per stream.
    pub node: Node,
    /// gRPC metadata of each stream, such as `authorization`.
    pub metadata: Vec<(String, String)>,
    /// Delay before it acknowledges.
    pub ack_delay: Duration,
    /// Which responses it refuses.
    pub judge: Option<Judge>,
    /// Delay between the end of a stream and the next; it stays away if `None`.
    pub reconnect_after: Option<Duration>,
}

impl Options {
    /// A delta client of `server`, a sidecar of workload `a` in namespace `default`, that keeps everything.
    pub fn new(server: SocketAddr) -> Self {
        Self {
            server,
            protocol: Protocol::Delta,
            node: node(
                "sidecar~10.0.0.1~a.default~default.svc.cluster.local",
                "a.default",
                &serde_json::json!({}),
            ),
            metadata: Vec::new(),
            ack_delay: Duration::ZERO,
            judge: None,
            reconnect_after: None,
        }
    }

    /// Speaks `protocol`.
    #[must_use]
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Refuses the responses for which `judge` gives a reason.
    #[must_use]
    pub fn refuse(
        mut self,
        judge: impl Fn(&ResponseRecord) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.judge = Some(Arc::new(judge));
        self
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} client {} of {}", self.protocol, self.node.id, self.server)
    }
}
