//! The node of a client.

use std::sync::LazyLock;

use envoy_types::pb::{
    envoy::config::core::v3::{BuildVersion, Extension, Node, node::UserAgentVersionType},
    envoy::r#type::v3::SemanticVersion,
    google::protobuf::{ListValue, Struct, Value, value::Kind},
};

/// Number of extensions that stock Envoy 1.40 lists in its node; with their configurations' names they take 61 kB.
const EXTENSIONS: usize = 516;

/// A node of an Envoy 1.40 with `metadata`, which must be a JSON object (anything else is no metadata).
pub fn node(id: &str, cluster: &str, metadata: &serde_json::Value) -> Node {
    let version = SemanticVersion { major_number: 1, minor_number: 40, patch: 0 };
    Node {
        id: id.to_owned(),
        cluster: cluster.to_owned(),
        metadata: metadata.as_object().map(structure),
        user_agent_name: "envoy".to_owned(),
        user_agent_version_type: Some(UserAgentVersionType::UserAgentBuildVersion(BuildVersion {
            version: Some(version),
            metadata: None,
        })),
        ..Node::default()
    }
}

/// Replacements for the extensions of an Envoy, equal in number and size.
pub(super) fn extensions() -> &'static [Extension] {
    static ALL: LazyLock<Vec<Extension>> = LazyLock::new(|| {
        let extension = |i: usize| Extension {
            name: format!("envoy.filters.http.extension_{i:03}"),
            category: format!("envoy.filters.category_{}", i % 60),
            type_urls: vec![format!("envoy.extensions.filters.http.extension_{i:03}.v3.Extension")],
            ..Extension::default()
        };
        (0..EXTENSIONS).map(extension).collect()
    });
    &ALL
}

fn structure(object: &serde_json::Map<String, serde_json::Value>) -> Struct {
    Struct { fields: object.iter().map(|(name, item)| (name.clone(), value(item))).collect() }
}

fn value(json: &serde_json::Value) -> Value {
    let kind = match json {
        serde_json::Value::Null => Kind::NullValue(0),
        serde_json::Value::Bool(flag) => Kind::BoolValue(*flag),
        serde_json::Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or(f64::NAN)),
        serde_json::Value::String(text) => Kind::StringValue(text.clone()),
        serde_json::Value::Array(items) => {
            Kind::ListValue(ListValue { values: items.iter().map(value).collect() })
        }
        serde_json::Value::Object(object) => Kind::StructValue(structure(object)),
    };
    Value { kind: Some(kind) }
}
