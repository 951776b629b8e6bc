//! Operations on headers. To Envoy the authority is not a header: setting it rewrites the host.

use envoy_types::pb::envoy::config::{
    core::v3::HeaderValueOption,
    route::v3::{
        Route,
        weighted_cluster::{ClusterWeight, cluster_weight::HostRewriteSpecifier},
    },
};
use fairlead_envoy::route::{HeaderAppendAction, header};
use fairlead_model::routes::{HeaderOperations, Headers};

/// Adds the operations to those of a route.
pub(super) fn apply(route: &mut Route, headers: &Headers) {
    route.request_headers_to_add.extend(additions(&headers.request));
    route.request_headers_to_remove.extend(removals(&headers.request));
    route.response_headers_to_add.extend(additions(&headers.response));
    route.response_headers_to_remove.extend(removals(&headers.response));
}

/// Adds the operations of one of several destinations.
pub(super) fn apply_to_cluster(weight: &mut ClusterWeight, headers: &Headers, authority_given: bool) {
    weight.request_headers_to_add.extend(additions(&headers.request));
    weight.request_headers_to_remove.extend(removals(&headers.request));
    weight.response_headers_to_add.extend(additions(&headers.response));
    weight.response_headers_to_remove.extend(removals(&headers.response));
    if let (Some(authority), false) = (authority(headers), authority_given) {
        weight.host_rewrite_specifier = Some(HostRewriteSpecifier::HostRewriteLiteral(authority.to_owned()));
    }
}

/// The authority that the operations on the request set.
pub(super) fn authority(headers: &Headers) -> Option<&str> {
    let operations = &headers.request;
    operations
        .set
        .iter()
        .chain(&operations.add)
        .find(|(name, _)| is_authority(name))
        .map(|(_, value)| &**value)
}

/// `set` before `add`, each sorted by name.
fn additions(operations: &HeaderOperations) -> impl Iterator<Item = HeaderValueOption> {
    let set = operations.set.iter().map(|entry| (entry, HeaderAppendAction::OverwriteIfExistsOrAdd));
    let add = operations.add.iter().map(|entry| (entry, HeaderAppendAction::AppendIfExistsOrAdd));
    set.chain(add)
        .filter(|((name, _), _)| is_plain(name))
        .map(|((name, value), action)| header(&**name, &**value, action))
}

fn removals(operations: &HeaderOperations) -> impl Iterator<Item = String> {
    operations.remove.iter().filter(|name| is_plain(name)).map(ToString::to_string)
}

fn is_authority(name: &str) -> bool {
    name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case(":authority")
}

/// Envoy rejects operations on pseudo headers and on `host`.
fn is_plain(name: &str) -> bool {
    !name.starts_with(':') && !name.eq_ignore_ascii_case("host")
}
