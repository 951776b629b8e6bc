//! The HTTP connection manager.

use std::time::Duration;

use envoy_types::pb::{
    envoy::{
        config::{accesslog::v3::AccessLog, listener::v3::Filter, route::v3::RouteConfiguration},
        extensions::filters::network::http_connection_manager::v3::{
            HttpConnectionManager, HttpFilter, Rds,
            http_connection_manager::{
                ForwardClientCertDetails, RouteSpecifier, SetCurrentClientCertDetails, UpgradeConfig,
            },
        },
    },
    google::protobuf::Any,
};
use prost::Name;

use crate::{
    Template, config_source, encode, extension,
    listener::{network_filter, network_filter_of},
    wkt::IntoProto,
};

pub mod filter;

/// Where the routes come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Routes {
    /// The route table of this name, by RDS over ADS, waiting for it without a timeout.
    Rds(String),
    /// This table.
    Inline(Box<RouteConfiguration>),
}

fn rds(table: impl Into<String>) -> Rds {
    Rds { config_source: Some(config_source::ads_without_timeout()), route_config_name: table.into() }
}

/// A connection manager that detects the version of HTTP (Envoy's default) and has no filters.
pub fn http_connection_manager(
    stat_prefix: impl Into<String>,
    routes: Routes,
) -> HttpConnectionManagerBuilder {
    let routes = match routes {
        Routes::Rds(table) => RouteSpecifier::Rds(rds(table)),
        Routes::Inline(table) => RouteSpecifier::RouteConfig(*table),
    };
    HttpConnectionManagerBuilder(HttpConnectionManager {
        stat_prefix: stat_prefix.into(),
        route_specifier: Some(routes),
        ..Default::default()
    })
}

/// Builds an [`HttpConnectionManager`]; what is not set stays at Envoy's default.
#[derive(Clone, Debug)]
#[must_use]
pub struct HttpConnectionManagerBuilder(HttpConnectionManager);

impl HttpConnectionManagerBuilder {
    /// Appends an HTTP filter; the router comes last.
    pub fn filter(mut self, filter: HttpFilter) -> Self {
        self.0.http_filters.push(filter);
        self
    }

    /// Appends HTTP filters.
    pub fn filters(mut self, filters: impl IntoIterator<Item = HttpFilter>) -> Self {
        self.0.http_filters.extend(filters);
        self
    }

    /// Appends an access log.
    pub fn access_log(mut self, log: AccessLog) -> Self {
        self.0.access_log.push(log);
        self
    }

    /// Lets requests upgrade to a protocol, such as `websocket`.
    pub fn upgrade(mut self, upgrade_type: impl Into<String>) -> Self {
        self.0
            .upgrade_configs
            .push(UpgradeConfig { upgrade_type: upgrade_type.into(), ..Default::default() });
        self
    }

    /// Ends a stream without traffic. Envoy's default is 5 min; zero is never.
    pub fn stream_idle_timeout(mut self, timeout: Duration) -> Self {
        self.0.stream_idle_timeout = Some(timeout.into_proto());
        self
    }

    /// Whether the client's address is the peer's (at an edge) or the one in `x-forwarded-for`. Envoy's default is the
    /// latter.
    pub fn use_remote_address(mut self, edge: bool) -> Self {
        self.0.use_remote_address = Some(edge.into_proto());
        self
    }

    /// Normalizes paths by RFC 3986.
    pub fn normalize_path(mut self, normalize: bool) -> Self {
        self.0.normalize_path = Some(normalize.into_proto());
        self
    }

    /// How `x-forwarded-client-cert` is treated, and what is written into it.
    pub fn forward_client_cert(
        mut self,
        details: ForwardClientCertDetails,
        set: Option<SetCurrentClientCertDetails>,
    ) -> Self {
        self.0.set_forward_client_cert_details(details);
        self.0.set_current_client_cert_details = set;
        self
    }

    /// Passes `Expect: 100-continue` on instead of answering it.
    pub fn proxy_100_continue(mut self) -> Self {
        self.0.proxy_100_continue = true;
        self
    }

    /// The `server` header of responses.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.0.server_name = name.into();
        self
    }

    /// Sets fields that have no method here.
    pub fn with(mut self, set: impl FnOnce(&mut HttpConnectionManager)) -> Self {
        set(&mut self.0);
        self
    }

    /// The connection manager.
    #[must_use]
    pub fn build(self) -> HttpConnectionManager {
        self.0
    }

    /// The connection manager as the last filter of a chain.
    #[must_use]
    pub fn build_filter(self) -> Filter {
        network_filter(extension::HTTP_CONNECTION_MANAGER, &self.0)
    }

    /// A template for many chains whose managers differ in the prefix of their statistics and in their RDS table; this
    /// one must use RDS.
    #[must_use]
    pub fn build_template(self) -> ManagerTemplate {
        ManagerTemplate(Template::new(&self.0, &[STAT_PREFIX, RDS]))
    }
}

/// `HttpConnectionManager.stat_prefix`, `.rds`.
const STAT_PREFIX: u32 = 2;
const RDS: u32 = 3;

/// A template of similar connection managers, see [`HttpConnectionManagerBuilder::build_template`].
#[derive(Clone, Debug)]
pub struct ManagerTemplate(Template);

impl ManagerTemplate {
    /// The manager with this prefix of statistics and this route table, as the last filter of a chain.
    pub fn filter(&self, stat_prefix: &str, table: &str) -> Filter {
        let rds = encode(&rds(table));
        let value = self.0.fill(&[(STAT_PREFIX, stat_prefix.as_bytes()), (RDS, &rds)]);
        let manager = Any { type_url: HttpConnectionManager::type_url(), value };
        network_filter_of(extension::HTTP_CONNECTION_MANAGER, manager)
    }
}
