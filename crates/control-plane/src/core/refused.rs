//! Objects that are not used because of errors: findings about references to them say so.

use std::{collections::BTreeSet, sync::Arc};

use fairlead_config::{ConfigKey, Diagnostic, Severity, Subject};
use fairlead_incremental::ChangeSet;
use fairlead_model::input;

use super::Objects;

/// The refused objects, as the engine knows them.
#[derive(Debug, Default)]
pub(crate) struct Refusals(BTreeSet<ConfigKey>);

impl Refusals {
    /// Adds to `changes` the differences that result from the findings of sources.
    pub(crate) fn update<'a>(
        &mut self,
        found: impl Iterator<Item = &'a Diagnostic>,
        objects: &Objects,
        changes: &mut ChangeSet,
    ) {
        let errors = found.filter(|finding| finding.severity == Severity::Error);
        let refused = errors.filter_map(|finding| match &finding.on {
            Subject::Object(key) if objects.get(key).is_none() => Some(key.clone()),
            _ => None,
        });
        let refused: BTreeSet<ConfigKey> = refused.collect();
        for key in refused.difference(&self.0) {
            changes.set::<input::Refused>(key.clone(), Arc::new(()));
        }
        for key in self.0.difference(&refused) {
            changes.remove::<input::Refused>(key.clone());
        }
        self.0 = refused;
    }
}
