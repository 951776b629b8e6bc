//! The types that are served together, and Envoy's among them.

use std::sync::LazyLock;

use crate::{TypeDescriptor, TypeUrl};

mod envoy;

/// The types that are served together, each with its descriptor.
#[derive(Debug)]
pub struct Types {
    /// In the order in which additions are sent.
    all: Vec<TypeDescriptor>,
    /// The places of all orders in it.
    places: [u8; 256],
    /// The types whose removals wait, in the order in which they are released.
    removal: Vec<TypeUrl>,
}

impl Types {
    /// Registers types.
    ///
    /// # Panics
    /// If two have the same order or the same URL, or one is related to a type that is not among them: a bug in the
    /// descriptors.
    pub fn new(types: impl IntoIterator<Item = TypeDescriptor>) -> Self {
        let mut all: Vec<TypeDescriptor> = types.into_iter().collect();
        all.sort_by_key(|of| of.type_url);
        let mut places = [u8::MAX; 256];
        for (place, of) in (0..).zip(&all) {
            let type_url = of.type_url;
            let order = &mut places[usize::from(type_url.order())];
            let known =
                all[..usize::from(place)].iter().any(|other| other.type_url.as_str() == type_url.as_str());
            assert!(!known && *order == u8::MAX, "{type_url} has the order or the URL of another type");
            *order = place;
            let related = of.users.iter().chain(of.serves_with).chain(&of.parent).chain(&of.warmed_by);
            for other in related {
                assert!(
                    all.iter().any(|o| o.type_url == *other),
                    "{type_url} is related to {other}, which is not served"
                );
            }
        }
        let mut waiting: Vec<_> = all.iter().filter_map(|of| Some((of.removal?, of.type_url))).collect();
        waiting.sort_unstable();
        let removal = waiting.into_iter().map(|(_, type_url)| type_url).collect();
        Self { all, places, removal }
    }

    /// Envoy's.
    pub fn envoy() -> &'static Self {
        static ENVOY: LazyLock<Types> = LazyLock::new(|| Types::new(envoy::TYPES));
        &ENVOY
    }

    /// All types, in the order in which additions are sent.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = TypeUrl> {
        self.all.iter().map(|of| of.type_url)
    }

    /// Whether a type is one of them.
    pub fn contains(&self, type_url: TypeUrl) -> bool {
        usize::from(self.places[usize::from(type_url.order())]) < self.all.len()
    }

    /// The types whose removals wait, in the order in which they are released.
    pub fn in_order_of_removal(&self) -> &[TypeUrl] {
        &self.removal
    }

    /// The place of a type among all.
    ///
    /// # Panics
    /// If it is not one of these.
    #[inline]
    pub fn place(&self, type_url: TypeUrl) -> usize {
        let place = usize::from(self.places[usize::from(type_url.order())]);
        assert!(place < self.all.len(), "{type_url} is not served");
        place
    }

    /// The descriptor of a type.
    ///
    /// # Panics
    /// If it is not one of these.
    #[inline]
    pub fn of(&self, type_url: TypeUrl) -> &TypeDescriptor {
        &self.all[self.place(type_url)]
    }

    /// The type whose resources have resources of this type as elements.
    ///
    /// # Panics
    /// If it is not one of these.
    pub fn parent(&self, type_url: TypeUrl) -> Option<TypeUrl> {
        self.of(type_url).parent
    }

    /// Adds types, for example custom ones besides Envoy's.
    ///
    /// # Panics
    /// Like [`Types::new`].
    #[must_use]
    pub fn with(&self, more: impl IntoIterator<Item = TypeDescriptor>) -> Self {
        Self::new(self.all.iter().cloned().chain(more))
    }

    /// The type whose resources are the elements of resources of this type, where they can be sent alone.
    pub fn element(&self, type_url: TypeUrl) -> Option<TypeUrl> {
        self.all.iter().find(|of| of.parent == Some(type_url)).map(|of| of.type_url)
    }

    /// The type of a URL, or `None` for one that is not served.
    pub fn parse(&self, url: &str) -> Option<TypeUrl> {
        self.iter().find(|type_url| type_url.as_str() == url)
    }
}

#[cfg(test)]
mod tests;
