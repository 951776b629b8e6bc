//! Resolution of the names in an object.

use fairlead_config::{ConfigKey, Kind, Namespace, api};

use crate::{
    Host,
    routes::{Destination, GatewayRef},
};

/// What the names in an object are resolved against.
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
pub(super) fn port(number: u32) -> u16 {
    u16::try_from(number).expect("validation refuses what is no port")
}
