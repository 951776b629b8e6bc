//! What comes out of a session.

use fairlead_resource::TypeUrl;

use crate::{NackReport, Rejected, wire::Response};

/// What the owner of a session has to do.
#[derive(Clone, Debug)]
pub enum Action {
    /// Write this response to the stream.
    Send(Response),
    /// The client has accepted what a publication changed in a type.
    Acked {
        /// The type.
        type_url: TypeUrl,
        /// The revision of the publication from which the response was made.
        revision: u64,
    },
    /// The client has rejected resources. Emitted once per stream, type and digest, and again each time they are
    /// re-sent by `Session::try_again` or because a secret has changed.
    Reject(NackReport),
    /// Contents are no longer known to be rejected: the client has accepted what it had rejected because its machine
    /// lacked something, or they are sent again because a secret has changed.
    Healed {
        /// Their type.
        type_url: TypeUrl,
        /// The contents.
        resources: Vec<Rejected>,
    },
    /// Something worth counting.
    Note(Note),
    /// End the stream.
    Close(CloseReason),
}

/// Something worth counting that needs no reaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// The client has rejected a response; every NACK is one, reported or not.
    Nack(TypeUrl),
    /// A request answered an older response than the last one.
    StaleNonce,
    /// A request asked for a type that is not served.
    UnknownType,
}

/// Why a session ends its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// More names than [`crate::SessionOptions::max_names`].
    #[error("more than {limit} names are subscribed for {type_url}")]
    TooManyNames {
        /// The type.
        type_url: TypeUrl,
        /// The limit.
        limit: usize,
    },
}
