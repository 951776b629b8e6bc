use envoy_types::pb::envoy::config::{listener::v3::Listener, route::v3::RouteConfiguration};
use fairlead_envoy::encode;
use prost::Message;

use super::*;

fn host(name: &str, domain: &str) -> VirtualHost {
    VirtualHost { name: name.to_owned(), domains: vec![domain.to_owned()], ..Default::default() }
}

fn table(hosts: Vec<VirtualHost>) -> EncodedResource {
    let table = RouteConfiguration {
        name: "80".to_owned(),
        virtual_hosts: hosts,
        max_direct_response_body_size_bytes: Some(fairlead_envoy::IntoProto::into_proto(7_u32)),
        ..Default::default()
    };
    EncodedResource::whole("80", encode(&table))
}

fn chain(name: &str, server_name: &str) -> FilterChain {
    let conditions = FilterChainMatch { server_names: vec![server_name.to_owned()], ..Default::default() };
    FilterChain { name: name.to_owned(), filter_chain_match: Some(conditions), ..Default::default() }
}

fn names(parts: &Parts) -> Vec<&str> {
    parts.all().iter().map(|part| &*part.name).collect()
}

#[test]
fn the_parts_and_the_head_of_a_table_make_it_up_again() {
    let whole = table(vec![host("a:80", "a"), host("b:80", "b"), host("all", "*")]);
    let parts = Parts::of(TypeUrl::ROUTE_CONFIGURATION, &whole).unwrap();
    assert_eq!(names(&parts), ["a:80", "b:80", "all"]);
    let read = |resource: EncodedResource| RouteConfiguration::decode(&resource.to_vec()[..]).unwrap();
    assert_eq!(read(parts.with(parts.all())), read(whole));
    let some = parts.with([&parts.all()[0], &parts.all()[2]]);
    assert_eq!(read(some), read(table(vec![host("a:80", "a"), host("all", "*")])));
    assert_eq!(VirtualHost::decode(&parts.all()[1].message()[..]).unwrap(), host("b:80", "b"));
}

#[test]
fn a_chain_is_known_by_what_it_matches() {
    let listener = Listener {
        name: "l".to_owned(),
        filter_chains: vec![chain("", "a.test"), chain("x", "b.test"), FilterChain::default()],
        ..Default::default()
    };
    let parts = Parts::of(TypeUrl::LISTENER, &EncodedResource::whole("l", encode(&listener))).unwrap();
    assert_eq!(names(&parts), ["", "x", ""]);
    let renamed = Listener { filter_chains: vec![chain("y", "b.test")], ..listener };
    let renamed = Parts::of(TypeUrl::LISTENER, &EncodedResource::whole("l", encode(&renamed))).unwrap();
    assert_eq!(parts.all()[1].usage, renamed.all()[0].usage);
    assert_ne!(parts.all()[0].usage, parts.all()[1].usage);
    assert_ne!(parts.all()[1].digest, renamed.all()[0].digest);
    assert!(parts.has_head_of(&renamed));
}

#[test]
fn a_chain_that_is_closed_takes_the_same_connections_and_needs_no_secret() {
    use fairlead_envoy::{
        matcher::StringMatch,
        tls::{
            Certificate, CommonTls, SanType, Validation, downstream_tls, downstream_tls_context,
            subject_alt_name,
        },
    };
    let name = subject_alt_name(SanType::Dns, StringMatch::Exact("client.test".to_owned()));
    let common = CommonTls {
        certificates: vec![Certificate::Sds("mine".to_owned())],
        validation: Validation::Sds("theirs".to_owned(), vec![name]),
        ..CommonTls::default()
    };
    let socket = downstream_tls(&downstream_tls_context(common, true));
    let chains = vec![FilterChain { transport_socket: Some(socket), ..chain("x", "a.test") }];
    let listener = Listener { filter_chains: chains, ..Default::default() };
    let parts = Parts::of(TypeUrl::LISTENER, &EncodedResource::whole("l", encode(&listener))).unwrap();
    let part = &parts.all()[0];
    assert_eq!(part.secrets().into_iter().collect::<Vec<_>>(), ["mine", "theirs"]);
    let closed = part.closed();
    assert!(closed.secrets().is_empty());
    assert_eq!(closed.usage, part.usage);
    assert_eq!(FilterChain::decode(&closed.message()[..]).unwrap(), chain("x", "a.test"));
    let listener = Listener::decode(&parts.with([&closed]).to_vec()[..]).unwrap();
    assert_eq!(listener.filter_chains, [chain("x", "a.test")]);
}

#[test]
fn what_has_no_parts_is_not_cut() {
    let none = |type_url, resource: &EncodedResource| assert!(Parts::of(type_url, resource).is_none());
    none(TypeUrl::ROUTE_CONFIGURATION, &table(Vec::new()));
    none(TypeUrl::CLUSTER, &table(vec![host("a:80", "a")]));
    none(TypeUrl::LISTENER, &EncodedResource::whole("x", "x=1"));
    none(TypeUrl::LISTENER, &EncodedResource::whole("x", vec![0x1a, 0xff]));
}

/// The messages are those of Envoy 1.40.
#[test]
fn the_answer_to_a_probe_tells_whether_all_before_its_end_is_right() {
    let parts =
        Parts::of(TypeUrl::ROUTE_CONFIGURATION, &table(vec![host("a:80", "a"), host("b:80", "b")])).unwrap();
    let probe = RouteConfiguration::decode(&parts.probe(&parts.all()[..1]).to_vec()[..]).unwrap();
    assert_eq!(probe.virtual_hosts.len(), 2);
    assert_eq!(probe.virtual_hosts[1].domains, [PROBE_DOMAIN; 2]);
    assert!(parts.probe_is_right(
        "Only unique values for domains are permitted. Duplicate entry of domain fairlead-probe.invalid in route 80"
    ));
    assert!(!parts.probe_is_right("goo.gle/debugstr name: \"80\" virtual_hosts { name: \"fairlead-probe\" domains: \"fairlead-probe.invalid\" }"));

    let listener = Listener { filter_chains: vec![chain("", "a.test")], ..Default::default() };
    let parts = Parts::of(TypeUrl::LISTENER, &EncodedResource::whole("l", encode(&listener))).unwrap();
    let probe = Listener::decode(&parts.probe([]).to_vec()[..]).unwrap();
    assert_eq!(probe.filter_chains.len(), 2);
    assert_eq!(probe.filter_chains[0], probe.filter_chains[1]);
    assert!(parts.probe_is_right(
        "Error adding/updating listener(s) l: error adding listener '127.0.0.1:80': filter chain 'fairlead-probe' has the same matching rules defined as 'fairlead-probe'. duplicate matcher is: {\"application_protocols\":[\"fairlead-probe\"]}"
    ));
    assert!(!parts.probe_is_right(
        "error adding listener '127.0.0.1:80': filter chain 'a' has the same matching rules defined as 'b'"
    ));
}
