//! Service ports and the protocols that are declared on them.

use std::sync::Arc;

/// What is spoken on a port, as declared by `appProtocol`, the port's name or a ServiceEntry's `protocol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// HTTP/1.1 (also what `http_proxy` declares).
    Http,
    /// HTTP/2 without TLS.
    Http2,
    /// gRPC.
    Grpc,
    /// gRPC-Web over HTTP/1.1 or HTTP/2.
    GrpcWeb,
    /// TLS that the proxy does not terminate, routed by SNI.
    Https,
    /// TLS that the proxy does not terminate, routed by SNI.
    Tls,
    /// Opaque TCP.
    Tcp,
    /// MongoDB; opaque TCP here.
    Mongo,
    /// Redis; opaque TCP here.
    Redis,
    /// MySQL; opaque TCP here, and never sniffed since its server speaks first.
    MySql,
    /// UDP: no listener and no cluster is made for it.
    Udp,
    /// Nothing declared: HTTP or TCP is told apart by the first bytes of each connection.
    Auto,
}

impl Protocol {
    /// The protocol that `name` spells (case does not matter), or `None` for an unknown word.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "http" | "http_proxy" => Self::Http,
            "http2" => Self::Http2,
            "grpc" => Self::Grpc,
            "grpc-web" => Self::GrpcWeb,
            "https" => Self::Https,
            "tls" => Self::Tls,
            "tcp" => Self::Tcp,
            "mongo" => Self::Mongo,
            "redis" => Self::Redis,
            "mysql" => Self::MySql,
            "udp" => Self::Udp,
            _ => return None,
        })
    }

    /// The protocol as a ServiceEntry spells it, or a description where none is declared.
    pub fn word(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Http2 => "HTTP2",
            Self::Grpc => "GRPC",
            Self::GrpcWeb => "GRPC-WEB",
            Self::Https => "HTTPS",
            Self::Tls => "TLS",
            Self::Tcp => "TCP",
            Self::Mongo => "MONGO",
            Self::Redis => "REDIS",
            Self::MySql => "MYSQL",
            Self::Udp => "UDP",
            Self::Auto => "no protocol",
        }
    }

    /// Whether HTTP routes apply.
    pub fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Http2 | Self::Grpc | Self::GrpcWeb)
    }

    /// Whether connections are proxied as bytes, perhaps routed by SNI.
    pub fn is_tcp(self) -> bool {
        matches!(self, Self::Https | Self::Tls | Self::Tcp | Self::Mongo | Self::Redis | Self::MySql)
    }

    /// Whether connections begin with a TLS handshake that the proxy does not terminate.
    pub fn is_tls(self) -> bool {
        matches!(self, Self::Https | Self::Tls)
    }

    /// Whether the upstream speaks HTTP/2.
    pub fn is_http2(self) -> bool {
        matches!(self, Self::Http2 | Self::Grpc | Self::GrpcWeb)
    }
}

/// Where a service port leads on the workload.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TargetPort {
    /// A number.
    Number(u16),
    /// A named container port of the Pod.
    Name(Arc<str>),
}

/// One port of a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port {
    /// The number that clients use.
    pub number: u16,
    /// The name; may be empty for a Kubernetes Service with one port.
    pub name: Arc<str>,
    /// What is spoken.
    pub protocol: Protocol,
    /// The port of the workload; the service port itself where none is given.
    pub target: TargetPort,
}
