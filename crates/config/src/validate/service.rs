//! Rules for `Service` that the API server has too, for objects that come from files.

use std::{collections::BTreeSet, net::IpAddr};

use fairlead_api::{IntOrString, ServiceSpec, ServiceType};

use crate::{Code, Diagnostics, path, printable::shown, syntax};

use super::{
    host::{self, HostForm},
    labels, port,
};

pub(super) fn check(spec: &ServiceSpec, found: &mut Diagnostics) {
    labels::check(&spec.selector, Code::BadSelector, &path!("selector"), found);
    if spec.service_type == ServiceType::ExternalName {
        match spec.external_name.as_deref() {
            None | Some("") => {
                let text = "a Service of type ExternalName needs `externalName`";
                found.error(Code::EmptyValue, path!("externalName"), text);
            }
            Some(name) => {
                host::check(name, HostForm::Name, path!("externalName"), found);
            }
        }
    }
    for (index, text) in spec.cluster_ips.iter().enumerate() {
        cluster_ip(text, path!("clusterIPs"[index]), found);
    }
    if let Some(text) = &spec.cluster_ip {
        cluster_ip(text, path!("clusterIP"), found);
    }
    ports(spec, found);
}

fn cluster_ip(text: &str, path: crate::FieldPath, found: &mut Diagnostics) {
    if !matches!(text, "" | "None") && text.parse::<IpAddr>().is_err() {
        let message = format!("`{}` is not an IP address", shown(text));
        found.error(Code::BadAddress, path, message).help("write None for a headless Service");
    }
}

fn ports(spec: &ServiceSpec, found: &mut Diagnostics) {
    let headless = spec.cluster_ip.as_deref() == Some("None");
    if spec.ports.is_empty() && spec.service_type != ServiceType::ExternalName && !headless {
        found.error(Code::EmptyValue, path!("ports"), "the Service has no ports");
    }
    let (mut numbers, mut names) = (BTreeSet::new(), BTreeSet::new());
    for (index, service_port) in spec.ports.iter().enumerate() {
        let path = path!("ports"[index]);
        port::number(service_port.port, path.clone().field("port"), found);
        if !numbers.insert((service_port.port, service_port.protocol as u8)) {
            let text = format!("the port {} appears twice", service_port.port);
            found.error(Code::DuplicatePort, path.clone().field("port"), text).help("remove one");
        }
        match service_port.name.as_deref() {
            None | Some("") if spec.ports.len() > 1 => {
                let text = "ports need names if there are several";
                found.error(Code::EmptyValue, path.clone().field("name"), text).help("write name: http");
            }
            None | Some("") => {}
            Some(name) => {
                if let Err(why) = syntax::label(name) {
                    let text = format!("`{}` cannot be the name of a port: {why}", shown(name));
                    found.error(Code::BadName, path.clone().field("name"), text);
                }
                if !names.insert(name) {
                    let text = format!("the port name `{}` appears twice", shown(name));
                    found.error(Code::DuplicateName, path.clone().field("name"), text).help("rename one");
                }
            }
        }
        // The API server reads 0 as the port itself.
        if let Some(IntOrString::Int(number)) = service_port.target_port
            && number > 0
        {
            port::number(number, path.field("targetPort"), found);
        }
    }
}
