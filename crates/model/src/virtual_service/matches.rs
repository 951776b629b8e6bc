//! Conditions of HTTP routes.

use std::{collections::BTreeMap, sync::Arc};

use fairlead_config::{LabelSet, api};

use super::{
    l4,
    names::{Names, gateways, port},
};
use crate::routes::{ClientMatch, HttpMatch, StringMatch};

/// A `match[]` item.
pub(super) fn http_match(index: usize, spec: &api::HttpMatchRequest, names: &Names<'_>) -> HttpMatch {
    let gateways = gateways(&spec.gateways, names.namespace);
    // A match that names gateways does not look at the client. Mirrors istio
    // pilot/pkg/networking/core/route/route.go (sourceMatchHTTP).
    let any_client = !gateways.is_empty();
    HttpMatch {
        index,
        name: spec.name.as_deref().unwrap_or_default().into(),
        uri: spec.uri.as_ref().map(string_match).filter(|uri| *uri != StringMatch::Present),
        ignore_uri_case: spec.ignore_uri_case,
        scheme: spec.scheme.as_ref().map(string_match),
        method: spec.method.as_ref().map(string_match),
        authority: spec.authority.as_ref().map(string_match),
        headers: by_name(&spec.headers),
        without_headers: by_name(&spec.without_headers),
        query_params: by_name(&spec.query_params),
        client: ClientMatch {
            port: spec.port.map(port),
            source_labels: if any_client { LabelSet::default() } else { LabelSet::from(&spec.source_labels) },
            source_namespace: if any_client { None } else { l4::namespace(spec.source_namespace.as_deref()) },
            gateways,
        },
    }
}

fn by_name(conditions: &BTreeMap<String, api::StringMatch>) -> BTreeMap<Arc<str>, StringMatch> {
    conditions.iter().map(|(name, value)| (name.as_str().into(), string_match(value))).collect()
}

/// An empty condition, an empty `exact` or `prefix` and the expression `*` match any value that is present.
///
/// Mirrors istio pilot/pkg/networking/core/route/route.go (isCatchAllStringMatch).
pub(super) fn string_match(spec: &api::StringMatch) -> StringMatch {
    match (spec.exact.as_deref(), spec.prefix.as_deref(), spec.regex.as_deref()) {
        (Some(exact), _, _) if !exact.is_empty() => StringMatch::Exact(exact.into()),
        (None, Some(prefix), _) if !prefix.is_empty() => StringMatch::Prefix(prefix.into()),
        (None, None, Some(regex)) if regex != "*" && !regex.is_empty() => StringMatch::Regex(regex.into()),
        _ => StringMatch::Present,
    }
}
