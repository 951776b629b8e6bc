//! The rules for some types, each with one owner that keeps its own state.
//!
//! All owners answer the same questions, about every type. So the rest of a session names no type: pushing, ordering
//! and the handling of requests ask here.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use fairlead_resource::{ResourceName, ResourceSet, TypeUrl, Types};

use super::{holdings::Flight, ledger::Ledger};
use crate::wire::EncodedResponse;

/// How a resource is removed that the client holds and should not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Removal {
    /// It is removed when removals of its type are due.
    Due,
    /// Later: something that the client holds may still name it.
    Later,
    /// The client releases it by itself.
    Left,
}

/// The first request of a type on a stream.
pub(super) struct Beginning<'a> {
    pub(super) names: Vec<ResourceName>,
    /// The versions that the client lists from an earlier stream.
    pub(super) versions: &'a HashMap<String, String>,
    /// Whether resources that wait for this type are warming at the client.
    pub(super) warming: bool,
}

/// The questions. Each has the answer that holds for a type with no rules of its own.
pub(super) trait Rules {
    /// Whether there are rules for a type. Only then are the questions below asked about it, except for
    /// [`Rules::on_answer`] and [`Rules::on_rest`].
    fn concerns(&self, types: &Types, type_url: TypeUrl) -> bool;

    /// The resources of a type that the client should hold, if not all that are published.
    fn current(&mut self, _: &Ledger, _: TypeUrl) -> Option<ResourceSet> {
        None
    }

    /// The number of names that the client subscribes to other than by name.
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

    /// Whether new and changed resources may be sent, because what they may refer to has reached the client.
    fn may_add(&self, _: &Ledger, _: TypeUrl) -> bool {
        true
    }

    /// Whether resources that the client has may be changed now.
    fn may_change(&self, _: &Ledger, _: TypeUrl) -> bool {
        true
    }

    /// Whether resources are withheld or kept one by one: whether [`Rules::removal`] and [`Rules::withholds`] may
    /// differ from the answers for types without rules.
    fn judges_each(&self, _: &Ledger, _: TypeUrl) -> bool {
        false
    }

    /// Whether resources may be removed.
    fn may_remove(&self, _: &Ledger, _: TypeUrl) -> bool {
        true
    }

    /// How a resource is removed that the client holds and should not.
    fn removal(&self, _: &Ledger, _: TypeUrl, _name: &str) -> Removal {
        Removal::Due
    }

    /// Whether a resource is withheld, whatever its content.
    fn withholds(&self, _: &Ledger, _: TypeUrl, _name: &str) -> bool {
        false
    }

    /// Whether what has to be sent depends on more than the difference of two sets.
    fn is_unclear(&self, _: TypeUrl) -> bool {
        false
    }

    /// Whether other types wait for a response that adds to what the client has.
    fn additions_are_awaited(&self, _: TypeUrl) -> bool {
        true
    }

    /// Responses that may be sent now and go before all others of the type. This and the next two are asked only about
    /// types of elements.
    fn due(&mut self, _: &mut Ledger, _: TypeUrl, _current: &ResourceSet) -> Vec<Arc<[EncodedResponse]>> {
        Vec::new()
    }

    /// Whether such responses are still to come.
    fn awaits(&self, _: TypeUrl) -> bool {
        false
    }

    /// Names that do not exist and are removed to end a wait of the client.
    fn released(&self, _: &Ledger, _: TypeUrl, _current: &ResourceSet) -> Vec<ResourceName> {
        Vec::new()
    }

    /// A type is requested. Returns what is sent again though the client lists it in its published version.
    fn on_begin(&mut self, _: &mut Ledger, _: TypeUrl, _: &Beginning<'_>) -> BTreeSet<ResourceName> {
        BTreeSet::new()
    }

    /// The client no longer wants a resource.
    fn on_leave(&mut self, _: TypeUrl, _name: &ResourceName) {}

    /// A response was sent.
    fn on_sent(&mut self, _: &mut Ledger, _: TypeUrl, _: &Flight) {}

    /// A response was accepted or rejected.
    fn on_answer(&mut self, _: &mut Ledger, _: TypeUrl, _: &Flight, _accepted: bool) {}

    /// All that may be sent now was sent.
    fn on_rest(&mut self, _: &Ledger) {}

    /// Whether the rejection of a content is not a verdict, because it was sent in another form this time.
    fn excuses(&mut self, _: TypeUrl, _name: &ResourceName) -> bool {
        false
    }
}
