//! The TLS parts of a Secret, checked once for each version, whatever names it.

use std::sync::Arc;

use fairlead_config::{
    ConfigKey, FieldPath, api,
    certificate::{AltNames, Authorities, Chain, Fault, PrivateKey, Validity},
    is_tls_secret, secret_value,
};
use fairlead_incremental::{Query, Reader, Stratum};

use super::{AUTHORITIES, CERTIFICATES, KEYS, present};
use crate::{input::Secrets, strata};

/// A fault in a part of a Secret.
#[derive(Clone, Debug, PartialEq)]
pub struct PartFault {
    /// The field.
    pub path: FieldPath,
    /// What is wrong.
    pub message: String,
    /// How to correct it.
    pub help: String,
}

/// A part of a Secret.
#[derive(Clone, Debug, PartialEq)]
pub enum Part<T> {
    /// There is none.
    Absent,
    /// It cannot be used. The list is empty if the source has reported the fault.
    Faulty(Vec<PartFault>),
    /// It can be used.
    Usable {
        /// Where it is.
        path: FieldPath,
        /// What it says.
        value: T,
    },
}

impl<T> Part<T> {
    /// Whether it can be used.
    pub fn is_usable(&self) -> bool {
        matches!(self, Self::Usable { .. })
    }
}

/// A certificate that has its key.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// From when to when it is valid.
    pub validity: Option<Validity>,
    /// Its names.
    pub names: AltNames,
}

/// The parts of a Secret.
#[derive(Clone, Debug, PartialEq)]
pub struct SecretParts {
    /// The certificate and its key.
    pub certificate: Part<Identity>,
    /// The authorities, with the period in which any of them is valid.
    pub authorities: Part<Option<Validity>>,
}

/// The parts of a Secret; `None` where there is none.
#[derive(Debug)]
pub struct SecretPartsOf;

impl Query for SecretPartsOf {
    type Key = ConfigKey;
    type Value = Option<Arc<SecretParts>>;
    const NAME: &'static str = "parts of a secret";
    const STRATUM: Stratum = strata::OBJECT;

    fn compute(cx: &Reader<'_>, key: &ConfigKey) -> Self::Value {
        let secret = cx.input::<Secrets>(key)?;
        Some(Arc::new(SecretParts {
            certificate: certificate(&secret.spec),
            authorities: authorities(&secret.spec),
        }))
    }
}

fn data() -> FieldPath {
    FieldPath::root().field("data")
}

fn fault(secret: &api::Secret, key: &str, fault: Fault) -> PartFault {
    let message = format!("`{key}` {}", fault.what);
    PartFault { path: secret_value(secret, key), message, help: fault.help }
}

fn certificate(secret: &api::Secret) -> Part<Identity> {
    let (chain_key, key_key) = match (present(secret, CERTIFICATES), present(secret, KEYS)) {
        (Some(chain), Some(key)) => (chain, key),
        // Keys that its type requires were checked when it was read.
        (None, _) | (_, None) if is_tls_secret(secret) => return Part::Faulty(Vec::new()),
        (None, None) => return Part::Absent,
        (Some(chain), None) => {
            let message = format!("the Secret has `{chain}` and no private key");
            let help = format!("put the key into `{}`, as PEM", partner(chain));
            return Part::Faulty(vec![PartFault { path: data(), message, help }]);
        }
        (None, Some(key)) => {
            let message = format!("the Secret has `{key}` and no certificate");
            let help = format!("put the certificate into `{}`, as PEM", partner(key));
            return Part::Faulty(vec![PartFault { path: data(), message, help }]);
        }
    };
    let value = |key: &str| secret.get(key).unwrap_or_default();
    let (chain, key) = match (Chain::read(value(chain_key)), PrivateKey::read(value(key_key))) {
        (Ok(chain), Ok(key)) => (chain, key),
        (chain, key) => {
            let of_chain = chain.err().map(|found| fault(secret, chain_key, found));
            let of_key = key.err().map(|found| fault(secret, key_key, found));
            return Part::Faulty(of_chain.into_iter().chain(of_key).collect());
        }
    };
    let mut faults = Vec::new();
    match key.mismatch(&chain, chain_key) {
        Some(found) => faults.push(fault(secret, key_key, found)),
        None => match chain.refused_by_envoy() {
            Some(found) => faults.push(fault(secret, chain_key, found)),
            None => faults.extend(key.refused_by_envoy().map(|found| fault(secret, key_key, found))),
        },
    }
    if !faults.is_empty() {
        return Part::Faulty(faults);
    }
    let value = Identity { validity: chain.validity(), names: chain.names().clone() };
    Part::Usable { path: secret_value(secret, chain_key), value }
}

/// The counterpart of a certificate's or private key's key.
fn partner(key: &str) -> &'static str {
    match key {
        "tls.crt" => "tls.key",
        "tls.key" => "tls.crt",
        "cert" => "key",
        _ => "cert",
    }
}

fn authorities(secret: &api::Secret) -> Part<Option<Validity>> {
    let Some(key) = present(secret, AUTHORITIES) else { return Part::Absent };
    match secret.get(key) {
        // Issuers leave it empty if there is none.
        Some([]) | None => Part::Absent,
        Some(value) => match Authorities::read(value) {
            Ok(read) => Part::Usable { path: secret_value(secret, key), value: read.validity() },
            Err(found) => Part::Faulty(vec![fault(secret, key, found)]),
        },
    }
}
