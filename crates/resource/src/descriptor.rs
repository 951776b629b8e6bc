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
    /// A state-of-the-world response always has all of the client's resources: omission means removal.
    pub always_whole: bool,
    /// A request for a name that does not exist is answered, unless a session is configured otherwise.
    pub answers_missing: bool,
    /// How resources are divided among responses.
    pub division: Division,
    /// The place in the order in which removals are released: users go before the resources that they use. `None`:
    /// nothing refers to resources of this type, and none replaces another, so removals need not wait.
    pub removal: Option<u8>,
    /// The types whose resources may name resources of this type. A removal waits until the client has these as they
    /// are published.
    pub users: &'static [TypeUrl],
    /// The types that a resource of this type needs before it can replace another. A removal waits until no response of
    /// these types is on its way to the client.
    pub serves_with: &'static [TypeUrl],
    /// The type that completes this one: a resource warms until the one of the same name in that type has arrived.
    /// Until then the client does not acknowledge it, and its users wait.
    pub warmed_by: Option<TypeUrl>,
    /// The client acknowledges responses at once, even while resources are warming.
    pub acknowledged_at_once: bool,
}

/// How the resources of a type are divided among responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Division {
    /// By size: a maximum number of bytes in a delta response.
    BySize,
    /// Each has a response of its own, in either variant of the protocol.
    OneByOne,
    /// Resources that change together are sent together.
    Together,
}

impl TypeDescriptor {
    /// A type on its own: it refers to nothing, and nothing to it.
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
