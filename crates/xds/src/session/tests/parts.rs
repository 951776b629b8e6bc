//! Hosts and filter chains at fault in resources that are sent in one piece: a client that judges as Envoy does ends
//! with all that is right, and loses nothing on the way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use envoy_types::pb::{
    envoy::{
        config::{
            listener::v3::{FilterChain, FilterChainMatch, Listener},
            route::v3::{RouteConfiguration, VirtualHost},
        },
        service::discovery::v3::{
            DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
        },
    },
    google::{protobuf::Struct, rpc::Status},
};
use fairlead_envoy::encode;
use fairlead_resource::{EncodedResource, ResourceSet, TypeUrl};
use proptest::prelude::*;
use prost::Message;

use crate::{Action, NackReport, Protocol, Publication, Session, SessionOptions};

const TYPES: [TypeUrl; 2] = [TypeUrl::LISTENER, TypeUrl::ROUTE_CONFIGURATION];

/// More responses than any history of this length can take.
const MANY: usize = 3000;

/// A host or a chain: what it is called, what it is for, and its content. `bad` in the content makes it bad.
type Element = (String, String, String);

/// Resources by name: a head, which may be bad too, and elements.
type Mesh = BTreeMap<String, (String, Vec<Element>)>;

fn resource(type_url: TypeUrl, name: &str, (head, elements): &(String, Vec<Element>)) -> EncodedResource {
    let bytes = match type_url {
        TypeUrl::LISTENER => encode(&Listener {
            name: name.to_owned(),
            stat_prefix: head.clone(),
            filter_chains: elements.iter().map(chain).collect(),
            ..Default::default()
        }),
        _ => encode(&RouteConfiguration {
            name: name.to_owned(),
            internal_only_headers: vec![head.clone()],
            virtual_hosts: elements.iter().map(host).collect(),
            ..Default::default()
        }),
    };
    EncodedResource::whole(name, bytes)
}

fn host((name, domain, content): &Element) -> VirtualHost {
    VirtualHost {
        name: name.clone(),
        domains: vec![domain.clone()],
        request_headers_to_remove: vec![content.clone()],
        ..Default::default()
    }
}

fn chain((name, server_name, content): &Element) -> FilterChain {
    let conditions = FilterChainMatch {
        server_names: vec![server_name.clone()],
        transport_protocol: "tls".to_owned(),
        ..Default::default()
    };
    let metadata = envoy_types::pb::envoy::config::core::v3::Metadata {
        filter_metadata: [(content.clone(), Struct::default())].into_iter().collect(),
        ..Default::default()
    };
    FilterChain {
        name: name.clone(),
        filter_chain_match: Some(conditions),
        metadata: Some(metadata),
        ..Default::default()
    }
}

/// What the client has of a resource: the contents of its elements by what they are for.
type Held = BTreeMap<String, String>;

/// Judges a table as Envoy does: host by host, the first fault counts.
fn judge_table(bytes: &[u8]) -> Result<(String, Held), (String, String)> {
    let table = RouteConfiguration::decode(bytes).unwrap();
    let mut held = Held::new();
    let fault = |message: String| Err((table.name.clone(), message));
    if table.internal_only_headers[0].contains("bad") {
        return fault("the table is bad".to_owned());
    }
    for host in &table.virtual_hosts {
        if host.request_headers_to_remove.first().is_some_and(|content| content.contains("bad")) {
            return fault("a host is bad".to_owned());
        }
        for domain in &host.domains {
            let content = host.request_headers_to_remove.first().cloned().unwrap_or_default();
            if held.insert(domain.clone(), content).is_some() {
                return fault(format!(
                    "Only unique values for domains are permitted. Duplicate entry of domain {domain} in route {}",
                    table.name
                ));
            }
        }
    }
    Ok((table.name.clone(), held))
}

/// The same of a listener; its head is judged last.
fn judge_listener(bytes: &[u8]) -> Result<(String, Held), (String, String)> {
    let listener = Listener::decode(bytes).unwrap();
    let name = listener.name.clone();
    let fault = |message: String| {
        Err((
            name.clone(),
            format!("Error adding/updating listener(s) {name}: error adding listener: {message}"),
        ))
    };
    let mut held: BTreeMap<String, (String, String)> = BTreeMap::new();
    for chain in &listener.filter_chains {
        let content = chain.metadata.iter().flat_map(|m| m.filter_metadata.keys()).next();
        let content = content.cloned().unwrap_or_default();
        let matches = chain.filter_chain_match.clone().unwrap_or_default();
        let usage = matches.server_names.into_iter().chain(matches.application_protocols).collect();
        if let Some((other, _)) = held.insert(usage, (chain.name.clone(), content.clone())) {
            return fault(format!(
                "filter chain '{}' has the same matching rules defined as '{other}'. duplicate matcher is: {{}}",
                chain.name
            ));
        }
        if content.contains("bad") {
            return fault("Invalid path: /nowhere".to_owned());
        }
    }
    if held.is_empty() {
        return fault("no filter chains specified".to_owned());
    }
    if listener.stat_prefix.contains("bad") {
        return fault("cannot bind".to_owned());
    }
    Ok((name, held.into_iter().map(|(usage, (_, content))| (usage, content)).collect()))
}

/// A response that was not taken yet.
struct Received {
    type_url: TypeUrl,
    nonce: String,
    bodies: Vec<Vec<u8>>,
    version: String,
    /// What was published when it was sent.
    revision: u64,
}

struct Client {
    protocol: Protocol,
    session: Session,
    held: BTreeMap<(TypeUrl, String), Held>,
    published: BTreeMap<TypeUrl, Mesh>,
    queue: VecDeque<Received>,
    versions: BTreeMap<TypeUrl, String>,
    reports: Vec<NackReport>,
    revision: u64,
    steps: usize,
    nacks: usize,
    /// It has put to use some listeners of a response that it rejected, and accepted none since.
    half_taken: bool,
    /// It came back like that: its last stream could not know what it has.
    unknown: bool,
}

impl Client {
    fn new(protocol: Protocol) -> Self {
        let publication = std::sync::Arc::new(Publication::new(0));
        let session = Session::new(protocol, SessionOptions::default(), publication);
        let mut client = Self {
            protocol,
            session,
            held: BTreeMap::new(),
            published: BTreeMap::new(),
            queue: VecDeque::new(),
            versions: BTreeMap::new(),
            reports: Vec::new(),
            revision: 0,
            steps: 0,
            nacks: 0,
            half_taken: false,
            unknown: false,
        };
        client.request(TypeUrl::LISTENER, "", None);
        client.request(TypeUrl::ROUTE_CONFIGURATION, "", None);
        client
    }

    fn names(type_url: TypeUrl) -> Vec<String> {
        if type_url == TypeUrl::LISTENER { Vec::new() } else { vec!["r0".into(), "r1".into()] }
    }

    fn request(&mut self, type_url: TypeUrl, nonce: &str, error: Option<&str>) {
        let error_detail =
            error.map(|message| Status { code: 13, message: message.into(), ..Default::default() });
        let names = Self::names(type_url);
        let actions = match self.protocol {
            Protocol::Delta => self.session.on_delta(&DeltaDiscoveryRequest {
                type_url: type_url.as_str().into(),
                response_nonce: nonce.into(),
                error_detail,
                resource_names_subscribe: if nonce.is_empty() { names } else { Vec::new() },
                ..Default::default()
            }),
            Protocol::StateOfTheWorld => self.session.on_sotw(&DiscoveryRequest {
                type_url: type_url.as_str().into(),
                response_nonce: nonce.into(),
                version_info: self.versions.get(&type_url).cloned().unwrap_or_default(),
                error_detail,
                resource_names: names,
                ..Default::default()
            }),
        };
        self.act(actions);
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            self.steps += 1;
            assert!(self.steps < MANY, "there is no end to it");
            match action {
                Action::Send(response) => {
                    let type_url = response.type_url();
                    let bytes = response.to_vec();
                    let (nonce, bodies, version) = match self.protocol {
                        Protocol::Delta => {
                            let message = DeltaDiscoveryResponse::decode(&bytes[..]).unwrap();
                            for gone in &message.removed_resources {
                                self.held.remove(&(type_url, gone.clone()));
                            }
                            let bodies = message.resources.into_iter().map(|r| r.resource.unwrap().value);
                            (message.nonce, bodies.collect(), String::new())
                        }
                        Protocol::StateOfTheWorld => {
                            let message = DiscoveryResponse::decode(&bytes[..]).unwrap();
                            let bodies = message.resources.into_iter().map(|r| r.value);
                            (message.nonce, bodies.collect(), message.version_info)
                        }
                    };
                    let revision = self.revision;
                    self.queue.push_back(Received { type_url, nonce, bodies, version, revision });
                }
                Action::Reject(report) => self.reports.push(report),
                Action::Close(reason) => panic!("{reason}"),
                Action::Acked { .. } | Action::Healed { .. } | Action::Note(_) => {}
            }
        }
    }

    /// A state-of-the-world client goes on with another stream; it has taken some of what was under way or not.
    fn reconnect(&mut self) {
        if self.protocol == Protocol::Delta {
            return;
        }
        let departed = self.session.depart();
        let publication = self.session.ledger.publication.clone();
        self.session = Session::new(self.protocol, SessionOptions::default(), publication);
        if let Some(departed) = departed {
            self.session.go_on_from(departed);
        }
        self.queue.clear();
        self.unknown |= self.half_taken;
        for type_url in TYPES {
            self.request(type_url, "", None);
        }
    }

    /// Takes the oldest response. Returns whether there was one.
    fn take(&mut self) -> bool {
        let Some(next) = self.queue.pop_front() else { return false };
        let Received { type_url, nonce, bodies, version, revision } = next;
        let mut faults = Vec::new();
        let mut named = BTreeSet::new();
        for body in &bodies {
            let judged = if type_url == TypeUrl::LISTENER { judge_listener(body) } else { judge_table(body) };
            match judged {
                Ok((name, held)) => {
                    if revision == self.revision {
                        self.check_nothing_lost(type_url, &name, &held);
                    }
                    named.insert(name.clone());
                    self.held.insert((type_url, name), held);
                }
                Err((name, message)) => {
                    named.insert(name);
                    faults.push(message);
                    if type_url == TypeUrl::ROUTE_CONFIGURATION {
                        break;
                    }
                }
            }
        }
        if self.protocol == Protocol::StateOfTheWorld && type_url == TypeUrl::LISTENER {
            self.held.retain(|(t, name), _| *t != type_url || named.contains(name));
        }
        if type_url == TypeUrl::LISTENER {
            self.half_taken = !faults.is_empty() && faults.len() < bodies.len();
        }
        if faults.is_empty() {
            self.versions.insert(type_url, version);
            self.request(type_url, &nonce, None);
        } else {
            self.nacks += 1;
            let message = faults.join("\n").replace("\nError adding/updating listener(s) ", "\n");
            self.request(type_url, &nonce, Some(&message));
        }
        true
    }

    /// What the client has, and what is right and published in a form that it knows, it keeps.
    fn check_nothing_lost(&self, type_url: TypeUrl, name: &str, new: &Held) {
        assert!(!new.keys().any(|usage| usage.contains("probe")), "a probe was taken");
        if self.unknown && type_url == TypeUrl::LISTENER {
            return;
        }
        let Some(had) = self.held.get(&(type_url, name.to_owned())) else { return };
        let Some((_, elements)) = self.published.get(&type_url).and_then(|mesh| mesh.get(name)) else {
            return;
        };
        for (_, usage, content) in elements {
            if had.get(usage) == Some(content) {
                assert!(new.contains_key(usage), "{type_url} {name} has lost {usage}");
            }
        }
    }

    fn publish(&mut self, published: BTreeMap<TypeUrl, Mesh>) {
        self.revision += 1;
        let mut publication = Publication::new(self.revision);
        for (type_url, mesh) in &published {
            let set: ResourceSet = mesh
                .iter()
                .map(|(name, of)| {
                    (fairlead_resource::ResourceName::from(name.as_str()), resource(*type_url, name, of))
                })
                .collect();
            publication = publication.with(*type_url, set);
        }
        self.published = published;
        let actions = self.session.on_publication(std::sync::Arc::new(publication));
        self.act(actions);
    }

    /// All that is right is held, and of the rest nothing but what was right before.
    fn finish(&mut self) {
        while self.take() {}
        for (type_url, mesh) in &self.published {
            for (name, (head, elements)) in mesh {
                let held = self.held.get(&(*type_url, name.clone()));
                let right: Vec<_> =
                    elements.iter().filter(|(_, _, content)| !content.contains("bad")).collect();
                if head.contains("bad") || (*type_url == TypeUrl::LISTENER && right.is_empty()) {
                    continue;
                }
                let held = held.unwrap_or_else(|| panic!("{type_url} {name} is not held"));
                let mut claimed = BTreeSet::new();
                for (_, usage, content) in right {
                    if claimed.insert(usage) {
                        let twice = elements.iter().filter(|(_, other, _)| other == usage).count() > 1;
                        assert!(
                            twice || held.get(usage) == Some(content),
                            "{type_url} {name} {usage}: {held:?}"
                        );
                    }
                }
            }
        }
    }
}

/// Elements called by their numbers. Each third of them is for what another one may be for, too.
fn elements(type_url: TypeUrl) -> impl Strategy<Value = Vec<Element>> {
    let element = (0..9_u8, prop::bool::weighted(0.15), 0..4_u8, prop::bool::weighted(0.1));
    prop::collection::btree_map(0..30_u8, element, 0..14).prop_map(move |of| {
        let mut usages = BTreeSet::new();
        let mut all = Vec::new();
        for (number, (other, bad, edition, moved)) in of {
            let usage = if moved { format!("u{other}") } else { format!("u{number}") };
            let content = if bad { format!("bad{edition}") } else { format!("e{edition}") };
            // Only some of the meshes are at odds with themselves.
            if usages.insert(usage.clone()) || edition == 0 {
                all.push((format!("{}{number}", type_url.short()), usage, content));
            }
        }
        all
    })
}

fn mesh(type_url: TypeUrl) -> impl Strategy<Value = Mesh> {
    let name = if type_url == TypeUrl::LISTENER { "l" } else { "r" };
    let head = prop_oneof![9 => Just("h"), 1 => Just("g"), 1 => Just("bad")];
    let one = (head, elements(type_url)).prop_map(|(head, elements)| (head.to_owned(), elements));
    prop::collection::btree_map(0..2_u8, one, 0..3)
        .prop_map(move |of| of.into_iter().map(|(n, one)| (format!("{name}{n}"), one)).collect())
}

fn published() -> impl Strategy<Value = BTreeMap<TypeUrl, Mesh>> {
    (mesh(TYPES[0]), mesh(TYPES[1]))
        .prop_map(|(listeners, tables)| [(TYPES[0], listeners), (TYPES[1], tables)].into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn what_is_right_is_held_and_nothing_is_lost_meanwhile(
        history in prop::collection::vec((published(), 0..12_usize, prop::bool::weighted(0.2)), 1..8),
        sotw: bool,
    ) {
        let protocol = if sotw { Protocol::StateOfTheWorld } else { Protocol::Delta };
        let mut client = Client::new(protocol);
        for (published, responses, comes_back) in history {
            client.publish(published);
            for _ in 0..responses {
                client.take();
            }
            if comes_back {
                client.reconnect();
            }
        }
        client.finish();
    }
}

fn hosts(count: usize, bad: &[usize]) -> Vec<Element> {
    let content = |n: usize| if bad.contains(&n) { "bad".to_owned() } else { "good".to_owned() };
    (0..count).map(|n| (format!("h{n}:80"), format!("h{n}"), content(n))).collect()
}

fn only(type_url: TypeUrl, name: &str, elements: Vec<Element>) -> BTreeMap<TypeUrl, Mesh> {
    let mesh = [(name.to_owned(), ("h".to_owned(), elements))].into_iter().collect();
    [(type_url, mesh)].into_iter().collect()
}

#[test]
fn one_bad_host_of_401_leaves_a_fresh_client_the_other_400() {
    let mut client = Client::new(Protocol::StateOfTheWorld);
    client.publish(only(TypeUrl::ROUTE_CONFIGURATION, "r0", hosts(401, &[123])));
    client.finish();
    assert_eq!(client.held[&(TypeUrl::ROUTE_CONFIGURATION, "r0".to_owned())].len(), 400);
    let names: Vec<_> = client.reports.iter().flat_map(|r| &r.resources).map(|r| &*r.name).collect();
    assert_eq!(names, ["r0/h123:80"], "{:?}", client.reports);
    assert_eq!(client.reports[0].type_url, TypeUrl::VIRTUAL_HOST);
    assert_eq!(client.reports[0].message, "a host is bad");
    // The whole, the head alone, and as many as halve 401.
    assert!(client.nacks <= 11, "{} responses were rejected", client.nacks);
    let status = client.session.status();
    let routes = status.iter().find(|s| s.type_url == TypeUrl::ROUTE_CONFIGURATION).unwrap();
    assert_eq!(routes.held_back.iter().map(|r| &*r.name).collect::<Vec<_>>(), ["r0/h123:80"]);
    assert!(!routes.in_sync);
}

#[test]
fn a_host_that_becomes_bad_keeps_its_last_good_content() {
    let mut client = Client::new(Protocol::StateOfTheWorld);
    client.publish(only(TypeUrl::ROUTE_CONFIGURATION, "r0", hosts(40, &[])));
    while client.take() {}
    client.publish(only(TypeUrl::ROUTE_CONFIGURATION, "r0", hosts(41, &[7])));
    client.finish();
    let held = &client.held[&(TypeUrl::ROUTE_CONFIGURATION, "r0".to_owned())];
    assert_eq!((held.len(), held["h7"].as_str()), (41, "good"));
    client.publish(only(TypeUrl::ROUTE_CONFIGURATION, "r0", hosts(42, &[7])));
    let nacks = client.nacks;
    client.finish();
    assert_eq!(client.nacks, nacks, "a rejected host was sent again");
    client.publish(only(TypeUrl::ROUTE_CONFIGURATION, "r0", hosts(42, &[])));
    client.finish();
    assert!(client.session.in_sync());
}

#[test]
fn a_client_that_comes_back_keeps_the_last_good_content_of_a_host() {
    let mut client = Client::new(Protocol::StateOfTheWorld);
    client.publish(only(TypeUrl::ROUTE_CONFIGURATION, "r0", hosts(40, &[])));
    client.finish();
    client.publish(only(TypeUrl::ROUTE_CONFIGURATION, "r0", hosts(41, &[7])));
    client.finish();
    let nacks = client.nacks;
    client.reconnect();
    client.finish();
    let held = &client.held[&(TypeUrl::ROUTE_CONFIGURATION, "r0".to_owned())];
    assert_eq!((held.len(), held["h7"].as_str()), (41, "good"));
    assert_eq!(client.nacks, nacks, "a rejected host was sent again");
    client.publish(only(TypeUrl::ROUTE_CONFIGURATION, "r0", hosts(41, &[])));
    client.finish();
    assert!(client.session.in_sync());
}

/// The verdict on an older content held for the newer one, until another change.
#[test]
fn a_chain_that_was_at_odds_with_what_is_gone_is_tried_again() {
    for protocol in [Protocol::Delta, Protocol::StateOfTheWorld] {
        let chain = |name: &str, usage: &str| (name.to_owned(), usage.to_owned(), "e".to_owned());
        let mut client = Client::new(protocol);
        client.publish(only(TypeUrl::LISTENER, "l0", vec![chain("a", "u"), chain("b", "u")]));
        client.take();
        client.publish(only(TypeUrl::LISTENER, "l0", vec![chain("a", "v"), chain("b", "u")]));
        client.finish();
        assert_eq!(client.held[&(TypeUrl::LISTENER, "l0".to_owned())].len(), 2);
        assert!(client.session.in_sync());
    }
}

/// It was rejected as a whole when the search began, and was held back for ever.
#[test]
fn a_table_that_goes_during_a_search_is_searched_again_when_it_is_back() {
    for protocol in [Protocol::Delta, Protocol::StateOfTheWorld] {
        for responses in 0..6 {
            let mut client = Client::new(protocol);
            let table = only(TypeUrl::ROUTE_CONFIGURATION, "r0", hosts(40, &[7]));
            client.publish(table.clone());
            for _ in 0..responses {
                client.take();
            }
            client.publish(BTreeMap::new());
            while client.take() {}
            client.publish(table);
            client.finish();
            assert_eq!(client.held[&(TypeUrl::ROUTE_CONFIGURATION, "r0".to_owned())].len(), 39);
        }
    }
}

#[test]
fn a_listener_that_is_at_fault_itself_blames_no_chain() {
    for protocol in [Protocol::Delta, Protocol::StateOfTheWorld] {
        let mut client = Client::new(protocol);
        let mut published = only(TypeUrl::LISTENER, "l0", hosts(20, &[]));
        published.get_mut(&TypeUrl::LISTENER).unwrap().get_mut("l0").unwrap().0 = "bad".to_owned();
        client.publish(published);
        client.finish();
        let [report] = &client.reports[..] else { panic!("{:?}", client.reports) };
        assert_eq!((report.type_url, &*report.resources[0].name), (TypeUrl::LISTENER, "l0"));
        // It is the reason that the client gave for the listener, not for the probe.
        assert!(report.message.ends_with("cannot bind"), "{report:?}");
        assert_eq!(client.nacks, 2, "{protocol:?}");
    }
}

#[test]
fn a_bad_chain_of_a_small_listener_costs_that_chain_in_both_protocols() {
    for protocol in [Protocol::Delta, Protocol::StateOfTheWorld] {
        let mut client = Client::new(protocol);
        client.publish(only(TypeUrl::LISTENER, "l0", hosts(8, &[3])));
        client.finish();
        assert_eq!(client.held[&(TypeUrl::LISTENER, "l0".to_owned())].len(), 7);
        let [report] = &client.reports[..] else { panic!("{:?}", client.reports) };
        assert_eq!((report.type_url, &*report.resources[0].name), (TypeUrl::FILTER_CHAIN, "l0/h3:80"));
    }
}

/// A session with a listener of two chains, each with a secret, and a client of the state of the world that has asked
/// for both, of which one exists.
fn waiting_for_a_secret() -> (Session, Vec<Action>) {
    let chains = ["mine", "missing"].map(chain_with);
    let mut client = Client::new(Protocol::StateOfTheWorld);
    let publication = with_secrets(&chains, &["mine"]);
    let options =
        SessionOptions { answer_missing: [(TypeUrl::SECRET, true)].into(), ..SessionOptions::default() };
    client.session = Session::new(Protocol::StateOfTheWorld, options, publication);
    let mut ask = |type_url: TypeUrl, names: &[&str], nonce: &str, error: bool| {
        client.session.on_sotw(&DiscoveryRequest {
            type_url: type_url.as_str().into(),
            resource_names: names.iter().map(ToString::to_string).collect(),
            response_nonce: nonce.into(),
            error_detail: error.then(Status::default),
            ..Default::default()
        })
    };
    let listeners = nonce_of(&ask(TypeUrl::LISTENER, &[], "", false));
    let secrets = nonce_of(&ask(TypeUrl::SECRET, &["mine", "missing", "of a cluster"], "", false));
    ask(TypeUrl::LISTENER, &[], &listeners, false);
    let actions = ask(TypeUrl::SECRET, &["mine", "missing", "of a cluster"], &secrets, false);
    (client.session, actions)
}

fn chain_with(secret: &str) -> FilterChain {
    use fairlead_envoy::tls::{Certificate, CommonTls, downstream_tls, downstream_tls_context};
    let common =
        CommonTls { certificates: vec![Certificate::Sds(secret.to_owned())], ..CommonTls::default() };
    let socket = downstream_tls(&downstream_tls_context(common, false));
    let element = (secret.to_owned(), format!("{secret}.test"), "good".to_owned());
    FilterChain { transport_socket: Some(socket), ..chain(&element) }
}

fn with_secrets(chains: &[FilterChain], secrets: &[&str]) -> std::sync::Arc<Publication> {
    let listener = Listener { name: "l".to_owned(), filter_chains: chains.to_vec(), ..Default::default() };
    let listener = EncodedResource::whole("l", encode(&listener));
    let secrets = secrets.iter().map(|name| EncodedResource::whole(*name, name.as_bytes().to_vec()));
    let publication = Publication::new(1)
        .with(TypeUrl::LISTENER, [(listener.name.clone(), listener)].into_iter().collect())
        .with(TypeUrl::SECRET, secrets.map(|secret| (secret.name.clone(), secret)).collect());
    std::sync::Arc::new(publication)
}

fn sent(actions: &[Action]) -> impl Iterator<Item = (TypeUrl, DiscoveryResponse)> {
    actions.iter().filter_map(|action| match action {
        Action::Send(response) => {
            Some((response.type_url(), DiscoveryResponse::decode(&response.to_vec()[..]).unwrap()))
        }
        _ => None,
    })
}

fn nonce_of(actions: &[Action]) -> String {
    sent(actions).last().expect("a response was sent").1.nonce
}

fn listener_in(response: &DiscoveryResponse) -> Listener {
    Listener::decode(&response.resources[0].value[..]).unwrap()
}

#[test]
fn a_missing_secret_closes_its_own_chain_and_the_others_need_not_wait() {
    let (mut session, actions) = waiting_for_a_secret();
    let responses: Vec<_> = sent(&actions).collect();
    let [(TypeUrl::LISTENER, listener), (TypeUrl::SECRET, stand_in)] = &responses[..] else {
        panic!("{responses:?}")
    };
    let chains = listener_in(listener).filter_chains;
    assert_eq!(chains[0], chain_with("mine"));
    assert_eq!((&*chains[1].name, chains[1].transport_socket.is_none()), ("missing", true));
    assert_eq!(chains[1].filter_chain_match, chain_with("missing").filter_chain_match);

    // A cluster has no such form: what it waits for is refused, and that is no finding.
    assert_eq!(stand_in.resources.len(), 1);
    let actions = session.on_sotw(&DiscoveryRequest {
        type_url: TypeUrl::SECRET.as_str().into(),
        resource_names: vec!["mine".into(), "of a cluster".into()],
        response_nonce: stand_in.nonce.clone(),
        error_detail: Some(Status::default()),
        ..Default::default()
    });
    assert!(actions.is_empty(), "{actions:?}");
    session.on_sotw(&DiscoveryRequest {
        type_url: TypeUrl::LISTENER.as_str().into(),
        response_nonce: listener.nonce.clone(),
        ..Default::default()
    });
    assert!(session.in_sync(), "{:#?}", session.status());

    // When it comes, its chain is as it was meant.
    let chains = ["mine", "missing"].map(chain_with);
    let actions = session.on_publication(with_secrets(&chains, &["mine", "missing"]));
    let responses: Vec<_> = sent(&actions).collect();
    let listeners = responses.iter().find(|(type_url, _)| *type_url == TypeUrl::LISTENER).unwrap();
    assert_eq!(listener_in(&listeners.1).filter_chains, chains);
}
