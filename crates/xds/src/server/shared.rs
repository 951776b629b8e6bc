//! State shared by the streams of a server.

use std::sync::Arc;

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    admission::Admission, backlog::Backlog, clients::Clients, departures::Departures, options::ServerOptions,
    registry::Sessions,
};

/// State shared by the streams of a server.
pub(super) struct Shared<R> {
    pub(super) resolver: Arc<R>,
    pub(super) options: ServerOptions,
    pub(super) sessions: Sessions,
    pub(super) backlog: Arc<Backlog>,
    pub(super) admission: Arc<Admission>,
    pub(super) clients: Arc<Clients>,
    pub(super) departures: Departures,
    /// The owner of all tasks.
    pub(super) tasks: TaskTracker,
    /// Streams end when what is queued has been written.
    pub(super) draining: CancellationToken,
}
