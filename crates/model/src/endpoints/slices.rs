//! Endpoints listed in EndpointSlices and Endpoints objects.

use std::{net::IpAddr, sync::Arc};

use fairlead_config::{Config, ConfigKey, FieldPath, Kind, Namespace, Origin, api};

use super::Health;
use crate::workload_entry::port_number;

/// An endpoint as listed in a slice, before its workload is known.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Listed {
    /// The object that lists the endpoint.
    pub(super) object: ConfigKey,
    pub(super) at: ListedAt,
    pub(super) address: IpAddr,
    pub(super) health: Health,
    /// The node, where the slice names it.
    pub(super) node: Option<Arc<str>>,
    /// The zone, where the slice names it.
    pub(super) zone: Option<Arc<str>>,
    /// The Pod, where the slice refers to one.
    pub(super) pod: Option<ConfigKey>,
    /// The ports that all endpoints of the slice have.
    pub(super) ports: Arc<[ListedPort]>,
}

/// Where an object lists an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListedAt {
    /// `endpoints[]` of an EndpointSlice.
    Slice(usize),
    /// `subsets[].addresses[]` of an Endpoints object.
    Ready(usize, usize),
    /// `subsets[].notReadyAddresses[]` of one.
    NotReady(usize, usize),
}

impl Listed {
    /// The field that lists it.
    pub(super) fn origin(&self) -> Origin {
        let subset = |index: usize| FieldPath::root().field("subsets").index(index);
        let field = match self.at {
            ListedAt::Slice(endpoint) => FieldPath::root().field("endpoints").index(endpoint),
            ListedAt::Ready(of, address) => subset(of).field("addresses").index(address),
            ListedAt::NotReady(of, address) => subset(of).field("notReadyAddresses").index(address),
        };
        Origin::new(&self.object, field)
    }
}

/// A port of a slice. Service ports are matched by name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ListedPort {
    pub(super) name: Arc<str>,
    /// The number; `None`: the one that the service port leads to.
    pub(super) number: Option<u16>,
}

/// The endpoints of a slice; none for host names (`addressType: FQDN`).
pub(super) fn of_slice(slice: &Config<api::EndpointSlice>) -> Vec<Listed> {
    let ports = ports(&slice.spec.ports);
    let mut listed = Vec::new();
    for (index, endpoint) in slice.spec.endpoints.iter().enumerate() {
        let Some(health) = health(&endpoint.conditions) else { continue };
        let pod = endpoint.target_ref.as_ref().and_then(|target| pod(target, &slice.key.namespace));
        for address in endpoint.addresses.iter().filter_map(|text| text.parse().ok()) {
            listed.push(Listed {
                object: slice.key.clone(),
                at: ListedAt::Slice(index),
                address,
                health,
                node: endpoint.node_name.as_deref().map(Arc::from),
                zone: endpoint.zone.as_deref().map(Arc::from),
                pod: pod.clone(),
                ports: Arc::clone(&ports),
            });
        }
    }
    listed
}

/// The endpoints of an Endpoints object.
pub(super) fn of_endpoints(endpoints: &Config<api::Endpoints>) -> Vec<Listed> {
    let mut listed = Vec::new();
    for (of, subset) in endpoints.spec.subsets.iter().enumerate() {
        let ports = ports(&subset.ports);
        let ready = subset.addresses.iter().enumerate();
        let ready = ready.map(|(index, address)| (address, Health::Healthy, ListedAt::Ready(of, index)));
        let not_ready = subset.not_ready_addresses.iter().enumerate();
        let not_ready =
            not_ready.map(|(index, address)| (address, Health::Unhealthy, ListedAt::NotReady(of, index)));
        for (endpoint, health, at) in ready.chain(not_ready) {
            let Ok(address) = endpoint.ip.parse() else { continue };
            listed.push(Listed {
                object: endpoints.key.clone(),
                at,
                address,
                health,
                node: endpoint.node_name.as_deref().map(Arc::from),
                zone: None,
                pod: endpoint.target_ref.as_ref().and_then(|target| pod(target, &endpoints.key.namespace)),
                ports: Arc::clone(&ports),
            });
        }
    }
    listed
}

/// Whether an endpoint may be used; `None` for one that is terminating and no longer serves.
///
/// `ready` is always true for endpoints of a Service with `publishNotReadyAddresses`. Mirrors istio
/// pilot/pkg/serviceregistry/kube/controller/endpointslice.go (endpointHealthStatus).
fn health(conditions: &api::EndpointConditions) -> Option<Health> {
    let ready = conditions.ready.unwrap_or(true);
    let serving = conditions.serving.unwrap_or(ready);
    match (ready, conditions.terminating.unwrap_or(false), serving) {
        (true, _, _) => Some(Health::Healthy),
        (false, false, _) => Some(Health::Unhealthy),
        (false, true, true) => Some(Health::Draining),
        (false, true, false) => None,
    }
}

fn ports(ports: &[api::EndpointPort]) -> Arc<[ListedPort]> {
    let tcp = ports.iter().filter(|port| port.protocol == api::Protocol::Tcp);
    let listed = tcp.filter_map(|port| {
        let number = match port.port {
            None => None,
            Some(number) => Some(port_number(number)?),
        };
        Some(ListedPort { name: port.name.as_deref().unwrap_or_default().into(), number })
    });
    listed.collect()
}

fn pod(target: &api::ObjectReference, namespace: &Namespace) -> Option<ConfigKey> {
    let name = target.name.as_deref().filter(|_| target.kind.as_deref() == Some("Pod"))?;
    let namespace = target.namespace.as_deref().map_or_else(|| namespace.clone(), Namespace::from);
    Some(ConfigKey::new(Kind::Pod, namespace, name))
}
