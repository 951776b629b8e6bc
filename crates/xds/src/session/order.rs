//! Which types wait for which.
//!
//! Additions go down the references: a route is not sent before the clusters that it may name, and not before
//! the endpoints of these have arrived. Removals go up: a cluster is not removed while a listener or route that
//! the client holds may still name it. All waits end by what the client sends, never by a clock.

use fairlead_resource::TypeUrl;

use super::Session;
use crate::{
    Protocol,
    wire::{Carried, delta_parts, whole_state},
};

/// Cluster responses that may be unacknowledged at once; Envoy withholds the ACK while clusters warm.
const CLUSTER_FLIGHTS: usize = 8;

/// The types whose resources name clusters, and therefore follow them.
const FOLLOWERS: [TypeUrl; 4] =
    [TypeUrl::Listener, TypeUrl::FilterChain, TypeUrl::RouteConfiguration, TypeUrl::VirtualHost];

/// The types whose removals wait, in the order in which they are released: users before what they use.
pub(super) const REMOVAL_ORDER: [TypeUrl; 6] = [
    TypeUrl::Listener,
    TypeUrl::FilterChain,
    TypeUrl::RouteConfiguration,
    TypeUrl::Cluster,
    TypeUrl::ClusterLoadAssignment,
    TypeUrl::Secret,
];

/// The types whose resources may name resources of this type.
const fn users(type_url: TypeUrl) -> &'static [TypeUrl] {
    match type_url {
        TypeUrl::Cluster => &FOLLOWERS,
        TypeUrl::ClusterLoadAssignment => &[TypeUrl::Cluster],
        TypeUrl::RouteConfiguration => &[TypeUrl::Listener, TypeUrl::FilterChain],
        TypeUrl::Secret => &[TypeUrl::Cluster, TypeUrl::Listener, TypeUrl::FilterChain],
        // Listeners use filter chains, one by one: see `is_still_named`.
        TypeUrl::Listener | TypeUrl::FilterChain | TypeUrl::VirtualHost | TypeUrl::LbEndpoint => &[],
    }
}

/// What a listener that takes another's place needs before it serves.
pub(super) const SERVING: [TypeUrl; 5] = [
    TypeUrl::Listener,
    TypeUrl::FilterChain,
    TypeUrl::RouteConfiguration,
    TypeUrl::VirtualHost,
    TypeUrl::Secret,
];

/// Whether resources of this type are removed without waiting: nothing refers to them, and none takes the place of
/// another one. (Endpoints leave their collection. A collection as a whole goes with its assignment.)
pub(super) const fn removed_freely(type_url: TypeUrl) -> bool {
    matches!(type_url, TypeUrl::VirtualHost | TypeUrl::LbEndpoint)
}

impl Session {
    /// Whether a further response of the type may be sent before the last one is acknowledged.
    pub(super) fn may_send(&self, type_url: TypeUrl) -> bool {
        if type_url == TypeUrl::LbEndpoint && self.state(TypeUrl::ClusterLoadAssignment).unsent_changes {
            // The assignment says which locality a collection is.
            return false;
        }
        let flights = self.state(type_url).flights.len();
        let processed =
            type_url == TypeUrl::Cluster && self.clusters_unseen.is_none() && self.can_seek_evidence();
        flights == 0 || (processed && flights < CLUSTER_FLIGHTS && !self.state(type_url).repeats_rejected())
    }

    /// Whether what a new resource of the type may refer to has reached the client.
    pub(super) fn may_add(&self, type_url: TypeUrl) -> bool {
        if !FOLLOWERS.contains(&type_url) {
            return true;
        }
        let endpoints = self.state(TypeUrl::ClusterLoadAssignment);
        let collections = self.state(TypeUrl::LbEndpoint);
        let clusters = self.state(TypeUrl::Cluster);
        !clusters.unsent_changes
            && (clusters.requested || !self.clusters_late || !self.resumed)
            && self.clusters_unseen.is_none()
            && !endpoints.flights.iter().any(|f| f.adds)
            && !endpoints.odd.values().any(|odd| odd.answer)
            && !collections.flights.iter().any(|f| f.adds)
            && !self.assignments.awaited()
            && match type_url {
                TypeUrl::Listener => !self.chains_go_first(),
                TypeUrl::FilterChain => self.chains_may_follow(),
                _ => true,
            }
    }

    /// Whether nothing that the client holds can still refer to what a removal takes away.
    pub(super) fn may_remove(&self, type_url: TypeUrl) -> bool {
        // Until its first ACK, a client that came back may not have told all that it holds.
        (self.acked || !self.resumed)
            && users(type_url).iter().all(|u| self.state(*u).in_sync())
            && match type_url {
                TypeUrl::Listener => SERVING.iter().all(|t| self.state(*t).is_still()),
                TypeUrl::FilterChain => self.chains_may_go(),
                _ => true,
            }
    }

    /// Makes sure that the client will send something that ends a wait.
    pub(super) fn seek_evidence(&mut self) {
        if let Some(clusters) = self.clusters_unseen
            && self.someone_waits_for_clusters()
            && !self.answer_due_after(clusters)
            && !self.probe()
        {
            self.clusters_unseen = None;
            self.push_followers();
        }
        self.seek_late_clusters();
        if self.resumed && !self.acked && self.types.iter().all(|s| s.flights.is_empty()) {
            let held_back = TypeUrl::ALL.into_iter().find(|t| self.state(*t).unsent_removals);
            if let Some(type_url) = held_back {
                self.send_probe(type_url);
            }
        }
    }

    /// A client whose clusters warmed when it came back asks for clusters about when it acknowledges their
    /// endpoints; one round trip after that it would have. (A client may have its clusters from elsewhere.)
    fn seek_late_clusters(&mut self) {
        let endpoints = self.state(TypeUrl::ClusterLoadAssignment);
        let waits = self.clusters_late
            && self.resumed
            && !self.state(TypeUrl::Cluster).requested
            && self.someone_waits_for_clusters()
            && endpoints.flights.is_empty()
            && self.state(TypeUrl::LbEndpoint).flights.is_empty()
            && !self.assignments.awaited();
        if !waits {
            return;
        }
        if self.lateness_probed {
            self.clusters_late = false;
            self.push_followers();
        } else {
            self.lateness_probed = true;
            self.send_probe(TypeUrl::ClusterLoadAssignment);
        }
    }

    fn push_followers(&mut self) {
        for follower in FOLLOWERS {
            self.push(follower, removed_freely(follower));
        }
    }

    fn someone_waits_for_clusters(&self) -> bool {
        let clusters = self.state(TypeUrl::Cluster);
        clusters.unsent_changes
            || FOLLOWERS
                .into_iter()
                .map(|t| self.state(t))
                .any(|s| s.requested && s.unsent_changes && s.flights.is_empty())
    }

    /// Whether a response of another type follows this one: its acknowledgement shows that both are processed.
    fn answer_due_after(&self, clusters: crate::wire::Nonce) -> bool {
        TypeUrl::ALL
            .into_iter()
            .filter(|t| *t != TypeUrl::Cluster)
            .any(|t| self.state(t).flights.iter().any(|f| f.nonce > clusters))
    }

    /// The types that are acknowledged at once whatever clusters are doing.
    const PROBES: [TypeUrl; 2] = [TypeUrl::ClusterLoadAssignment, TypeUrl::Secret];

    fn can_seek_evidence(&self) -> bool {
        Self::PROBES.into_iter().any(|t| self.state(t).requested)
    }

    /// Sends a response that changes nothing, for the sake of its acknowledgement. Returns whether one is due.
    fn probe(&mut self) -> bool {
        Self::PROBES.into_iter().any(|type_url| {
            let state = self.state(type_url);
            state.requested && (!state.flights.is_empty() || self.send_probe(type_url))
        })
    }

    /// An empty delta response, or something that a state-of-the-world client already has: an empty response
    /// of that variant would tell Envoy that endpoints are missing.
    fn send_probe(&mut self, type_url: TypeUrl) -> bool {
        let mut part = match self.protocol {
            Protocol::Delta => delta_parts(type_url, [], &[], usize::MAX).remove(0),
            Protocol::StateOfTheWorld => {
                let state = self.state(type_url);
                let held = state.root.values().find(|r| {
                    state.names.wants(&r.name)
                        && !state.odd.contains_key(&r.name)
                        && !self.is_rejected(type_url, r)
                });
                let Some(held) = held else { return false };
                whole_state(type_url, [held])
            }
        };
        part.carried = Carried::default();
        self.send_unchanging(type_url, &part);
        true
    }
}
