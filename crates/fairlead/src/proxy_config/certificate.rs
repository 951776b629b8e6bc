//! The serial number and validity of an X.509 certificate: the few fields of it that are shown.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// What is shown of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Certificate {
    /// The serial number, in hexadecimal digits.
    pub(super) serial: String,
    /// `2026-01-31T12:00:00Z`.
    pub(super) not_before: String,
    /// As `not_before`.
    pub(super) not_after: String,
}

impl Certificate {
    /// The first certificate of a PEM text.
    pub(super) fn of_pem(pem: &str) -> Option<Self> {
        let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----")?;
        let (body, _) = rest.split_once("-----END CERTIFICATE-----")?;
        let body: String = body.split_whitespace().collect();
        Self::of_der(&STANDARD.decode(body).ok()?)
    }

    /// RFC 5280, section 4.1: the beginning of `TBSCertificate`.
    fn of_der(der: &[u8]) -> Option<Self> {
        const SEQUENCE: u8 = 0x30;
        const INTEGER: u8 = 0x02;
        const VERSION: u8 = 0xa0;
        let mut certificate = Der(Der(der).expect(SEQUENCE)?);
        let mut signed = Der(certificate.expect(SEQUENCE)?);
        if signed.0.first() == Some(&VERSION) {
            signed.expect(VERSION)?;
        }
        let serial = signed.expect(INTEGER)?;
        signed.expect(SEQUENCE)?; // signature algorithm
        signed.expect(SEQUENCE)?; // issuer
        let mut validity = Der(signed.expect(SEQUENCE)?);
        let digits: Vec<_> =
            serial.iter().skip_while(|byte| **byte == 0).map(|byte| format!("{byte:02x}")).collect();
        Some(Self {
            serial: digits.concat(),
            not_before: time(validity.next()?)?,
            not_after: time(validity.next()?)?,
        })
    }

    /// Whether `now`, in the same form, is between the two times.
    pub(super) fn is_valid_at(&self, now: &str) -> bool {
        // The form has a fixed width, so its order is that of time.
        (self.not_before.as_str()..=self.not_after.as_str()).contains(&now)
    }
}

/// A sequence of values with tag and length.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let digits = usize::from(first & 0x7f);
            if digits == 0 || digits > 4 || rest.len() < digits {
                return None;
            }
            let (digits, rest) = rest.split_at(digits);
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        };
        if rest.len() < length {
            return None;
        }
        let (value, rest) = rest.split_at(length);
        self.0 = rest;
        Some((tag, value))
    }

    fn expect(&mut self, wanted: u8) -> Option<&'a [u8]> {
        self.next().filter(|(tag, _)| *tag == wanted).map(|(_, value)| value)
    }
}

/// `UTCTime` (two digits of the year) or `GeneralizedTime`, both in the form that RFC 5280 demands.
fn time((tag, text): (u8, &[u8])) -> Option<String> {
    const UTC_TIME: u8 = 0x17;
    const GENERALIZED_TIME: u8 = 0x18;
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let full = match tag {
        UTC_TIME if text.len() == 12 => format!("{}{text}", if text < "50" { "20" } else { "19" }),
        GENERALIZED_TIME if text.len() == 14 => text.to_owned(),
        _ => return None,
    };
    if !full.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| &full[from..to];
    Some(format!(
        "{}-{}-{}T{}:{}:{}Z",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 10),
        part(10, 12),
        part(12, 14)
    ))
}

/// A time in seconds since 1970 in the form of a certificate's times.
pub(super) fn timestamp(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Years are counted from March of year 0, so that the leap day ends them.
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests;
