//! `fault` of an HTTP route.

use fairlead_config::{api, grpc_status};

use super::values::{percent_value, positive, status};
use crate::routes::{AbortStatus, Fault, Percent};

/// The faults to inject, if any. A fault without a percentage is never injected.
///
/// Mirrors istio pilot/pkg/networking/core/route/route.go (TranslateFault).
pub(super) fn fault(spec: &api::HttpFaultInjection) -> Option<Fault> {
    let delay = spec.delay.as_ref().and_then(delay);
    let abort = spec.abort.as_ref().and_then(|abort| {
        // An abort with only an HTTP/2 error is left out.
        Some((abort_status(abort)?, share(abort.percentage.as_ref(), None)))
    });
    (delay.is_some() || abort.is_some()).then_some(Fault { delay, abort })
}

fn delay(spec: &api::FaultDelay) -> Option<(std::time::Duration, Percent)> {
    Some((positive(spec.fixed_delay)?, share(spec.percentage.as_ref(), spec.percent)))
}

fn share(percentage: Option<&api::Percent>, whole: Option<i32>) -> Percent {
    Percent::of(percentage.map_or_else(|| f64::from(whole.unwrap_or(0)), percent_value))
}

fn abort_status(spec: &api::FaultAbort) -> Option<AbortStatus> {
    if let Some(number) = spec.http_status {
        return Some(AbortStatus::Http(status(number)));
    }
    let name = spec.grpc_status.as_deref()?;
    Some(AbortStatus::Grpc(grpc_status(name).expect("validation refuses what is no status of gRPC")))
}
