//! How certificates are judged is compared with Envoy in `fairlead-translate`; here is what needs no Envoy.

use proptest::prelude::*;

use super::*;
use crate::Timestamp;

const PIECES: &str = include_str!("../../../../tests/certificates/pieces.pem");

fn chain(name: &str) -> Chain {
    let from = PIECES.find(&format!("# {name}\n")).unwrap() + name.len() + 3;
    Chain::read(PIECES[from..].split("# ").next().unwrap().as_bytes()).unwrap()
}

#[test]
fn a_certificate_says_from_when_to_when_it_is_valid() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let validity = Validity { from: at("2000-01-01T00:00:00Z"), to: at("2001-01-01T00:00:00Z") };
    assert_eq!(chain("expired").validity(), Some(validity));
    for (time, is_valid) in [
        ("1999-12-31T23:59:59Z", false),
        ("2000-01-01T00:00:00Z", true),
        ("2001-01-01T00:00:00Z", true),
        ("2001-01-01T00:00:01Z", false),
    ] {
        assert_eq!(validity.contains(at(time)), is_valid, "{time}");
    }
    // Years from 2050 on are written in another form.
    let validity = Validity { from: at("2120-01-01T00:00:00Z"), to: at("2126-01-01T00:00:00Z") };
    assert_eq!(chain("future").validity(), Some(validity));
}

#[test]
fn a_serial_number_is_shown_in_hexadecimal_digits() {
    // `openssl x509 -serial`
    assert_eq!(chain("expired").serial(), "6d7bb1556e4cdd6e94b94d5df575691da50f4a63");
}

#[test]
fn authorities_are_valid_as_long_as_one_of_them() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let from = PIECES.find("# expired\n").unwrap();
    let authorities = Authorities::read(PIECES[from..].split("# key").next().unwrap().as_bytes()).unwrap();
    let validity = Validity { from: at("2000-01-01T00:00:00Z"), to: at("2126-01-01T00:00:00Z") };
    assert_eq!(authorities.validity(), Some(validity));
}

#[test]
fn wildcards_of_certificates_stand_for_one_label() {
    let certificate = chain("p256");
    let names = certificate.names();
    assert_eq!(names.dns, ["a.example.com", "*.b.example.com"]);
    for (host, is_for) in [
        ("a.example.com", true),
        ("b.example.com", false),
        ("x.b.example.com", true),
        ("x.y.b.example.com", false),
        ("xa.example.com", false),
        // Wildcards of servers stand for any number.
        ("*.example.com", true),
        ("*.b.example.com", true),
        ("*.a.example.com", false),
        ("*.com", true),
        ("*.c.example.com", false),
        ("*.x.b.example.com", false),
    ] {
        assert_eq!(names.may_be_for(host), is_for, "{host}");
    }
    assert_eq!(chain("no names").names(), &AltNames::default());
}

/// Structures that begin as certificates and keys do, and go on in any way.
fn der() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..12),
        Just(vec![0x02, 1, 1]),
        Just(vec![0x06, 3, 0x2b, 0x65, 0x70]),
        Just(vec![0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]),
        Just(vec![0x06, 3, 0x55, 0x1d, 0x11]),
        Just(vec![0x03, 2, 0, 4]),
        Just(vec![0x17, 13]),
    ];
    leaf.prop_recursive(6, 40, 6, |inner| {
        let tag = prop_oneof![
            Just(0x30_u8),
            Just(0x04),
            Just(0xa0),
            Just(0xa1),
            Just(0xa3),
            Just(0x03),
            any::<u8>()
        ];
        (tag, proptest::collection::vec(inner, 0..6), 0..3_u8).prop_map(|(tag, parts, lie)| {
            let content = parts.concat();
            let length = u8::try_from(content.len().min(127)).unwrap();
            [vec![tag, length.saturating_add(lie / 2)], content].concat()
        })
    })
}

proptest! {
    #[test]
    fn nothing_panics_on_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = (Chain::read(&bytes), PrivateKey::read(&bytes), Authorities::read(&bytes));
    }

    #[test]
    fn nothing_panics_on_blocks(der in der(), label in 0..5_usize, is_spoilt in any::<bool>()) {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let label =
            ["CERTIFICATE", "PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "X509 CRL"][label];
        let body = STANDARD.encode(&der);
        let mut text = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
        if is_spoilt {
            text.truncate(text.len() / 2);
        }
        let bytes = text.as_bytes();
        let _ = (Chain::read(bytes), PrivateKey::read(bytes), Authorities::read(bytes));
    }

    /// A certificate with some of its bytes replaced.
    #[test]
    fn nothing_panics_on_certificates_with_other_bytes(edits in proptest::collection::vec((0..2000_usize, any::<u8>()), 1..8)) {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let from = PIECES.find("# p256\n").unwrap() + 7;
        let text = PIECES[from..].split("# ").next().unwrap();
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        let mut der = STANDARD.decode(body).unwrap();
        for (at, byte) in edits {
            let length = der.len();
            der[at % length] = byte;
        }
        let text = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(&der));
        if let Ok(chain) = Chain::read(text.as_bytes()) {
            let _ = (chain.validity(), chain.refused_by_envoy(), chain.names().may_be_for("*.example.com"));
        }
    }
}
