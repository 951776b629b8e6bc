//! Secrets of the type `kubernetes.io/tls`.

use std::fmt::Write as _;

use super::{accept, check};
use crate::{AnyConfig, api, decode_file};

/// Certificates and keys with a name each.
const PIECES: &str = include_str!("../../../../../tests/certificates/pieces.pem");

fn piece(name: &str) -> String {
    let from = PIECES.find(&format!("# {name}\n")).unwrap() + name.len() + 3;
    PIECES[from..].split("# ").next().unwrap().to_owned()
}

/// A Secret of the type with these texts.
fn secret(texts: &[(&str, &str)]) -> String {
    let mut yaml =
        "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata: {name: a}\nstringData:\n"
            .to_owned();
    for (key, text) in texts {
        writeln!(yaml, "  {key}: {}", serde_json::to_string(text).unwrap()).unwrap();
    }
    yaml
}

fn decoded(text: &str) -> api::Secret {
    let objects = decode_file("f.yaml", text.as_bytes()).objects;
    let [AnyConfig::Secret(secret)] = &objects[..] else { panic!("{objects:?}") };
    (*secret.spec).clone()
}

#[test]
fn a_certificate_with_its_key_is_accepted() {
    let (chain, key) = (piece("p256") + &piece("authority"), piece("p256 key"));
    accept(&secret(&[("tls.crt", &chain), ("tls.key", &key)]));
    accept(&secret(&[("tls.crt", &chain), ("tls.key", &key), ("ca.crt", &piece("authority"))]));
    accept(&secret(&[("tls.crt", &chain), ("tls.key", &key), ("ca.crt", ""), ("other", "x")]));
    // Whether it is for today, and for Envoy, is judged where it is used.
    for (chain, key) in [("expired", "p256 key"), ("rsa1024", "rsa1024 key"), ("p256", "p256 encrypted")] {
        accept(&secret(&[("tls.crt", &piece(chain)), ("tls.key", &piece(key))]));
    }
}

#[test]
fn what_an_issuer_has_not_filled_in_yet_is_accepted() {
    accept(&secret(&[("tls.crt", ""), ("tls.key", &piece("p256 key")), ("ca.crt", "")]));
}

#[test]
fn each_part_has_its_own_finding() {
    let (chain, key) = (piece("p256"), piece("p256 key"));
    let finds = |texts: &[(&str, &str)], path: &str, says: &str| {
        check(&secret(texts), "bad-secret", path, says);
    };
    finds(&[("tls.crt", &chain)], "data[tls.key]", "needs the key `tls.key`");
    finds(&[("tls.key", &key)], "data[tls.crt]", "needs the key `tls.crt`");
    finds(
        &[("tls.crt", &chain), ("tls.key", &piece("other key"))],
        "stringData[tls.key]",
        "`tls.key` is not the key of the certificate in `tls.crt`; put in the key",
    );
    finds(
        &[("tls.crt", "nonsense"), ("tls.key", &key)],
        "stringData[tls.crt]",
        "holds no certificate in PEM",
    );
    finds(
        &[("tls.crt", &chain), ("tls.key", &key), ("ca.crt", &key)],
        "stringData[ca.crt]",
        "`ca.crt` holds a private key and no certificate",
    );
}

#[test]
fn a_part_at_fault_costs_itself_alone() {
    let (chain, key, authority) = (piece("p256"), piece("p256 key"), piece("authority"));
    let has = |text: &str, keys: &[&str]| {
        let secret = decoded(text);
        for key in ["tls.crt", "tls.key", "ca.crt"] {
            assert_eq!(secret.get(key).is_some(), keys.contains(&key), "{key} of {text}");
        }
    };
    has(&secret(&[("tls.crt", &chain), ("tls.key", &key), ("ca.crt", "nonsense")]), &["tls.crt", "tls.key"]);
    has(&secret(&[("tls.crt", &chain), ("tls.key", &piece("other key"))]), &["tls.crt"]);
    has(&secret(&[("tls.crt", &chain), ("tls.key", "x"), ("ca.crt", &authority)]), &["tls.crt", "ca.crt"]);
    has(&secret(&[("tls.crt", &chain), ("ca.crt", &authority)]), &["tls.crt", "ca.crt"]);
}

/// A value that is no base64 cost the whole Secret, and the other values with it.
#[test]
fn a_value_that_is_not_base64_costs_itself_alone() {
    let text = "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata: {name: a}\ndata: {tls.key: '!', ca.crt: }\n"
        .to_owned()
        + "stringData:\n  tls.crt: "
        + &serde_json::to_string(&piece("p256")).unwrap()
        + "\n";
    check(&text, "bad-base64", "data[tls.key]", "is not base64");
    assert!(decoded(&text).get("tls.crt").is_some());
}

/// Anything may be under these names in Secrets of other types, for whomever.
#[test]
fn secrets_of_other_types_hold_what_they_like() {
    let text = secret(&[("tls.crt", "a"), ("tls.key", "b"), ("cert", "c"), ("key", "d"), ("ca.crt", "e")]);
    accept(&text.replace("kubernetes.io/tls", "Opaque"));
    accept(&text.replace("type: kubernetes.io/tls\n", ""));
}

#[test]
fn findings_have_no_byte_of_a_secret() {
    let canary = "c4n4ry";
    let texts = [
        format!("-----BEGIN {canary}-----\n{canary}\n-----END {canary}-----\n"),
        format!("-----BEGIN CERTIFICATE-----\n{canary}\n"),
        format!("-----BEGIN PRIVATE KEY-----\n{canary}: x\n\n{canary}\n-----END PRIVATE KEY-----\n"),
        canary.to_owned(),
    ];
    for text in &texts {
        for key in ["tls.crt", "tls.key", "ca.crt"] {
            let found = decode_file("f.yaml", secret(&[(key, text)]).as_bytes()).diagnostics;
            assert!(!found.is_empty());
            let said = format!("{found:?}");
            assert!(!said.contains(canary), "{said}");
        }
    }
}
