//! The YAML of Secrets.

use fairlead_testkit::certs::CertKey;

/// A Secret with a certificate and its key, and perhaps authorities.
pub(crate) fn tls_secret(name: &str, namespace: &str, identity: &CertKey, ca: Option<&str>) -> String {
    let mut entries = vec![("tls.crt", identity.certificate.as_str()), ("tls.key", identity.key.as_str())];
    entries.extend(ca.map(|ca| ("ca.crt", ca)));
    secret(name, namespace, &entries)
}

/// A Secret with these values.
pub(crate) fn secret(name: &str, namespace: &str, entries: &[(&str, &str)]) -> String {
    let values: Vec<_> = entries.iter().map(|(key, value)| format!("\"{key}\": {}", quoted(value))).collect();
    format!(
        "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: {namespace}}}\nstringData: {{{}}}\n",
        values.join(", ")
    )
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text is JSON")
}
