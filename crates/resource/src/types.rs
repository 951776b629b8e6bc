//! What there is to know of a type, and the types that are served together.

use std::sync::LazyLock;

use crate::TypeUrl;

mod envoy;

/// What whoever serves a type has to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the columns of a table, each read alone")]
pub struct TypeDescriptor {
    /// The type.
    pub type_url: TypeUrl,
    /// The type whose resources have resources of this type as elements, which can be sent alone.
    pub parent: Option<TypeUrl>,
    /// An empty first request asks for all resources.
    pub all_by_default: bool,
    /// A state-of-the-world response always has all resources that the client is to have: an omission removes.
    pub always_whole: bool,
    /// A name that is asked for and does not exist is answered, unless a session is told otherwise.
    pub answers_missing: bool,
    /// How resources are divided among responses.
    pub division: Division,
    /// The place in the order in which removals are released: users go before what they use. `None`: nothing refers
    /// to resources of this type, and none takes the place of another, so a removal waits for nothing.
    pub removal: Option<u8>,
    /// The types whose resources may name resources of this type. A removal waits until the client has these as they
    /// are published.
    pub users: &'static [TypeUrl],
    /// What a resource of this type that takes the place of another needs before it serves. A removal waits until
    /// nothing of these types is on its way to the client.
    pub serves_with: &'static [TypeUrl],
    /// The type that completes this one: a resource warms until that of the same name in that type has come. The client
    /// does not acknowledge it before, and its users wait.
    pub warmed_by: Option<TypeUrl>,
    /// The client acknowledges responses at once, whatever warms.
    pub acknowledged_at_once: bool,
}

/// How the resources of a type are divided among responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Division {
    /// A delta response holds up to so many bytes of them.
    BySize,
    /// Each has a response of its own, in either variant of the protocol.
    OneByOne,
    /// What changes together arrives together.
    Together,
}

impl TypeDescriptor {
    /// A type that stands by itself: it refers to nothing, and nothing to it.
    pub const fn new(type_url: TypeUrl) -> Self {
        Self {
            type_url,
            parent: None,
            all_by_default: false,
            always_whole: false,
            answers_missing: true,
            division: Division::BySize,
            removal: None,
            users: &[],
            serves_with: &[],
            warmed_by: None,
            acknowledged_at_once: false,
        }
    }
}

/// The types that are served together, registered with what there is to know of them.
#[derive(Debug)]
pub struct Types {
    /// In the order in which additions are sent.
    all: Vec<TypeDescriptor>,
    /// The places of all orders in it.
    places: [u8; 256],
    /// Those whose removals wait, in the order in which they are released.
    removal: Vec<TypeUrl>,
}

impl Types {
    /// Registers types.
    ///
    /// # Panics
    /// If two have the same order or the same URL, or one is related to a type that is not among them: a bug of who
    /// describes them.
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
    /// If it is not one of them.
    pub fn place(&self, type_url: TypeUrl) -> usize {
        let place = usize::from(self.places[usize::from(type_url.order())]);
        assert!(place < self.all.len(), "{type_url} is not served");
        place
    }

    /// What there is to know of a type.
    ///
    /// # Panics
    /// If it is not one of these.
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

    /// These and more types: one's own beside Envoy's.
    ///
    /// # Panics
    /// As [`Types::new`].
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
