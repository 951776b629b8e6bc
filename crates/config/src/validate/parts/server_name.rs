//! Hosts as server names of TLS.

use crate::{Code, Diagnostics, FieldPath};

/// Whether the host can be a server name of TLS. Envoy rejects the whole listener for a wildcard that stands for a part
/// of a label, such as `*-eu.example.com`.
pub fn is_server_name(host: &str) -> bool {
    host.strip_prefix('*').is_none_or(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Reports a host that is not a server name; returns whether it is one.
pub(super) fn check(host: &str, path: FieldPath, found: &mut Diagnostics) -> bool {
    let is_name = is_server_name(host);
    if !is_name {
        let host = host.to_ascii_lowercase();
        let text = format!("`{host}` cannot be the name of a TLS server; it is left out");
        let help = "write names, or a * for whole labels, as *.example.com";
        found.error(Code::BadHost, path, text).help(help);
    }
    is_name
}
