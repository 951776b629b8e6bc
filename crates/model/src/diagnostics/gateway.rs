//! Findings about a Gateway among other objects.

use std::sync::Arc;

use fairlead_config::{Code, Diagnostics, path};

use crate::{
    CertificateSource,
    gateway::{ClientCa, ClientValidation, Conflict, ConflictReason, Gateway, ServerTls},
};

/// What the findings depend on beside the Gateway.
pub(super) struct Surroundings<'a> {
    /// Whether some namespace has a Secret of this name.
    pub(super) has_secret: &'a dyn Fn(&str) -> bool,
    /// What the Gateways with the same selector get in each other's way with.
    pub(super) conflicts: &'a [Conflict],
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
    for conflict in around.conflicts.iter().filter(|conflict| conflict.server.gateway == gateway.origin) {
        let with = format!("servers[{}] of {}", conflict.with.index, conflict.with.gateway);
        let message = match &conflict.reason {
            ConflictReason::Protocol => {
                format!("port {} is taken by {with}, which speaks another protocol", conflict.port)
            }
            ConflictReason::Host(host) => format!("`{host}` on port {} is served by {with}", conflict.port),
        };
        diagnostics.error(Code::ConflictingServer, path!("servers"[conflict.server.index]), message);
    }
}
