//! A client of either variant that says what a script says and nothing else, without a wire.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use envoy_types::pb::{
    envoy::{
        config::core::v3::Node,
        extensions::transport_sockets::tls::v3::Secret,
        service::discovery::v3::{
            DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
            ResourceLocator,
        },
    },
    google::{protobuf::Any, rpc::Status},
};
use fairlead_resource::TypeUrl;
use prost::Message as _;

use super::{
    Protocol,
    ask::{Answer, Ask, Have, Which},
    short_name, version,
};

/// A request of either variant.
pub(crate) enum Request {
    Delta(DeltaDiscoveryRequest),
    StateOfTheWorld(DiscoveryRequest),
}

/// A response, in the words of a script.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) type_url: String,
    pub(crate) nonce: String,
    pub(crate) version: String,
    /// `a=1` for a resource and `-a` for a name that is removed, in order.
    pub(crate) words: Vec<String>,
}

/// What the client knows of one type.
#[derive(Default)]
struct Subscription {
    names: Vec<String>,
    /// Nonce and version of the responses, oldest first.
    responses: Vec<(String, String)>,
    unanswered: VecDeque<(String, String)>,
    /// The version that it accepted last, on this stream or before.
    accepted: String,
    /// The contents that it holds, by name.
    held: BTreeMap<String, String>,
}

/// The client.
pub(crate) struct Client {
    protocol: Protocol,
    node: Option<String>,
    types: BTreeMap<String, Subscription>,
    nonces: BTreeSet<String>,
}

impl Client {
    /// A client whose first request carries the node, if there is one.
    pub(crate) fn new(protocol: Protocol, node: Option<String>) -> Self {
        Self { protocol, node, types: BTreeMap::new(), nonces: BTreeSet::new() }
    }

    /// The client goes on with another stream. What it had it has still.
    pub(crate) fn cut(&mut self, node: Option<String>) {
        self.node = node;
        self.nonces.clear();
        for state in self.types.values_mut() {
            let Subscription { accepted, held, .. } = std::mem::take(state);
            *state = Subscription { accepted, held, ..Subscription::default() };
        }
    }

    /// Makes a request.
    pub(crate) fn request(&mut self, mut ask: Ask) -> Request {
        let node = ask.node.take().or_else(|| self.node.take());
        let client_features = std::mem::take(&mut ask.features);
        let node = node.map(|id| Node { id, client_features, ..Default::default() });
        if let Some(Which::LastOf(other)) = &ask.nonce {
            let (nonce, _) = self.types[other].responses.last().expect("a response of the other type");
            ask.nonce = Some(Which::Literal(nonce.clone()));
        }
        let state = self.types.entry(ask.type_url.clone()).or_default();
        state.names.extend(ask.add.iter().cloned());
        state.names.retain(|name| !ask.drop.contains(name));
        for name in &ask.drop {
            state.held.remove(name);
        }
        match self.protocol {
            Protocol::Delta => Request::Delta(DeltaDiscoveryRequest { node, ..state.delta(ask) }),
            Protocol::StateOfTheWorld => {
                Request::StateOfTheWorld(DiscoveryRequest { node, ..state.sotw(ask) })
            }
        }
    }

    /// Takes note of a response.
    pub(crate) fn receive(&mut self, received: &Received) {
        assert!(!received.nonce.is_empty() && !received.version.is_empty(), "{received:?}");
        assert!(self.nonces.insert(received.nonce.clone()), "the nonce of {received:?} came before");
        let state = self.types.entry(received.type_url.clone()).or_default();
        let answer = (received.nonce.clone(), received.version.clone());
        state.responses.push(answer.clone());
        state.unanswered.push_back(answer);
        for word in &received.words {
            match word.strip_prefix('-') {
                Some(name) => drop(state.held.remove(name)),
                None => drop(state.held.insert(name_of(word).to_owned(), word.clone())),
            }
        }
    }
}

impl Subscription {
    fn delta(&mut self, ask: Ask) -> DeltaDiscoveryRequest {
        let answered = match (&ask.answer, &ask.nonce) {
            (None, _) => None,
            (Some(Answer::RejectEarlier(_)), _) => self.unanswered.drain(..).next_back(),
            (_, Some(Which::Last)) => self.unanswered.pop_back(),
            _ => self.unanswered.pop_front(),
        };
        let (response_nonce, error_detail) = self.answer(ask.answer, ask.nonce, answered);
        let held = match ask.have {
            Have::Nothing => Vec::new(),
            Have::Held => self.held.values().cloned().collect(),
            Have::These(contents) => contents,
        };
        let versions = held.iter().map(|content| (name_of(content).to_owned(), version(content).to_string()));
        DeltaDiscoveryRequest {
            node: None,
            type_url: ask.type_url,
            resource_names_subscribe: ask.add,
            resource_names_unsubscribe: ask.drop,
            resource_locators_subscribe: ask.add_locators.into_iter().map(locator).collect(),
            resource_locators_unsubscribe: ask.drop_locators.into_iter().map(locator).collect(),
            initial_resource_versions: versions.collect(),
            response_nonce,
            error_detail,
        }
    }

    /// Requests repeat the names and the nonce of the last response.
    fn sotw(&mut self, ask: Ask) -> DiscoveryRequest {
        let answered = match (&ask.answer, &ask.nonce) {
            (None, _) => None,
            // An answer to the last response is one to those before.
            (Some(Answer::RejectEarlier(_)), _) | (_, Some(Which::Last)) => {
                self.unanswered.drain(..).next_back()
            }
            _ => self.unanswered.pop_front(),
        };
        let answered = answered.or_else(|| self.responses.last().cloned());
        let (response_nonce, error_detail) = self.answer(ask.answer, ask.nonce, answered);
        DiscoveryRequest {
            node: None,
            type_url: ask.type_url,
            resource_names: self.names.clone(),
            resource_locators: ask.add_locators.into_iter().map(locator).collect(),
            version_info: match ask.have {
                Have::Nothing if response_nonce.is_empty() => String::new(),
                Have::Nothing | Have::Held => self.accepted.clone(),
                Have::These(_) => "of-an-earlier-stream".to_owned(),
            },
            response_nonce,
            error_detail,
        }
    }

    /// Nonce and error of a request.
    fn answer(
        &mut self,
        answer: Option<Answer>,
        nonce: Option<Which>,
        answered: Option<(String, String)>,
    ) -> (String, Option<Status>) {
        let (usual, version) = answered.unwrap_or_default();
        let nonce = match nonce {
            None | Some(Which::Last) => usual,
            Some(Which::None) => String::new(),
            Some(Which::Previous) => self.responses.iter().rev().nth(1).expect("two responses").0.clone(),
            Some(Which::LastOf(_)) => unreachable!("the client has looked it up"),
            Some(Which::Literal(text)) => text,
        };
        if let Some(Answer::Accept | Answer::RejectEarlier(_)) = answer {
            self.accepted = version;
        }
        let error = match answer {
            Some(Answer::Reject(message) | Answer::RejectEarlier(message)) => {
                Some(Status { code: 13, message, ..Default::default() })
            }
            Some(Answer::Accept) | None => None,
        };
        (nonce, error)
    }
}

impl Received {
    /// Checks what holds of every delta response.
    pub(crate) fn delta(message: DeltaDiscoveryResponse) -> Self {
        let mut words = Vec::new();
        for resource in message.resources {
            let content = content(resource.resource.expect("no heartbeats are sent"), &message.type_url);
            let name = short_name(&resource.name);
            // An endpoint is the same in both epochs.
            let own = name.strip_prefix("a/").or(name.strip_prefix("b/")).filter(|_| name != resource.name);
            assert_eq!(name_of(&content), own.unwrap_or(name));
            assert!(
                content.ends_with(STAND_IN) || resource.version == version(&content).to_string(),
                "{content}"
            );
            assert!(
                resource.ttl.is_none() && resource.resource_name.is_none() && resource.aliases.is_empty()
            );
            words.push(format!("{name}{}", &content[name_of(&content).len()..]));
        }
        assert!(message.removed_resource_names.is_empty());
        words.extend(message.removed_resources.iter().map(|name| format!("-{}", short_name(name))));
        let names: BTreeSet<&str> = words.iter().map(|word| name_of(word.trim_start_matches('-'))).collect();
        assert_eq!(names.len(), words.len(), "a name came twice in one response: {words:?}");
        Self { type_url: message.type_url, nonce: message.nonce, version: message.system_version_info, words }
    }

    /// Checks what holds of every state-of-the-world response.
    pub(crate) fn whole(message: DiscoveryResponse) -> Self {
        let words = message.resources.into_iter().map(|any| content(any, &message.type_url));
        Self {
            words: words.collect(),
            type_url: message.type_url,
            nonce: message.nonce,
            version: message.version_info,
        }
    }

    /// The line of a script that expects it.
    pub(crate) fn line(&self) -> String {
        let named = |type_url: &TypeUrl| type_url.as_str() == self.type_url;
        let type_url = TypeUrl::ENVOY.into_iter().find(named).expect("a response is of a type that is known");
        let words = self.words.iter().flat_map(|word| [" ", word]);
        format!("< {}{}", type_url.short(), words.collect::<String>())
    }
}

/// The content of a secret in place of one that is refused.
const STAND_IN: &str = "=stand-in";

/// The content of a resource, which begins with its name.
fn content(any: Any, type_url: &str) -> String {
    assert_eq!(any.type_url, type_url, "resources are not wrapped");
    let content = String::from_utf8(any.value).unwrap();
    if content.contains("there is no such secret") {
        return Secret::decode(content.as_bytes()).unwrap().name + STAND_IN;
    }
    content
}

fn locator(name: String) -> ResourceLocator {
    ResourceLocator { name, dynamic_parameters: [("env".to_owned(), "prod".to_owned())].into() }
}

fn name_of(word: &str) -> &str {
    word.split('=').next().unwrap_or_default()
}
