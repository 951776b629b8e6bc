//! Names and assignments as a client knows them, where they differ from those in the accounting.

use fairlead_resource::{
    EncodedResource, ResourceName, TypeUrl,
    collection::{Collection, Epoch},
};

use super::{
    collections::{ASSIGNMENTS, Collections, ENDPOINTS},
    ledger::Ledger,
};
use crate::{
    memo::{InEpoch, SetDiff},
    wire::EpochView,
};

impl Collections {
    /// The client's epochs, if there are any.
    pub(super) fn known_epochs<'a>(&'a self, ledger: &'a Ledger) -> Option<KnownEpochs<'a>> {
        (!self.knows_nothing()).then_some(KnownEpochs { collections: self, ledger })
    }
}

/// The epochs in which a client knows its assignments.
pub(super) struct KnownEpochs<'a> {
    collections: &'a Collections,
    ledger: &'a Ledger,
}

impl KnownEpochs<'_> {
    /// The clusters of a difference that the client knows, or will know, in the second epoch.
    pub(super) fn in_second_epoch(&self, diff: &SetDiff) -> Vec<ResourceName> {
        match diff.type_url() {
            ASSIGNMENTS => diff
                .carried()
                .names()
                .filter(|n| self.collections.knows(n) && self.collections.next(n) == Epoch::Second)
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
                None if self.collections.is_full(&resource.name) => {
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
