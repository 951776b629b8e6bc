//! Redirects, and the port of their location.

use envoy_types::pb::envoy::config::route::v3::{Route, route::Action};
use fairlead_envoy::{
    matcher::StringMatch as EnvoyMatch,
    route::{HeaderMatch, Redirect as EnvoyRedirect, RedirectPath, RedirectResponseCode, header_matcher},
};
use fairlead_model::routes::{Redirect, RedirectPort};

/// A redirect by a listener with this port. Envoy appends `port` to any host, so the scheme's default port is left out.
///
/// Mirrors istio pilot/pkg/networking/core/route/route.go (ApplyRedirect).
pub(super) fn redirect(redirect: &Redirect, listener_port: u16, is_tls: bool) -> EnvoyRedirect {
    let implied = implied_port(redirect, is_tls);
    let port = match redirect.port {
        RedirectPort::Default => None,
        RedirectPort::Number(port) => Some(port),
        RedirectPort::FromRequest => Some(listener_port),
    };
    let path = match (&redirect.uri, &redirect.uri_prefix) {
        (Some(uri), _) => Some(RedirectPath::Full(uri.to_string())),
        (None, Some(prefix)) => Some(RedirectPath::Prefix(prefix.to_string())),
        (None, None) => None,
    };
    EnvoyRedirect {
        scheme: redirect.scheme.as_deref().map(ToOwned::to_owned),
        host: redirect.authority.as_deref().map(ToOwned::to_owned),
        port: port.filter(|port| *port != implied),
        path,
        code: match redirect.status {
            302 => RedirectResponseCode::Found,
            303 => RedirectResponseCode::SeeOther,
            307 => RedirectResponseCode::TemporaryRedirect,
            308 => RedirectResponseCode::PermanentRedirect,
            _ => RedirectResponseCode::MovedPermanently,
        },
        strip_query: false,
    }
}

/// The port that the scheme of the new location implies.
fn implied_port(redirect: &Redirect, is_tls: bool) -> u16 {
    let scheme = redirect.scheme.as_deref().unwrap_or(if is_tls { "https" } else { "http" });
    if scheme.eq_ignore_ascii_case("https") { HTTPS_PORT } else { HTTP_PORT }
}

const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;

/// The port of a redirect, if it is the scheme's default and the host stays that of the request.
///
/// Left out, it would not replace the port of such a host: `{scheme: https, port: 443}` would lead from
/// `http://a.example.com:8080` to `https://a.example.com:8080`. Hosts with a port need a route of their own.
pub(super) fn replaced_port(redirect: &Redirect, is_tls: bool) -> Option<u16> {
    match redirect.port {
        RedirectPort::Number(port) if redirect.authority.is_none() => {
            Some(port).filter(|port| *port == implied_port(redirect, is_tls))
        }
        _ => None,
    }
}

/// Narrows a redirect to hosts with a port, in place of which it spells out `port`.
///
/// Envoy itself takes away the port that the scheme of the request implies (config_impl.cc, `processRequestHost`).
pub(super) fn for_hosts_with_a_port(route: &mut Route, port: u16, is_tls: bool) {
    let implied = if is_tls { HTTPS_PORT } else { HTTP_PORT };
    if let Some(condition) = &mut route.r#match {
        let has_port = HeaderMatch::Is(EnvoyMatch::Regex(".*:[0-9]+".into()));
        let is_implied = HeaderMatch::IsNot(EnvoyMatch::Suffix(format!(":{implied}")));
        condition.headers.extend([has_port, is_implied].map(|form| header_matcher(":authority", form)));
    }
    if let Some(Action::Redirect(redirect)) = &mut route.action {
        redirect.port_redirect = port.into();
    }
}
