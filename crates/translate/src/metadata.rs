//! `filter_metadata.istio`: the origin of a resource, in the form that Istio's tools read.

use envoy_types::pb::envoy::config::core::v3::Metadata;
use fairlead_envoy::metadata::{Plain, filter_metadata, plain_filter_metadata, string_value, struct_of};
use fairlead_model::{
    ConfigKey, Service,
    destination_rule::{DestinationRule, Subset},
    proxy::InboundListener,
};

const NAMESPACE: &str = "istio";

/// The path of an object at the Kubernetes API; for Istio's kinds as Istio writes it:
/// `/apis/networking.istio.io/v1/namespaces/<namespace>/virtual-service/<name>`.
pub(crate) fn config_path(key: &ConfigKey) -> String {
    let (kind, group, version) = (key.kind, key.kind.group(), key.kind.versions()[0]);
    let (root, group_end) = if group.is_empty() { ("/api/", "") } else { ("/apis/", "/") };
    let mut path = String::with_capacity(80 + key.namespace.as_str().len() + key.name.as_str().len());
    path.extend([root, group, group_end, version]);
    if kind.is_namespaced() {
        path.extend(["/namespaces/", key.namespace.as_str()]);
    }
    path.push('/');
    if kind.is_istio() {
        push_kebab_case(kind.name(), &mut path);
    } else {
        path.push_str(kind.plural());
    }
    path.extend(["/", key.name.as_str()]);
    path
}

/// Appends `VirtualService` as `virtual-service`.
fn push_kebab_case(name: &str, text: &mut String) {
    for (at, char) in name.char_indices() {
        if at > 0 && char.is_ascii_uppercase() {
            text.push('-');
        }
        text.push(char.to_ascii_lowercase());
    }
}

/// The object that a route or a listener comes from.
pub(crate) fn config(key: &ConfigKey) -> Metadata {
    config_at(config_path(key))
}

/// The object at a path, see [`config_path`].
pub(crate) fn config_at(path: String) -> Metadata {
    filter_metadata([(NAMESPACE, struct_of([("config", string_value(path))]))])
}

/// The service of a cluster, and the DestinationRule and subset that shaped it, in canonical bytes.
pub(crate) fn cluster(service: &Service, rule: Option<&DestinationRule>, subset: Option<&Subset>) -> Vec<u8> {
    let origin = subset.map(|subset| &subset.origin).or(rule.map(|rule| &rule.origin));
    let config = origin.map(config_path);
    let entry = [
        ("host", Plain::Text(service.key.host.as_str())),
        ("name", Plain::Text(service.origin.name.as_str())),
        ("namespace", Plain::Text(service.key.namespace.as_str())),
    ];
    let services = [Plain::Struct(&entry)];
    let config = config.as_ref().map(|config| ("config", Plain::Text(config)));
    let subset = subset.map(|subset| ("subset", Plain::Text(&subset.name)));
    let fields = [config, Some(("services", Plain::List(&services))), subset];
    plain_filter_metadata(NAMESPACE, &fields.into_iter().flatten().collect::<Vec<_>>())
}

/// The object that asked for an inbound port.
pub(crate) fn inbound_cluster(listener: &InboundListener) -> Metadata {
    config(&listener.origin)
}
