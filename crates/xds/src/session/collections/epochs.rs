//! Names and assignments as a client knows them, where these are not those that are accounted for.

use fairlead_resource::{
    EncodedResource, ResourceName, TypeUrl,
    collection::{Collection, Epoch},
};

use super::{ASSIGNMENTS, Collections, ENDPOINTS};
use crate::{
    memo::{InEpoch, Step},
    session::{Session, ledger::Ledger},
    wire::{Part, Turn, delta_parts, turned_parts},
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
    pub(in crate::session) fn parts(
        &self,
        type_url: TypeUrl,
        send: &[EncodedResource],
        removed: &[ResourceName],
    ) -> Vec<Part> {
        let limit = self.ledger.delta_bytes(type_url);
        match self.known_epochs() {
            Some(known) => turned_parts(type_url, send, removed, limit, &known),
            None => delta_parts(type_url, send, removed, limit),
        }
    }

    /// The responses of a step as the client knows what is in it, shared with those that know it alike.
    pub(in crate::session) fn step_parts(&self, step: &Step, removals: bool) -> Vec<Part> {
        let limit = self.ledger.delta_bytes(step.type_url());
        let known = self.known_epochs();
        let turned = known.as_ref().map(|known| known.in_second_epoch(step)).unwrap_or_default();
        match known.filter(|_| !turned.is_empty()) {
            Some(known) => step.delta_turned(&turned, removals, limit, &known),
            None => step.delta(removals, limit).to_vec(),
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
    /// The clusters of a step that the client knows, or will know, in the second epoch.
    fn in_second_epoch(&self, step: &Step) -> Vec<ResourceName> {
        let known = &self.collections.known;
        match step.type_url() {
            _ if known.is_empty() => Vec::new(),
            ASSIGNMENTS => step
                .carried()
                .names()
                .filter(|n| known.contains_key(*n) && self.collections.next(n) == Epoch::Second)
                .filter(|n| self.collections.collected(self.ledger, n).is_some())
                .cloned()
                .collect(),
            ENDPOINTS => {
                let names = &self.ledger.state(ENDPOINTS).names;
                let second = |c: &&Collection| names.collections.get(c.prefix()) == Some(&Epoch::Second);
                step.collections().iter().filter(second).map(|c| c.cluster().into()).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Turn for KnownEpochs<'_> {
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
