//! Conditions of HTTP routes.

use std::{collections::BTreeMap, sync::Arc};

use fairlead_config::{Code, Diagnostics, FieldPath, LabelSet, api};

use super::{Names, gateways, l4};
use crate::routes::{ClientMatch, HttpMatch, StringMatch};

/// A `match[]` item; `None` where a part of it is not usable, since leaving that part out would match more.
pub(super) fn http_match(
    spec: &api::HttpMatchRequest,
    names: &Names<'_>,
    path: &FieldPath,
    diagnostics: &mut Diagnostics,
) -> Option<HttpMatch> {
    if let Some((path, what)) = empty(spec, path) {
        let message = format!("the {what} is empty, which Envoy refuses; the match is left out");
        let found = diagnostics.error(Code::BadMatch, path, message);
        found.help("remove the condition to match any value");
        return None;
    }
    let gateways = gateways(&spec.gateways, names.namespace);
    // A match that names gateways does not look at the client. Mirrors istio
    // pilot/pkg/networking/core/route/route.go (sourceMatchHTTP).
    let any_client = !gateways.is_empty();
    Some(HttpMatch {
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
            port: l4::port(spec.port)?,
            source_labels: if any_client { LabelSet::default() } else { LabelSet::from(&spec.source_labels) },
            source_namespace: if any_client { None } else { l4::namespace(spec.source_namespace.as_deref()) },
            gateways,
        },
    })
}

/// A condition that Envoy refuses: an empty expression, or an empty prefix of what is always there.
///
/// Mirrors istio pkg/config/validation (validateStringMatch, validateStringMatchRegexp).
fn empty(spec: &api::HttpMatchRequest, path: &FieldPath) -> Option<(FieldPath, &'static str)> {
    let at = |field: &'static str| path.clone().field(field);
    let always = [("scheme", &spec.scheme), ("method", &spec.method), ("authority", &spec.authority)];
    let mut conditions: Vec<(FieldPath, &api::StringMatch, bool)> =
        always.into_iter().filter_map(|(field, value)| Some((at(field), value.as_ref()?, true))).collect();
    conditions.extend(spec.uri.as_ref().map(|uri| (at("uri"), uri, false)));
    for (field, map) in [
        ("headers", &spec.headers),
        ("withoutHeaders", &spec.without_headers),
        ("queryParams", &spec.query_params),
    ] {
        conditions.extend(map.iter().map(|(name, value)| (at(field).key(name.clone()), value, false)));
    }
    conditions.into_iter().find_map(|(path, value, is_always)| match value {
        api::StringMatch { exact: None, prefix: Some(prefix), .. } if prefix.is_empty() && is_always => {
            Some((path.field("prefix"), "prefix"))
        }
        api::StringMatch { exact: None, prefix: None, regex: Some(regex), .. } if regex.is_empty() => {
            Some((path.field("regex"), "expression"))
        }
        _ => None,
    })
}

fn by_name(conditions: &BTreeMap<String, api::StringMatch>) -> BTreeMap<Arc<str>, StringMatch> {
    conditions.iter().map(|(name, value)| (name.as_str().into(), string_match(value))).collect()
}

/// An empty condition, an empty `exact` or `prefix` and the expression `*` ask for presence only.
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
