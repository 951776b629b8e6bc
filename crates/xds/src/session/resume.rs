//! What a state-of-the-world client had on the stream before.
//!
//! On a new stream such a client tells which version it took last, and not what it holds. Where something is held back
//! from it, that is not what is published: its last good content can only be repeated by who remembers it, and what is
//! not repeated is removed, or left out of its table. So the owner keeps what an ended stream knew
//! ([`Session::depart`]) for the next one ([`Session::go_on_from`]), which goes on from there if the client tells the
//! version that was accepted last. A client that was started anew tells none: it is sent everything, as it may
//! have been the fault of the one before.

use std::collections::BTreeMap;

use fairlead_resource::{EncodedResource, TypeUrl};

use super::{
    departed::{Departed, Held},
    holdings::Holding,
    stream::Session,
};
use crate::{Protocol, wire::version_text};

/// A client that asks for more names, in bytes, of which nothing is published, is not remembered: its names would be
/// kept for nobody.
const NAMES: usize = 16 << 10;

impl Session {
    /// What a later stream of the client can go on from, to be asked when this one has ended. `None` where nothing is
    /// held back: what is published tells all then. A delta client says itself what it has.
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
        // What is under way may have been taken or not.
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

    /// Goes on from what the client's last stream knew, type by type, as far as the client says that it has that.
    pub fn go_on_from(&mut self, departed: Departed) {
        self.departed = departed;
    }

    /// The first request of a type on this stream tells the version that the client took last.
    pub(super) fn take_up(&mut self, type_url: TypeUrl, version: &str) {
        let Some(before) = self.departed.0.remove(&type_url) else { return };
        let state = self.state_mut(type_url);
        if version_text(before.version) != version || (state.names.wildcard && !before.names.wildcard) {
            return;
        }
        // It is sent all that it asks for in any case, so it is enough to know what it has.
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
