//! The requests of a stream beside ADS: the first has to come in time, as that of an ADS stream has to, and who is
//! silent for long after that is forgotten.

use std::time::Duration;

use tokio::time::timeout;
use tonic::{Status, Streaming};

/// The requests of one stream.
pub(super) struct Greeted<M> {
    requests: Streaming<M>,
    /// How long the next may take.
    limit: Duration,
    /// How long those after the first may take.
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
