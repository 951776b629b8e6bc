//! Servers of Gateways that meet at the same proxies, and those that are left out for it.
//!
//! Which proxies there will be is not known. Gateways meet for certain where their selectors are equal or one contains
//! the other, and where the labels of a Service's selector satisfy both. Such a Service also says which ports of its
//! Pods the ports of the servers lead to.

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

/// How many Services with a label are looked at, and how many Gateways with other selectors than a Gateway's own: what
/// thousands share stays cheap.
const MOST_LOOKED_AT: usize = 64;

type Label = (Arc<str>, Arc<str>);

fn labels(set: &LabelSet) -> impl Iterator<Item = Label> + '_ {
    set.iter().map(|(key, value)| (key.into(), value.into()))
}

/// Kubernetes Services by each label of their selectors. Not registered: built when the first Gateway asks for it.
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

/// Gateways by their whole selector. Not registered: built when the first Gateway asks for it.
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

/// So many labels of proxies may have each of their subsets looked up. Of more labels selectors are looked through.
const FEW_LABELS: usize = 6;

impl Selectors {
    /// Selectors that have all labels of another, and more: some of them.
    fn narrower(&self, selector: &LabelSet) -> Vec<&LabelSet> {
        // All labels are in each of those, so the label that the fewest have is enough.
        let sets = labels(selector).map(|label| self.by_label.get(&label));
        let fewest = match sets.min_by_key(|set| set.map_or(0, BTreeSet::len)) {
            None => Some(&self.all),
            Some(set) => set,
        };
        let fewest = fewest.into_iter().flatten();
        fewest.filter(|other| *other != selector && other.contains_all(selector)).take(MOST_RIVALS).collect()
    }

    /// Selectors that have labels of these proxies and not all of them: some of those.
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

/// What [`Selectors::narrower`] says of one. Stands between it and all selectors, as the next does.
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

/// What [`Selectors::wider`] says of proxies.
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

/// The oldest Gateways with a selector, and their age: those that others are held against.
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

/// Proxies with these labels, perhaps more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Proxies {
    labels: LabelSet,
    /// The Service by which ports of servers lead to others.
    by: Option<ConfigKey>,
    /// Service port and port of the proxy, of ports that lead to others, sorted.
    targets: Arc<[(u16, u16)]>,
    /// The Services that say so, one for each of `targets`.
    led_by: Arc<[ConfigKey]>,
}

impl Proxies {
    /// The Service by which servers meet at a port of the proxies.
    fn service_at(&self, port: u16) -> Option<ConfigKey> {
        let leading = self.targets.iter().position(|(from, to)| *to == port && from != to);
        leading.and_then(|at| self.led_by.get(at)).or(self.by.as_ref()).cloned()
    }
}

/// The port of the Pods that a port with a named target leads to, where an endpoint tells.
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

/// The proxies that Services with selectors like one of a Gateway are for.
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

/// Where the Services of a namespace lead their ports on proxies with these labels, of ports that lead to others, and the
/// first Service that says so.
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

/// A server that is left out, and the Service that leads two ports to one where they meet only there.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LeftOut {
    pub(super) conflict: Conflict,
    pub(super) by: Option<ConfigKey>,
}

/// What the servers of a Gateway have to do with servers that are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ConflictsOf {
    /// Its own servers that are left out, with those that stand in the way.
    pub(super) left_out: BTreeMap<(usize, ServerRef), LeftOut>,
    /// Servers of other Gateways that are left out because of its own, each once.
    pub(super) leaves_out: BTreeMap<(usize, ServerRef), LeftOut>,
}

/// Those of the Gateways that have to do with servers that are left out.
type ByGateway = BTreeMap<ConfigKey, ConflictsOf>;

/// The servers that are left out of proxies. A list, as there are many proxies and few of each list are told.
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
/// All whose selector these labels are; of the others the oldest.
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

/// The server that has a name for itself, as it terminates the TLS of it, among the Gateways that program the same proxies
/// as those with a selector: the first of each port.
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

/// The same of one name. Stands between a VirtualService and all names of the Gateways that it is bound to.
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

/// The proxies that Gateways with a selector program, as far as they are known: the first are as the Gateways say, without
/// a Service.
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

/// The servers that are left out among the Gateways that meet those with a selector; for each of these that has to do
/// with one.
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
                // Of the same two servers the first is told, which may need no Service.
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
