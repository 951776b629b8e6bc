//! What Envoy does that the protocol does not say, one function each.

use std::borrow::Cow;

use envoy_types::pb::envoy::service::discovery::v3::ResourceLocator;
use fairlead_resource::{ResourceName, TypeUrl};

use super::holdings::{Holding, TypeState};
use crate::wire::Nonce;

/// Endpoints are sent again after their cluster, even unchanged.
///
/// A cluster that is updated warms until its endpoints arrive; Envoy asks for them anew only in the
/// state-of-the-world variant, and otherwise waits for `initial_fetch_timeout`
/// (<https://github.com/envoyproxy/envoy/issues/13009>). A cluster and its endpoints share their name.
pub(crate) fn endpoints_follow_clusters<'a>(
    endpoints: &mut TypeState,
    clusters: impl Iterator<Item = &'a ResourceName>,
) {
    if endpoints.requested {
        for name in clusters.filter(|n| endpoints.names.wants(n)).collect::<Vec<_>>() {
            let held = endpoints.holding(name);
            let holding = if held.exists() { held.doubted() } else { Holding::Absent };
            endpoints.deviate(name, holding, true);
        }
    }
}

/// Whether a rejection is due to something that the client's machine lacks and that may appear later: a file, a
/// directory, a port.
///
/// Envoy itself notices a missing file that is moved into an existing directory, but not one that is written in place,
/// nor a missing directory. A certificate inline in the resource is `<inline>` in these messages.
pub(crate) fn is_of_the_machine(message: &str) -> bool {
    let of_a_file = |(at, begins): (usize, &str)| message[at + begins.len()..].contains(" from /");
    ["Invalid path: ", "unable to add filesystem watch", "cannot bind '", "unable to open file '"]
        .iter()
        .any(|reason| message.contains(reason))
        || message.match_indices("Failed to load ").any(of_a_file)
}

/// Whether a listener is rejected for an address that another listener still has.
///
/// Envoy applies the listeners of a response one after another, and removes old ones only after it has accepted new
/// ones. So both may have an address for a moment when it moves from one to the other.
pub(crate) fn has_address_of_another(type_url: TypeUrl, message: &str) -> bool {
    type_url == TypeUrl::LISTENER && message.contains("has duplicate address")
}

/// An endpoint request that precedes the cluster request of a stream comes from a client whose clusters warm.
///
/// Envoy sends no cluster request while a cluster warms, so on a new stream the order shows it. The endpoints that the
/// cluster waits for may be among those that the client lists as held: they are sent again.
pub(crate) fn clusters_warm_on_reconnect(clusters: &TypeState) -> bool {
    !clusters.requested
}

/// The type whose response a nonce acknowledges, if it is not the type that the request names.
///
/// Nonces are unique within a stream, so an ACK under the wrong type (the xDS conformance harness does that)
/// still says which response was accepted.
pub(crate) fn owner_of_nonce<'a>(
    nonce: Nonce,
    mut states: impl Iterator<Item = (TypeUrl, &'a TypeState)>,
) -> Option<TypeUrl> {
    let (owner, _) = states.find(|(_, state)| state.flights.iter().any(|f| f.nonce == nonce))?;
    Some(owner)
}

/// A NACK that names the version of the response that it answers rejects an earlier one.
///
/// When clusters warm, Envoy collapses the answers of several state-of-the-world responses into one request:
/// nonce and version are those of the last response (accepted), the error is an earlier one's.
pub(crate) fn error_is_of_an_earlier_response(answered_version: &str, request_version: &str) -> bool {
    !request_version.is_empty() && answered_version == request_version
}

/// Names and the names of locators together.
///
/// A locator has dynamic parameters besides its name, to choose one of a resource's variants. Every resource
/// here has one, without constraints, and that matches any parameters (xRFC TP2, "Unconstrained Parameters").
pub(crate) fn located<'a>(names: &'a [String], locators: &[ResourceLocator]) -> Cow<'a, [String]> {
    if locators.is_empty() {
        return Cow::Borrowed(names);
    }
    Cow::Owned(names.iter().cloned().chain(locators.iter().map(|locator| locator.name.clone())).collect())
}

#[cfg(test)]
mod tests;
