//! Resolves `WorkloadEntry`, and the inline endpoints of ServiceEntries, into [`Workload`]s.
//!
//! Reads: WorkloadEntry · Produces: [`Workload`] · Consumed by: [`crate::workload`], [`crate::endpoints`] Spec:
//! <https://istio.io/latest/docs/reference/config/networking/workload-entry/> Differs from Istio: the condition
//! `Healthy` of the status is not read, since no agent writes it here; an entry without an address is no endpoint,
//! since networks have no gateways here.

use std::{net::IpAddr, sync::Arc};

use fairlead_config::{Config, ConfigKey, LabelSet, api};

use crate::{
    Host,
    endpoints::{EndpointAddress, Health, Locality},
    workload::{NETWORK_LABEL, Workload, labelled_locality},
};

/// The workload of a WorkloadEntry, with the labels of its spec and those of its metadata, which win.
///
/// Mirrors istio pilot/pkg/serviceregistry/serviceentry/conversion.go (convertWorkloadEntry).
pub fn resolve(entry: &Config<api::WorkloadEntrySpec>) -> Workload {
    let spec = entry.spec.labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let labels = spec.chain(entry.labels.iter()).collect();
    workload(&entry.key, &entry.spec, labels)
}

/// The workload of an inline endpoint of the object `origin`.
pub fn inline(origin: &ConfigKey, endpoint: &api::WorkloadEntrySpec) -> Workload {
    workload(origin, endpoint, LabelSet::from(&endpoint.labels))
}

fn workload(origin: &ConfigKey, entry: &api::WorkloadEntrySpec, labels: LabelSet) -> Workload {
    let given = |text: &Option<String>| text.as_deref().filter(|text| !text.is_empty()).map(Arc::<str>::from);
    let locality = given(&entry.locality).map(|text| Locality::parse(&text));
    let network = given(&entry.network).or_else(|| labels.get(NETWORK_LABEL).map(Arc::from));
    let ports =
        entry.ports.iter().filter_map(|(name, port)| Some((name.as_str().into(), port_number(*port)?)));
    Workload {
        origin: origin.clone(),
        addresses: entry.address.as_deref().and_then(address).into_iter().collect(),
        locality: locality.or_else(|| labelled_locality(&labels)).unwrap_or_default(),
        network: network.unwrap_or_default(),
        ports: ports.collect(),
        weight: entry.weight.unwrap_or(1).max(1),
        health: Health::Healthy,
        node: None,
        service_account: given(&entry.service_account),
        labels,
    }
}

/// Reads an IP address, `unix:///path` or a DNS name; `None` for an empty text.
pub fn address(text: &str) -> Option<EndpointAddress> {
    if let Some(path) = text.strip_prefix("unix://") {
        return (!path.is_empty()).then(|| EndpointAddress::Unix(path.into()));
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(EndpointAddress::Ip(ip));
    }
    (!text.is_empty()).then(|| EndpointAddress::Dns(Host::new(text)))
}

/// A port number, or `None` for one that no port has.
pub(crate) fn port_number(number: u32) -> Option<u16> {
    u16::try_from(number).ok().filter(|number| *number > 0)
}

#[cfg(test)]
mod tests;
