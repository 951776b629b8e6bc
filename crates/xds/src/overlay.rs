//! [`Overlay`]: resources that belong to one connection, as a key that was made for it.

use std::{collections::BTreeMap, fmt};

use bytes::Bytes;
use fairlead_resource::{EncodedResource, ResourceName, TypeUrl};
use zeroize::Zeroizing;

/// Resources for one client only, secrets as a rule. They take precedence over resources of the same name in its view.
///
/// A session serves them like those of a publication, but accounts for them without their bytes. These exist only here
/// and in responses not yet written, and are overwritten when both are dropped. What was written cannot be wiped: the
/// buffers of HTTP/2 and TLS have copies.
///
/// An overlay has neither elements nor resources with elements.
#[derive(Clone, Default)]
pub struct Overlay(BTreeMap<TypeUrl, BTreeMap<ResourceName, EncodedResource>>);

impl Overlay {
    /// An overlay without resources: the client is sent what its view publishes, and nothing else.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a resource, or replaces the one of this name. The caller ensures that nothing else holds `message`'s bytes.
    #[must_use]
    pub fn with(self, type_url: TypeUrl, name: impl Into<ResourceName>, message: Vec<u8>) -> Self {
        self.add(type_url, name, Bytes::from_owner(Zeroizing::new(message)))
    }

    fn add(mut self, type_url: TypeUrl, name: impl Into<ResourceName>, message: Bytes) -> Self {
        let resource = EncodedResource::whole(name, message);
        self.0.entry(type_url).or_default().insert(resource.name.clone(), resource);
        self
    }

    /// Whether the overlay has no resource.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn types(&self) -> impl Iterator<Item = TypeUrl> {
        self.0.keys().copied()
    }

    /// The resources of a type.
    pub(crate) fn of(&self, type_url: TypeUrl) -> impl Iterator<Item = &EncodedResource> {
        self.0.get(&type_url).into_iter().flat_map(BTreeMap::values)
    }

    pub(crate) fn get(&self, type_url: TypeUrl, name: &str) -> Option<&EncodedResource> {
        self.0.get(&type_url)?.get(name)
    }
}

/// Shows the names of the resources, but nothing of their contents, not even their sizes.
impl fmt::Debug for Overlay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(type_url, of)| (type_url, of.keys()))).finish()
    }
}

#[cfg(test)]
mod tests;
