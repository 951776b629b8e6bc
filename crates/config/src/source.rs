//! [`ConfigSource`]: a place that objects come from, as a directory or an API server; what it tells is a [`SourceUpdate`].
//!
//! What several sources tell is brought together by whoever reads them.

use std::{future::Future, pin::Pin};

use crate::{ChangeBatch, Diagnostic, Kind, SourceId};

/// One message of a source.
#[derive(Clone, Debug, Default)]
pub struct SourceUpdate {
    /// Objects that are new, different or gone.
    pub changes: ChangeBatch,
    /// The kinds that `changes` has all objects of: the source has no others of these any more.
    pub whole: Vec<Kind>,
    /// All of the source's findings as of now, in place of those of its last message.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether everything that the source has was told, with this message at the latest.
    pub synced: bool,
}

/// What [`ConfigSource::next`] returns.
pub type NextUpdate<'a> = Pin<Box<dyn Future<Output = Option<SourceUpdate>> + Send + 'a>>;

/// A place that objects come from.
///
/// - Objects that it has told stay in use until it tells otherwise: a source that cannot be reached, or has ended, takes
///   none back.
/// - After an interruption it tells all objects of the kinds that it may have missed something of, as
///   [`SourceUpdate::whole`].
/// - An object that it cannot read is a finding.
pub trait ConfigSource: Send + 'static {
    /// Its name, which no other source has.
    fn id(&self) -> SourceId;

    /// Waits for what it has to tell next; none if it has ended. What was not waited for to its end is not lost.
    fn next(&mut self) -> NextUpdate<'_>;
}
