//! Certificates and keys of a `credentialName`, from Secrets of one namespace.
//!
//! Reads: Secret · Produces: [`TlsMaterial`], [`SecretParts`] · Consumed by: `translate::secrets`, `diagnostics`
//! Spec: <https://istio.io/latest/docs/tasks/traffic-management/ingress/secure-ingress/#key-formats>
//! Differs from Istio: no certificate revocation lists yet.
//!
//! The reader decides, before it asks, who may have the material.

mod parts;

use std::{fmt, sync::Arc};

use fairlead_config::{ConfigKey, Kind, Namespace, api};
use fairlead_incremental::{Query, Reader, Stratum};

use crate::{input::Secrets, strata};

pub use parts::{Identity, Part, PartFault, SecretParts, SecretPartsOf};

/// The keys of a certificate, of `kubernetes.io/tls` and of Istio's generic form.
pub(crate) const CERTIFICATES: [&str; 2] = ["tls.crt", "cert"];
/// The keys of its private key.
pub(crate) const KEYS: [&str; 2] = ["tls.key", "key"];
/// The keys of authorities.
pub(crate) const AUTHORITIES: [&str; 2] = ["ca.crt", "cacert"];

/// Suffix of the name of a Secret that holds the authorities of another.
pub(crate) const AUTHORITIES_SUFFIX: &str = "-cacert";

/// The separate Secret that may hold the authorities of `name`.
pub(crate) fn authorities_of(name: &str) -> String {
    format!("{name}{AUTHORITIES_SUFFIX}")
}

/// The first of `keys` that a Secret has.
fn present(secret: &api::Secret, keys: [&'static str; 2]) -> Option<&'static str> {
    keys.into_iter().find(|key| secret.get(key).is_some())
}

/// A certificate chain and its private key, as PEM.
pub type KeyPair = (Arc<[u8]>, Arc<[u8]>);

/// The parts of a Secret (and of `<name>-cacert`) that TLS uses, as PEM. Debug output hides all of it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TlsMaterial {
    /// Certificate chain and private key.
    pub certificate: Option<KeyPair>,
    /// Certificate authorities.
    pub ca: Option<Arc<[u8]>>,
}

impl fmt::Debug for TlsMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has = |part: bool| if part { "<redacted>" } else { "<none>" };
        f.debug_struct("TlsMaterial")
            .field("certificate", &has(self.certificate.is_some()))
            .field("ca", &has(self.ca.is_some()))
            .finish()
    }
}

/// The material of a `credentialName` in a namespace; `None` where there is no such Secret.
pub struct TlsMaterialOf;

impl Query for TlsMaterialOf {
    type Key = (Namespace, Arc<str>);
    type Value = Option<TlsMaterial>;
    const NAME: &'static str = "tls_material";
    const STRATUM: Stratum = strata::OBJECT;

    fn compute(cx: &Reader<'_>, (namespace, name): &Self::Key) -> Self::Value {
        let secret = |name: &str| cx.input::<Secrets>(&ConfigKey::new(Kind::Secret, namespace.clone(), name));
        let own = secret(name);
        let ca = secret(&authorities_of(name));
        if own.is_none() && ca.is_none() {
            return None;
        }
        Some(tls_material(own.as_ref().map(|s| &*s.spec), ca.as_ref().map(|s| &*s.spec)))
    }
}

/// `<name>-cacert` wins over `ca.crt` of the Secret itself.
fn tls_material(own: Option<&api::Secret>, ca: Option<&api::Secret>) -> TlsMaterial {
    let get = |secret: Option<&api::Secret>, keys| -> Option<Arc<[u8]>> {
        let secret = secret?;
        secret.get(present(secret, keys)?).filter(|pem| !pem.is_empty()).map(Into::into)
    };
    let chain = get(own, CERTIFICATES);
    let key = get(own, KEYS);
    TlsMaterial { certificate: chain.zip(key), ca: get(ca, AUTHORITIES).or_else(|| get(own, AUTHORITIES)) }
}

#[cfg(test)]
mod tests;
