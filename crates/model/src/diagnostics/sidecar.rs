//! Findings about a Sidecar among other objects.

use std::sync::Arc;

use fairlead_config::{Code, Diagnostics, Namespace, path};

use crate::{
    Host,
    registry::ServiceSummary,
    sidecar::{EgressNamespace, Sidecar, SidecarHeader},
};

/// What the findings depend on beside the Sidecar.
pub(super) struct Surroundings<'a> {
    /// The Sidecars of the namespace, oldest first.
    pub(super) siblings: &'a [SidecarHeader],
    /// The services of a host, in every namespace.
    pub(super) services: &'a dyn Fn(&Host) -> Arc<[ServiceSummary]>,
}

pub(super) fn check(sidecar: &Sidecar, around: &Surroundings<'_>, diagnostics: &mut Diagnostics) {
    let older = around.siblings.iter().take_while(|other| other.origin != sidecar.origin);
    let mut same = older.filter(|other| other.workload_selector == sidecar.workload_selector);
    if let Some(first) = same.next() {
        let message = format!("{} is older and for the same workloads; this one is not used", first.origin);
        diagnostics.error(Code::ConflictingSidecar, path!("workloadSelector"), message);
    }
    for (index, listener) in sidecar.egress.iter().enumerate() {
        for (at, host) in listener.hosts.iter().enumerate().filter(|(_, host)| !host.host.is_wildcard()) {
            let is_of = |namespace: &Namespace| match &host.namespace {
                EgressNamespace::Any => true,
                EgressNamespace::Named(name) => name == namespace,
                EgressNamespace::None => false,
            };
            let imported = (around.services)(&host.host).iter().any(|service| {
                is_of(&service.key.namespace) && service.export_to.allows(&sidecar.origin.namespace)
            });
            if !imported && host.namespace != EgressNamespace::None {
                let message = format!("no service that this namespace may use has the host `{}`", host.host);
                diagnostics.warn(Code::UnknownEgressHost, path!("egress"[index]."hosts"[at]), message);
            }
        }
    }
}
