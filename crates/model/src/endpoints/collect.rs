//! Decides which endpoints the ports of a service have.

use std::{collections::BTreeMap, sync::Arc};

use fairlead_config::{Kind, LabelSet, Origin};

use super::{Endpoint, EndpointAddress, EndpointOrigins, Health, Locality, ServiceEndpoints, slices::Listed};
use crate::{
    Port, Service,
    port::TargetPort,
    service::{Registry, Resolution},
    workload::Workload,
};

/// The endpoints of a service while they are gathered, by the number of the service port.
#[derive(Debug, Default)]
pub(super) struct Collected {
    ports: BTreeMap<u16, OfPort>,
    /// The origins of the endpoints, if asked for.
    told: Option<Told>,
}

#[derive(Debug, Default)]
struct Told {
    origins: EndpointOrigins,
    /// The origin of endpoints added from now on.
    from: Option<Origin>,
}

#[derive(Debug, Default)]
struct OfPort {
    /// Lists that other services may share.
    shared: Vec<Arc<[Endpoint]>>,
    own: Vec<Endpoint>,
}

impl OfPort {
    fn finish(mut self) -> Arc<[Endpoint]> {
        if self.own.is_empty() && self.shared.len() == 1 {
            return self.shared.remove(0);
        }
        self.own.extend(self.shared.iter().flat_map(|list| list.iter().cloned()));
        finished(self.own)
    }
}

/// Which workload addresses a service accepts: DNS names only if Envoy resolves them, UNIX domain sockets only if it
/// does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Takes {
    /// Addresses and names.
    Names,
    /// Addresses and UNIX domain sockets.
    Sockets,
}

impl Takes {
    pub(super) fn of(service: &Service) -> Self {
        match service.resolution {
            Resolution::StrictDns | Resolution::LogicalDns => Self::Names,
            _ => Self::Sockets,
        }
    }

    fn takes(self, address: &EndpointAddress) -> bool {
        match address {
            EndpointAddress::Ip(_) => true,
            EndpointAddress::Dns(_) => self == Self::Names,
            EndpointAddress::Unix(_) => self == Self::Sockets,
        }
    }

    /// The endpoints of a workload, which a service selects or lists, for a port of the service.
    pub(super) fn endpoints<'a>(
        self,
        registry: Registry,
        port: &'a Port,
        workload: &'a Workload,
    ) -> impl Iterator<Item = Endpoint> + 'a {
        let usable = workload.addresses.iter().filter(move |address| self.takes(address));
        usable.filter_map(move |address| {
            let number = match address {
                EndpointAddress::Unix(_) => Some(0),
                _ => target_port(registry, port, Some(workload)),
            };
            Some(workload_endpoint(address.clone(), number?, workload))
        })
    }
}

/// What is known of an endpoint's place besides its workload.
#[derive(Debug)]
pub(super) struct Placement<'a> {
    /// The locality of the node that a slice names.
    pub(super) node: Option<&'a Locality>,
    /// The network of the cluster.
    pub(super) network: &'a Arc<str>,
}

impl Collected {
    /// Collects the origins of endpoints as well.
    pub(super) fn telling() -> Self {
        Self { told: Some(Told::default()), ..Self::default() }
    }

    pub(super) fn tells(&self) -> bool {
        self.told.is_some()
    }

    /// Sets the origin of what is added from now on.
    pub(super) fn from(&mut self, origin: impl FnOnce() -> Origin) {
        if let Some(told) = &mut self.told {
            told.from = Some(origin());
        }
    }

    /// The origins of the endpoints.
    pub(super) fn told(self) -> EndpointOrigins {
        self.told.unwrap_or_default().origins
    }

    /// Adds an endpoint of a slice, with its workload if known.
    pub(super) fn add_listed(
        &mut self,
        service: &Service,
        listed: &Listed,
        workload: Option<&Workload>,
        place: &Placement<'_>,
    ) {
        for port in &service.ports {
            let Some(at) = listed.ports.iter().find(|listed| listed.name == port.name) else { continue };
            let number = at.number.or_else(|| target_port(service.registry, port, workload));
            if let Some(number) = number {
                self.push(port, listed_endpoint(listed, number, workload, place));
            }
        }
    }

    /// Adds a workload that a service lists.
    pub(super) fn add_workload(&mut self, service: &Service, workload: &Workload) {
        for port in &service.ports {
            for endpoint in Takes::of(service).endpoints(service.registry, port, workload) {
                self.push(port, endpoint);
            }
        }
    }

    /// Adds a list of endpoints, sorted, each address and port once.
    pub(super) fn add_list(&mut self, port: &Port, list: Arc<[Endpoint]>) {
        if !list.is_empty() {
            self.ports.entry(port.number).or_default().shared.push(list);
        }
    }

    /// Adds the host itself, for a service by DNS that names no endpoints.
    pub(super) fn add_host(&mut self, service: &Service) {
        let host = &service.key.host;
        if host.is_wildcard() {
            return;
        }
        let address = match host.as_str().parse() {
            Ok(ip) => EndpointAddress::Ip(ip),
            Err(_) => EndpointAddress::Dns(host.clone()),
        };
        for port in &service.ports {
            if let Some(number) = target_port(service.registry, port, None) {
                self.push(port, plain_endpoint(address.clone(), number));
            }
        }
    }

    pub(super) fn push(&mut self, port: &Port, endpoint: Endpoint) {
        if let Some(Told { origins, from: Some(from) }) = &mut self.told {
            let place = (port.number, endpoint.address.clone(), endpoint.port);
            origins.entry(place).or_insert_with(|| from.clone());
        }
        self.ports.entry(port.number).or_default().own.push(endpoint);
    }

    /// The endpoints of each port.
    pub(super) fn finish(self) -> ServiceEndpoints {
        ServiceEndpoints {
            by_port: self.ports.into_iter().map(|(port, list)| (port, list.finish())).collect(),
        }
    }
}

/// Sorts endpoints and drops duplicates by address and port, keeping the healthiest: an endpoint that moves from one
/// slice to another is briefly in both.
pub(super) fn finished(mut endpoints: Vec<Endpoint>) -> Arc<[Endpoint]> {
    endpoints.sort_by(|a, b| {
        let place = (&a.address, a.port, a.health).cmp(&(&b.address, b.port, b.health));
        place.then_with(|| a.cmp(b))
    });
    endpoints.dedup_by(|b, a| a.address == b.address && a.port == b.port);
    endpoints.into()
}

/// The number that a service port leads to on a workload; `None` where a name leads nowhere.
///
/// The `ports` of a WorkloadEntry, and of any workload of a ServiceEntry, are looked up by the name of the
/// service port; a `targetPort` by name is looked up among the named ports.
pub(crate) fn target_port(registry: Registry, port: &Port, workload: Option<&Workload>) -> Option<u16> {
    let of_workload = |name: &Arc<str>| workload.and_then(|workload| workload.ports.get(name).copied());
    let is_entry = workload.is_some_and(|workload| workload.origin.kind == Kind::WorkloadEntry);
    if (is_entry || registry == Registry::External)
        && let Some(number) = of_workload(&port.name)
    {
        return Some(number);
    }
    match &port.target {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => of_workload(name),
    }
}

fn listed_endpoint(
    listed: &Listed,
    port: u16,
    workload: Option<&Workload>,
    place: &Placement<'_>,
) -> Endpoint {
    let address = EndpointAddress::Ip(listed.address);
    let node = listed.node.clone();
    let mut endpoint = match workload {
        Some(workload) => {
            let of_workload = workload_endpoint(address, port, workload);
            // The same node in most cases; the workload's text is shared with it.
            Endpoint { node: of_workload.node.clone().or(node), ..of_workload }
        }
        None => Endpoint { node, network: Arc::clone(place.network), ..plain_endpoint(address, port) },
    };
    endpoint.health = listed.health;
    if endpoint.locality == Locality::default()
        && let Some(of_node) = place.node
    {
        endpoint.locality = of_node.clone();
    }
    if endpoint.locality.zone.is_empty()
        && let Some(zone) = &listed.zone
    {
        endpoint.locality.zone = Arc::clone(zone);
    }
    endpoint
}

fn workload_endpoint(address: EndpointAddress, port: u16, workload: &Workload) -> Endpoint {
    Endpoint {
        address,
        port,
        labels: workload.labels.clone(),
        locality: workload.locality.clone(),
        network: Arc::clone(&workload.network),
        weight: workload.weight.max(1),
        health: workload.health,
        node: workload.node.clone(),
        service_account: workload.service_account.clone(),
    }
}

fn plain_endpoint(address: EndpointAddress, port: u16) -> Endpoint {
    Endpoint {
        address,
        port,
        labels: LabelSet::default(),
        locality: Locality::default(),
        network: Arc::default(),
        weight: 1,
        health: Health::Healthy,
        node: None,
        service_account: None,
    }
}
