use envoy_types::pb::{
    envoy::config::{
        cluster::v3::Cluster,
        core::v3::{DataSource, Metadata, TransportSocket, data_source::Specifier, transport_socket},
    },
    envoy::extensions::transport_sockets::tls::v3::{Secret, TlsCertificate, secret},
    google::protobuf::{Any, Duration},
};
use fairlead_resource::TypeUrl;
use proptest::prelude::*;
use prost_reflect::Kind;
use serde_json::json;

use super::{descriptors::descriptors, *};
use crate::{encode, pack_any};

fn cluster() -> Cluster {
    Cluster {
        name: "a".to_owned(),
        connect_timeout: Some(Duration { seconds: 1, nanos: 500_000_000 }),
        ..Default::default()
    }
}

fn secret() -> Secret {
    let inline = |text: &str| DataSource {
        specifier: Some(Specifier::InlineString(text.to_owned())),
        ..Default::default()
    };
    let certificate = TlsCertificate {
        certificate_chain: Some(inline("chain")),
        private_key: Some(inline("key")),
        ..Default::default()
    };
    Secret { name: "default".to_owned(), r#type: Some(secret::Type::TlsCertificate(certificate)) }
}

fn any_to_json(any: &Any) -> Result<Value, JsonError> {
    to_json(&Any::full_name(), &encode(any))
}

#[test]
fn names_are_printed_as_in_the_proto_files_and_keys_are_sorted() {
    let json = to_json(TypeUrl::CLUSTER.as_str(), &encode(&cluster())).unwrap();
    assert_eq!(json.to_string(), r#"{"connect_timeout":"1.500s","name":"a"}"#);
}

#[test]
fn an_any_within_an_any_is_expanded() {
    let any = pack_any(&pack_any(&cluster()));
    let json = any_to_json(&any).unwrap();
    assert_eq!(json["value"]["@type"], TypeUrl::CLUSTER.as_str());
    assert_eq!(json["value"]["name"], "a");
}

#[test]
fn an_unknown_type_is_printed_as_its_bytes_at_any_depth() {
    let unknown = Any { type_url: "type.googleapis.com/not.Known".to_owned(), value: vec![1, 2] };
    let printed = json!({ "@type": "type.googleapis.com/not.Known", "value": "AQI=" });
    assert_eq!(to_json(&unknown.type_url, &unknown.value).unwrap(), printed);
    assert_eq!(any_to_json(&unknown).unwrap(), printed);

    let socket = TransportSocket {
        name: "x".to_owned(),
        config_type: Some(transport_socket::ConfigType::TypedConfig(pack_any(&unknown))),
    };
    let json = dump_message(&Cluster { transport_socket: Some(socket), ..cluster() }).unwrap();
    assert_eq!(json["transport_socket"]["typed_config"]["value"], printed);
}

#[test]
fn malformed_bytes_are_an_error() {
    assert!(matches!(to_json(TypeUrl::CLUSTER.as_str(), &[0xff]), Err(JsonError::Decode { .. })));
    let any = Any { type_url: TypeUrl::CLUSTER.as_str().to_owned(), value: vec![0xff] };
    assert!(matches!(any_to_json(&any), Err(JsonError::Print { .. })));
}

#[test]
fn reading_is_strict_and_the_inverse_of_printing() {
    let json = dump_message(&cluster()).unwrap();
    assert_eq!(parse::<Cluster>(&json).unwrap(), cluster());
    let error = parse::<Cluster>(&json!({ "nam": "a" })).unwrap_err();
    let JsonError::Read { source, .. } = &error else { panic!("{error}") };
    assert!(source.to_string().contains("nam"), "{source}");
}

#[test]
fn read_bytes_are_canonical_within_an_any_too() {
    let entries: serde_json::Map<_, _> =
        (0..20).map(|n| (format!("k{n}"), json!({ "x": n, "y": n }))).collect();
    let json = json!({
        "@type": "type.googleapis.com/envoy.config.core.v3.Metadata",
        "filter_metadata": entries,
    });
    let any = Any::decode(from_json("google.protobuf.Any", &json).unwrap()).unwrap();
    assert_eq!(any, pack_any(&Metadata::decode(&any.value[..]).unwrap()));
}

#[test]
fn a_dump_hides_the_private_key_and_keeps_the_certificate() {
    let json = dump_message(&secret()).unwrap();
    assert_eq!(json["tls_certificate"]["private_key"]["inline_string"], REDACTED);
    assert_eq!(json["tls_certificate"]["certificate_chain"]["inline_string"], "chain");
    assert_eq!(
        dump_message(&pack_any(&secret())).unwrap()["tls_certificate"]["private_key"]["inline_string"],
        REDACTED
    );
    let raw = any_to_json(&pack_any(&secret())).unwrap();
    assert_eq!(raw["tls_certificate"]["private_key"]["inline_string"], "key");
}

#[test]
fn file_names_and_names_survive_redaction_and_secrets_do_not() {
    let mut json = json!({
        "private_key": { "filename": "/k" },
        "session_ticket_keys": { "keys": [{ "inline_bytes": "c2VjcmV0" }] },
        "generic_secret": { "secret": { "inline_string": "s" }, "secrets": { "a": { "inline_bytes": "cw==" } } },
        "private_key_provider": { "provider_name": "p", "typed_config": { "@type": "t", "x": "s" } },
        "keys": ["a header name"],
    });
    redact(&mut json);
    let expected = json!({
        "private_key": { "filename": "/k" },
        "session_ticket_keys": { "keys": [{ "inline_bytes": REDACTED }] },
        "generic_secret": {
            "secret": { "inline_string": REDACTED },
            "secrets": { "a": { "inline_bytes": REDACTED } },
        },
        "private_key_provider": { "provider_name": "p", "typed_config": { "@type": "t", "x": REDACTED } },
        "keys": ["a header name"],
    });
    assert_eq!(json, expected);
}

/// Envoy marks what its own `/config_dump` hides; a new field of a later API must not slip through.
#[test]
fn every_field_that_envoy_marks_as_sensitive_is_hidden() {
    let exempt = [
        // Hidden with the whole `private_key_provider` around it.
        "envoy.extensions.transport_sockets.tls.v3.PrivateKeyProvider.typed_config",
        // Labels that an authorization server is sent, marked for their size.
        "envoy.extensions.filters.http.ext_authz.v3.CheckSettings.context_extensions",
    ];
    let sensitive =
        descriptors().all_extensions().find(|e| e.full_name() == "udpa.annotations.sensitive").unwrap();
    let mut seen = 0;
    for field in descriptors().all_messages().flat_map(|m| m.fields().collect::<Vec<_>>()) {
        if !field.options().has_extension(&sensitive) || exempt.contains(&field.full_name()) {
            continue;
        }
        seen += 1;
        let value = match field.kind() {
            Kind::Message(m) if field.is_map() => m.map_entry_value_field().kind(),
            kind => kind,
        };
        let is_data_source =
            matches!(value, Kind::Message(m) if m.full_name() == "envoy.config.core.v3.DataSource");
        let list = if is_data_source { redact::SECRET_DATA_SOURCES } else { redact::SECRET_TEXTS };
        assert!(list.contains(&field.name()), "{} is not hidden", field.full_name());
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn yaml_is_in_block_style() {
    let json = json!({
        "name": "outbound|80||a", "on": "off", "n": [1, "1", true, null, [], {}],
        "hosts": [{ "a": ["x y", ["z"]], "b": { "c": "-----BEGIN-----\nabc\n" } }],
    });
    let expected = "\
hosts:
- a:
  - \"x y\"
  - - z
  b:
    c: |
      -----BEGIN-----
      abc
\"n\":
- 1
- \"1\"
- true
- null
- []
- {}
name: outbound|80||a
\"on\": \"off\"
";
    assert_eq!(to_yaml(&json), expected);
}

fn any_json() -> impl Strategy<Value = Value> {
    let text =
        prop_oneof!["[ -~\n]{0,12}", "(a|y|on|~|-|#|:|\\||1|0x1|s|\\.|e|_|\"|'| |\n){0,5}", any::<String>()];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z:# ]{0,6}|y|on|1", inner), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

#[test]
fn deprecated_fields_are_found_within_an_any() {
    let fine = dump_message(&cluster()).unwrap();
    assert_eq!(parse::<Cluster>(&fine).unwrap(), cluster());
    assert!(deprecated_fields(TypeUrl::CLUSTER.as_str(), &encode(&cluster())).unwrap().is_empty());

    let old = from_json(TypeUrl::CLUSTER.as_str(), &json!({ "respect_dns_ttl": true })).unwrap();
    let old = Any { type_url: TypeUrl::CLUSTER.as_str().to_owned(), value: old.to_vec() };
    let found = deprecated_fields("google.protobuf.Any", &old.encode_to_vec()).unwrap();
    assert_eq!(found, ["envoy.config.cluster.v3.Cluster.respect_dns_ttl"]);
}

proptest! {
    #[test]
    fn yaml_reads_back_equal(json in any_json()) {
        let yaml = to_yaml(&json);
        let back: Value = serde_saphyr::from_str(&yaml).map_err(|e| TestCaseError::fail(format!("{e}\n{yaml}")))?;
        prop_assert_eq!(back, json, "{}", yaml);
    }
}
