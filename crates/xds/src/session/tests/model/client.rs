//! The client of the model check.

mod rules;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use envoy_types::pb::{
    envoy::service::discovery::v3::{DeltaDiscoveryRequest, DiscoveryRequest},
    google::rpc::Status,
};
use fairlead_resource::{Digest, TypeUrl};

use super::{Accept, C, Event, Reconnect, Reject, Stale, Subscribe, Unsubscribe};
use crate::{Protocol, session::tests::script::Request};

/// A response as the client sees it.
#[derive(Clone)]
struct Received {
    type_url: TypeUrl,
    nonce: String,
    version: String,
    contents: BTreeMap<String, String>,
    removed: Vec<String>,
    /// The subscription has begun anew since: no answer is waited for.
    superseded: bool,
}

/// One type on one stream.
#[derive(Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each set and read alone")]
struct Subscription {
    /// A request has been sent on this stream.
    asked: bool,
    /// All resources, by an empty first request.
    everything: bool,
    names: BTreeSet<&'static str>,
    /// Nonce and version of the last response that was taken, and of the last that was accepted.
    taken: (String, String),
    accepted: String,
    /// A nonce that has been answered.
    answered: Option<String>,
    /// A request asked for something and no response has come since.
    awaits: bool,
    /// It has rejected something on this stream.
    rejected: bool,
    /// It has taken a response from before it began anew.
    took_superseded: bool,
    /// What it was to give up by responses that it has rejected: nobody tries that twice.
    kept: BTreeSet<String>,
    /// The contents that it holds; they outlive the stream.
    held: BTreeMap<String, String>,
}

impl Subscription {
    fn wants(&self, name: &str) -> bool {
        self.everything || self.names.contains("*") || self.names.contains(name)
    }

    fn forget_unwanted(&mut self) {
        let mut held = std::mem::take(&mut self.held);
        held.retain(|name, _| self.wants(name));
        self.held = held;
    }
}

/// The client.
#[derive(Clone)]
pub(super) struct Client {
    protocol: Protocol,
    types: BTreeMap<TypeUrl, Subscription>,
    /// Responses that it has not taken.
    queue: VecDeque<Received>,
    nonce: u64,
    /// Contents that the server has found to be at fault on this stream.
    reported: Vec<(TypeUrl, String, Digest)>,
    /// Clusters of which it has rejected some content, now or before.
    refused: BTreeSet<String>,
    resumed: bool,
}

impl Client {
    pub(super) fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            types: BTreeMap::new(),
            queue: VecDeque::new(),
            nonce: 0,
            reported: Vec::new(),
            refused: BTreeSet::new(),
            resumed: false,
        }
    }

    /// Whether the event makes sense now.
    pub(super) fn can(&self, event: Event) -> bool {
        match event {
            Subscribe(type_url, "") => self.types.get(&type_url).is_none_or(|s| !s.asked),
            Subscribe(type_url, name) => self.types.get(&type_url).is_none_or(|s| !s.names.contains(name)),
            Unsubscribe(type_url, "*") => {
                self.types.get(&type_url).is_some_and(|s| s.everything || s.names.contains("*"))
            }
            Unsubscribe(type_url, name) => self.types.get(&type_url).is_some_and(|s| s.names.contains(name)),
            Accept => !self.queue.is_empty(),
            // A state-of-the-world client cannot say that it rejects the very version that it has.
            Reject => self.queue.front().is_some_and(|response| {
                self.protocol == Protocol::Delta
                    || self.types[&response.type_url].accepted != response.version
            }),
            Stale => self.types.values().any(|s| s.answered.is_some()),
            Event::Publish(_) => true,
            Reconnect => self.types.values().any(|s| s.asked),
        }
    }

    /// What it sends.
    pub(super) fn request(&mut self, event: Event) -> Result<Request, String> {
        match event {
            Subscribe(type_url, name) => Ok(self.subscribe(type_url, name)),
            Unsubscribe(type_url, name) => Ok(self.unsubscribe(type_url, name)),
            Accept | Reject => self.answer(event),
            Stale => {
                let stale = self.types.iter().find_map(|(t, s)| Some((*t, s.answered.clone()?)));
                let (type_url, nonce) = stale.expect("something has been answered");
                Ok(self.put(type_url, Vec::new(), Vec::new(), nonce, None))
            }
            Event::Publish(_) | Reconnect => unreachable!("no request: {event:?}"),
        }
    }

    fn subscribe(&mut self, type_url: TypeUrl, name: &'static str) -> Request {
        let state = self.types.entry(type_url).or_default();
        let mut add = Vec::new();
        if name.is_empty() {
            state.everything = true;
        } else {
            // To the state of the world an empty list means everything only as long as nothing is named.
            state.everything &= self.protocol == Protocol::Delta;
            state.names.insert(name);
            add.push(name.to_owned());
        }
        state.asked = true;
        state.awaits = true;
        state.forget_unwanted();
        let nonce = self.usual_nonce(type_url);
        self.put(type_url, add, Vec::new(), nonce, None)
    }

    fn unsubscribe(&mut self, type_url: TypeUrl, name: &'static str) -> Request {
        let state = self.types.entry(type_url).or_default();
        if name == "*" {
            // An empty list of the state of the world cannot end a wildcard that an empty list began.
            state.everything &= self.protocol == Protocol::StateOfTheWorld && state.names.is_empty();
        }
        state.names.remove(name);
        if self.protocol == Protocol::Delta && state.wants(name) {
            // It has dropped the resource and waits for it as part of all.
            state.held.remove(name);
            state.awaits = true;
        }
        state.forget_unwanted();
        let nonce = self.usual_nonce(type_url);
        self.put(type_url, Vec::new(), vec![name.to_owned()], nonce, None)
    }

    fn answer(&mut self, event: Event) -> Result<Request, String> {
        let response = self.queue.pop_front().expect("an answer needs a response");
        let type_url = response.type_url;
        let error =
            (event == Reject).then(|| Status { code: 13, message: "bad".into(), ..Status::default() });
        if error.is_some() {
            self.refuse(&response);
        }
        if error.is_none() {
            self.apply(&response)?;
            // What was under way when it was rejected before may be accepted all the same.
            self.reported.retain(|(of, name, digest)| {
                let accepted = response.contents.get(name).map(|content| Digest::of(content.as_bytes()));
                *of != type_url || accepted != Some(*digest)
            });
        }
        let state = self.types.entry(type_url).or_default();
        state.taken = (response.nonce.clone(), response.version.clone());
        state.took_superseded |= response.superseded;
        state.answered = Some(response.nonce.clone());
        if error.is_none() {
            state.accepted = response.version;
        }
        Ok(self.put(type_url, Vec::new(), Vec::new(), response.nonce, error))
    }

    fn refuse(&mut self, response: &Received) {
        let whole = self.whole(response.type_url);
        let state = self.types.entry(response.type_url).or_default();
        state.rejected = true;
        state.kept.extend(response.removed.iter().cloned());
        // Who rejects the very content that it has is taken not to have it.
        let same = response.contents.iter().filter(|(name, content)| state.held.get(*name) == Some(*content));
        state.kept.extend(same.map(|(name, _)| name.clone()));
        if whole {
            state.kept.extend(state.held.keys().filter(|n| !response.contents.contains_key(*n)).cloned());
        }
        if response.type_url == C {
            self.refused.extend(response.contents.keys().cloned());
        }
    }

    /// The nonce of a request that answers nothing; to the state of the world, none begins anew.
    fn usual_nonce(&mut self, type_url: TypeUrl) -> String {
        if self.protocol == Protocol::Delta {
            return String::new();
        }
        let nonce = self.types[&type_url].taken.0.clone();
        if nonce.is_empty() {
            let open = self.queue.iter_mut().filter(|r| r.type_url == type_url);
            open.for_each(|response| response.superseded = true);
            self.types.entry(type_url).or_default().awaits = true;
        }
        nonce
    }

    fn put(
        &self,
        type_url: TypeUrl,
        add: Vec<String>,
        drop: Vec<String>,
        response_nonce: String,
        error_detail: Option<Status>,
    ) -> Request {
        let state = &self.types[&type_url];
        match self.protocol {
            Protocol::Delta => Request::Delta(DeltaDiscoveryRequest {
                type_url: type_url.as_str().into(),
                resource_names_subscribe: add,
                resource_names_unsubscribe: drop,
                response_nonce,
                error_detail,
                ..Default::default()
            }),
            Protocol::StateOfTheWorld => Request::StateOfTheWorld(DiscoveryRequest {
                type_url: type_url.as_str().into(),
                resource_names: state.names.iter().map(|n| (*n).to_owned()).collect(),
                version_info: state.accepted.clone(),
                response_nonce,
                error_detail,
                ..Default::default()
            }),
        }
    }

    /// Begins another stream, and returns its first requests.
    pub(super) fn reconnect(&mut self) -> Vec<Request> {
        self.queue.clear();
        self.reported.clear();
        self.nonce = 0;
        self.resumed = true;
        let mut requests = Vec::new();
        for (type_url, state) in &mut self.types {
            if self.protocol == Protocol::Delta && state.everything && !state.names.is_empty() {
                state.everything = false;
                state.names.insert("*");
            }
            // Who wants nothing of a type does not ask for it.
            let asks = state.everything || !state.names.is_empty();
            *state = Subscription {
                asked: asks,
                everything: state.everything,
                names: std::mem::take(&mut state.names),
                awaits: true,
                held: if asks { std::mem::take(&mut state.held) } else { BTreeMap::new() },
                ..Subscription::default()
            };
            if asks {
                requests.push(*type_url);
            }
        }
        requests
            .into_iter()
            .map(|type_url| {
                let state = &self.types[&type_url];
                let add = state.names.iter().map(|n| (*n).to_owned()).collect();
                let version = |(name, content): (&String, &String)| {
                    (name.clone(), Digest::of(content.as_bytes()).to_string())
                };
                let versions = state.held.iter().map(version).collect();
                match self.put(type_url, add, Vec::new(), String::new(), None) {
                    Request::Delta(request) => Request::Delta(DeltaDiscoveryRequest {
                        initial_resource_versions: versions,
                        ..request
                    }),
                    request @ Request::StateOfTheWorld(_) => request,
                }
            })
            .collect()
    }
}
