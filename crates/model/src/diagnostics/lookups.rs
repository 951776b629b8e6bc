//! Small facts about the mesh that findings depend on, each with its own cut-off.

use std::{collections::BTreeMap, sync::Arc};

use fairlead_config::{Config, ConfigKey, LabelSet, Name, Namespace, api};
use fairlead_incremental::{Index, Query, Reader, Stratum};

use super::{
    rivals::{L4Claims, MOST_RIVALS, SharedHosts, routes_clients_of_others, takes_all},
    service::{PortClaims, port_claims},
};
use crate::{
    Host, ServiceKey, age,
    destination_rule::{RuleHeader, RuleHeadersIn},
    input::{Services, VirtualServices},
    registry::AllServices,
    routes::{GatewayRef, RouteSetHeader, RouteSetHeaderOf, RouteSetsAt, RoutesOf},
    service::{ServicesOf, Visibility},
    strata,
};

/// Kubernetes Services by namespace and whole selector: those of a bucket certainly select the same Pods.
#[derive(Debug)]
pub struct ServicesBySelector;

impl Index for ServicesBySelector {
    type Input = Services;
    type Bucket = (Namespace, LabelSet);
    const NAME: &'static str = "services by their whole selector";

    fn buckets(key: &ConfigKey, service: &Config<api::ServiceSpec>) -> Vec<Self::Bucket> {
        let selector = LabelSet::from(&service.spec.selector);
        if selector.is_empty() { Vec::new() } else { vec![(key.namespace.clone(), selector)] }
    }
}

/// VirtualServices by the first DNS label of each host. All that may name a service are in the bucket of its first
/// label.
#[derive(Debug)]
pub struct VirtualServicesByName;

impl Index for VirtualServicesByName {
    type Input = VirtualServices;
    type Bucket = Name;
    const NAME: &'static str = "virtual services by the first labels of their hosts";

    fn buckets(_: &ConfigKey, service: &Config<api::VirtualServiceSpec>) -> Vec<Name> {
        let mut names: Vec<Name> =
            service.spec.hosts.iter().map(|host| first_label(&host.to_ascii_lowercase())).collect();
        names.sort();
        names.dedup();
        names
    }
}

fn first_label(host: &str) -> Name {
    Name::from(host.split('.').next().unwrap_or_default())
}

/// The oldest VirtualService of another namespace that routes requests for a service, not only its own clients'.
#[derive(Debug)]
pub(super) struct ForeignRoutesOf;

impl Query for ForeignRoutesOf {
    type Key = ServiceKey;
    type Value = Option<ConfigKey>;
    const NAME: &'static str = "foreign routes of a service";
    const STRATUM: Stratum = strata::BINDING;

    fn compute(cx: &Reader<'_>, service: &ServiceKey) -> Self::Value {
        let named = cx.index::<VirtualServicesByName>(&first_label(service.host.as_str()));
        let headers = named.iter().filter_map(|key| (*cx.get::<RouteSetHeaderOf>(key)).clone());
        let foreign = headers.filter(|header| {
            let (own, export_to) = (&header.origin.namespace, &header.export_to);
            header.in_mesh()
                && header.hosts.contains(&service.host)
                && routes_clients_of_others(own, export_to, &service.namespace)
        });
        foreign
            .min_by(|a, b| age::compare((a.created, &a.origin), (b.created, &b.origin)))
            .map(|header| header.origin.clone())
    }
}

/// Whether some service has a host that a wildcard covers.
#[derive(Debug)]
pub(super) struct WildcardCovers;

impl Query for WildcardCovers {
    type Key = Host;
    type Value = bool;
    const NAME: &'static str = "wildcard covers a service";
    const STRATUM: Stratum = strata::SCOPE;

    fn compute(cx: &Reader<'_>, wildcard: &Host) -> bool {
        cx.get::<AllServices>(&()).keys().any(|service| wildcard.covers(&service.host))
    }
}

/// The DestinationRules of a namespace whose hosts a wildcard of the same namespace covers: the first few, and how many
/// there are.
#[derive(Debug)]
pub(super) struct NarrowerRules;

/// Maximum number of rules that are named.
const MOST_NAMED: usize = 3;

impl Query for NarrowerRules {
    type Key = (Namespace, Host);
    type Value = (Vec<(Host, ConfigKey)>, usize);
    const NAME: &'static str = "narrower destination rules";
    const STRATUM: Stratum = strata::REGISTRY;

    fn compute(cx: &Reader<'_>, (namespace, wildcard): &Self::Key) -> Self::Value {
        let headers = cx.get::<RuleHeadersIn>(namespace);
        // A rule with a workload selector leaves the wildcard to other workloads.
        let is_narrower = |header: &&Arc<RuleHeader>| {
            header.host != *wildcard && wildcard.covers(&header.host) && header.workload_selector.is_none()
        };
        let narrower: BTreeMap<&Host, &ConfigKey> =
            headers.iter().filter(is_narrower).map(|h| (&h.host, &h.origin)).collect();
        let named = narrower.iter().take(MOST_NAMED).map(|(host, key)| ((*host).clone(), (*key).clone()));
        (named.collect(), narrower.len())
    }
}

/// Whether a VirtualService has an HTTP route that takes every request.
#[derive(Debug)]
pub(super) struct TakesAll;

impl Query for TakesAll {
    type Key = ConfigKey;
    type Value = bool;
    const NAME: &'static str = "virtual service takes all requests";
    const STRATUM: Stratum = strata::HEADER;

    fn compute(cx: &Reader<'_>, key: &ConfigKey) -> bool {
        let service = cx.get::<RoutesOf>(key);
        service
            .as_ref()
            .as_ref()
            .is_some_and(|service| service.http.iter().any(|route| takes_all(&route.matches)))
    }
}

/// The hosts that several VirtualServices name at a place.
#[derive(Debug)]
pub(super) struct SharedHostsOf;

impl Query for SharedHostsOf {
    type Key = GatewayRef;
    type Value = Arc<SharedHosts>;
    const NAME: &'static str = "hosts that are shared";
    const STRATUM: Stratum = strata::BINDING;

    fn compute(cx: &Reader<'_>, place: &GatewayRef) -> Self::Value {
        let headers = cx.get::<RouteSetsAt>(place);
        let mut claims: BTreeMap<&Host, Vec<&Arc<RouteSetHeader>>> = BTreeMap::new();
        for header in headers.iter() {
            for host in &header.hosts {
                claims.entry(host).or_default().push(header);
            }
        }
        let shared = claims.into_iter().filter(|(_, headers)| headers.len() > 1);
        Arc::new(
            shared.map(|(host, headers)| (host.clone(), headers.into_iter().cloned().collect())).collect(),
        )
    }
}

/// A VirtualService that names a host: its namespace and visibility.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Naming {
    pub(super) namespace: Namespace,
    pub(super) export_to: Visibility,
}

/// The VirtualServices in the mesh that name a host, or a wildcard that covers it.
#[derive(Debug)]
pub(super) struct VirtualServicesNaming;

impl Query for VirtualServicesNaming {
    type Key = Host;
    type Value = Arc<[Naming]>;
    const NAME: &'static str = "virtual services that name a host";
    const STRATUM: Stratum = strata::BINDING;

    fn compute(cx: &Reader<'_>, host: &Host) -> Self::Value {
        let headers = cx.get::<RouteSetsAt>(&GatewayRef::Mesh);
        let naming = headers.iter().filter(|header| header.hosts.iter().any(|named| named.covers(host)));
        let naming = naming.map(|header| Naming {
            namespace: header.origin.namespace.clone(),
            export_to: header.export_to.clone(),
        });
        naming.collect()
    }
}

/// The TLS and TCP routes of a place that may conflict.
#[derive(Debug)]
pub(super) struct L4ClaimsOf;

impl Query for L4ClaimsOf {
    type Key = GatewayRef;
    type Value = Arc<L4Claims>;
    const NAME: &'static str = "claims on connections";
    const STRATUM: Stratum = strata::BINDING;

    fn compute(cx: &Reader<'_>, place: &GatewayRef) -> Self::Value {
        let headers = cx.get::<RouteSetsAt>(place);
        let mut claims = L4Claims::default();
        for header in headers.iter() {
            for name in header.sni_hosts.iter() {
                let claimants = claims.names.entry(name.clone()).or_default();
                if claimants.len() < MOST_RIVALS {
                    claimants.push(header.origin.clone());
                }
            }
            if header.has_tcp && claims.tcp.len() < MOST_RIVALS {
                claims.tcp.push(header.origin.clone());
            }
        }
        claims.names.retain(|_, claimants| claimants.len() > 1);
        Arc::new(claims)
    }
}

/// The protocols that Services with the same selector declare for the ports of their Pods.
#[derive(Debug)]
pub(super) struct PortClaimsOf;

impl Query for PortClaimsOf {
    type Key = (Namespace, LabelSet);
    type Value = Arc<PortClaims>;
    const NAME: &'static str = "claims on ports of pods";
    const STRATUM: Stratum = strata::BINDING;

    fn compute(cx: &Reader<'_>, pods: &Self::Key) -> Self::Value {
        let services = cx.index::<ServicesBySelector>(pods);
        let services: Vec<_> = services.iter().flat_map(|key| cx.get::<ServicesOf>(key).to_vec()).collect();
        Arc::new(port_claims(services.iter()))
    }
}
