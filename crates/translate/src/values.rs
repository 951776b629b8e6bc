//! Domain values as Envoy's constructors take them.

use envoy_types::pb::envoy::r#type::v3::{FractionalPercent, fractional_percent::DenominatorType};
use fairlead_envoy::{
    matcher::{Regex, StringMatch as EnvoyMatch},
    route::policy::{HashCookie, HashOn},
};
use fairlead_model::{
    HashKey, MOST_PROGRAM,
    routes::{Percent, StringMatch, is_large},
};

pub(crate) fn percent(percent: Percent) -> FractionalPercent {
    FractionalPercent { numerator: percent.millionths, denominator: DenominatorType::Million.into() }
}

/// A regular expression. If `sized`, a large one carries its maximum program size: the field is deprecated, but without
/// it an Envoy with a bootstrap of its own rejects large expressions, and with them the whole virtual host.
pub(crate) fn regex(expression: &str, sized: bool) -> Regex {
    let most_program = (sized && is_large(expression)).then_some(MOST_PROGRAM);
    Regex { expression: expression.to_owned(), most_program }
}

/// `None` where presence is enough. `sized`: large expressions carry their maximum program size.
pub(crate) fn string_match(wanted: &StringMatch, sized: bool) -> Option<EnvoyMatch> {
    Some(match wanted {
        StringMatch::Exact(value) => EnvoyMatch::Exact(value.to_string()),
        StringMatch::Prefix(value) => EnvoyMatch::Prefix(value.to_string()),
        StringMatch::Regex(expression) => EnvoyMatch::Regex(regex(expression, sized)),
        StringMatch::Present => return None,
    })
}

pub(crate) fn hash_on(key: &HashKey) -> HashOn {
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
