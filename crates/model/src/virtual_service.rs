//! Resolves `VirtualService` into a [`RouteSet`]: hosts, gateways, visibility, and the routes of its three lists.
//!
//! Reads: VirtualService, MeshConfig · Produces: [`RouteSet`] · Consumed by: [`crate::routes`]
//! Spec: <https://istio.io/latest/docs/reference/config/networking/virtual-service/>
//! Differs from Istio: routes that delegate are left out; `statPrefix` is ignored.
//!
//! What the specification says is valid: `fairlead-config` hands on no object with an error (`config::validate`). The
//! parts that are useless nevertheless (`config::parts`, which has said so) are left out here.

mod action;
mod fault;
mod header_operations;
pub(crate) mod http;
mod l4;
mod matches;

use fairlead_config::{
    Config, ConfigKey, Kind, Namespace,
    api::{self, VirtualServiceSpec},
};

use crate::{
    Host,
    routes::{Destination, GatewayRef, RouteSet},
    service::Visibility,
};

/// What names in an object are resolved against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names<'a> {
    /// The object's namespace.
    pub(crate) namespace: &'a Namespace,
    /// The DNS domain of Kubernetes Services.
    pub(crate) domain: &'a str,
}

impl Names<'_> {
    /// The full name of `host`.
    pub(crate) fn host(&self, host: &str) -> Host {
        Host::resolve(host, self.namespace.as_str(), self.domain)
    }

    /// A destination.
    pub(crate) fn destination(&self, spec: &api::Destination) -> Destination {
        Destination {
            host: self.host(&spec.host),
            subset: spec.subset.as_deref().map(Into::into),
            port: spec.port.as_ref().and_then(|port| port.number).map(port),
        }
    }
}

/// Resolves the names of `config`, without the parts that are left out.
pub fn resolve(config: &Config<VirtualServiceSpec>, domain: &str, default_export: &Visibility) -> RouteSet {
    let (spec, namespace) = (&config.spec, &config.key.namespace);
    let names = Names { namespace, domain };
    let mut hosts = Vec::with_capacity(spec.hosts.len());
    for host in &spec.hosts {
        let host = names.host(host);
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    RouteSet {
        origin: config.key.clone(),
        created: config.created,
        export_to: Visibility::resolve(spec.export_to.iter().map(String::as_str), namespace, default_export),
        hosts,
        gateways: match gateways(&spec.gateways, namespace) {
            list if list.is_empty() => vec![GatewayRef::Mesh],
            list => list,
        },
        http: http::routes(&spec.http, &names),
        tls: l4::tls_routes(&spec.tls, &names),
        tcp: l4::tcp_routes(&spec.tcp, &names),
    }
}

/// The gateways of a list, each once, in order.
pub(super) fn gateways(list: &[String], namespace: &Namespace) -> Vec<GatewayRef> {
    let mut refs = Vec::with_capacity(list.len());
    for text in list {
        let gateway = gateway(text, namespace);
        if !refs.contains(&gateway) {
            refs.push(gateway);
        }
    }
    refs
}

/// `mesh`, `name`, `namespace/name`, `./name`, or the old form `name.namespace[.svc.…]`.
///
/// Mirrors istio pilot/pkg/model/config.go (resolveGatewayName).
pub(crate) fn gateway(text: &str, own: &Namespace) -> GatewayRef {
    let (namespace, name) = match (text, text.split_once('/')) {
        ("mesh", _) => return GatewayRef::Mesh,
        (_, Some((".", name))) => (own.as_str(), name),
        (_, Some((namespace, name))) => (namespace, name),
        (_, None) => match text.split_once('.') {
            None => (own.as_str(), text),
            Some((name, rest)) => (rest.split('.').next().unwrap_or(rest), name),
        },
    };
    GatewayRef::Gateway(ConfigKey::new(Kind::Gateway, namespace, name))
}

/// A port, which `config::validate::port` has checked.
fn port(number: u32) -> u16 {
    u16::try_from(number).expect("validation refuses what is no port")
}

#[cfg(test)]
mod tests;
