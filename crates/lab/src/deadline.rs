//! Waiting for a condition with a deadline: the only way in which this crate waits.

use std::{fmt::Display, future::Future, time::Duration};

use tokio::time::Instant;

/// Interval between two checks of a condition.
const INTERVAL: Duration = Duration::from_millis(10);

/// A condition that did not come true in time.
#[derive(Debug, thiserror::Error)]
#[error("{what}: not within {within:?}; last seen: {last}")]
pub struct DeadlineExceeded {
    /// The condition.
    pub what: String,
    /// The time allowed.
    pub within: Duration,
    /// Why the last attempt did not count.
    pub last: String,
}

/// Repeats `attempt` until it succeeds, or until `within` has passed; the error holds the last reason.
///
/// An attempt that hangs is cut off at the deadline.
///
/// # Errors
/// [`DeadlineExceeded`] if no attempt succeeded in time.
pub async fn eventually<T, E, Attempt>(
    what: &str,
    within: Duration,
    mut attempt: impl FnMut() -> Attempt,
) -> Result<T, DeadlineExceeded>
where
    E: Display,
    Attempt: Future<Output = Result<T, E>>,
{
    let started = Instant::now();
    let mut last = "nothing, the first attempt did not end".to_owned();
    loop {
        let left = within.saturating_sub(started.elapsed());
        match tokio::time::timeout(left, attempt()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(reason)) if started.elapsed() < within => last = reason.to_string(),
            Ok(Err(reason)) => {
                return Err(DeadlineExceeded { what: what.to_owned(), within, last: reason.to_string() });
            }
            Err(_) => return Err(DeadlineExceeded { what: what.to_owned(), within, last }),
        }
        // The last attempt is made at the deadline.
        tokio::time::sleep(INTERVAL.min(within.saturating_sub(started.elapsed()))).await;
    }
}

#[cfg(test)]
mod tests;
