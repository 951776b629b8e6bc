//! IP addresses, subnets, and the addresses of endpoints.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
};

use ipnet::IpNet;

use crate::{Code, Diagnostics, FieldPath, printable::shown};

use super::host;

/// Checks an IP address or subnet.
pub(super) fn address_or_subnet(text: &str, path: FieldPath, found: &mut Diagnostics) {
    if text.parse::<IpAddr>().is_err() && text.parse::<IpNet>().is_err() {
        let message = format!("`{}` is not an IP address or subnet", shown(text));
        found.error(Code::BadAddress, path, message).help("write it as in 10.1.2.3 or 10.1.0.0/16");
    }
}

/// Reports the ranges of a list that are equal to earlier ones once bits beyond the mask are ignored.
pub(super) fn distinct(texts: &[String], path: &FieldPath, found: &mut Diagnostics) {
    let mut there: BTreeMap<IpNet, usize> = BTreeMap::new();
    for (index, text) in texts.iter().enumerate() {
        let range = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let Ok(range) = range.map(|range| range.trunc()) else { continue };
        if let Some(first) = there.get(&range) {
            let text = format!("`{}` is the same range as `{}`: {range}", shown(text), shown(&texts[*first]));
            found.warn(Code::BadAddress, path.clone().index(index), text).help("remove one of them");
        } else {
            there.insert(range, index);
        }
    }
}

/// Checks an address to listen on. Envoy cannot listen on an IPv4 address in the form of IPv6.
pub(super) fn bind(text: &str, path: FieldPath, found: &mut Diagnostics) {
    let mapped = text.parse::<Ipv6Addr>().ok().and_then(|address| address.to_ipv4_mapped());
    let Some(mapped) = mapped else { return address(text, path, found) };
    let message = format!("nothing can listen on `{}`, an IPv4 address in the form of IPv6", shown(text));
    found.error(Code::BadAddress, path, message).help(format!("write {mapped}"));
}

/// Checks an IP address.
pub(super) fn address(text: &str, path: FieldPath, found: &mut Diagnostics) {
    if text.parse::<IpAddr>().is_err() {
        found.error(Code::BadAddress, path, format!("`{}` is not an IP address", shown(text)));
    }
}

/// Maximum length of a Unix socket's path (`sun_path` without its NUL). Envoy rejects resources with a longer one.
const SOCKET_BYTES: usize = 107;

/// Why the text after `unix://` is neither a path nor a name in the abstract namespace.
pub(super) fn socket_path(socket: &str) -> Result<(), String> {
    if !socket.starts_with('/') && !socket.starts_with('@') {
        Err("is not the path of a Unix socket".to_owned())
    } else if socket.len() > SOCKET_BYTES {
        Err(format!("is longer than the {SOCKET_BYTES} bytes that the path of a Unix socket may have"))
    } else if socket.contains('\0') {
        Err("has a character that the path of a Unix socket cannot have".to_owned())
    } else {
        Ok(())
    }
}

/// Checks the text after `unix://`.
pub(super) fn socket(socket: &str, path: FieldPath, found: &mut Diagnostics) {
    if let Err(why) = socket_path(socket) {
        found
            .error(Code::BadAddress, path, format!("`{}` {why}", shown(socket)))
            .help("write it as in unix:///run/app.sock or unix://@app");
    }
}

/// The type of an endpoint's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndpointAddress {
    Ip,
    Name,
    UnixSocket,
}

/// The type of an endpoint's address; reports an address of none.
pub(super) fn endpoint(text: &str, path: FieldPath, found: &mut Diagnostics) -> Option<EndpointAddress> {
    if let Some(socket) = text.strip_prefix("unix://") {
        let why = match socket_path(socket) {
            Ok(()) if socket.ends_with('/') => "is not the path of a Unix socket".to_owned(),
            Ok(()) => return Some(EndpointAddress::UnixSocket),
            Err(why) => why,
        };
        let message = format!("`{}` {why}", shown(text));
        found.error(Code::BadAddress, path, message).help("write it as in unix:///run/app.sock");
        return None;
    }
    if text.parse::<IpAddr>().is_ok() {
        return Some(EndpointAddress::Ip);
    }
    match host::name(text) {
        Ok(()) => Some(EndpointAddress::Name),
        Err(why) => {
            let message = format!("`{}` is neither an IP address nor a host: {why}", shown(text));
            let diagnostic = found.error(Code::BadAddress, path, message);
            if text.contains(':') {
                diagnostic.help("name ports under `ports`, not in the address");
            }
            None
        }
    }
}
