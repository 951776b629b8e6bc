//! The requests of a stream beside ADS: the first has to come in time, as that of an ADS stream has to.

use std::time::Duration;

use tokio::time::timeout;
use tonic::{Status, Streaming};

/// The requests of one stream.
pub(super) struct Greeted<M> {
    requests: Streaming<M>,
    /// How long the first may take, until it has come.
    limit: Option<Duration>,
}

impl<M> Greeted<M> {
    pub(super) fn new(requests: Streaming<M>, limit: Duration) -> Self {
        Self { requests, limit: Some(limit) }
    }

    /// The next request; `None` when the client has closed its side.
    pub(super) async fn next(&mut self) -> Result<Option<M>, Status> {
        match self.limit.take() {
            Some(limit) => timeout(limit, self.requests.message())
                .await
                .map_err(|_elapsed| Status::deadline_exceeded("no request came"))?,
            None => self.requests.message().await,
        }
    }
}
