//! Resources that a client has rejected: what is reported, and what is not sent again.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

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

/// What a client rejected. Emitted once per type and digest.
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

/// Rejected digests that the sessions of one view share, so that each bad resource is found only once.
#[derive(Debug, Default)]
pub struct Quarantine {
    known: Mutex<BTreeSet<(TypeUrl, Rejected)>>,
    len: AtomicUsize,
}

impl Quarantine {
    /// How many digests are kept; a view that has more bad resources than that finds them per session.
    const CAPACITY: usize = 4096;

    /// Remembers a rejected digest. Returns whether it was not known.
    pub fn insert(&self, type_url: TypeUrl, rejected: Rejected) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= Self::CAPACITY && !known.contains(&(type_url, rejected.clone())) {
            return true;
        }
        let new = known.insert((type_url, rejected));
        self.len.store(known.len(), Ordering::Release);
        new
    }

    /// Whether this content is known to be rejected.
    pub fn contains(&self, type_url: TypeUrl, name: &ResourceName, digest: Digest) -> bool {
        !self.is_empty()
            && self
                .known
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .contains(&(type_url, Rejected { name: name.clone(), digest }))
    }

    /// Forgets every digest for which `keep` is false, for example content that is no longer published.
    pub fn retain(&self, mut keep: impl FnMut(TypeUrl, &Rejected) -> bool) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(type_url, rejected)| keep(*type_url, rejected));
        self.len.store(known.len(), Ordering::Release);
    }

    /// Everything that is known, in order.
    pub fn list(&self) -> Vec<(TypeUrl, Rejected)> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Whether nothing is known. Does not lock.
    pub fn is_empty(&self) -> bool {
        self.len.load(Ordering::Acquire) == 0
    }
}

/// Cuts a message to [`MESSAGE_BYTES`] at a character boundary.
pub(crate) fn truncated(message: &str) -> String {
    let mut end = message.len().min(MESSAGE_BYTES);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    message[..end].to_owned()
}
