//! What an HTTP route does: forward, redirect or answer.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fairlead_config::{Code, Diagnostics, FieldPath, api, path, substitution};

use super::{Names, header_operations, l4};
use crate::routes::{HttpAction, Redirect, RedirectPort, Rewrite, WeightedDestination};

/// The statuses that a redirect can have.
const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

/// The action of a route; `None`, with a finding, where it has none that is usable.
///
/// A redirect wins over a direct response, and that over destinations. Mirrors istio
/// pilot/pkg/networking/core/route/route.go (translateRoute).
pub(super) fn action(
    index: usize,
    spec: &api::HttpRoute,
    names: &Names<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<HttpAction> {
    if let Some(redirect) = &spec.redirect {
        let usable = is_line(redirect_texts(index, redirect), diagnostics);
        return usable.then(|| HttpAction::Redirect(resolve_redirect(index, redirect, diagnostics)));
    }
    if let Some(response) = &spec.direct_response {
        return direct_response(index, response, diagnostics);
    }
    if spec.route.is_empty() {
        diagnostics.error(Code::NoAction, path!("http"[index]), "the route has no destination");
        return None;
    }
    if !spec.rewrite.as_ref().is_none_or(|rewrite| can_rewrite(index, rewrite, diagnostics)) {
        return None;
    }
    let items = spec.route.iter().enumerate();
    let weighted = items.map(|(at, item)| (&item.destination, item.weight, (at, item.headers.as_ref())));
    let kept = l4::weighted_destinations(weighted, names, &path!("http"[index]."route"), diagnostics)?;
    let destinations = kept
        .into_iter()
        .map(|(destination, weight, (at, headers))| WeightedDestination {
            destination,
            weight,
            headers: header_operations::headers(
                headers,
                &path!("http"[index]."route"[at]."headers"),
                diagnostics,
            ),
        })
        .collect();
    Some(HttpAction::Route { destinations, rewrite: spec.rewrite.as_ref().map(rewrite).unwrap_or_default() })
}

/// The texts of a redirect that become a part of the new location.
fn redirect_texts(index: usize, spec: &api::HttpRedirect) -> [(FieldPath, Option<&str>); 3] {
    [
        (path!("http"[index]."redirect"."uri"), spec.uri.as_deref()),
        (path!("http"[index]."redirect"."prefixRewrite"), spec.prefix_rewrite.as_deref()),
        (path!("http"[index]."redirect"."authority"), spec.authority.as_deref()),
    ]
}

/// Whether no text has a line break, for which Envoy refuses the whole route table.
fn is_line<'a>(
    texts: impl IntoIterator<Item = (FieldPath, Option<&'a str>)>,
    diagnostics: &mut Diagnostics,
) -> bool {
    let mut usable = true;
    for (path, text) in texts {
        if text.is_some_and(|text| text.contains(['\r', '\n', '\0'])) {
            let message = "the text contains a line break; the route is left out";
            diagnostics.error(Code::BadRewrite, path, message).help("remove the line break (`>-` in YAML)");
            usable = false;
        }
    }
    usable
}

/// Whether Envoy can do what a rewrite asks for.
fn can_rewrite(index: usize, spec: &api::HttpRewrite, diagnostics: &mut Diagnostics) -> bool {
    let texts = [
        (path!("http"[index]."rewrite"."uri"), spec.uri.as_deref()),
        (path!("http"[index]."rewrite"."authority"), spec.authority.as_deref()),
    ];
    let mut usable = is_line(texts, diagnostics);
    if let Some(regex) = &spec.uri_regex_rewrite {
        let pattern = regex.pattern.as_deref().unwrap_or_default();
        if let Err(why) = substitution::check(pattern, regex.rewrite.as_deref().unwrap_or_default()) {
            let message = format!("{why}; the route is left out");
            let path = path!("http"[index]."rewrite"."uriRegexRewrite"."rewrite");
            diagnostics.error(Code::BadRewrite, path, message).help("write \\1 for the first group");
            usable = false;
        }
    }
    usable
}

fn resolve_redirect(index: usize, spec: &api::HttpRedirect, diagnostics: &mut Diagnostics) -> Redirect {
    let number = |number: u32| u16::try_from(number).ok().filter(|number| *number > 0);
    let status = spec.redirect_code.filter(|code| *code != 0).map(u16::try_from);
    let status = match status {
        None => 301,
        Some(Ok(status)) if REDIRECTS.contains(&status) => status,
        Some(_) => {
            let message = format!("`{}` is no redirect; 301 is used", spec.redirect_code.unwrap_or(0));
            diagnostics.warn(Code::BadRedirect, path!("http"[index]."redirect"."redirectCode"), message);
            301
        }
    };
    Redirect {
        uri: text(spec.uri.as_deref()),
        uri_prefix: text(spec.prefix_rewrite.as_deref()),
        authority: text(spec.authority.as_deref()),
        scheme: text(spec.scheme.as_deref()),
        port: match (spec.port.and_then(number), spec.derive_port) {
            (Some(number), _) => RedirectPort::Number(number),
            (None, Some(api::RedirectPortSelection::FromRequestPort)) => RedirectPort::FromRequest,
            (None, _) => RedirectPort::Default,
        },
        status,
    }
}

fn direct_response(
    index: usize,
    spec: &api::HttpDirectResponse,
    diagnostics: &mut Diagnostics,
) -> Option<HttpAction> {
    let Some(status) = u16::try_from(spec.status).ok().filter(|status| (200..600).contains(status)) else {
        let message = format!("`{}` is not a status from 200 to 599", spec.status);
        diagnostics.error(Code::BadStatusCode, path!("http"[index]."directResponse"."status"), message);
        return None;
    };
    let body: Arc<[u8]> = match &spec.body {
        None => Arc::default(),
        Some(api::HttpBody { string: Some(text), .. }) => text.as_bytes().into(),
        Some(api::HttpBody { bytes, .. }) => {
            let Ok(bytes) = STANDARD.decode(bytes.as_deref().unwrap_or_default()) else {
                let path = path!("http"[index]."directResponse"."body"."bytes");
                diagnostics.error(Code::BadBase64, path, "the body is not base64");
                return None;
            };
            bytes.into()
        }
    };
    Some(HttpAction::DirectResponse { status, body })
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
