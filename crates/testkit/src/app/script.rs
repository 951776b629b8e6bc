//! What a server does instead of the plain echo.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use http::StatusCode;

/// How requests are answered: first the delay, then the drop, then the failures, then the status and the rest.
#[derive(Clone, Debug, Default)]
pub struct Script {
    pub(super) delay: Duration,
    pub(super) drops: bool,
    failures: Option<Failures>,
    status: Option<StatusCode>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<String>,
}

/// The number of requests that fail first. Clones share the count.
#[derive(Clone, Debug)]
struct Failures {
    status: StatusCode,
    left: Arc<AtomicU32>,
}

impl Script {
    /// The plain echo, to be changed by the other methods.
    pub fn echo() -> Self {
        Self::default()
    }

    /// Answers with `status`.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    /// Waits before it answers.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Answers the first `n` requests with `status`, later ones as usual.
    #[must_use]
    pub fn fail_first(mut self, n: u32, status: StatusCode) -> Self {
        self.failures = Some(Failures { status, left: Arc::new(AtomicU32::new(n)) });
        self
    }

    /// Closes the connection (for HTTP/2 resets the stream) without an answer.
    #[must_use]
    pub fn drop_connection(mut self) -> Self {
        self.drops = true;
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Answers with this text in place of the echo.
    #[must_use]
    pub fn body(mut self, body: &str) -> Self {
        self.body = Some(body.to_owned());
        self
    }

    /// The status of the next answer; counts the failures down.
    pub(super) fn next_status(&self) -> StatusCode {
        if let Some(failures) = &self.failures {
            let counted =
                failures.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            if counted.is_ok() {
                return failures.status;
            }
        }
        self.status.unwrap_or(StatusCode::OK)
    }
}
