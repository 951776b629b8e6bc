//! Domain values as Envoy's constructors take them.

use envoy_types::pb::envoy::r#type::v3::{FractionalPercent, fractional_percent::DenominatorType};
use fairlead_envoy::{
    http::filter::{Abort, AbortStatus as EnvoyAbortStatus, CorsPolicy as EnvoyCors, Delay},
    matcher::StringMatch as EnvoyMatch,
    route::policy::{HashCookie, HashOn},
};
use fairlead_model::{
    HashKey,
    routes::{AbortStatus, CorsPolicy, Fault, Percent},
};

use super::matching;

pub(super) fn percent(percent: Percent) -> FractionalPercent {
    FractionalPercent { numerator: percent.millionths, denominator: DenominatorType::Million.into() }
}

pub(super) fn delay(fault: &Fault) -> Option<Delay> {
    fault.delay.map(|(duration, share)| Delay { duration, percentage: percent(share) })
}

pub(super) fn abort(fault: &Fault) -> Option<Abort> {
    fault.abort.map(|(status, share)| Abort {
        status: match status {
            AbortStatus::Http(status) => EnvoyAbortStatus::Http(status),
            AbortStatus::Grpc(status) => EnvoyAbortStatus::Grpc(status),
        },
        percentage: percent(share),
    })
}

pub(super) fn cors(policy: &CorsPolicy, sized: bool) -> EnvoyCors {
    let texts = |list: &[std::sync::Arc<str>]| list.iter().map(ToString::to_string).collect();
    EnvoyCors {
        allow_origins: policy
            .allow_origins
            .iter()
            .map(|origin| matching::text(origin, sized).unwrap_or(EnvoyMatch::Regex(".*".into())))
            .collect(),
        allow_methods: texts(&policy.allow_methods),
        allow_headers: texts(&policy.allow_headers),
        expose_headers: texts(&policy.expose_headers),
        max_age: policy.max_age,
        allow_credentials: policy.allow_credentials,
        forward_not_matching_preflights: Some(policy.forward_unmatched_preflights),
    }
}

pub(super) fn hash_on(key: &HashKey) -> HashOn {
    match key {
        HashKey::Header(name) => HashOn::Header(name.to_string()),
        HashKey::SourceIp => HashOn::SourceIp,
        HashKey::QueryParameter(name) => HashOn::QueryParameter(name.to_string()),
        HashKey::Cookie { name, path, ttl, attributes } => HashOn::Cookie(HashCookie {
            name: name.to_string(),
            path: path.as_deref().map(ToOwned::to_owned),
            ttl: *ttl,
            attributes: attributes.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
        }),
    }
}
