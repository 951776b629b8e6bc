//! Why a node is refused.

/// A problem of a node. The text says what is wrong and what is expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// Something is larger than its limit.
    #[error("{what} of the node is longer than {limit}")]
    TooLong {
        /// The item.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The id has the wrong number of parts.
    #[error("node id `{id}` is not of the form <type>~<ip>~<name>.<namespace>~<domain>")]
    Form {
        /// The id.
        id: String,
    },
    /// The type is not served.
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
    /// A namespace is not valid.
    #[error("`{0}` is not a namespace: lower-case letters, digits and `-`, at most 63")]
    BadNamespace(String),
    /// The id and the metadata name different namespaces.
    #[error("the namespace of the node is `{of_id}` in its id and `{of_metadata}` in its metadata")]
    Namespaces {
        /// The namespace in the id.
        of_id: String,
        /// `NAMESPACE` of the metadata.
        of_metadata: String,
    },
    /// An address is not valid.
    #[error("`{address}` in {place} of the node is not an IP address")]
    Address {
        /// The text.
        address: String,
        /// Its place in the node.
        place: &'static str,
    },
    /// No address is known.
    #[error("the node has no IP address: neither metadata INSTANCE_IPS nor the second part of id `{id}`")]
    NoAddress {
        /// The id.
        id: String,
    },
    /// A metadata entry has the wrong type.
    #[error("metadata {name} of the node is not {expected}")]
    Metadata {
        /// The entry.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The interception mode is not valid.
    #[error("metadata INTERCEPTION_MODE `{0}` is not REDIRECT, TPROXY or NONE")]
    Interception(String),
}
