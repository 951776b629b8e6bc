//! Route tables: virtual hosts, routes, and where a route leads.

use envoy_types::pb::envoy::config::{
    core::v3::{HeaderValue, HeaderValueOption},
    route::v3::{
        DirectResponseAction, RedirectAction, Route, RouteAction, RouteConfiguration, RouteMatch,
        VirtualHost, WeightedCluster,
        redirect_action::{PathRewriteSpecifier, SchemeRewriteSpecifier},
        route::Action as ProtoAction,
        route_action::{ClusterSpecifier, HostRewriteSpecifier},
        weighted_cluster::ClusterWeight,
    },
};

use crate::{
    data_source::{inline_bytes, inline_string},
    wkt::IntoProto,
};

pub use envoy_types::pb::envoy::config::{
    core::v3::header_value_option::HeaderAppendAction, route::v3::redirect_action::RedirectResponseCode,
};

pub mod matching;
pub mod policy;

pub use matching::{HeaderMatch, PathMatch, QueryMatch, header_matcher, query_parameter, route_match};

/// A route table.
pub fn route_configuration(
    name: impl Into<String>,
    virtual_hosts: impl IntoIterator<Item = VirtualHost>,
) -> RouteConfiguration {
    RouteConfiguration {
        name: name.into(),
        virtual_hosts: virtual_hosts.into_iter().collect(),
        ..Default::default()
    }
}

/// A virtual host: the routes of requests for `domains`, of which the first match wins.
pub fn virtual_host<D: Into<String>>(
    name: impl Into<String>,
    domains: impl IntoIterator<Item = D>,
    routes: impl IntoIterator<Item = Route>,
) -> VirtualHost {
    VirtualHost {
        name: name.into(),
        domains: domains.into_iter().map(Into::into).collect(),
        routes: routes.into_iter().collect(),
        ..Default::default()
    }
}

/// What a route does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Sends the request to an upstream, see [`forward`].
    Forward(Box<RouteAction>),
    /// Answers with a redirect.
    Redirect(Redirect),
    /// Answers by itself.
    DirectResponse {
        /// The status.
        status: u16,
        /// The body.
        body: Option<Body>,
    },
}

/// The body of a direct response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// A route: the action for matching requests.
pub fn route(name: impl Into<String>, r#match: RouteMatch, action: Action) -> Route {
    Route { name: name.into(), r#match: Some(r#match), action: Some(action.into()), ..Default::default() }
}

/// Where a request is sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Upstream {
    /// To this cluster.
    Cluster(String),
    /// To the cluster that this request header names.
    ClusterHeader(String),
    /// To these clusters in proportion to their weights, see [`cluster_weight`].
    Weighted(Vec<ClusterWeight>),
}

/// Sends requests to `upstream`. Envoy's default timeout is 15 s; set `timeout` for another.
pub fn forward(upstream: Upstream) -> RouteAction {
    let specifier = match upstream {
        Upstream::Cluster(name) => ClusterSpecifier::Cluster(name),
        Upstream::ClusterHeader(header) => ClusterSpecifier::ClusterHeader(header),
        Upstream::Weighted(clusters) => {
            ClusterSpecifier::WeightedClusters(WeightedCluster { clusters, ..Default::default() })
        }
    };
    RouteAction { cluster_specifier: Some(specifier), ..Default::default() }
}

/// A cluster with its weight. The sum of the weights of a route is at least 1 and fits 32 bits.
pub fn cluster_weight(name: impl Into<String>, weight: u32) -> ClusterWeight {
    ClusterWeight { name: name.into(), weight: Some(weight.into_proto()), ..Default::default() }
}

/// Sends `host` upstream in place of the request's `:authority`.
pub fn host_rewrite(host: impl Into<String>) -> HostRewriteSpecifier {
    HostRewriteSpecifier::HostRewriteLiteral(host.into())
}

/// A redirect. `None` keeps the value of the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redirect {
    /// The scheme.
    pub scheme: Option<String>,
    /// The host.
    pub host: Option<String>,
    /// The port; without one a change of the scheme drops the default port of the old one.
    pub port: Option<u16>,
    /// The path.
    pub path: Option<RedirectPath>,
    /// The status. Envoy's default is 301.
    pub code: RedirectResponseCode,
    /// Drops the query.
    pub strip_query: bool,
}

/// The path of a redirect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectPath {
    /// This path; it replaces the query too if it has one.
    Full(String),
    /// The part that the route's prefix matched is replaced by this.
    Prefix(String),
}

/// A header to add, and what becomes of it in a message that has it. The value may have Envoy's `%COMMANDS%`; a header
/// whose value is empty is not sent (Envoy's default).
pub fn header(
    key: impl Into<String>,
    value: impl Into<String>,
    action: HeaderAppendAction,
) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue { key: key.into(), value: value.into(), ..Default::default() }),
        append_action: action.into(),
        ..Default::default()
    }
}

impl From<Action> for ProtoAction {
    fn from(action: Action) -> Self {
        match action {
            Action::Forward(action) => Self::Route(*action),
            Action::Redirect(redirect) => Self::Redirect(redirect.into()),
            Action::DirectResponse { status, body } => Self::DirectResponse(DirectResponseAction {
                status: status.into(),
                body: body.map(|body| match body {
                    Body::Text(text) => inline_string(text),
                    Body::Bytes(bytes) => inline_bytes(bytes),
                }),
                ..Default::default()
            }),
        }
    }
}

impl From<RouteAction> for Action {
    fn from(action: RouteAction) -> Self {
        Self::Forward(Box::new(action))
    }
}

impl From<Redirect> for RedirectAction {
    fn from(redirect: Redirect) -> Self {
        Self {
            scheme_rewrite_specifier: redirect.scheme.map(SchemeRewriteSpecifier::SchemeRedirect),
            host_redirect: redirect.host.unwrap_or_default(),
            port_redirect: redirect.port.unwrap_or_default().into(),
            path_rewrite_specifier: redirect.path.map(|path| match path {
                RedirectPath::Full(path) => PathRewriteSpecifier::PathRedirect(path),
                RedirectPath::Prefix(prefix) => PathRewriteSpecifier::PrefixRewrite(prefix),
            }),
            response_code: redirect.code.into(),
            strip_query: redirect.strip_query,
        }
    }
}
