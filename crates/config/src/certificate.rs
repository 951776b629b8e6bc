//! Certificates, private keys and authorities as PEM: whether they can be used, and if not, why.
//!
//! Reads: values of a Secret · Produces: [`Chain`], [`PrivateKey`], [`Authorities`], [`Fault`]
//! Consumed by: `validate::secret`, `fairlead_model::secret`, `fairlead proxy-config secret`
//! Spec: RFC 7468, RFC 5280; measured on Envoy 1.40, which reads them by BoringSSL.
//!
//! A value that Envoy accepts has no fault here. One that it rejects has a fault if its structure shows it: signatures,
//! points on curves and the private part of a key are left to Envoy. No fault contains a byte of the value.

mod der;
mod names;
mod pem;
mod private_key;
mod public_key;
mod x509;

use pem::{Header, Label};
use public_key::{Curve, PublicKey};
use x509::{Certificate, Rest};

pub use names::AltNames;
pub use x509::Validity;

/// Why a value cannot be used, as the words that follow its name in a sentence, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong with the value: `is empty`.
    pub what: String,
    /// What to write instead.
    pub help: String,
}

impl Fault {
    fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { what: what.into(), help: help.into() }
    }
}

/// A certificate of a server or client, and those that issued it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    own: Certificate,
    others: Vec<PublicKey>,
}

impl Chain {
    /// Reads a chain.
    ///
    /// # Errors
    /// If there is no certificate, or one is damaged.
    pub fn read(text: &[u8]) -> Result<Self, Fault> {
        let mut own = None;
        let mut others = Vec::new();
        let mut seen = Seen::of(text);
        for block in pem::blocks(text) {
            let (number, block) = seen.next(block)?;
            match (&own, block.label) {
                (None, Label::TrustedCertificate) => own = Some(certificate(number, &block, Rest::Anything)?),
                (None, Label::Certificate) => own = Some(certificate(number, &block, Rest::Nothing)?),
                (Some(_), Label::Certificate) => {
                    others.push(certificate(number, &block, Rest::Anything)?.public_key);
                }
                _ => {}
            }
        }
        match own {
            Some(own) => Ok(Self { own, others }),
            None => Err(seen.nothing("certificate")),
        }
    }

    /// Why Envoy rejects a certificate that others may accept.
    pub fn refused_by_envoy(&self) -> Option<Fault> {
        let key = &self.own.public_key;
        if let Some(fault) = refused_key(key) {
            return Some(fault);
        }
        if matches!(key, PublicKey::Ec { .. }) && self.own.may_sign == Some(false) {
            let what = "is not for signatures by its `keyUsage`, and an EC certificate must be";
            return Some(Fault::new(what, "request one with the key usage `digitalSignature`"));
        }
        let what = "asks for proof that it is not revoked (must-staple), and none can be served with it";
        self.own.must_staple.then(|| Fault::new(what, "request one without the TLS feature `status_request`"))
    }

    /// The validity of its first certificate, if known.
    pub fn validity(&self) -> Option<Validity> {
        self.own.validity
    }

    /// The serial number of its first certificate, in hexadecimal digits.
    pub fn serial(&self) -> String {
        self.own.serial.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
    }

    /// The alternative names of its first certificate.
    pub fn names(&self) -> &AltNames {
        &self.own.names
    }
}

/// Why Envoy rejects a key of this type.
fn refused_key(key: &PublicKey) -> Option<Fault> {
    const HELP: &str =
        "take an RSA key of 2048 bits or more, or an EC key on the curve P-256, P-384 or P-521";
    let what = match key {
        PublicKey::Refused(name) => format!("has a key for {name}, which Envoy does not take"),
        PublicKey::Ec { curve: Curve::Refused, .. } => {
            "has a key on a curve that Envoy does not take".to_owned()
        }
        _ => match key.rsa_bits()? {
            0..2048 => "has an RSA key that is too short for Envoy".to_owned(),
            _ => return None,
        },
    };
    Some(Fault::new(what, HELP))
}

/// The public part of a private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateKey(Option<PublicKey>);

impl PrivateKey {
    /// Reads the first private key.
    ///
    /// # Errors
    /// If there is none, or it is damaged.
    pub fn read(text: &[u8]) -> Result<Self, Fault> {
        let mut seen = Seen::of(text);
        for block in pem::blocks(text) {
            let (number, block) = seen.next(block)?;
            if !block.label.is_private_key() {
                continue;
            }
            if block.label == Label::EncryptedPrivateKey || block.header == Header::Encrypted {
                return Ok(Self(None));
            }
            let key = match block.header {
                Header::None => private_key::public_part(block.label, &block.der),
                _ => None,
            };
            return match key {
                Some(key) => Ok(Self(Some(key))),
                None => Err(damaged(number, "no private key of the type in its first line")),
            };
        }
        Err(seen.nothing("private key"))
    }

    /// Why Envoy rejects a key that others may accept.
    pub fn refused_by_envoy(&self) -> Option<Fault> {
        let Some(key) = &self.0 else {
            let what = "is encrypted, and Envoy cannot be given the passphrase";
            return Some(Fault::new(what, "decrypt it, for example with `openssl pkey -in key.pem`"));
        };
        refused_key(key)
    }

    /// Why this is not the key of the chain called `of`; `None` if it is, or if that is unknown.
    pub fn mismatch(&self, chain: &Chain, of: &str) -> Option<Fault> {
        let key = self.0.as_ref()?;
        if key.is(&chain.own.public_key) != Some(false) {
            return None;
        }
        let fitting = chain.others.iter().position(|other| key.is(other) == Some(true));
        Some(match fitting {
            Some(at) => Fault::new(
                format!("is the key of certificate {} in `{of}`, not of the first", at + 2),
                format!("put the certificate of this key first in `{of}`, and those that issued it after it"),
            ),
            None => Fault::new(
                format!("is not the key of the certificate in `{of}`"),
                "put in the key that the certificate was requested with, or put the certificate of this key beside it",
            ),
        })
    }
}

/// Authorities that verify certificates of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorities {
    validities: Vec<Option<Validity>>,
}

impl Authorities {
    /// Reads the authorities; other blocks must be well-formed too.
    ///
    /// # Errors
    /// If there is none, or something is damaged.
    pub fn read(text: &[u8]) -> Result<Self, Fault> {
        let mut validities = Vec::new();
        let mut seen = Seen::of(text);
        for block in pem::blocks(text) {
            let (number, block) = seen.next(block)?;
            match block.label {
                Label::Certificate | Label::TrustedCertificate => {
                    validities.push(certificate(number, &block, Rest::Anything)?.validity);
                }
                Label::Crl if block.header != Header::None || !x509::is_signed(&block.der) => {
                    return Err(damaged(number, "no revocation list"));
                }
                Label::RsaPrivateKey | Label::EcPrivateKey
                    if block.header == Header::None
                        && private_key::public_part(block.label, &block.der).is_none() =>
                {
                    return Err(damaged(number, "no private key"));
                }
                _ => {}
            }
        }
        if validities.is_empty() { Err(seen.nothing("certificate")) } else { Ok(Self { validities }) }
    }

    /// The period in which any of them is valid, if known.
    pub fn validity(&self) -> Option<Validity> {
        let each: Option<Vec<Validity>> = self.validities.iter().copied().collect();
        let each = each?;
        Some(Validity {
            from: each.iter().map(|validity| validity.from).min()?,
            to: each.iter().map(|validity| validity.to).max()?,
        })
    }
}

/// A text, and its blocks read so far.
struct Seen<'a> {
    text: &'a [u8],
    labels: Vec<Label>,
}

impl<'a> Seen<'a> {
    fn of(text: &'a [u8]) -> Self {
        Self { text, labels: Vec::new() }
    }

    /// The next block, and its number from 1.
    fn next(&mut self, block: Result<pem::Block, pem::Broken>) -> Result<(usize, pem::Block), Fault> {
        let number = self.labels.len() + 1;
        let block = block.map_err(|broken| {
            let (what, help) = match pem::looks_like(self.text) {
                Some((what, help)) => (format!("is damaged: it looks like {what}"), help),
                None => (format!("is damaged: block {number} of its PEM {}", broken.words()), COPY_AGAIN),
            };
            Fault::new(what, help)
        })?;
        self.labels.push(block.label);
        Ok((number, block))
    }

    /// The fault of a value that holds nothing of what is wanted.
    fn nothing(&self, wanted: &str) -> Fault {
        let help = format!("put the {wanted} into it, as PEM");
        if self.text.trim_ascii().is_empty() {
            return Fault::new("is empty", help);
        }
        if let Some(label) = self.labels.iter().find(|label| **label != Label::Other) {
            return Fault::new(format!("holds {} and no {wanted}", label.words()), help);
        }
        match pem::looks_like(self.text) {
            Some((what, help)) => Fault::new(format!("holds no {wanted}: it looks like {what}"), help),
            None => Fault::new(format!("holds no {wanted} in PEM"), help),
        }
    }
}

const COPY_AGAIN: &str = "copy it again completely, with its line breaks";

fn damaged(number: usize, what: &str) -> Fault {
    Fault::new(format!("is damaged: block {number} of its PEM holds {what}"), COPY_AGAIN)
}

fn certificate(number: usize, block: &pem::Block, rest: Rest) -> Result<Certificate, Fault> {
    let read = (block.header == Header::None).then(|| x509::certificate(&block.der, rest)).flatten();
    read.ok_or_else(|| damaged(number, "no X.509 certificate"))
}

#[cfg(test)]
mod tests;
