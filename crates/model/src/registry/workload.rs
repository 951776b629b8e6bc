//! The services that a workload is an endpoint of, which make up the inbound side of its proxy.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use fairlead_config::{ConfigKey, Kind, LabelSet, Namespace, api};
use fairlead_incremental::{Query, Reader, Stratum};

use crate::{
    Port, Service, ServiceKey,
    endpoints::{EndpointAddress, EndpointsOf, ServiceEndpoints, target_port},
    input::{
        EndpointSlices, EndpointsAt, SelectingServiceEntries, SelectingServices, SelectorBucket,
        ServiceEntriesAt, SlicesAt,
    },
    service::{Resolution, ServicesOf},
    strata,
    workload::{Workload, WorkloadAt},
};

/// A workload as its proxy describes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadKey {
    /// Its namespace.
    pub namespace: Namespace,
    /// Its labels.
    pub labels: LabelSet,
    /// Its addresses.
    pub addresses: Arc<[IpAddr]>,
}

/// A service, one of its ports, and the number of the workload's port that it leads to.
pub type WorkloadPort = (ServiceKey, Port, u16);

/// The service ports that lead to a workload, sorted.
///
/// A service that selects the workload by its labels counts at once, whether or not it is listed as an endpoint yet, so
/// that a proxy is ready before its workload is. Endpoints are not read in that case, so the proxies of a service are
/// unaffected when one of them comes or goes. Any other service, in any namespace, counts if one of its endpoints has
/// an address of the workload. Mirrors istio pilot/pkg/serviceregistry/kube/controller (GetProxyServiceTargets).
#[derive(Debug)]
pub struct ServicesOfWorkload;

impl Query for ServicesOfWorkload {
    type Key = WorkloadKey;
    type Value = Arc<[WorkloadPort]>;
    const NAME: &'static str = "services of workload";
    const STRATUM: Stratum = strata::REGISTRY_INDEX;

    fn compute(cx: &Reader<'_>, workload: &WorkloadKey) -> Self::Value {
        let known = workload.addresses.iter().find_map(|ip| (*cx.get::<WorkloadAt>(ip)).clone());
        let mut ports = BTreeSet::new();
        for object in candidates(cx, workload) {
            let services = cx.get::<ServicesOf>(&object);
            let own = services.iter().filter(|service| !matches!(service.resolution, Resolution::Alias(_)));
            for service in own {
                if let Some(selected) = ports_by_selector(workload, service, known.as_deref()) {
                    ports.extend(selected);
                } else {
                    let endpoints = cx.get::<EndpointsOf>(&service.key);
                    ports.extend(ports_by_address(workload, service, &endpoints));
                }
            }
        }
        ports.into_iter().collect()
    }
}

/// The Service that an EndpointSlice belongs to. It shields its readers from other changes of the slice.
#[derive(Debug)]
struct ServiceOfSlice;

impl Query for ServiceOfSlice {
    type Key = ConfigKey;
    type Value = Option<ConfigKey>;
    const NAME: &'static str = "service of endpoint slice";
    const STRATUM: Stratum = strata::OBJECT;

    fn compute(cx: &Reader<'_>, slice: &ConfigKey) -> Self::Value {
        let object = cx.input::<EndpointSlices>(slice)?;
        let name = object.labels.get(api::SERVICE_NAME_LABEL)?;
        Some(ConfigKey::new(Kind::Service, slice.namespace.clone(), name))
    }
}

/// The objects that may define a service of the workload.
fn candidates(cx: &Reader<'_>, workload: &WorkloadKey) -> BTreeSet<ConfigKey> {
    let mut objects = BTreeSet::new();
    for bucket in SelectorBucket::of_workload(&workload.namespace, workload.labels.iter()) {
        objects.extend(cx.index::<SelectingServices>(&bucket));
        objects.extend(cx.index::<SelectingServiceEntries>(&bucket));
    }
    for ip in workload.addresses.iter() {
        let slices = cx.index::<SlicesAt>(ip);
        objects.extend(slices.iter().filter_map(|slice| (*cx.get::<ServiceOfSlice>(slice)).clone()));
        let older = cx.index::<EndpointsAt>(ip);
        objects.extend(older.iter().map(|endpoints| ConfigKey { kind: Kind::Service, ..endpoints.clone() }));
        objects.extend(cx.index::<ServiceEntriesAt>(ip));
    }
    objects
}

/// The ports of a service that selects the workload; `None` if it does not, or if only its endpoints tell the number of
/// a named port.
fn ports_by_selector(
    key: &WorkloadKey,
    service: &Service,
    workload: Option<&Workload>,
) -> Option<Vec<WorkloadPort>> {
    let selector = service.selector.as_ref()?;
    if service.key.namespace != key.namespace || !key.labels.contains_all(selector) {
        return None;
    }
    let ports = service.ports.iter().map(|port| {
        let target = target_port(service.registry, port, workload)?;
        Some((service.key.clone(), port.clone(), target))
    });
    ports.collect()
}

/// The ports of a service that has an endpoint at an address of the workload.
fn ports_by_address(key: &WorkloadKey, service: &Service, endpoints: &ServiceEndpoints) -> Vec<WorkloadPort> {
    let mut ports = Vec::new();
    for port in &service.ports {
        let at = endpoints.by_port.get(&port.number).map(|list| &**list).unwrap_or_default();
        for ip in key.addresses.iter() {
            // Endpoints are sorted by address.
            let address = EndpointAddress::Ip(*ip);
            let start = at.partition_point(|endpoint| endpoint.address < address);
            let here = at[start..].iter().take_while(|endpoint| endpoint.address == address);
            ports.extend(here.map(|endpoint| (service.key.clone(), port.clone(), endpoint.port)));
        }
    }
    ports
}
