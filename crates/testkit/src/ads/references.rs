//! The names that a resource makes Envoy request next.

use std::collections::BTreeSet;

use envoy_types::pb::{
    envoy::{
        config::{
            cluster::v3::{Cluster, cluster::ClusterDiscoveryType},
            core::v3::{
                ConfigSource, TransportSocket, config_source::ConfigSourceSpecifier, transport_socket,
            },
            endpoint::v3::{ClusterLoadAssignment, locality_lb_endpoints::LbConfig},
            listener::v3::{FilterChain, Listener, filter},
            route::v3::RouteConfiguration,
        },
        extensions::{
            filters::network::http_connection_manager::v3::{
                HttpConnectionManager, http_connection_manager::RouteSpecifier,
            },
            transport_sockets::tls::v3::{
                CommonTlsContext, DownstreamTlsContext, UpstreamTlsContext,
                common_tls_context::ValidationContextType,
            },
        },
    },
    google::protobuf::{Any, StringValue},
    xds::r#type::matcher::v3::{
        Matcher,
        matcher::{MatcherType, OnMatch, matcher_tree::TreeType, on_match},
    },
};
use fairlead_resource::TypeUrl;
use prost::{DecodeError, Message};

const CLUSTER_TYPE_EDS: i32 = 3;

/// The names that a resource refers to, as far as they come over ADS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// The ClusterLoadAssignment of a cluster.
    pub endpoints: Option<String>,
    /// The route tables of a listener.
    pub routes: BTreeSet<String>,
    /// The secrets of a cluster or listener.
    pub secrets: BTreeSet<String>,
    /// The collections of endpoints of an assignment, `<path>/*`.
    pub collections: BTreeSet<String>,
    /// The filter chains that a listener does not have itself.
    pub chains: BTreeSet<String>,
    /// Whether a route table takes virtual hosts of its own.
    pub virtual_hosts: bool,
}

/// What the message in `bytes` refers to.
pub(super) fn of(kind: TypeUrl, bytes: &[u8]) -> Result<References, DecodeError> {
    match kind {
        TypeUrl::CLUSTER => of_cluster(&Cluster::decode(bytes)?),
        TypeUrl::LISTENER => of_listener(&Listener::decode(bytes)?),
        TypeUrl::ROUTE_CONFIGURATION => {
            let table = RouteConfiguration::decode(bytes)?;
            let source = table.vhds.as_ref().and_then(|vhds| vhds.config_source.as_ref());
            Ok(References { virtual_hosts: is_ads(source), ..References::default() })
        }
        TypeUrl::CLUSTER_LOAD_ASSIGNMENT => Ok(of_assignment(&ClusterLoadAssignment::decode(bytes)?)),
        TypeUrl::FILTER_CHAIN => {
            // Envoy does not request the secrets of a chain sent by FCDS: its listener names them.
            let mut references = References::default();
            add_routes(&FilterChain::decode(bytes)?, &mut references.routes)?;
            Ok(references)
        }
        _ => Ok(References::default()),
    }
}

fn of_assignment(assignment: &ClusterLoadAssignment) -> References {
    let mut references = References::default();
    for locality in &assignment.endpoints {
        if let Some(LbConfig::LedsClusterLocalityConfig(leds)) = &locality.lb_config
            && is_ads(leds.leds_config.as_ref())
        {
            references.collections.insert(leds.leds_collection_name.clone());
        }
    }
    references
}

fn of_cluster(cluster: &Cluster) -> Result<References, DecodeError> {
    let mut references = References::default();
    if matches!(cluster.cluster_discovery_type, Some(ClusterDiscoveryType::Type(CLUSTER_TYPE_EDS))) {
        let eds = cluster.eds_cluster_config.clone().unwrap_or_default();
        if is_ads(eds.eds_config.as_ref()) {
            let name = if eds.service_name.is_empty() { &cluster.name } else { &eds.service_name };
            references.endpoints = Some(name.clone());
        }
    }
    let matches = cluster.transport_socket_matches.iter().filter_map(|m| m.transport_socket.as_ref());
    for socket in matches.chain(cluster.transport_socket.as_ref()) {
        add_secrets(socket, &mut references.secrets)?;
    }
    Ok(references)
}

fn of_listener(listener: &Listener) -> Result<References, DecodeError> {
    let mut references = References::default();
    for chain in listener.filter_chains.iter().chain(listener.default_filter_chain.as_ref()) {
        add_routes(chain, &mut references.routes)?;
        if let Some(socket) = &chain.transport_socket {
            add_secrets(socket, &mut references.secrets)?;
        }
    }
    let source = listener.fcds_config.as_ref().and_then(|fcds| fcds.config_source.as_ref());
    if is_ads(source)
        && let Some(matcher) = &listener.filter_chain_matcher
    {
        add_chains(matcher, &mut references.chains)?;
        for chain in &listener.filter_chains {
            references.chains.remove(&chain.name);
        }
    }
    Ok(references)
}

/// Adds the chains that a matcher can select.
fn add_chains(matcher: &Matcher, chains: &mut BTreeSet<String>) -> Result<(), DecodeError> {
    let mut ends: Vec<&OnMatch> = matcher.on_no_match.as_deref().into_iter().collect();
    match &matcher.matcher_type {
        Some(MatcherType::MatcherList(list)) => {
            ends.extend(list.matchers.iter().filter_map(|field| field.on_match.as_ref()));
        }
        Some(MatcherType::MatcherTree(tree)) => match &tree.tree_type {
            Some(TreeType::ExactMatchMap(map) | TreeType::PrefixMatchMap(map)) => {
                #[expect(clippy::iter_over_hash_type, reason = "they go into an ordered set")]
                for end in map.map.values() {
                    ends.push(end);
                }
            }
            Some(TreeType::CustomMatch(_)) | None => {}
        },
        None => {}
    }
    for end in ends {
        match &end.on_match {
            Some(on_match::OnMatch::Matcher(nested)) => add_chains(nested, chains)?,
            Some(on_match::OnMatch::Action(action)) => {
                let name = action.typed_config.as_ref().map(unpack::<StringValue>).transpose()?.flatten();
                chains.extend(name.map(|name| name.value));
            }
            None => {}
        }
    }
    Ok(())
}

fn add_routes(chain: &FilterChain, routes: &mut BTreeSet<String>) -> Result<(), DecodeError> {
    for filter in &chain.filters {
        let Some(filter::ConfigType::TypedConfig(config)) = &filter.config_type else { continue };
        let Some(manager) = unpack::<HttpConnectionManager>(config)? else { continue };
        if let Some(RouteSpecifier::Rds(rds)) = manager.route_specifier
            && is_ads(rds.config_source.as_ref())
        {
            routes.insert(rds.route_config_name);
        }
    }
    Ok(())
}

fn add_secrets(socket: &TransportSocket, secrets: &mut BTreeSet<String>) -> Result<(), DecodeError> {
    let Some(transport_socket::ConfigType::TypedConfig(config)) = &socket.config_type else { return Ok(()) };
    let context = match unpack::<UpstreamTlsContext>(config)? {
        Some(upstream) => upstream.common_tls_context,
        None => unpack::<DownstreamTlsContext>(config)?.and_then(|downstream| downstream.common_tls_context),
    };
    if let Some(context) = context {
        add_context(context, secrets);
    }
    Ok(())
}

fn add_context(context: CommonTlsContext, secrets: &mut BTreeSet<String>) {
    let validation = match context.validation_context_type {
        Some(ValidationContextType::ValidationContextSdsSecretConfig(sds)) => Some(sds),
        Some(ValidationContextType::CombinedValidationContext(both)) => {
            both.validation_context_sds_secret_config
        }
        _ => None,
    };
    let all = context.tls_certificate_sds_secret_configs.into_iter().chain(validation);
    secrets.extend(all.filter(|sds| is_ads(sds.sds_config.as_ref())).map(|sds| sds.name));
}

fn is_ads(source: Option<&ConfigSource>) -> bool {
    matches!(source.and_then(|s| s.config_source_specifier.as_ref()), Some(ConfigSourceSpecifier::Ads(_)))
}

/// The message in `any` if it is an `M`, by the last part of its type URL.
fn unpack<M: Message + Default + prost::Name>(any: &Any) -> Result<Option<M>, DecodeError> {
    let is_type = any.type_url.rsplit('/').next() == Some(M::full_name().as_str());
    if is_type { M::decode(any.value.as_slice()).map(Some) } else { Ok(None) }
}

#[cfg(test)]
mod tests;
