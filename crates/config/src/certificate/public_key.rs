//! Public keys, as far as needed to tell them apart and to see whether Envoy can use them.

use super::der::{Elements, tag, unsigned, whole_bytes};

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PublicKey {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    Ec {
        curve: Curve,
        point: Vec<u8>,
    },
    Ed25519(Vec<u8>),
    /// Of a type that Envoy rejects, by its name.
    Refused(&'static str),
    /// Of a type that is not known here.
    Other,
}

/// The curve of an EC key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
    /// A named curve that Envoy rejects.
    Refused,
    /// Spelt out, or not known yet.
    Unnamed,
}

const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const RSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
const DSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const ED448: &[u8] = &[0x2b, 0x65, 0x71];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];

/// The algorithm of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rsa,
    Ec(Curve),
    Ed25519,
    Refused(&'static str),
    Other,
}

impl Algorithm {
    /// Reads an `AlgorithmIdentifier`.
    pub(super) fn of(mut identifier: Elements<'_>) -> Option<Self> {
        Some(match identifier.take(tag::OID)? {
            RSA => Self::Rsa,
            EC => Self::Ec(Curve::of(&mut identifier)),
            ED25519 => Self::Ed25519,
            RSA_PSS => Self::Refused("RSASSA-PSS"),
            DSA => Self::Refused("DSA"),
            ED448 => Self::Refused("Ed448"),
            _ => Self::Other,
        })
    }
}

impl Curve {
    /// The curve that comes next.
    pub(super) fn of(parameters: &mut Elements<'_>) -> Self {
        match parameters.take(tag::OID) {
            Some(P256) => Self::P256,
            Some(P384) => Self::P384,
            Some(P521) => Self::P521,
            Some(_) => Self::Refused,
            None => Self::Unnamed,
        }
    }
}

impl PublicKey {
    /// Reads the content of a `SubjectPublicKeyInfo`.
    pub(super) fn of_info(info: &[u8]) -> Option<Self> {
        let mut info = Elements::new(info);
        let algorithm = Algorithm::of(info.enter(tag::SEQUENCE)?)?;
        let key = info.take(tag::BIT_STRING)?;
        Some(match algorithm {
            Algorithm::Rsa => Self::rsa(Elements::new(whole_bytes(key)?).enter(tag::SEQUENCE)?)?,
            Algorithm::Ec(curve) => Self::Ec { curve, point: whole_bytes(key)?.to_vec() },
            Algorithm::Ed25519 => Self::Ed25519(whole_bytes(key)?.to_vec()),
            Algorithm::Refused(name) => Self::Refused(name),
            Algorithm::Other => Self::Other,
        })
    }

    /// Reads modulus and exponent, which come next.
    pub(super) fn rsa(mut numbers: Elements<'_>) -> Option<Self> {
        let (modulus, exponent) = (numbers.take(tag::INTEGER)?, numbers.take(tag::INTEGER)?);
        Some(Self::Rsa { modulus: unsigned(modulus).to_vec(), exponent: unsigned(exponent).to_vec() })
    }

    /// Whether this is the other key; `None` if one of them is incomplete.
    pub(super) fn is(&self, other: &Self) -> Option<bool> {
        match (self, other) {
            (Self::Other | Self::Refused(_), _) | (_, Self::Other | Self::Refused(_)) => None,
            (Self::Ec { curve: a, point: p }, Self::Ec { curve: b, point: q }) => {
                let curves_differ = a != b && *a != Curve::Unnamed && *b != Curve::Unnamed;
                if curves_differ { Some(false) } else { same_point(p, q) }
            }
            (Self::Ed25519(a), Self::Ed25519(b)) if a.is_empty() || b.is_empty() => None,
            (a, b) => Some(a == b),
        }
    }

    /// Number of bits of an RSA modulus.
    pub(super) fn rsa_bits(&self) -> Option<usize> {
        let Self::Rsa { modulus, .. } = self else { return None };
        let unused = modulus.first().map_or(0, |first| first.leading_zeros() as usize);
        Some(modulus.len() * 8 - unused)
    }
}

/// Whether two points are equal; `None` if one is absent. A compressed point has the first coordinate, and whether the
/// second is odd.
fn same_point(a: &[u8], b: &[u8]) -> Option<bool> {
    let compressed = |point: &[u8]| -> Option<Vec<u8>> {
        match point {
            [] => None,
            [4, coordinates @ ..] => {
                let (x, y) = coordinates.split_at_checked(coordinates.len() / 2)?;
                let sign = 2 + (y.last()? & 1);
                Some(std::iter::once(sign).chain(x.iter().copied()).collect())
            }
            other => Some(other.to_vec()),
        }
    };
    let (compressed_a, compressed_b) = (compressed(a)?, compressed(b)?);
    Some(if a.len() == b.len() { a == b } else { compressed_a == compressed_b })
}
