//! Rules for `Secret`: those of the API server, and what `kubernetes.io/tls` promises.
//!
//! Secrets of other types may hold anything under any key, so they are checked where an object names them for TLS, in
//! `fairlead-model`. So are values that only Envoy rejects, as many Secrets are not meant for it.

use fairlead_api::Secret;

use crate::{
    Code, Diagnostics, FieldPath,
    certificate::{Authorities, Chain, Fault, PrivateKey},
};

const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
const AUTHORITIES: &str = "ca.crt";

/// Whether the Secret says by its type that it holds a certificate and its key.
pub fn is_tls_secret(secret: &Secret) -> bool {
    secret.secret_type.as_deref() == Some("kubernetes.io/tls")
}

/// The field that has, or would have, the value of a key of a Secret.
pub fn secret_value(secret: &Secret, key: &str) -> FieldPath {
    let field = if secret.string_data.contains_key(key) { "stringData" } else { "data" };
    FieldPath::root().field(field).key(key)
}

pub(super) fn check(secret: &Secret, found: &mut Diagnostics) {
    if !is_tls_secret(secret) {
        return;
    }
    let chain = check_value(secret, CERTIFICATE, Chain::read, found);
    let key = check_value(secret, KEY, PrivateKey::read, found);
    if let (Some(chain), Some(key)) = (chain, key)
        && let Some(fault) = key.mismatch(&chain, CERTIFICATE)
    {
        report(secret, KEY, &fault, found);
    }
    if secret.get(AUTHORITIES).is_some() {
        check_value(secret, AUTHORITIES, Authorities::read, found);
    }
}

/// Reads a value, if it is not empty. Issuers leave values empty that they do not have yet, or never will.
fn check_value<T>(
    secret: &Secret,
    key: &str,
    read: impl FnOnce(&[u8]) -> Result<T, Fault>,
    found: &mut Diagnostics,
) -> Option<T> {
    let Some(value) = secret.get(key) else {
        let text = format!("a Secret of type kubernetes.io/tls needs the key `{key}`");
        let diagnostic = found.error(Code::BadSecret, secret_value(secret, key), text);
        diagnostic.help("put the certificate into `tls.crt` and its private key into `tls.key`, as PEM");
        return None;
    };
    if value.is_empty() {
        return None;
    }
    match read(value) {
        Ok(said) => Some(said),
        Err(fault) => {
            report(secret, key, &fault, found);
            None
        }
    }
}

fn report(secret: &Secret, key: &str, fault: &Fault, found: &mut Diagnostics) {
    let text = format!("`{key}` {}", fault.what);
    found.error(Code::BadSecret, secret_value(secret, key), text).help(fault.help.clone());
}
