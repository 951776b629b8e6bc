//! The core loop of Fairlead: changes in, publications out; and its administration over HTTP.
//!
//! One thread owns the engine ([`core`]). A source sends it changes, connections ask it for views, administration
//! asks it for copies; it publishes. Everything else here is at its edges.

pub mod admin;
mod clock;
mod control_plane;
pub mod core;
pub mod debounce;
pub mod diagnostics;
pub mod dump;
pub mod explain;
pub mod metrics;
pub mod node;
pub mod offline;
pub mod order;
pub mod origin;
mod resolver;
pub mod settings;
mod telemetry;
pub mod version;

pub use control_plane::{ControlPlane, StartError};
pub use resolver::MeshResolver;
pub use telemetry::LogLevels;
