//! The part of a scope that does not change as services come and go: the imports of its listeners, and the route sets
//! by what they name.

use std::{collections::BTreeSet, sync::Arc};

use fairlead_config::Namespace;
use imbl::OrdMap;

use super::{
    egress::Imports,
    imports::{self, of_host},
    index::RouteSetIndex,
};
use crate::{
    Host, Service, ServiceKey,
    destination_rule::RuleKey,
    sidecar::{EgressListener, OutboundTrafficPolicy},
};

/// The inputs of a scope.
pub(super) struct ScopeInputs<'a> {
    /// The namespace of the client.
    pub namespace: &'a Namespace,
    /// The listeners of a Sidecar; `None`: a single one that sees everything.
    pub listeners: Option<&'a [EgressListener]>,
    /// Whether hosts are bound to route sets; false for gateways.
    pub bind_hosts: bool,
    /// Every service.
    pub services: &'a OrdMap<ServiceKey, Arc<Service>>,
    /// The hosts that aliases lead to, whether visible or not.
    pub alias_targets: &'a Arc<BTreeSet<Host>>,
    /// The route sets that apply to sidecars.
    pub routes: &'a Arc<RouteSetIndex>,
    /// The rule for a service.
    pub rule: &'a dyn Fn(&ServiceKey) -> Option<RuleKey>,
    /// How traffic to unknown destinations is handled.
    pub outbound_policy: OutboundTrafficPolicy,
}

/// What does not change as services come and go, unless they are aliases or the targets of aliases.
#[derive(Debug, Default)]
pub(super) struct Context {
    pub(super) listeners: Vec<Listener>,
    /// The hosts that come with route sets, whether or not a listener imports them.
    pub(super) wanted: BTreeSet<Host>,
    /// The hosts that aliases lead to.
    pub(super) alias_targets: Arc<BTreeSet<Host>>,
}

impl Context {
    pub(super) fn new(inputs: &ScopeInputs<'_>) -> Self {
        let listeners: Vec<Listener> = match inputs.listeners {
            None => {
                let routes = if inputs.bind_hosts { inputs.routes.clone() } else { Arc::default() };
                vec![Listener { imports: None, port: None, routes }]
            }
            Some(listeners) => listeners.iter().map(|spec| Listener::of(spec, inputs)).collect(),
        };
        let alias_targets = inputs.alias_targets.clone();
        let mut context = Self { listeners, wanted: BTreeSet::new(), alias_targets };
        // A scope that sees everything sees every destination.
        if inputs.listeners.is_some() {
            context.wanted = context.wanted(inputs);
        }
        context
    }

    /// The destinations of route sets, and the targets of their aliases.
    fn wanted(&self, inputs: &ScopeInputs<'_>) -> BTreeSet<Host> {
        let headers = self.listeners.iter().flat_map(|listener| listener.routes.route_sets.iter());
        let mut found: Vec<Host> = headers.flat_map(|header| header.destinations.iter()).cloned().collect();
        let mut wanted = BTreeSet::new();
        while let Some(host) = found.pop() {
            let of_host: Vec<_> = visible_of_host(inputs, &host).collect();
            if wanted.insert(host) && self.imported(&of_host, inputs.namespace).is_none() {
                let destination = destination(&of_host, inputs.namespace);
                found.extend(destination.and_then(|service| service.alias_of().cloned()));
            }
        }
        wanted
    }

    /// The service among the visible ones with a host: the one that the first importing listener picks, else the one
    /// for destinations.
    pub(super) fn service<'a>(
        &self,
        host: &Host,
        visible: &[&'a Arc<Service>],
        client: &Namespace,
    ) -> Option<&'a Arc<Service>> {
        let wanted = || self.wanted.contains(host).then(|| destination(visible, client)).flatten();
        self.imported(visible, client).or_else(wanted)
    }

    fn imported<'a>(&self, visible: &[&'a Arc<Service>], client: &Namespace) -> Option<&'a Arc<Service>> {
        self.listeners.iter().find_map(|listener| listener.service(visible, client))
    }
}

/// The service for a destination that no listener imports: the one in the client's namespace, else in the first
/// namespace by name.
///
/// Mirrors istio pilot/pkg/model/sidecar.go (convertToSidecarScope).
fn destination<'a>(of_host: &[&'a Arc<Service>], client: &Namespace) -> Option<&'a Arc<Service>> {
    // Sorted by namespace: the first of equals is the first by name.
    of_host.iter().copied().min_by_key(|service| service.key.namespace != *client)
}

/// The services that the client may use, by host.
pub(super) fn visible<'a>(inputs: &ScopeInputs<'a>) -> impl Iterator<Item = &'a Arc<Service>> {
    let client = inputs.namespace;
    inputs.services.values().filter(move |service| service.export_to.allows(client))
}

/// The visible services with this host, sorted by namespace.
pub(super) fn visible_of_host<'a>(
    inputs: &ScopeInputs<'a>,
    host: &Host,
) -> impl Iterator<Item = &'a Arc<Service>> {
    let client = inputs.namespace;
    of_host(inputs.services, host).filter(move |service| service.export_to.allows(client))
}

/// The part of a listener that does not change.
#[derive(Debug)]
pub(super) struct Listener {
    imports: Option<Imports>,
    port: Option<u16>,
    /// The route sets that it imports among those that the client sees, or all of the mesh if it imports everything.
    pub(super) routes: Arc<RouteSetIndex>,
}

impl Listener {
    fn of(spec: &EgressListener, inputs: &ScopeInputs<'_>) -> Self {
        let imports = Imports::new(&spec.hosts, inputs.namespace);
        let all = inputs.routes.route_sets.iter();
        let seen =
            all.filter(|header| header.export_to.allows(inputs.namespace) && imports.route_set(header));
        Self {
            routes: Arc::new(RouteSetIndex::new(seen.cloned().collect())),
            // An HTTP proxy serves all ports; so does a UNIX domain socket, which has none.
            port: Some(spec)
                .filter(|spec| !spec.is_proxy)
                .and_then(|spec| spec.port.as_ref())
                .map(|port| port.number)
                .filter(|number| *number > 0),
            imports: Some(imports),
        }
    }

    /// The service that it imports among those with one host.
    pub(super) fn service<'a>(
        &self,
        of_host: &[&'a Arc<Service>],
        client: &Namespace,
    ) -> Option<&'a Arc<Service>> {
        imports::imported(of_host, client, self.imports.as_ref(), self.port)
    }
}
