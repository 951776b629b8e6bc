//! `egress[].hosts` of a Sidecar: which services and VirtualServices a listener imports.

use fairlead_config::Namespace;

use crate::{
    Host,
    host_map::HostMap,
    sidecar::{EgressHost, EgressNamespace},
    virtual_service::VirtualServiceHeader,
};

/// The hosts that a listener imports.
#[derive(Clone, Debug, Default)]
pub(super) struct Imports {
    included: HostMap<Vec<EgressNamespace>>,
    excluded: HostMap<Vec<EgressNamespace>>,
    /// Those that are included, for wildcards, which may be wider than what they meet.
    list: Vec<(EgressNamespace, Host)>,
}

impl Imports {
    pub(super) fn new(hosts: &[EgressHost]) -> Self {
        let mut imports = Self::default();
        for host in hosts.iter().filter(|host| host.namespace != EgressNamespace::None) {
            let side = if host.exclude { &mut imports.excluded } else { &mut imports.included };
            side.entry(&host.host, Vec::new).push(host.namespace.clone());
            if !host.exclude {
                imports.list.push((host.namespace.clone(), host.host.clone()));
            }
        }
        imports
    }

    /// Whether a service of `namespace` is imported.
    pub(super) fn service(&self, namespace: &Namespace, host: &Host) -> bool {
        covers(&self.included, namespace, host) && !covers(&self.excluded, namespace, host)
    }

    /// Whether a VirtualService is: one of its hosts has a name in common with an imported host.
    ///
    /// All of its hosts come with it. Mirrors istio pilot/pkg/model/sidecar.go (SelectVirtualServices).
    pub(super) fn virtual_service(&self, header: &VirtualServiceHeader) -> bool {
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

fn covers(map: &HostMap<Vec<EgressNamespace>>, namespace: &Namespace, host: &Host) -> bool {
    map.covering(host).any(|namespaces| namespaces.iter().any(|of| is_of(of, namespace)))
}

fn is_of(of: &EgressNamespace, namespace: &Namespace) -> bool {
    match of {
        EgressNamespace::Any => true,
        EgressNamespace::Named(name) => name == namespace,
        EgressNamespace::None => false,
    }
}
