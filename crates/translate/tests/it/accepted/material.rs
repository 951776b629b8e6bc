//! How the secrets that are made of Secrets are judged.

use fairlead_resource::TypeUrl;
use fairlead_translate::publication::Sets;
use serde_json::{Value, json};

use crate::json_walk::{all, text};

/// A cluster for each secret that has its content in itself: Envoy judges it by itself, as it does by SDS.
pub(super) fn judged(sets: &Sets, prefix: &str) -> Vec<Value> {
    let secrets = all(&sets.secrets, TypeUrl::SECRET);
    let inline = secrets.iter().filter(|secret| !secret.to_string().contains("\"filename\""));
    let cluster = |secret: &Value| {
        let common = if secret["tls_certificate"].is_null() {
            json!({"validation_context": secret["validation_context"]})
        } else {
            json!({"tls_certificates": [secret["tls_certificate"]]})
        };
        json!({
            "name": format!("{prefix}{}", text(&secret["name"])),
            "connect_timeout": "1s",
            "type": "STATIC",
            "transport_socket": {"name": "tls", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                "common_tls_context": common,
            }},
        })
    };
    inline.map(cluster).collect()
}

/// Whether Envoy refused a secret for what is in its certificates and keys. Nobody else reads them: such a secret is
/// refused by itself, and costs its own server.
pub(super) fn is_of_its_content(why: &str) -> bool {
    ["Failed to load private key", "Failed to load certificate chain", "Failed to load trusted CA"]
        .iter()
        .any(|start| why.contains(start))
}
