//! Suggestions for names that nothing has.
//!
//! Two names that are one edit apart share their first or second half, so names are indexed by halves: a lookup costs
//! the same in a mesh of any size, and a new name affects only the lookups of similar ones.

use std::{collections::BTreeSet, sync::Arc};

use fairlead_config::{Config, ConfigKey, Kind, Namespace, api, near_name};
use fairlead_incremental::{Index, Reader};

use crate::{
    Host, ServiceKey,
    input::{ByNamespace, Gateways, KindInput, Refused, ServiceEntries, Services, VirtualServices},
    registry::ServicesByHost,
    service::kubernetes_name,
};

/// Maximum number of names that are suggested.
const MOST_OFFERED: usize = 3;

/// Maximum number of names with the same half that are examined.
const MOST_LOOKED_AT: usize = 64;

/// Half of a name of `of` bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Half {
    of: usize,
    is_first: bool,
    text: Arc<str>,
}

impl Half {
    fn both(name: &str) -> Vec<Self> {
        Self::of_length(name, name.len())
    }

    /// The halves that `name` may share with a name of `length` bytes.
    fn of_length(name: &str, length: usize) -> Vec<Self> {
        let first = name.get(..length / 2).map(|text| (true, text));
        let second = name.len().checked_sub(length - length / 2).and_then(|at| name.get(at..));
        let halves = first.into_iter().chain(second.map(|text| (false, text)));
        halves.map(|(is_first, text)| Self { of: length, is_first, text: text.into() }).collect()
    }

    /// The halves of all names one edit away from `name`: a letter added, removed or changed, or two swapped.
    fn near(name: &str) -> Vec<Self> {
        let lengths = name.len().saturating_sub(1)..=name.len() + 1;
        let mut halves: Vec<Self> = lengths.flat_map(|length| Self::of_length(name, length)).collect();
        // Swapped letters may straddle the halves.
        let at = name.len() / 2;
        if let (Some(before), Some(a), Some(b), Some(after)) = (
            name.get(..at.saturating_sub(1)),
            name.get(at.saturating_sub(1)..at),
            name.get(at..at + 1),
            name.get(at + 1..),
        ) {
            halves.extend(Self::both(&format!("{before}{b}{a}{after}")));
        }
        halves
    }
}

/// Kubernetes Services by the halves of their names. Not registered, like those below: built for the first unknown
/// name.
#[derive(Debug)]
struct ServicesByHalf;

impl Index for ServicesByHalf {
    type Input = Services;
    type Bucket = Half;
    const NAME: &'static str = "services by halves of their names";

    fn buckets(key: &ConfigKey, _: &Config<api::ServiceSpec>) -> Vec<Half> {
        Half::both(key.name.as_str())
    }
}

/// ServiceEntries by the halves of their hosts.
#[derive(Debug)]
struct HostsByHalf;

impl Index for HostsByHalf {
    type Input = ServiceEntries;
    type Bucket = Half;
    const NAME: &'static str = "service entries by halves of their hosts";

    fn buckets(_: &ConfigKey, entry: &Config<api::ServiceEntrySpec>) -> Vec<Half> {
        entry.spec.hosts.iter().flat_map(|host| Half::both(&host.to_ascii_lowercase())).collect()
    }
}

/// Gateways by name.
#[derive(Debug)]
struct GatewaysNamed;

impl Index for GatewaysNamed {
    type Input = Gateways;
    type Bucket = fairlead_config::Name;
    const NAME: &'static str = "gateways by name";

    fn buckets(key: &ConfigKey, _: &Config<api::GatewaySpec>) -> Vec<fairlead_config::Name> {
        vec![key.name.clone()]
    }
}

/// The objects whose names may be similar or equal to `name`.
fn candidates<I: Index<Bucket = Half, Input: KindInput>>(cx: &Reader<'_>, name: &str) -> BTreeSet<ConfigKey> {
    let near = Half::near(name);
    near.iter()
        .flat_map(|half| cx.index::<I>(half).iter().take(MOST_LOOKED_AT).cloned().collect::<Vec<_>>())
        .collect()
}

/// What to do about a host, `written` in the object, that nothing has: correct the refused object that may define it,
/// or write the similar host that exists.
pub(super) fn host(
    cx: &Reader<'_>,
    host: &Host,
    written: &str,
    own: &Namespace,
    domain: &str,
) -> Option<String> {
    if let Some(refused) = refused_host(cx, host, domain) {
        return Some(format!("{refused} is refused for its errors: correct them"));
    }
    let labels: Vec<&str> = host.as_str().split('.').collect();
    let full = |name: &str, namespace: &Namespace| format!("{name}.{namespace}.svc.{domain}");
    if let [name, namespace, ..] = labels.as_slice()
        && is_like_a_service(host, &labels, domain)
    {
        let namespace = Namespace::from(*namespace);
        let here = ServiceKey { host: Host::new(&full(name, &namespace)), namespace: namespace.clone() };
        if here.host != *host && !cx.get::<ServicesByHost>(&here.host).is_empty() {
            return Some(format!("names with a dot are taken as they are: write `{}`", here.host));
        }
        let found = candidates::<ServicesByHalf>(cx, name);
        let elsewhere: Vec<String> = found
            .iter()
            .filter(|key| key.name == *name && key.namespace != namespace)
            .map(|key| format!("`{}`", full(name, &key.namespace)))
            .take(MOST_OFFERED)
            .collect();
        let in_namespace = found.iter().filter(|key| key.namespace == namespace);
        if let Some(near) = near_name(name, in_namespace.map(|key| key.name.as_str())) {
            let short = !written.contains('.') && namespace == *own;
            return Some(format!(
                "did you mean `{}`?",
                if short { near.to_owned() } else { full(near, &namespace) }
            ));
        }
        if !elsewhere.is_empty() {
            return Some(format!("there is {}", elsewhere.join(", ")));
        }
    }
    let found = candidates::<HostsByHalf>(cx, host.as_str());
    let entries: Vec<_> = found.iter().filter_map(|key| cx.input::<ServiceEntries>(key)).collect();
    let hosts: BTreeSet<String> = entries
        .iter()
        .flat_map(|entry| entry.spec.hosts.iter().map(|host| host.to_ascii_lowercase()))
        .collect();
    near_name(host.as_str(), hosts.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"))
}

/// Whether a host looks like a Kubernetes Service's, in full or cut off after the namespace or later.
fn is_like_a_service(host: &Host, labels: &[&str], domain: &str) -> bool {
    let rest = labels.get(2..).unwrap_or_default().join(".");
    let whole = format!("svc.{domain}");
    !host.is_wildcard()
        && (whole.starts_with(&rest) || near_name(&rest, std::iter::once(whole.as_str())).is_some())
}

/// The refused object that may have defined a host.
fn refused_host(cx: &Reader<'_>, host: &Host, domain: &str) -> Option<ConfigKey> {
    let namespace = Namespace::from(host.as_str().split('.').nth(1).unwrap_or_default());
    let key = ServiceKey { host: host.clone(), namespace: namespace.clone() };
    if let Some(name) = kubernetes_name(&key, domain) {
        let service = ConfigKey::new(Kind::Service, namespace, name);
        return cx.input::<Refused>(&service).map(|_| service);
    }
    cx.index::<RefusedOfKind>(&Kind::ServiceEntry).iter().next().cloned()
}

/// A suggestion for a Gateway that does not exist.
pub(super) fn gateway(cx: &Reader<'_>, key: &ConfigKey) -> Option<String> {
    let here = cx.index::<ByNamespace<Gateways>>(&key.namespace);
    if let Some(near) = near_name(key.name.as_str(), here.iter().map(|key| key.name.as_str())) {
        return Some(format!("did you mean `{near}`?"));
    }
    let named = cx.index::<GatewaysNamed>(&key.name);
    let offered: Vec<String> = if named.is_empty() {
        here.iter().take(MOST_OFFERED).map(|key| format!("`{}`", key.name)).collect()
    } else {
        named.iter().take(MOST_OFFERED).map(|key| format!("`{}/{}`", key.namespace, key.name)).collect()
    };
    let there = if named.is_empty() { format!(" in namespace `{}`", key.namespace) } else { String::new() };
    (!offered.is_empty()).then(|| format!("there is {}{there}", offered.join(", ")))
}

/// A suggestion for a VirtualService that does not exist.
pub(super) fn virtual_service(cx: &Reader<'_>, key: &ConfigKey) -> Option<String> {
    let here = cx.index::<ByNamespace<VirtualServices>>(&key.namespace);
    let near = near_name(key.name.as_str(), here.iter().map(|key| key.name.as_str()))?;
    Some(format!("did you mean `{near}`?"))
}

/// The refused objects by kind.
#[derive(Debug)]
struct RefusedOfKind;

impl Index for RefusedOfKind {
    type Input = Refused;
    type Bucket = Kind;
    const NAME: &'static str = "refused objects by kind";

    fn buckets(key: &ConfigKey, (): &()) -> Vec<Kind> {
        vec![key.kind]
    }
}
