//! What is particular to some types, each in the hands of one owner with its own state.
//!
//! All owners are asked the same questions, about every type. So the rest of a session names no type: what pushes, orders
//! and reads requests asks here.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use fairlead_resource::{ResourceName, ResourceSet, TypeUrl, Types};

use super::{
    Session, chains::Chains, collections::Collections, holdings::Flight, hosts::Hosts, ledger::Ledger,
    warming::Warming,
};
use crate::wire::EncodedResponse;

/// What becomes of a resource that the client has and should not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Removal {
    /// It is removed when removals of its type are due.
    Due,
    /// Something that the client has may still name it.
    Later,
    /// The client lets go of it by itself.
    Left,
}

/// The first request of a type on a stream.
pub(super) struct Beginning<'a> {
    pub(super) names: Vec<ResourceName>,
    /// What the client lists of an earlier stream.
    pub(super) versions: &'a HashMap<String, String>,
    /// Resources that these complete warm at the client.
    pub(super) warming: bool,
}

/// The questions. Each has the answer that holds for a type with no rules of its own.
pub(super) trait Rules {
    /// What the client is to hold of a type, if that is not all that is published.
    fn current(&mut self, _: &Ledger, _: TypeUrl) -> Option<ResourceSet> {
        None
    }

    /// How many names the client subscribes to in another way than by name.
    fn names(&self, _: TypeUrl) -> usize {
        0
    }

    /// Whether responses of the type may be sent.
    fn may_send(&self, _: &Ledger, _: TypeUrl) -> bool {
        true
    }

    /// Whether a response may be sent before the last one is acknowledged.
    fn may_send_ahead(&self, _: &Ledger, _: TypeUrl) -> bool {
        false
    }

    /// Whether what is new or changed may be sent: what it may refer to has reached the client.
    fn may_add(&self, _: &Ledger, _: TypeUrl) -> bool {
        true
    }

    /// Whether resources that the client has may be changed now.
    fn may_change(&self, _: &Ledger, _: TypeUrl) -> bool {
        true
    }

    /// Whether resources may be removed.
    fn may_remove(&self, _: &Ledger, _: TypeUrl) -> bool {
        true
    }

    /// What becomes of one that the client has and should not.
    fn removal(&self, _: &Ledger, _: TypeUrl, _name: &str) -> Removal {
        Removal::Due
    }

    /// Whether a resource is withheld, whatever its content.
    fn withholds(&self, _: &Ledger, _: TypeUrl, _name: &str) -> bool {
        false
    }

    /// Whether what is to be sent depends on more than the difference of two sets.
    fn is_unclear(&self, _: TypeUrl) -> bool {
        false
    }

    /// Whether other types wait for a response that adds to what the client has.
    fn additions_are_awaited(&self, _: TypeUrl) -> bool {
        true
    }

    /// Responses that may be sent now and go before all others of the type.
    fn due(&mut self, _: &mut Ledger, _: TypeUrl, _current: &ResourceSet) -> Vec<Arc<[EncodedResponse]>> {
        Vec::new()
    }

    /// Whether such responses are still to come.
    fn awaits(&self, _: TypeUrl) -> bool {
        false
    }

    /// Names that do not exist and are removed to release the client, which waits for something.
    fn released(&self, _: &Ledger, _: TypeUrl, _current: &ResourceSet) -> Vec<ResourceName> {
        Vec::new()
    }

    /// A type is asked for. Returns what is sent again though the client lists it in its published version.
    fn on_begin(&mut self, _: &mut Ledger, _: TypeUrl, _: &Beginning<'_>) -> BTreeSet<ResourceName> {
        BTreeSet::new()
    }

    /// The client no longer wants a resource.
    fn on_leave(&mut self, _: TypeUrl, _name: &ResourceName) {}

    /// A response was sent.
    fn on_sent(&mut self, _: &mut Ledger, _: TypeUrl, _: &Flight) {}

    /// A response was accepted or rejected.
    fn on_answer(&mut self, _: &mut Ledger, _: TypeUrl, _: &Flight, _accepted: bool) {}

    /// Everything was sent that may be sent now.
    fn on_rest(&mut self, _: &Ledger) {}

    /// Whether the rejection of a content is no verdict, because it was sent for once in another form.
    fn excuses(&mut self, _: TypeUrl, _name: &ResourceName) -> bool {
        false
    }
}

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
}

impl Session {
    /// The resources that a client of this session may hold of a type.
    pub(super) fn current(&mut self, type_url: TypeUrl) -> ResourceSet {
        let ledger = &self.ledger;
        let particular = self.owners.all_mut().find_map(|owner| owner.current(ledger, type_url));
        particular.unwrap_or_else(|| self.ledger.trimmed(type_url))
    }

    /// Whether a resource is withheld, whatever its content.
    pub(super) fn is_withheld(&self, type_url: TypeUrl, name: &str) -> bool {
        self.owners.all().any(|owner| owner.withholds(&self.ledger, type_url, name))
    }

    pub(super) fn may_change(&self, type_url: TypeUrl) -> bool {
        self.owners.all().all(|owner| owner.may_change(&self.ledger, type_url))
    }

    /// What becomes of a resource that the client has and should not.
    pub(super) fn removal(&self, type_url: TypeUrl, name: &str) -> Removal {
        let all = self.owners.all().map(|owner| owner.removal(&self.ledger, type_url, name));
        all.into_iter().find(|removal| *removal != Removal::Due).unwrap_or(Removal::Due)
    }

    pub(super) fn released(&self, type_url: TypeUrl, current: &ResourceSet) -> Vec<ResourceName> {
        self.owners.all().flat_map(|owner| owner.released(&self.ledger, type_url, current)).collect()
    }

    pub(super) fn answered(&mut self, type_url: TypeUrl, flight: &Flight, accepted: bool) {
        self.owners.all_mut().for_each(|owner| owner.on_answer(&mut self.ledger, type_url, flight, accepted));
    }

    /// Responses that go before all others of the type.
    pub(super) fn due(&mut self, type_url: TypeUrl, current: &ResourceSet) -> Vec<Arc<[EncodedResponse]>> {
        let ledger = &mut self.ledger;
        self.owners.all_mut().flat_map(|owner| owner.due(ledger, type_url, current)).collect()
    }

    /// Whether such responses are still to come.
    pub(super) fn awaits(&self, type_url: TypeUrl) -> bool {
        self.owners.all().any(|owner| owner.awaits(type_url))
    }
}
