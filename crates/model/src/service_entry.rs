//! Resolves `ServiceEntry` into one [`Service`] for each host, and merges those that share a host.
//!
//! Reads: ServiceEntry, MeshConfig (`defaultServiceExportTo`) · Produces: [`Service`]
//! Consumed by: [`crate::registry`], [`crate::endpoints`]
//! Spec: <https://istio.io/latest/docs/reference/config/networking/service-entry/>
//! Differs from Istio: `DYNAMIC_DNS` is treated as `NONE`; no addresses are allocated to entries without one.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use fairlead_config::{Config, LabelSet, Origin, api, path};
use ipnet::IpNet;

use crate::{
    Host, Port, Protocol, Service, ServiceKey,
    mesh::Mesh,
    port::TargetPort,
    service::{Registry, Resolution, ServiceAddress, Visibility},
    workload_entry::port_number,
};

/// The services that a ServiceEntry defines.
///
/// Mirrors istio pilot/pkg/serviceregistry/serviceentry/conversion.go (convertServices).
pub fn resolve(object: &Config<api::ServiceEntrySpec>, mesh: &Mesh) -> Vec<Service> {
    let mut services: Vec<Service> = Vec::new();
    for host in object.spec.hosts.iter().filter(|host| !host.is_empty()) {
        let service = service(&Host::new(host), object, mesh);
        if services.iter().all(|other| other.key != service.key) {
            services.push(service);
        }
    }
    services
}

fn service(host: &Host, object: &Config<api::ServiceEntrySpec>, mesh: &Mesh) -> Service {
    let spec = &object.spec;
    let namespace = &object.key.namespace;
    let export_to = spec.export_to.iter().map(String::as_str);
    Service {
        key: ServiceKey { host: host.clone(), namespace: namespace.clone() },
        origin: object.key.clone(),
        created: object.created,
        registry: Registry::External,
        resolution: match spec.resolution.unwrap_or_default() {
            api::Resolution::None | api::Resolution::DynamicDns => Resolution::OriginalDestination,
            api::Resolution::Static => Resolution::Registry,
            api::Resolution::Dns => Resolution::StrictDns,
            api::Resolution::DnsRoundRobin => Resolution::LogicalDns,
        },
        external: spec.location.unwrap_or_default() == api::Location::MeshExternal,
        addresses: addresses(&spec.addresses),
        ports: ports(&spec.ports, host),
        export_to: Visibility::resolve(export_to, namespace, &mesh.default_service_export_to),
        headless: false,
        selector: spec.workload_selector.as_ref().map(|selector| LabelSet::from(&selector.labels)),
        subject_alt_names: spec.subject_alt_names.iter().map(|name| Arc::from(name.as_str())).collect(),
        publish_not_ready: false,
        node_local: false,
        traffic_distribution: None,
    }
}

/// The field in which a ServiceEntry names a host.
pub(crate) fn host_origin(object: &Config<api::ServiceEntrySpec>, host: &Host) -> Origin {
    let index = object.spec.hosts.iter().position(|own| Host::new(own) == *host);
    Origin::new(&object.key, index.map_or(path!("hosts"), |index| path!("hosts"[index])))
}

/// The addresses and ranges, each once: `10.9.0.1/8` and `10.9.0.2/8` are one range.
///
/// `0.0.0.0` and `::` are not addresses, as in Istio: a listener there would take all traffic.
pub(crate) fn addresses(texts: &[String]) -> Vec<ServiceAddress> {
    let mut addresses = Vec::with_capacity(texts.len());
    let read: Vec<_> = texts.iter().filter_map(|text| service_address(text)).collect();
    add_missing(&mut addresses, &read);
    addresses.retain(|address| !matches!(address, ServiceAddress::Ip(ip) if ip.is_unspecified()));
    addresses
}

/// Reads an address or a range; a range of one address is that address.
fn service_address(text: &str) -> Option<ServiceAddress> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(ServiceAddress::Ip(ip));
    }
    let range: IpNet = text.parse().ok()?;
    let is_one = range.prefix_len() == range.max_prefix_len();
    Some(if is_one { ServiceAddress::Ip(range.addr()) } else { ServiceAddress::Range(range.trunc()) })
}

/// The ports of a host, without those that match by server name if the host cannot be one.
pub(crate) fn ports(ports: &[api::ServiceEntryPort], host: &Host) -> Vec<Port> {
    let mut resolved: Vec<Port> = ports.iter().filter_map(|spec| port(spec, host)).collect();
    resolved.sort_by_key(|port| port.number);
    resolved.dedup_by_key(|port| port.number);
    resolved
}

/// The index in `ports` of the port of a host with a number.
pub(crate) fn port_index(ports: &[api::ServiceEntryPort], host: &Host, number: u16) -> Option<usize> {
    ports.iter().position(|spec| port(spec, host).is_some_and(|port| port.number == number))
}

fn port(port: &api::ServiceEntryPort, host: &Host) -> Option<Port> {
    let number = port_number(port.number)?;
    let protocol = port.protocol.as_deref().and_then(Protocol::parse).unwrap_or(Protocol::Auto);
    let target = port.target_port.filter(|target| *target > 0).map_or(Some(number), port_number)?;
    let target = TargetPort::Number(target);
    let is_usable = protocol != Protocol::Udp && !(protocol.is_tls() && host.is_partial_wildcard());
    is_usable.then(|| Port { number, name: port.name.as_str().into(), protocol, target })
}

/// Merges definitions of one host in one namespace, given in order of precedence.
///
/// The first decides. Others add ports and addresses that it lacks if their resolution and location are the same; else
/// they are ignored. Mirrors istio pilot/pkg/model/sidecar.go (canMergeServices).
pub(crate) fn merge(definitions: &[Arc<Service>]) -> Option<Arc<Service>> {
    let (first, rest) = definitions.split_first()?;
    let mut merged = Arc::clone(first);
    for other in rest.iter().filter(|other| can_merge(first, other)) {
        let service = Arc::make_mut(&mut merged);
        for port in &other.ports {
            if service.port(port.number).is_none() {
                service.ports.push(port.clone());
            }
        }
        add_missing(&mut service.addresses, &other.addresses);
        add_missing(&mut service.subject_alt_names, &other.subject_alt_names);
        service.ports.sort_by_key(|port| port.number);
    }
    Some(merged)
}

/// Whether the definition `other` adds to `first`.
pub(crate) fn can_merge(first: &Service, other: &Service) -> bool {
    first.registry == other.registry
        && first.resolution == other.resolution
        && first.external == other.external
}

/// Whether endpoints of the definition `other` are endpoints of the service that `first` decides.
pub(crate) fn adds_endpoints(first: &Service, other: &Service) -> bool {
    match first.registry {
        Registry::Kubernetes => {
            other.registry == Registry::Kubernetes
                || (other.resolution == Resolution::Registry
                    && !matches!(first.resolution, Resolution::Alias(_)))
        }
        Registry::External => can_merge(first, other),
    }
}

fn add_missing<T: Clone + Ord>(list: &mut Vec<T>, more: &[T]) {
    let mut there: BTreeSet<T> = list.iter().cloned().collect();
    list.extend(more.iter().filter(|item| there.insert((*item).clone())).cloned());
}

#[cfg(test)]
mod tests;
