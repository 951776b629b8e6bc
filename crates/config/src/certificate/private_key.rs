//! Private keys: PKCS#8 (RFC 5958), PKCS#1 (RFC 8017) and SEC 1 (RFC 5915). Only their public parts are read.

use super::{
    der::{Elements, tag, whole_bytes},
    pem::Label,
    public_key::{Algorithm, Curve, PublicKey},
};

/// The public part of a private key, as far as it is included; `None` if the structure is another.
///
/// A block for RSA or EC may hold PKCS#8 instead. One with the general label always holds PKCS#8.
pub(super) fn public_part(label: Label, der: &[u8]) -> Option<PublicKey> {
    let fields = || Elements::new(der).enter(tag::SEQUENCE);
    match label {
        Label::RsaPrivateKey => of_pkcs1(fields()?).or_else(|| of_pkcs8(fields()?)),
        Label::EcPrivateKey => of_sec1(fields()?, Curve::Unnamed).or_else(|| of_pkcs8(fields()?)),
        Label::DsaPrivateKey => Some(PublicKey::Refused("DSA")),
        _ => of_pkcs8(fields()?),
    }
}

fn of_pkcs8(mut fields: Elements<'_>) -> Option<PublicKey> {
    fields.take(tag::INTEGER)?;
    let algorithm = Algorithm::of(fields.enter(tag::SEQUENCE)?)?;
    let mut key = fields.enter(tag::OCTET_STRING)?;
    fields.take(tag::explicit(0));
    match algorithm {
        Algorithm::Rsa => of_pkcs1(key.enter(tag::SEQUENCE)?),
        Algorithm::Ec(curve) => of_sec1(key.enter(tag::SEQUENCE)?, curve),
        Algorithm::Ed25519 => {
            let public = fields.take(tag::implicit(1)).and_then(whole_bytes);
            Some(PublicKey::Ed25519(public.unwrap_or_default().to_vec()))
        }
        Algorithm::Refused(name) => Some(PublicKey::Refused(name)),
        Algorithm::Other => Some(PublicKey::Other),
    }
}

fn of_pkcs1(mut fields: Elements<'_>) -> Option<PublicKey> {
    fields.take(tag::INTEGER)?;
    PublicKey::rsa(fields)
}

/// The point may be absent; then it is empty here.
fn of_sec1(mut fields: Elements<'_>, curve: Curve) -> Option<PublicKey> {
    fields.take(tag::INTEGER)?;
    fields.take(tag::OCTET_STRING)?;
    let own = fields.enter(tag::explicit(0)).map(|mut parameters| Curve::of(&mut parameters));
    let curve = if curve == Curve::Unnamed { own.unwrap_or(curve) } else { curve };
    let point = fields.enter(tag::explicit(1)).and_then(|mut public| public.take(tag::BIT_STRING));
    let point = point.and_then(whole_bytes).unwrap_or_default().to_vec();
    Some(PublicKey::Ec { curve, point })
}
