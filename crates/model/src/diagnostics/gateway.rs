//! Findings about a Gateway among other objects.

use std::sync::Arc;

use fairlead_config::{Code, Diagnostics, path};

use super::lookups::ConflictsOf;
use crate::{
    CertificateSource,
    gateway::{ClientCa, ClientValidation, ConflictReason, Gateway, ServerTls},
};

/// What the findings depend on beside the Gateway.
pub(super) struct Surroundings<'a> {
    /// Whether some namespace has a Secret of this name.
    pub(super) has_secret: &'a dyn Fn(&str) -> bool,
    /// Where it and Gateways with the same selector get in each other's way.
    pub(super) conflicts: &'a ConflictsOf,
}

pub(super) fn check(gateway: &Gateway, around: &Surroundings<'_>, diagnostics: &mut Diagnostics) {
    for server in &gateway.servers {
        let ServerTls::Terminate(tls) = &server.tls else { continue };
        let mut missing: Vec<Arc<str>> = Vec::new();
        if let CertificateSource::Secret(name) = &tls.certificate
            && !(around.has_secret)(name)
        {
            missing.push(name.clone());
        }
        if let ClientValidation::Required(ClientCa::Secret(name))
        | ClientValidation::Optional(ClientCa::Secret(name)) = &tls.client
            && !(around.has_secret)(name)
            && !(around.has_secret)(&format!("{name}-cacert"))
            && !missing.contains(name)
        {
            missing.push(name.clone());
        }
        for name in missing {
            let message = format!("no namespace has a Secret `{name}`; the server cannot accept connections");
            let path = path!("servers"[server.index]."tls"."credentialName");
            let finding = diagnostics.warn(Code::UnknownSecret, path, message);
            finding.help("create it in the namespace of the gateway's Pods");
        }
    }
    check_conflicts(around.conflicts, diagnostics);
}

/// Reports servers that are left out, and to the author of the one that stays those of other namespaces: whoever
/// runs a gateway that namespaces share has to know of both.
fn check_conflicts(conflicts: &ConflictsOf, diagnostics: &mut Diagnostics) {
    for conflict in &conflicts.left_out {
        let with = format!("servers[{}] of {}", conflict.with.index, conflict.with.gateway);
        let message = match &conflict.reason {
            ConflictReason::Protocol => {
                format!("port {} is taken by {with}, which speaks another protocol", conflict.port)
            }
            ConflictReason::Host(host) => format!("`{host}` on port {} is served by {with}", conflict.port),
        };
        diagnostics.error(Code::ConflictingServer, path!("servers"[conflict.server.index]), message);
    }
    for (index, conflict) in &conflicts.leaves_out {
        let what = match &conflict.reason {
            ConflictReason::Protocol => format!("port {}", conflict.port),
            ConflictReason::Host(host) => format!("`{host}` on port {}", conflict.port),
        };
        let (server, gateway) = (conflict.server.index, &conflict.server.gateway);
        let message = format!(
            "{what} is this server's, so servers[{server}] of {gateway}, of another namespace, is left out"
        );
        diagnostics.info(Code::ConflictingServer, path!("servers"[*index]), message);
    }
}
