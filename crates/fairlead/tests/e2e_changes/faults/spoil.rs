//! What makes an Envoy reject a resource of each type.

use envoy_types::pb::{
    envoy::config::{
        cluster::v3::{Cluster, cluster::LbPolicy},
        core::v3::{
            Address, DataSource, SocketAddress, TypedExtensionConfig, address, data_source, socket_address,
        },
        endpoint::v3::{
            ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints, cluster_load_assignment,
            lb_endpoint,
        },
        listener::v3::{Listener, ListenerFilter, listener_filter},
        route::v3::{ClusterSpecifierPlugin, RouteConfiguration, VirtualHost},
    },
    envoy::extensions::transport_sockets::tls::v3::{Secret, TlsCertificate, TlsSessionTicketKeys, secret},
    google::protobuf::{Any, Duration, UInt32Value},
};
use fairlead_resource::TypeUrl;
use prost::Message as _;

/// How a resource is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// A field breaks a constraint of its definition. Envoy shows the message that has it.
    Constraint,
    /// It says something that Envoy cannot do. Of clusters and listeners Envoy tells the name.
    Meaning,
}

/// The fields that spoil a resource of this type when they follow it.
pub(crate) fn tail(type_url: TypeUrl, wrong: Wrong) -> Vec<u8> {
    match (type_url, wrong) {
        (TypeUrl::CLUSTER, Wrong::Constraint) => {
            let cleanup_interval = Some(Duration { seconds: 0, nanos: 0 });
            Cluster { cleanup_interval, ..Cluster::default() }.encode_to_vec()
        }
        (TypeUrl::CLUSTER, Wrong::Meaning) => {
            Cluster { lb_policy: LbPolicy::ClusterProvided.into(), ..Cluster::default() }.encode_to_vec()
        }
        (TypeUrl::CLUSTER_LOAD_ASSIGNMENT, Wrong::Constraint) => {
            let overprovisioning_factor = Some(UInt32Value { value: 0 });
            let policy = cluster_load_assignment::Policy {
                overprovisioning_factor,
                ..cluster_load_assignment::Policy::default()
            };
            ClusterLoadAssignment { policy: Some(policy), ..ClusterLoadAssignment::default() }.encode_to_vec()
        }
        (TypeUrl::CLUSTER_LOAD_ASSIGNMENT, Wrong::Meaning) => {
            ClusterLoadAssignment { endpoints: vec![no_address()], ..ClusterLoadAssignment::default() }
                .encode_to_vec()
        }
        (TypeUrl::LISTENER, wrong) => {
            let name = if wrong == Wrong::Constraint { String::new() } else { "unheard-of".to_owned() };
            let config_type = Some(listener_filter::ConfigType::TypedConfig(unheard_of()));
            let listener_filters = vec![ListenerFilter { name, config_type, ..ListenerFilter::default() }];
            Listener { listener_filters, ..Listener::default() }.encode_to_vec()
        }
        (TypeUrl::ROUTE_CONFIGURATION, Wrong::Constraint) => {
            let internal_only_headers = vec!["a\nb".to_owned()];
            RouteConfiguration { internal_only_headers, ..RouteConfiguration::default() }.encode_to_vec()
        }
        (TypeUrl::ROUTE_CONFIGURATION, Wrong::Meaning) => {
            let extension = Some(TypedExtensionConfig {
                name: "unheard-of".to_owned(),
                typed_config: Some(unheard_of()),
            });
            let cluster_specifier_plugins = vec![ClusterSpecifierPlugin { extension, is_optional: false }];
            RouteConfiguration { cluster_specifier_plugins, ..RouteConfiguration::default() }.encode_to_vec()
        }
        (TypeUrl::VIRTUAL_HOST, Wrong::Constraint) => {
            let request_headers_to_remove = vec!["a\nb".to_owned()];
            VirtualHost { request_headers_to_remove, ..VirtualHost::default() }.encode_to_vec()
        }
        (TypeUrl::VIRTUAL_HOST, Wrong::Meaning) => {
            let typed_per_filter_config = std::iter::once(("unheard-of".to_owned(), unheard_of())).collect();
            VirtualHost { typed_per_filter_config, ..VirtualHost::default() }.encode_to_vec()
        }
        (TypeUrl::SECRET, Wrong::Constraint) => {
            let r#type = Some(secret::Type::SessionTicketKeys(TlsSessionTicketKeys::default()));
            Secret { r#type, ..Secret::default() }.encode_to_vec()
        }
        (TypeUrl::SECRET, Wrong::Meaning) => {
            let specifier = Some(data_source::Specifier::InlineString("no certificate".to_owned()));
            let certificate_chain = Some(DataSource { specifier, ..DataSource::default() });
            let certificate = TlsCertificate { certificate_chain, ..TlsCertificate::default() };
            let r#type = Some(secret::Type::TlsCertificate(certificate));
            Secret { r#type, ..Secret::default() }.encode_to_vec()
        }
        (other, _) => unreachable!("{other} is not spoilt"),
    }
}

/// Fields of a table that change it and are right.
pub(crate) fn harmless() -> Vec<u8> {
    RouteConfiguration { most_specific_header_mutations_wins: true, ..RouteConfiguration::default() }
        .encode_to_vec()
}

fn unheard_of() -> Any {
    Any { type_url: "type.googleapis.com/example.UnheardOf".to_owned(), value: Vec::new() }
}

/// An endpoint whose address is none.
fn no_address() -> LocalityLbEndpoints {
    let address = "no address".to_owned();
    let port_specifier = Some(socket_address::PortSpecifier::PortValue(80));
    let address = SocketAddress { address, port_specifier, ..SocketAddress::default() };
    let address = Some(Address { address: Some(address::Address::SocketAddress(address)) });
    let host = Some(lb_endpoint::HostIdentifier::Endpoint(Endpoint { address, ..Endpoint::default() }));
    let lb_endpoints = vec![LbEndpoint { host_identifier: host, ..LbEndpoint::default() }];
    LocalityLbEndpoints { lb_endpoints, ..LocalityLbEndpoints::default() }
}
