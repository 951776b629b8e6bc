use std::sync::Arc;

use fairlead_model::{
    LabelSet,
    endpoints::{Endpoint, EndpointAddress, Health, Locality},
    mesh::{Mesh, Settings},
    proxy::Place,
};

use super::{
    in_collections,
    locality_lb::{Preference, Shares, apply, group},
};

fn endpoint(ip: &str, locality: &str) -> Endpoint {
    Endpoint {
        address: EndpointAddress::Ip(ip.parse().unwrap()),
        port: 80,
        labels: LabelSet::default(),
        locality: Locality::parse(locality),
        network: "".into(),
        weight: 1,
        health: Health::Healthy,
        node: None,
        service_account: None,
    }
}

fn place(locality: &str) -> Place {
    Place { locality: Locality::parse(locality), ..Place::default() }
}

/// The priority and weight of each locality, as the client at `client` sees them.
fn check(localities: &[&str], preference: &Preference<'_>, client: &str, expected: &[(&str, u32, u32)]) {
    let endpoints: Vec<Endpoint> =
        localities.iter().enumerate().map(|(i, l)| endpoint(&format!("10.0.0.{i}"), l)).collect();
    let groups = apply(group(endpoints.iter()), preference, &place(client));
    let seen: Vec<(String, u32, u32)> = groups
        .iter()
        .map(|g| {
            let l = g.locality;
            let text = [&l.region, &l.zone, &l.subzone].map(std::string::ToString::to_string).join("/");
            (text.trim_end_matches('/').to_owned(), g.priority, g.weight)
        })
        .collect();
    let expected: Vec<_> = expected.iter().map(|(l, p, w)| ((*l).to_owned(), *p, *w)).collect();
    assert_eq!(seen, expected);
}

fn shares(from: &str, to: &[(&str, u32)]) -> Vec<Shares> {
    vec![(from.into(), to.iter().map(|(l, w)| (Arc::from(*l), *w)).collect())]
}

#[test]
fn the_nearest_locality_is_tried_first_and_priorities_have_no_gap() {
    check(
        &["r1/z1/s1", "r1/z1/s2", "r1/z2", "r2/z1"],
        &Preference::Failover(&[]),
        "r1/z1/s1",
        &[("r1/z1/s1", 0, 1), ("r1/z1/s2", 1, 1), ("r1/z2", 2, 1), ("r2/z1", 3, 1)],
    );
    check(&["r2/z1", "r3/z1"], &Preference::Failover(&[]), "r1/z1", &[("r2/z1", 0, 1), ("r3/z1", 0, 1)]);
}

#[test]
fn failover_prefers_the_region_that_it_names() {
    let failover = [("r1".into(), "r3".into())];
    check(
        &["r1/z1", "r2/z1", "r3/z1"],
        &Preference::Failover(&failover),
        "r1/z1",
        &[("r1/z1", 0, 1), ("r3/z1", 1, 1), ("r2/z1", 2, 1)],
    );
}

#[test]
fn a_client_without_a_place_has_no_preference() {
    check(&["r1/z1", "r2/z1"], &Preference::Failover(&[]), "", &[("r1/z1", 0, 1), ("r2/z1", 0, 1)]);
}

#[test]
fn distribute_gives_shares_and_empties_the_rest() {
    let shares = shares("r1/*", &[("r1/z1/*", 80), ("r1/z2/*", 20)]);
    check(
        &["r1/z1/a", "r1/z1/b", "r1/z2", "r2/z1"],
        &Preference::Distribute(&shares),
        "r1/z9",
        &[("r1/z1/a", 0, 40), ("r1/z1/b", 0, 40), ("r1/z2", 0, 20)],
    );
}

#[test]
fn distribute_rounds_up() {
    let shares = shares("*", &[("r1/*", 100)]);
    check(
        &["r1/a", "r1/b", "r1/c"],
        &Preference::Distribute(&shares),
        "r9",
        &[("r1/a", 0, 34), ("r1/b", 0, 34), ("r1/c", 0, 34)],
    );
}

#[test]
fn failover_priority_compares_labels_in_order() {
    let labels = Preference::Labels(vec!["topology.kubernetes.io/region".into(), "version=v2".into()]);
    let mut near = endpoint("10.0.0.1", "r1/z1");
    near.labels = [("version", "v2")].into_iter().collect();
    let other = endpoint("10.0.0.2", "r1/z1");
    let far = endpoint("10.0.0.3", "r2/z1");
    let endpoints = [near, other, far];
    let groups = apply(group(endpoints.iter()), &labels, &place("r1"));
    let priorities: Vec<_> = groups.iter().map(|g| (g.priority, g.endpoints.len())).collect();
    assert_eq!(priorities, [(0, 1), (1, 1), (2, 1)]);
}

/// Envoy rejects an assignment with a priority above 128, with all of its endpoints.
#[test]
fn more_priorities_than_envoy_takes_share_the_last() {
    let names: Vec<String> = (0..140).map(|i| format!("l{i}=x")).collect();
    let labels = Preference::Labels(names.iter().map(|name| name.as_str().into()).collect());
    let endpoints: Vec<Endpoint> = (0..=140)
        .map(|agreeing| {
            let mut endpoint = endpoint(&format!("10.0.0.{agreeing}"), "r1");
            endpoint.labels = names[..agreeing].iter().map(|name| (&name[..name.len() - 2], "x")).collect();
            endpoint
        })
        .collect();
    let groups = apply(group(endpoints.iter()), &labels, &place("r1"));
    let priorities: Vec<_> = groups.iter().map(|group| group.priority).collect();
    assert_eq!(priorities, (0..=140).map(|rank| rank.min(128)).collect::<Vec<_>>());
}

/// Whether endpoints in these localities, from three on, may be sent in collections; and the weights of localities.
fn collected(localities: &[&str], preference: &Preference<'_>, weighted: bool) -> (bool, Vec<u32>) {
    let mesh = Mesh::new(&Settings { assignment_elements: 3, ..Settings::default() });
    let endpoints: Vec<Endpoint> =
        localities.iter().enumerate().map(|(i, l)| endpoint(&format!("10.0.0.{i}"), l)).collect();
    let mut groups = apply(group(endpoints.iter()), preference, &place("r1/z1"));
    let collected = in_collections(&mut groups, weighted, &mesh);
    (collected, groups.iter().map(|group| group.weight).collect())
}

#[test]
fn a_weight_that_does_not_count_is_the_same_however_many_endpoints_there_are() {
    let alike = Preference::Failover(&[]);
    assert_eq!(collected(&["r1/z1", "r1/z1", "r2/z1"], &alike, false), (true, vec![1, 1]));
    assert_eq!(collected(&["r1/z1", "r1/z1", "r1/z1", "r2/z1"], &alike, false), (true, vec![1, 1]));
}

#[test]
fn weights_that_count_keep_an_assignment_in_one_piece() {
    let shares = shares("r1/*", &[("r1/*", 80), ("r2/*", 20)]);
    let distributed = Preference::Distribute(&shares);
    assert_eq!(collected(&["r1/z1", "r1/z1", "r2/z1"], &distributed, true), (false, vec![80, 20]));
    // Among itself a single locality has no weight.
    assert_eq!(collected(&["r1/z1", "r1/z1", "r1/z1"], &distributed, true), (true, vec![1]));
}

#[test]
fn few_endpoints_are_sent_in_one_piece() {
    assert_eq!(collected(&["r1/z1", "r2/z1"], &Preference::Failover(&[]), false), (false, vec![1, 1]));
    assert_eq!(collected(&[], &Preference::Failover(&[]), false), (false, vec![]));
}
