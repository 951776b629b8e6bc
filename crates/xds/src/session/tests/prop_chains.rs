//! Random histories of listeners whose filter chains come alone, against a model of what Envoy does with them: a chain
//! is never taken from a listener that names it, never missing where Envoy does not wait for it, and always removed
//! before Envoy lets go of it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use envoy_types::pb::envoy::service::discovery::v3::{DeltaDiscoveryRequest, DeltaDiscoveryResponse};
use fairlead_resource::{Digest, Elements, EncodedResource, ResourceSet, TypeUrl};
use proptest::prelude::*;
use prost::Message;

use super::mesh::Contents;
use crate::{Action, ElementTypes, Protocol, Publication, Session, SessionOptions};

const LISTENERS: [&str; 2] = ["l", "m"];
const CHAINS: [&str; 3] = ["x", "y", "z"];
const SECRETS: [&str; 3] = ["s", "t", "u"];
/// More steps than any history of the length that is tried can take.
const MANY: usize = 5000;

#[derive(Clone, Debug)]
enum Op {
    /// Each listener: no more than a choice for each chain, of none or of a content and a secret.
    Publish([Option<[u8; 3]>; 2]),
    Server(u8),
    Client(u8),
    /// Everything arrives, and every listener of before has drained.
    Drained,
    Reconnect,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let listener = prop::option::weighted(0.8, prop::array::uniform3(0..9_u8));
    let op = prop_oneof![
        4 => prop::array::uniform2(listener).prop_map(Op::Publish),
        6 => (1..6_u8).prop_map(Op::Server),
        6 => (1..6_u8).prop_map(Op::Client),
        1 => Just(Op::Drained),
        1 => Just(Op::Reconnect),
    ];
    prop::collection::vec(op, 1..60)
}

/// `<version>:<secret>` of a choice; every third is no chain.
fn chain(choice: u8) -> Option<String> {
    let (version, secret) = (choice / 3, choice % 3);
    (version > 0).then(|| format!("{version}:{}", SECRETS[usize::from(secret)]))
}

/// What is published: parents (`<names>;<secrets>`) and chains.
#[derive(Default)]
struct Published {
    parents: Contents,
    chains: Contents,
}

impl Published {
    fn of(choices: [Option<[u8; 3]>; 2]) -> Self {
        let mut published = Self::default();
        for (listener, choices) in LISTENERS.into_iter().zip(choices) {
            let Some(choices) = choices else { continue };
            let chains = CHAINS.iter().zip(choices).filter_map(|(name, choice)| Some((name, chain(choice)?)));
            let chains: Contents =
                chains.map(|(name, content)| (format!("{listener}/{name}"), content)).collect();
            // A listener without a chain is not published.
            if chains.is_empty() {
                continue;
            }
            let names: Vec<&str> = chains.keys().map(String::as_str).collect();
            let secrets: BTreeSet<&str> = chains.values().map(|content| secret(content)).collect();
            let secrets: Vec<&str> = secrets.into_iter().collect();
            published
                .parents
                .insert((*listener).into(), format!("{};{}", names.join(","), secrets.join(",")));
            published.chains.extend(chains);
        }
        published
    }

    fn publication(&self, revision: u64) -> Publication {
        let listeners = self.parents.iter().map(|(name, parent)| {
            let prefix = format!("{name}/");
            let own = self.chains.iter().filter(|(chain, _)| chain.starts_with(&prefix));
            let children: ResourceSet = own.map(|(name, content)| entry(name, content)).collect();
            let all: Vec<String> = children.values().map(|c| c.digest.to_string()).collect();
            let full = EncodedResource::whole(name.as_str(), format!("{parent}{}", all.concat()));
            let parent = EncodedResource::whole(name.as_str(), parent.clone());
            let element_type = TypeUrl::FILTER_CHAIN;
            let elements = Elements { element_type, parent, children, in_second_epoch: None };
            (full.name.clone(), full.with_elements(elements))
        });
        Publication::new(revision)
            .with(TypeUrl::LISTENER, listeners.collect())
            .with(TypeUrl::SECRET, SECRETS.iter().map(|name| entry(name, "pem")).collect())
    }
}

fn entry(name: &str, content: &str) -> (Arc<str>, EncodedResource) {
    (name.into(), EncodedResource::whole(name, content.to_owned()))
}

fn secret(chain: &str) -> &str {
    chain.split_once(':').unwrap().1
}

fn list(text: &str) -> BTreeSet<String> {
    text.split(',').map(str::to_owned).collect()
}

fn names(parent: &str) -> BTreeSet<String> {
    list(parent.split_once(';').unwrap().0)
}

fn secrets(parent: &str) -> BTreeSet<String> {
    list(parent.split_once(';').unwrap().1)
}

/// One proxy. Its configuration outlives its streams.
#[derive(Default)]
struct Envoy {
    /// Listeners, chains and secrets that it has.
    held: BTreeMap<TypeUrl, Contents>,
    /// Contents of listeners that are draining: they keep their subscriptions.
    draining: Vec<String>,
    subscribed: BTreeMap<TypeUrl, BTreeSet<String>>,
    begun: BTreeSet<TypeUrl>,
    /// Chains that a listener with connections has left without draining them.
    left: BTreeSet<String>,
    /// Chains that were answered since they are subscribed: Envoy does not wait for them again.
    answered: BTreeSet<String>,
    /// The server sent a listener before it heard of these subscriptions: it could not know.
    untold: BTreeSet<String>,
    requests: VecDeque<DeltaDiscoveryRequest>,
}

impl Envoy {
    fn held(&mut self, type_url: TypeUrl) -> &mut Contents {
        self.held.entry(type_url).or_default()
    }

    fn connect(&mut self) {
        self.requests.clear();
        self.begun.clear();
        self.subscribed.clear();
        self.begin(TypeUrl::LISTENER);
        self.subscribe();
    }

    fn begin(&mut self, type_url: TypeUrl) {
        self.begun.insert(type_url);
        let versions = self.held(type_url).iter();
        let versions = versions.map(|(n, c)| (n.clone(), Digest::of(c.as_bytes()).to_string())).collect();
        let names = self.subscribed.get(&type_url).cloned().unwrap_or_default();
        self.requests.push_back(DeltaDiscoveryRequest {
            type_url: type_url.as_str().into(),
            resource_names_subscribe: names.into_iter().collect(),
            initial_resource_versions: versions,
            ..Default::default()
        });
    }

    /// Asks for what listeners name, those that drain too.
    fn subscribe(&mut self) {
        let mut parents: Vec<String> = self.held(TypeUrl::LISTENER).values().cloned().collect();
        parents.extend(self.draining.iter().cloned());
        self.want(TypeUrl::FILTER_CHAIN, &parents.iter().flat_map(|p| names(p)).collect());
        self.want(TypeUrl::SECRET, &parents.iter().flat_map(|p| secrets(p)).collect());
    }

    fn want(&mut self, type_url: TypeUrl, names: &BTreeSet<String>) {
        let old = self.subscribed.insert(type_url, names.clone()).unwrap_or_default();
        let dropped: Vec<String> = old.difference(names).cloned().collect();
        for name in &dropped {
            let content = self.held(type_url).remove(name);
            if type_url == TypeUrl::FILTER_CHAIN {
                self.answered.remove(name);
                let crashes = content.is_some() && self.left.contains(name);
                assert!(!crashes, "{name} is let go without removal: Envoy crashes");
            }
        }
        if !self.begun.contains(&type_url) {
            if !names.is_empty() {
                self.begin(type_url);
            }
        } else if old != *names {
            self.requests.push_back(DeltaDiscoveryRequest {
                type_url: type_url.as_str().into(),
                resource_names_subscribe: names.difference(&old).cloned().collect(),
                resource_names_unsubscribe: dropped,
                ..Default::default()
            });
        }
    }

    fn receive(&mut self, response: &DeltaDiscoveryResponse) {
        let type_url = TypeUrl::parse(&response.type_url).unwrap();
        let resources = response.resources.iter();
        let contents: Contents = resources
            .map(|r| (r.name.clone(), String::from_utf8(r.resource.clone().unwrap().value).unwrap()))
            .collect();
        match type_url {
            TypeUrl::LISTENER => self.take_listeners(contents, &response.removed_resources),
            TypeUrl::FILTER_CHAIN => self.take_chains(contents, &response.removed_resources),
            _ => self.held(type_url).extend(contents),
        }
        self.subscribe();
        self.requests.push_back(DeltaDiscoveryRequest {
            type_url: response.type_url.clone(),
            response_nonce: response.nonce.clone(),
            ..Default::default()
        });
    }

    fn take_listeners(&mut self, contents: Contents, removed: &[String]) {
        for name in contents.keys().chain(removed) {
            let before = self.held(TypeUrl::LISTENER).remove(name);
            match contents.get(name) {
                Some(now) => {
                    self.left.extend(before.iter().flat_map(|before| names(before)));
                    self.left.retain(|chain| !names(now).contains(chain));
                }
                // Its connections are closed when it has drained.
                None => self.left.retain(|chain| !chain.starts_with(&format!("{name}/"))),
            }
            self.draining.extend(before);
        }
        for name in contents.values().flat_map(|parent| names(parent)) {
            let there = self.held(TypeUrl::FILTER_CHAIN).contains_key(&name);
            let waits = !self.answered.contains(&name) || self.untold.contains(&name);
            assert!(there || waits, "{name} is named, not there and not waited for");
        }
        self.held(TypeUrl::LISTENER).extend(contents);
    }

    fn take_chains(&mut self, contents: Contents, removed: &[String]) {
        let named: BTreeSet<String> = self.held(TypeUrl::LISTENER).values().flat_map(|p| names(p)).collect();
        for name in removed {
            self.left.remove(name);
            let there = self.held(TypeUrl::FILTER_CHAIN).remove(name).is_some();
            assert!(!there || !named.contains(name), "{name} is removed while its listener names it");
        }
        for (name, content) in contents {
            if self.subscribed[&TypeUrl::FILTER_CHAIN].contains(&name) {
                self.answered.insert(name.clone());
                self.untold.remove(&name);
                self.held(TypeUrl::FILTER_CHAIN).insert(name, content);
            }
        }
    }
}

struct History {
    session: Session,
    envoy: Envoy,
    responses: VecDeque<DeltaDiscoveryResponse>,
    published: Published,
    publication: Arc<Publication>,
    revision: u64,
    steps: usize,
}

impl History {
    fn new() -> Self {
        let published = Published::default();
        let publication = Arc::new(published.publication(0));
        let session = Self::session(&publication);
        let mut envoy = Envoy::default();
        envoy.connect();
        Self { session, envoy, responses: VecDeque::new(), published, publication, revision: 0, steps: 0 }
    }

    fn session(publication: &Arc<Publication>) -> Session {
        let elements = ElementTypes::from([TypeUrl::FILTER_CHAIN]);
        let options = SessionOptions { elements, ..SessionOptions::default() };
        Session::new(Protocol::Delta, options, publication.clone())
    }

    fn play(&mut self, op: &Op) {
        match op {
            Op::Publish(choices) => {
                self.revision += 1;
                self.published = Published::of(*choices);
                let next = self.published.publication(self.revision).following(&self.publication);
                self.publication = Arc::new(next);
                let actions = self.session.on_publication(self.publication.clone());
                self.act(actions);
            }
            Op::Server(n) => (0..*n).for_each(|_| {
                self.server();
            }),
            Op::Client(n) => (0..*n).for_each(|_| {
                self.client();
            }),
            Op::Drained => self.settle(),
            Op::Reconnect => {
                self.responses.clear();
                self.session = Self::session(&self.publication);
                self.envoy.connect();
            }
        }
    }

    fn server(&mut self) -> Option<()> {
        let request = self.envoy.requests.pop_front()?;
        let actions = self.session.on_delta(&request);
        self.act(actions);
        Some(())
    }

    fn client(&mut self) -> Option<()> {
        let response = self.responses.pop_front()?;
        self.envoy.receive(&response);
        Some(())
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            self.steps += 1;
            assert!(self.steps < MANY, "there is no end to it");
            if let Action::Send(response) = action {
                let listeners = response.type_url() == TypeUrl::LISTENER;
                if listeners && !self.session.state(TypeUrl::FILTER_CHAIN).requested {
                    self.envoy.untold.extend(self.envoy.answered.iter().cloned());
                }
                self.responses.push_back(DeltaDiscoveryResponse::decode(&response.to_vec()[..]).unwrap());
            }
        }
    }

    /// Delivers everything, lets what drains go, and looks at the result.
    fn settle(&mut self) {
        for _ in 0..2 {
            while self.server().or_else(|| self.client()).is_some() {}
            self.envoy.draining.clear();
            self.envoy.subscribe();
        }
        while self.server().or_else(|| self.client()).is_some() {}
        assert!(self.session.in_sync(), "{:#?}", self.session.status());
        assert_eq!(*self.envoy.held(TypeUrl::LISTENER), self.published.parents);
        assert_eq!(*self.envoy.held(TypeUrl::FILTER_CHAIN), self.published.chains);
        let wanted: BTreeSet<String> = self.published.chains.values().map(|c| secret(c).to_owned()).collect();
        let held: BTreeSet<String> = self.envoy.held(TypeUrl::SECRET).keys().cloned().collect();
        assert_eq!(held, wanted);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn listeners_have_their_chains_at_every_moment(ops in ops()) {
        let mut history = History::new();
        for op in &ops {
            history.play(op);
        }
        history.settle();
    }
}
