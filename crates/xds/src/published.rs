//! One published resource set, with what its sessions share: both forms of resources that have elements, and the
//! differences that lead to it.

use std::{
    mem,
    sync::{Arc, OnceLock},
};

use fairlead_resource::{Elements, EncodedResource, ResourceSet, SharedSet};

use crate::{
    diff::{Change, changes},
    memo::Memo,
    wire::Runs,
};

/// A resource set that is served, kept once however many views publish it.
#[derive(Default)]
pub struct Published {
    resources: ResourceSet,
    elements: OnceLock<ElementForms>,
    memo: Memo,
}

/// A set cut into elements: resources in their parent form, and the elements of all of them.
pub(crate) struct ElementForms {
    /// Every resource of the set; those that have elements in their parent form.
    pub(crate) parents: ResourceSet,
    /// The elements by name.
    pub(crate) children: ResourceSet,
}

impl Published {
    /// The only `Published` of a set. Resources in common with other sets of the same `runs` are encoded once.
    pub fn of(set: &SharedSet, runs: &Arc<Runs>) -> Arc<Self> {
        set.derived(|resources| Self {
            resources: resources.clone(),
            memo: Memo::new(runs.clone()),
            ..Self::default()
        })
    }

    /// The resources, elements inline.
    pub fn resources(&self) -> &ResourceSet {
        &self.resources
    }

    /// Cuts the set into elements by patching the previous cut, if there was one.
    pub(crate) fn follow(&self, previous: &Self) {
        if let Some(known) = previous.elements.get() {
            self.elements.get_or_init(|| known.patched(&previous.resources, &self.resources));
        }
    }

    pub(crate) fn elements(&self) -> &ElementForms {
        self.elements.get_or_init(|| {
            let none = ElementForms { parents: ResourceSet::new(), children: ResourceSet::new() };
            none.patched(&ResourceSet::new(), &self.resources)
        })
    }

    pub(crate) fn memo(&self) -> &Memo {
        &self.memo
    }
}

impl From<ResourceSet> for Published {
    fn from(resources: ResourceSet) -> Self {
        Self { resources, ..Self::default() }
    }
}

impl ElementForms {
    fn patched(&self, old: &ResourceSet, new: &ResourceSet) -> Self {
        let mut next = Self { parents: self.parents.clone(), children: self.children.clone() };
        for change in changes(old, new) {
            match change {
                Change::Set { old, new } => {
                    let (was, is) = (old.and_then(elements_of), elements_of(new));
                    let parent = is.map_or(new, |elements| &elements.parent).clone();
                    next.parents.insert(new.name.clone(), parent);
                    next.replace_children(was, is);
                }
                Change::Gone(old) => {
                    next.parents.remove(&old.name);
                    next.replace_children(elements_of(old), None);
                }
            }
        }
        next
    }

    fn replace_children(&mut self, was: Option<&Elements>, is: Option<&Elements>) {
        if let (None, Some(is)) = (was, is)
            && is.children.len() > self.children.len()
        {
            // What most children come from shares its map, with the views that have the same ones.
            let before = mem::replace(&mut self.children, is.children.clone());
            for (name, child) in before {
                self.children.entry(name).or_insert(child);
            }
            return;
        }
        let none = ResourceSet::new();
        for change in changes(was.map_or(&none, |e| &e.children), is.map_or(&none, |e| &e.children)) {
            match change {
                Change::Set { new, .. } => {
                    self.children.insert(new.name.clone(), new.clone());
                }
                Change::Gone(old) => {
                    self.children.remove(&old.name);
                }
            }
        }
    }
}

/// The elements of a resource, if it has a form whose elements are resources of their own.
pub(crate) fn elements_of(resource: &EncodedResource) -> Option<&Elements> {
    resource.elements.as_deref()
}
