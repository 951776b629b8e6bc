//! The descriptor of a type.

use crate::TypeUrl;

/// What a server needs to know about a type.
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
    /// Maximum number of their bytes in a delta response.
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
