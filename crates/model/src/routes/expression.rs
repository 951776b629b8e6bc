//! Regular expressions that exceed Envoy's default limit.

use fairlead_config::re2;

use super::{HttpAction, HttpMatch, HttpRoute, StringMatch};

/// Whether Envoy refuses the expression under its default limit.
pub fn is_large(expression: &str) -> bool {
    re2::parse(expression).is_ok_and(|known| known.program > re2::DEFAULT_PROGRAM)
}

impl StringMatch {
    fn is_large(&self) -> bool {
        matches!(self, Self::Regex(expression) if is_large(expression))
    }
}

impl HttpMatch {
    fn has_large_expressions(&self) -> bool {
        let alone = [&self.uri, &self.scheme, &self.method, &self.authority].into_iter().flatten();
        let named = [&self.headers, &self.without_headers, &self.query_params];
        alone.chain(named.into_iter().flat_map(|map| map.values())).any(StringMatch::is_large)
    }
}

impl HttpRoute {
    /// Whether a condition, a rewrite or a CORS origin has a large expression.
    pub(super) fn has_large_expressions(&self) -> bool {
        let rewrite = match &self.action {
            HttpAction::Route { rewrite, .. } => rewrite.uri_regex.as_ref(),
            HttpAction::Redirect(_) | HttpAction::DirectResponse { .. } => None,
        };
        let mut origins = self.cors.iter().flat_map(|cors| &cors.allow_origins);
        self.matches.iter().any(HttpMatch::has_large_expressions)
            || rewrite.is_some_and(|(expression, _)| is_large(expression))
            || origins.any(StringMatch::is_large)
    }
}
