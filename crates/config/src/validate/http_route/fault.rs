//! Fault injection.

use fairlead_api::{FaultAbort, FaultDelay, HttpFaultInjection};

use crate::{Code, Diagnostics, FieldPath, printable::shown};

use super::super::{duration, percent};

/// Names of gRPC statuses, indexed by number.
const GRPC_STATUSES: &[&str] = &[
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

/// The number of the gRPC status with a name.
pub fn grpc_status(name: &str) -> Option<u32> {
    (0..).zip(GRPC_STATUSES).find(|(_, known)| **known == name).map(|(number, _)| number)
}

pub(super) fn check(fault: &HttpFaultInjection, path: &FieldPath, found: &mut Diagnostics) {
    if fault.delay.is_none() && fault.abort.is_none() {
        found.error(Code::BadFault, path.clone(), "the fault is neither a delay nor an abort");
    }
    if let Some(delay) = &fault.delay {
        check_delay(delay, &path.clone().field("delay"), found);
    }
    if let Some(abort) = &fault.abort {
        check_abort(abort, &path.clone().field("abort"), found);
    }
}

fn check_delay(delay: &FaultDelay, path: &FieldPath, found: &mut Diagnostics) {
    let at = |field: &'static str| path.clone().field(field);
    duration::check(delay.fixed_delay, at("fixedDelay"), found);
    duration::check(delay.exponential_delay, at("exponentialDelay"), found);
    if delay.fixed_delay.is_some() && delay.exponential_delay.is_some() {
        let text = "`fixedDelay` and `exponentialDelay` exclude each other";
        found.error(Code::MutuallyExclusive, at("exponentialDelay"), text);
    } else if delay.fixed_delay.is_none() && delay.exponential_delay.is_none() {
        found.error(Code::BadFault, path.clone(), "the delay has no duration").help("write `fixedDelay`");
    }
    percent::check(delay.percentage.as_ref(), &at("percentage"), found);
    if let Some(percent) = delay.percent {
        percent::whole(i64::from(percent), at("percent"), found);
        let help = format!("write percentage: {{value: {percent}}}");
        found.warn(Code::Deprecated, at("percent"), "`percent` is deprecated").help(help);
    } else if delay.percentage.is_none() {
        never(path, found);
    }
}

fn check_abort(abort: &FaultAbort, path: &FieldPath, found: &mut Diagnostics) {
    let at = |field: &'static str| path.clone().field(field);
    let set = [abort.http_status.is_some(), abort.grpc_status.is_some(), abort.http2_error.is_some()];
    match set.iter().filter(|set| **set).count() {
        0 => {
            let text = "the abort has no status";
            found.error(Code::BadFault, path.clone(), text).help("write `httpStatus` or `grpcStatus`");
        }
        1 => {}
        _ => {
            let text = "`httpStatus`, `grpcStatus` and `http2Error` exclude each other";
            found.error(Code::MutuallyExclusive, path.clone(), text).help("keep one of them");
        }
    }
    if let Some(status) = abort.http_status.filter(|status| !(200..=599).contains(status)) {
        let text = format!("{status} is not the status of a response");
        found.error(Code::BadStatusCode, at("httpStatus"), text).help("write one from 200 to 599");
    }
    if let Some(status) = abort.grpc_status.as_ref().filter(|status| grpc_status(status).is_none()) {
        let text = format!("`{}` is not a gRPC status", shown(status));
        let help = format!("the statuses are {}", GRPC_STATUSES.join(", "));
        found.error(Code::BadStatusCode, at("grpcStatus"), text).help(help);
    }
    percent::check(abort.percentage.as_ref(), &at("percentage"), found);
    if abort.percentage.is_none() {
        never(path, found);
    }
}

/// To Istio an absent percentage is zero.
fn never(path: &FieldPath, found: &mut Diagnostics) {
    let text = "the fault has no `percentage`, so it never happens";
    found.warn(Code::BadFault, path.clone(), text).help("write percentage: {value: 100} for every request");
}
