use envoy_types::pb::envoy::{
    config::{
        cluster::v3::cluster::{EdsClusterConfig, TransportSocketMatch},
        core::v3::AggregatedConfigSource,
        endpoint::v3::{LedsClusterLocalityConfig, LocalityLbEndpoints},
        listener::v3::{Filter, listener::FcdsConfig},
        route::v3::Vhds,
    },
    extensions::{
        filters::network::http_connection_manager::v3::Rds,
        transport_sockets::tls::v3::{
            SdsSecretConfig, common_tls_context::CombinedCertificateValidationContext,
        },
    },
};

use super::*;

fn ads() -> ConfigSource {
    ConfigSource {
        config_source_specifier: Some(ConfigSourceSpecifier::Ads(AggregatedConfigSource {})),
        ..ConfigSource::default()
    }
}

fn pack<M: Message + prost::Name>(message: &M) -> Any {
    Any { type_url: M::type_url(), value: message.encode_to_vec() }
}

fn sds(name: &str) -> SdsSecretConfig {
    SdsSecretConfig { name: name.to_owned(), sds_config: Some(ads()) }
}

fn tls(certificate: &str, authority: &str) -> CommonTlsContext {
    let both = CombinedCertificateValidationContext {
        validation_context_sds_secret_config: Some(sds(authority)),
        ..CombinedCertificateValidationContext::default()
    };
    CommonTlsContext {
        tls_certificate_sds_secret_configs: vec![sds(certificate)],
        validation_context_type: Some(ValidationContextType::CombinedValidationContext(both)),
        ..CommonTlsContext::default()
    }
}

fn socket<M: Message + prost::Name>(context: &M) -> TransportSocket {
    let config_type = Some(transport_socket::ConfigType::TypedConfig(pack(context)));
    TransportSocket { name: "tls".to_owned(), config_type }
}

#[test]
fn a_cluster_refers_to_its_assignment_and_to_the_secrets_of_every_socket() {
    let upstream = UpstreamTlsContext {
        common_tls_context: Some(tls("default", "ROOTCA")),
        ..UpstreamTlsContext::default()
    };
    let only_match =
        TransportSocketMatch { transport_socket: Some(socket(&upstream)), ..TransportSocketMatch::default() };
    let mut cluster = Cluster {
        name: "a".to_owned(),
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(CLUSTER_TYPE_EDS)),
        eds_cluster_config: Some(EdsClusterConfig { eds_config: Some(ads()), service_name: "b".to_owned() }),
        transport_socket_matches: vec![only_match],
        ..Cluster::default()
    };
    let references = of(TypeUrl::CLUSTER, &cluster.encode_to_vec()).unwrap();
    assert_eq!(references.endpoints.as_deref(), Some("b"));
    assert_eq!(references.secrets, BTreeSet::from(["ROOTCA".to_owned(), "default".to_owned()]));
    cluster.eds_cluster_config =
        Some(EdsClusterConfig { eds_config: Some(ads()), service_name: String::new() });
    let references = of(TypeUrl::CLUSTER, &cluster.encode_to_vec()).unwrap();
    assert_eq!(references.endpoints.as_deref(), Some("a"));
    cluster.eds_cluster_config = None;
    assert_eq!(of(TypeUrl::CLUSTER, &cluster.encode_to_vec()).unwrap().endpoints, None);
}

#[test]
fn a_listener_refers_to_tables_and_secrets_of_all_chains() {
    let rds = Rds { config_source: Some(ads()), route_config_name: "80".to_owned() };
    let manager = HttpConnectionManager {
        route_specifier: Some(RouteSpecifier::Rds(rds)),
        ..HttpConnectionManager::default()
    };
    let filter =
        Filter { name: "hcm".to_owned(), config_type: Some(filter::ConfigType::TypedConfig(pack(&manager))) };
    let downstream = DownstreamTlsContext {
        common_tls_context: Some(tls("gateway", "CLIENTS")),
        ..DownstreamTlsContext::default()
    };
    let listener = Listener {
        name: "l".to_owned(),
        filter_chains: vec![FilterChain { filters: vec![filter], ..FilterChain::default() }],
        default_filter_chain: Some(FilterChain {
            transport_socket: Some(socket(&downstream)),
            ..FilterChain::default()
        }),
        ..Listener::default()
    };
    let references = of(TypeUrl::LISTENER, &listener.encode_to_vec()).unwrap();
    assert_eq!(references.routes, BTreeSet::from(["80".to_owned()]));
    assert_eq!(references.secrets, BTreeSet::from(["CLIENTS".to_owned(), "gateway".to_owned()]));
}

#[test]
fn a_table_with_vhds_takes_virtual_hosts() {
    let mut table = RouteConfiguration { name: "80".to_owned(), ..RouteConfiguration::default() };
    assert!(!of(TypeUrl::ROUTE_CONFIGURATION, &table.encode_to_vec()).unwrap().virtual_hosts);
    table.vhds = Some(Vhds { config_source: Some(ads()) });
    assert!(of(TypeUrl::ROUTE_CONFIGURATION, &table.encode_to_vec()).unwrap().virtual_hosts);
}

#[test]
fn an_assignment_refers_to_its_collections() {
    let locality = |name: &str| LocalityLbEndpoints {
        lb_config: Some(LbConfig::LedsClusterLocalityConfig(LedsClusterLocalityConfig {
            leds_config: Some(ads()),
            leds_collection_name: name.to_owned(),
        })),
        ..LocalityLbEndpoints::default()
    };
    let assignment = ClusterLoadAssignment {
        endpoints: vec![locality("c/0/*"), LocalityLbEndpoints::default(), locality("c/1/*")],
        ..ClusterLoadAssignment::default()
    };
    let references = of(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, &assignment.encode_to_vec()).unwrap();
    assert_eq!(references.collections, ["c/0/*", "c/1/*"].map(str::to_owned).into());
}

#[test]
fn a_listener_refers_to_the_chains_of_its_matcher_and_a_chain_to_its_routes() {
    let names = [("a.example.com", "l/a"), ("*.b.example.com", "l/b"), ("*", "l/rest")];
    let mut listener = Listener {
        filter_chain_matcher: fairlead_envoy::listener::server_name_matcher(&names.into()),
        fcds_config: Some(FcdsConfig { config_source: Some(ads()), ..FcdsConfig::default() }),
        ..Listener::default()
    };
    let chains = |listener: &Listener| of(TypeUrl::LISTENER, &listener.encode_to_vec()).unwrap().chains;
    assert_eq!(chains(&listener), ["l/a", "l/b", "l/rest"].map(str::to_owned).into());
    listener.filter_chains.push(FilterChain { name: "l/b".to_owned(), ..FilterChain::default() });
    assert_eq!(chains(&listener), ["l/a", "l/rest"].map(str::to_owned).into(), "it has the other itself");
    listener.fcds_config = None;
    assert!(chains(&listener).is_empty());
}
