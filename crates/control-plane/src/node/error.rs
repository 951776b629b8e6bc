//! Why a node is not understood.

/// The text names what is wrong and how it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// Something is larger than its limit.
    #[error("{what} of the node is longer than {limit}")]
    TooLong {
        /// What.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The id has another number of parts.
    #[error("node id `{id}` is not of the form <type>~<ip>~<name>.<namespace>~<domain>")]
    Form {
        /// The id.
        id: String,
    },
    /// The type is none that is served.
    #[error("node type `{0}` is not served: it is `sidecar`, or `router` for a gateway")]
    Type(String),
    /// No namespace is known.
    #[error(
        "the namespace of the node is not known: neither metadata NAMESPACE nor `<name>.<namespace>` in id `{id}`"
    )]
    Namespace {
        /// The id.
        id: String,
    },
    /// A namespace is not one.
    #[error("`{0}` is not a namespace: lower-case letters, digits and `-`, at most 63")]
    BadNamespace(String),
    /// The id and the metadata name different namespaces.
    #[error("the namespace of the node is `{of_id}` in its id and `{of_metadata}` in its metadata")]
    Namespaces {
        /// That of the id.
        of_id: String,
        /// `NAMESPACE` of the metadata.
        of_metadata: String,
    },
    /// An address is not one.
    #[error("`{address}` in {place} of the node is not an IP address")]
    Address {
        /// The text.
        address: String,
        /// Where it stands.
        place: &'static str,
    },
    /// No address is known.
    #[error("the node has no IP address: neither metadata INSTANCE_IPS nor the second part of id `{id}`")]
    NoAddress {
        /// The id.
        id: String,
    },
    /// A metadata entry has another type.
    #[error("metadata {name} of the node is not {expected}")]
    Metadata {
        /// The entry.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The interception mode is none.
    #[error("metadata INTERCEPTION_MODE `{0}` is not REDIRECT, TPROXY or NONE")]
    Interception(String),
}
