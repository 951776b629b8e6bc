//! The owners of what is particular to some types, and the questions to them.

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
    types: &'static Types,
    /// Which of them have rules for a type, as bits, in the order of the types.
    concerned: Vec<u8>,
}

/// Maximum number of owners.
const COUNT: usize = 4;

impl Owners {
    pub(super) fn new(types: &'static Types) -> Self {
        let serves = |all: &[TypeUrl]| all.iter().all(|type_url| types.contains(*type_url));
        let mut owners = Self {
            warming: Warming::among(types),
            hosts: serves(&Hosts::TYPES).then(Hosts::default),
            chains: serves(&Chains::TYPES).then(Chains::default),
            collections: serves(&Collections::TYPES).then(Collections::default),
            types,
            concerned: Vec::new(),
        };
        let bits = |type_url| {
            let concerned = |at: &usize| owners.nth(*at).is_some_and(|owner| owner.concerns(types, type_url));
            (0..COUNT).filter(concerned).fold(0, |bits, at| bits | 1 << at)
        };
        owners.concerned = types.iter().map(bits).collect();
        owners
    }

    fn nth(&self, at: usize) -> Option<&dyn Rules> {
        match at {
            0 => self.warming.as_ref().map(|owner| owner as _),
            1 => self.hosts.as_ref().map(|owner| owner as _),
            2 => self.chains.as_ref().map(|owner| owner as _),
            _ => self.collections.as_ref().map(|owner| owner as _),
        }
    }

    fn each_mut(&mut self) -> [Option<&mut dyn Rules>; COUNT] {
        let Self { warming, hosts, chains, collections, .. } = self;
        [
            warming.as_mut().map(|owner| owner as _),
            hosts.as_mut().map(|owner| owner as _),
            chains.as_mut().map(|owner| owner as _),
            collections.as_mut().map(|owner| owner as _),
        ]
    }

    fn concerned(&self, type_url: TypeUrl) -> u8 {
        self.concerned[self.types.place(type_url)]
    }

    /// Those that have rules for a type.
    pub(super) fn of(&self, type_url: TypeUrl) -> impl Iterator<Item = &dyn Rules> {
        let concerned = self.concerned(type_url);
        (0..COUNT).filter(move |at| concerned & 1 << at != 0).filter_map(|at| self.nth(at))
    }

    /// Those that have rules for a type, mutably.
    pub(super) fn of_mut(&mut self, type_url: TypeUrl) -> impl Iterator<Item = &mut dyn Rules> {
        let concerned = self.concerned(type_url);
        let each = self.each_mut().into_iter().enumerate();
        each.filter_map(move |(at, owner)| owner.filter(|_| concerned & 1 << at != 0))
    }

    /// All owners, for what may concern any type.
    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut dyn Rules> {
        self.each_mut().into_iter().flatten()
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
