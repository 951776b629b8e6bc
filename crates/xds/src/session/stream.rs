//! The state of one stream.

use std::{collections::BTreeSet, sync::Arc};

use fairlead_resource::{EncodedResource, ResourceName, TypeDescriptor, TypeUrl, Types};

use super::{departed::Departed, holdings::TypeState, ledger::Ledger, owners::Owners};
use crate::{Protocol, Publication, SessionOptions, wire::Nonce};

/// One ADS stream as a state machine: requests and publications go in, actions come out.
#[cfg_attr(test, derive(Clone))]
pub struct Session {
    pub(super) ledger: Ledger,
    pub(super) owners: Owners,
    /// The last nonce used.
    nonce: u64,
    /// Secrets that the client has accepted, whose users may have to be sent again.
    pub(super) accepted_secrets: BTreeSet<ResourceName>,
    /// State from the client's last stream, for types that it has not requested yet.
    pub(super) departed: Departed,
}

impl Session {
    /// A session that serves `publication` until [`Session::on_publication`] brings the next.
    pub fn new(protocol: Protocol, mut options: SessionOptions, publication: Arc<Publication>) -> Self {
        if protocol == Protocol::StateOfTheWorld {
            options.elements.clear();
        }
        Self {
            owners: Owners::new(options.types),
            ledger: Ledger::new(protocol, options, publication),
            nonce: 0,
            accepted_secrets: BTreeSet::new(),
            departed: Departed::default(),
        }
    }

    /// The revision of the publication that is being served.
    pub fn revision(&self) -> u64 {
        self.ledger.publication.revision()
    }

    pub(super) fn types(&self) -> &'static Types {
        self.ledger.types()
    }

    pub(super) fn of(&self, type_url: TypeUrl) -> &'static TypeDescriptor {
        self.ledger.of(type_url)
    }

    pub(super) fn state(&self, type_url: TypeUrl) -> &TypeState {
        self.ledger.state(type_url)
    }

    pub(super) fn state_mut(&mut self, type_url: TypeUrl) -> &mut TypeState {
        self.ledger.state_mut(type_url)
    }

    pub(super) fn is_rejected(&self, type_url: TypeUrl, resource: &EncodedResource) -> bool {
        self.ledger.is_rejected(type_url, resource)
    }

    pub(super) fn next_nonce(&mut self) -> Nonce {
        self.nonce += 1;
        Nonce(self.nonce)
    }

    /// Notes that the client has processed everything up to this response.
    pub(super) fn seen(&mut self, nonce: Nonce) {
        self.owners.warming.iter_mut().for_each(|warming| warming.seen(nonce));
    }

    /// How many names the client subscribes to.
    pub(super) fn names(&self, type_url: TypeUrl) -> usize {
        let otherwise: usize = self.owners.of(type_url).map(|owner| owner.names(type_url)).sum();
        self.state(type_url).names.len() + otherwise
    }
}
