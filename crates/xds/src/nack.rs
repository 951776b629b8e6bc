//! The report of a rejected response.

use fairlead_resource::{Digest, ResourceName, TypeUrl};

use crate::wire::Nonce;

/// Maximum size in bytes of the error message kept of a NACK. Envoy's messages quote whole resources.
pub(crate) const MESSAGE_BYTES: usize = 1024;

/// Number of bytes kept from the beginning of a longer message, which names the resource.
const BEGINNING_BYTES: usize = 256;

/// Replacement for the middle of a longer message.
const LEFT_OUT: &str = " [...] ";

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
    /// The client's message, 1 KiB of it: its beginning and its end.
    pub message: String,
    /// The nonce of the rejected response.
    pub nonce: Nonce,
}

/// The message, cut down to [`MESSAGE_BYTES`] by leaving out its middle. Envoy names the resource first, then may show
/// all of it, and says at the end what is wrong.
pub(crate) fn truncated(message: &str) -> String {
    if message.len() <= MESSAGE_BYTES {
        return message.to_owned();
    }
    let rest = MESSAGE_BYTES - BEGINNING_BYTES - LEFT_OUT.len();
    let boundaries = |at: &usize| message.is_char_boundary(*at);
    let beginning = (0..=BEGINNING_BYTES).rfind(boundaries).unwrap_or_default();
    let end = (message.len() - rest..message.len()).find(boundaries).unwrap_or(message.len());
    [&message[..beginning], LEFT_OUT, &message[end..]].concat()
}

#[cfg(test)]
mod tests;
