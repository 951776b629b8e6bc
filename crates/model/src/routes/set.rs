//! The types of route sets.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use fairlead_config::{ConfigKey, LabelSet, Namespace, Timestamp};
use ipnet::IpNet;

use super::client::{ClientMatch, GatewayRef};
use crate::{Host, service::Visibility};

/// The routes of one object, with names resolved. `http`, `tls` and `tcp` keep the order of the object.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteSet {
    /// The object.
    pub origin: ConfigKey,
    /// Its creation time: the oldest wins.
    pub created: Option<Timestamp>,
    /// Who may use it.
    pub export_to: Visibility,
    /// The hosts, resolved to full names.
    pub hosts: Vec<Host>,
    /// Where it applies; `[Mesh]` where the object names none.
    pub gateways: Vec<GatewayRef>,
    /// HTTP routes.
    pub http: Vec<HttpRoute>,
    /// TLS routes, by SNI.
    pub tls: Vec<TlsRoute>,
    /// TCP routes.
    pub tcp: Vec<TcpRoute>,
}

/// A route of a route set: its list, its index there and, if it has conditions, the index of the condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteAt {
    /// Of `http`.
    Http(usize, Option<usize>),
    /// Of `tls`.
    Tls(usize, usize),
    /// Of `tcp`.
    Tcp(usize, Option<usize>),
}

/// One `http[]` item.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpRoute {
    /// `name`; may be empty.
    pub name: Arc<str>,
    /// The index in `http`.
    pub index: usize,
    /// Conditions, one of which must hold; empty: always.
    pub matches: Vec<HttpMatch>,
    /// What happens with the request.
    pub action: HttpAction,
    /// `timeout`; `None` is none (Istio's default).
    pub timeout: Option<Duration>,
    /// `retries`; `None` is the mesh's default policy.
    pub retries: Option<Retries>,
    /// `fault`.
    pub fault: Option<Fault>,
    /// `mirror` and `mirrors`; those of 0 % are left out.
    pub mirrors: Vec<Mirror>,
    /// `headers`.
    pub headers: Headers,
    /// `corsPolicy`.
    pub cors: Option<CorsPolicy>,
}

/// One `match[]` item: every given condition must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HttpMatch {
    /// The index in `match`.
    pub index: usize,
    /// `name`; may be empty.
    pub name: Arc<str>,
    /// `uri`.
    pub uri: Option<StringMatch>,
    /// `ignoreUriCase`.
    pub ignore_uri_case: bool,
    /// `scheme`.
    pub scheme: Option<StringMatch>,
    /// `method`.
    pub method: Option<StringMatch>,
    /// `authority`.
    pub authority: Option<StringMatch>,
    /// `headers`, by name.
    pub headers: BTreeMap<Arc<str>, StringMatch>,
    /// `withoutHeaders`, by name: those that must not match.
    pub without_headers: BTreeMap<Arc<str>, StringMatch>,
    /// `queryParams`, by name.
    pub query_params: BTreeMap<Arc<str>, StringMatch>,
    /// `port`, `sourceLabels`, `sourceNamespace` and `gateways`.
    pub client: ClientMatch,
}

/// A condition on a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StringMatch {
    /// Equal.
    Exact(Arc<str>),
    /// Begins with (raw, not by path segment).
    Prefix(Arc<str>),
    /// The whole string matches the RE2 expression.
    Regex(Arc<str>),
    /// Present, with any value (an empty condition, or the expression `*`).
    Present,
}

/// What happens with a request.
#[derive(Clone, Debug, PartialEq)]
pub enum HttpAction {
    /// It goes to one of these, by weight.
    Route {
        /// At least one; of several, those of weight 0 are left out.
        destinations: Vec<WeightedDestination>,
        /// `rewrite`.
        rewrite: Rewrite,
    },
    /// `redirect`.
    Redirect(Redirect),
    /// `directResponse`.
    DirectResponse {
        /// The status code.
        status: u16,
        /// The body; empty for none.
        body: Arc<[u8]>,
    },
}

/// Where a request or connection goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Destination {
    /// The host, resolved to a full name.
    pub host: Host,
    /// The subset, where one is named.
    pub subset: Option<Arc<str>>,
    /// The port; `None`: the service's only port, else the listener's.
    pub port: Option<u16>,
}

/// A destination, its weight, and the headers that it changes.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightedDestination {
    /// The destination.
    pub destination: Destination,
    /// The share, relative to the sum of all; 1 for a single destination.
    pub weight: u32,
    /// `headers` of this destination.
    pub headers: Headers,
}

/// `rewrite`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrite {
    /// Replaces the matched prefix (or the exact path).
    pub uri: Option<Arc<str>>,
    /// Replaces what the expression matches in the path.
    pub uri_regex: Option<(Arc<str>, Arc<str>)>,
    /// Replaces the authority.
    pub authority: Option<Arc<str>>,
}

/// `redirect`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// Replaces the whole path.
    pub uri: Option<Arc<str>>,
    /// Replaces the matched prefix.
    pub uri_prefix: Option<Arc<str>>,
    /// Replaces the authority.
    pub authority: Option<Arc<str>>,
    /// Replaces the scheme.
    pub scheme: Option<Arc<str>>,
    /// The port of the new location.
    pub port: RedirectPort,
    /// The status code. Default 301.
    pub status: u16,
}

/// The port of a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectPort {
    /// As the protocol has it.
    Default,
    /// This one.
    Number(u16),
    /// The listener's (`FROM_REQUEST_PORT`).
    FromRequest,
}

/// `retries`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Retries {
    /// Attempts after the first; 0 switches retries off.
    pub attempts: u32,
    /// `perTryTimeout`.
    pub per_try_timeout: Option<Duration>,
    /// `retryOn`, as written; `None` is the mesh's default.
    pub retry_on: Option<Arc<str>>,
    /// `retryRemoteLocalities`.
    pub remote_localities: bool,
    /// `retryIgnorePreviousHosts`. Default true.
    pub ignore_previous_hosts: bool,
    /// `backoff`: the base interval.
    pub backoff: Option<Duration>,
}

/// `fault`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fault {
    /// `delay`.
    pub delay: Option<(Duration, Percent)>,
    /// `abort`.
    pub abort: Option<(AbortStatus, Percent)>,
}

/// How an aborted request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbortStatus {
    /// An HTTP status.
    Http(u16),
    /// A gRPC status code.
    Grpc(u32),
}

/// A share in millionths, as Envoy's `FractionalPercent` with denominator `MILLION` (1 % is 10,000).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent {
    /// Millionths, at most 1,000,000.
    pub millionths: u32,
}

impl Percent {
    /// All.
    pub const FULL: Self = Self { millionths: 1_000_000 };

    /// A share of `percent` in a hundred, cut off below a millionth as Istio does.
    pub fn of(percent: f64) -> Self {
        // The cast saturates: below zero and not-a-number become 0.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let millionths = (percent * 10_000.0) as u32;
        Self { millionths: millionths.min(1_000_000) }
    }
}

/// A copy of requests to a second destination.
#[derive(Clone, Debug, PartialEq)]
pub struct Mirror {
    /// The destination.
    pub destination: Destination,
    /// The share of requests that are copied. Default 100 %.
    pub percent: Percent,
}

/// `headers`: operations on request and response headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// On the request.
    pub request: HeaderOperations,
    /// On the response.
    pub response: HeaderOperations,
}

/// Operations on headers, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderOperations {
    /// Overwritten, or added where absent.
    pub set: BTreeMap<Arc<str>, Arc<str>>,
    /// Appended.
    pub add: BTreeMap<Arc<str>, Arc<str>>,
    /// Removed.
    pub remove: Vec<Arc<str>>,
}

/// `corsPolicy`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorsPolicy {
    /// Origins that are allowed.
    pub allow_origins: Vec<StringMatch>,
    /// Methods that are allowed.
    pub allow_methods: Vec<Arc<str>>,
    /// Request headers that are allowed.
    pub allow_headers: Vec<Arc<str>>,
    /// Response headers that a page may read.
    pub expose_headers: Vec<Arc<str>>,
    /// How long the response to a preflight may be cached.
    pub max_age: Option<Duration>,
    /// Whether credentials may be sent.
    pub allow_credentials: Option<bool>,
    /// Whether preflights from other origins reach the upstream (`unmatchedPreflights`). Default true.
    pub forward_unmatched_preflights: bool,
}

/// One `tls[]` item.
#[derive(Clone, Debug, PartialEq)]
pub struct TlsRoute {
    /// The index in `tls`.
    pub index: usize,
    /// Conditions, one of which must hold.
    pub matches: Vec<L4Match>,
    /// Where connections go, by weight.
    pub destinations: Vec<(Destination, u32)>,
}

/// One `tcp[]` item.
#[derive(Clone, Debug, PartialEq)]
pub struct TcpRoute {
    /// The index in `tcp`.
    pub index: usize,
    /// Conditions, one of which must hold; empty: always.
    pub matches: Vec<L4Match>,
    /// Where connections go, by weight.
    pub destinations: Vec<(Destination, u32)>,
}

/// A condition on a connection: every given part must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct L4Match {
    /// The index in `match`.
    pub index: usize,
    /// `sniHosts` (TLS only).
    pub sni_hosts: Vec<Host>,
    /// `destinationSubnets`.
    pub destination_subnets: Vec<IpNet>,
    /// `port` of the listener.
    pub port: Option<u16>,
    /// `sourceLabels` of the client's workload.
    pub source_labels: LabelSet,
    /// `sourceNamespace` of the client.
    pub source_namespace: Option<Namespace>,
    /// `gateways`, narrowing those of the route set; empty: all of them.
    pub gateways: Vec<GatewayRef>,
}
