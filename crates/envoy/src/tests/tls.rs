use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{GenericSecret, Secret, secret::Type};

use super::golden::check_messages;
use crate::{
    config_source, data_source,
    matcher::StringMatch,
    secret,
    tls::{
        Certificate, CommonTls, SanType, TlsProtocol, TlsSettings, Validation, downstream_tls,
        downstream_tls_context, raw_buffer, subject_alt_name, upstream_tls, upstream_tls_context,
        validation_context,
    },
};

fn by_sds() -> CommonTls {
    CommonTls {
        certificates: vec![Certificate::Sds("default".to_owned())],
        validation: Validation::Sds(
            "roots".to_owned(),
            vec![
                subject_alt_name(SanType::Uri, StringMatch::Exact("spiffe://a/b".to_owned())),
                subject_alt_name(SanType::Dns, StringMatch::Suffix(".example.com".to_owned())),
            ],
        ),
        alpn_protocols: vec!["h2".to_owned(), "http/1.1".to_owned()],
        parameters: TlsSettings::default(),
    }
}

fn by_files() -> CommonTls {
    CommonTls {
        certificates: vec![Certificate::Source {
            chain: data_source::file("/c.pem"),
            private_key: data_source::file("/k.pem"),
        }],
        validation: Validation::Context(Box::new(validation_context(
            data_source::file("/ca.pem"),
            [subject_alt_name(SanType::Dns, StringMatch::Exact("a.example.com".to_owned()))],
        ))),
        alpn_protocols: Vec::new(),
        parameters: TlsSettings {
            min_version: Some(TlsProtocol::TlSv12),
            max_version: Some(TlsProtocol::TlSv12),
            cipher_suites: vec!["ECDHE-ECDSA-AES128-GCM-SHA256".to_owned()],
            ecdh_curves: vec!["P-256".to_owned()],
        },
    }
}

#[test]
fn transport_sockets() {
    let upstream = |common, sni| upstream_tls(&upstream_tls_context(common, sni));
    let roots_only = CommonTls {
        validation: Validation::Context(Box::new(validation_context(data_source::file("/roots.pem"), []))),
        ..CommonTls::default()
    };
    let roots =
        CommonTls { validation: Validation::Sds("roots".to_owned(), Vec::new()), ..CommonTls::default() };
    check_messages(
        "transport-sockets",
        &[
            upstream(by_sds(), Some("a.example.com".to_owned())),
            upstream(by_files(), None),
            upstream(roots_only, None),
            upstream(CommonTls::default(), None),
            downstream_tls(&downstream_tls_context(by_sds(), true)),
            downstream_tls(&downstream_tls_context(by_files(), false)),
            downstream_tls(&downstream_tls_context(roots, true)),
            raw_buffer(),
        ],
    );
}

#[test]
fn secrets() {
    let token =
        GenericSecret { secret: Some(data_source::inline_bytes(*b"secret")), ..GenericSecret::default() };
    check_messages(
        "secrets",
        &[
            secret::tls_certificate("default", *b"chain", *b"key"),
            secret::validation_context("roots", *b"ca", Some(b"crl".to_vec())),
            secret::validation_context("roots", *b"ca", None),
            Secret { name: "token".to_owned(), r#type: Some(Type::GenericSecret(token)) },
        ],
    );
}

#[test]
fn config_sources() {
    let watched = Some("/etc/secrets".to_owned());
    check_messages(
        "config-sources",
        &[
            config_source::ads(),
            config_source::ads_without_timeout(),
            config_source::path("/etc/secrets/a.yaml", watched),
            config_source::path("/etc/a.yaml", None),
        ],
    );
}
