//! The status of a session.

use fairlead_resource::TypeUrl;

use super::{holdings::Purpose, stream::Session};
use crate::{
    nack::Rejected,
    wire::{Nonce, version_text},
};

/// The state of one type on one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeStatus {
    /// The type.
    pub type_url: TypeUrl,
    /// All resources are subscribed, not only those named.
    pub wildcard: bool,
    /// How many names are subscribed.
    pub names: usize,
    /// The last response sent.
    pub sent: Option<Nonce>,
    /// The version of the last response sent.
    pub sent_version: Option<String>,
    /// The last response accepted.
    pub acked: Option<Nonce>,
    /// The message of the last NACK, cut down to 1 KiB in its middle.
    pub last_nack: Option<String>,
    /// How many contents this client has rejected.
    pub rejected: usize,
    /// Rejected contents that are published now: the client keeps what it had. A part is named like the resource of its
    /// own that it is to other clients.
    pub held_back: Vec<Rejected>,
    /// It is not known yet which resource of a rejected response is at fault.
    pub searching: bool,
    /// The client has what is published, and has said so. False while a rejected resource is kept in its
    /// older content.
    pub in_sync: bool,
}

/// The state of a type at a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SyncState {
    /// The client has what is published, and has said so.
    Synced,
    /// Nothing was sent yet.
    NotSent,
    /// Something has yet to be sent or acknowledged.
    Stale,
    /// Something that is published was rejected, whether or not the client has an older content of it.
    Error,
}

impl TypeStatus {
    /// The state in one word.
    pub fn state(&self) -> SyncState {
        if self.searching || !self.held_back.is_empty() {
            SyncState::Error
        } else if self.in_sync {
            SyncState::Synced
        } else if self.sent.is_none() {
            SyncState::NotSent
        } else {
            SyncState::Stale
        }
    }
}

impl Session {
    /// The state of each type that the client has asked for.
    pub fn status(&self) -> Vec<TypeStatus> {
        self.types()
            .iter()
            .filter(|type_url| self.state(*type_url).requested)
            .map(|type_url| {
                let state = self.state(type_url);
                TypeStatus {
                    type_url,
                    wildcard: state.names.wildcard,
                    names: self.names(type_url),
                    sent: state.last_sent.map(|(nonce, _)| nonce),
                    sent_version: state.last_sent.map(|(_, version)| version_text(version)),
                    acked: state.last_acked,
                    last_nack: state.last_nack.clone(),
                    rejected: state.rejected.values().map(Vec::len).sum::<usize>() + state.trims.rejected(),
                    held_back: self.held_back(type_url),
                    searching: self.searching(type_url),
                    in_sync: state.in_sync(),
                }
            })
            .collect()
    }

    /// Whether the resource at fault in a rejected response is being looked for.
    fn searching(&self, type_url: TypeUrl) -> bool {
        let state = self.state(type_url);
        let mut flights = state.flights.iter();
        !state.suspects.is_empty()
            || state.trims.searches()
            || flights.any(|flight| matches!(flight.purpose, Purpose::Trial | Purpose::Probe))
    }

    /// The published contents of a type, and parts of those in one piece, that the client has rejected and still wants.
    fn held_back(&self, type_url: TypeUrl) -> Vec<Rejected> {
        let state = self.state(type_url);
        let parts = state.trims.held_back().cloned();
        let rejected = &state.rejected;
        if rejected.is_empty() {
            return parts.collect();
        }
        let published = self.ledger.published(type_url);
        let published = state.trims.last_applied(published);
        let wanted = rejected.keys().filter(|name| state.names.wants(name));
        let held_back = wanted.filter_map(|name| published.get(name));
        let held_back = held_back.filter(|resource| self.is_rejected(type_url, resource));
        held_back.map(|now| Rejected { name: now.name.clone(), digest: now.digest }).chain(parts).collect()
    }

    /// Bytes kept for this client alone: requested names that no published resource has.
    pub fn own_bytes(&self) -> usize {
        self.ledger.states.iter().map(|state| state.names.own_bytes()).sum()
    }

    /// Whether the client has everything that is published, and has said so.
    pub fn in_sync(&self) -> bool {
        self.ledger.states.iter().all(super::holdings::TypeState::in_sync)
    }
}
