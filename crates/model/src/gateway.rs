//! Resolves `Gateway` into servers, and merges the servers of all Gateways that select a proxy.
//!
//! Reads: Gateway, VirtualService (which hosts bind) · Produces: [`Gateway`], [`GatewayServer`]
//! Consumed by: `translate::listeners::gateway`, `translate::routes::gateway`, `translate::secrets`
//! Spec: <https://istio.io/latest/docs/reference/config/networking/gateway/>

//! Differs from Istio: servers in the modes `AUTO_PASSTHROUGH` and `ISTIO_MUTUAL` are left out; a server with several
//! certificates serves the first.

mod hosts;
mod merge;
mod queries;
mod resolve;

use std::sync::Arc;

use fairlead_config::{ConfigKey, LabelSet, Namespace, Timestamp};

use crate::{CertificateSource, Host, Protocol, routes::RoutesAt, sidecar::UNIX};

pub use hosts::{BoundServer, bound_hosts, gateway_hosts};
pub use merge::{Conflict, ConflictReason, Ports, merge};
pub use queries::{
    GatewayHeader, GatewayHeaderOf, GatewayHeaders, GatewayHosts, GatewayHostsKey, GatewayListeners,
    GatewayListenersKey, ResolvedGateway,
};
pub use resolve::resolve;

/// A Gateway, resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Gateway {
    /// The object.
    pub origin: ConfigKey,
    /// Its creation time: the oldest wins.
    pub created: Option<Timestamp>,
    /// Labels of the proxies that it programs; empty selects every gateway proxy.
    pub selector: LabelSet,
    /// The servers, in order.
    pub servers: Vec<GatewayServer>,
}

/// One `servers[]` item.
#[derive(Clone, Debug, PartialEq)]
pub struct GatewayServer {
    /// The index in `servers`.
    pub index: usize,
    /// `name`; may be empty.
    pub name: Arc<str>,
    /// `port.number`, the service port.
    pub port: u16,
    /// `port.name`.
    pub port_name: Arc<str>,
    /// `port.protocol`.
    pub protocol: Protocol,
    /// `bind`; `None`: every address.
    pub bind: Option<Arc<str>>,
    /// Hosts, each with the namespaces whose route sets may bind to it.
    pub hosts: Vec<ServerHost>,
    /// `tls`.
    pub tls: ServerTls,
}

/// A host of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHost {
    /// The namespace whose route sets may bind; `None`: any.
    pub namespace: Option<Namespace>,
    /// The host; perhaps a wildcard.
    pub host: Host,
}

/// `tls` of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ServerTls {
    /// Plaintext.
    #[default]
    None,
    /// Plaintext that redirects every request to HTTPS (`httpsRedirect`).
    HttpsRedirect,
    /// Connections are passed on by SNI and not terminated.
    Passthrough,
    /// TLS is terminated.
    Terminate(DownstreamTls),
}

/// TLS that a gateway terminates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownstreamTls {
    /// The server's certificate and key.
    pub certificate: CertificateSource,
    /// Whether clients must present a certificate, and how it is verified.
    pub client: ClientValidation,
    /// `minProtocolVersion`. Default TLS 1.2.
    pub min_version: TlsVersion,
    /// `maxProtocolVersion`. Default TLS 1.3.
    pub max_version: TlsVersion,
    /// `cipherSuites`; empty: Envoy's.
    pub cipher_suites: Vec<Arc<str>>,
    /// SANs, one of which a client must present.
    pub subject_alt_names: Vec<Arc<str>>,
}

impl DownstreamTls {
    /// The Secret with the server's certificate and key, where one is named.
    pub fn certificate_secret(&self) -> Option<&Arc<str>> {
        match &self.certificate {
            CertificateSource::Secret(name) => Some(name),
            CertificateSource::Files { .. } => None,
        }
    }

    /// The Secret with the authorities of clients, where one is named.
    pub fn ca_secret(&self) -> Option<&Arc<str>> {
        match self.client.authorities()? {
            ClientCa::Secret(name) => Some(name),
            ClientCa::File(_) => None,
        }
    }
}

/// Whether a client presents a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientValidation {
    /// None is asked for (`SIMPLE`).
    None,
    /// One is required (`MUTUAL`).
    Required(ClientCa),
    /// One is verified if presented (`OPTIONAL_MUTUAL`).
    Optional(ClientCa),
}

impl ClientValidation {
    /// The authorities that a client's certificate is checked against.
    pub fn authorities(&self) -> Option<&ClientCa> {
        match self {
            Self::None => None,
            Self::Required(ca) | Self::Optional(ca) => Some(ca),
        }
    }
}

/// The certificate authorities of clients.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClientCa {
    /// A file on the proxy.
    File(Arc<str>),
    /// In the Secret of this name, or in `<name>-cacert`.
    Secret(Arc<str>),
}

/// A TLS protocol version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.0.
    Tls10,
    /// TLS 1.1.
    Tls11,
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// The merged listeners of the Gateways that select a proxy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MergedGateways {
    /// By port and bind address.
    pub listeners: Vec<GatewayListener>,
}

/// One listener of a gateway proxy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GatewayListener {
    /// The port that the listener binds to (the target port of the gateway's Service, else the server's port).
    pub port: u16,
    /// The address; `None`: every address.
    pub bind: Option<Arc<str>>,
    /// What the servers speak: plaintext HTTP (one filter chain, one route table), TLS (a chain for each by SNI) or
    /// opaque TCP.
    pub kind: GatewayListenerKind,
    /// The servers, oldest Gateway first, without those that conflict with an earlier one.
    pub servers: Arc<[ServerRef]>,
}

/// What a gateway listener speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GatewayListenerKind {
    /// Plaintext HTTP.
    Http,
    /// TLS, terminated or passed through.
    Tls,
    /// Opaque TCP.
    Tcp,
}

/// A server of a Gateway.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerRef {
    /// The Gateway.
    pub gateway: ConfigKey,
    /// The index in `servers`.
    pub index: usize,
}

/// A virtual host of a gateway's route table: a host of its servers that a route set binds to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GatewayHost {
    /// The intersection of a server's host and a route set's.
    pub host: Host,
    /// The route sets with routes for the host, once for each server that they bind to, in the order of the servers and
    /// oldest first. Their routes are concatenated, catch-alls last.
    pub route_sets: Arc<[RoutesAt]>,
    /// Their destinations, by host.
    pub destinations: Arc<[crate::scope::DestinationBinding]>,
    /// Whether their routes match on the proxy itself (`sourceLabels`, `sourceNamespace`).
    pub asks_source: bool,
    /// Whether they use large regular expressions.
    pub has_large_expressions: bool,
    /// Whether requests are redirected to HTTPS.
    pub https_redirect: bool,
}

/// Whether the address of a server is a UNIX domain socket, which has no port.
pub(crate) fn is_socket(bind: Option<&str>) -> bool {
    bind.is_some_and(|bind| bind.starts_with(UNIX))
}

#[cfg(test)]
mod tests;
