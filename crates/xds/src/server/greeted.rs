//! The requests of a stream other than ADS: the first must come in time, as on an ADS stream, and a client that is
//! silent for long afterwards has its stream ended.

use std::time::Duration;

use tokio::time::timeout;
use tonic::{Status, Streaming};

/// The requests of one stream.
pub(super) struct Greeted<M> {
    requests: Streaming<M>,
    /// Maximum wait for the next request.
    limit: Duration,
    /// Maximum wait for each request after the first.
    silence: Duration,
}

impl<M> Greeted<M> {
    pub(super) fn new(requests: Streaming<M>, first: Duration, silence: Duration) -> Self {
        Self { requests, limit: first, silence }
    }

    /// The next request; `None` when the client has closed its side.
    pub(super) async fn next(&mut self) -> Result<Option<M>, Status> {
        let limit = std::mem::replace(&mut self.limit, self.silence);
        timeout(limit, self.requests.message())
            .await
            .map_err(|_elapsed| Status::deadline_exceeded("no request came"))?
    }
}
