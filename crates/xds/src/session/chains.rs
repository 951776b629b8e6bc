//! Filter chains as resources of their own (FCDS).
//!
//! A chain is called `<listener>/<chain>`. Its listener names it, and holds the subscriptions to its secrets; so it
//! follows its listener, and is removed when no listener at the client can name it any longer. Envoy also releases a
//! chain by itself, some time after its listener has dropped it; if the chain still has connections then, and was not
//! removed before, Envoy 1.40 crashes. So a removal may wait for the chain's replacement, but not without end.
//!
//! Envoy stays subscribed to a removed chain until it has released it; if its listener names it again before that,
//! Envoy does not wait for the chain, and refuses connections until it arrives. So such a chain is sent before its
//! listener.

use fairlead_resource::{ResourceName, TypeUrl, Types};

use super::{
    holdings::{Flight, Holding},
    ledger::Ledger,
    rules::{Removal, Rules},
};
use crate::published::elements_of;

/// Number of acknowledgements after which a removal no longer waits for a chain's replacement. When nothing else
/// changes, some five are enough.
const PATIENCE: u32 = 64;

/// Whether chains are due before listeners, and how long removals have waited.
#[derive(Default)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Chains {
    /// A listener was accepted, and the chains that waited for it have not been sent.
    are_due: bool,
    /// Number of acknowledgements since a removal began to wait.
    waited: u32,
    /// Number of acknowledgements since chains were sent before the listener that will name them.
    ahead: Option<u32>,
}

impl Chains {
    /// The types with rules here.
    pub(super) const TYPES: [TypeUrl; 5] = [
        TypeUrl::LISTENER,
        TypeUrl::FILTER_CHAIN,
        TypeUrl::ROUTE_CONFIGURATION,
        TypeUrl::VIRTUAL_HOST,
        TypeUrl::SECRET,
    ];

    /// Whether what a chain refers to has reached the client: its listener, and the secrets that it holds.
    fn may_follow(ledger: &Ledger) -> bool {
        let (listeners, secrets) = (ledger.state(TypeUrl::LISTENER), ledger.state(TypeUrl::SECRET));
        listeners.flights.is_empty()
            && listeners.suspects.is_empty()
            && !secrets.flights.iter().any(|f| f.adds)
            && !secrets.deviations.values().any(|deviation| deviation.answer)
    }

    /// Whether listeners must wait: because chains have waited for one of them (else chains would never be sent to a
    /// client whose listeners keep changing), or because chains are sent ahead of their listener.
    fn go_first(&self, ledger: &Ledger) -> bool {
        (self.are_due && ledger.state(TypeUrl::FILTER_CHAIN).unsent_changes)
            || self.ahead.is_some_and(|answers| answers < PATIENCE && !serve(ledger))
            || self.one_comes_back(ledger)
    }

    /// Whether a chain is sent only if the client has none of its name, because its listener is still to come.
    fn only_go_ahead(&self, ledger: &Ledger, type_url: TypeUrl) -> bool {
        type_url == TypeUrl::FILTER_CHAIN
            && ledger.takes(type_url)
            && !self.are_due
            && ledger.state(TypeUrl::LISTENER).unsent_changes
    }

    /// Whether a chain is published again which the client does not hold but is still subscribed to.
    fn one_comes_back(&self, ledger: &Ledger) -> bool {
        let type_url = TypeUrl::FILTER_CHAIN;
        let (listeners, chains) = (ledger.state(TypeUrl::LISTENER), ledger.state(type_url));
        let changed = !listeners.root.ptr_eq(ledger.published(TypeUrl::LISTENER));
        if !ledger.takes(type_url) || !chains.requested || !listeners.requested || !changed {
            return false;
        }
        let published = ledger.published(type_url);
        chains.names.iter().any(|name| {
            let sendable = |chain| !ledger.is_rejected(type_url, chain);
            chains.holding(name).is_absent()
                && published.get(name).is_some_and(sendable)
                && !self.withholds(ledger, type_url, name)
        })
    }
}

/// Whether the chains that were sent have what they need.
fn serve(ledger: &Ledger) -> bool {
    let needs = [TypeUrl::ROUTE_CONFIGURATION, TypeUrl::VIRTUAL_HOST, TypeUrl::SECRET];
    ledger.state(TypeUrl::FILTER_CHAIN).flights.is_empty()
        && needs.iter().all(|type_url| ledger.state(*type_url).is_still())
}

/// Whether the client may still have a content of this chain's listener that names it.
fn is_still_named(ledger: &Ledger, name: &str) -> bool {
    let listeners = ledger.state(TypeUrl::LISTENER);
    let Some(owner) = owner(name).map(ResourceName::from) else { return !listeners.flights.is_empty() };
    let touches = |flight: &Flight| flight.names().any(|name| *name == owner);
    let settled = match (listeners.holding(&owner), ledger.published(TypeUrl::LISTENER).get(&owner)) {
        (Holding::Absent, None) => true,
        (Holding::Holds(held), Some(published)) => held.digest == published.digest,
        _ => false,
    };
    !settled || listeners.flights.iter().any(touches)
}

/// Whether a chain goes with its listener, which is no longer published or no longer names chains: Envoy drains
/// such a listener with its connections, some of which have not chosen a chain yet, and then unsubscribes.
fn is_left_to_drain(ledger: &Ledger, name: &str) -> bool {
    let whole = |owner: &str| {
        let published = ledger.publication.set(TypeUrl::LISTENER).get(owner);
        published.and_then(elements_of).is_none()
    };
    owner(name).is_some_and(whole)
}

impl Rules for Chains {
    fn concerns(&self, _: &Types, type_url: TypeUrl) -> bool {
        [TypeUrl::LISTENER, TypeUrl::FILTER_CHAIN].contains(&type_url)
    }

    fn may_add(&self, ledger: &Ledger, type_url: TypeUrl) -> bool {
        match type_url {
            TypeUrl::LISTENER => !self.go_first(ledger),
            TypeUrl::FILTER_CHAIN => Self::may_follow(ledger),
            _ => true,
        }
    }

    fn may_change(&self, ledger: &Ledger, type_url: TypeUrl) -> bool {
        !self.only_go_ahead(ledger, type_url)
    }

    /// Decided chain by chain, by the listener.
    fn may_remove(&self, ledger: &Ledger, type_url: TypeUrl) -> bool {
        type_url != TypeUrl::FILTER_CHAIN
            || self.waited >= PATIENCE
            || ledger.of(TypeUrl::LISTENER).serves_with.iter().all(|t| ledger.state(*t).is_still())
    }

    fn judges_each(&self, ledger: &Ledger, type_url: TypeUrl) -> bool {
        type_url == TypeUrl::FILTER_CHAIN && ledger.takes(type_url)
    }

    fn removal(&self, ledger: &Ledger, type_url: TypeUrl, name: &str) -> Removal {
        if type_url != TypeUrl::FILTER_CHAIN
            || !ledger.takes(type_url)
            || !ledger.state(TypeUrl::LISTENER).requested
        {
            Removal::Due
        } else if is_left_to_drain(ledger, name) {
            Removal::Left
        } else if is_still_named(ledger, name) {
            Removal::Later
        } else {
            Removal::Due
        }
    }

    /// Withholds chains whose listener the client keeps in an older content, which may lack the secrets of their new
    /// content.
    fn withholds(&self, ledger: &Ledger, type_url: TypeUrl, name: &str) -> bool {
        let refused = |listener| {
            let listener = ledger.published(TypeUrl::LISTENER).get(listener);
            listener.is_some_and(|listener| ledger.is_rejected(TypeUrl::LISTENER, listener))
        };
        type_url == TypeUrl::FILTER_CHAIN && ledger.takes(type_url) && owner(name).is_some_and(refused)
    }

    fn on_sent(&mut self, ledger: &mut Ledger, type_url: TypeUrl, _: &Flight) {
        match type_url {
            TypeUrl::LISTENER => self.ahead = None,
            TypeUrl::FILTER_CHAIN if self.only_go_ahead(ledger, type_url) => self.ahead = Some(0),
            _ => {}
        }
    }

    /// Called for any type. After a rejection, listeners need not wait any longer.
    fn on_answer(&mut self, ledger: &mut Ledger, type_url: TypeUrl, _: &Flight, accepted: bool) {
        let search = !ledger.state(TypeUrl::LISTENER).suspects.is_empty();
        self.are_due |= accepted && type_url == TypeUrl::LISTENER && !search;
        let waits = ledger.state(TypeUrl::FILTER_CHAIN).unsent_removals;
        self.ahead = self.ahead.map(|answers| answers.saturating_add(1));
        self.waited = if waits { self.waited.saturating_add(1) } else { 0 };
    }

    fn on_rest(&mut self, ledger: &Ledger) {
        let chains = ledger.state(TypeUrl::FILTER_CHAIN);
        self.are_due &= chains.unsent_changes && chains.flights.is_empty();
    }
}

/// The listener of a chain.
fn owner(chain: &str) -> Option<&str> {
    chain.split_once('/').map(|(listener, _)| listener)
}
