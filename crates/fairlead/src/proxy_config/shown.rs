//! The common interface for showing kinds of resources.

use super::configuration::Configuration;
use crate::output::Table;

/// A kind of resource that is shown.
pub(super) trait Shown {
    /// The type in its short form.
    const TYPE: &'static str;

    /// Whether a resource is wanted.
    fn wants(&self, resource: &serde_json::Value) -> bool;

    /// The rows of the wanted resources.
    fn table(&self, configuration: &Configuration) -> Table;

    /// The wanted resources whole.
    fn data<'a>(&self, configuration: &'a Configuration) -> Vec<&'a serde_json::Value> {
        configuration.of(Self::TYPE).filter(|resource| self.wants(resource)).collect()
    }
}
