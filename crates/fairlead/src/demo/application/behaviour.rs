//! Makes an application slow or faulty for a step.

use std::time::Duration;

use hyper::StatusCode;

/// The way in which requests are answered from now on.
#[derive(Clone, Debug, Default)]
pub(in crate::demo) struct Behaviour {
    delay: Duration,
    failing: Option<Failing>,
}

#[derive(Clone, Debug)]
struct Failing {
    status: StatusCode,
    /// The number of requests that are still to fail; `None` for all.
    left: Option<u32>,
}

/// The way in which one request is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) delay: Duration,
    pub(super) status: StatusCode,
}

impl Behaviour {
    /// Delays each answer.
    pub(in crate::demo) fn slow(delay: Duration) -> Self {
        Self { delay, failing: None }
    }

    /// Answers each request with this status.
    pub(in crate::demo) fn broken(status: StatusCode) -> Self {
        Self { delay: Duration::ZERO, failing: Some(Failing { status, left: None }) }
    }

    /// Answers the first requests with this status, and all others as usual.
    pub(in crate::demo) fn fails_first(requests: u32, status: StatusCode) -> Self {
        Self { delay: Duration::ZERO, failing: Some(Failing { status, left: Some(requests) }) }
    }

    /// The way in which the next request is answered.
    pub(super) fn next(&mut self) -> Next {
        let status = match &mut self.failing {
            None | Some(Failing { left: Some(0), .. }) => StatusCode::OK,
            Some(Failing { status, left }) => {
                if let Some(left) = left {
                    *left -= 1;
                }
                *status
            }
        };
        Next { delay: self.delay, status }
    }
}
