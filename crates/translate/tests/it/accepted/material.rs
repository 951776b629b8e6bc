//! Certificates and keys in the values of Secrets, and how the secrets that are made of them are judged.

use fairlead_envoy::TypeUrl;
use fairlead_testkit::certs::Ca;
use fairlead_translate::publication::Sets;
use serde_json::{Value, json};

use crate::json_walk::{all, text};

/// What words that begin with `@` stand for in a Secret.
pub(super) struct Material(Vec<(&'static str, String)>);

impl Material {
    pub(super) fn new() -> Self {
        let ca = Ca::new("test").expect("an authority");
        let server = ca.server(&["example.com"]).expect("a certificate");
        let other = ca.server(&["example.com"]).expect("a certificate");
        let expired = ca.expired_server(&["example.com"]).expect("a certificate");
        let authority = ca.certificate();
        Self(vec![
            ("@chain", server.certificate.clone()),
            ("@key", server.key.clone()),
            ("@other-key", other.key),
            ("@expired", expired.certificate),
            ("@ca-twice", format!("{authority}{authority}")),
            ("@ca", authority.clone()),
            ("@crl", "-----BEGIN X509 CRL-----\nAA==\n-----END X509 CRL-----\n".to_owned()),
            ("@rest", format!("of {}\n{}rest", "é", server.certificate)),
            ("@crlf", server.certificate.replace('\n', "\r\n")),
        ])
    }

    /// The object with the words replaced.
    pub(super) fn put_into(&self, text: &str) -> String {
        if !text.contains("\"Secret\"") {
            return text.to_owned();
        }
        let mut text = text.to_owned();
        for (word, pem) in &self.0 {
            let (word, pem) = (json!(word).to_string(), json!(pem).to_string());
            text = text.replace(&word, &pem);
        }
        text
    }
}

/// A cluster for each secret that has its content in itself: Envoy judges it by itself, as it does by SDS.
pub(super) fn judged(sets: &Sets, prefix: &str) -> Vec<Value> {
    let secrets = all(&sets.secrets, TypeUrl::Secret);
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
