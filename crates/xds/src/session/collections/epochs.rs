//! Names and assignments as a client knows them, where these are not those that are accounted for.

use fairlead_resource::{
    EncodedResource, ResourceName, TypeUrl,
    collection::{Collection, Epoch},
};

use super::{ASSIGNMENTS, Collections, ENDPOINTS};
use crate::{
    memo::{InEpoch, SetDiff},
    session::{Session, ledger::Ledger},
    wire::{EncodedResponse, EpochView, delta_responses, delta_responses_in_epochs},
};

/// In which epochs a client knows an assignment.
#[derive(Clone, Copy, Default)]
pub(super) struct Epochs {
    /// The client has the assignment in this epoch, or had it last.
    pub(super) had: Option<Epoch>,
    /// It was last sent in this one, on this stream.
    pub(super) sent: Option<Epoch>,
}

impl Session {
    /// The responses for these resources as the client knows them.
    pub(in crate::session) fn responses(
        &self,
        type_url: TypeUrl,
        send: &[EncodedResource],
        removed: &[ResourceName],
    ) -> Vec<EncodedResponse> {
        let limit = self.ledger.delta_bytes(type_url);
        match self.known_epochs() {
            Some(known) => delta_responses_in_epochs(type_url, send, removed, limit, &known),
            None => delta_responses(type_url, send, removed, limit),
        }
    }

    /// The responses of a difference as the client knows what is in it, shared with those that know it alike.
    pub(in crate::session) fn diff_responses(&self, diff: &SetDiff, removals: bool) -> Vec<EncodedResponse> {
        let limit = self.ledger.delta_bytes(diff.type_url());
        let known = self.known_epochs();
        let second = known.as_ref().map(|known| known.in_second_epoch(diff)).unwrap_or_default();
        match known.filter(|_| !second.is_empty()) {
            Some(known) => diff.delta_in_epochs(&second, removals, limit, &known),
            None => diff.delta(removals, limit).to_vec(),
        }
    }

    fn known_epochs(&self) -> Option<KnownEpochs<'_>> {
        let collections = self.owners.collections.as_ref()?;
        let some = !(collections.known.is_empty() && collections.full.is_empty());
        some.then_some(KnownEpochs { collections, ledger: &self.ledger })
    }
}

/// What a client knows of epochs.
struct KnownEpochs<'a> {
    collections: &'a Collections,
    ledger: &'a Ledger,
}

impl KnownEpochs<'_> {
    /// The clusters of a difference that the client knows, or will know, in the second epoch.
    fn in_second_epoch(&self, diff: &SetDiff) -> Vec<ResourceName> {
        let known = &self.collections.known;
        match diff.type_url() {
            _ if known.is_empty() => Vec::new(),
            ASSIGNMENTS => diff
                .carried()
                .names()
                .filter(|n| known.contains_key(*n) && self.collections.next(n) == Epoch::Second)
                .filter(|n| self.collections.collected(self.ledger, n).is_some())
                .cloned()
                .collect(),
            ENDPOINTS => {
                let names = &self.ledger.state(ENDPOINTS).names;
                let second = |c: &&Collection| names.collections.get(c.prefix()) == Some(&Epoch::Second);
                diff.collections().iter().filter(second).map(|c| c.cluster().into()).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl EpochView for KnownEpochs<'_> {
    fn resource(&self, type_url: TypeUrl, resource: &EncodedResource) -> EncodedResource {
        match type_url {
            ASSIGNMENTS => match self.collections.collected(self.ledger, &resource.name) {
                Some(elements) => elements.parent_in(self.collections.next(&resource.name)).clone(),
                None if self.collections.full.contains(&resource.name) => {
                    let published = self.ledger.publication.set(type_url).get(&resource.name);
                    published.unwrap_or(resource).clone()
                }
                None => resource.clone(),
            },
            _ => resource.clone().renamed(self.name(type_url, &resource.name)),
        }
    }

    fn name(&self, type_url: TypeUrl, name: &ResourceName) -> ResourceName {
        match self.ledger.state(type_url).names.epoch_of(name) {
            Some(epoch) if type_url == ENDPOINTS => InEpoch(epoch).name(type_url, name),
            _ => name.clone(),
        }
    }
}
