use fairlead_testkit::certs::Ca;

use super::{Certificate, timestamp};

#[test]
fn the_validity_of_a_certificate_is_read() {
    let ca = Ca::new("test").expect("an authority");
    // What rcgen issues by default.
    let certificate = Certificate::of_pem(&ca.certificate()).expect("a certificate");
    assert_eq!(certificate.not_before, "1975-01-01T00:00:00Z");
    assert_eq!(certificate.not_after, "4096-01-01T00:00:00Z");
    assert!(!certificate.serial.is_empty());
    assert!(certificate.is_valid_at("2026-11-23T04:05:14Z"));
    assert!(!certificate.is_valid_at("1974-12-31T23:59:59Z"));
}

#[test]
fn what_is_no_certificate_is_none() {
    for text in ["", "[redacted]", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"] {
        assert_eq!(Certificate::of_pem(text), None, "{text}");
    }
    assert_eq!(Certificate::of_der(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
}

#[test]
fn seconds_become_a_time() {
    assert_eq!(timestamp(0), "1970-01-01T00:00:00Z");
    assert_eq!(timestamp(951_782_399), "2000-02-28T23:59:59Z");
    assert_eq!(timestamp(951_782_400), "2000-02-29T00:00:00Z");
    assert_eq!(timestamp(1_795_406_714), "2026-11-23T04:05:14Z");
}
