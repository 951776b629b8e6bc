//! What a state-of-the-world client held on its previous stream.
//!
//! On a new stream such a client states the version that it accepted last, but not what it holds. If something is held
//! back from it, that differs from what is published: its last good content can only be repeated if it was remembered,
//! and what is not repeated is removed, or left out of its table. So the owner keeps what an ended stream knew
//! ([`Session::depart`]) for the next one ([`Session::go_on_from`]), which continues from there if the client states
//! the version that was accepted last. A restarted client states none: it is sent everything, as the fault may have
//! been its predecessor's.

use std::collections::BTreeMap;

use fairlead_resource::{EncodedResource, TypeUrl};

use super::{
    departed::{Departed, Held},
    holdings::Holding,
    stream::Session,
};
use crate::{Protocol, wire::version_text};

/// Maximum size in bytes of requested names without a published resource; a client with more is not remembered.
const NAMES: usize = 16 << 10;

impl Session {
    /// The state from which a later stream of the client can continue, to be taken when this one has ended. `None` if
    /// nothing is held back, since the published resources are enough then. A delta client lists what it holds itself.
    pub fn depart(&mut self) -> Option<Departed> {
        if self.ledger.protocol == Protocol::Delta {
            return None;
        }
        let held = self.types().iter().filter_map(|type_url| Some((type_url, self.depart_with(type_url)?)));
        let departed: BTreeMap<_, _> = held.collect();
        (!departed.is_empty()).then_some(Departed(departed))
    }

    fn depart_with(&mut self, type_url: TypeUrl) -> Option<Held> {
        let state = self.state_mut(type_url);
        let version = state.accepted_version?;
        let nothing = state.rejected.is_empty() && state.trims.rejected() == 0;
        if nothing || state.names.own_bytes() > NAMES {
            return None;
        }
        // Responses under way may or may not have been applied.
        for flight in std::mem::take(&mut state.flights).into_iter().rev() {
            for name in flight.names() {
                let before = state.before(name, &flight);
                state.deviate(name, before.doubted(), false);
            }
        }
        let mut trims = std::mem::take(&mut state.trims);
        trims.reset();
        for name in trims.take_unfinished() {
            state.rejected.remove(&name);
        }
        Some(Held {
            version,
            names: std::mem::take(&mut state.names),
            root: std::mem::take(&mut state.root),
            deviations: std::mem::take(&mut state.deviations),
            rejected: std::mem::take(&mut state.rejected),
            may_heal: std::mem::take(&mut state.may_heal),
            trims,
        })
    }

    /// Continues from the state of the client's last stream, type by type, where the client states that version.
    pub fn go_on_from(&mut self, departed: Departed) {
        self.departed = departed;
    }

    /// Handles the version that the client accepted last, which the first request of a type states.
    pub(super) fn take_up(&mut self, type_url: TypeUrl, version: &str) {
        let Some(before) = self.departed.0.remove(&type_url) else { return };
        let state = self.state_mut(type_url);
        if version_text(before.version) != version || (state.names.wildcard && !before.names.wildcard) {
            return;
        }
        // It is sent all that it requests in any case, so only what it holds matters.
        let has = |resource: &EncodedResource| Holding::Holds(resource.clone()).doubted();
        let same = before
            .root
            .iter()
            .filter(|(name, _)| before.names.wants(name) && !before.deviations.contains_key(*name));
        let same = same.map(|(name, resource)| (name.clone(), has(resource)));
        let other = before
            .deviations
            .iter()
            .map(|(name, deviation)| (name.clone(), deviation.holding.clone().doubted()));
        let had: Vec<_> = same.chain(other).filter(|(name, _)| state.names.wants(name)).collect();
        for (name, holding) in had {
            state.deviate(&name, holding, false);
        }
        (state.rejected, state.may_heal, state.trims) = (before.rejected, before.may_heal, before.trims);
    }
}
