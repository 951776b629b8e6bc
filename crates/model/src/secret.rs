//! Certificates and keys of a `credentialName`, from Secrets of one namespace.
//!
//! Reads: Secret · Produces: [`TlsMaterial`] · Consumed by: `translate::secrets`
//! Spec: <https://istio.io/latest/docs/tasks/traffic-management/ingress/secure-ingress/#key-formats>
//! Differs from Istio: no certificate revocation lists yet.
//!
//! Who may have the material is decided by the reader, before it asks.

use std::{fmt, sync::Arc};

use fairlead_config::{ConfigKey, Kind, Namespace, api};
use fairlead_incremental::{Query, Reader, Stratum};

use crate::{input::Secrets, strata};

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
        let ca = secret(&format!("{name}-cacert"));
        if own.is_none() && ca.is_none() {
            return None;
        }
        Some(tls_material(own.as_ref().map(|s| &*s.spec), ca.as_ref().map(|s| &*s.spec)))
    }
}

/// The keys of `kubernetes.io/tls` and of Istio's generic form; `<name>-cacert` wins over `ca.crt` of the
/// Secret itself.
fn tls_material(own: Option<&api::Secret>, ca: Option<&api::Secret>) -> TlsMaterial {
    let get = |secret: Option<&api::Secret>, keys: [&str; 2]| -> Option<Arc<[u8]>> {
        keys.iter().find_map(|key| secret?.get(key)).filter(|pem| !pem.is_empty()).map(Into::into)
    };
    let chain = get(own, ["tls.crt", "cert"]);
    let key = get(own, ["tls.key", "key"]);
    TlsMaterial {
        certificate: chain.zip(key),
        ca: get(ca, ["ca.crt", "cacert"]).or_else(|| get(own, ["ca.crt", "cacert"])),
    }
}

#[cfg(test)]
mod tests;
