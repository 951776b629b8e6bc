//! Rules for `LoadBalancerSettings`.

use fairlead_api::{ConsistentHashLb, LoadBalancerSettings, WarmupConfiguration};

use crate::{Code, Diagnostics, FieldPath};

use super::{duration, header, locality};

/// Maximum size of a Maglev table in Envoy.
const MOST_MAGLEV_ENTRIES: u64 = 5_000_011;

/// Maximum size of a hash ring in Envoy.
const MOST_RING_ENTRIES: u64 = 8 << 20;

pub(super) fn check(
    settings: &LoadBalancerSettings,
    ejects: bool,
    path: &FieldPath,
    found: &mut Diagnostics,
) {
    let at = |field: &'static str| path.clone().field(field);
    let policies = [
        ("simple", settings.simple.is_some()),
        ("consistentHash", settings.consistent_hash.is_some()),
        ("backendUtilization", settings.backend_utilization.is_some()),
    ];
    let set: Vec<_> = policies.iter().filter(|(_, set)| *set).map(|(name, _)| *name).collect();
    if let [first, .., last] = set.as_slice() {
        let text = format!("`{first}` and `{last}` exclude each other");
        found.error(Code::MutuallyExclusive, at(last), text).help("keep one of them");
    }
    if let Some(hash) = &settings.consistent_hash {
        check_hash(hash, &at("consistentHash"), found);
    }
    if let Some(setting) = &settings.locality_lb_setting {
        locality::check(setting, ejects, &at("localityLbSetting"), found);
    }
    duration::check(settings.warmup_duration_secs, at("warmupDurationSecs"), found);
    if let Some(warmup) = &settings.warmup {
        check_warmup(warmup, &at("warmup"), found);
    }
}

fn check_hash(hash: &ConsistentHashLb, path: &FieldPath, found: &mut Diagnostics) {
    let at = |field: &'static str| path.clone().field(field);
    let keys = [
        hash.http_header_name.is_some(),
        hash.http_cookie.is_some(),
        hash.use_source_ip == Some(true),
        hash.http_query_parameter_name.is_some(),
    ];
    let help = "write one of `httpHeaderName`, `httpCookie`, `useSourceIp`, `httpQueryParameterName`";
    match keys.iter().filter(|set| **set).count() {
        0 => {
            let text = "the hash has no key, so nothing is hashed and endpoints are chosen at random";
            found.warn(Code::BadLoadBalancer, path.clone(), text).help(help);
        }
        1 => {}
        _ => {
            let text = "the keys of the hash exclude each other";
            found.error(Code::BadLoadBalancer, path.clone(), text).help(help);
        }
    }
    if let Some(name) = &hash.http_header_name {
        header::name(name, at("httpHeaderName"), found);
    }
    if hash.http_query_parameter_name.as_deref() == Some("") {
        let text = "the name of a query parameter is empty";
        found.error(Code::BadLoadBalancer, at("httpQueryParameterName"), text);
    }
    if let Some(cookie) = &hash.http_cookie
        && cookie.name.is_empty()
    {
        found.error(Code::BadLoadBalancer, at("httpCookie").field("name"), "the name of a cookie is empty");
    }
    let ring = hash.ring_hash.as_ref().and_then(|ring| ring.minimum_ring_size);
    for (path, size) in
        [(at("ringHash").field("minimumRingSize"), ring), (at("minimumRingSize"), hash.minimum_ring_size)]
    {
        if size.is_some_and(|size| size > MOST_RING_ENTRIES) {
            let text = format!("a ring has at most {MOST_RING_ENTRIES} entries");
            found.error(Code::BadLoadBalancer, path, text);
        }
    }
    if let Some(maglev) = &hash.maglev {
        if hash.ring_hash.is_some() {
            let text = "`ringHash` and `maglev` exclude each other";
            found.error(Code::MutuallyExclusive, at("maglev"), text).help("keep one of them");
        }
        let fits = |size: u64| size == 0 || size <= MOST_MAGLEV_ENTRIES && is_prime(size);
        if let Some(size) = maglev.table_size.filter(|size| !fits(*size)) {
            let text = format!("{size} is not a prime up to {MOST_MAGLEV_ENTRIES}");
            found.error(Code::BadLoadBalancer, at("maglev").field("tableSize"), text).help("write 65537");
        }
    }
}

fn is_prime(number: u64) -> bool {
    number > 1 && (2..=number.isqrt()).all(|divisor| !number.is_multiple_of(divisor))
}

fn check_warmup(warmup: &WarmupConfiguration, path: &FieldPath, found: &mut Diagnostics) {
    duration::check(Some(warmup.duration), path.clone().field("duration"), found);
    if let Some(percent) = warmup.minimum_percent.filter(|percent| !(0.0..=100.0).contains(percent)) {
        let text = format!("{percent} is not a percentage");
        found.error(Code::BadPercent, path.clone().field("minimumPercent"), text);
    }
    if let Some(aggression) = warmup.aggression.filter(|aggression| *aggression < 1.0) {
        let text = format!("the aggression {aggression} is below 1");
        found.error(Code::BadLoadBalancer, path.clone().field("aggression"), text);
    }
}
