//! Random histories: whatever is published, delivered, rejected and disconnected in whatever order, the client
//! ends with what is published, and never in between uses what it has not.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryResponse;
use fairlead_resource::{
    TypeUrl,
    collection::{Epoch, endpoint_in},
};
use proptest::prelude::*;
use prost::Message;

use super::{
    envoy::Envoy,
    mesh::{Contents, Mesh, is_bad, references},
    script::version,
};
use crate::{Action, NackReport, Protocol, Publication, Session, SessionOptions};

/// More steps than any history of the length that is tried can take.
const MANY: usize = 5000;

#[derive(Clone, Debug)]
enum Op {
    Publish(u64),
    /// The server takes this many requests.
    Server(u8),
    /// The client takes this many responses.
    Client(u8),
    Reconnect,
}

fn ops(reconnect: bool) -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => (0..10_000_u64).prop_map(Op::Publish),
        6 => (1..6_u8).prop_map(Op::Server),
        6 => (1..6_u8).prop_map(Op::Client),
        1 => Just(if reconnect { Op::Reconnect } else { Op::Server(1) }),
    ];
    prop::collection::vec(op, 1..60)
}

struct History {
    session: Session,
    envoy: Envoy,
    responses: VecDeque<DeltaDiscoveryResponse>,
    mesh: Mesh,
    publication: Arc<Publication>,
    /// Clusters of which some content was bad: routes to them may come without them.
    bad_clusters: BTreeSet<String>,
    reported: Vec<NackReport>,
    options: SessionOptions,
    revision: u64,
    steps: usize,
    bad: bool,
}

impl History {
    fn new(elements: &[TypeUrl], bad: bool) -> Self {
        let taken = elements.iter().copied().collect();
        let options = SessionOptions { elements: taken, delta_bytes: 40, ..SessionOptions::default() };
        let publication = Arc::new(Publication::new(0));
        let mut history = Self {
            session: Session::new(Protocol::Delta, options.clone(), publication.clone()),
            envoy: Envoy::new(),
            responses: VecDeque::new(),
            mesh: Mesh::default(),
            publication,
            bad_clusters: BTreeSet::new(),
            reported: Vec::new(),
            options,
            revision: 0,
            steps: 0,
            bad,
        };
        history.envoy.connect();
        history
    }

    fn play(&mut self, op: &Op) {
        match op {
            Op::Publish(seed) => {
                self.revision += 1;
                self.mesh = Mesh::random(*seed, self.bad);
                if self.options.elements.contains(&TypeUrl::LB_ENDPOINT) {
                    self.mesh.collect(*seed, self.bad);
                }
                let bad = self.mesh.clusters.iter().filter(|(_, c)| is_bad(c)).map(|(n, _)| n.clone());
                self.bad_clusters.extend(bad);
                let next = self.mesh.publication(self.revision).following(&self.publication);
                self.publication = Arc::new(next);
                let actions = self.session.on_publication(self.publication.clone());
                self.act(actions);
            }
            Op::Server(n) => {
                for _ in 0..*n {
                    self.server();
                }
            }
            Op::Client(n) => {
                for _ in 0..*n {
                    self.client();
                }
            }
            Op::Reconnect => {
                self.responses.clear();
                self.session = Session::new(Protocol::Delta, self.options.clone(), self.publication.clone());
                // What a stream has learnt goes with it.
                self.reported.clear();
                self.envoy.connect();
            }
        }
    }

    fn server(&mut self) -> bool {
        let Some(request) = self.envoy.requests.pop_front() else { return false };
        let actions = self.session.on_delta(&request);
        self.act(actions);
        true
    }

    fn client(&mut self) -> bool {
        let Some(response) = self.responses.pop_front() else { return false };
        self.envoy.receive(&response, &self.bad_clusters);
        let emptied: Vec<_> = self.envoy.localities.emptied().collect();
        assert!(self.bad || emptied.is_empty(), "{emptied:?} have lost all of their endpoints");
        true
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            self.steps += 1;
            assert!(self.steps < MANY, "there is no end to it");
            match action {
                Action::Send(response) => {
                    let message = DeltaDiscoveryResponse::decode(&response.to_vec()[..]).unwrap();
                    for resource in &message.resources {
                        let content = &resource.resource.as_ref().unwrap().value;
                        let content = in_first_epoch(str::from_utf8(content).unwrap());
                        let (digest, name) = (version(&content), resource.name.as_str());
                        let name = endpoint_in(name, Epoch::First).unwrap_or_else(|| name.into());
                        let known = self.reported.iter().any(|r| {
                            r.type_url == response.type_url()
                                && r.resources.iter().any(|x| x.name == name && x.digest == digest)
                        });
                        assert!(!known, "{} is sent again after its rejection", resource.name);
                    }
                    self.responses.push_back(message);
                }
                Action::Reject(report) => self.reported.push(report),
                Action::Close(reason) => panic!("{reason}"),
                Action::Acked { .. } | Action::Healed { .. } | Action::Note(_) => {}
            }
        }
    }

    /// Delivers everything, and then looks at the result.
    fn finish(&mut self) {
        loop {
            while self.server() || self.client() {
                self.steps += 1;
                assert!(self.steps < MANY, "there is no end to it");
            }
            let warming = self.envoy.warming();
            let endless = warming.iter().any(|n| !self.is_bad_endpoint(n));
            assert!(!endless, "{warming:?} warm for ever");
            if warming.is_empty() {
                break;
            }
            self.envoy.stop_warming();
        }
        let clean = self.everything_good();
        assert!(!clean || self.session.in_sync(), "{:#?}", self.session.status());
        self.compare(TypeUrl::CLUSTER, &self.mesh.clusters, !clean);
        let held = self.envoy.held(TypeUrl::CLUSTER);
        let endpoints = only(&self.mesh.endpoints, |n| held.contains_key(n));
        self.compare(TypeUrl::CLUSTER_LOAD_ASSIGNMENT, &endpoints, true);
        self.compare_collections(&held, clean);
        self.compare(TypeUrl::LISTENER, &self.mesh.listeners, false);
        let listeners = self.envoy.held(TypeUrl::LISTENER);
        let named: BTreeSet<&str> = listeners.values().flat_map(|c| references(c)).collect();
        if self.options.elements.contains(&TypeUrl::VIRTUAL_HOST) {
            let tables = only(&self.mesh.routes, |n| named.contains(n));
            self.compare(TypeUrl::ROUTE_CONFIGURATION, &tables, !clean);
            let held = self.envoy.held(TypeUrl::ROUTE_CONFIGURATION);
            let hosts =
                only(&self.mesh.hosts, |n| n.split_once('/').is_some_and(|(t, _)| held.contains_key(t)));
            self.compare(TypeUrl::VIRTUAL_HOST, &hosts, !clean);
        } else {
            let tables = self.publication.set(TypeUrl::ROUTE_CONFIGURATION).iter();
            let tables: Contents = tables
                .filter(|(n, _)| named.contains(&***n))
                .map(|(n, r)| (n.to_string(), String::from_utf8(r.to_vec()).unwrap()))
                .collect();
            self.compare(TypeUrl::ROUTE_CONFIGURATION, &tables, !clean);
        }
    }

    fn is_bad_endpoint(&self, name: &str) -> bool {
        self.mesh.endpoints.get(name).is_none_or(|c| is_bad(c))
    }

    fn everything_good(&self) -> bool {
        let mesh = &self.mesh;
        [&mesh.clusters, &mesh.endpoints, &mesh.collected, &mesh.listeners, &mesh.routes, &mesh.hosts]
            .into_iter()
            .all(|contents| contents.values().all(|c| !is_bad(c)))
    }

    /// The clusters that are held have the endpoints that are published.
    fn compare_collections(&self, held: &Contents, clean: bool) {
        let in_use = self.envoy.localities.in_use();
        for (name, content) in &self.mesh.collected {
            let cluster = name.split('/').next().unwrap();
            let assigned = self.mesh.endpoints.get(cluster).is_some_and(|c| !is_bad(c));
            if assigned && held.contains_key(cluster) && !is_bad(content) {
                assert_eq!(in_use.get(name), Some(content), "endpoint {name}");
            }
        }
        for name in in_use.keys() {
            assert!(
                !clean || self.mesh.collected.contains_key(name),
                "endpoint {name} is held though removed"
            );
        }
    }

    /// The client holds what is published; bad contents aside, and more than that only if `more` is allowed.
    fn compare(&self, type_url: TypeUrl, published: &Contents, more: bool) {
        let held = self.envoy.held(type_url);
        for (name, content) in published.iter().filter(|(_, c)| !is_bad(c)) {
            let held = held.get(name).map(|content| in_first_epoch(content));
            assert_eq!(held.as_ref(), Some(content), "{type_url} {name}");
        }
        for name in held.keys() {
            assert!(more || published.contains_key(name), "{type_url} {name} is held though removed");
        }
    }
}

fn only(contents: &Contents, keep: impl Fn(&str) -> bool) -> Contents {
    contents.iter().filter(|(n, _)| keep(n)).map(|(n, c)| (n.clone(), c.clone())).collect()
}

/// An assignment with collections is the same in either epoch.
fn in_first_epoch(content: &str) -> String {
    content.strip_prefix("b:").map_or_else(|| content.to_owned(), |rest| format!("a:{rest}"))
}

const NONE: &[TypeUrl] = &[];
const VHDS: &[TypeUrl] = &[TypeUrl::VIRTUAL_HOST];
const LEDS: &[TypeUrl] = &[TypeUrl::LB_ENDPOINT];
const BOTH: &[TypeUrl] = &[TypeUrl::VIRTUAL_HOST, TypeUrl::LB_ENDPOINT];

fn check(ops: &[Op], elements: &[TypeUrl], bad: bool) {
    let mut history = History::new(elements, bad);
    for op in ops {
        history.play(op);
    }
    history.finish();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn clients_end_with_what_is_published(ops in ops(false)) {
        check(&ops, NONE, false);
    }

    #[test]
    fn clients_end_with_what_is_published_as_elements(ops in ops(false)) {
        check(&ops, VHDS, false);
    }

    #[test]
    fn reconnecting_clients_end_with_what_is_published(ops in ops(true)) {
        check(&ops, NONE, false);
    }

    #[test]
    fn reconnecting_clients_end_with_what_is_published_as_elements(ops in ops(true)) {
        check(&ops, VHDS, false);
    }

    #[test]
    fn clients_that_reject_end_with_what_is_good(ops in ops(true)) {
        check(&ops, NONE, true);
    }

    #[test]
    fn clients_that_reject_hosts_end_with_what_is_good(ops in ops(true)) {
        check(&ops, VHDS, true);
    }

    #[test]
    fn clients_end_with_the_endpoints_that_are_published(ops in ops(false)) {
        check(&ops, LEDS, false);
    }

    #[test]
    fn reconnecting_clients_end_with_the_endpoints_that_are_published(ops in ops(true)) {
        check(&ops, LEDS, false);
    }

    #[test]
    fn clients_that_reject_endpoints_end_with_what_is_good(ops in ops(true)) {
        check(&ops, LEDS, true);
    }

    #[test]
    fn clients_with_hosts_and_endpoints_as_elements_end_with_what_is_published(ops in ops(true)) {
        check(&ops, BOTH, false);
    }

    #[test]
    fn clients_that_reject_hosts_and_endpoints_end_with_what_is_good(ops in ops(true)) {
        check(&ops, BOTH, true);
    }
}
