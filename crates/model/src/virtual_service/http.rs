//! The `http` list of a VirtualService.

use std::{sync::Arc, time::Duration};

use fairlead_config::{
    Code, Diagnostics,
    api::{self, ProtoDuration},
    path,
};

use super::{Names, action, fault, header_operations, matches};
use crate::routes::{CorsPolicy, HttpRoute, Mirror, Percent, Retries, StringMatch};

/// The routes that are usable, in order.
///
/// A route that delegates is left out: what it stands for is not resolved.
pub(super) fn routes(
    list: &[api::HttpRoute],
    names: &Names<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<HttpRoute> {
    let usable = |(index, spec): (usize, &api::HttpRoute)| {
        if spec.delegate.is_some() { None } else { route(index, spec, names, diagnostics) }
    };
    list.iter().enumerate().filter_map(usable).collect()
}

fn route(
    index: usize,
    spec: &api::HttpRoute,
    names: &Names<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<HttpRoute> {
    let matches: Vec<_> = (spec.matches.iter().enumerate())
        .filter_map(|(at, m)| matches::http_match(m, names, &path!("http"[index]."match"[at]), diagnostics))
        .collect();
    // Without this, a route whose every condition is unusable would take all requests.
    if matches.is_empty() && !spec.matches.is_empty() {
        diagnostics.error(Code::BadMatch, path!("http"[index]."match"), "no match of the route is usable");
        return None;
    }
    Some(HttpRoute {
        name: spec.name.as_deref().unwrap_or_default().into(),
        index,
        matches,
        action: action::action(index, spec, names, diagnostics)?,
        timeout: positive(spec.timeout),
        retries: spec.retries.as_ref().map(retries),
        fault: spec.fault.as_ref().and_then(|spec| fault::fault(index, spec, diagnostics)),
        mirrors: mirrors(index, spec, names, diagnostics),
        headers: header_operations::headers(
            spec.headers.as_ref(),
            &path!("http"[index]."headers"),
            diagnostics,
        ),
        cors: spec.cors_policy.as_ref().map(|spec| cors(index, spec, diagnostics)),
    })
}

/// The duration, unless it is absent or zero.
pub(super) fn positive(duration: Option<ProtoDuration>) -> Option<Duration> {
    duration.map(|duration| duration.0).filter(|duration| !duration.is_zero())
}

/// A `retries` block, also of `defaultHttpRetryPolicy`.
pub(crate) fn retries(spec: &api::HttpRetry) -> Retries {
    Retries {
        attempts: u32::try_from(spec.attempts.unwrap_or(0)).unwrap_or(0),
        per_try_timeout: positive(spec.per_try_timeout),
        retry_on: spec.retry_on.as_deref().filter(|on| !on.is_empty()).map(Into::into),
        remote_localities: spec.retry_remote_localities.unwrap_or(false),
        ignore_previous_hosts: spec.retry_ignore_previous_hosts.unwrap_or(true),
        backoff: positive(spec.backoff),
    }
}

fn mirrors(
    index: usize,
    spec: &api::HttpRoute,
    names: &Names<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<Mirror> {
    let whole_percent = spec.mirror_percent.or(spec.mirror_percent_snake_case).map(f64::from);
    let share = spec.mirror_percentage.as_ref().map(percent_value).or(whole_percent);
    let single = spec.mirror.iter().map(|to| (path!("http"[index]."mirror"), to, share));
    let several = spec.mirrors.iter().enumerate().map(|(at, mirror)| {
        let share = mirror.percentage.as_ref().map(percent_value);
        (path!("http"[index]."mirrors"[at]."destination"), &mirror.destination, share)
    });
    let mut resolved = Vec::new();
    for (path, to, share) in single.chain(several) {
        let Some(destination) = names.destination(to) else {
            diagnostics.error(Code::BadMirror, path, format!("the destination `{}` is not usable", to.host));
            continue;
        };
        let percent = share.map_or(Percent::FULL, Percent::of);
        if percent.millionths > 0 {
            resolved.push(Mirror { destination, percent });
        }
    }
    resolved
}

/// The share in a hundred; a block without a value is 0, as in Istio's protobuf.
pub(super) fn percent_value(percent: &api::Percent) -> f64 {
    percent.value.unwrap_or(0.0)
}

pub(super) fn texts(list: &[String]) -> Vec<Arc<str>> {
    list.iter().map(|text| text.as_str().into()).collect()
}

fn cors(index: usize, spec: &api::CorsPolicy, diagnostics: &mut Diagnostics) -> CorsPolicy {
    // An empty condition would allow every origin.
    let mut origin = |(at, origin): (usize, &api::StringMatch)| {
        let origin = matches::string_match(origin);
        if origin == StringMatch::Present {
            let path = path!("http"[index]."corsPolicy"."allowOrigins"[at]);
            let message = "the origin is empty and is not allowed";
            diagnostics.error(Code::BadCors, path, message).help("write regex: .* to allow every origin");
        }
        (origin != StringMatch::Present).then_some(origin)
    };
    let allow_origins = if spec.allow_origins.is_empty() {
        spec.allow_origin.iter().map(|origin| StringMatch::Exact(origin.as_str().into())).collect()
    } else {
        spec.allow_origins.iter().enumerate().filter_map(&mut origin).collect()
    };
    CorsPolicy {
        allow_origins,
        allow_methods: texts(&spec.allow_methods),
        allow_headers: texts(&spec.allow_headers),
        expose_headers: texts(&spec.expose_headers),
        max_age: spec.max_age.map(|age| age.0),
        allow_credentials: spec.allow_credentials,
        forward_unmatched_preflights: spec.unmatched_preflights != Some(api::UnmatchedPreflights::Ignore),
    }
}
