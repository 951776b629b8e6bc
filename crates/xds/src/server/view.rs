//! What many connections share: the publications of one view, and the work of diffing and encoding them.

use std::sync::Arc;

use tokio::sync::watch;

use crate::{Memo, Publication, Quarantine};

/// The publications of one view. The owner keeps one per distinct view and gives it to each connection of it.
pub struct View {
    publications: watch::Sender<Arc<Publication>>,
    memo: Arc<Memo>,
    quarantine: Arc<Quarantine>,
}

impl View {
    /// A view that begins with this publication.
    pub fn new(publication: Publication) -> Self {
        Self {
            publications: watch::Sender::new(Arc::new(publication)),
            memo: Arc::default(),
            quarantine: Arc::default(),
        }
    }

    /// Publishes to all connections of the view. Those that are slow skip to the newest.
    pub fn publish(&self, publication: Publication) {
        let previous = self.latest();
        self.publications.send_replace(Arc::new(publication.following(&previous)));
    }

    /// The newest publication.
    pub fn latest(&self) -> Arc<Publication> {
        self.publications.borrow().clone()
    }

    /// The contents that clients of this view have rejected.
    pub fn quarantine(&self) -> &Quarantine {
        &self.quarantine
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<Publication>> {
        self.publications.subscribe()
    }

    pub(super) fn shared(&self) -> (Arc<Memo>, Arc<Quarantine>) {
        (self.memo.clone(), self.quarantine.clone())
    }
}
