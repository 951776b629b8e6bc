//! The parts of a mesh on one machine: stock Envoys that run as child processes, addresses that no other process uses,
//! and clients that send requests and count the answers by service.
//!
//! `fairlead demo` and the tests against real Envoys use it. What only tests need is in `fairlead-testkit`, which is
//! not part of the binary.
//!
//! | module | what it is |
//! |---|---|
//! | [`envoy_binary`], [`envoy_process`] | stock Envoy: where it is, and a running one with its admin interface |
//! | [`client`], [`load`] | HTTP requests and bounded load, with counts by who answered |
//! | [`ports`], [`deadline`] | addresses that do not clash, waiting with a deadline |
//! | [`process`], [`temporary`] | processes that end and directories that vanish, however this process ends |
//! | [`pem`] | certificates and keys, for the client |
//!
//! Everything that waits has a deadline, and everything that is started ends with the value that owns it.

pub mod client;
pub mod deadline;
pub mod envoy_binary;
pub mod envoy_process;
pub mod load;
pub mod pem;
pub mod ports;
pub mod process;
pub mod temporary;
mod wire;
