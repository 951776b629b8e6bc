//! A resource set that is made once and published many times.

use std::{
    any::Any,
    fmt,
    ops::Deref,
    sync::{Arc, OnceLock},
};

use crate::ResourceSet;

/// A resource set, and what its reader derives from it.
///
/// Similar proxies are sent the same set. The work of serving it (cutting resources into elements, differences, encoded
/// bodies) is done once for the set, not once for each proxy: its result is kept beside the set, and dropped with it.
#[derive(Default)]
pub struct SharedSet {
    resources: ResourceSet,
    derived: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl SharedSet {
    /// What `derive` makes of the set, on first use.
    ///
    /// There is room for one type: a caller that asks for another is given a value of its own.
    pub fn derived<T: Any + Send + Sync>(&self, derive: impl Fn(&ResourceSet) -> T) -> Arc<T> {
        let kept = self.derived.get_or_init(|| Arc::new(derive(&self.resources)));
        kept.clone().downcast().unwrap_or_else(|_| Arc::new(derive(&self.resources)))
    }
}

impl From<ResourceSet> for SharedSet {
    fn from(resources: ResourceSet) -> Self {
        Self { resources, derived: OnceLock::new() }
    }
}

impl Deref for SharedSet {
    type Target = ResourceSet;

    fn deref(&self) -> &ResourceSet {
        &self.resources
    }
}

/// Equality of the resources.
impl PartialEq for SharedSet {
    fn eq(&self, other: &Self) -> bool {
        self.resources == other.resources
    }
}

impl fmt::Debug for SharedSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.resources.fmt(f)
    }
}

#[cfg(test)]
mod tests;
