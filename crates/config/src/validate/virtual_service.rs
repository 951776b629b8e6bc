//! Rules for `VirtualService`; those for its HTTP routes are in [`http_route`].
//!
//! Spec: <https://istio.io/latest/docs/reference/config/networking/virtual-service/>

use fairlead_api::{
    L4MatchAttributes, RouteDestination, TcpRoute, TlsMatchAttributes, TlsRoute, VirtualServiceSpec,
};

use crate::{Code, Diagnostics, FieldPath, path, printable::shown};

use super::{
    address, combinations, destination, export_to, gateway_names,
    host::{self, HostForm},
    http_route, labels, port,
};

pub(super) fn check(spec: &VirtualServiceSpec, found: &mut Diagnostics) {
    hosts(spec, found);
    combinations::virtual_service(spec, found);
    gateway_names::check(&spec.gateways, &path!("gateways"), found);
    export_to::check(&spec.export_to, found);
    if spec.http.is_empty() && spec.tls.is_empty() && spec.tcp.is_empty() {
        found
            .error(Code::EmptyValue, path!(), "the object has no rules")
            .help("write at least one rule under `http`, `tls` or `tcp`");
    }
    http_route::check_all(&spec.http, found);
    for (index, rule) in spec.tls.iter().enumerate() {
        tls_route(rule, &spec.hosts, &path!("tls"[index]), found);
    }
    for (index, rule) in spec.tcp.iter().enumerate() {
        tcp_route(rule, &path!("tcp"[index]), found);
    }
}

fn hosts(spec: &VirtualServiceSpec, found: &mut Diagnostics) {
    if spec.hosts.is_empty() {
        if spec.http.is_empty() || !spec.tls.is_empty() || !spec.tcp.is_empty() {
            found.error(Code::EmptyValue, path!("hosts"), "the object has no hosts");
        } else {
            let text = "without hosts the object is only a delegate, which has no effect yet";
            found.warn(Code::NotTranslated, path!("hosts"), text);
        }
    }
    let in_mesh = spec.gateways.is_empty() || spec.gateways.iter().any(|gateway| gateway == "mesh");
    for (index, name) in spec.hosts.iter().enumerate() {
        let path = path!("hosts"[index]);
        if name == "*" && in_mesh {
            let text = "the host `*` is not allowed for sidecars";
            found
                .error(Code::BadHost, path, text)
                .help("name the hosts, or name gateways other than `mesh` under `gateways`");
        } else {
            host::check(name, HostForm::WildcardOrAddress, path, found);
        }
    }
    host::unique(&spec.hosts, &path!("hosts"), found);
}

fn tls_route(rule: &TlsRoute, hosts: &[String], path: &FieldPath, found: &mut Diagnostics) {
    if rule.matches.is_empty() {
        let text = "a TLS rule needs at least one match";
        found.error(Code::EmptyValue, path.clone().field("match"), text).help("write sniHosts");
    }
    for (index, attributes) in rule.matches.iter().enumerate() {
        tls_match(attributes, hosts, &path.clone().field("match").index(index), found);
    }
    destinations(&rule.route, path, found);
}

fn tls_match(attributes: &TlsMatchAttributes, hosts: &[String], path: &FieldPath, found: &mut Diagnostics) {
    let sni_hosts = path.clone().field("sniHosts");
    if attributes.sni_hosts.is_empty() {
        found.error(Code::EmptyValue, sni_hosts.clone(), "a TLS match needs at least one SNI host");
    }
    for (index, name) in attributes.sni_hosts.iter().enumerate() {
        let path = sni_hosts.clone().index(index);
        let valid = host::check(name, HostForm::Wildcard, path.clone(), found);
        if valid && !hosts.iter().any(|host| host::covers(host, name)) {
            let text = format!("`{}` is not one of the object's hosts", shown(name));
            found.error(Code::BadHost, path, text).help("add it under `spec.hosts`");
        }
    }
    let l4 = L4MatchAttributes {
        destination_subnets: attributes.destination_subnets.clone(),
        port: attributes.port,
        source_subnet: None,
        source_labels: attributes.source_labels.clone(),
        gateways: attributes.gateways.clone(),
        source_namespace: attributes.source_namespace.clone(),
    };
    l4_match(&l4, path, found);
}

fn tcp_route(rule: &TcpRoute, path: &FieldPath, found: &mut Diagnostics) {
    for (index, attributes) in rule.matches.iter().enumerate() {
        l4_match(attributes, &path.clone().field("match").index(index), found);
    }
    destinations(&rule.route, path, found);
}

fn l4_match(attributes: &L4MatchAttributes, path: &FieldPath, found: &mut Diagnostics) {
    address::distinct(&attributes.destination_subnets, &path.clone().field("destinationSubnets"), found);
    for (index, subnet) in attributes.destination_subnets.iter().enumerate() {
        address::address_or_subnet(subnet, path.clone().field("destinationSubnets").index(index), found);
    }
    if let Some(subnet) = &attributes.source_subnet {
        address::address_or_subnet(subnet, path.clone().field("sourceSubnet"), found);
    }
    if let Some(number) = attributes.port {
        port::number(number, path.clone().field("port"), found);
    }
    labels::check(&attributes.source_labels, Code::BadLabel, &path.clone().field("sourceLabels"), found);
    gateway_names::check(&attributes.gateways, &path.clone().field("gateways"), found);
}

fn destinations(route: &[RouteDestination], path: &FieldPath, found: &mut Diagnostics) {
    let path = path.clone().field("route");
    if route.is_empty() {
        found.error(Code::NoAction, path, "the rule has no destination").help("write `route`");
        return;
    }
    for (index, weighted) in route.iter().enumerate() {
        destination::check(&weighted.destination, &path.clone().index(index).field("destination"), found);
    }
    let weights: Vec<_> = route.iter().map(|weighted| weighted.weight).collect();
    destination::weights(&weights, &path, found);
}
