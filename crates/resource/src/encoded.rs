//! An xDS resource as it is kept and sent: its name, the digest of its bytes, and the bytes in shared pieces.

use std::{
    fmt,
    ops::Deref,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::TypeUrl;

/// The digest of a resource's content (xxh3, 128 bits). Equal content has an equal digest on every replica.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub u128);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(xxh3_128(bytes))
    }

    /// The digest of the concatenation of `pieces`; equal to [`Digest::of`] of the joined bytes.
    pub fn of_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = Xxh3::new();
        for piece in pieces {
            hasher.update(piece);
        }
        Self(hasher.digest128())
    }

    /// The digest of the digests of parts.
    fn of_parts(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut hasher = Xxh3::new();
        for Self(part) in parts {
            hasher.update(&part.to_le_bytes());
        }
        Self(hasher.digest128())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The name of an xDS resource, unique within its type. Cheap to clone.
pub type ResourceName = Arc<str>;

/// The resources of one type, ordered by name. A clone is O(1), a difference skips shared parts.
pub type ResourceSet = imbl::OrdMap<ResourceName, EncodedResource>;

/// One encoded resource, immutable. Equality is equality of name and digest; a clone copies one pointer, so that the
/// nodes of a [`ResourceSet`] stay small however many sets a resource is in.
#[derive(Clone)]
pub struct EncodedResource(Arc<Content>);

/// What an [`EncodedResource`] points to.
#[derive(Clone)]
pub struct Content {
    /// The name that clients subscribe to.
    pub name: ResourceName,
    /// The resource's version: a digest that determines the bytes of the message, see the constructors.
    pub digest: Digest,
    fragments: Fragments,
    /// The same resource cut into elements that are resources of their own, where it has such a form.
    pub elements: Option<Arc<Elements>>,
}

/// The pieces of a message.
#[derive(Clone)]
enum Fragments {
    Made(Arc<[Bytes]>),
    Later(Arc<Later>),
    /// None: see [`EncodedResource::outline`].
    Outline,
}

/// The pieces of a message that not every client needs: assembled on first use.
struct Later {
    made: OnceLock<Arc<[Bytes]>>,
    make: Box<dyn Fn() -> Arc<[Bytes]> + Send + Sync>,
}

/// A resource in its second form: a small parent, and children that are sent under a type of their own
/// (VHDS for a route table, LEDS for a load assignment, FCDS for a listener).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elements {
    /// The type of the children.
    pub element_type: TypeUrl,
    /// The parent as sent to clients that take the children as resources; it names their source.
    pub parent: EncodedResource,
    /// The children by their resource name (for VHDS `<table>/<host>`).
    pub children: ResourceSet,
    /// The parent with other names for its children, where names must differ each time that it is sent (LEDS).
    pub in_second_epoch: Option<EncodedResource>,
}

/// One element of a parent resource, ready for both forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// The element as a resource of its own.
    pub alone: EncodedResource,
    /// The element as a field of its parent: tag, length and message.
    pub inline: Arc<[Bytes]>,
}

impl EncodedResource {
    fn new(name: ResourceName, digest: Digest, fragments: Fragments) -> Self {
        Self(Arc::new(Content { name, digest, fragments, elements: None }))
    }

    /// A resource of one piece.
    pub fn whole(name: impl Into<ResourceName>, message: impl Into<Bytes>) -> Self {
        Self::of_fragments(name, Arc::new([message.into()]))
    }

    /// A resource whose message is the concatenation of `fragments`.
    pub fn of_fragments(name: impl Into<ResourceName>, fragments: Arc<[Bytes]>) -> Self {
        let digest = Digest::of_pieces(fragments.iter().map(|f| &f[..]));
        Self::new(name.into(), digest, Fragments::Made(fragments))
    }

    /// A resource whose message is the concatenation of `fragments`, with the digest of the digests of its parts.
    ///
    /// For a resource of many parts whose digests are known: the parts are not read again. The caller must ensure that
    /// `parts` determine the bytes of `fragments`, and that a name is always built by the same constructor, as the
    /// digest differs from that of [`Self::of_fragments`].
    pub fn of_parts(
        name: impl Into<ResourceName>,
        fragments: Arc<[Bytes]>,
        parts: impl IntoIterator<Item = Digest>,
    ) -> Self {
        Self::new(name.into(), Digest::of_parts(parts), Fragments::Made(fragments))
    }

    /// Like [`Self::of_parts`], with fragments that are made on first use. `make` must always make the same.
    pub fn of_parts_later(
        name: impl Into<ResourceName>,
        make: impl Fn() -> Arc<[Bytes]> + Send + Sync + 'static,
        parts: impl IntoIterator<Item = Digest>,
    ) -> Self {
        let later = Later { made: OnceLock::new(), make: Box::new(make) };
        Self::new(name.into(), Digest::of_parts(parts), Fragments::Later(Arc::new(later)))
    }

    /// The resource as an entry of a [`ResourceSet`].
    pub fn named(&self) -> (ResourceName, Self) {
        (self.name.clone(), self.clone())
    }

    /// The encoded message (not the `Any` around it) in pieces; their concatenation is the message.
    ///
    /// An outline has none.
    pub fn fragments(&self) -> &[Bytes] {
        match &self.fragments {
            Fragments::Outline => &[],
            Fragments::Made(fragments) => fragments,
            Fragments::Later(later) => later.made.get_or_init(&later.make),
        }
    }

    /// The same under another name.
    #[must_use]
    pub fn renamed(mut self, name: ResourceName) -> Self {
        Arc::make_mut(&mut self.0).name = name;
        self
    }

    /// The same with another digest, for bytes whose difference the digest does not cover.
    #[must_use]
    pub(crate) fn with_digest(mut self, digest: Digest) -> Self {
        Arc::make_mut(&mut self.0).digest = digest;
        self
    }

    /// The same with this second form, or with none.
    #[must_use]
    pub fn with_elements(mut self, elements: impl Into<Option<Elements>>) -> Self {
        Arc::make_mut(&mut self.0).elements = elements.into().map(Arc::new);
        self
    }

    /// The same without its bytes, for comparing contents without keeping them.
    #[must_use]
    pub fn outline(&self) -> Self {
        Self::new(self.name.clone(), self.digest, Fragments::Outline)
    }

    /// Whether it has no bytes: it is made by [`Self::outline`].
    pub fn is_outline(&self) -> bool {
        matches!(self.fragments, Fragments::Outline)
    }

    /// The length of the encoded message in bytes.
    pub fn encoded_len(&self) -> usize {
        self.fragments().iter().map(Bytes::len).sum()
    }

    /// The encoded message in one piece (copies; for dumps and tests).
    pub fn to_vec(&self) -> Vec<u8> {
        self.fragments().concat()
    }
}

impl Deref for EncodedResource {
    type Target = Content;

    fn deref(&self) -> &Content {
        &self.0
    }
}

impl PartialEq for EncodedResource {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.digest == other.digest && self.name == other.name && self.elements == other.elements)
    }
}

impl Eq for EncodedResource {}

/// Names the resource and its size, never its content: a `Secret` must not reach a log.
impl fmt::Debug for EncodedResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{} ({} bytes)", self.name, self.digest, self.encoded_len())
    }
}
