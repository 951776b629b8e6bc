//! Drives a session with arbitrary bytes: whatever a client sends, a session neither panics nor runs away.
//!
//! [`fuzz_session`] plays a script of plausible events, [`fuzz_request`] takes the bytes as they come.

use std::sync::Arc;

use envoy_types::pb::{
    envoy::service::discovery::v3::{DeltaDiscoveryRequest, DiscoveryRequest},
    google::rpc::Status,
};
use fairlead_resource::{
    Elements, EncodedResource, ResourceSet, TypeUrl, Types,
    collection::{Collection, Epoch},
};
use prost::Message;

use crate::{Action, Node, Protocol, Publication, Session, SessionOptions};

/// Number of responses to one input that no session of this size can have reason for.
const MANY: usize = 200;

/// The bytes that decide what happens; zeros follow their end.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn take(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(n.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn text(&mut self) -> String {
        const WORDS: [&str; 8] = ["", "*", "a", "b", "80", "80/a", "80/-", "\u{e4}/\0"];
        let (number, glob) = (self.byte() % 12, |epoch, cluster| Collection::new(epoch, cluster, 0).glob());
        match number {
            8 => glob(Epoch::First, "a"),
            9 => glob(Epoch::Second, "a"),
            10 => glob(Epoch::First, "b"),
            11 => Collection::new(Epoch::First, "a", 0).prefix().to_owned() + "/x",
            _ => WORDS[usize::from(number)].to_owned(),
        }
    }

    fn texts(&mut self) -> Vec<String> {
        (0..self.byte() % 4).map(|_| self.text()).collect()
    }

    fn type_url(&mut self) -> String {
        let types = TypeUrl::ENVOY;
        types.get(usize::from(self.byte() % 10)).map_or("unknown".to_owned(), |t| t.as_str().to_owned())
    }

    /// Mostly a small number, which is a likely nonce; sometimes any text.
    fn nonce(&mut self) -> String {
        match self.byte() {
            0..=60 => String::new(),
            250..=255 => self.text(),
            n => format!("{:x}", n - 60),
        }
    }

    fn error(&mut self) -> Option<Status> {
        let message = match self.byte() % 5 {
            0 => "Error adding/updating cluster(s) a: b".to_owned(),
            1 => self.text(),
            _ => return None,
        };
        Some(Status { code: 13, message, ..Default::default() })
    }

    fn publication(&mut self, revision: u64) -> Publication {
        let bits = self.byte();
        let content = self.byte() % 3;
        TypeUrl::ENVOY.into_iter().fold(Publication::new(revision), |publication, type_url| {
            let place = u32::try_from(Types::envoy().place(type_url)).expect("there are few types");
            let names = ["a", "b", "80"].into_iter().enumerate();
            let wanted = names.filter(|(i, _)| bits.rotate_left(place) >> i & 1 == 1);
            let set: ResourceSet = wanted
                .map(|(_, name)| {
                    let resource = EncodedResource::whole(name, vec![content; 3]);
                    let host = EncodedResource::whole(format!("{name}/a"), vec![content]);
                    let hosts = (bits & 1 == 1).then(|| (host.name.clone(), host));
                    let elements = match (type_url, Types::envoy().element(type_url)) {
                        (TypeUrl::CLUSTER_LOAD_ASSIGNMENT, _) => {
                            (bits & 2 == 2).then(|| assignment(name, content, bits))
                        }
                        (_, None) => None,
                        (_, Some(element_type)) => Some(Elements {
                            element_type,
                            parent: EncodedResource::whole(name, vec![9]),
                            children: hosts.into_iter().collect(),
                            in_second_epoch: None,
                        }),
                    };
                    (resource.name.clone(), resource.with_elements(elements))
                })
                .collect();
            publication.with(type_url, set)
        })
    }
}

/// The second form of a load assignment, with one or two endpoints.
fn assignment(name: &str, content: u8, bits: u8) -> Elements {
    let parents = [content / 2, content / 2 + 8].map(|content| EncodedResource::whole(name, vec![content]));
    let collection = Collection::new(Epoch::First, name, usize::from(bits >> 7));
    let endpoints = ["x", "y"].into_iter().take(1 + usize::from(bits >> 6 & 1));
    let endpoints = endpoints.map(|endpoint| {
        let name = format!("{}/{endpoint}", collection.prefix());
        let resource = EncodedResource::whole(name, vec![content]);
        (resource.name.clone(), resource)
    });
    Elements::of_collections(parents, endpoints.collect())
}

/// Plays what `data` says against a session.
///
/// # Panics
/// If the session panics, sends more than it can have reason for, or encodes what cannot be decoded: bugs.
pub fn fuzz_session(data: &[u8]) {
    let mut input = Input(data);
    let flags = input.byte();
    let protocol = if flags & 1 == 0 { Protocol::Delta } else { Protocol::StateOfTheWorld };
    let elements = [(2, TypeUrl::VIRTUAL_HOST), (4, TypeUrl::FILTER_CHAIN), (8, TypeUrl::LB_ENDPOINT)];
    let options = SessionOptions {
        elements: elements.into_iter().filter(|(flag, _)| flags & flag == 0).map(|(_, of)| of).collect(),
        max_names: 50,
        ..SessionOptions::default()
    };
    let first = Arc::new(input.publication(0));
    let mut session = Session::new(protocol, options, first);
    let mut revision = 0;
    while !input.0.is_empty() {
        let actions = match input.byte() % 8 {
            0 | 1 => {
                revision += 1;
                session.on_publication(Arc::new(input.publication(revision)))
            }
            2 => raw(&mut session, protocol, &mut input),
            _ if protocol == Protocol::Delta => session.on_delta(&DeltaDiscoveryRequest {
                type_url: input.type_url(),
                resource_names_subscribe: input.texts(),
                resource_names_unsubscribe: input.texts(),
                initial_resource_versions: input.texts().into_iter().map(|n| (n.clone(), n)).collect(),
                response_nonce: input.nonce(),
                error_detail: input.error(),
                ..Default::default()
            }),
            _ => session.on_sotw(&DiscoveryRequest {
                type_url: input.type_url(),
                resource_names: input.texts(),
                version_info: input.text(),
                response_nonce: input.nonce(),
                error_detail: input.error(),
                ..Default::default()
            }),
        };
        assert!(actions.len() < MANY, "{} actions at once", actions.len());
        for action in actions {
            match action {
                Action::Send(response) => {
                    let bytes = response.to_vec();
                    assert_eq!(bytes.len(), response.encoded_len());
                }
                Action::Close(_) => return,
                _ => {}
            }
        }
        assert!(session.status().len() <= TypeUrl::ENVOY.len());
    }
}

/// A request in its encoded form, as it arrives from the network.
fn raw(session: &mut Session, protocol: Protocol, input: &mut Input<'_>) -> Vec<Action> {
    let len = usize::from(input.byte());
    let bytes = input.take(len);
    request(session, protocol, bytes)
}

/// Reads `data` as the first requests of a stream, each of the length that the two bytes before it say.
///
/// # Panics
/// If reading or answering them panics, or a response cannot be encoded: bugs.
pub fn fuzz_request(data: &[u8]) {
    let mut input = Input(data);
    let protocol = if input.byte() & 1 == 0 { Protocol::Delta } else { Protocol::StateOfTheWorld };
    let first = Arc::new(Input(&[u8::MAX, 1]).publication(0));
    let mut session =
        Session::new(protocol, SessionOptions { max_names: 50, ..SessionOptions::default() }, first);
    while !input.0.is_empty() {
        let len = usize::from(u16::from_be_bytes([input.byte(), input.byte()]));
        let bytes = input.take(len);
        for action in request(&mut session, protocol, bytes) {
            match action {
                Action::Send(response) => assert_eq!(response.to_vec().len(), response.encoded_len()),
                Action::Close(_) => return,
                _ => {}
            }
        }
    }
}

/// A session's reaction to the bytes of one request, whose node is read first, as a server does.
fn request(session: &mut Session, protocol: Protocol, bytes: &[u8]) -> Vec<Action> {
    match protocol {
        Protocol::Delta => DeltaDiscoveryRequest::decode(bytes).map_or_else(
            |_| Vec::new(),
            |mut request| {
                request.node.take().map(Node::from_proto);
                session.on_delta(&request)
            },
        ),
        Protocol::StateOfTheWorld => DiscoveryRequest::decode(bytes).map_or_else(
            |_| Vec::new(),
            |mut request| {
                request.node.take().map(Node::from_proto);
                session.on_sotw(&request)
            },
        ),
    }
}

#[cfg(test)]
mod tests;
