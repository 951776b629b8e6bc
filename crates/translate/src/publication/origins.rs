//! The origins of the resources of a view, found among the members of its sets.

use std::{collections::BTreeMap, sync::Arc};

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use fairlead_incremental::{Collect, Reader};
use fairlead_model::{
    endpoints::{EndpointOrigins, endpoint_origins},
    mesh::ResolvedMesh,
};
use fairlead_resource::{EncodedResource, ResourceName, TypeUrl};

use super::{ClusterSetKey, ListenerSetKey, SetKeys, ViewKey};
use crate::{
    clusters::{self, ServiceClusters},
    endpoints::{self, ServiceLoadAssignments},
    listeners::{
        gateway::{self, GatewayListenerOf, GatewayListenerSet},
        inbound,
        outbound::{self, OutboundListener, OutboundListenerSet},
    },
    maker::Maker,
    origins::{Named, ResourceOrigins, Which},
    routes::{
        table::{RouteTables, TablesKey, hosts_of},
        virtual_host,
    },
    secrets,
    sets::{OutboundClusters, OutboundLoadAssignments, ScopeInView},
    view::EndpointView,
};

/// The origins found, and whether there may be more members.
#[derive(Debug, Default)]
pub struct Told {
    /// By the name of the resource. A shared one has origins from each of its members.
    pub resources: BTreeMap<ResourceName, ResourceOrigins>,
    /// Whether members were left out.
    pub is_cut: bool,
}

/// The origins of resources of one type in a view.
pub fn origins(cx: &Reader<'_>, view: &ViewKey, type_url: TypeUrl, which: &Which) -> Told {
    let keys = SetKeys::of(cx, view);
    let mut teller = Teller { cx, which, told: Told::default() };
    match type_url {
        TypeUrl::CLUSTER => teller.clusters(&keys.clusters),
        TypeUrl::CLUSTER_LOAD_ASSIGNMENT => teller.load_assignments(&keys.load_assignments),
        TypeUrl::LISTENER => teller.listeners(&keys.listeners),
        TypeUrl::ROUTE_CONFIGURATION => teller.route_tables(&keys.route_tables),
        TypeUrl::SECRET => {
            for (name, own) in secrets::origins(cx, &keys.secrets) {
                teller.tell(name, ResourceOrigins { own, ..ResourceOrigins::default() });
            }
        }
        _ => {}
    }
    teller.told
}

struct Teller<'a> {
    cx: &'a Reader<'a>,
    which: &'a Which,
    told: Told,
}

impl Teller<'_> {
    /// The requested members: those of the slice, or those with one of the names.
    fn members<T>(&mut self, all: impl IntoIterator<Item = T>, has: impl Fn(&T, &Named) -> bool) -> Vec<T> {
        match self.which {
            Which::Named(named) => all.into_iter().filter(|member| has(member, named)).collect(),
            Which::Members(range) => {
                let mut rest = all.into_iter().skip(range.start);
                let members = rest.by_ref().take(range.len()).collect();
                self.told.is_cut |= rest.next().is_some();
                members
            }
        }
    }

    /// Whether what no member makes is told: with the first of them.
    fn tells_rest(&self) -> bool {
        !matches!(self.which, Which::Members(range) if range.start > 0)
    }

    fn is_wanted(&self, name: &str) -> bool {
        !matches!(self.which, Which::Named(named) if !named.has(name))
    }

    fn tell(&mut self, name: Arc<str>, origins: ResourceOrigins) {
        if self.is_wanted(&name) {
            self.told.resources.entry(name).or_default().extend(origins);
        }
    }

    fn clusters(&mut self, key: &ClusterSetKey) {
        let cx = self.cx;
        let members = OutboundClusters::members(cx, &key.outbound);
        let has = |member: &_, named: &Named| has_any(&cx.get::<ServiceClusters>(member), named);
        for member in self.members(members, has) {
            clusters::each_of_service(cx, &member, &mut |made| self.cluster(&made.message, made.maker));
        }
        if let Some(inbound) = key.inbound.as_ref().filter(|_| self.tells_rest()) {
            clusters::each_inbound(cx, inbound, &mut |cluster, maker| self.cluster(&cluster, maker));
        }
    }

    fn cluster(&mut self, cluster: &Cluster, maker: Maker<'_>) {
        let own = maker.origins(self.cx);
        let mut parts = Vec::new();
        // A DNS cluster contains its endpoints.
        if let (Some(_), Maker::Service { key, port, .. }) = (&cluster.load_assignment, maker) {
            let of_service = endpoint_origins(self.cx, key);
            let of_port = of_service.into_iter().filter(|((of, ..), _)| *of == port);
            parts.extend(
                of_port.map(|((_, address, port), origin)| (endpoints::name(&address, port), vec![origin])),
            );
        }
        self.tell(cluster.name.as_str().into(), ResourceOrigins { own, parts });
    }

    fn load_assignments(&mut self, key: &ScopeInView<EndpointView>) {
        let cx = self.cx;
        let members = OutboundLoadAssignments::members(cx, key);
        let has = |member: &_, named: &Named| has_any(&cx.get::<ServiceLoadAssignments>(member), named);
        for member in self.members(members, has) {
            let mut of_service: Option<EndpointOrigins> = None;
            endpoints::each_of_service(cx, &member, &mut |assignment| {
                let of_service = of_service.get_or_insert_with(|| endpoint_origins(cx, &member.service));
                let (own, parts) = (assignment.maker.origins(cx), assignment.endpoint_origins(of_service));
                self.tell(assignment.name, ResourceOrigins { own, parts });
            });
        }
    }

    fn listeners(&mut self, key: &ListenerSetKey) {
        let cx = self.cx;
        match key {
            ListenerSetKey::Gateway(view) => {
                let members = GatewayListenerSet::members(cx, view);
                let has = |member: &_, named: &Named| {
                    cx.get::<GatewayListenerOf>(member)
                        .as_ref()
                        .as_ref()
                        .is_some_and(|of| named.has(&of.name))
                };
                for member in self.members(members, has) {
                    if let Some((name, origins)) = gateway::origins(cx, &member) {
                        self.tell(name, origins);
                    }
                }
            }
            ListenerSetKey::Sidecar(view, inbound) => {
                let members = OutboundListenerSet::members(cx, view);
                let has = |member: &_, named: &Named| named.has(&cx.get::<OutboundListener>(member).name);
                for member in self.members(members, has) {
                    let (name, origins) = outbound::origins(cx, view, &member);
                    self.tell(name, origins);
                }
                let mesh = cx.get::<ResolvedMesh>(&());
                for (listener, makers) in inbound::listeners(inbound, &mesh) {
                    if !self.tells_rest() {
                        break;
                    }
                    let of_chains = makers.iter().map(|maker| maker.origins(cx));
                    let mut origins = ResourceOrigins::of_listener(&listener, of_chains);
                    if listener.metadata.is_some() {
                        origins.own = origins.parts.first().map(|(_, of)| of.clone()).unwrap_or_default();
                    }
                    self.tell(listener.name.as_str().into(), origins);
                }
            }
        }
    }

    fn route_tables(&mut self, key: &TablesKey) {
        let cx = self.cx;
        let tables = RouteTables::members(cx, key);
        let wanted = tables.iter().filter(|table| self.is_wanted(table.name()));
        let hosts: Vec<_> = wanted.flat_map(|table| hosts_of(cx, table)).collect();
        for host in self.members(hosts, |host, named| named.has_host(&host.table, &host.name)) {
            let of_routes = virtual_host::origins(cx, &host).into_iter();
            let parts = of_routes.map(|origins| (host.name.clone(), origins)).collect();
            self.tell(host.table.clone(), ResourceOrigins { parts, ..ResourceOrigins::default() });
        }
    }
}

fn has_any(resources: &[EncodedResource], named: &Named) -> bool {
    resources.iter().any(|resource| named.has(&resource.name))
}
