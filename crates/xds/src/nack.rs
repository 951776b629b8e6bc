//! What is reported of a rejected response.

use fairlead_envoy::{Digest, ResourceName, TypeUrl};

use crate::wire::Nonce;

/// The longest error message that is kept of a NACK, in bytes. Envoy's messages quote whole resources.
pub(crate) const MESSAGE_BYTES: usize = 1024;

/// A resource found to be at fault.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rejected {
    /// The name of the resource.
    pub name: ResourceName,
    /// The digest of the content that was rejected.
    pub digest: Digest,
}

/// What a client rejected. Emitted once per stream, type and digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NackReport {
    /// The type of the rejected response.
    pub type_url: TypeUrl,
    /// The resources at fault; empty if the error belongs to a response that was superseded.
    pub resources: Vec<Rejected>,
    /// The client's message, cut to 1 KiB.
    pub message: String,
    /// The nonce of the rejected response.
    pub nonce: Nonce,
}

/// Cuts a message to [`MESSAGE_BYTES`] at a character boundary.
pub(crate) fn truncated(message: &str) -> String {
    let mut end = message.len().min(MESSAGE_BYTES);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    message[..end].to_owned()
}
