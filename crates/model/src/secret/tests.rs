use fairlead_config::api;

use super::tls_material;

fn secret(entries: &[(&str, &str)]) -> api::Secret {
    api::Secret {
        data: entries
            .iter()
            .map(|(key, text)| ((*key).to_owned(), api::SecretBytes(text.as_bytes().to_vec())))
            .collect(),
        ..api::Secret::default()
    }
}

#[test]
fn both_forms_of_keys_are_read() {
    for keys in [["tls.crt", "tls.key"], ["cert", "key"]] {
        let material = tls_material(Some(&secret(&[(keys[0], "chain"), (keys[1], "key")])), None);
        let (chain, key) = material.certificate.unwrap();
        assert_eq!((&*chain, &*key), (&b"chain"[..], &b"key"[..]));
    }
}

#[test]
fn a_certificate_without_its_key_is_no_certificate() {
    assert_eq!(tls_material(Some(&secret(&[("tls.crt", "chain")])), None).certificate, None);
}

#[test]
fn the_separate_ca_secret_wins() {
    let own = secret(&[("ca.crt", "own")]);
    let separate = secret(&[("cacert", "separate")]);
    assert_eq!(tls_material(Some(&own), Some(&separate)).ca.as_deref(), Some(&b"separate"[..]));
    assert_eq!(tls_material(Some(&own), None).ca.as_deref(), Some(&b"own"[..]));
}

#[test]
fn debug_output_has_no_material() {
    let material = tls_material(Some(&secret(&[("tls.crt", "canary"), ("tls.key", "canary")])), None);
    assert!(!format!("{material:?}").contains("canary"));
}
