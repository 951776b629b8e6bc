use envoy_types::pb::envoy::config::{
    cluster::v3::Cluster,
    listener::v3::FilterChain,
    route::v3::{Route, RouteAction, VirtualHost},
};
use proptest::prelude::*;

use super::Template;
use crate::{
    encode,
    http::{Routes, http_connection_manager},
    listener::filter_chain,
    metadata::{filter_metadata, list_value, string_value, struct_of},
    route::{PathMatch, Upstream, cluster_weight, forward, route, route_match, virtual_host},
};

fn forwarding(upstream: Upstream) -> RouteAction {
    RouteAction { priority: 1, ..forward(upstream) }
}

/// Texts in repeated fields, in a oneof, in a list of a struct within a map.
fn host(texts: &[String]) -> VirtualHost {
    let [domain, second, prefix, cluster, other, path] = texts else { panic!("six texts") };
    let everything = || route_match(PathMatch::Prefix(prefix.clone()));
    let weighted = vec![cluster_weight(cluster, 30), cluster_weight(other, 70)];
    let mut first = route("first", everything(), forwarding(Upstream::Weighted(weighted)).into());
    let fields = [("config", string_value(path)), ("both", list_value([string_value(cluster)]))];
    first.metadata =
        Some(filter_metadata([("b", struct_of(fields)), ("a", struct_of([("x", string_value(path))]))]));
    let routes: [Route; 2] =
        [first, route("last", everything(), forwarding(Upstream::Cluster(other.clone())).into())];
    VirtualHost { include_request_attempt_count: true, ..virtual_host("", [domain, second], routes) }
}

/// Texts within an `Any`.
fn chain(texts: &[String]) -> FilterChain {
    let [name, prefix, table] = texts else { panic!("three texts") };
    let manager = http_connection_manager(prefix, Routes::Rds(table.clone())).build_filter();
    filter_chain().name(name).server_names([name]).filter(manager).build()
}

fn text() -> impl Strategy<Value = String> {
    let long = prop_oneof![120_usize..140, 16_300_usize..16_400].prop_map(|length| "l".repeat(length));
    prop_oneof![2 => "[a-z.|]{1,30}", 1 => long]
}

fn filled<M: prost::Message + prost::Name>(make: fn(&[String]) -> M, texts: &[String]) -> bytes::Bytes {
    let refs: Vec<&str> = texts.iter().map(String::as_str).collect();
    Template::new(texts.len(), make).fill(&refs)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_filled_template_is_the_encoded_message(texts in prop::collection::vec(text(), 6)) {
        prop_assert_eq!(filled(host, &texts), encode(&host(&texts)));
    }

    #[test]
    fn texts_within_an_any_change_the_lengths_around_it(texts in prop::collection::vec(text(), 3)) {
        prop_assert_eq!(filled(chain, &texts), encode(&chain(&texts)));
    }
}

#[test]
fn a_template_without_holes_is_the_message() {
    let cluster = Cluster { name: "a".to_owned(), ..Cluster::default() };
    assert_eq!(Template::new(0, |_| cluster.clone()).fill(&[]), encode(&cluster));
}

#[test]
#[should_panic(expected = "the message was encoded by prost")]
fn a_text_that_is_a_part_of_a_field_is_refused() {
    Template::new(1, |texts| Cluster { name: format!("outbound|80||{}", texts[0]), ..Cluster::default() });
}
