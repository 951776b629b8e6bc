use envoy_types::pb::{
    envoy::config::{
        core::v3::{Locality, Metadata},
        endpoint::v3::LocalityLbEndpoints,
        route::v3::Route,
    },
    google::protobuf::{Struct, Value, value::Kind},
};
use proptest::prelude::*;

use super::*;

fn metadata() -> impl Strategy<Value = Metadata> {
    let value = any::<bool>().prop_map(|b| Value { kind: Some(Kind::BoolValue(b)) });
    let fields = prop::collection::hash_map("[a-c]{1,3}", value, 0..6);
    let filters = prop::collection::hash_map("[a-c]{1,3}", fields.prop_map(|fields| Struct { fields }), 0..6);
    filters.prop_map(|filter_metadata| Metadata { filter_metadata, ..Default::default() })
}

fn route() -> impl Strategy<Value = Route> {
    (".{0,9}", metadata()).prop_map(|(name, metadata)| Route {
        name,
        metadata: Some(metadata),
        ..Default::default()
    })
}

fn host() -> impl Strategy<Value = VirtualHost> {
    (".{0,9}", prop::collection::vec(route(), 0..3)).prop_map(|(name, routes)| VirtualHost {
        name,
        routes,
        ..Default::default()
    })
}

fn locality() -> impl Strategy<Value = LocalityLbEndpoints> {
    (any::<u32>(), ".{0,9}", metadata()).prop_map(|(priority, zone, metadata)| LocalityLbEndpoints {
        priority,
        locality: Some(Locality { zone, ..Default::default() }),
        metadata: Some(metadata),
        ..Default::default()
    })
}

proptest! {
    #[test]
    fn parts_of_a_table_are_the_table(name in ".{0,9}", hosts in prop::collection::vec(host(), 0..6)) {
        let table = RouteConfiguration { name, virtual_hosts: hosts, ..Default::default() };
        fuzz_fragment(&table.encode_to_vec());
    }

    #[test]
    fn parts_of_an_assignment_are_the_assignment(endpoints in prop::collection::vec(locality(), 0..6)) {
        let assignment = ClusterLoadAssignment { endpoints, ..Default::default() };
        fuzz_fragment(&assignment.encode_to_vec());
    }

    #[test]
    fn no_bytes_break_the_encoder(data in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz_fragment(&data);
    }
}
