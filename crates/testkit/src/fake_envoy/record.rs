//! The record of a response.

use fairlead_resource::TypeUrl;
use tokio::time::Instant;

use crate::ads::{Item, Library, Protocol, Response};

/// One response of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseRecord {
    /// When it was read.
    pub at: Instant,
    /// The number of its stream, from 1.
    pub stream: u32,
    /// Its type URL.
    pub type_url: String,
    /// Names and versions of its resources, in its order.
    pub resources: Vec<(String, String)>,
    /// The names that it removes (delta only).
    pub removed: Vec<String>,
    /// Its size on the wire: the message and the five bytes before it, without HTTP/2 framing.
    pub bytes: usize,
    /// Its nonce.
    pub nonce: String,
    /// Why it was refused, if it was.
    pub refused: Option<String>,
}

impl ResponseRecord {
    pub(super) fn of(response: &Response, stream: u32, protocol: Protocol, library: &Library) -> Self {
        let name = |id| library.name(id).to_string();
        let version = |item: &Item| match protocol {
            Protocol::Delta => {
                item.content.as_ref().map(|content| content.version.to_string()).unwrap_or_default()
            }
            Protocol::Sotw => response.version.clone(),
        };
        Self {
            at: Instant::now(),
            stream,
            type_url: response.type_url.clone(),
            resources: response.items.iter().map(|item| (name(item.name), version(item))).collect(),
            removed: response.removed.iter().map(|removed| name(*removed)).collect(),
            bytes: response.bytes,
            nonce: response.nonce.clone(),
            refused: None,
        }
    }

    /// The type, if it is one that Fairlead serves.
    pub fn kind(&self) -> Option<TypeUrl> {
        TypeUrl::parse(&self.type_url)
    }

    /// The names of its resources, in its order.
    pub fn names(&self) -> Vec<&str> {
        self.resources.iter().map(|(name, _)| name.as_str()).collect()
    }
}
