//! Port numbers and the protocols of ports.

use crate::{Code, Diagnostics, FieldPath, printable::shown};

/// Protocols of ports, as Istio spells them.
const PROTOCOLS: &[&str] = &[
    "HTTP",
    "HTTPS",
    "HTTP2",
    "HTTP_PROXY",
    "GRPC",
    "GRPC-WEB",
    "TCP",
    "TLS",
    "UDP",
    "MONGO",
    "REDIS",
    "MYSQL",
];

/// Checks the number of a port.
pub(super) fn number(number: u32, path: FieldPath, found: &mut Diagnostics) {
    if !(1..=65_535).contains(&number) {
        let text = format!("{number} is not a port");
        found.error(Code::BadPort, path, text).help("write a number from 1 to 65535");
    }
}

/// Checks the protocol of a port; an empty one is the same as none.
pub(super) fn protocol(protocol: &str, path: FieldPath, found: &mut Diagnostics) {
    if !protocol.is_empty() && !PROTOCOLS.iter().any(|known| known.eq_ignore_ascii_case(protocol)) {
        let text = format!("`{}` is not a protocol", shown(protocol));
        found
            .error(Code::UnknownProtocol, path, text)
            .help(format!("the protocols are {}", PROTOCOLS.join(", ")));
    }
}

/// Whether traffic of the protocol is TLS.
pub(super) fn is_tls(protocol: &str) -> bool {
    ["HTTPS", "TLS"].iter().any(|tls| tls.eq_ignore_ascii_case(protocol))
}

/// Whether traffic of the protocol is plaintext HTTP.
pub(super) fn is_http(protocol: &str) -> bool {
    ["HTTP", "HTTP2", "HTTP_PROXY", "GRPC", "GRPC-WEB"].iter().any(|http| http.eq_ignore_ascii_case(protocol))
}

/// Checks the name of a port: letters of either case, digits and dashes.
pub(super) fn name(name: &str, path: FieldPath, found: &mut Diagnostics) {
    if let Err(why) = crate::syntax::label(&name.to_ascii_lowercase()) {
        let text = format!("`{}` cannot be the name of a port: {why}", shown(name));
        found.error(Code::BadName, path, text);
    }
}
