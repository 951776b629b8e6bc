//! Those who look after what is particular to some types, and what they are asked.

use fairlead_resource::{EncodedResource, ResourceName, TypeUrl, Types};

use super::{
    chains::Chains, collections::Collections, hosts::Hosts, ledger::Ledger, rules::Rules, warming::Warming,
};
use crate::{
    memo::SetDiff,
    wire::{EncodedResponse, delta_responses, delta_responses_in_epochs},
};

/// The owners that a session has, by the types that it serves.
#[cfg_attr(test, derive(Clone))]
pub(super) struct Owners {
    pub(super) warming: Option<Warming>,
    pub(super) hosts: Option<Hosts>,
    pub(super) chains: Option<Chains>,
    pub(super) collections: Option<Collections>,
}

impl Owners {
    pub(super) fn new(types: &Types) -> Self {
        let serves = |all: &[TypeUrl]| all.iter().all(|type_url| types.contains(*type_url));
        Self {
            warming: Warming::among(types),
            hosts: serves(&Hosts::TYPES).then(Hosts::default),
            chains: serves(&Chains::TYPES).then(Chains::default),
            collections: serves(&Collections::TYPES).then(Collections::default),
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &dyn Rules> {
        let Self { warming, hosts, chains, collections } = self;
        let all: [Option<&dyn Rules>; 4] = [
            warming.as_ref().map(|owner| owner as _),
            hosts.as_ref().map(|owner| owner as _),
            chains.as_ref().map(|owner| owner as _),
            collections.as_ref().map(|owner| owner as _),
        ];
        all.into_iter().flatten()
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut dyn Rules> {
        let Self { warming, hosts, chains, collections } = self;
        let all: [Option<&mut dyn Rules>; 4] = [
            warming.as_mut().map(|owner| owner as _),
            hosts.as_mut().map(|owner| owner as _),
            chains.as_mut().map(|owner| owner as _),
            collections.as_mut().map(|owner| owner as _),
        ];
        all.into_iter().flatten()
    }

    /// The responses for these resources as the client knows them.
    pub(super) fn responses(
        &self,
        ledger: &Ledger,
        type_url: TypeUrl,
        send: &[EncodedResource],
        removed: &[ResourceName],
    ) -> Vec<EncodedResponse> {
        let limit = ledger.delta_bytes(type_url);
        match self.collections.as_ref().and_then(|of| of.known_epochs(ledger)) {
            Some(known) => delta_responses_in_epochs(type_url, send, removed, limit, &known),
            None => delta_responses(type_url, send, removed, limit),
        }
    }

    /// The responses of a difference as the client knows what is in it, shared with those that know it alike.
    pub(super) fn diff_responses(
        &self,
        ledger: &Ledger,
        diff: &SetDiff,
        removals: bool,
    ) -> Vec<EncodedResponse> {
        let limit = ledger.delta_bytes(diff.type_url());
        let known = self.collections.as_ref().and_then(|of| of.known_epochs(ledger));
        let second = known.as_ref().map(|known| known.in_second_epoch(diff)).unwrap_or_default();
        match known.filter(|_| !second.is_empty()) {
            Some(known) => diff.delta_in_epochs(&second, removals, limit, &known),
            None => diff.delta(removals, limit).to_vec(),
        }
    }
}
