//! Findings about HTTP routes that get no request because earlier routes take all that they match.
//!
//! Within one object, routes apply in the order of the list. On a gateway, the objects with a host follow each other,
//! oldest first, and catch-all routes come last; `virtual_service::check_shadowed` checks those.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fairlead_config::{Code, Config, ConfigKey, Diagnostics, api, path};
use fairlead_incremental::{Index, Query, Reader, Stratum};

use super::{
    context::Context,
    rivals::{Asked, MOST_RIVALS, is_seen_wherever, serves_wherever, takes_all},
};
use crate::{
    Host, age,
    gateway::Gateway,
    input::VirtualServices,
    routes::{GatewayRef, HttpMatch, HttpRoute, RouteSet, StringMatch},
    strata,
};

/// Maximum number of conditions of one object that others are compared with.
const MOST_CONDITIONS: usize = 4096;

/// Maximum number of path lengths that are tried, and of conditions of an object that are checked.
const MOST_LENGTHS: usize = 128;
const MOST_JUDGED: usize = 4096;

/// Maximum number of objects with the same path on a host that are examined.
pub(super) const MOST_ASKING: usize = 64;

/// VirtualServices by host and by the paths of their conditions. Not registered: built for the first shared host of a
/// gateway.
#[derive(Debug)]
pub(super) struct VirtualServicesAsking;

impl Index for VirtualServicesAsking {
    type Input = VirtualServices;
    type Bucket = Asked;
    const NAME: &'static str = "virtual services by the paths of their conditions";

    fn buckets(_: &ConfigKey, service: &Config<api::VirtualServiceSpec>) -> Vec<Asked> {
        let spec = &service.spec;
        if spec.gateways.iter().all(|gateway| gateway == "mesh") {
            return Vec::new();
        }
        let paths: BTreeSet<Arc<str>> = paths(spec).collect();
        let of_host = |host: &String| {
            let host: Arc<str> = host.to_ascii_lowercase().into();
            paths.iter().map(move |path| (host.clone(), path.clone())).collect::<Vec<_>>()
        };
        spec.hosts.iter().flat_map(of_host).take(MOST_CONDITIONS).collect()
    }
}

/// The paths in the conditions of an object.
fn paths(spec: &api::VirtualServiceSpec) -> impl Iterator<Item = Arc<str>> {
    let conditions = spec.http.iter().flat_map(|route| &route.matches);
    conditions.map(|condition| match &condition.uri {
        Some(api::StringMatch { exact: Some(text), .. } | api::StringMatch { prefix: Some(text), .. }) => {
            text.to_ascii_lowercase().into()
        }
        Some(api::StringMatch { regex: Some(text), .. }) => text.as_str().into(),
        _ => "".into(),
    })
}

/// VirtualServices by their hosts. Not registered either.
#[derive(Debug)]
struct VirtualServicesOfHost;

impl Index for VirtualServicesOfHost {
    type Input = VirtualServices;
    type Bucket = Arc<str>;
    const NAME: &'static str = "virtual services by host";

    fn buckets(_: &ConfigKey, service: &Config<api::VirtualServiceSpec>) -> Vec<Arc<str>> {
        service.spec.hosts.iter().map(|host| host.to_ascii_lowercase().into()).collect()
    }
}

/// The lengths of the paths in the conditions for a host: they are few and seldom change.
#[derive(Debug)]
pub(super) struct PathLengths;

impl Query for PathLengths {
    type Key = Host;
    type Value = Arc<BTreeSet<usize>>;
    const NAME: &'static str = "lengths of paths for a host";
    const STRATUM: Stratum = strata::OBJECT;

    fn compute(cx: &Reader<'_>, host: &Host) -> Self::Value {
        let named = cx.index::<VirtualServicesOfHost>(&Arc::clone(host.as_arc()));
        let services = named.iter().filter_map(|key| cx.input::<VirtualServices>(key));
        Arc::new(services.flat_map(|s| paths(&s.spec).map(|path| path.len()).collect::<Vec<_>>()).collect())
    }
}

/// Reports routes and conditions whose requests are all taken by earlier routes of the object.
pub(super) fn check_own(routes: &RouteSet, context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let mut earlier = Earlier::default();
    let mut judged = 0;
    for route in &routes.http {
        judged += route.matches.len();
        if judged > MOST_JUDGED {
            return;
        }
        let takers: Vec<Option<usize>> = match route.matches.as_slice() {
            [] => Vec::new(),
            some => some.iter().map(|condition| earlier.taker(condition, routes)).collect(),
        };
        let mut found: Vec<usize> = takers.iter().flatten().copied().collect();
        found.sort_unstable();
        found.dedup();
        let names = || found.iter().map(|index| format!("http[{index}]")).collect::<Vec<_>>().join(" and ");
        if !takers.is_empty() && takers.iter().all(Option::is_some) {
            let message = format!("every request that it is for is taken by {}, which comes first", names());
            let finding = diagnostics.warn(Code::ShadowedRoute, path!("http"[route.index]), message);
            finding.help("put the more specific rule first");
        } else {
            for (at, taker) in takers.iter().enumerate().filter_map(|(at, taker)| Some((at, (*taker)?))) {
                let path = context.written.http_match(route.index, at, route.matches.len());
                let message = format!(
                    "every request that the condition is for is taken by http[{taker}], which comes first"
                );
                diagnostics.warn(Code::ShadowedRoute, path, message).help("put the more specific rule first");
            }
        }
        earlier.add(route);
    }
}

/// Conditions of earlier routes, by path.
#[derive(Default)]
struct Earlier<'a> {
    by_path: BTreeMap<String, Vec<(usize, &'a HttpMatch)>>,
    /// The lengths of those paths.
    lengths: BTreeSet<usize>,
}

impl<'a> Earlier<'a> {
    /// Adds the conditions of a route; one that takes everything is reported by its own check.
    fn add(&mut self, route: &'a HttpRoute) {
        for condition in route.matches.iter().filter(|one| !takes_all(std::slice::from_ref(one))) {
            let path = path_text(condition).to_ascii_lowercase();
            self.lengths.insert(path.len());
            let of_path = self.by_path.entry(path).or_default();
            if of_path.len() < MOST_RIVALS {
                of_path.push((route.index, condition));
            }
        }
    }

    /// The earlier route that takes all requests that a condition matches.
    fn taker(&self, condition: &HttpMatch, routes: &RouteSet) -> Option<usize> {
        let path = path_text(condition).to_ascii_lowercase();
        let starts = self.lengths.iter().take(MOST_LENGTHS).filter_map(|length| path.get(..*length));
        let mut before = starts.filter_map(|start| self.by_path.get(start)).flatten();
        before.find(|(_, first)| takes(first, condition, &routes.gateways)).map(|(index, _)| *index)
    }
}

/// The path in a condition; empty if it has none.
fn path_text(condition: &HttpMatch) -> &str {
    match &condition.uri {
        Some(StringMatch::Exact(text) | StringMatch::Prefix(text) | StringMatch::Regex(text)) => text,
        Some(StringMatch::Present) | None => "",
    }
}

/// Reports routes of a gateway's host whose requests an older object takes. `judged` counts the conditions of the
/// object.
pub(super) fn check_others(
    routes: &RouteSet,
    host: &Host,
    (place, gateway): (&GatewayRef, &Gateway),
    judged: &mut usize,
    context: &Context<'_>,
    diagnostics: &mut Diagnostics,
) {
    for route in routes.http.iter().filter(|route| !takes_all(&route.matches)) {
        let taken = |condition: &HttpMatch| taker(routes, host, condition, (place, gateway), context);
        for (at, condition) in route.matches.iter().enumerate() {
            *judged += 1;
            if *judged > MOST_JUDGED {
                return;
            }
            let Some((rival, index)) = taken(condition) else { continue };
            let Some(theirs) = rival.http.iter().find(|route| route.index == index) else { continue };
            let same = theirs.matches.iter().any(|first| without_name(first) == without_name(condition));
            let reason = age::reason(rival.created, routes.created);
            let path = context.written.http_match(route.index, at, route.matches.len());
            if !same {
                let message = format!(
                    "at {} all its requests for `{host}` are taken by http[{index}] of {}, which {reason}",
                    gateway.origin, rival.origin
                );
                diagnostics
                    .warn(Code::ShadowedRoute, path, message)
                    .help("put both into one object, the more specific rule first");
            } else if !is_same_action(route, theirs) {
                let message = format!(
                    "at {} http[{index}] of {} has the same condition for `{host}` and another action; it {reason}, so this one gets no request",
                    gateway.origin, rival.origin
                );
                diagnostics
                    .warn(Code::ConflictingRoute, path, message)
                    .help("make the conditions different, or put both into one object");
            }
        }
    }
}

/// The older object, and the index of its route, that takes all requests for a host that a condition matches.
fn taker(
    routes: &RouteSet,
    host: &Host,
    condition: &HttpMatch,
    (place, gateway): (&GatewayRef, &Gateway),
    context: &Context<'_>,
) -> Option<(Arc<RouteSet>, usize)> {
    let mut rivals: BTreeSet<ConfigKey> = BTreeSet::new();
    let lengths = (context.path_lengths)(host);
    for path in beginnings(condition, &lengths) {
        rivals.extend((context.asking)(&(host.as_str().into(), path.as_str().into())));
    }
    let rivals = rivals.iter().filter(|key| **key != routes.origin);
    let mut rivals: Vec<Arc<RouteSet>> = rivals
        .filter_map(|key| (context.virtual_service)(key))
        .filter(|rival| {
            age::compare((rival.created, &rival.origin), (routes.created, &routes.origin)).is_lt()
                && rival.gateways.contains(place)
                && rival.hosts.contains(host)
                && serves_wherever(gateway, host, &rival.origin.namespace, &routes.origin.namespace)
                && is_seen_wherever((&rival.export_to, &rival.origin), routes)
        })
        .collect();
    rivals.sort_by(|a, b| age::compare((a.created, &a.origin), (b.created, &b.origin)));
    rivals.into_iter().find_map(|rival| {
        let here = std::slice::from_ref(place);
        let takes_it =
            |first: &&HttpMatch| first.client.gateways.is_empty() || first.client.gateways.contains(place);
        let index = rival.http.iter().filter(|route| !takes_all(&route.matches)).find_map(|route| {
            let mut conditions = route.matches.iter().filter(takes_it);
            conditions.any(|first| takes(first, condition, here)).then_some(route.index)
        });
        index.map(|index| (rival.clone(), index))
    })
}

/// The paths of conditions that may take all requests of this one: the prefixes of its path in the lengths that others
/// have.
fn beginnings(condition: &HttpMatch, lengths: &BTreeSet<usize>) -> Vec<String> {
    let path = path_text(condition);
    if let Some(StringMatch::Regex(_)) = &condition.uri {
        return vec![String::new(), path.to_owned()];
    }
    let path = path.to_ascii_lowercase();
    let starts = lengths.iter().take(MOST_LENGTHS).filter_map(|length| path.get(..*length));
    starts.map(str::to_owned).collect()
}

fn without_name(condition: &HttpMatch) -> HttpMatch {
    HttpMatch { index: 0, name: "".into(), ..condition.clone() }
}

fn is_same_action(one: &HttpRoute, other: &HttpRoute) -> bool {
    let bare =
        |route: &HttpRoute| HttpRoute { name: "".into(), index: 0, matches: Vec::new(), ..route.clone() };
    bare(one) == bare(other)
}

/// Whether the condition `first` holds for every request for which `second` does, in an object that applies at
/// `places`.
fn takes(first: &HttpMatch, second: &HttpMatch, places: &[GatewayRef]) -> bool {
    let optional = |first: &Option<StringMatch>, second: &Option<StringMatch>| match (first, second) {
        (None, _) => true,
        (Some(first), Some(second)) => is_wider(first, second),
        (Some(_), None) => false,
    };
    takes_path(first, second)
        && optional(&first.scheme, &second.scheme)
        && optional(&first.method, &second.method)
        && optional(&first.authority, &second.authority)
        && asks_less(&first.headers, &second.headers, true)
        && asks_less(&first.query_params, &second.query_params, false)
        && forbids_less(&first.without_headers, &second.without_headers)
        && takes_client(first, second, places)
}

fn takes_path(first: &HttpMatch, second: &HttpMatch) -> bool {
    let (Some(wide), narrow) = (&first.uri, &second.uri) else { return true };
    if matches!(wide, StringMatch::Regex(regex) if &**regex == ".*") {
        return true;
    }
    let Some(narrow) = narrow else { return false };
    if first.ignore_uri_case {
        return is_wider(&lower(wide), &lower(narrow));
    }
    !second.ignore_uri_case && is_wider(wide, narrow)
}

fn lower(condition: &StringMatch) -> StringMatch {
    match condition {
        StringMatch::Exact(text) => StringMatch::Exact(text.to_ascii_lowercase().into()),
        StringMatch::Prefix(text) => StringMatch::Prefix(text.to_ascii_lowercase().into()),
        other => other.clone(),
    }
}

/// Whether a string condition holds whenever another does. Regular expressions count only if equal.
fn is_wider(first: &StringMatch, second: &StringMatch) -> bool {
    match (first, second) {
        (StringMatch::Present, _) => true,
        (StringMatch::Prefix(prefix), StringMatch::Exact(text) | StringMatch::Prefix(text)) => {
            text.starts_with(&**prefix)
        }
        _ => first == second,
    }
}

type Conditions = BTreeMap<Arc<str>, StringMatch>;

fn get<'a>(conditions: &'a Conditions, name: &str, ignore_case: bool) -> Option<&'a StringMatch> {
    let same = |key: &str| if ignore_case { key.eq_ignore_ascii_case(name) } else { key == name };
    conditions.iter().find(|(key, _)| same(key)).map(|(_, condition)| condition)
}

fn asks_less(first: &Conditions, second: &Conditions, ignore_case: bool) -> bool {
    first
        .iter()
        .all(|(name, wide)| get(second, name, ignore_case).is_some_and(|narrow| is_wider(wide, narrow)))
}

fn forbids_less(first: &Conditions, second: &Conditions) -> bool {
    first.iter().all(|(name, few)| get(second, name, true).is_some_and(|many| is_wider(many, few)))
}

fn takes_client(first: &HttpMatch, second: &HttpMatch, places: &[GatewayRef]) -> bool {
    let (wide, narrow) = (&first.client, &second.client);
    let at = if narrow.gateways.is_empty() { places } else { &narrow.gateways };
    wide.port.is_none_or(|port| narrow.port == Some(port))
        && (wide.gateways.is_empty() || at.iter().all(|place| wide.gateways.contains(place)))
        && narrow.source_labels.contains_all(&wide.source_labels)
        && wide.source_namespace.as_ref().is_none_or(|name| narrow.source_namespace.as_ref() == Some(name))
}

#[cfg(test)]
mod tests;
