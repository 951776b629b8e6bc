//! Queries for the endpoints of a service.

use std::sync::Arc;

use fairlead_config::{ConfigKey, Kind, LabelSet, Name, Namespace, Origin, path};
use fairlead_incremental::{Query, Reader, Stratum};

use super::{
    EndpointOrigins, Locality, ServiceEndpoints,
    collect::{Collected, Placement},
    selected::{self, SelectedEndpoints, SelectedKey, may_select},
    share::{BeyondShare, ShareKey},
    slices::{self, Listed},
};
use crate::{
    Service, ServiceKey,
    input::{EndpointSlices, LegacyEndpoints, ServiceEntries, SlicesOfService},
    registry,
    service::{Registry, Resolution},
    service_entry::{self, adds_endpoints},
    strata,
    workload::{ClusterNetwork, NodeLocality, Workload, WorkloadAt, WorkloadOf},
    workload_entry,
};

/// All endpoints of a service, healthy or not, in every locality. Aliases have none, and neither have original
/// destinations other than Kubernetes Services.
#[derive(Debug)]
pub struct EndpointsOf;

impl Query for EndpointsOf {
    type Key = ServiceKey;
    type Value = Arc<ServiceEndpoints>;
    const NAME: &'static str = "endpoints of service";
    const STRATUM: Stratum = strata::ENDPOINTS;

    fn compute(cx: &Reader<'_>, key: &ServiceKey) -> Self::Value {
        let mut endpoints = Collected::default();
        gather(cx, key, &mut endpoints);
        Arc::new(endpoints.finish())
    }
}

/// The fields that define the endpoints of a service.
pub fn endpoint_origins(cx: &Reader<'_>, key: &ServiceKey) -> EndpointOrigins {
    let mut endpoints = Collected::telling();
    gather(cx, key, &mut endpoints);
    endpoints.told()
}

fn gather(cx: &Reader<'_>, key: &ServiceKey, endpoints: &mut Collected) {
    let definitions = registry::definitions(cx, key);
    let adding = definitions.iter().filter(|other| adds_endpoints(&definitions[0], other));
    for service in adding {
        match (service.registry, &service.resolution) {
            (_, Resolution::Alias(_)) | (Registry::External, Resolution::OriginalDestination) => {}
            (Registry::Kubernetes, _) => add_kubernetes(cx, service, endpoints),
            (Registry::External, _) => add_external(cx, service, endpoints),
        }
    }
}

fn add_kubernetes(cx: &Reader<'_>, service: &Service, endpoints: &mut Collected) {
    let listed = listed(cx, &service.key.namespace, &service.origin.name);
    let pods = listed.is_none();
    let network = cx.get::<ClusterNetwork>(&());
    for listed in listed.unwrap_or_default() {
        let workload = workload_of(cx, &listed, &service.key.namespace);
        let node = listed.node.as_ref().filter(|_| needs_node(workload.as_deref()));
        let node = node.map(|node| cx.get::<NodeLocality>(node));
        let place = Placement { node: node.as_deref(), network: &network };
        endpoints.from(|| listed.origin());
        endpoints.add_listed(service, &listed, workload.as_deref(), &place);
    }
    if let Some(selector) = &service.selector {
        add_selected(cx, service, selector, pods, endpoints);
    }
}

/// The endpoints listed in the EndpointSlices of a Service, else in its Endpoints object; `None` if it has neither.
pub(super) fn listed(cx: &Reader<'_>, namespace: &Namespace, name: &Name) -> Option<Vec<Listed>> {
    let slices = cx.index::<SlicesOfService>(&(namespace.clone(), name.clone()));
    if !slices.is_empty() {
        let slices = slices.iter().filter_map(|slice| cx.input::<EndpointSlices>(slice));
        return Some(slices.flat_map(|slice| slices::of_slice(&slice)).collect());
    }
    let key = ConfigKey::new(Kind::Endpoints, namespace.clone(), name.clone());
    cx.input::<LegacyEndpoints>(&key).map(|endpoints| slices::of_endpoints(&endpoints))
}

/// The Pod behind a listed endpoint: the one in `targetRef`, else the one in the namespace with its address.
fn workload_of(cx: &Reader<'_>, listed: &Listed, namespace: &Namespace) -> Option<Arc<Workload>> {
    if let Some(pod) = &listed.pod {
        return (*cx.get::<WorkloadOf>(pod)).clone();
    }
    let at_address = (*cx.get::<WorkloadAt>(&listed.address)).clone();
    at_address.filter(|workload| workload.origin.namespace == *namespace)
}

fn needs_node(workload: Option<&Workload>) -> bool {
    workload.is_none_or(|workload| workload.locality == Locality::default())
}

fn add_external(cx: &Reader<'_>, service: &Service, endpoints: &mut Collected) {
    if let Some(selector) = &service.selector {
        add_selected(cx, service, selector, true, endpoints);
        return;
    }
    let Some(object) = cx.input::<ServiceEntries>(&service.origin) else { return };
    for (index, endpoint) in object.spec.endpoints.iter().enumerate() {
        endpoints.from(|| Origin::new(&service.origin, path!("endpoints"[index])));
        endpoints.add_workload(service, &workload_entry::inline(&service.origin, endpoint));
    }
    let by_dns = matches!(service.resolution, Resolution::StrictDns | Resolution::LogicalDns);
    if by_dns && object.spec.endpoints.is_empty() {
        endpoints.from(|| service_entry::host_origin(&object, &service.key.host));
        endpoints.add_host(service);
    }
}

fn add_selected(
    cx: &Reader<'_>,
    service: &Service,
    selector: &LabelSet,
    pods: bool,
    endpoints: &mut Collected,
) {
    if !may_select(cx, &service.key.namespace, selector, pods)
        || cx.get::<BeyondShare>(&ShareKey::of(service, selector, pods)).contains(&service.key)
    {
        return;
    }
    for port in &service.ports {
        let key = SelectedKey::of(service, selector, pods, port);
        if endpoints.tells() {
            selected::each(cx, &key, &mut |workload, endpoint| {
                endpoints.from(|| workload.endpoint_origin());
                endpoints.push(port, endpoint);
            });
        } else {
            endpoints.add_list(port, (*cx.get::<SelectedEndpoints>(&key)).clone());
        }
    }
}
