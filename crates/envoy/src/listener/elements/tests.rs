use envoy_types::pb::envoy::config::listener::v3::{FilterChain, Listener, UdpListenerConfig};
use fairlead_resource::{EncodedResource, TypeUrl};
use prost::Message;

use super::{ChainElement, ChainSecrets, NEVER, SECRETS_PER_HOLDER, listener_of_chains};
use crate::{
    address::{address, cidr_range},
    json::dump_message,
    listener::{filter_chain, inspect::tls_inspector, listener},
    tests::golden::check_messages,
    tls::{Certificate, CommonTls, Validation, downstream_tls, downstream_tls_context},
};

fn head() -> Listener {
    listener("l", address("0.0.0.0", 443)).listener_filter(tls_inspector()).build()
}

fn chain(host: &str) -> FilterChain {
    let common = CommonTls {
        certificates: vec![Certificate::Sds(format!("secret of {host}"))],
        validation: Validation::None,
        ..CommonTls::default()
    };
    let chain = filter_chain()
        .name(format!("l/{host}"))
        .transport_socket(downstream_tls(&downstream_tls_context(common, false)));
    if host == "*" { chain.build() } else { chain.server_names([host]).build() }
}

fn element(host: &str) -> ChainElement {
    let secrets = ChainSecrets { certificates: vec![format!("secret of {host}")], authorities: Vec::new() };
    ChainElement::new(&chain(host), secrets)
}

fn of(hosts: &[&str]) -> EncodedResource {
    listener_of_chains(&head(), hosts.iter().map(|host| element(host)), 2)
}

fn parent(listener: &EncodedResource) -> Listener {
    Listener::decode(&listener.elements.as_ref().unwrap().parent.to_vec()[..]).unwrap()
}

#[test]
fn the_full_form_is_the_listener_with_its_chains() {
    let plain = Listener { filter_chains: vec![chain("b"), chain("a")], ..head() };
    assert_eq!(Listener::decode(&of(&["b", "a"]).to_vec()[..]).unwrap(), plain);
}

#[test]
fn the_parent_names_chains_and_secrets() {
    let mutual = ChainSecrets { certificates: vec!["own".into()], authorities: vec!["clients".into()] };
    let chains = [element("a"), element("*.b"), ChainElement::new(&chain("*"), mutual)];
    check_messages("listener-of-chains", [&parent(&listener_of_chains(&head(), chains, 1))]);
}

#[test]
fn children_are_the_chains_by_name() {
    let listener = of(&["b", "a"]);
    let elements = listener.elements.clone().unwrap();
    assert_eq!(elements.element_type, TypeUrl::FILTER_CHAIN);
    let names: Vec<&str> = elements.children.keys().map(|name| &**name).collect();
    assert_eq!(names, ["l/a", "l/b"]);
    let child = FilterChain::decode(&elements.children["l/a"].to_vec()[..]).unwrap();
    assert_eq!(child, chain("a"));
}

#[test]
fn a_changed_chain_changes_no_parent() {
    let changed = filter_chain().name("l/a").server_names(["a"]).build();
    let secrets = ChainSecrets { certificates: vec!["secret of a".into()], authorities: Vec::new() };
    let after = listener_of_chains(&head(), [ChainElement::new(&changed, secrets), element("b")], 2);
    let before = of(&["a", "b"]);
    assert_ne!(before.digest, after.digest);
    let (before, after) = (before.elements.clone().unwrap(), after.elements.clone().unwrap());
    assert_eq!(before.parent, after.parent);
    assert_eq!(before.children["l/b"], after.children["l/b"]);
}

#[test]
fn the_order_of_chains_changes_no_parent() {
    assert_eq!(of(&["a", "b"]).elements, of(&["b", "a"]).elements);
}

#[test]
fn few_chains_stay_inline() {
    assert_eq!(of(&["a"]).elements, None);
    assert!(of(&["a", "b"]).elements.is_some());
}

#[test]
fn a_chain_that_asks_for_an_address_stays_inline_with_its_listener() {
    let ranged = filter_chain()
        .name("l/b")
        .server_names(["b"])
        .prefix_ranges([cidr_range("10.0.0.1".parse().unwrap(), 32)])
        .build();
    let chains = [element("a"), ChainElement::new(&ranged, ChainSecrets::default())];
    assert_eq!(listener_of_chains(&head(), chains, 2).elements, None);
}

#[test]
fn a_quic_listener_has_no_second_form() {
    let head = Listener { udp_listener_config: Some(UdpListenerConfig::default()), ..head() };
    assert_eq!(listener_of_chains(&head, [element("a"), element("b")], 2).elements, None);
}

/// Envoy drains every connection of a listener that has none.
#[test]
fn a_parent_has_an_inline_chain_even_without_secrets() {
    let chains = ["a", "b"].map(|host| ChainElement::new(&chain(host), ChainSecrets::default()));
    let parent = parent(&listener_of_chains(&head(), chains, 2));
    assert_eq!(parent.filter_chains.iter().map(|c| &*c.name).collect::<Vec<_>>(), ["secrets"]);
}

#[test]
fn one_more_secret_changes_one_holder() {
    let hosts: Vec<String> = (0..3 * SECRETS_PER_HOLDER).map(|i| format!("h{i}")).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let (few, all) = (parent(&of(&hosts[1..])), parent(&of(&hosts)));
    assert_eq!(few.filter_chains.len(), all.filter_chains.len());
    let differ = few.filter_chains.iter().zip(&all.filter_chains).filter(|(a, b)| a != b).count();
    assert_eq!(differ, 1);
    let text = dump_message(&all).unwrap().to_string();
    assert!(hosts.iter().all(|host| text.contains(&format!("secret of {host}"))) && text.contains(NEVER));
}
