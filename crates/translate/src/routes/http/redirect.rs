//! Redirects.

use fairlead_envoy::route::{Redirect as EnvoyRedirect, RedirectCode, RedirectPath};
use fairlead_model::virtual_service::{Redirect, RedirectPort};

pub(super) fn redirect(redirect: &Redirect, listener_port: u16) -> EnvoyRedirect {
    let https = redirect.scheme.as_deref() == Some("https");
    let port = match redirect.port {
        RedirectPort::Default => None,
        RedirectPort::Number(port) => Some(port),
        // What the scheme implies is not spelled out.
        RedirectPort::FromRequest => Some(listener_port).filter(|p| *p != if https { 443 } else { 80 }),
    };
    let path = match (&redirect.uri, &redirect.uri_prefix) {
        (Some(uri), _) => Some(RedirectPath::Full(uri.to_string())),
        (None, Some(prefix)) => Some(RedirectPath::Prefix(prefix.to_string())),
        (None, None) => None,
    };
    EnvoyRedirect {
        scheme: redirect.scheme.as_deref().map(ToOwned::to_owned),
        host: redirect.authority.as_deref().map(ToOwned::to_owned),
        port,
        path,
        code: match redirect.status {
            302 => RedirectCode::Found,
            303 => RedirectCode::SeeOther,
            307 => RedirectCode::TemporaryRedirect,
            308 => RedirectCode::PermanentRedirect,
            _ => RedirectCode::MovedPermanently,
        },
        strip_query: false,
    }
}
