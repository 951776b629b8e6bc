//! Origins in the model: the fields that define things, looked up in the objects on demand.
//!
//! Reads: Service, ServiceEntry, Sidecar, Secret · Produces: [`Origin`] · Consumed by: `translate::origins`
//!
//! Only what is cheap to keep is part of the resolved values: the indexes of routes, servers, subsets and policies.

use fairlead_config::{ConfigKey, FieldPath, Kind, Namespace, Origin, path};
use fairlead_incremental::Reader;

use crate::{
    ServiceKey,
    gateway::ServerRef,
    input::{ServiceEntries, Services},
    proxy::InboundListener,
    registry,
    secret::{Part, SecretPartsOf, authorities_of},
    service::{self, Registry},
    service_entry,
    sidecar::{Bind, EgressListener, WrittenSidecar},
};

/// The origin of a service port: the first definition of the service that has it.
pub fn of_port(cx: &Reader<'_>, key: &ServiceKey, port: u16) -> Option<Origin> {
    let definitions = registry::definitions(cx, key);
    let first = definitions.first()?;
    let mut adding = definitions.iter().filter(|other| service_entry::can_merge(first, other));
    let object = &adding.find(|other| other.port(port).is_some())?.origin;
    let index = match first.registry {
        Registry::Kubernetes => service::port_index(&cx.input::<Services>(object)?.spec.ports, port),
        Registry::External => {
            service_entry::port_index(&cx.input::<ServiceEntries>(object)?.spec.ports, &key.host, port)
        }
    };
    Some(Origin::new(object, path!("ports"[index?])))
}

/// The origin of an inbound listener: a service port, or an ingress listener of a Sidecar.
pub fn of_inbound(cx: &Reader<'_>, listener: &InboundListener) -> Option<Origin> {
    let object = &listener.origin;
    if let Some((host, port)) = &listener.service {
        let key = ServiceKey { host: host.clone(), namespace: object.namespace.clone() };
        return of_port(cx, &key, *port);
    }
    let sidecar = (*cx.get::<WrittenSidecar>(object)).clone()?;
    let unix = listener.bind.as_ref().filter(|bind| matches!(bind, Bind::Unix(_)));
    let mut all = sidecar.ingress.iter();
    let index = all.position(|own| match unix {
        Some(_) => own.bind.as_ref() == unix,
        None => own.port.number == listener.port && !matches!(own.bind, Some(Bind::Unix(_))),
    })?;
    Some(Origin::new(object, path!("ingress"[index])))
}

/// The first egress listener of a Sidecar that `is_one` accepts.
pub fn of_egress(
    cx: &Reader<'_>,
    sidecar: &ConfigKey,
    is_it: impl Fn(&EgressListener) -> bool,
) -> Option<Origin> {
    let sidecar = (*cx.get::<WrittenSidecar>(sidecar)).clone()?;
    let index = sidecar.egress.iter().position(is_it)?;
    Some(Origin::new(&sidecar.origin, path!("egress"[index])))
}

/// A server of a Gateway.
pub fn of_server(server: &ServerRef) -> Origin {
    Origin::new(&server.gateway, path!("servers"[server.index]))
}

/// The TLS of a server of a Gateway.
pub fn of_server_tls(gateway: &ConfigKey, index: usize) -> Origin {
    Origin::new(gateway, path!("servers"[index]."tls"))
}

/// The certificate of a `credentialName`, if it exists.
pub fn of_certificate(cx: &Reader<'_>, namespace: &Namespace, name: &str) -> Option<Origin> {
    let key = ConfigKey::new(Kind::Secret, namespace.clone(), name);
    let parts = (*cx.get::<SecretPartsOf>(&key)).clone()?;
    Some(of_part(&key, &parts.certificate))
}

/// The authorities of a `credentialName`: in the separate Secret, else in the same one.
pub fn of_authorities(cx: &Reader<'_>, namespace: &Namespace, name: &str) -> Option<Origin> {
    [&*authorities_of(name), name].into_iter().find_map(|name| {
        let key = ConfigKey::new(Kind::Secret, namespace.clone(), name);
        let parts = (*cx.get::<SecretPartsOf>(&key)).clone()?;
        (parts.authorities != Part::Absent).then(|| of_part(&key, &parts.authorities))
    })
}

fn of_part<T>(secret: &ConfigKey, part: &Part<T>) -> Origin {
    let field = match part {
        Part::Usable { path, .. } => path.clone(),
        Part::Faulty(_) | Part::Absent => FieldPath::root(),
    };
    Origin::new(secret, field)
}
