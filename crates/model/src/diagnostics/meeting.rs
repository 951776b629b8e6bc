//! Servers of Gateways that share proxies, and those that are left out because of it.
//!
//! Which proxies there will be is unknown. Gateways certainly share proxies if their selectors are equal or one
//! contains the other, or if the labels of a Service's selector satisfy both. Such a Service also maps the ports of
//! servers to ports of its Pods.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fairlead_config::{Config, ConfigKey, LabelSet, Namespace, Timestamp, api};
use fairlead_incremental::{Index, Query, Reader, Stratum};

use super::rivals::MOST_RIVALS;
use crate::{
    Host, Service, ServiceKey, age,
    endpoints::EndpointsOf,
    gateway::{
        Conflict, Gateway, GatewayHeaderOf, GatewayHeaders, Ports, ResolvedGateway, ServerRef, ServerTls,
        merge,
    },
    input::{Gateways, Services},
    port::TargetPort,
    service::ServicesOf,
    strata,
};

/// Maximum number of Services with a label, and of Gateways with another selector, that are examined. It keeps what
/// thousands of objects share cheap.
const MOST_LOOKED_AT: usize = 64;

type Label = (Arc<str>, Arc<str>);

fn labels(set: &LabelSet) -> impl Iterator<Item = Label> + '_ {
    set.iter().map(|(key, value)| (key.into(), value.into()))
}

/// Kubernetes Services by each label of their selectors. Not registered: built for the first Gateway.
#[derive(Debug)]
pub(super) struct ServicesByLabel;

impl Index for ServicesByLabel {
    type Input = Services;
    type Bucket = Label;
    const NAME: &'static str = "services by labels of their selector";

    fn buckets(_: &ConfigKey, service: &Config<api::ServiceSpec>) -> Vec<Label> {
        let selector = service.spec.selector.iter();
        selector.map(|(key, value)| (key.as_str().into(), value.as_str().into())).collect()
    }
}

/// Gateways by their whole selector. Not registered: built for the first Gateway.
#[derive(Debug)]
pub(super) struct GatewaysBySelector;

impl Index for GatewaysBySelector {
    type Input = Gateways;
    type Bucket = LabelSet;
    const NAME: &'static str = "gateways by selector";

    fn buckets(_: &ConfigKey, gateway: &Config<api::GatewaySpec>) -> Vec<LabelSet> {
        vec![LabelSet::from(&gateway.spec.selector)]
    }
}

/// The selectors of all Gateways.
#[derive(Clone, Debug, Default, PartialEq)]
struct Selectors {
    all: BTreeSet<LabelSet>,
    by_label: BTreeMap<Label, BTreeSet<LabelSet>>,
}

/// Maximum number of labels whose subsets are looked up one by one; with more, all selectors are scanned.
const FEW_LABELS: usize = 6;

impl Selectors {
    /// Some of the selectors that have all labels of `selector` and more.
    fn narrower(&self, selector: &LabelSet) -> Vec<&LabelSet> {
        // Each of them has all the labels, so the least common label finds them all.
        let sets = labels(selector).map(|label| self.by_label.get(&label));
        let fewest = match sets.min_by_key(|set| set.map_or(0, BTreeSet::len)) {
            None => Some(&self.all),
            Some(set) => set,
        };
        let fewest = fewest.into_iter().flatten();
        fewest.filter(|other| *other != selector && other.contains_all(selector)).take(MOST_RIVALS).collect()
    }

    /// Some of the selectors that have a proper subset of the proxies' labels.
    fn wider(&self, proxies: &LabelSet) -> Vec<&LabelSet> {
        let own: Vec<Label> = labels(proxies).collect();
        if own.len() <= FEW_LABELS {
            let subset = |bits: u32| -> LabelSet {
                own.iter()
                    .enumerate()
                    .filter(|(at, _)| bits & (1 << at) != 0)
                    .map(|(_, l)| l.clone())
                    .collect()
            };
            return (0..(1 << own.len()) - 1).filter_map(|bits| self.all.get(&subset(bits))).collect();
        }
        let none = self.all.get(&LabelSet::default());
        let some = own
            .iter()
            .filter_map(|label| self.by_label.get(label))
            .flat_map(|set| set.iter().take(MOST_LOOKED_AT));
        let found: BTreeSet<&LabelSet> = none
            .into_iter()
            .chain(some)
            .filter(|other| *other != proxies && proxies.contains_all(other))
            .collect();
        found.into_iter().collect()
    }
}

#[derive(Debug)]
struct GatewaySelectors;

impl Query for GatewaySelectors {
    type Key = ();
    type Value = Selectors;
    const NAME: &'static str = "selectors of gateways";
    const STRATUM: Stratum = strata::REGISTRY_INDEX;

    fn compute(cx: &Reader<'_>, (): &()) -> Selectors {
        let mut selectors = Selectors::default();
        for header in cx.get::<GatewayHeaders>(&()).iter() {
            if selectors.all.insert(header.selector.clone()) {
                for label in labels(&header.selector) {
                    selectors.by_label.entry(label).or_default().insert(header.selector.clone());
                }
            }
        }
        selectors
    }
}

/// [`Selectors::narrower`] of a selector. Like the next query, it shields its readers from changes of other selectors.
#[derive(Debug)]
struct NarrowerThan;

impl Query for NarrowerThan {
    type Key = LabelSet;
    type Value = Arc<[LabelSet]>;
    const NAME: &'static str = "narrower selectors of gateways";
    const STRATUM: Stratum = strata::SCOPE;

    fn compute(cx: &Reader<'_>, selector: &LabelSet) -> Self::Value {
        cx.get::<GatewaySelectors>(&()).narrower(selector).into_iter().cloned().collect()
    }
}

/// [`Selectors::wider`] of the labels of proxies.
#[derive(Debug)]
struct WiderThan;

impl Query for WiderThan {
    type Key = LabelSet;
    type Value = Arc<[LabelSet]>;
    const NAME: &'static str = "wider selectors of gateways";
    const STRATUM: Stratum = strata::SCOPE;

    fn compute(cx: &Reader<'_>, proxies: &LabelSet) -> Self::Value {
        cx.get::<GatewaySelectors>(&()).wider(proxies).into_iter().cloned().collect()
    }
}

/// The oldest Gateways with a selector, with their age. Others are compared with these.
#[derive(Debug)]
struct OldestWith;

impl Query for OldestWith {
    type Key = LabelSet;
    type Value = Arc<[(Option<Timestamp>, ConfigKey)]>;
    const NAME: &'static str = "oldest gateways with a selector";
    const STRATUM: Stratum = strata::HEADERS;

    fn compute(cx: &Reader<'_>, selector: &LabelSet) -> Self::Value {
        let keys = cx.index::<GatewaysBySelector>(selector);
        let headers = keys.iter().filter_map(|key| (*cx.get::<GatewayHeaderOf>(key)).clone());
        let mut oldest: Vec<_> = headers.map(|header| (header.created, header.origin)).collect();
        keep_oldest(&mut oldest);
        oldest.into()
    }
}

fn keep_oldest(gateways: &mut Vec<(Option<Timestamp>, ConfigKey)>) {
    gateways.sort_by(|(a_created, a), (b_created, b)| age::compare((*a_created, a), (*b_created, b)));
    gateways.truncate(MOST_LOOKED_AT);
}

/// Proxies with at least these labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Proxies {
    labels: LabelSet,
    /// The Service that maps ports of servers to others.
    by: Option<ConfigKey>,
    /// Pairs of service port and a different proxy port, sorted.
    targets: Arc<[(u16, u16)]>,
    /// The Services that define `targets`, one for each.
    led_by: Arc<[ConfigKey]>,
}

impl Proxies {
    /// The Service that leads servers to a port of the proxies.
    fn service_at(&self, port: u16) -> Option<ConfigKey> {
        let leading = self.targets.iter().position(|(from, to)| *to == port && from != to);
        leading.and_then(|at| self.led_by.get(at)).or(self.by.as_ref()).cloned()
    }
}

/// The number of a named target port, if an endpoint tells.
#[derive(Debug)]
struct NamedTarget;

impl Query for NamedTarget {
    type Key = (ServiceKey, u16);
    type Value = Option<u16>;
    const NAME: &'static str = "named target port";
    const STRATUM: Stratum = strata::REGISTRY_INDEX;

    fn compute(cx: &Reader<'_>, (service, port): &Self::Key) -> Self::Value {
        let endpoints = cx.get::<EndpointsOf>(service);
        endpoints.by_port.get(port)?.first().map(|endpoint| endpoint.port)
    }
}

/// The proxies of Services whose selectors are compatible with a Gateway's.
#[derive(Debug)]
struct ProxiesOfServices;

impl Query for ProxiesOfServices {
    type Key = LabelSet;
    type Value = Arc<BTreeSet<Proxies>>;
    const NAME: &'static str = "proxies of services";
    const STRATUM: Stratum = strata::SCOPE;

    fn compute(cx: &Reader<'_>, selector: &LabelSet) -> Self::Value {
        let mut of_services = BTreeMap::new();
        for service in services_with(cx, selector) {
            let Some(own) = &service.selector else { continue };
            let proxies = match (own.contains_all(selector), selector.contains_all(own)) {
                (true, _) => own,
                (_, true) => selector,
                _ => continue,
            };
            let namespace = service.key.namespace.clone();
            of_services.entry((namespace, proxies.clone())).or_insert_with(|| service.origin.clone());
        }
        let proxies = |((namespace, labels), service): ((Namespace, LabelSet), ConfigKey)| {
            let (targets, led_by): (Vec<_>, Vec<_>) = targets(cx, &namespace, &labels).into_iter().unzip();
            Proxies { labels, by: Some(service), targets: targets.into(), led_by: led_by.into() }
        };
        Arc::new(of_services.into_iter().take(MOST_RIVALS).map(proxies).collect())
    }
}

/// Services whose selectors share a label with `labels`.
pub(super) fn services_with(cx: &Reader<'_>, set: &LabelSet) -> Vec<Arc<Service>> {
    let mut keys = BTreeSet::new();
    for label in labels(set) {
        keys.extend(cx.index::<ServicesByLabel>(&label).iter().take(MOST_LOOKED_AT).cloned());
    }
    keys.iter().flat_map(|key| cx.get::<ServicesOf>(key).to_vec()).collect()
}

/// The ports that Services of a namespace map to different ones on proxies with these labels, each with the first
/// Service that does.
fn targets(cx: &Reader<'_>, namespace: &Namespace, labels: &LabelSet) -> BTreeMap<(u16, u16), ConfigKey> {
    let is_for = |service: &&Arc<Service>| {
        service.key.namespace == *namespace
            && service.selector.as_ref().is_some_and(|s| labels.contains_all(s))
    };
    let mut targets = BTreeMap::new();
    for service in services_with(cx, labels).iter().filter(is_for) {
        for port in &service.ports {
            let target = match port.target {
                TargetPort::Number(number) => Some(number),
                TargetPort::Name(_) => *cx.get::<NamedTarget>(&(service.key.clone(), port.number)),
            };
            if let Some(target) = target {
                targets.entry((port.number, target)).or_insert_with(|| service.origin.clone());
            }
        }
    }
    let elsewhere: BTreeSet<u16> =
        targets.keys().filter(|(port, to)| port != to).map(|(port, _)| *port).collect();
    targets.retain(|(port, _), _| elsewhere.contains(port));
    targets
}

/// A server that is left out, with the Service that maps both ports to one, if only that makes them conflict.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LeftOut {
    pub(super) conflict: Conflict,
    pub(super) by: Option<ConfigKey>,
}

/// The conflicts of a Gateway's servers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ConflictsOf {
    /// Its own servers that are left out, with the servers that they conflict with.
    pub(super) left_out: BTreeMap<(usize, ServerRef), LeftOut>,
    /// Servers of other Gateways that are left out because of its own, each once.
    pub(super) leaves_out: BTreeMap<(usize, ServerRef), LeftOut>,
}

/// The conflicts of each Gateway that has any.
type ByGateway = BTreeMap<ConfigKey, ConflictsOf>;

/// The servers that are left out of proxies.
#[derive(Debug)]
struct ConflictsAt;

impl Query for ConflictsAt {
    type Key = Proxies;
    type Value = Arc<[LeftOut]>;
    const NAME: &'static str = "conflicts of gateways at proxies";
    const STRATUM: Stratum = strata::BINDING;

    fn compute(cx: &Reader<'_>, proxies: &Proxies) -> Self::Value {
        let gateways = gateways_at(cx, &proxies.labels);
        let ports = Ports { targets: &proxies.targets, privileged: true };
        let left_out = |conflict: Conflict| LeftOut { by: proxies.service_at(conflict.port), conflict };
        merge(&gateways, &ports).1.into_iter().map(left_out).collect()
    }
}

/// The Gateways that program proxies with these labels, the oldest first.
///
/// All Gateways with exactly these labels as their selector, and the oldest of the others.
pub(super) fn gateways_at(cx: &Reader<'_>, proxies: &LabelSet) -> Vec<Arc<Gateway>> {
    let wider = cx.get::<WiderThan>(proxies);
    let mut others: Vec<_> =
        wider.iter().flat_map(|selector| cx.get::<OldestWith>(selector).to_vec()).collect();
    keep_oldest(&mut others);
    let own = cx.index::<GatewaysBySelector>(proxies);
    let keys = others.iter().map(|(_, key)| key).chain(own.iter());
    let mut gateways: Vec<Arc<Gateway>> =
        keys.filter_map(|key| (*cx.get::<ResolvedGateway>(key)).clone()).collect();
    gateways.sort_by(|a, b| age::compare((a.created, &a.origin), (b.created, &b.origin)));
    gateways
}

/// The first server of each port that terminates TLS for a name, among the Gateways that share proxies with those of a
/// selector.
#[derive(Debug)]
pub(super) struct TerminatedAt;

impl Query for TerminatedAt {
    type Key = LabelSet;
    type Value = Arc<BTreeMap<(u16, Host), ServerRef>>;
    const NAME: &'static str = "names that gateways terminate";
    const STRATUM: Stratum = strata::BINDING;

    fn compute(cx: &Reader<'_>, selector: &LabelSet) -> Self::Value {
        let mut terminated = BTreeMap::new();
        for gateway in gateways_at(cx, selector) {
            let servers = gateway.servers.iter();
            for server in servers.filter(|server| matches!(server.tls, ServerTls::Terminate(_))) {
                let reference = ServerRef { gateway: gateway.origin.clone(), index: server.index };
                for host in &server.hosts {
                    terminated.entry((server.port, host.host.clone())).or_insert_with(|| reference.clone());
                }
            }
        }
        Arc::new(terminated)
    }
}

/// [`TerminatedAt`] for one name. It shields VirtualServices from changes of other names.
#[derive(Debug)]
pub(super) struct TerminatedBy;

impl Query for TerminatedBy {
    type Key = (LabelSet, u16, Host);
    type Value = Option<ServerRef>;
    const NAME: &'static str = "server that terminates a name";
    const STRATUM: Stratum = Stratum(strata::BINDING.0 + 1);

    fn compute(cx: &Reader<'_>, (selector, port, name): &Self::Key) -> Self::Value {
        cx.get::<TerminatedAt>(selector).get(&(*port, name.clone())).cloned()
    }
}

/// The known proxies of Gateways with a selector. The first entry is the selector itself, without a Service.
fn proxies_of(cx: &Reader<'_>, selector: &LabelSet) -> Vec<Proxies> {
    let narrower = cx.get::<NarrowerThan>(selector);
    let own: Vec<&LabelSet> = std::iter::once(selector).chain(narrower.iter()).collect();
    let plain = |labels: &&LabelSet| Proxies {
        labels: (*labels).clone(),
        by: None,
        targets: Arc::default(),
        led_by: Arc::default(),
    };
    let mut proxies: Vec<Proxies> = own.iter().map(plain).collect();
    proxies.extend(
        own.iter().flat_map(|labels| cx.get::<ProxiesOfServices>(labels).iter().cloned().collect::<Vec<_>>()),
    );
    proxies
}

/// The conflicts among the Gateways that share proxies with those of a selector, for each Gateway of the selector that
/// has any.
#[derive(Debug)]
pub(super) struct ConflictsAmong;

impl Query for ConflictsAmong {
    type Key = LabelSet;
    type Value = Arc<ByGateway>;
    const NAME: &'static str = "conflicts of gateways";
    const STRATUM: Stratum = Stratum(strata::BINDING.0 + 1);

    fn compute(cx: &Reader<'_>, selector: &LabelSet) -> Self::Value {
        let own = cx.index::<GatewaysBySelector>(selector);
        let mut all = ByGateway::new();
        for proxies in proxies_of(cx, selector) {
            for found in cx.get::<ConflictsAt>(&proxies).iter() {
                let Conflict { server, with, .. } = &found.conflict;
                // The first conflict of two servers is kept: it may need no Service.
                if own.contains(&server.gateway) {
                    let of_loser = all.entry(server.gateway.clone()).or_default();
                    let pair = (server.index, with.clone());
                    of_loser.left_out.entry(pair).or_insert_with(|| found.clone());
                }
                if own.contains(&with.gateway) && with.gateway != server.gateway {
                    let of_winner = all.entry(with.gateway.clone()).or_default();
                    let pair = (with.index, server.clone());
                    of_winner.leaves_out.entry(pair).or_insert_with(|| found.clone());
                }
            }
        }
        Arc::new(all)
    }
}
