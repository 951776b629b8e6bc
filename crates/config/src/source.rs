//! [`ConfigSource`]: a place that objects come from, such as a directory or an API server; its messages are
//! [`SourceUpdate`]s.
//!
//! The reader of several sources merges their updates.

use std::{future::Future, pin::Pin};

use crate::{ChangeBatch, Diagnostic, Kind, SourceId};

/// One message of a source.
#[derive(Clone, Debug, Default)]
pub struct SourceUpdate {
    /// Objects that are new, different or gone.
    pub changes: ChangeBatch,
    /// The kinds of which `changes` has all of the source's objects.
    pub whole: Vec<Kind>,
    /// All current findings of the source, which replace those of its last message.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether the source has now reported everything that it has.
    pub synced: bool,
}

/// What [`ConfigSource::next`] returns.
pub type NextUpdate<'a> = Pin<Box<dyn Future<Output = Option<SourceUpdate>> + Send + 'a>>;

/// A place that objects come from, such as a directory or an API server.
///
/// - Objects stay in use until the source reports otherwise: one that cannot be reached, or has ended, withdraws none.
/// - After an interruption it reports all objects of the kinds that it may have missed changes of, as
///   [`SourceUpdate::whole`].
/// - An object that it cannot read is a finding.
pub trait ConfigSource: Send + 'static {
    /// The unique name of the source.
    fn id(&self) -> SourceId;

    /// Waits for the next message; `None` once the source has ended. A message is not lost if the wait is cancelled.
    fn next(&mut self) -> NextUpdate<'_>;
}
