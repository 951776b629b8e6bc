//! Limits and protection of a cluster's hosts: circuit breakers, outlier detection, panic threshold, slow start.

use std::time::Duration;

use envoy_types::pb::envoy::config::cluster::v3::{
    CircuitBreakers, OutlierDetection as ProtoOutlierDetection,
    circuit_breakers::{Thresholds as ProtoThresholds, thresholds},
    cluster::{
        CommonLbConfig, SlowStartConfig,
        common_lb_config::{LocalityConfigSpecifier, LocalityWeightedLbConfig},
    },
};

use crate::wkt::{IntoProto, percent, runtime_double};

/// Limits of a cluster for requests of default priority. What is `None` is Envoy's default: 1024, and 3 retries.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Thresholds {
    /// Connections to all hosts.
    pub max_connections: Option<u32>,
    /// Requests that wait for a connection.
    pub max_pending_requests: Option<u32>,
    /// Active requests.
    pub max_requests: Option<u32>,
    /// Active retries.
    pub max_retries: Option<u32>,
    /// Retries as a share of the requests; replaces `max_retries`.
    pub retry_budget: Option<RetryBudget>,
    /// Publishes what remains as gauges.
    pub track_remaining: bool,
}

/// Retries as a share of the active and pending requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryBudget {
    /// Percent of the requests. Envoy's default is 20.
    pub percent: Option<f64>,
    /// Retries that are always possible. Envoy's default is 3.
    pub min_retry_concurrency: Option<u32>,
}

/// The limits as circuit breakers.
pub fn circuit_breakers(limits: Thresholds) -> CircuitBreakers {
    let thresholds = ProtoThresholds {
        max_connections: limits.max_connections.map(IntoProto::into_proto),
        max_pending_requests: limits.max_pending_requests.map(IntoProto::into_proto),
        max_requests: limits.max_requests.map(IntoProto::into_proto),
        max_retries: limits.max_retries.map(IntoProto::into_proto),
        track_remaining: limits.track_remaining,
        retry_budget: limits.retry_budget.map(|budget| thresholds::RetryBudget {
            budget_percent: budget.percent.map(percent),
            min_retry_concurrency: budget.min_retry_concurrency.map(IntoProto::into_proto),
            ..Default::default()
        }),
        ..Default::default()
    };
    CircuitBreakers { thresholds: vec![thresholds], ..Default::default() }
}

/// When a host is ejected. `None` is Envoy's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutlierDetection {
    /// Consecutive 5xx responses. Envoy's default is 5.
    pub consecutive_5xx: Option<Consecutive>,
    /// Consecutive 502, 503 and 504 responses. Envoy's default is 5, not enforced.
    pub consecutive_gateway_failure: Option<Consecutive>,
    /// Consecutive failures to connect, counted apart from responses. `None` counts them as 5xx.
    pub consecutive_local_origin_failure: Option<Consecutive>,
    /// Counts failures to connect separately, even without a number for them.
    pub split_external_local_origin_errors: bool,
    /// Percent of the ejections by success rate that are enforced. Envoy's default is 100.
    pub enforcing_success_rate: Option<u32>,
    /// Time between two evaluations. Envoy's default is 10 s.
    pub interval: Option<Duration>,
    /// Duration of the first ejection; each further one is longer by as much. Envoy's default is 30 s.
    pub base_ejection_time: Option<Duration>,
    /// Maximum percentage of ejected hosts. Envoy's default is 10.
    pub max_ejection_percent: Option<u32>,
}

/// Number of consecutive failures that ejects a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consecutive {
    /// The number of failures.
    After(u32),
    /// Never.
    Never,
}

/// The outlier detection of a cluster.
pub fn outlier_detection(settings: OutlierDetection) -> ProtoOutlierDetection {
    let count = |consecutive: Option<Consecutive>| match consecutive {
        Some(Consecutive::After(n)) => Some(n.into_proto()),
        _ => None,
    };
    let enforcing = |consecutive: Option<Consecutive>| match consecutive {
        Some(Consecutive::After(_)) => Some(100.into_proto()),
        Some(Consecutive::Never) => Some(0.into_proto()),
        None => None,
    };
    let local_origin = settings.consecutive_local_origin_failure;
    ProtoOutlierDetection {
        consecutive_5xx: count(settings.consecutive_5xx),
        enforcing_consecutive_5xx: enforcing(settings.consecutive_5xx),
        consecutive_gateway_failure: count(settings.consecutive_gateway_failure),
        enforcing_consecutive_gateway_failure: enforcing(settings.consecutive_gateway_failure),
        split_external_local_origin_errors: settings.split_external_local_origin_errors
            || local_origin.is_some(),
        consecutive_local_origin_failure: count(local_origin),
        enforcing_consecutive_local_origin_failure: enforcing(local_origin),
        enforcing_success_rate: settings.enforcing_success_rate.map(IntoProto::into_proto),
        interval: settings.interval.map(IntoProto::into_proto),
        base_ejection_time: settings.base_ejection_time.map(IntoProto::into_proto),
        max_ejection_percent: settings.max_ejection_percent.map(IntoProto::into_proto),
        ..Default::default()
    }
}

/// Settings of all load balancing policies: the percentage of healthy hosts below which health is ignored (Envoy's
/// default is 50), and whether localities are chosen by their weights.
pub fn common_lb_config(healthy_panic_threshold: Option<f64>, locality_weighted: bool) -> CommonLbConfig {
    CommonLbConfig {
        healthy_panic_threshold: healthy_panic_threshold.map(percent),
        locality_config_specifier: locality_weighted
            .then_some(LocalityConfigSpecifier::LocalityWeightedLbConfig(LocalityWeightedLbConfig {})),
        ..Default::default()
    }
}

/// Gives a new host its full share of requests only after `window`.
///
/// `aggression` bends the ramp (Envoy's default is 1, a straight line), `min_weight_percent` is where it begins
/// (Envoy's default is 10).
pub fn slow_start(
    window: Duration,
    aggression: Option<f64>,
    min_weight_percent: Option<f64>,
) -> SlowStartConfig {
    SlowStartConfig {
        slow_start_window: Some(window.into_proto()),
        // Envoy requires a runtime key; nothing sets this one.
        aggression: aggression.map(|value| runtime_double(value, "slow_start.aggression")),
        min_weight_percent: min_weight_percent.map(percent),
    }
}
