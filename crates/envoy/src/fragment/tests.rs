use envoy_types::pb::{
    envoy::config::{
        core::v3::{AggregatedConfigSource, config_source::ConfigSourceSpecifier},
        endpoint::v3::LbEndpoint,
        route::v3::{DirectResponseAction, Route, route},
    },
    google::protobuf::BoolValue,
};
use prost::Message;

use super::*;

fn host(domain: &str) -> VirtualHost {
    VirtualHost {
        domains: vec![domain.to_owned()],
        routes: vec![Route {
            action: Some(route::Action::DirectResponse(DirectResponseAction::default())),
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn head() -> RouteConfiguration {
    RouteConfiguration { validate_clusters: Some(BoolValue::default()), ..Default::default() }
}

fn catch_all() -> VirtualHost {
    VirtualHost { name: "allow_any".to_owned(), ..host("*") }
}

fn table(hosts: &[(&str, &str)]) -> EncodedResource {
    let elements = hosts.iter().map(|(name, domain)| virtual_host_element("80", name, &host(domain)));
    route_table("80", &head(), Some(&catch_all()), elements)
}

fn read<M: Message + Default>(resource: &EncodedResource) -> M {
    M::decode(&resource.to_vec()[..]).unwrap()
}

#[test]
fn the_two_forms_of_a_host_differ_in_the_name_and_share_the_body() {
    let element = virtual_host_element("80", "a:80", &catch_all());
    let alone: VirtualHost = read(&element.alone);
    assert_eq!(&*element.alone.name, "80/a:80");
    assert_eq!(alone, VirtualHost { name: "80/a:80".to_owned(), ..host("*") });
    let inline = RouteConfiguration::decode(&element.inline.concat()[..]).unwrap();
    assert_eq!(inline.virtual_hosts, [VirtualHost { name: "a:80".to_owned(), ..host("*") }]);
    assert_eq!(element.alone.fragments()[1].as_ptr(), element.inline[1].as_ptr());
}

#[test]
fn the_full_form_has_every_host_and_the_parent_only_the_catch_all() {
    let resource = table(&[("b", "b"), ("a", "a")]);
    let named = |name: &str, domain: &str| VirtualHost { name: name.to_owned(), ..host(domain) };
    let full: RouteConfiguration = read(&resource);
    assert_eq!(full.name, "80");
    assert_eq!(full.virtual_hosts, [named("b", "b"), named("a", "a"), catch_all()]);
    assert_eq!((full.vhds.is_none(), full.validate_clusters), (true, Some(BoolValue::default())));

    let elements = resource.elements.as_ref().unwrap();
    assert_eq!(elements.element_type, TypeUrl::VirtualHost);
    assert_eq!(elements.children.keys().map(|k| &**k).collect::<Vec<_>>(), ["80/a", "80/b"]);
    let parent: RouteConfiguration = read(&elements.parent);
    assert_eq!(parent.virtual_hosts, [catch_all()]);
    let source = parent.vhds.unwrap().config_source.unwrap();
    assert_eq!(source.config_source_specifier, Some(ConfigSourceSpecifier::Ads(AggregatedConfigSource {})));
    assert_eq!(source.resource_api_version, 2);
}

#[test]
fn a_table_without_elements_has_its_second_form_all_the_same() {
    let resource = table(&[]);
    assert_eq!(read::<RouteConfiguration>(&resource).virtual_hosts, [catch_all()]);
    let elements = resource.elements.as_ref().unwrap();
    assert!(elements.children.is_empty());
    let parent: RouteConfiguration = read(&elements.parent);
    assert_eq!(parent.virtual_hosts, [catch_all()]);
    assert!(parent.vhds.is_some());
}

#[test]
fn the_digest_tells_every_change_of_a_table_and_nothing_else() {
    let base = table(&[("a", "a"), ("b", "b")]);
    assert_eq!(base, table(&[("a", "a"), ("b", "b")]));
    let others = [
        table(&[("a", "a"), ("b", "c")]),
        table(&[("a", "a"), ("c", "b")]),
        table(&[("b", "b"), ("a", "a")]),
        table(&[("a", "a")]),
        route_table("80", &head(), None, [virtual_host_element("80", "a", &host("a"))]),
        route_table("80", &RouteConfiguration::default(), Some(&catch_all()), []),
        table(&[]),
    ];
    for (n, other) in others.iter().enumerate() {
        assert_ne!(base.digest, other.digest, "{n}");
        assert!(others[..n].iter().all(|o| o.digest != other.digest), "{n}");
    }
}

#[test]
fn one_changed_host_leaves_the_parent_and_the_other_children_equal() {
    let before = table(&[("a", "a"), ("b", "b"), ("gone", "g")]);
    let elements = [("a", "a"), ("b", "new"), ("c", "c")]
        .map(|(name, domain)| virtual_host_element("80", name, &host(domain)));
    let after = route_table_after(Some(&before), "80", &head(), Some(&catch_all()), elements.clone());
    assert_eq!(after, route_table("80", &head(), Some(&catch_all()), elements));

    let (before, after) = (before.elements.unwrap(), after.elements.unwrap());
    assert_eq!(before.parent, after.parent);
    assert_eq!(before.children["80/a"], after.children["80/a"]);
    assert_eq!(after.children.keys().map(|k| &**k).collect::<Vec<_>>(), ["80/a", "80/b", "80/c"]);
    assert_ne!(before.children["80/b"], after.children["80/b"]);
}

#[test]
fn a_load_assignment_is_its_head_and_its_localities() {
    let localities = [1, 2].map(|priority| LocalityLbEndpoints {
        lb_endpoints: vec![LbEndpoint::default(); 3],
        priority,
        ..Default::default()
    });
    let head = ClusterLoadAssignment { cluster_name: "c".to_owned(), ..Default::default() };
    let resource = load_assignment(&head, localities.iter().map(locality_field));
    let whole = ClusterLoadAssignment { endpoints: localities.to_vec(), ..head };
    assert_eq!(&*resource.name, "c");
    assert_eq!(resource.to_vec(), encode(&whole));
    assert_eq!(resource.digest, Digest::of(&encode(&whole)));
}

#[test]
fn a_field_of_more_than_127_bytes_has_a_longer_length() {
    let field = message_field(2, [Bytes::from(vec![0; 100]), Bytes::from(vec![0; 100])]);
    assert_eq!(&field[0][..], &[0x12, 0xc8, 0x01]);
    assert_eq!(field.len(), 3);
}
