//! Filter chains as resources of their own (FCDS).
//!
//! A chain is called `<listener>/<chain>`. Its listener names it, and holds the subscriptions of its secrets; so it
//! follows its listener, and goes when no listener that the client has can name it any more. Envoy lets go of a chain
//! by itself, too, some time after its listener has; if there are connections on it then, and it was not removed
//! before, Envoy 1.40 crashes. So a removal may wait for what takes the chain's place, but not without end.
//!
//! Until Envoy has let go of a removed chain it stays subscribed to it; if its listener names it again by then, Envoy
//! does not wait for the chain, and refuses connections until it comes. So such a chain goes before its listener.

use fairlead_resource::{ResourceName, TypeUrl};

use super::{
    Session,
    holdings::{Flight, Holding},
    order::SERVING,
};
use crate::published::elements_of;

/// After so many acknowledgements a removal no longer waits for what may take a chain's place. When nothing else
/// changes, that is settled after five or so.
const PATIENCE: u32 = 64;

/// Whose turn it is, and how long removals have waited.
#[derive(Default)]
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Chains {
    /// A listener was accepted, and the chains that waited for it have not been sent.
    turn: bool,
    /// Acknowledgements since a removal waits.
    waited: u32,
    /// Chains were sent before the listener that will name them, so many acknowledgements ago.
    ahead: Option<u32>,
}

impl Session {
    /// Whether what a chain refers to has reached the client: its listener, and the secrets that it holds.
    pub(super) fn chains_may_follow(&self) -> bool {
        let (listeners, secrets) = (self.state(TypeUrl::Listener), self.state(TypeUrl::Secret));
        listeners.flights.is_empty()
            && listeners.suspects.is_empty()
            && !secrets.flights.iter().any(|f| f.adds)
            && !secrets.odd.values().any(|odd| odd.answer)
    }

    /// Whether listeners have to wait: because chains have waited for one of them (else chains would never be sent
    /// to a client whose listeners keep changing), or because chains go ahead of their listener.
    pub(super) fn chains_go_first(&self) -> bool {
        (self.chains.turn && self.state(TypeUrl::FilterChain).unsent_changes)
            || self.chains.ahead.is_some_and(|answers| answers < PATIENCE && !self.chains_serve())
            || self.chain_comes_back()
    }

    /// Whether a chain is sent only if the client has none of its name: its listener is still to come.
    pub(super) fn only_chains_ahead(&self, type_url: TypeUrl) -> bool {
        type_url == TypeUrl::FilterChain
            && self.options.elements.fcds
            && !self.chains.turn
            && self.state(TypeUrl::Listener).unsent_changes
    }

    /// Whether the chains that were sent have what they need.
    fn chains_serve(&self) -> bool {
        let needs = [TypeUrl::RouteConfiguration, TypeUrl::VirtualHost, TypeUrl::Secret];
        self.state(TypeUrl::FilterChain).flights.is_empty() && needs.iter().all(|t| self.state(*t).is_still())
    }

    /// Whether a chain is published again that the client has not, but is still subscribed to.
    fn chain_comes_back(&self) -> bool {
        let (listeners, chains) = (self.state(TypeUrl::Listener), self.state(TypeUrl::FilterChain));
        let elements = self.options.elements;
        let changed = !listeners.root.ptr_eq(self.publication.form(TypeUrl::Listener, elements));
        if !elements.fcds || !chains.requested || !listeners.requested || !changed {
            return false;
        }
        let published = self.publication.form(TypeUrl::FilterChain, elements);
        chains.names.iter().any(|name| {
            let sendable = |chain| !self.is_rejected(TypeUrl::FilterChain, chain);
            chains.holding(name).is_absent()
                && published.get(name).is_some_and(sendable)
                && !self.is_held_back(TypeUrl::FilterChain, name)
        })
    }

    /// Accounts for a response that was sent.
    pub(super) fn chains_see_response(&mut self, type_url: TypeUrl) {
        match type_url {
            TypeUrl::Listener => self.chains.ahead = None,
            TypeUrl::FilterChain if self.only_chains_ahead(type_url) => self.chains.ahead = Some(0),
            _ => {}
        }
    }

    /// Whether chains may be removed, those whose listener allows it.
    pub(super) fn chains_may_go(&self) -> bool {
        self.chains.waited >= PATIENCE || SERVING.iter().all(|t| self.state(*t).is_still())
    }

    /// Accounts for an answer of the client, of any type. After a rejection, listeners go on.
    pub(super) fn chains_see_answer(&mut self, type_url: TypeUrl, accepted: bool) {
        let search = !self.state(TypeUrl::Listener).suspects.is_empty();
        self.chains.turn |= accepted && type_url == TypeUrl::Listener && !search;
        let waits = self.state(TypeUrl::FilterChain).unsent_removals;
        self.chains.ahead = self.chains.ahead.map(|answers| answers.saturating_add(1));
        self.chains.waited = if waits { self.chains.waited.saturating_add(1) } else { 0 };
    }

    /// Accounts for a round in which everything was sent that may be.
    pub(super) fn chains_end_round(&mut self) {
        let chains = self.state(TypeUrl::FilterChain);
        self.chains.turn &= chains.unsent_changes && chains.flights.is_empty();
    }

    /// Whether the client keeps an older content of this chain's listener, which may not hold the secrets of the
    /// chain's new content.
    pub(super) fn is_held_back(&self, type_url: TypeUrl, name: &str) -> bool {
        let elements = self.options.elements;
        let refused = |listener| {
            let listener = self.publication.form(TypeUrl::Listener, elements).get(listener);
            listener.is_some_and(|listener| self.is_rejected(TypeUrl::Listener, listener))
        };
        type_url == TypeUrl::FilterChain && elements.fcds && owner(name).is_some_and(refused)
    }

    /// Whether the client may still have a content of this chain's listener that names it.
    pub(super) fn is_still_named(&self, type_url: TypeUrl, name: &str) -> bool {
        let elements = self.options.elements;
        if type_url != TypeUrl::FilterChain || !elements.fcds || !self.state(TypeUrl::Listener).requested {
            return false;
        }
        let listeners = self.state(TypeUrl::Listener);
        let Some(owner) = owner(name).map(ResourceName::from) else { return !listeners.flights.is_empty() };
        let touches = |flight: &Flight| flight.names().any(|name| *name == owner);
        let published = self.publication.form(TypeUrl::Listener, elements).get(&owner);
        let settled = match (listeners.holding(&owner), published) {
            (Holding::Absent, None) => true,
            (Holding::Holds(held), Some(published)) => held.digest == published.digest,
            _ => false,
        };
        !settled || listeners.flights.iter().any(touches)
    }
}

impl Session {
    /// Whether a chain goes with its listener, which is no longer published or no longer names chains: Envoy drains
    /// such a listener with its connections, some of which have not chosen a chain yet, and then unsubscribes.
    pub(super) fn is_left_to_drain(&self, type_url: TypeUrl, name: &str) -> bool {
        let whole = |owner: &str| {
            let published = self.publication.set(TypeUrl::Listener).get(owner);
            published.and_then(elements_of).is_none()
        };
        type_url == TypeUrl::FilterChain
            && self.options.elements.fcds
            && self.state(TypeUrl::Listener).requested
            && owner(name).is_some_and(whole)
    }
}

/// The listener of a chain.
fn owner(chain: &str) -> Option<&str> {
    chain.split_once('/').map(|(listener, _)| listener)
}
