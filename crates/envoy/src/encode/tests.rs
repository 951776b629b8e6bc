use std::collections::BTreeMap;

use envoy_types::pb::{
    cel::expr::{CheckedExpr, Reference},
    envoy::config::{
        core::v3::{Locality, Metadata, Node},
        endpoint::v3::{ClusterLoadAssignment, LbEndpoint, LocalityLbEndpoints},
        route::v3::{RouteConfiguration, VirtualHost},
    },
    google::protobuf::{ListValue, Struct, Value, value::Kind},
};
use proptest::prelude::*;
use prost::{Message, Name};

use super::{encode, pack_any};

mod generate;

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Kind::NullValue(0)),
        any::<bool>().prop_map(Kind::BoolValue),
        "[a-z]{0,4}".prop_map(Kind::StringValue),
        (-5_i32..5).prop_map(|n| Kind::NumberValue(n.into())),
    ]
    .prop_map(|kind| Value { kind: Some(kind) });
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5)
                .prop_map(|values| Value { kind: Some(Kind::ListValue(ListValue { values })) }),
            fields(inner).prop_map(|s| Value { kind: Some(Kind::StructValue(s)) }),
        ]
    })
}

/// The empty key is the one that is not on the wire.
fn fields(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Struct> {
    prop::collection::btree_map("[a-e]{0,2}", value, 0..6)
        .prop_map(|fields| Struct { fields: fields.into_iter().collect() })
}

fn metadata() -> impl Strategy<Value = Metadata> {
    let entries = prop::collection::btree_map("[a-z.]{0,6}", fields(value()), 0..5);
    entries.prop_map(|m| Metadata {
        typed_filter_metadata: m.iter().map(|(k, v)| (k.clone(), pack_any(v))).collect(),
        filter_metadata: m.into_iter().collect(),
    })
}

fn assignment() -> impl Strategy<Value = ClusterLoadAssignment> {
    prop::collection::vec(metadata(), 0..3).prop_map(|metadata| ClusterLoadAssignment {
        cluster_name: "outbound|80||a".to_owned(),
        endpoints: vec![LocalityLbEndpoints {
            locality: Some(Locality { region: "r".to_owned(), ..Default::default() }),
            lb_endpoints: metadata
                .into_iter()
                .map(|m| LbEndpoint { metadata: Some(m), ..Default::default() })
                .collect(),
            ..Default::default()
        }],
        ..Default::default()
    })
}

fn table() -> impl Strategy<Value = RouteConfiguration> {
    prop::collection::btree_map("[a-z.]{0,6}", metadata(), 0..8).prop_map(|filters| RouteConfiguration {
        name: "80".to_owned(),
        virtual_hosts: vec![VirtualHost {
            name: "h".to_owned(),
            typed_per_filter_config: filters.iter().map(|(k, m)| (k.clone(), pack_any(m))).collect(),
            ..Default::default()
        }],
        ..Default::default()
    })
}

/// The same message with every map built anew, so that each iterates in an order of its own.
fn rebuilt<M: Message + Default>(message: &M) -> M {
    M::decode(&message.encode_to_vec()[..]).unwrap()
}

fn is_canonical<M: Message + Name + Default + PartialEq + std::fmt::Debug>(
    message: &M,
) -> Result<(), TestCaseError> {
    let bytes = encode(message);
    prop_assert_eq!(&M::decode(&bytes[..]).unwrap(), message);
    for _ in 0..100 {
        prop_assert_eq!(&encode(&rebuilt(message)), &bytes);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn equal_endpoints_have_equal_bytes(message in assignment()) {
        is_canonical(&message)?;
    }

    #[test]
    fn equal_route_tables_have_equal_bytes(message in table()) {
        is_canonical(&message)?;
    }

    #[test]
    fn equal_node_metadata_has_equal_bytes(metadata in fields(value())) {
        is_canonical(&Node { metadata: Some(metadata), ..Default::default() })?;
    }

    #[test]
    fn maps_with_integer_keys_are_sorted(keys in prop::collection::btree_set(-3_i64..9, 0..9)) {
        let reference_map = keys.iter().map(|k| (*k, Reference { name: format!("n{k}"), ..Default::default() }));
        is_canonical(&CheckedExpr { reference_map: reference_map.collect(), ..Default::default() })?;
    }
}

#[test]
fn entries_stand_in_the_order_of_their_keys() {
    let keys = ["", "a", "aa", "b", "é"];
    let fields = keys.iter().rev().map(|k| ((*k).to_owned(), Value { kind: Some(Kind::BoolValue(true)) }));
    let bytes = encode(&Struct { fields: fields.collect() });
    let positions: BTreeMap<_, _> = keys[1..]
        .iter()
        .map(|k| {
            let needle = [&[0x0a, u8::try_from(k.len()).unwrap()][..], k.as_bytes()].concat();
            (bytes.windows(needle.len()).position(|w| w == needle).unwrap(), *k)
        })
        .collect();
    assert_eq!(positions.into_values().collect::<Vec<_>>(), &keys[1..]);
}

#[test]
fn packing_twice_is_canonical_at_both_depths() {
    let inner = Struct {
        fields: (0..9).map(|n| (n.to_string(), Value { kind: Some(Kind::BoolValue(true)) })).collect(),
    };
    let packed = || Metadata {
        typed_filter_metadata: (0..9).map(|n| (n.to_string(), pack_any(&rebuilt(&inner)))).collect(),
        ..Default::default()
    };
    let first = pack_any(&packed());
    assert_eq!(first.type_url, "type.googleapis.com/envoy.config.core.v3.Metadata");
    for _ in 0..100 {
        assert_eq!(pack_any(&packed()), first);
    }
}

#[test]
fn a_template_that_is_filled_is_the_message() {
    let manager = |stat_prefix: &str, table: &str| {
        crate::http::http_connection_manager(stat_prefix, crate::http::Routes::Rds(table.to_owned()))
            .upgrade("websocket")
            .server_name("someone")
    };
    let long = "edge".repeat(60);
    let template = manager("-", "").build_template();
    for (stat_prefix, table) in [("edge", "https.443"), (&*long, &*long)] {
        assert_eq!(template.filter(stat_prefix, table), manager(stat_prefix, table).build_filter());
    }

    let metadata =
        crate::metadata::filter_metadata([("istio", crate::metadata::string_struct([("a", "b")]))]);
    let mut cluster =
        crate::cluster::cluster("c", crate::cluster::Discovery::Eds { service_name: None }, None);
    // Its fields are on both sides of the metadata, by their tags and by their places.
    crate::cluster::set_lb_policy(&mut cluster, crate::cluster::LbPolicy::RoundRobin(None));
    let bytes = crate::cluster::encode_with_metadata(&mut cluster.clone(), &encode(&metadata));
    cluster.metadata = Some(metadata);
    assert_eq!(bytes, encode(&cluster));
}
