//! The search for the part at fault of one resource.

use std::collections::BTreeSet;

use crate::{parts::Part, parts::Parts};
use fairlead_resource::{Digest, EncodedResource, TypeUrl};

/// The search for the first part at fault.
#[cfg_attr(test, derive(Clone))]
pub(in crate::session) struct Search {
    pub(in crate::session) parts: Parts,
    /// The parts, those that are known to be right first.
    pub(in crate::session) order: Vec<Part>,
    /// The resource as the client held it.
    held: Option<Parts>,
    /// The content published when the resource was rejected.
    pub(in crate::session) published: Digest,
    /// Number of parts with which the resource is right. `None` if it may be wrong even without any.
    passes: Option<usize>,
    /// Number of parts with which it is rejected.
    fails: usize,
    /// Whether `fails` is certain: Envoy judges a table by its hosts only, but also checks a listener after its chains.
    confirmed: bool,
    /// The client's error message for the resource with those parts.
    pub(in crate::session) message: String,
    /// The probe that is under way: its length and digest.
    pub(in crate::session) probe: Option<(usize, Digest)>,
}

/// The next step of a search.
pub(in crate::session) enum Next {
    /// Probe this number of parts.
    Probe(usize),
    /// These of the parts are at fault.
    Found(std::ops::Range<usize>),
    /// None of them is.
    Elsewhere,
}

impl Search {
    /// Begins a search. `others` are known to be right, as are those that the client has. `None` if no part can be
    /// suspected.
    pub(in crate::session) fn begin(
        type_url: TypeUrl,
        sent: &EncodedResource,
        held: Option<&EncodedResource>,
        others: &BTreeSet<Digest>,
        (published, message): (Digest, &str),
    ) -> Option<Self> {
        let parts = Parts::of(type_url, sent)?;
        let held = held.and_then(|held| Parts::of(type_url, held));
        let known: BTreeSet<Digest> = held.iter().flat_map(Parts::all).map(|part| part.digest).collect();
        let is_right = |part: &&Part| known.contains(&part.digest) || others.contains(&part.digest);
        let (mut order, suspects): (Vec<Part>, Vec<Part>) =
            parts.all().iter().cloned().partition(|part| is_right(&part));
        if suspects.is_empty() {
            return None;
        }
        let passes = held.as_ref().is_some_and(|held| held.has_head_of(&parts)).then_some(order.len());
        order.extend(suspects);
        Some(Self {
            fails: order.len(),
            confirmed: type_url != TypeUrl::LISTENER,
            message: message.to_owned(),
            probe: None,
            published,
            parts,
            order,
            held,
            passes,
        })
    }

    pub(in crate::session) fn next(&self, probes_left: usize) -> Next {
        match self.passes {
            Some(passes) if passes >= self.fails => Next::Elsewhere,
            _ if self.fails == 0 => Next::Elsewhere,
            _ if probes_left == 0 => Next::Found(self.passes.unwrap_or_default()..self.order.len()),
            _ if !self.confirmed => Next::Probe(self.fails),
            None => Next::Probe(0),
            Some(passes) if passes + 1 == self.fails => Next::Found(passes..self.fails),
            Some(passes) => Next::Probe(passes.midpoint(self.fails)),
        }
    }

    pub(in crate::session) fn answered(&mut self, length: usize, message: &str) {
        if self.parts.probe_is_right(message) {
            self.passes = Some(length);
        } else {
            (self.fails, self.confirmed) = (length, true);
            message.clone_into(&mut self.message);
        }
    }

    /// What the client holds in place of a part.
    pub(in crate::session) fn held_in_place_of(&self, part: &Part) -> Option<Part> {
        let held = self.held.as_ref()?.all().iter();
        held.filter(|held| held.digest != part.digest).find(|held| held.usage == part.usage).cloned()
    }
}
