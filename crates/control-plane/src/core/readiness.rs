//! Whether the core serves.

use std::sync::Arc;

/// Whether the core serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// The first configuration is not ready yet.
    Waiting,
    /// It serves.
    Ready,
    /// A computation has panicked, with this message.
    Failed(Arc<str>),
}

/// The core has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the core has ended")]
pub struct CoreGone;
