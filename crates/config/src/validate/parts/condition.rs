//! Empty conditions: matches of requests that Envoy rejects, and origins.

use fairlead_api::{HttpMatchRequest, StringMatch};

use crate::FieldPath;

/// A condition that is empty, which Envoy rejects.
pub(super) struct Empty<'a> {
    field: &'static str,
    /// The entry, if the field is a map.
    key: Option<&'a str>,
    form: &'static str,
    /// What is empty.
    pub(super) what: &'static str,
}

impl Empty<'_> {
    /// Where it is in the match at `path`.
    pub(super) fn within(&self, path: &FieldPath) -> FieldPath {
        let field = path.clone().field(self.field);
        match self.key {
            Some(key) => field.key(key.to_owned()).field(self.form),
            None => field.field(self.form),
        }
    }
}

/// Whether Envoy accepts a match of requests.
pub fn is_condition(request: &HttpMatchRequest) -> bool {
    empty(request).is_none()
}

/// Whether a condition on the origin of a request names any. One that asks for presence would allow every origin.
pub fn is_origin(origin: &StringMatch) -> bool {
    let StringMatch { exact, prefix, regex, .. } = origin;
    let first = exact.as_deref().or(prefix.as_deref()).or(regex.as_deref().filter(|regex| *regex != "*"));
    first.is_some_and(|text| !text.is_empty())
}

/// The first condition that Envoy rejects: an empty expression, or an empty prefix of something always present.
///
/// Mirrors istio pkg/config/validation (validateStringMatch, validateStringMatchRegexp).
pub(super) fn empty(request: &HttpMatchRequest) -> Option<Empty<'_>> {
    let always =
        [("scheme", &request.scheme), ("method", &request.method), ("authority", &request.authority)];
    let always = always.into_iter().filter_map(|(field, value)| Some((field, None, value.as_ref()?, true)));
    let uri = request.uri.iter().map(|value| ("uri", None, value, false));
    let maps = [
        ("headers", &request.headers),
        ("withoutHeaders", &request.without_headers),
        ("queryParams", &request.query_params),
    ];
    let entries = maps.into_iter().flat_map(|(field, map)| {
        map.iter().map(move |(name, value)| (field, Some(name.as_str()), value, false))
    });
    always.chain(uri).chain(entries).find_map(|(field, key, value, is_always)| match value {
        StringMatch { exact: None, prefix: Some(prefix), .. } if prefix.is_empty() && is_always => {
            Some(Empty { field, key, form: "prefix", what: "prefix" })
        }
        StringMatch { exact: None, prefix: None, regex: Some(regex), .. } if regex.is_empty() => {
            Some(Empty { field, key, form: "regex", what: "expression" })
        }
        _ => None,
    })
}
