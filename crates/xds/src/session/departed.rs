//! State that an ended stream leaves to the client's next one.

use std::collections::{BTreeMap, BTreeSet};

use fairlead_resource::{Digest, ResourceName, ResourceSet, TypeUrl};

use super::{holdings::Deviation, trims::Trims};
use crate::names::Names;

/// What a client held and had rejected when its stream ended.
#[cfg_attr(test, derive(Clone))]
#[derive(Default)]
pub struct Departed(pub(super) BTreeMap<TypeUrl, Held>);

/// The same for one type from which something is held back.
#[cfg_attr(test, derive(Clone))]
pub(super) struct Held {
    /// The version that was accepted last.
    pub(super) version: u64,
    pub(super) names: Names,
    pub(super) root: ResourceSet,
    pub(super) deviations: BTreeMap<ResourceName, Deviation>,
    pub(super) rejected: BTreeMap<ResourceName, Vec<Digest>>,
    pub(super) may_heal: BTreeSet<(ResourceName, Digest)>,
    pub(super) trims: Trims,
}
