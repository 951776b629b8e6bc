//! Rules for `ServiceEntry`.
//!
//! Spec: <https://istio.io/latest/docs/reference/config/networking/service-entry/>

use std::{collections::BTreeSet, net::IpAddr};

use fairlead_api::{Resolution, ServiceEntrySpec, WorkloadEntrySpec};

use crate::{Code, Diagnostics, path, printable::shown};

use super::{
    address::{self, EndpointAddress},
    combinations, export_to,
    host::{self, HostForm},
    labels, port, workload_entry,
};

pub(super) fn check(spec: &ServiceEntrySpec, found: &mut Diagnostics) {
    hosts(spec, found);
    combinations::service_entry(spec, found);
    addresses(spec, found);
    ports(spec, found);
    export_to::check_or_none(&spec.export_to, found);
    if let Some(selector) = &spec.workload_selector {
        let path = path!("workloadSelector");
        if selector.labels.is_empty() {
            found.warn(
                Code::BadSelector,
                path.clone(),
                "the selector has no labels and selects every workload",
            );
        }
        labels::check(&selector.labels, Code::BadSelector, &path.field("labels"), found);
        if !spec.endpoints.is_empty() {
            let text = "`workloadSelector` and `endpoints` exclude each other";
            found.error(Code::MutuallyExclusive, path!("endpoints"), text).help("keep one of them");
        }
    }
    for (index, name) in spec.subject_alt_names.iter().enumerate() {
        if name.is_empty() {
            let text = "a subject alternative name is empty";
            found.error(Code::BadTls, path!("subjectAltNames"[index]), text);
        }
    }
    resolution(spec, found);
    for (index, endpoint) in spec.endpoints.iter().enumerate() {
        check_endpoint(spec, endpoint, index, found);
    }
}

fn hosts(spec: &ServiceEntrySpec, found: &mut Diagnostics) {
    if spec.hosts.is_empty() {
        found.error(Code::EmptyValue, path!("hosts"), "the object has no hosts");
    }
    for (index, name) in spec.hosts.iter().enumerate() {
        let path = path!("hosts"[index]);
        if name == "*" {
            let text = "the host `*` would match every service";
            found.error(Code::BadHost, path, text).help("name the domain, as *.example.com");
        } else {
            host::check(name, HostForm::Wildcard, path, found);
        }
    }
    host::unique(&spec.hosts, &path!("hosts"), found);
}

fn addresses(spec: &ServiceEntrySpec, found: &mut Diagnostics) {
    address::distinct(&spec.addresses, &path!("addresses"), found);
    for (index, text) in spec.addresses.iter().enumerate() {
        let path = path!("addresses"[index]);
        if text.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified()) {
            let text = format!("`{}` stands for every address and is not used", shown(text));
            found
                .warn(Code::BadAddress, path, text)
                .help("leave it out, or write the address of the service");
            continue;
        }
        address::address_or_subnet(text, path.clone(), found);
        let takes_subnets =
            matches!(spec.resolution.unwrap_or_default(), Resolution::None | Resolution::Static);
        if text.contains('/') && !takes_subnets {
            let text = format!("the subnet `{}` needs the resolution NONE or STATIC", shown(text));
            found.error(Code::BadResolution, path, text).help("write a single address");
        }
    }
}

fn ports(spec: &ServiceEntrySpec, found: &mut Diagnostics) {
    if spec.ports.is_empty() {
        let text = "the object has no ports, so nothing can be sent to it";
        found
            .warn(Code::EmptyValue, path!("ports"), text)
            .help("write ports: [{number: 443, name: tls, protocol: TLS}]");
    }
    let (mut numbers, mut names) = (BTreeSet::new(), BTreeSet::new());
    for (index, service_port) in spec.ports.iter().enumerate() {
        let path = path!("ports"[index]);
        port::number(service_port.number, path.clone().field("number"), found);
        port::name(&service_port.name, path.clone().field("name"), found);
        if !numbers.insert(service_port.number) {
            let text = format!("the port {} appears twice", service_port.number);
            found.error(Code::DuplicatePort, path.clone().field("number"), text).help("remove one");
        }
        if !names.insert(&service_port.name) {
            let text = format!("the port name `{}` appears twice", shown(&service_port.name));
            found.error(Code::DuplicateName, path.clone().field("name"), text).help("rename one");
        }
        if let Some(protocol) = &service_port.protocol {
            port::protocol(protocol, path.clone().field("protocol"), found);
        }
        if let Some(number) = service_port.target_port {
            port::number(number, path.field("targetPort"), found);
        }
    }
}

fn resolution(spec: &ServiceEntrySpec, found: &mut Diagnostics) {
    let path = path!("resolution");
    let wildcard = spec.hosts.iter().find(|host| host.starts_with('*'));
    let has_endpoints = !spec.endpoints.is_empty() || spec.workload_selector.is_some();
    match spec.resolution.unwrap_or_default() {
        Resolution::None if !spec.endpoints.is_empty() => {
            let text = "endpoints are not used with the resolution NONE, which is the default";
            found
                .error(Code::BadResolution, path!("endpoints"), text)
                .help("write resolution: STATIC or DNS");
        }
        Resolution::Static if !has_endpoints => {
            let text =
                "with the resolution STATIC the service has only the endpoints listed, and there are none";
            found
                .warn(Code::BadResolution, path, text)
                .help("write `endpoints` or `workloadSelector`, or resolution: DNS");
        }
        Resolution::Dns | Resolution::DnsRoundRobin if !has_endpoints => {
            if let Some(host) = wildcard {
                let text = format!("`{}` cannot be looked up", shown(host));
                found
                    .error(Code::BadResolution, path, text)
                    .help("name each host, or write `endpoints` or resolution: NONE");
            }
        }
        Resolution::DnsRoundRobin if spec.endpoints.len() > 1 => {
            let text = "the resolution DNS_ROUND_ROBIN takes one endpoint";
            found
                .error(Code::BadResolution, path!("endpoints"), text)
                .help("write resolution: DNS for several");
        }
        Resolution::DynamicDns => {
            if has_endpoints {
                let text = "the resolution DYNAMIC_DNS takes the host of each request, not endpoints";
                found.error(Code::BadResolution, path.clone(), text).help("remove the endpoints");
            }
            if wildcard.is_none() {
                let text = "the resolution DYNAMIC_DNS is for hosts with a wildcard";
                found.error(Code::BadResolution, path, text).help("write resolution: DNS");
            }
        }
        _ => {}
    }
}

fn check_endpoint(
    spec: &ServiceEntrySpec,
    endpoint: &WorkloadEntrySpec,
    index: usize,
    found: &mut Diagnostics,
) {
    let path = path!("endpoints"[index]);
    let address = workload_entry::check_entry(endpoint, &path, found);
    let resolution = spec.resolution.unwrap_or_default();
    if resolution == Resolution::Static && address == Some(EndpointAddress::Name) {
        let text = "with the resolution STATIC an endpoint is an IP address or Unix socket";
        found
            .error(Code::BadResolution, path.clone().field("address"), text)
            .help("write resolution: DNS for names");
    }
    if address == Some(EndpointAddress::UnixSocket) {
        if resolution != Resolution::Static {
            let text = "an endpoint that is a Unix socket needs the resolution STATIC";
            found.error(Code::BadResolution, path.clone().field("address"), text);
        }
        if spec.ports.len() != 1 {
            let text = "a service whose endpoint is a Unix socket has one port";
            found.error(Code::BadAddress, path.clone().field("address"), text);
        }
    }
    for name in endpoint.ports.keys() {
        if !spec.ports.iter().any(|port| port.name == *name) {
            let text = format!("the service has no port `{}`", shown(name));
            let names: Vec<_> = spec.ports.iter().map(|port| port.name.as_str()).collect();
            let diagnostic = found.error(Code::BadPort, path.clone().field("ports").key(name.clone()), text);
            diagnostic.help(format!("its ports are {}", names.join(", ")));
        }
    }
}
