//! The publications shared by the connections of one view.

use std::sync::Arc;

use tokio::sync::watch;

use crate::Publication;

/// The publications of one view. The owner keeps one per distinct view and gives it to each connection of it.
pub struct View {
    publications: watch::Sender<Arc<Publication>>,
}

impl View {
    /// A view that begins with this publication.
    pub fn new(publication: Publication) -> Self {
        Self { publications: watch::Sender::new(Arc::new(publication)) }
    }

    /// Publishes to all connections of the view. Slow ones skip to the newest publication.
    pub fn publish(&self, publication: Publication) {
        let previous = self.latest();
        self.publications.send_replace(Arc::new(publication.following(&previous)));
    }

    /// The newest publication.
    pub fn latest(&self) -> Arc<Publication> {
        self.publications.borrow().clone()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<Publication>> {
        self.publications.subscribe()
    }
}
