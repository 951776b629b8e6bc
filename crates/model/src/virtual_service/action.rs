//! What an HTTP route does: forward, redirect or answer.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fairlead_config::{api, parts};

use super::{
    header_operations, l4,
    names::{Names, port},
    values::status,
};
use crate::routes::{HttpAction, Redirect, RedirectPort, Rewrite, WeightedDestination};

/// The action of a route; `None` if Envoy would refuse it.
///
/// A redirect wins over a direct response, which wins over destinations. Mirrors istio
/// pilot/pkg/networking/core/route/route.go (translateRoute).
pub(super) fn action(spec: &api::HttpRoute, names: &Names<'_>) -> Option<HttpAction> {
    if let Some(redirect) = &spec.redirect {
        return parts::can_redirect(redirect).then(|| HttpAction::Redirect(resolve_redirect(redirect)));
    }
    if let Some(response) = &spec.direct_response {
        return Some(direct_response(response));
    }
    if !spec.rewrite.as_ref().is_none_or(parts::can_rewrite) {
        return None;
    }
    let weighted = spec.route.iter().map(|item| (&item.destination, item.weight, item.headers.as_ref()));
    let destinations = l4::weighted_destinations(weighted, names)
        .map(|(destination, weight, headers)| WeightedDestination {
            destination,
            weight,
            headers: header_operations::headers(headers),
        })
        .collect();
    Some(HttpAction::Route { destinations, rewrite: spec.rewrite.as_ref().map(rewrite).unwrap_or_default() })
}

fn resolve_redirect(spec: &api::HttpRedirect) -> Redirect {
    Redirect {
        uri: text(spec.uri.as_deref()),
        uri_prefix: text(spec.prefix_rewrite.as_deref()),
        authority: text(spec.authority.as_deref()),
        scheme: text(spec.scheme.as_deref()),
        port: match (spec.port, spec.derive_port) {
            (Some(number), _) => RedirectPort::Number(port(number)),
            (None, Some(api::RedirectPortSelection::FromRequestPort)) => RedirectPort::FromRequest,
            (None, _) => RedirectPort::Default,
        },
        status: spec.redirect_code.map_or(301, status),
    }
}

fn direct_response(spec: &api::HttpDirectResponse) -> HttpAction {
    let body: Arc<[u8]> = match &spec.body {
        None => Arc::default(),
        Some(api::HttpBody { string: Some(text), .. }) => text.as_bytes().into(),
        Some(api::HttpBody { bytes, .. }) => {
            let bytes = STANDARD.decode(bytes.as_deref().unwrap_or_default());
            bytes.expect("validation refuses what is not base64").into()
        }
    };
    HttpAction::DirectResponse { status: status(spec.status), body }
}

fn rewrite(spec: &api::HttpRewrite) -> Rewrite {
    let regex = spec.uri_regex_rewrite.as_ref().and_then(|regex| {
        let pattern = text(regex.pattern.as_deref())?;
        Some((pattern, regex.rewrite.as_deref().unwrap_or_default().into()))
    });
    Rewrite { uri: text(spec.uri.as_deref()), uri_regex: regex, authority: text(spec.authority.as_deref()) }
}

fn text(text: Option<&str>) -> Option<Arc<str>> {
    text.filter(|text| !text.is_empty()).map(Into::into)
}
