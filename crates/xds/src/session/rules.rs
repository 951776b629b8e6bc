//! What is particular to some types, each in the hands of one owner with its own state.
//!
//! All owners are asked the same questions, about every type. So the rest of a session names no type: what pushes, orders
//! and reads requests asks here.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use fairlead_resource::{ResourceName, ResourceSet, TypeUrl, Types};

use super::{holdings::Flight, ledger::Ledger};
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
    /// Whether there are rules for a type. Only then is what follows asked about it, but for [`Rules::on_answer`] and
    /// [`Rules::on_rest`].
    fn concerns(&self, types: &Types, type_url: TypeUrl) -> bool;

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

    /// Whether resources are withheld or kept one by one: whether [`Rules::removal`] and [`Rules::withholds`] may have
    /// another answer than that of types without rules.
    fn judges_each(&self, _: &Ledger, _: TypeUrl) -> bool {
        false
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

    /// Responses that may be sent now and go before all others of the type. This and the next two are asked of types of
    /// elements only.
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
