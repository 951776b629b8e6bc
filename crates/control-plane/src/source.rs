//! What a source of configuration tells the core.

use fairlead_config::{ChangeBatch, Diagnostic};

/// One message of a source.
#[derive(Clone, Debug, Default)]
pub struct SourceUpdate {
    /// Objects that are different now.
    pub changes: ChangeBatch,
    /// All of the source's findings as of now, in place of those of its last message.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether everything that the source has was told, with this message at the latest. Nothing is served before.
    pub synced: bool,
}
