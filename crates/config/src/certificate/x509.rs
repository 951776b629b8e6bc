//! X.509 certificates (RFC 5280): whose key, for which names, from when to when.

use super::{
    der::{Elements, tag, unsigned},
    names::AltNames,
    public_key::PublicKey,
};
use crate::Timestamp;

/// The contents of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Certificate {
    /// The serial number, without leading zeros.
    pub(super) serial: Vec<u8>,
    pub(super) public_key: PublicKey,
    pub(super) validity: Option<Validity>,
    pub(super) names: AltNames,
    /// Whether the key may sign; unknown where the certificate does not restrict it.
    pub(super) may_sign: Option<bool>,
    /// Whether clients require proof that it is not revoked.
    pub(super) must_staple: bool,
}

/// The period in which a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Its first second.
    pub from: Timestamp,
    /// Its last second.
    pub to: Timestamp,
}

const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
/// 1.3.6.1.5.5.7.1.24
const TLS_FEATURE: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x18];
/// The feature `status_request`.
const STAPLED: &[u8] = &[5];

impl Validity {
    /// Whether a certificate is valid at a time.
    pub fn contains(&self, time: Timestamp) -> bool {
        (self.from..=self.to).contains(&time)
    }
}

/// What may follow a certificate in its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    Nothing,
    Anything,
}

/// Reads a certificate; `None` if the structure is another.
pub(super) fn certificate(der: &[u8], rest: Rest) -> Option<Certificate> {
    let mut outer = Elements::new(der);
    let mut signed = outer.enter(tag::SEQUENCE)?;
    if rest == Rest::Nothing && !outer.is_empty() {
        return None;
    }
    let mut fields = signed.enter(tag::SEQUENCE)?;
    signed.take(tag::SEQUENCE)?;
    signed.take(tag::BIT_STRING)?;

    fields.take(tag::explicit(0));
    let serial = unsigned(fields.take(tag::INTEGER)?).to_vec();
    fields.take(tag::SEQUENCE)?;
    fields.take(tag::SEQUENCE)?;
    let validity = validity(&mut fields.enter(tag::SEQUENCE)?);
    fields.take(tag::SEQUENCE)?;
    let public_key = PublicKey::of_info(fields.take(tag::SEQUENCE)?)?;
    fields.take(tag::implicit(1));
    fields.take(tag::implicit(2));
    let names = AltNames::default();
    let mut certificate =
        Certificate { serial, public_key, validity, names, may_sign: None, must_staple: false };
    if let Some(mut extensions) = fields.enter(tag::explicit(3)) {
        let mut list = extensions.enter(tag::SEQUENCE)?;
        while !list.is_empty() {
            let mut extension = list.enter(tag::SEQUENCE)?;
            let name = extension.take(tag::OID)?;
            extension.take(tag::BOOLEAN);
            certificate.extend(name, extension.take(tag::OCTET_STRING)?);
        }
    }
    Some(certificate)
}

/// Whether something has the structure that certificates, requests and revocation lists share.
pub(super) fn is_signed(der: &[u8]) -> bool {
    let parts = Elements::new(der).enter(tag::SEQUENCE);
    parts.is_some_and(|mut parts| {
        parts.take(tag::SEQUENCE).is_some()
            && parts.take(tag::SEQUENCE).is_some()
            && parts.take(tag::BIT_STRING).is_some()
    })
}

impl Certificate {
    /// Applies an extension. One that cannot be read is ignored.
    fn extend(&mut self, name: &[u8], value: &[u8]) {
        let mut value = Elements::new(value);
        match name {
            SUBJECT_ALT_NAME => self.names = value.enter(tag::SEQUENCE).map(alt_names).unwrap_or_default(),
            KEY_USAGE => {
                // The first byte says how many bits are unused, the first bit is `digitalSignature`.
                let bits = value.take(tag::BIT_STRING);
                self.may_sign = bits.map(|bits| bits.get(1).is_some_and(|first| first & 0x80 != 0));
            }
            TLS_FEATURE => {
                let Some(mut features) = value.enter(tag::SEQUENCE) else { return };
                while let Some((_, feature)) = features.next() {
                    self.must_staple |= feature == STAPLED;
                }
            }
            _ => {}
        }
    }
}

fn alt_names(mut list: Elements<'_>) -> AltNames {
    const DNS_NAME: u8 = tag::implicit(2);
    let mut names = AltNames::default();
    while let Some((kind, name)) = list.next() {
        match (kind, std::str::from_utf8(name)) {
            (DNS_NAME, Ok(name)) => names.dns.push(name.to_ascii_lowercase()),
            _ => names.others = true,
        }
    }
    names
}

fn validity(fields: &mut Elements<'_>) -> Option<Validity> {
    Some(Validity { from: time(fields.next()?)?, to: time(fields.next()?)? })
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`; years of two digits are those from 1950 to 2049.
fn time((kind, text): (u8, &[u8])) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.is_ascii())?;
    let text = match kind {
        tag::UTC_TIME if text.len() == 13 => format!("{}{text}", if text < "50" { "20" } else { "19" }),
        tag::GENERALIZED_TIME if text.len() == 15 => text.to_owned(),
        _ => return None,
    };
    let at = |from: usize, to: usize| &text[from..to];
    let (year, month, day) = (at(0, 4), at(4, 6), at(6, 8));
    let (hour, minute, second) = (at(8, 10), at(10, 12), at(12, 15));
    format!("{year}-{month}-{day}T{hour}:{minute}:{second}").parse().ok()
}
