//! `egress[].hosts` of a Sidecar: which services and route sets a listener imports.

use fairlead_config::Namespace;

use crate::{
    Host,
    host_map::HostMap,
    routes::RouteSetHeader,
    sidecar::{EgressHost, EgressNamespace},
};

/// The namespaces of an imported host.
#[derive(Clone, Debug)]
enum Namespaces {
    All,
    Only(Namespace),
}

/// The hosts that a listener imports.
#[derive(Clone, Debug, Default)]
pub(super) struct Imports {
    included: HostMap<Vec<Namespaces>>,
    excluded: HostMap<Vec<Namespaces>>,
    /// The included hosts as a list, for wildcards in route sets, which may be wider than the imported host.
    list: Vec<(Namespaces, Host)>,
}

impl Imports {
    /// The imports for a workload in the namespace `own`.
    pub(super) fn new(hosts: &[EgressHost], own: &Namespace) -> Self {
        let mut imports = Self::default();
        for host in hosts {
            let namespaces = match &host.namespace {
                EgressNamespace::Any => Namespaces::All,
                EgressNamespace::Own => Namespaces::Only(own.clone()),
                EgressNamespace::Named(name) => Namespaces::Only(name.clone()),
                EgressNamespace::None => continue,
            };
            let side = if host.exclude { &mut imports.excluded } else { &mut imports.included };
            side.entry(&host.host, Vec::new).push(namespaces.clone());
            if !host.exclude {
                imports.list.push((namespaces, host.host.clone()));
            }
        }
        imports
    }

    /// Whether a service of `namespace` is imported.
    pub(super) fn service(&self, namespace: &Namespace, host: &Host) -> bool {
        covers(&self.included, namespace, host) && !covers(&self.excluded, namespace, host)
    }

    /// Whether a route set is imported: one of its hosts overlaps an imported host.
    ///
    /// All of its hosts come with it. Mirrors istio pilot/pkg/model/sidecar.go (SelectVirtualServices).
    pub(super) fn route_set(&self, header: &RouteSetHeader) -> bool {
        let namespace = &header.origin.namespace;
        header.hosts.iter().any(|host| {
            !covers(&self.excluded, namespace, host)
                && (covers(&self.included, namespace, host)
                    || (host.is_wildcard() && self.meets_wildcard(namespace, host)))
        })
    }

    fn meets_wildcard(&self, namespace: &Namespace, wildcard: &Host) -> bool {
        self.list.iter().any(|(of, host)| is_of(of, namespace) && wildcard.covers(host))
    }
}

fn covers(map: &HostMap<Vec<Namespaces>>, namespace: &Namespace, host: &Host) -> bool {
    map.covering(host).any(|namespaces| namespaces.iter().any(|of| is_of(of, namespace)))
}

fn is_of(of: &Namespaces, namespace: &Namespace) -> bool {
    match of {
        Namespaces::All => true,
        Namespaces::Only(name) => name == namespace,
    }
}
