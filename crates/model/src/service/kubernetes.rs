//! A Kubernetes Service as a service of the mesh.

use std::{net::IpAddr, sync::Arc};

use fairlead_config::{Config, LabelSet, api};

use super::{Registry, Resolution, Service, ServiceAddress, ServiceKey, TrafficDistribution, Visibility};
use crate::{Host, Port, Protocol, mesh::Mesh, port::TargetPort, workload_entry::port_number};

/// The annotation of a Service for its `exportTo`, a comma-separated list.
pub(crate) const EXPORT_TO: &str = "networking.istio.io/exportTo";
/// The annotation that stands for the field `trafficDistribution`.
pub(crate) const TRAFFIC_DISTRIBUTION: &str = "networking.istio.io/traffic-distribution";

/// The host of the Service `namespace/name`.
pub fn kubernetes_host(name: &str, namespace: &str, domain: &str) -> Host {
    Host::new(&format!("{name}.{namespace}.svc.{domain}"))
}

/// The inverse of [`kubernetes_host`]: the name of the Service with this key.
///
/// It is unique, since the name of a Service has no dot.
pub(crate) fn kubernetes_name<'a>(key: &'a ServiceKey, domain: &str) -> Option<&'a str> {
    let rest = key.host.as_str().strip_suffix(domain)?.strip_suffix(".svc.")?;
    let name = rest.strip_suffix(key.namespace.as_str())?.strip_suffix('.')?;
    (!name.is_empty() && !name.contains('.')).then_some(name)
}

/// Resolves a Kubernetes Service; `None` for an `ExternalName` without a name.
///
/// Mirrors istio pilot/pkg/serviceregistry/kube/conversion.go (ConvertService).
pub fn resolve(object: &Config<api::ServiceSpec>, mesh: &Mesh) -> Option<Service> {
    let spec = &object.spec;
    let namespace = &object.key.namespace;
    let headless = is_headless(spec);
    let resolution = if spec.service_type == api::ServiceType::ExternalName {
        let target = spec.external_name.as_deref().unwrap_or_default().trim_end_matches('.');
        if target.is_empty() {
            return None;
        }
        Resolution::Alias(Host::new(target))
    } else if headless {
        Resolution::OriginalDestination
    } else {
        Resolution::Registry
    };
    let export_to = object.annotations.get(EXPORT_TO).unwrap_or_default().split(',');
    Some(Service {
        key: ServiceKey {
            host: kubernetes_host(object.key.name.as_str(), namespace.as_str(), &mesh.domain),
            namespace: namespace.clone(),
        },
        origin: object.key.clone(),
        created: object.created,
        registry: Registry::Kubernetes,
        resolution,
        external: false,
        addresses: addresses(spec),
        ports: ports(&spec.ports),
        export_to: Visibility::resolve(export_to, namespace, &mesh.default_service_export_to),
        headless,
        selector: (!spec.selector.is_empty()).then(|| LabelSet::from(&spec.selector)),
        subject_alt_names: Vec::new(),
        publish_not_ready: spec.publish_not_ready_addresses,
        node_local: spec.internal_traffic_policy == Some(api::InternalTrafficPolicy::Local),
        traffic_distribution: spec
            .traffic_distribution
            .as_deref()
            .or_else(|| object.annotations.get(TRAFFIC_DISTRIBUTION))
            .and_then(traffic_distribution),
    })
}

/// Whether a Service is headless (`clusterIP: None`), so that clients find its Pods by DNS.
pub(crate) fn is_headless(spec: &api::ServiceSpec) -> bool {
    let is_none = |ip: &String| ip == "None";
    spec.service_type != api::ServiceType::ExternalName
        && (spec.cluster_ip.as_ref().is_some_and(is_none) || spec.cluster_ips.iter().any(is_none))
}

/// The addresses of a Service.
pub(crate) fn addresses(spec: &api::ServiceSpec) -> Vec<ServiceAddress> {
    if spec.service_type == api::ServiceType::ExternalName {
        return Vec::new();
    }
    let mut addresses = Vec::new();
    // `clusterIP` repeats the first of `clusterIPs` if both are given.
    for text in spec.cluster_ip.iter().chain(&spec.cluster_ips) {
        // The API server assigns no `0.0.0.0`; a listener there would take all traffic.
        if let Some(ip) = text.parse::<IpAddr>().ok().filter(|ip| !ip.is_unspecified()) {
            let address = ServiceAddress::Ip(ip);
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
    }
    addresses
}

/// The ports of a Service, by number.
pub(crate) fn ports(ports: &[api::ServicePort]) -> Vec<Port> {
    let mut resolved: Vec<Port> = ports.iter().filter_map(port).collect();
    resolved.sort_by_key(|port| port.number);
    resolved.dedup_by_key(|port| port.number);
    resolved
}

/// The index in `ports` of the port with a number.
pub(crate) fn port_index(ports: &[api::ServicePort], number: u16) -> Option<usize> {
    ports.iter().position(|spec| port(spec).is_some_and(|port| port.number == number))
}

fn port(port: &api::ServicePort) -> Option<Port> {
    if port.protocol != api::Protocol::Tcp {
        return None;
    }
    let number = port_number(port.port)?;
    let name = port.name.as_deref().unwrap_or_default();
    let protocol = protocol(number, name, port.app_protocol.as_deref());
    let target = match &port.target_port {
        None | Some(api::IntOrString::Int(0)) => TargetPort::Number(number),
        Some(api::IntOrString::Int(target)) => TargetPort::Number(port_number(*target)?),
        Some(api::IntOrString::String(target)) if target.is_empty() => TargetPort::Number(number),
        // The API server refuses names without a letter, so digits in quotes can only be meant as a number.
        Some(api::IntOrString::String(target)) => match target.parse::<u32>() {
            Ok(target) => TargetPort::Number(port_number(target)?),
            Err(_) => TargetPort::Name(Arc::from(target.as_str())),
        },
    };
    (protocol != Protocol::Udp).then(|| Port { number, name: name.into(), protocol, target })
}

/// The protocol of a TCP port: `appProtocol` if given, else the prefix of the name.
///
/// A port without a declared protocol is opaque if the server speaks first in its well-known protocol. Mirrors istio
/// pkg/config/kube/conversion.go (ConvertProtocol).
pub(crate) fn protocol(number: u16, name: &str, app_protocol: Option<&str>) -> Protocol {
    let declared = match app_protocol {
        Some("kubernetes.io/h2c") => return Protocol::Http2,
        Some("kubernetes.io/ws") => return Protocol::Http,
        Some("kubernetes.io/wss") => return Protocol::Https,
        Some(app_protocol) => app_protocol,
        None => name,
    };
    let starts_with_grpc_web =
        declared.get(.."grpc-web".len()).is_some_and(|start| start.eq_ignore_ascii_case("grpc-web"));
    if starts_with_grpc_web {
        return Protocol::GrpcWeb;
    }
    let prefix = declared.split_once('-').map_or(declared, |(prefix, _)| prefix);
    match (Protocol::parse(prefix), number) {
        (Some(protocol), _) => protocol,
        // SMTP, DNS, MySQL and MongoDB.
        (None, 25 | 53 | 3306 | 27017) => Protocol::Tcp,
        (None, _) => Protocol::Auto,
    }
}

fn traffic_distribution(text: &str) -> Option<TrafficDistribution> {
    match text {
        "PreferClose" | "PreferSameZone" => Some(TrafficDistribution::PreferSameZone),
        "PreferSameNode" => Some(TrafficDistribution::PreferSameNode),
        _ => None,
    }
}
