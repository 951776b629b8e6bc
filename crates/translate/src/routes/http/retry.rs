//! Retry policies.
//!
//! Mirrors istio pilot/pkg/networking/core/route/retry/retry.go.

use fairlead_envoy::route::policy::Retry;
use fairlead_model::{mesh::Mesh, routes::Retries};

/// Istio's default retry conditions.
const DEFAULT_RETRY_ON: &str = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";
/// Istio's default number of retries.
const DEFAULT_ATTEMPTS: u32 = 2;
/// Maximum number of attempts to select another host.
const HOST_SELECTION_ATTEMPTS: u32 = 5;
/// Number of attempts after which the next priority is preferred.
const PRIORITY_UPDATE_FREQUENCY: u16 = 2;
const RETRIABLE_STATUS_CODES: &str = "retriable-status-codes";

/// The policy of a route; `None` where nothing is retried. Hashed requests may be retried on the same host, which the
/// hash chooses.
pub(super) fn policy(retries: Option<&Retries>, mesh: &Mesh, hashed: bool) -> Option<Retry> {
    let Some(retries) = retries.or(mesh.default_retries.as_ref()) else {
        return Some(with_hosts(parse(DEFAULT_RETRY_ON, DEFAULT_ATTEMPTS), !hashed));
    };
    if retries.attempts == 0 {
        return None;
    }
    let default_on =
        mesh.default_retries.as_ref().and_then(|r| r.retry_on.as_deref()).unwrap_or(DEFAULT_RETRY_ON);
    let retry_on = retries.retry_on.as_deref().filter(|on| !on.trim().is_empty()).unwrap_or(default_on);
    let mut retry = with_hosts(parse(retry_on, retries.attempts), retries.ignore_previous_hosts && !hashed);
    retry.per_try_timeout = retries.per_try_timeout;
    retry.back_off = retries.backoff.map(|base| (base, None));
    retry.avoid_previous_priorities = retries.remote_localities.then_some(PRIORITY_UPDATE_FREQUENCY);
    Some(retry)
}

/// Splits conditions from status codes, which are a condition of their own.
fn parse(retry_on: &str, attempts: u32) -> Retry {
    let mut retry = Retry { num_retries: Some(attempts), ..Retry::default() };
    let mut conditions = String::with_capacity(retry_on.len());
    let mut add = |condition: &str| {
        if !conditions.is_empty() {
            conditions.push(',');
        }
        conditions.push_str(condition);
    };
    let tokens = || retry_on.split(',').map(str::trim).filter(|token| !token.is_empty());
    for token in tokens() {
        match token.parse::<u32>() {
            Ok(code) => retry.retriable_status_codes.push(code),
            Err(_) => add(token),
        }
    }
    if !retry.retriable_status_codes.is_empty() && tokens().all(|token| token != RETRIABLE_STATUS_CODES) {
        add(RETRIABLE_STATUS_CODES);
    }
    retry.retry_on = conditions;
    retry
}

fn with_hosts(retry: Retry, avoid_previous: bool) -> Retry {
    Retry {
        avoid_previous_hosts: avoid_previous.then_some(HOST_SELECTION_ATTEMPTS),
        host_selection_attempts: Some(HOST_SELECTION_ATTEMPTS),
        ..retry
    }
}
