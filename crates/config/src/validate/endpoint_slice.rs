//! Rules for `EndpointSlice` that the API server has too.

use std::net::{Ipv4Addr, Ipv6Addr};

use fairlead_api::{AddressType, EndpointPort, EndpointSlice};

use crate::{Code, Diagnostics, FieldPath, printable::shown};

use super::{host, port};

pub(super) fn check(slice: &EndpointSlice, found: &mut Diagnostics) {
    let endpoints = FieldPath::root().field("endpoints");
    for (index, endpoint) in slice.endpoints.iter().enumerate() {
        let path = endpoints.clone().index(index).field("addresses");
        if endpoint.addresses.is_empty() {
            found.error(Code::EmptyValue, path.clone(), "the endpoint has no address");
        }
        for (index, address) in endpoint.addresses.iter().enumerate() {
            let (fits, expected) = match slice.address_type {
                AddressType::IPv4 => (address.parse::<Ipv4Addr>().is_ok(), "an IPv4 address"),
                AddressType::IPv6 => (address.parse::<Ipv6Addr>().is_ok(), "an IPv6 address"),
                AddressType::Fqdn => (host::name(address).is_ok(), "a host name"),
            };
            if !fits {
                let text = format!("`{}` is not {expected}", shown(address));
                found.error(Code::BadAddress, path.clone().index(index), text);
            }
        }
    }
    ports(&slice.ports, &FieldPath::root().field("ports"), found);
}

/// Checks the ports of endpoints.
pub(super) fn ports(ports: &[EndpointPort], path: &FieldPath, found: &mut Diagnostics) {
    for (index, endpoint_port) in ports.iter().enumerate() {
        if let Some(number) = endpoint_port.port {
            port::number(number, path.clone().index(index).field("port"), found);
        }
    }
}
