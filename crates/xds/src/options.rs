//! The settings of one session, decided by the owner when a client connects.

use std::collections::{BTreeMap, BTreeSet};

use fairlead_resource::{TypeUrl, Types};

/// The variant of the protocol that a stream speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `DeltaAggregatedResources`: responses carry what changed.
    Delta,
    /// `StreamAggregatedResources`: clusters and listeners are always sent whole.
    StateOfTheWorld,
}

/// The element types that a client takes as resources of their own. Only delta clients can.
///
/// A resource whose element type is taken, and that has elements, is sent as its parent form: a route table under VHDS, a
/// load assignment under LEDS, a listener under FCDS. Others are sent with their elements inline.
pub type ElementTypes = BTreeSet<TypeUrl>;

/// The settings of one session.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// The types that are served. A server has its own for all sessions.
    pub types: &'static Types,
    /// Which elements are sent as resources of their own. Ignored for state-of-the-world clients.
    pub elements: ElementTypes,
    /// Whether a client is told that a name it asked for does not exist, for types that differ from their descriptors.
    pub answer_missing: BTreeMap<TypeUrl, bool>,
    /// Maximum number of names that a client may subscribe to per type; a client that asks for more is disconnected.
    pub max_names: usize,
    /// Maximum size in bytes of the resources in one delta response; the rest goes into further responses.
    pub delta_bytes: usize,
}

impl Default for SessionOptions {
    /// Envoy's types, no elements, missing names answered but for SDS, 200,000 names (twice the design scale), 4 MiB.
    fn default() -> Self {
        Self {
            types: Types::envoy(),
            elements: ElementTypes::new(),
            answer_missing: BTreeMap::new(),
            max_names: 200_000,
            delta_bytes: 4 << 20,
        }
    }
}
