//! `fault` of an HTTP route.

use fairlead_config::{Code, Diagnostics, api, path};

use super::http;
use crate::routes::{AbortStatus, Fault, Percent};

/// The names of gRPC's status codes; each stands at its number.
const GRPC_STATUS: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// The faults to inject; `None` where there is none. A fault without a share is injected into no request.
///
/// Mirrors istio pilot/pkg/networking/core/route/route.go (TranslateFault).
pub(super) fn fault(
    index: usize,
    spec: &api::HttpFaultInjection,
    diagnostics: &mut Diagnostics,
) -> Option<Fault> {
    let delay = spec.delay.as_ref().and_then(delay);
    let abort = spec.abort.as_ref().and_then(|abort| {
        let status = abort_status(abort);
        if status.is_none() {
            let message = "the abort has no status that can be used";
            diagnostics.error(Code::BadFault, path!("http"[index]."fault"."abort"), message);
        }
        Some((status?, share(abort.percentage.as_ref(), None)))
    });
    (delay.is_some() || abort.is_some()).then_some(Fault { delay, abort })
}

fn delay(spec: &api::FaultDelay) -> Option<(std::time::Duration, Percent)> {
    Some((http::positive(spec.fixed_delay)?, share(spec.percentage.as_ref(), spec.percent)))
}

fn share(percentage: Option<&api::Percent>, whole: Option<i32>) -> Percent {
    Percent::of(percentage.map_or_else(|| f64::from(whole.unwrap_or(0)), http::percent_value))
}

fn abort_status(spec: &api::FaultAbort) -> Option<AbortStatus> {
    if let Some(status) = spec.http_status {
        let status = u16::try_from(status).ok().filter(|status| (200..600).contains(status))?;
        return Some(AbortStatus::Http(status));
    }
    let name = spec.grpc_status.as_deref()?;
    let number = GRPC_STATUS.iter().position(|known| *known == name)?;
    Some(AbortStatus::Grpc(u32::try_from(number).expect("there are 17 codes")))
}
