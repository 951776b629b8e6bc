//! What a view publishes: one resource set per type, all of one revision.

use std::sync::OnceLock;

use fairlead_envoy::{Elements, EncodedResource, ResourceSet, TypeUrl};

use crate::{
    diff::{Change, changes},
    options::ElementTypes,
};

/// The resources of one view at one revision. Shared by every session of the view as an `Arc`.
#[derive(Default)]
pub struct Publication {
    revision: u64,
    sets: [ResourceSet; TypeUrl::ALL.len()],
    route_elements: OnceLock<RouteElements>,
}

/// The route tables in their parent form, and the virtual hosts of all of them.
struct RouteElements {
    parents: ResourceSet,
    children: ResourceSet,
}

impl Publication {
    /// A publication without resources.
    pub fn new(revision: u64) -> Self {
        Self { revision, ..Self::default() }
    }

    /// Sets the resources of one type.
    #[must_use]
    pub fn with(mut self, type_url: TypeUrl, set: ResourceSet) -> Self {
        self.sets[type_url as usize] = set;
        if type_url == TypeUrl::RouteConfiguration {
            self.route_elements = OnceLock::new();
        }
        self
    }

    /// The revision that this publication shows.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The resources of one type, as published.
    pub fn set(&self, type_url: TypeUrl) -> &ResourceSet {
        &self.sets[type_url as usize]
    }

    /// Derives what is derived from resource sets by patching what `previous` has derived.
    ///
    /// Saves time and, because unchanged parts stay shared, makes the next difference cheap.
    #[must_use]
    pub fn following(self, previous: &Self) -> Self {
        if let Some(known) = previous.route_elements.get() {
            let tables = TypeUrl::RouteConfiguration;
            let derived = known.patched(previous.set(tables), self.set(tables));
            return Self { route_elements: OnceLock::from(derived), ..self };
        }
        self
    }

    /// The resources of one type in the form that a client with these element types is sent.
    pub(crate) fn form(&self, type_url: TypeUrl, elements: ElementTypes) -> &ResourceSet {
        match type_url {
            TypeUrl::RouteConfiguration if elements.vhds => &self.route_elements().parents,
            TypeUrl::VirtualHost if elements.vhds => &self.route_elements().children,
            _ => self.set(type_url),
        }
    }

    fn route_elements(&self) -> &RouteElements {
        self.route_elements.get_or_init(|| {
            let none = RouteElements { parents: ResourceSet::new(), children: ResourceSet::new() };
            none.patched(&ResourceSet::new(), self.set(TypeUrl::RouteConfiguration))
        })
    }
}

/// The elements of a route table, if it has the form with virtual hosts as resources of their own.
pub(crate) fn virtual_hosts(table: &EncodedResource) -> Option<&Elements> {
    table.elements.as_deref().filter(|e| e.element_type == TypeUrl::VirtualHost)
}

impl RouteElements {
    fn patched(&self, old: &ResourceSet, new: &ResourceSet) -> Self {
        let mut next = Self { parents: self.parents.clone(), children: self.children.clone() };
        for change in changes(old, new) {
            match change {
                Change::Set { old, new } => {
                    let was = old.and_then(virtual_hosts);
                    let is = virtual_hosts(new);
                    let parent = is.map_or(new, |e| &e.parent).clone();
                    next.parents.insert(new.name.clone(), parent);
                    next.replace_children(was, is);
                }
                Change::Gone(old) => {
                    next.parents.remove(&old.name);
                    next.replace_children(virtual_hosts(old), None);
                }
            }
        }
        next
    }

    fn replace_children(&mut self, was: Option<&Elements>, is: Option<&Elements>) {
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

#[cfg(test)]
mod tests;
