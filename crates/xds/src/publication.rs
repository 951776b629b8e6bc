//! The publication of a view: one resource set per type, all of one revision.

use std::sync::Arc;

use fairlead_resource::{ResourceSet, TypeUrl};

use crate::{memo::Memo, published::Published};

/// The resources of one view at one revision. Shared by every session of the view as an `Arc`.
#[derive(Default)]
pub struct Publication {
    revision: u64,
    /// There are few, so a linear search is as fast as any.
    sets: Vec<(TypeUrl, Arc<Published>)>,
    /// For types of which nothing was published.
    nothing: Published,
}

/// The form in which a client is sent the resources of a type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// With their elements, if any, inline.
    #[default]
    Whole,
    /// In the parent form, if they have elements.
    Parents,
    /// As elements of resources of this type.
    ElementsOf(TypeUrl),
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

    /// Sets the resources of one type as a `Published` that other publications may share, and the work with it.
    #[must_use]
    pub fn with_published(mut self, type_url: TypeUrl, set: Arc<Published>) -> Self {
        self.sets.retain(|(known, _)| known.order() != type_url.order());
        self.sets.push((type_url, set));
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

    /// Derives the forms of resource sets by patching those of `previous`.
    ///
    /// This saves time, and makes the next difference cheap because unchanged parts stay shared.
    #[must_use]
    pub fn following(self, previous: &Self) -> Self {
        for (type_url, set) in &self.sets {
            set.follow(previous.of(*type_url));
        }
        self
    }

    /// The resources of one type in this form.
    pub(crate) fn in_form(&self, type_url: TypeUrl, form: Form) -> &ResourceSet {
        match form {
            Form::Whole => self.set(type_url),
            Form::Parents => &self.of(type_url).elements().parents,
            Form::ElementsOf(parent) => &self.of(parent).elements().children,
        }
    }

    /// The memo shared by the sessions that send this type in this form.
    pub(crate) fn memo(&self, type_url: TypeUrl, form: Form) -> &Memo {
        match form {
            Form::ElementsOf(parent) => self.of(parent).memo(),
            Form::Whole | Form::Parents => self.of(type_url).memo(),
        }
    }

    fn of(&self, type_url: TypeUrl) -> &Published {
        // No two types that are served together have the same order.
        let published = self.sets.iter().find(|(known, _)| known.order() == type_url.order());
        published.map_or(&self.nothing, |(_, set)| set)
    }
}

#[cfg(test)]
mod tests;
