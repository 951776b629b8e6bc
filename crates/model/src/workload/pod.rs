//! A Pod as a workload.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use fairlead_config::{Config, api};

use super::{NETWORK_LABEL, Workload, labelled_locality};
use crate::endpoints::{EndpointAddress, Health, Locality};

/// The workload of a running Pod, on a node with this locality, in a cluster with this network.
pub(super) fn resolve(
    pod: &Config<api::Pod>,
    node: Option<Arc<str>>,
    node_locality: Option<&Locality>,
    cluster_network: &Arc<str>,
) -> Workload {
    let account = pod.spec.spec.service_account_name.as_deref().filter(|name| !name.is_empty());
    Workload {
        origin: pod.key.clone(),
        addresses: addresses(&pod.spec).into_iter().map(EndpointAddress::Ip).collect(),
        labels: pod.labels.clone(),
        locality: labelled_locality(&pod.labels).or_else(|| node_locality.cloned()).unwrap_or_default(),
        network: pod.labels.get(NETWORK_LABEL).map_or_else(|| cluster_network.clone(), Arc::from),
        ports: named_ports(&pod.spec),
        weight: 1,
        health: if is_ready(&pod.spec.status) { Health::Healthy } else { Health::Unhealthy },
        node,
        service_account: Some(account.unwrap_or("default").into()),
    }
}

/// Whether the Pod has terminated for good; another Pod may have its address by now.
pub(crate) fn has_ended(pod: &api::Pod) -> bool {
    matches!(pod.status.phase.as_deref(), Some("Succeeded" | "Failed"))
}

/// The addresses of the Pod, the primary one first.
pub(crate) fn addresses(pod: &api::Pod) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    let texts = pod.status.pod_ip.iter().chain(pod.status.pod_ips.iter().map(|ip| &ip.ip));
    for address in texts.filter_map(|text| text.parse().ok()) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

fn named_ports(pod: &api::Pod) -> BTreeMap<Arc<str>, u16> {
    let mut ports = BTreeMap::new();
    for port in pod.spec.containers.iter().flat_map(|container| &container.ports) {
        let number = u16::try_from(port.container_port).ok().filter(|number| *number > 0);
        if let (Some(name), Some(number), api::Protocol::Tcp) = (&port.name, number, port.protocol) {
            // The first container that names a port wins, as for the endpoints that Kubernetes makes.
            ports.entry(Arc::from(name.as_str())).or_insert(number);
        }
    }
    ports
}

fn is_ready(status: &api::PodStatus) -> bool {
    match status.conditions.iter().find(|condition| condition.condition_type == "Ready") {
        Some(ready) => ready.status == "True",
        None => matches!(status.phase.as_deref(), None | Some("Running")),
    }
}
