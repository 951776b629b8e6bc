//! The requests of a client.

use std::sync::Arc;

use bytes::Bytes;
use envoy_types::pb::envoy::config::core::v3::Node;
use fairlead_resource::TypeUrl;

use super::{Client, Outgoing};
use crate::ads::{
    library::{Content, Library, NameId},
    node::extensions,
    protocol::Protocol,
    request::{Answer, Request},
};

impl Client {
    /// A request in the client's current state, as the bytes of a gRPC message.
    pub fn frame(&mut self, outgoing: Outgoing, library: &Library) -> Bytes {
        let request = self.request(outgoing, library);
        let node = self.node.as_ref().filter(|_| !self.introduced);
        let node = node.map(|node| Node { extensions: extensions().to_vec(), ..node.clone() });
        self.introduced = true;
        request.frame(self.protocol, node)
    }

    fn request(&self, outgoing: Outgoing, library: &Library) -> Request {
        let (type_url, mut request) = match outgoing {
            Outgoing::Initial(kind) => (kind.as_str().to_owned(), self.initial(kind, library)),
            Outgoing::Repeat(kind) => (kind.as_str().to_owned(), Request::default()),
            Outgoing::Subscribe { kind, add, remove } => {
                let (subscribe, unsubscribe) = (library.names_of(&add), library.names_of(&remove));
                (kind.as_str().to_owned(), Request { subscribe, unsubscribe, ..Request::default() })
            }
            Outgoing::Ack { kind, nonce } => {
                let answer = Some(Answer { nonce, error: None });
                (kind.as_str().to_owned(), Request { answer, ..Request::default() })
            }
            Outgoing::Nack { type_url, nonce, message } => {
                let answer = Some(Answer { nonce, error: Some(message) });
                (type_url, Request { answer, ..Request::default() })
            }
        };
        if self.protocol == Protocol::Sotw
            && let Some(kind) = TypeUrl::parse(&type_url)
        {
            let state = self.kind(kind);
            let wanted: Vec<_> = state.wanted.keys().copied().collect();
            request.names = library.names_of(&wanted);
            request.version.clone_from(&state.version);
            request.last_nonce.clone_from(&state.last_nonce);
        }
        Request { type_url, ..request }
    }

    fn initial(&self, kind: TypeUrl, library: &Library) -> Request {
        let state = self.kind(kind);
        let wanted: Vec<_> = state.wanted.keys().copied().collect();
        let version = |(name, content): (&NameId, &Arc<Content>)| {
            (library.name(*name).to_string(), content.version.to_string())
        };
        // Envoy does not list what it holds of a collection.
        let lists = self.protocol == Protocol::Delta && kind != TypeUrl::LB_ENDPOINT;
        Request {
            subscribe: library.names_of(&wanted),
            initial_versions: state.held.iter().filter(|_| lists).map(version).collect(),
            ..Request::default()
        }
    }
}
