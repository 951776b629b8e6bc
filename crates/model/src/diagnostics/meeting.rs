//! Servers of Gateways that meet at the same proxies, and those that are left out for it.
//!
//! Which proxies there will be is not known. Gateways meet for certain where their selectors are equal or one contains
//! the other, and where the labels of a Service's selector satisfy both. Such a Service also says which ports of its
//! Pods the ports of the servers lead to.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use fairlead_config::{Config, ConfigKey, LabelSet, Namespace, api};
use fairlead_incremental::{Index, Query, Reader, Stratum};

use super::l4::MOST_RIVALS;
use crate::{
    Host, Service, ServiceKey, age,
    endpoints::EndpointsOf,
    gateway::{Conflict, Gateway, GatewayHeaders, Ports, ResolvedGateway, ServerRef, ServerTls, merge},
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

/// The selectors of all Gateways, by each of their labels. Those without a label are under `None`.
#[derive(Debug)]
struct GatewaySelectors;

impl Query for GatewaySelectors {
    type Key = ();
    type Value = BTreeMap<Option<Label>, BTreeSet<LabelSet>>;
    const NAME: &'static str = "selectors of gateways";
    const STRATUM: Stratum = strata::REGISTRY_INDEX;

    fn compute(cx: &Reader<'_>, (): &()) -> Self::Value {
        let mut selectors: Self::Value = BTreeMap::new();
        for header in cx.get::<GatewayHeaders>(&()).iter() {
            let selector = &header.selector;
            let none = selector.is_empty().then_some(None);
            for label in labels(selector).map(Some).chain(none) {
                selectors.entry(label).or_default().insert(selector.clone());
            }
        }
        selectors
    }
}

/// Proxies with these labels, perhaps more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Proxies {
    labels: LabelSet,
    /// The Service by which ports of servers lead to others.
    by: Option<ConfigKey>,
    /// Service port and port of the proxy, of those that differ.
    targets: Arc<[(u16, u16)]>,
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
        let proxies = |((namespace, labels), service): ((Namespace, LabelSet), ConfigKey)| Proxies {
            targets: targets(cx, &namespace, &labels),
            by: Some(service),
            labels,
        };
        Arc::new(of_services.into_iter().take(MOST_RIVALS).map(proxies).collect())
    }
}

/// Services whose selectors share a label with `labels`.
fn services_with(cx: &Reader<'_>, set: &LabelSet) -> Vec<Arc<Service>> {
    let mut keys = BTreeSet::new();
    for label in labels(set) {
        keys.extend(cx.index::<ServicesByLabel>(&label).iter().take(MOST_LOOKED_AT).cloned());
    }
    keys.iter().flat_map(|key| cx.get::<ServicesOf>(key).to_vec()).collect()
}

/// Where the Services of a namespace lead their ports on proxies with these labels.
fn targets(cx: &Reader<'_>, namespace: &Namespace, labels: &LabelSet) -> Arc<[(u16, u16)]> {
    let is_for = |service: &&Arc<Service>| {
        service.key.namespace == *namespace
            && service.selector.as_ref().is_some_and(|s| labels.contains_all(s))
    };
    let mut targets: BTreeMap<u16, BTreeSet<u16>> = BTreeMap::new();
    for service in services_with(cx, labels).iter().filter(is_for) {
        for port in &service.ports {
            let target = match port.target {
                TargetPort::Number(number) => Some(number),
                TargetPort::Name(_) => *cx.get::<NamedTarget>(&(service.key.clone(), port.number)),
            };
            targets.entry(port.number).or_default().extend(target);
        }
    }
    let leads_elsewhere = targets.into_iter().filter(|(port, to)| to.iter().any(|to| to != port));
    leads_elsewhere.flat_map(|(port, to)| to.into_iter().map(move |to| (port, to))).collect()
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

impl ConflictsOf {
    /// Adds what is not known of the same two servers.
    fn add(&mut self, more: &Self) {
        for (pair, new) in &more.left_out {
            self.left_out.entry(pair.clone()).or_insert_with(|| new.clone());
        }
        for (pair, new) in &more.leaves_out {
            self.leaves_out.entry(pair.clone()).or_insert_with(|| new.clone());
        }
    }
}

/// Those of the Gateways that have to do with servers that are left out.
type ByGateway = BTreeMap<ConfigKey, ConflictsOf>;

/// The servers that are left out of proxies.
#[derive(Debug)]
struct ConflictsAt;

impl Query for ConflictsAt {
    type Key = Proxies;
    type Value = Arc<ByGateway>;
    const NAME: &'static str = "conflicts of gateways at proxies";
    const STRATUM: Stratum = strata::BINDING;

    fn compute(cx: &Reader<'_>, proxies: &Proxies) -> Self::Value {
        let gateways = gateways_at(cx, &proxies.labels);
        let mut by_gateway = ByGateway::new();
        let ports = Ports { targets: &proxies.targets, privileged: true };
        for conflict in merge(&gateways, &ports).1 {
            let (server, with) = (conflict.server.clone(), conflict.with.clone());
            let left_out = LeftOut { conflict, by: proxies.by.clone() };
            if with.gateway != server.gateway {
                let of_winner = by_gateway.entry(with.gateway.clone()).or_default();
                of_winner.leaves_out.insert((with.index, server.clone()), left_out.clone());
            }
            let of_loser = by_gateway.entry(server.gateway).or_default();
            of_loser.left_out.entry((server.index, with)).or_insert(left_out);
        }
        Arc::new(by_gateway)
    }
}

/// The Gateways that program proxies with these labels, the oldest first.
///
/// All whose selector these labels are; of the others the oldest.
fn gateways_at(cx: &Reader<'_>, proxies: &LabelSet) -> Vec<Arc<Gateway>> {
    let resolved = |selector: &LabelSet| -> Vec<Arc<Gateway>> {
        let keys = cx.index::<GatewaysBySelector>(selector);
        keys.iter().filter_map(|key| (*cx.get::<ResolvedGateway>(key)).clone()).collect()
    };
    let selectors = cx.get::<GatewaySelectors>(&());
    let mut wider = BTreeSet::new();
    for label in labels(proxies).map(Some).chain([None]) {
        let of_label = selectors.get(&label).into_iter().flatten();
        wider.extend(of_label.filter(|s| *s != proxies && proxies.contains_all(s)).take(MOST_RIVALS));
    }
    let mut gateways: Vec<_> = wider.into_iter().flat_map(resolved).collect();
    let by_age =
        |a: &Arc<Gateway>, b: &Arc<Gateway>| age::compare((a.created, &a.origin), (b.created, &b.origin));
    gateways.sort_by(by_age);
    gateways.truncate(MOST_LOOKED_AT);
    gateways.extend(resolved(proxies));
    gateways.sort_by(by_age);
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
    let selectors = cx.get::<GatewaySelectors>(&());
    let first = labels(selector).next();
    let narrower = match &first {
        Some(_) => selectors.get(&first).into_iter().flatten().collect::<Vec<_>>(),
        None => selectors.values().flatten().collect(),
    };
    let narrower = narrower.into_iter().filter(|other| *other != selector && other.contains_all(selector));
    let own: BTreeSet<&LabelSet> = narrower.take(MOST_RIVALS).collect();
    let own: Vec<&LabelSet> = std::iter::once(selector).chain(own).collect();
    let plain = |labels: &&LabelSet| Proxies { labels: (*labels).clone(), by: None, targets: Arc::default() };
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
            let found = cx.get::<ConflictsAt>(&proxies);
            for (gateway, conflicts) in found.iter().filter(|(gateway, _)| own.contains(*gateway)) {
                all.entry(gateway.clone()).or_default().add(conflicts);
            }
        }
        Arc::new(all)
    }
}
