//! Rules for `Secret` that the API server has too.

use fairlead_api::Secret;

use crate::{Code, Diagnostics, FieldPath};

pub(super) fn check(secret: &Secret, found: &mut Diagnostics) {
    if secret.secret_type.as_deref() != Some("kubernetes.io/tls") {
        return;
    }
    for key in ["tls.crt", "tls.key"] {
        if secret.get(key).is_none() {
            let text = format!("a Secret of type kubernetes.io/tls needs the key `{key}`");
            found.error(Code::MissingCredential, FieldPath::root().field("data"), text);
        }
    }
}
