//! The ADS protocol for any control plane: what a client holds, what it should hold, and the bytes between.
//!
//! A [`Session`] is one stream as a state machine without clock, socket or task: requests and publications go in,
//! [`Action`]s come out. The [`server`] module puts it behind gRPC. Resources are opaque
//! ([`fairlead_resource::EncodedResource`]): only their names, digests and bytes matter.
//!
//! `docs/concepts/xds-session.md` explains how a session decides.

mod diff;
mod memo;
mod nack;
mod names;
mod node;
mod options;
mod overlay;
pub mod parts;
mod publication;
mod published;
pub mod server;
mod session;
mod wire;

#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;

pub use nack::{NackReport, Rejected};
pub use node::{AgentVersion, Locality, Node};
pub use options::{ElementTypes, Protocol, SessionOptions};
pub use overlay::Overlay;
pub use publication::Publication;
pub use published::Published;
pub use session::{Action, CloseReason, Departed, Note, Session, SyncState, TypeStatus};
pub use wire::{Nonce, Response, Runs};
