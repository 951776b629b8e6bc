//! Resolves `VirtualService` into a [`RouteSet`]: hosts, gateways, visibility, and the routes of its three lists.
//!
//! Reads: VirtualService, MeshConfig · Produces: [`RouteSet`] · Consumed by: [`crate::routes`]
//! Spec: <https://istio.io/latest/docs/reference/config/networking/virtual-service/>
//! Differs from Istio: routes that delegate are left out; `statPrefix` is ignored.
//!
//! The specification is valid: `fairlead-config` refuses objects with an error (`config::validate`). Useless parts,
//! which `config::parts` reports, are left out here.

mod action;
mod fault;
mod header_operations;
pub(crate) mod http;
mod l4;
mod matches;
mod names;
mod values;

use fairlead_config::{Config, FieldPath, api::VirtualServiceSpec, path};

use crate::{
    routes::{GatewayRef, RouteAt, RouteSet},
    service::Visibility,
};
use names::gateways;

pub(crate) use names::{Names, gateway};

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

/// The field of a route.
pub(crate) fn field(route: RouteAt) -> FieldPath {
    let (path, condition) = match route {
        RouteAt::Http(index, condition) => (path!("http"[index]), condition),
        RouteAt::Tls(index, condition) => (path!("tls"[index]), Some(condition)),
        RouteAt::Tcp(index, condition) => (path!("tcp"[index]), condition),
    };
    match condition {
        Some(condition) => path.field("match").index(condition),
        None => path,
    }
}

#[cfg(test)]
mod tests;
