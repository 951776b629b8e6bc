//! Hosts of a `ServiceEntry` that have no TLS ports, because they cannot be server names.

use fairlead_api::ServiceEntrySpec;

use crate::{Diagnostics, path};

use super::{super::port, server_name};

pub(super) fn check(spec: &ServiceEntrySpec, found: &mut Diagnostics) {
    if spec.ports.iter().any(|port| port.protocol.as_deref().is_some_and(port::is_tls)) {
        for (index, host) in spec.hosts.iter().enumerate() {
            server_name::check(host, path!("hosts"[index]), found);
        }
    }
}
