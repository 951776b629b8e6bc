//! The `http` list of a VirtualService.

use fairlead_config::{api, parts};

use super::{
    action, fault, header_operations, matches,
    names::Names,
    values::{percent_value, positive, texts},
};
use crate::routes::{CorsPolicy, HttpRoute, Mirror, Percent, Retries, StringMatch};

/// The usable routes, in order.
///
/// Routes that delegate are left out: delegates are not resolved.
pub(super) fn routes(list: &[api::HttpRoute], names: &Names<'_>) -> Vec<HttpRoute> {
    let usable = |(index, spec): (usize, &api::HttpRoute)| {
        if spec.delegate.is_some() { None } else { route(index, spec, names) }
    };
    list.iter().enumerate().filter_map(usable).collect()
}

fn route(index: usize, spec: &api::HttpRoute, names: &Names<'_>) -> Option<HttpRoute> {
    let usable = spec.matches.iter().enumerate().filter(|(_, request)| parts::is_condition(request));
    let matches: Vec<_> = usable.map(|(index, request)| matches::http_match(index, request, names)).collect();
    // Otherwise a route without any usable condition would take all requests.
    if matches.is_empty() && !spec.matches.is_empty() {
        return None;
    }
    Some(HttpRoute {
        name: spec.name.as_deref().unwrap_or_default().into(),
        index,
        matches,
        action: action::action(spec, names)?,
        timeout: positive(spec.timeout),
        retries: spec.retries.as_ref().map(retries),
        fault: spec.fault.as_ref().and_then(fault::fault),
        mirrors: mirrors(spec, names),
        headers: header_operations::headers(spec.headers.as_ref()),
        cors: spec.cors_policy.as_ref().map(cors),
    })
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

fn mirrors(spec: &api::HttpRoute, names: &Names<'_>) -> Vec<Mirror> {
    let whole_percent = spec.mirror_percent.or(spec.mirror_percent_snake_case).map(f64::from);
    let share = spec.mirror_percentage.as_ref().map(percent_value).or(whole_percent);
    let single = spec.mirror.iter().map(|to| (to, share));
    let several = spec.mirrors.iter();
    let several = several.map(|mirror| (&mirror.destination, mirror.percentage.as_ref().map(percent_value)));
    single
        .chain(several)
        .map(|(to, share)| (to, share.map_or(Percent::FULL, Percent::of)))
        .filter(|(_, percent)| percent.millionths > 0)
        .map(|(to, percent)| Mirror { destination: names.destination(to), percent })
        .collect()
}

fn cors(spec: &api::CorsPolicy) -> CorsPolicy {
    let allow_origins = if spec.allow_origins.is_empty() {
        spec.allow_origin.iter().map(|origin| StringMatch::Exact(origin.as_str().into())).collect()
    } else {
        let origins = spec.allow_origins.iter().filter(|origin| parts::is_origin(origin));
        origins.map(matches::string_match).collect()
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
