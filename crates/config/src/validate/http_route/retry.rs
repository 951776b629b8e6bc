//! Retry policies.

use fairlead_api::{HttpRetry, ProtoDuration};

use crate::{Code, Diagnostics, FieldPath, printable::shown};

use super::duration;

/// Conditions of Envoy's `retry_on` and `retry_grpc_on`.
const CONDITIONS: &[&str] = &[
    "5xx",
    "cancelled",
    "connect-failure",
    "deadline-exceeded",
    "envoy-ratelimited",
    "gateway-error",
    "http3-post-connect-failure",
    "internal",
    "refused-stream",
    "reset",
    "reset-before-request",
    "resource-exhausted",
    "retriable-4xx",
    "retriable-headers",
    "retriable-status-codes",
    "unavailable",
];

pub(super) fn check(
    retries: &HttpRetry,
    timeout: Option<ProtoDuration>,
    path: &FieldPath,
    found: &mut Diagnostics,
) {
    let at = |field: &'static str| path.clone().field(field);
    duration::check(retries.per_try_timeout, at("perTryTimeout"), found);
    duration::check(retries.backoff, at("backoff"), found);
    match retries.attempts {
        Some(attempts) if attempts < 0 => {
            let text = format!("{attempts} is not a number of retries");
            found.error(Code::BadRetry, at("attempts"), text).help("write 0 for no retries");
        }
        None | Some(0) if retries.per_try_timeout.is_some() || retries.retry_on.is_some() => {
            let text = "the policy has no effect: `attempts` is 0 or absent, which turns retries off";
            found
                .error(Code::BadRetry, path.clone(), text)
                .help("write attempts: 2, or remove the other fields");
        }
        _ => {}
    }
    if let (Some(each), Some(whole)) = (retries.per_try_timeout, timeout)
        && each > whole
    {
        let text = format!("an attempt may take {each}, but the whole request only {whole}");
        found.warn(Code::BadRetry, at("perTryTimeout"), text).help("write less than `timeout`");
    }
    for condition in retries.retry_on.iter().flat_map(|list| list.split(',')) {
        let condition = condition.trim();
        let status = condition.parse::<u32>().is_ok_and(|status| (100..=599).contains(&status));
        if !condition.is_empty() && !status && !CONDITIONS.contains(&condition) {
            let text = format!("`{}` is not a retry condition", shown(condition));
            let help = format!("write a status or one of {}", CONDITIONS.join(", "));
            found.error(Code::BadRetry, at("retryOn"), text).help(help);
        }
    }
}
