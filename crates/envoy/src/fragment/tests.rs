use envoy_types::pb::{
    envoy::config::{
        core::v3::{AggregatedConfigSource, config_source::ConfigSourceSpecifier},
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

fn alone(name: &str, domain: &str) -> EncodedResource {
    virtual_host("80", VirtualHost { name: name.to_owned(), ..host(domain) })
}

fn hosts(hosts: &[(&str, &str)]) -> ResourceSet {
    let host = |(name, domain): &(&str, &str)| alone(name, domain);
    hosts.iter().map(host).map(|host| (host.name.clone(), host)).collect()
}

fn table(of: &[(&str, &str)]) -> EncodedResource {
    route_table("80", &head(), Some(&catch_all()), hosts(of))
}

fn read<M: Message + Default>(resource: &EncodedResource) -> M {
    M::decode(&resource.to_vec()[..]).unwrap()
}

#[test]
fn the_two_forms_of_a_host_differ_in_the_name_and_share_the_body() {
    let alone = alone("a:80", "*");
    let body = alone.fragments()[1].clone();
    assert_eq!(&*alone.name, "80/a:80");
    assert_eq!(read::<VirtualHost>(&alone), VirtualHost { name: "80/a:80".to_owned(), ..host("*") });
    let table = route_table("80", &head(), None, [(alone.name.clone(), alone)].into_iter().collect());
    let inline: RouteConfiguration = read(&table);
    assert_eq!(inline.virtual_hosts, [VirtualHost { name: "a:80".to_owned(), ..host("*") }]);
    assert!(table.fragments().iter().any(|fragment| fragment.as_ptr() == body.as_ptr()));
}

fn names(children: &ResourceSet) -> Vec<&str> {
    children.keys().map(|name| &**name).collect()
}

#[test]
fn the_full_form_has_every_host_and_the_parent_none() {
    let resource = table(&[("b", "b"), ("a", "a")]);
    let named = |name: &str, domain: &str| VirtualHost { name: name.to_owned(), ..host(domain) };
    let full: RouteConfiguration = read(&resource);
    assert_eq!(full.name, "80");
    assert_eq!(full.virtual_hosts, [named("a", "a"), named("b", "b"), catch_all()]);
    assert_eq!((full.vhds.is_none(), full.validate_clusters), (true, Some(BoolValue::default())));

    let elements = resource.elements.as_ref().unwrap();
    assert_eq!(elements.element_type, TypeUrl::VIRTUAL_HOST);
    assert_eq!(names(&elements.children), ["80/a", "80/allow_any", "80/b"]);
    assert_eq!(read::<VirtualHost>(&elements.children["80/allow_any"]), named("80/allow_any", "*"));
    let parent: RouteConfiguration = read(&elements.parent);
    assert_eq!(parent.virtual_hosts, []);
    let source = parent.vhds.unwrap().config_source.unwrap();
    assert_eq!(source.config_source_specifier, Some(ConfigSourceSpecifier::Ads(AggregatedConfigSource {})));
    assert_eq!(source.resource_api_version, 2);
}

#[test]
fn a_table_without_hosts_has_its_second_form_all_the_same() {
    let resource = table(&[]);
    assert_eq!(read::<RouteConfiguration>(&resource).virtual_hosts, [catch_all()]);
    assert_eq!(names(&resource.elements.as_ref().unwrap().children), ["80/allow_any"]);
    let empty = route_table("80", &head(), None, ResourceSet::new());
    let elements = empty.elements.as_ref().unwrap();
    assert!(elements.children.is_empty());
    assert!(read::<RouteConfiguration>(&elements.parent).vhds.is_some());
}

/// A parent that had the catch-all came before the host that took every domain was gone: Envoy rejected it.
#[test]
fn a_host_that_takes_every_domain_leaves_the_parent_as_it_is() {
    let all = table(&[("a", "a")]);
    let taken = route_table("80", &head(), None, hosts(&[("a", "a"), ("mine:80", "*")]));
    assert_eq!(all.elements.clone().unwrap().parent, taken.elements.clone().unwrap().parent);
}

#[test]
fn the_digest_tells_every_change_of_a_table_and_nothing_else() {
    let base = table(&[("a", "a"), ("b", "b")]);
    assert_eq!(base, table(&[("b", "b"), ("a", "a")]));
    let others = [
        table(&[("a", "a"), ("b", "c")]),
        table(&[("a", "a"), ("c", "b")]),
        table(&[("a", "a")]),
        route_table("80", &head(), None, hosts(&[("a", "a")])),
        route_table("80", &RouteConfiguration::default(), Some(&catch_all()), ResourceSet::new()),
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
    let after = table(&[("a", "a"), ("b", "new"), ("c", "c")]);
    let (before, after) = (before.elements.clone().unwrap(), after.elements.clone().unwrap());
    assert_eq!(before.parent, after.parent);
    assert_eq!(before.children["80/a"], after.children["80/a"]);
    assert_eq!(names(&after.children), ["80/a", "80/allow_any", "80/b", "80/c"]);
    assert_ne!(before.children["80/b"], after.children["80/b"]);
}

#[test]
fn a_field_of_more_than_127_bytes_has_a_longer_length() {
    let field = message_field(2, [Bytes::from(vec![0; 100]), Bytes::from(vec![0; 100])]);
    assert_eq!(&field[0][..], &[0x12, 0xc8, 0x01]);
    assert_eq!(field.len(), 3);
}
