//! Rules for `TrafficPolicy`: its blocks, ports, outlier detection, tunnel.

use std::collections::BTreeSet;

use fairlead_api::{OutlierDetection, PortTrafficPolicy, RetryBudget, TrafficPolicy, TunnelSettings};

use crate::{Code, Diagnostics, FieldPath, printable::shown};

use super::{connection_pool, duration, load_balancer, port, tls};

pub(super) fn check(policy: &TrafficPolicy, path: &FieldPath, found: &mut Diagnostics) {
    if *policy == TrafficPolicy::default() {
        let text = "the policy is empty";
        found
            .error(Code::EmptyValue, path.clone(), text)
            .help("remove it, or write at least one of its fields");
    }
    let TrafficPolicy { load_balancer, connection_pool, outlier_detection, tls, .. } = policy;
    // The blocks that a policy and a policy of a port have in common.
    blocks(
        &PortTrafficPolicy {
            port: None,
            load_balancer: load_balancer.clone(),
            connection_pool: connection_pool.clone(),
            outlier_detection: outlier_detection.clone(),
            tls: tls.clone(),
        },
        path,
        found,
    );
    ports(&policy.port_level_settings, &path.clone().field("portLevelSettings"), found);
    if let Some(tunnel) = &policy.tunnel {
        check_tunnel(tunnel, &path.clone().field("tunnel"), found);
    }
    if let Some(budget) = &policy.retry_budget {
        check_budget(budget, &path.clone().field("retryBudget"), found);
    }
}

fn ports(settings: &[PortTrafficPolicy], path: &FieldPath, found: &mut Diagnostics) {
    let mut numbers = BTreeSet::new();
    for (index, policy) in settings.iter().enumerate() {
        let path = path.clone().index(index);
        match policy.port.as_ref().and_then(|port| port.number) {
            None => {
                let text = "the policy for a port has no port";
                found.error(Code::BadPort, path.clone(), text).help("write port: {number: 80}");
            }
            Some(number) => {
                port::number(number, path.clone().field("port").field("number"), found);
                if !numbers.insert(number) {
                    let text = format!("two policies are for port {number}");
                    found.error(Code::DuplicatePort, path.clone().field("port"), text).help("merge them");
                }
            }
        }
        blocks(policy, &path, found);
    }
}

fn blocks(policy: &PortTrafficPolicy, path: &FieldPath, found: &mut Diagnostics) {
    let at = |field: &'static str| path.clone().field(field);
    if let Some(settings) = &policy.load_balancer {
        load_balancer::check(settings, policy.outlier_detection.is_some(), &at("loadBalancer"), found);
    }
    if let Some(settings) = &policy.connection_pool {
        connection_pool::check(settings, &at("connectionPool"), found);
    }
    if let Some(detection) = &policy.outlier_detection {
        check_outliers(detection, &at("outlierDetection"), found);
    }
    if let Some(settings) = &policy.tls {
        tls::client(settings, &at("tls"), found);
    }
}

fn check_outliers(detection: &OutlierDetection, path: &FieldPath, found: &mut Diagnostics) {
    let at = |field: &'static str| path.clone().field(field);
    duration::check(detection.interval, at("interval"), found);
    duration::check(detection.base_ejection_time, at("baseEjectionTime"), found);
    for (field, value) in [
        ("maxEjectionPercent", detection.max_ejection_percent),
        ("minHealthPercent", detection.min_health_percent),
    ] {
        if let Some(value) = value.filter(|value| !(0..=100).contains(value)) {
            let text = format!("{value} is not a percentage");
            found.error(Code::BadPercent, at(field), text).help("write a number from 0 to 100");
        }
    }
    let split = detection.split_external_local_origin_errors == Some(true);
    if detection.consecutive_local_origin_failures.is_some_and(|failures| failures > 0) && !split {
        let text = "`consecutiveLocalOriginFailures` needs `splitExternalLocalOriginErrors`";
        found
            .error(Code::BadOutlierDetection, at("consecutiveLocalOriginFailures"), text)
            .help("write splitExternalLocalOriginErrors: true beside it");
    }
    if detection.consecutive_errors.is_some() {
        let text = "`consecutiveErrors` is deprecated and has no effect";
        found
            .warn(Code::Deprecated, at("consecutiveErrors"), text)
            .help("write `consecutiveGatewayErrors` or `consecutive5xxErrors`");
    }
    for (index, code) in detection.outlier_detection_http_error_codes.iter().enumerate() {
        if !(100..=599).contains(code) {
            let text = format!("{code} is not the status of a response");
            found.error(Code::BadStatusCode, at("outlierDetectionHttpErrorCodes").index(index), text);
        }
    }
}

fn check_tunnel(tunnel: &TunnelSettings, path: &FieldPath, found: &mut Diagnostics) {
    if let Some(protocol) = tunnel.protocol.as_ref().filter(|p| !matches!(p.as_str(), "CONNECT" | "POST")) {
        let text = format!("`{}` is not a method for tunnels", shown(protocol));
        found
            .error(Code::UnknownProtocol, path.clone().field("protocol"), text)
            .help("write CONNECT or POST");
    }
    port::number(tunnel.target_port, path.clone().field("targetPort"), found);
}

fn check_budget(budget: &RetryBudget, path: &FieldPath, found: &mut Diagnostics) {
    if let Some(percent) = budget.percent.filter(|percent| !(0.0..=100.0).contains(percent)) {
        let text = format!("{percent} is not a percentage");
        found
            .error(Code::BadPercent, path.clone().field("percent"), text)
            .help("write a number from 0 to 100");
    }
    duration::check(budget.budget_interval, path.clone().field("budgetInterval"), found);
}
