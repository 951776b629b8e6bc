//! Field paths in a VirtualService as its author wrote it.
//!
//! Resolution drops unusable and repeated items, so the indexes of a resolved object may differ from the written ones.

use std::collections::BTreeMap;

use fairlead_config::{FieldPath, Namespace, api, path};

use crate::{
    Host,
    routes::{Destination, GatewayRef, HttpAction, RouteSet},
    virtual_service::{Names, gateway},
};

/// A VirtualService as it is written.
pub(super) struct Written<'a> {
    spec: &'a api::VirtualServiceSpec,
    names: Names<'a>,
    /// The first index of each host. There may be thousands.
    hosts: BTreeMap<Host, usize>,
}

/// A destination as it is written.
pub(super) struct WrittenDestination<'a> {
    pub(super) path: FieldPath,
    pub(super) destination: Destination,
    /// `host` as written.
    pub(super) host: &'a str,
    /// Whether it receives requests rather than connections.
    pub(super) is_http: bool,
}

impl<'a> Written<'a> {
    /// An object of `namespace`; `domain` is the DNS domain of Kubernetes Services.
    pub(super) fn new(spec: &'a api::VirtualServiceSpec, namespace: &'a Namespace, domain: &'a str) -> Self {
        let names = Names { namespace, domain };
        let hosts = spec.hosts.iter().enumerate().rev().filter(|(_, text)| !text.is_empty());
        Self { spec, names, hosts: hosts.map(|(at, text)| (names.host(text), at)).collect() }
    }

    /// A host of the object.
    pub(super) fn host(&self, host: &Host) -> (FieldPath, &'a str) {
        let at = self.hosts.get(host);
        at.map_or((path!("hosts"), ""), |at| (path!("hosts"[*at]), &*self.spec.hosts[*at]))
    }

    /// A gateway of the object.
    pub(super) fn gateway(&self, place: &GatewayRef) -> FieldPath {
        let is_it = |text: &String| !text.is_empty() && gateway(text, self.names.namespace) == *place;
        match self.spec.gateways.iter().position(is_it) {
            Some(at) => path!("gateways"[at]),
            None => path!("gateways"),
        }
    }

    /// A condition of an HTTP route, or the route itself if a condition was left out.
    pub(super) fn http_match(&self, route: usize, index: usize, matches: usize) -> FieldPath {
        let path = path!("http"[route]);
        match self.spec.http.get(route) {
            Some(http) if http.matches.len() == matches => path.field("match").index(index),
            _ => path,
        }
    }

    /// The destinations of `routes`, the resolved form of this object, including mirrors.
    pub(super) fn destinations(&self, routes: &RouteSet) -> Vec<WrittenDestination<'a>> {
        let mut found = Vec::new();
        for route in &routes.http {
            let Some(http) = self.spec.http.get(route.index) else { continue };
            let path = path!("http"[route.index]);
            if let HttpAction::Route { destinations, .. } = &route.action {
                let to = http.route.iter().map(|weighted| &weighted.destination);
                let is_used = |to: &Destination| destinations.iter().any(|used| used.destination == *to);
                self.add(&path.clone().field("route"), to, &is_used, true, &mut found);
            }
            let is_used = |to: &Destination| route.mirrors.iter().any(|used| used.destination == *to);
            for mirror in
                http.mirror.iter().map(|to| self.destination(path.clone().field("mirror"), to, true))
            {
                if is_used(&mirror.destination) {
                    found.push(mirror);
                }
            }
            let several = http.mirrors.iter().map(|mirror| &mirror.destination);
            self.add(&path.field("mirrors"), several, &is_used, true, &mut found);
        }
        for route in &routes.tls {
            let Some(tls) = self.spec.tls.get(route.index) else { continue };
            let to = tls.route.iter().map(|weighted| &weighted.destination);
            let is_used = |to: &Destination| route.destinations.iter().any(|(used, _)| used == to);
            self.add(&path!("tls"[route.index]."route"), to, &is_used, false, &mut found);
        }
        for route in &routes.tcp {
            let Some(tcp) = self.spec.tcp.get(route.index) else { continue };
            let to = tcp.route.iter().map(|weighted| &weighted.destination);
            let is_used = |to: &Destination| route.destinations.iter().any(|(used, _)| used == to);
            self.add(&path!("tcp"[route.index]."route"), to, &is_used, false, &mut found);
        }
        found
    }

    /// Adds the used items of a list.
    fn add(
        &self,
        list: &FieldPath,
        to: impl Iterator<Item = &'a api::Destination>,
        is_used: &dyn Fn(&Destination) -> bool,
        is_http: bool,
        found: &mut Vec<WrittenDestination<'a>>,
    ) {
        let place = |index: usize| list.clone().index(index).field("destination");
        let all = to.enumerate().map(|(index, to)| self.destination(place(index), to, is_http));
        found.extend(all.filter(|written| is_used(&written.destination)));
    }

    fn destination(
        &self,
        path: FieldPath,
        to: &'a api::Destination,
        is_http: bool,
    ) -> WrittenDestination<'a> {
        WrittenDestination { path, destination: self.names.destination(to), host: &to.host, is_http }
    }
}
