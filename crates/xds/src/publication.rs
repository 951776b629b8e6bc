//! What a view publishes: one resource set per type, all of one revision.

use std::sync::Arc;

use fairlead_resource::{ResourceSet, TypeUrl};

use crate::{memo::Memo, options::ElementTypes, published::Published};

/// The resources of one view at one revision. Shared by every session of the view as an `Arc`.
#[derive(Default)]
pub struct Publication {
    revision: u64,
    sets: [Arc<Published>; TypeUrl::ALL.len()],
}

impl Publication {
    /// A publication without resources.
    pub fn new(revision: u64) -> Self {
        Self { revision, ..Self::default() }
    }

    /// Sets the resources of one type.
    #[must_use]
    pub fn with(self, type_url: TypeUrl, set: ResourceSet) -> Self {
        self.with_published(type_url, Arc::new(set.into()))
    }

    /// Sets the resources of one type, which other publications may have as well: they share the work.
    #[must_use]
    pub fn with_published(mut self, type_url: TypeUrl, set: Arc<Published>) -> Self {
        self.sets[type_url as usize] = set;
        self
    }

    /// The revision that this publication shows.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The resources of one type, as published.
    pub fn set(&self, type_url: TypeUrl) -> &ResourceSet {
        self.of(type_url).resources()
    }

    /// Derives what is derived from resource sets by patching what `previous` has derived.
    ///
    /// Saves time and, because unchanged parts stay shared, makes the next difference cheap.
    #[must_use]
    pub fn following(self, previous: &Self) -> Self {
        for (set, before) in self.sets.iter().zip(&previous.sets) {
            set.follow(before);
        }
        self
    }

    /// The resources of one type in the form that a client with these element types is sent.
    pub(crate) fn form(&self, type_url: TypeUrl, elements: ElementTypes) -> &ResourceSet {
        match (type_url.element(), type_url.parent()) {
            (Some(element), _) if elements.takes(element) => &self.of(type_url).elements().parents,
            (_, Some(parent)) if elements.takes(type_url) => &self.of(parent).elements().children,
            _ => self.set(type_url),
        }
    }

    /// What sessions share that send this type to clients with these element types.
    pub(crate) fn memo(&self, type_url: TypeUrl, elements: ElementTypes) -> &Memo {
        match type_url.parent() {
            Some(parent) if elements.takes(type_url) => self.of(parent).memo(),
            _ => self.of(type_url).memo(),
        }
    }

    fn of(&self, type_url: TypeUrl) -> &Published {
        &self.sets[type_url as usize]
    }
}

#[cfg(test)]
mod tests;
