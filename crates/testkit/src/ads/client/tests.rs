//! The rules of a client, from bytes to bytes.

use envoy_types::pb::{
    envoy::{
        config::{
            cluster::v3::{
                Cluster,
                cluster::{ClusterDiscoveryType, EdsClusterConfig},
            },
            core::v3::{AggregatedConfigSource, ConfigSource, config_source::ConfigSourceSpecifier},
            endpoint::v3::{
                ClusterLoadAssignment, LbEndpoint, LedsClusterLocalityConfig, LocalityLbEndpoints,
                locality_lb_endpoints::LbConfig,
            },
            listener::v3::{Filter, FilterChain, Listener, filter},
            route::v3::{RouteConfiguration, Vhds, VirtualHost},
        },
        extensions::filters::network::http_connection_manager::v3::{
            HttpConnectionManager, Rds, http_connection_manager::RouteSpecifier,
        },
        service::discovery::v3::{
            DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse, Resource,
        },
    },
    google::protobuf::Any,
};
use prost::{Message, Name};
use serde_json::json;

use super::*;
use crate::ads::node;

const CDS: TypeUrl = TypeUrl::CLUSTER;
const EDS: TypeUrl = TypeUrl::CLUSTER_LOAD_ASSIGNMENT;
const LEDS: TypeUrl = TypeUrl::LB_ENDPOINT;
const LDS: TypeUrl = TypeUrl::LISTENER;
const RDS: TypeUrl = TypeUrl::ROUTE_CONFIGURATION;
const VHDS: TypeUrl = TypeUrl::VIRTUAL_HOST;

/// A client with its library. What it says is put into words: `EDS +a -b`, `EDS ack 2`, `LDS` for a first request.
struct Tested {
    client: Client,
    library: Library,
    /// Why it refuses what comes.
    refusal: Option<&'static str>,
}

impl Tested {
    fn new(protocol: Protocol) -> Self {
        let node = node("sidecar~10.0.0.1~a.shop~shop.svc", "a.shop", &json!({}));
        Self { client: Client::new(protocol, Some(node)), library: Library::default(), refusal: None }
    }

    /// One with a stream, which has said what it says first.
    fn on_stream(protocol: Protocol) -> Self {
        let mut tested = Self::new(protocol);
        assert_eq!(tested.first(), ["CDS"]);
        tested
    }

    fn first(&mut self) -> Vec<String> {
        let out = self.client.on_stream();
        out.iter().map(|outgoing| self.words(outgoing)).collect()
    }

    fn take(&mut self, kind: TypeUrl, nonce: &str, resources: Vec<(&str, Vec<u8>)>) -> Vec<String> {
        self.take_with(kind, nonce, resources, &[])
    }

    fn take_with(
        &mut self,
        kind: TypeUrl,
        nonce: &str,
        resources: Vec<(&str, Vec<u8>)>,
        removed: &[&str],
    ) -> Vec<String> {
        let any = |value| Any { type_url: kind.as_str().to_owned(), value };
        let (type_url, nonce) = (kind.as_str().to_owned(), nonce.to_owned());
        let message = match self.client.protocol {
            Protocol::Delta => {
                let resource = |(name, value): (&str, Vec<u8>)| Resource {
                    name: name.to_owned(),
                    version: "1".to_owned(),
                    resource: Some(any(value)),
                    ..Resource::default()
                };
                let resources = resources.into_iter().map(resource).collect();
                let removed_resources = removed.iter().map(|name| (*name).to_owned()).collect();
                let response = DeltaDiscoveryResponse {
                    type_url,
                    nonce,
                    resources,
                    removed_resources,
                    ..Default::default()
                };
                response.encode_to_vec()
            }
            Protocol::Sotw => {
                let resources = resources.into_iter().map(|(_, value)| any(value)).collect();
                DiscoveryResponse { type_url, nonce, resources, ..Default::default() }.encode_to_vec()
            }
        };
        let mut framed = vec![0];
        framed.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        framed.extend(message);
        let mut said = Vec::new();
        for response in self.client.read(&framed, &mut self.library).unwrap() {
            assert_eq!(response.bytes, framed.len());
            let refusal = self.refusal.map(str::to_owned);
            let out = self.client.take(response, refusal, &mut self.library, &mut |_, _, _| {});
            said.extend(out.iter().map(|outgoing| self.words(outgoing)));
        }
        said
    }

    fn words(&self, outgoing: &Outgoing) -> String {
        let named = |sign: &'static str, ids: &[NameId]| -> String {
            ids.iter().flat_map(|id| [" ", sign, self.library.name(*id)]).collect()
        };
        match outgoing {
            Outgoing::Initial(kind) => kind.short().to_owned(),
            Outgoing::Repeat(kind) => format!("{} again", kind.short()),
            Outgoing::Subscribe { kind, add, remove } => {
                format!("{}{}{}", kind.short(), named("+", add), named("-", remove))
            }
            Outgoing::Ack { kind, nonce } => format!("{} ack {nonce}", kind.short()),
            Outgoing::Nack { nonce, message, .. } => format!("nack {nonce}: {message}"),
        }
    }

    fn has(&self, kind: TypeUrl, name: &str) -> bool {
        self.library.find(name).is_some_and(|name| self.client.held(kind, name).is_some())
    }

    fn names(&self, kind: TypeUrl) -> Vec<&str> {
        self.client.all_held(kind).map(|name| &**self.library.name(name)).collect()
    }

    fn delta(&mut self, outgoing: Outgoing) -> DeltaDiscoveryRequest {
        DeltaDiscoveryRequest::decode(&self.client.frame(outgoing, &self.library)[5..]).unwrap()
    }
}

fn ads() -> ConfigSource {
    ConfigSource {
        config_source_specifier: Some(ConfigSourceSpecifier::Ads(AggregatedConfigSource {})),
        ..ConfigSource::default()
    }
}

fn cluster(name: &'static str, alt_stat_name: &str) -> (&'static str, Vec<u8>) {
    let message = Cluster {
        name: name.to_owned(),
        alt_stat_name: alt_stat_name.to_owned(),
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(3)),
        eds_cluster_config: Some(EdsClusterConfig { eds_config: Some(ads()), service_name: String::new() }),
        ..Cluster::default()
    };
    (name, message.encode_to_vec())
}

fn listener(name: &'static str, table: &str) -> (&'static str, Vec<u8>) {
    let rds = Rds { config_source: Some(ads()), route_config_name: table.to_owned() };
    let manager = HttpConnectionManager {
        route_specifier: Some(RouteSpecifier::Rds(rds)),
        ..HttpConnectionManager::default()
    };
    let config = Any { type_url: HttpConnectionManager::type_url(), value: manager.encode_to_vec() };
    let config_type = Some(filter::ConfigType::TypedConfig(config));
    let filters = vec![Filter { config_type, ..Filter::default() }];
    let filter_chains = vec![FilterChain { filters, ..FilterChain::default() }];
    let message = Listener { name: name.to_owned(), filter_chains, ..Listener::default() };
    (name, message.encode_to_vec())
}

fn table(name: &'static str) -> (&'static str, Vec<u8>) {
    let vhds = Some(Vhds { config_source: Some(ads()) });
    (name, RouteConfiguration { name: name.to_owned(), vhds, ..Default::default() }.encode_to_vec())
}

fn host(name: &'static str) -> (&'static str, Vec<u8>) {
    (name, VirtualHost { name: name.to_owned(), ..VirtualHost::default() }.encode_to_vec())
}

fn endpoints(name: &'static str) -> (&'static str, Vec<u8>) {
    (name, ClusterLoadAssignment { cluster_name: name.to_owned(), ..Default::default() }.encode_to_vec())
}

fn collected(name: &'static str, glob: &str) -> (&'static str, Vec<u8>) {
    let leds = LedsClusterLocalityConfig { leds_config: Some(ads()), leds_collection_name: glob.to_owned() };
    let locality = LocalityLbEndpoints {
        lb_config: Some(LbConfig::LedsClusterLocalityConfig(leds)),
        ..LocalityLbEndpoints::default()
    };
    let cluster_name = name.to_owned();
    let message = ClusterLoadAssignment { cluster_name, endpoints: vec![locality], ..Default::default() };
    (name, message.encode_to_vec())
}

#[test]
fn the_first_request_asks_for_all_clusters_and_says_who_asks() {
    let mut tested = Tested::on_stream(Protocol::Delta);
    let first = tested.delta(Outgoing::Initial(CDS));
    assert_eq!(first.type_url, CDS.as_str());
    assert!(first.resource_names_subscribe.is_empty());
    let node = first.node.unwrap();
    assert_eq!(node.id, "sidecar~10.0.0.1~a.shop~shop.svc");
    let bytes: usize = node.extensions.iter().map(|extension| extension.encoded_len() + 2).sum();
    assert!((60_000..63_000).contains(&bytes), "{bytes} bytes of extensions, where Envoy has 61 kB");
    assert_eq!(tested.delta(Outgoing::Initial(EDS)).node, None);
    assert!(!tested.client.is_complete());
}

#[test]
fn a_new_envoy_asks_for_clusters_then_endpoints_then_listeners() {
    let mut tested = Tested::on_stream(Protocol::Delta);
    assert_eq!(tested.take(CDS, "1", vec![cluster("a", "")]), ["EDS +a"]);
    assert!(tested.client.is_warming());
    assert_eq!(tested.take(EDS, "2", vec![endpoints("a")]), ["EDS ack 2", "CDS ack 1", "LDS"]);
}

#[test]
fn a_changed_cluster_withholds_its_acknowledgement_until_its_endpoints_come_again() {
    for (protocol, repeat) in [(Protocol::Delta, vec![]), (Protocol::Sotw, vec!["EDS again"])] {
        let mut tested = Tested::on_stream(protocol);
        tested.take(CDS, "1", vec![cluster("a", "")]);
        tested.take(EDS, "2", vec![endpoints("a")]);
        assert_eq!(tested.take(CDS, "3", vec![cluster("a", "changed")]), repeat, "{protocol:?}");
        assert!(tested.client.is_warming());
        let out = tested.client.expire();
        assert_eq!(out.iter().map(|outgoing| tested.words(outgoing)).collect::<Vec<_>>(), ["CDS ack 3"]);
        assert_eq!(tested.client.expired_waits(), 1);
    }
}

#[test]
fn an_equal_cluster_needs_no_endpoints() {
    let mut tested = Tested::on_stream(Protocol::Delta);
    tested.take(CDS, "1", vec![cluster("a", "")]);
    tested.take(EDS, "2", vec![endpoints("a")]);
    assert_eq!(tested.take(CDS, "3", vec![cluster("a", "")]), ["CDS ack 3"]);
}

#[test]
fn withheld_acknowledgements_collapse_only_in_state_of_the_world() {
    for (protocol, acks) in
        [(Protocol::Delta, vec!["CDS ack 1", "CDS ack 2"]), (Protocol::Sotw, vec!["CDS ack 2"])]
    {
        let mut tested = Tested::on_stream(protocol);
        tested.take(CDS, "1", vec![cluster("a", "")]);
        tested.take(CDS, "2", vec![cluster("a", "x")]);
        let mut said = tested.take(EDS, "3", vec![endpoints("a")]);
        said.retain(|words| words.starts_with("CDS"));
        assert_eq!(said, acks, "{protocol:?}");
    }
}

#[test]
fn a_removed_cluster_gives_up_its_endpoints() {
    let mut tested = Tested::on_stream(Protocol::Delta);
    tested.take(CDS, "1", vec![cluster("a", ""), cluster("b", "")]);
    tested.take(EDS, "2", vec![endpoints("a"), endpoints("b")]);
    assert_eq!(tested.take_with(CDS, "3", vec![], &["b"]), ["EDS -b", "CDS ack 3"]);
    assert_eq!(tested.names(EDS), ["a"]);
}

#[test]
fn a_removed_cluster_gives_up_the_collections_of_its_endpoints() {
    let mut tested = Tested::on_stream(Protocol::Delta);
    tested.take(CDS, "1", vec![cluster("a", "")]);
    assert_eq!(tested.take(EDS, "2", vec![collected("a", "c/0/*")]), ["LEDS +c/0/*", "EDS ack 2"]);
    assert!(tested.client.is_warming());
    let endpoint = ("c/0/x", LbEndpoint::default().encode_to_vec());
    assert_eq!(tested.take(LEDS, "3", vec![endpoint]), ["LEDS ack 3", "CDS ack 1", "LDS"]);
    assert_eq!(tested.take_with(CDS, "4", vec![], &["a"]), ["EDS -a", "LEDS -c/0/*", "CDS ack 4"]);
    assert!(tested.names(LEDS).is_empty());
}

#[test]
fn state_of_the_world_removes_clusters_by_leaving_them_out() {
    let mut tested = Tested::on_stream(Protocol::Sotw);
    tested.take(CDS, "1", vec![cluster("a", ""), cluster("b", "")]);
    tested.take(EDS, "2", vec![endpoints("a"), endpoints("b")]);
    tested.take(CDS, "3", vec![cluster("a", "")]);
    assert_eq!(tested.names(CDS), ["a"]);
    let request = tested.client.frame(Outgoing::Repeat(EDS), &tested.library);
    let request = DiscoveryRequest::decode(&request[5..]).unwrap();
    assert_eq!((request.resource_names, request.response_nonce.as_str()), (vec!["a".to_owned()], "2"));
}

#[test]
fn hosts_that_come_before_their_table_are_lost() {
    let mut tested = Tested::on_stream(Protocol::Delta);
    assert_eq!(tested.take(CDS, "c", vec![]), ["CDS ack c", "LDS"]);
    assert_eq!(tested.take(VHDS, "1", vec![host("80/a")]), ["VHDS ack 1"]);
    assert_eq!((tested.client.lost_hosts(), tested.has(VHDS, "80/a")), (1, false));
    assert_eq!(tested.take(LDS, "l", vec![listener("out", "80")]), ["RDS +80", "LDS ack l"]);
    assert_eq!(tested.take(RDS, "2", vec![table("80")])[0], "VHDS");
    tested.take(VHDS, "3", vec![host("80/a")]);
    assert!(tested.has(VHDS, "80/a"));
    tested.take_with(RDS, "4", vec![], &["80"]);
    assert!(!tested.has(VHDS, "80/a"));
}

#[test]
fn a_reconnect_lists_what_is_held() {
    let mut tested = Tested::on_stream(Protocol::Delta);
    tested.take(CDS, "1", vec![cluster("a", "")]);
    tested.take(EDS, "2", vec![endpoints("a")]);
    assert_eq!(tested.first(), ["CDS", "EDS", "LDS"]);
    let request = tested.delta(Outgoing::Initial(CDS));
    assert_eq!(request.initial_resource_versions, [("a".to_owned(), "1".to_owned())].into());
    assert_eq!((request.resource_names_subscribe.len(), request.response_nonce.as_str()), (0, ""));
    let request = tested.delta(Outgoing::Initial(EDS));
    assert_eq!(request.resource_names_subscribe, ["a"]);
}

#[test]
fn a_resource_that_cannot_be_read_refuses_the_whole_response() {
    for protocol in [Protocol::Delta, Protocol::Sotw] {
        let mut tested = Tested::on_stream(protocol);
        let out = tested.take(CDS, "1", vec![cluster("a", ""), ("b", vec![0xff])]);
        assert!(out[0].starts_with("nack 1: CDS "), "{out:?}");
        assert_eq!(out[1..], ["LDS"], "it goes on without clusters");
        assert!(!tested.has(CDS, "a"));
    }
}

#[test]
fn a_stream_that_begins_while_clusters_warm_asks_for_them_last() {
    let mut tested = Tested::on_stream(Protocol::Delta);
    tested.take(CDS, "1", vec![cluster("a", "")]);
    assert_eq!(tested.first(), ["EDS"]);
    assert_eq!(tested.take(EDS, "1", vec![endpoints("a")]), ["EDS ack 1", "CDS", "LDS"]);
}

#[test]
fn a_refusal_of_clusters_waits_as_an_acknowledgement_does() {
    let mut tested = Tested::on_stream(Protocol::Delta);
    tested.take(CDS, "1", vec![cluster("a", "")]);
    assert!(tested.take(CDS, "2", vec![("b", vec![0xff])]).is_empty());
    let said = tested.take(EDS, "3", vec![endpoints("a")]);
    assert_eq!(said[..2], ["EDS ack 3", "CDS ack 1"]);
    assert!(said[2].starts_with("nack 2: "), "{said:?}");
}

#[test]
fn what_is_not_asked_for_is_not_taken() {
    let mut tested = Tested::on_stream(Protocol::Delta);
    tested.take(CDS, "1", vec![cluster("a", "")]);
    tested.take(EDS, "2", vec![endpoints("a"), endpoints("b")]);
    assert_eq!(tested.names(EDS), ["a"]);
}

#[test]
fn a_cluster_whose_endpoints_are_refused_waits_no_longer_for_their_collections() {
    let mut tested = Tested::on_stream(Protocol::Delta);
    tested.take(CDS, "1", vec![cluster("a", "")]);
    tested.take(EDS, "2", vec![collected("a", "c/0/*")]);
    tested.refusal = Some("bad");
    let endpoint = ("c/0/x", LbEndpoint::default().encode_to_vec());
    assert_eq!(tested.take(LEDS, "3", vec![endpoint]), ["nack 3: bad", "CDS ack 1", "LDS"]);
    assert!(tested.names(LEDS).is_empty());
}
