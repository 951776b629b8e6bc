//! Findings about services that clients reach at the same address and port.
//!
//! Connections are told apart by address, port and, for TLS, server name. Where none of these differs, one service gets
//! them all: a Kubernetes Service before a ServiceEntry, the older before the younger.

use std::sync::Arc;

use fairlead_config::{Code, Config, ConfigKey, Diagnostics, FieldPath, Timestamp, api, path};
use fairlead_incremental::{Index, Query, Reader, Stratum};

use crate::{
    Host, Port, Service, ServiceKey,
    input::{ServiceEntries, Services},
    service::{
        self, Precedence, Registry, ServiceAddress, ServicesOf, Visibility, kubernetes_addresses,
        kubernetes_ports,
    },
    service_entry, strata,
};

/// An address and an opaque TCP port; the address is `None` for services that have none.
pub(crate) type Place = (Option<ServiceAddress>, u16);

/// ServiceEntries by the addresses and numbers of their opaque TCP ports.
#[derive(Debug)]
pub struct ServiceEntriesAtPlace;

impl Index for ServiceEntriesAtPlace {
    type Input = ServiceEntries;
    type Bucket = Place;
    const NAME: &'static str = "service entries by place";

    fn buckets(_: &ConfigKey, entry: &Config<api::ServiceEntrySpec>) -> Vec<Place> {
        let addresses = service_entry::addresses(&entry.spec.addresses);
        let of_host =
            |host: &String| places(&addresses, &service_entry::ports(&entry.spec.ports, &Host::new(host)));
        let mut places: Vec<Place> = entry.spec.hosts.iter().flat_map(of_host).collect();
        places.sort_unstable();
        places.dedup();
        places
    }
}

/// Kubernetes Services by the addresses and numbers of their opaque TCP ports.
#[derive(Debug)]
pub struct ServicesAtPlace;

impl Index for ServicesAtPlace {
    type Input = Services;
    type Bucket = Place;
    const NAME: &'static str = "services by place";

    fn buckets(_: &ConfigKey, service: &Config<api::ServiceSpec>) -> Vec<Place> {
        let addresses = kubernetes_addresses(&service.spec);
        // A Service without an address is reached at those of its Pods.
        if addresses.is_empty() {
            Vec::new()
        } else {
            places(&addresses, &kubernetes_ports(&service.spec.ports))
        }
    }
}

fn places(addresses: &[ServiceAddress], ports: &[Port]) -> Vec<Place> {
    let of_port = |port: &Port| -> Vec<Place> {
        if port.protocol.is_http() {
            Vec::new()
        } else if !addresses.is_empty() {
            addresses.iter().map(|address| (Some(*address), port.number)).collect()
        } else if port.protocol.is_tls() {
            // Told apart by its server name.
            Vec::new()
        } else {
            vec![(None, port.number)]
        }
    };
    ports.iter().flat_map(of_port).collect()
}

/// The service that gets the connections of a place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Owner {
    service: ServiceKey,
    origin: ConfigKey,
    registry: Registry,
    created: Option<Timestamp>,
    export_to: Visibility,
    is_tls: bool,
}

impl Owner {
    fn precedence(&self) -> Precedence<'_> {
        service::precedence(self.registry, self.created, &self.service)
    }
}

/// The oldest service of a place.
#[derive(Debug)]
pub(super) struct OwnerOf;

impl Query for OwnerOf {
    type Key = Place;
    type Value = Option<Arc<Owner>>;
    const NAME: &'static str = "owner of a place";
    const STRATUM: Stratum = strata::HEADER;

    fn compute(cx: &Reader<'_>, place: &Place) -> Self::Value {
        let (entries, services) =
            (cx.index::<ServiceEntriesAtPlace>(place), cx.index::<ServicesAtPlace>(place));
        let mut oldest: Option<Owner> = None;
        for object in entries.iter().chain(services.iter()) {
            for service in cx.get::<ServicesOf>(object).iter() {
                let Some(port) = service.port(place.1) else { continue };
                let owner = Owner {
                    service: service.key.clone(),
                    origin: service.origin.clone(),
                    registry: service.registry,
                    created: service.created,
                    export_to: service.export_to.clone(),
                    is_tls: port.protocol.is_tls(),
                };
                if oldest.as_ref().is_none_or(|other| owner.precedence() < other.precedence()) {
                    oldest = Some(owner);
                }
            }
        }
        oldest.map(Arc::new)
    }
}

/// Reports ports of `service` whose connections an older service gets. `at` gives the field of an address.
pub(super) fn check(
    service: &Service,
    at: &dyn Fn(Option<ServiceAddress>) -> FieldPath,
    owner: &dyn Fn(&Place) -> Option<Arc<Owner>>,
    diagnostics: &mut Diagnostics,
) {
    if service.headless || service.alias_of().is_some() {
        return;
    }
    for place in places(&service.addresses, &service.ports) {
        let Some(owner) = owner(&place).filter(|owner| owner.service != service.key) else { continue };
        let is_tls = service.port(place.1).is_some_and(|port| port.protocol.is_tls());
        if (is_tls && owner.is_tls) || !covers(&owner.export_to, &service.export_to) {
            continue;
        }
        let place_text = match place.0 {
            Some(ServiceAddress::Ip(ip)) => format!("{ip}, port {}", place.1),
            Some(ServiceAddress::Range(range)) => format!("{range}, port {}", place.1),
            None => format!("port {} without an address", place.1),
        };
        let message = format!(
            "connections to {place_text} are those of `{}`, which comes first ({}); `{}` gets none of them",
            owner.service.host, owner.origin, service.key.host
        );
        let finding = diagnostics.warn(Code::ConflictingListener, at(place.0), message);
        finding.help("give it an address or a port of its own");
    }
}

/// Whether `owner` is visible wherever `service` is.
fn covers(owner: &Visibility, service: &Visibility) -> bool {
    match (owner, service) {
        (Visibility::Public, _) => true,
        (Visibility::Namespaces(owner), Visibility::Namespaces(own)) => {
            own.iter().all(|namespace| owner.contains(namespace))
        }
        _ => false,
    }
}

/// The field of a ServiceEntry where an address stands.
pub(super) fn field_of_entry(spec: &api::ServiceEntrySpec, address: Option<ServiceAddress>) -> FieldPath {
    let is_it =
        |text: &String| service_entry::addresses(std::slice::from_ref(text)).first() == address.as_ref();
    match spec.addresses.iter().position(is_it) {
        Some(index) if address.is_some() => path!("addresses"[index]),
        _ => path!("ports"),
    }
}
