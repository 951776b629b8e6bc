use envoy_types::pb::envoy::config::{
    cluster::v3::{
        Cluster,
        cluster::{ClusterDiscoveryType, EdsClusterConfig},
    },
    core::v3::{AggregatedConfigSource, ConfigSource, config_source::ConfigSourceSpecifier},
    route::v3::{RouteConfiguration, Vhds, VirtualHost},
};

use super::*;

fn ads() -> ConfigSource {
    ConfigSource {
        config_source_specifier: Some(ConfigSourceSpecifier::Ads(AggregatedConfigSource {})),
        ..ConfigSource::default()
    }
}

fn cluster(name: &str, alt_stat_name: &str) -> Resource {
    let message = Cluster {
        name: name.to_owned(),
        alt_stat_name: alt_stat_name.to_owned(),
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(3)),
        eds_cluster_config: Some(EdsClusterConfig { eds_config: Some(ads()), service_name: String::new() }),
        ..Cluster::default()
    };
    resource(name, &message)
}

fn resource<M: Message>(name: &str, message: &M) -> Resource {
    Resource { name: name.to_owned(), version: "1".to_owned(), message: Some(message.encode_to_vec()) }
}

fn table(name: &str) -> Resource {
    let message = RouteConfiguration {
        name: name.to_owned(),
        vhds: Some(Vhds { config_source: Some(ads()) }),
        ..Default::default()
    };
    resource(name, &message)
}

fn host(name: &str) -> Resource {
    resource(name, &VirtualHost { name: name.to_owned(), ..VirtualHost::default() })
}

fn endpoints(name: &str) -> Resource {
    let message = envoy_types::pb::envoy::config::endpoint::v3::ClusterLoadAssignment {
        cluster_name: name.to_owned(),
        ..Default::default()
    };
    resource(name, &message)
}

fn response(kind: TypeUrl, nonce: &str, resources: Vec<Resource>) -> Response {
    Response { type_url: kind.as_str().to_owned(), nonce: nonce.to_owned(), resources, ..Response::default() }
}

fn subscribe(kind: TypeUrl, add: &[&str], remove: &[&str]) -> Outgoing {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Outgoing::Subscribe { kind, add: names(add), remove: names(remove) }
}

fn ack(kind: TypeUrl, nonce: &str) -> Outgoing {
    Outgoing::Ack { kind, nonce: nonce.to_owned() }
}

#[test]
fn a_new_envoy_asks_for_clusters_then_endpoints_then_listeners() {
    let mut held = Held::new(Protocol::Delta, true);
    assert_eq!(held.on_stream(), [Outgoing::Initial(TypeUrl::CLUSTER)]);
    let out = held.take(response(TypeUrl::CLUSTER, "1", vec![cluster("a", "")]));
    assert_eq!(out, [subscribe(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, &["a"], &[])]);
    assert_eq!(held.warming(), ["a"]);
    let out = held.take(response(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, "2", vec![endpoints("a")]));
    let wanted = [
        ack(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, "2"),
        ack(TypeUrl::CLUSTER, "1"),
        Outgoing::Initial(TypeUrl::LISTENER),
    ];
    assert_eq!(out, wanted);
}

#[test]
fn a_changed_cluster_withholds_its_acknowledgement_until_its_endpoints_come_again() {
    for (protocol, repeat) in [(Protocol::Delta, false), (Protocol::Sotw, true)] {
        let mut held = Held::new(protocol, true);
        held.on_stream();
        held.take(response(TypeUrl::CLUSTER, "1", vec![cluster("a", "")]));
        held.take(response(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, "2", vec![endpoints("a")]));
        let out = held.take(response(TypeUrl::CLUSTER, "3", vec![cluster("a", "changed")]));
        let wanted = if repeat { vec![Outgoing::Repeat(TypeUrl::CLUSTER_LOAD_ASSIGNMENT)] } else { vec![] };
        assert_eq!(out, wanted, "{protocol:?}");
        assert!(held.waits());
        assert_eq!(held.expire(), [ack(TypeUrl::CLUSTER, "3")]);
        assert_eq!(held.expired_waits(), 1);
    }
}

#[test]
fn an_equal_cluster_needs_no_endpoints() {
    let mut held = Held::new(Protocol::Delta, true);
    held.on_stream();
    held.take(response(TypeUrl::CLUSTER, "1", vec![cluster("a", "")]));
    held.take(response(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, "2", vec![endpoints("a")]));
    let out = held.take(response(TypeUrl::CLUSTER, "3", vec![cluster("a", "")]));
    assert_eq!(out, [ack(TypeUrl::CLUSTER, "3")]);
}

#[test]
fn withheld_acknowledgements_collapse_only_in_state_of_the_world() {
    for (protocol, nonces) in [(Protocol::Delta, vec!["1", "2"]), (Protocol::Sotw, vec!["2"])] {
        let mut held = Held::new(protocol, true);
        held.on_stream();
        held.take(response(TypeUrl::CLUSTER, "1", vec![cluster("a", "")]));
        held.take(response(TypeUrl::CLUSTER, "2", vec![cluster("a", "x")]));
        let out = held.take(response(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, "3", vec![endpoints("a")]));
        let clusters: Vec<_> =
            out.into_iter().filter(|o| matches!(o, Outgoing::Ack { kind: TypeUrl::CLUSTER, .. })).collect();
        let wanted: Vec<_> = nonces.into_iter().map(|nonce| ack(TypeUrl::CLUSTER, nonce)).collect();
        assert_eq!(clusters, wanted, "{protocol:?}");
    }
}

#[test]
fn a_removed_cluster_gives_up_its_endpoints() {
    let mut held = Held::new(Protocol::Delta, true);
    held.on_stream();
    held.take(response(TypeUrl::CLUSTER, "1", vec![cluster("a", ""), cluster("b", "")]));
    held.take(response(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, "2", vec![endpoints("a"), endpoints("b")]));
    let removal = Response { removed: vec!["b".to_owned()], ..response(TypeUrl::CLUSTER, "3", vec![]) };
    let out = held.take(removal);
    assert_eq!(out, [subscribe(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, &[], &["b"]), ack(TypeUrl::CLUSTER, "3")]);
    assert_eq!(held.names(TypeUrl::CLUSTER_LOAD_ASSIGNMENT), ["a"]);
}

#[test]
fn state_of_the_world_removes_clusters_by_leaving_them_out() {
    let mut held = Held::new(Protocol::Sotw, true);
    held.on_stream();
    held.take(response(TypeUrl::CLUSTER, "1", vec![cluster("a", ""), cluster("b", "")]));
    held.take(response(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, "2", vec![endpoints("a"), endpoints("b")]));
    held.take(response(TypeUrl::CLUSTER, "3", vec![cluster("a", "")]));
    assert_eq!(held.names(TypeUrl::CLUSTER), ["a"]);
    let request = held.request(&Outgoing::Repeat(TypeUrl::CLUSTER_LOAD_ASSIGNMENT));
    assert_eq!((request.names, request.last_nonce.as_str()), (vec!["a".to_owned()], "2"));
}

#[test]
fn hosts_that_come_before_their_table_are_lost() {
    let mut held = Held::new(Protocol::Delta, true);
    held.on_stream();
    let out = held.take(response(TypeUrl::VIRTUAL_HOST, "1", vec![host("80/a")]));
    assert_eq!(out, [ack(TypeUrl::VIRTUAL_HOST, "1")]);
    assert_eq!((held.lost_hosts(), held.has(TypeUrl::VIRTUAL_HOST, "80/a")), (1, false));
    let out = held.take(response(TypeUrl::ROUTE_CONFIGURATION, "2", vec![table("80")]));
    assert_eq!(out[0], Outgoing::Initial(TypeUrl::VIRTUAL_HOST));
    held.take(response(TypeUrl::VIRTUAL_HOST, "3", vec![host("80/a")]));
    assert!(held.has(TypeUrl::VIRTUAL_HOST, "80/a"));
    let removal =
        Response { removed: vec!["80".to_owned()], ..response(TypeUrl::ROUTE_CONFIGURATION, "4", vec![]) };
    held.take(removal);
    assert!(!held.has(TypeUrl::VIRTUAL_HOST, "80/a"));
}

#[test]
fn a_reconnect_lists_what_is_held() {
    let mut held = Held::new(Protocol::Delta, true);
    held.on_stream();
    held.take(response(TypeUrl::CLUSTER, "1", vec![cluster("a", "")]));
    held.take(response(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, "2", vec![endpoints("a")]));
    let wanted =
        [TypeUrl::CLUSTER, TypeUrl::CLUSTER_LOAD_ASSIGNMENT, TypeUrl::LISTENER].map(Outgoing::Initial);
    assert_eq!(held.on_stream(), wanted);
    let request = held.request(&wanted[0]);
    assert_eq!(request.initial_versions, BTreeMap::from([("a".to_owned(), "1".to_owned())]));
    assert_eq!((request.subscribe.len(), request.last_nonce.as_str()), (0, ""));
    let request = held.request(&wanted[1]);
    assert_eq!(request.subscribe, ["a"]);
}

#[test]
fn a_resource_that_cannot_be_read_refuses_the_whole_response() {
    let mut held = Held::new(Protocol::Delta, true);
    held.on_stream();
    let broken = Resource { message: Some(vec![0xff]), ..cluster("b", "") };
    let out = held.take(response(TypeUrl::CLUSTER, "1", vec![cluster("a", ""), broken]));
    assert!(matches!(&out[..], [Outgoing::Nack { nonce, .. }] if nonce == "1"), "{out:?}");
    assert!(!held.has(TypeUrl::CLUSTER, "a"));
}
