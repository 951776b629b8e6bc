//! Findings about a Sidecar among other objects.

use std::sync::Arc;

use fairlead_config::{Code, Diagnostics, Namespace, path};

use super::lookups::Naming;
use crate::{
    Host, age,
    registry::ServiceSummary,
    service::Visibility,
    sidecar::{Bind, CaptureMode, EgressHost, EgressListener, EgressNamespace, Sidecar, SidecarHeader},
};

/// What the findings depend on besides the Sidecar.
pub(super) struct Context<'a> {
    /// The Sidecars of the namespace, oldest first.
    pub(super) siblings: &'a [SidecarHeader],
    /// The port that inbound traffic is redirected to.
    pub(super) inbound_port: u16,
    /// The port that outbound traffic is redirected to.
    pub(super) outbound_port: u16,
    /// Whether it applies to every namespace without a Sidecar of its own.
    pub(super) is_for_all: bool,
    /// The services of a host, in every namespace.
    pub(super) services: &'a dyn Fn(&Host) -> Arc<[ServiceSummary]>,
    /// The VirtualServices that name a host, with their namespaces.
    pub(super) route_sets: &'a dyn Fn(&Host) -> Arc<[Naming]>,
    /// What to do about a host that nothing has.
    pub(super) unknown_host: &'a dyn Fn(&Host) -> Option<String>,
}

pub(super) fn check(sidecar: &Sidecar, context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let older = context.siblings.iter().take_while(|other| other.origin != sidecar.origin);
    let mut same = older.filter(|other| other.workload_selector == sidecar.workload_selector);
    if let Some(first) = same.next() {
        let own = context.siblings.iter().find(|other| other.origin == sidecar.origin);
        let reason = age::reason(first.created, own.and_then(|own| own.created));
        let message =
            format!("{} {reason} and is for the same workloads; this one is not used", first.origin);
        diagnostics.error(Code::ConflictingSidecar, path!("workloadSelector"), message);
    }
    for (index, listener) in sidecar.ingress.iter().enumerate() {
        if listener.bind.is_none() && listener.port.number == context.inbound_port {
            let message = format!(
                "port {} is where the proxy itself takes traffic to the workload; the listener is left out",
                context.inbound_port
            );
            diagnostics.error(Code::BadListener, path!("ingress"[index]."port"."number"), message);
        }
    }
    for (index, listener) in sidecar.egress.iter().enumerate() {
        check_port(index, listener, context, diagnostics);
        let exact = listener.hosts.iter().enumerate().filter(|(_, host)| !host.host.is_wildcard());
        for (at, host) in exact.filter(|(_, host)| !exists(host, &sidecar.origin.namespace, context)) {
            let message = format!(
                "no service and no VirtualService that this namespace may use has the host `{}`",
                host.host
            );
            let path = path!("egress"[index]."hosts"[at]);
            let finding = diagnostics.warn(Code::UnknownEgressHost, path, message);
            if let Some(help) = (context.unknown_host)(&host.host) {
                finding.help(help);
            }
        }
    }
}

/// Reports an egress listener on a port that traffic is redirected to: all its addresses are taken.
fn check_port(index: usize, listener: &EgressListener, context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let everywhere = match &listener.bind {
        None => listener.capture != CaptureMode::None,
        Some(Bind::Ip(ip)) => ip.is_unspecified(),
        Some(Bind::Unix(_)) => false,
    };
    let taken = [context.inbound_port, context.outbound_port];
    let port = listener.port.as_ref().map(|port| port.number).filter(|port| taken.contains(port));
    if let Some(port) = port.filter(|_| everywhere) {
        let message = format!(
            "port {port} is where the proxy itself takes redirected traffic; the listener is left out"
        );
        diagnostics.error(Code::BadListener, path!("egress"[index]."port"."number"), message);
    }
}

/// Whether the imported or excluded host exists: as a service, or in a VirtualService, which is imported with its
/// destinations.
fn exists(host: &EgressHost, own: &Namespace, context: &Context<'_>) -> bool {
    let is_of = |namespace: &Namespace| match &host.namespace {
        EgressNamespace::Any | EgressNamespace::None => true,
        EgressNamespace::Own => context.is_for_all || own == namespace,
        EgressNamespace::Named(name) => name == namespace,
    };
    let is_seen = |export_to: &Visibility| context.is_for_all || export_to.allows(own);
    host.namespace == EgressNamespace::None
        || (context.services)(&host.host).iter().any(|s| is_of(&s.key.namespace) && is_seen(&s.export_to))
        || (context.route_sets)(&host.host).iter().any(|vs| is_of(&vs.namespace) && is_seen(&vs.export_to))
}
