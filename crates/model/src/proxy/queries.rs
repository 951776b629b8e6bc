//! The queries for what applies to a proxy.

use std::sync::Arc;

use fairlead_config::{ConfigKey, LabelSet, Namespace};
use fairlead_incremental::{Query, Reader, Stratum};

use super::{
    ClientAttributes, InboundInputs, InboundKey, NodeMatters, Place, ProxyBinding, ProxyKey, ProxyKind,
    SeenAs, ServicePort, inbound_listeners,
};
use crate::{
    destination_rule::{FailoverLabelKeys, RuleFor, RuleForKey, SelectingRules},
    gateway::GatewayHeaders,
    mesh::ResolvedMesh,
    proxy::IpFamilies,
    registry::{ServiceByKey, ServicesOfWorkload, WorkloadKey, WorkloadPort},
    routes::SourceLabels,
    scope::{ScopeKey, ScopeKind},
    sidecar::{self, ResolvedSidecar, Sidecar, SidecarsIn},
    strata,
    workload::WorkloadAt,
};

/// What applies to a proxy.
#[derive(Debug)]
pub struct BindingOf;

impl Query for BindingOf {
    type Key = ProxyKey;
    type Value = ProxyBinding;
    const NAME: &'static str = "proxy binding";
    const STRATUM: Stratum = strata::BINDING;

    fn compute(cx: &Reader<'_>, proxy: &ProxyKey) -> ProxyBinding {
        let root = cx.get::<ResolvedMesh>(&()).root_namespace.clone();
        let seen_as = cx.get::<SeenAs>(&proxy.namespace);
        let families = IpFamilies::of(&proxy.addresses);
        let services = cx.get::<ServicesOfWorkload>(&WorkloadKey {
            namespace: proxy.namespace.clone(),
            labels: proxy.labels.clone(),
            addresses: proxy.addresses.clone(),
        });
        let is_gateway = proxy.kind == ProxyKind::Gateway;
        let sidecar = if is_gateway { None } else { sidecar_of(cx, proxy, &root) };
        let inbound = (!is_gateway).then(|| inbound(cx, proxy, families, sidecar.as_deref(), &services));
        ProxyBinding {
            scope: ScopeKey {
                namespace: Namespace::clone(&seen_as),
                kind: match &sidecar {
                    _ if is_gateway => ScopeKind::Gateway,
                    Some(sidecar) => ScopeKind::Sidecar(sidecar.origin.clone()),
                    None => ScopeKind::Default,
                },
                selected_rules: selected_rules(cx, proxy),
            },
            source: ClientAttributes {
                namespace: Namespace::clone(&seen_as),
                labels: asked(&proxy.labels, &cx.get::<SourceLabels>(&())),
            },
            place: place(cx, proxy),
            families,
            interception: proxy.interception,
            inbound,
            gateways: if is_gateway { gateways_of(cx, proxy) } else { Arc::default() },
            gateway_ports: if is_gateway { gateway_ports(&services) } else { Arc::default() },
            privileged: proxy.privileged,
        }
    }
}

fn sidecar_of(cx: &Reader<'_>, proxy: &ProxyKey, root: &Namespace) -> Option<Arc<Sidecar>> {
    let own = cx.get::<SidecarsIn>(&proxy.namespace);
    let of_root = cx.get::<SidecarsIn>(root);
    let key = sidecar::select(&own, &of_root, &proxy.labels)?;
    (*cx.get::<ResolvedSidecar>(key)).clone()
}

fn selected_rules(cx: &Reader<'_>, proxy: &ProxyKey) -> Arc<[ConfigKey]> {
    let rules = cx.get::<SelectingRules>(&proxy.namespace);
    let selects = |selector: &LabelSet| proxy.labels.contains_all(selector);
    let selecting = rules.iter().filter(|rule| rule.workload_selector.as_ref().is_some_and(selects));
    selecting.map(|rule| rule.origin.clone()).collect()
}

fn gateways_of(cx: &Reader<'_>, proxy: &ProxyKey) -> Arc<[ConfigKey]> {
    let headers = cx.get::<GatewayHeaders>(&());
    let selecting = headers.iter().filter(|header| proxy.labels.contains_all(&header.selector));
    selecting.map(|header| header.origin.clone()).collect()
}

/// The ports of the gateway's own Services, with the proxy ports that they lead to.
fn gateway_ports(services: &[WorkloadPort]) -> Arc<[(u16, u16)]> {
    let mut ports: Vec<(u16, u16)> =
        services.iter().map(|(_, port, target)| (port.number, *target)).collect();
    ports.sort_unstable();
    ports.dedup();
    ports.into()
}

/// Where the proxy is, according to its Pod or WorkloadEntry, else to itself.
fn place(cx: &Reader<'_>, proxy: &ProxyKey) -> Place {
    let workload = proxy.addresses.iter().find_map(|address| (*cx.get::<WorkloadAt>(address)).clone());
    let known = workload.as_deref();
    let locality = known.map(|workload| workload.locality.clone()).filter(|known| *known != <_>::default());
    let network = known.map(|workload| workload.network.clone()).filter(|known| !known.is_empty());
    let node = known.and_then(|workload| workload.node.clone());
    let asked = *cx.get::<NodeMatters>(&());
    Place {
        locality: locality.unwrap_or_else(|| proxy.locality.clone()),
        network: if proxy.network.is_empty() { network.unwrap_or_default() } else { proxy.network.clone() },
        node: if asked { node.unwrap_or_else(|| proxy.node.clone()) } else { Arc::default() },
        labels: only(&proxy.labels, &cx.get::<FailoverLabelKeys>(&())),
    }
}

/// The labels that are in `asked_for`.
fn asked(labels: &LabelSet, asked_for: &[(Arc<str>, Arc<str>)]) -> LabelSet {
    let has = |(key, value): &&(Arc<str>, Arc<str>)| labels.get(key) == Some(value);
    asked_for.iter().filter(has).cloned().collect()
}

/// The labels with one of the keys.
fn only(labels: &LabelSet, keys: &[Arc<str>]) -> LabelSet {
    keys.iter().filter_map(|key| Some((Arc::clone(key), labels.get(key)?))).collect()
}

fn inbound(
    cx: &Reader<'_>,
    proxy: &ProxyKey,
    families: IpFamilies,
    sidecar: Option<&Sidecar>,
    ports: &[WorkloadPort],
) -> InboundKey {
    let mut services = Vec::with_capacity(ports.len());
    for (key, port, target) in ports {
        let Some(service) = (*cx.get::<ServiceByKey>(key)).clone() else { continue };
        // The owner's rule limits connections to the workload.
        let rule = RuleForKey { client: proxy.namespace.clone(), service: key.clone() };
        let port = ServicePort {
            service: key.clone(),
            port: port.clone(),
            target: *target,
            origin: service.origin.clone(),
            rule: (*cx.get::<RuleFor>(&rule)).clone(),
        };
        services.push((service.created, port));
    }
    services.sort_by(|(a_created, a), (b_created, b)| {
        (a_created, &a.service, a.port.number).cmp(&(b_created, &b.service, b.port.number))
    });
    let services: Vec<ServicePort> = services.into_iter().map(|(_, port)| port).collect();
    let listeners = inbound_listeners(&InboundInputs {
        interception: proxy.interception,
        families,
        addresses: &proxy.addresses,
        sidecar,
        services: &services,
    });
    InboundKey { interception: proxy.interception, families, listeners: listeners.into() }
}
