//! What the tests, the demo and the benchmarks share.
//!
//! | module | what it is |
//! |---|---|
//! | [`envoy_binary`], [`envoy_process`] | stock Envoy: where it is, and a running one with its admin interface |
//! | [`judge`] | which of many listeners and clusters a stock Envoy refuses |
//! | [`app`], [`certs`] | servers that play the applications, and certificates for them |
//! | [`client`], [`load`] | HTTP requests and bounded load, with counts by who answered |
//! | [`fake_envoy`] | a client of ADS, of both protocols, that behaves as an Envoy and records what it got |
//! | [`crowd`], [`proc`] | thousands of cheap clients of ADS, and what the server spends on them |
//! | [`golden`], [`meshgen`], [`worlds`] | golden files, meshes of any size, random objects of all kinds |
//! | [`netns`] | network namespaces that play pods, with interception |
//! | [`ports`], [`deadline`] | addresses that do not clash, waiting with a deadline |
//! | [`process`], [`temporary`] | processes that end and directories that vanish, however this process ends |
//!
//! Everything that waits has a deadline, and everything that is started ends with the value that owns it.

pub mod app;
pub mod certs;
pub mod client;
pub mod crowd;
pub mod deadline;
pub mod envoy_binary;
pub mod envoy_process;
pub mod fake_envoy;
pub mod golden;
pub mod judge;
pub mod load;
pub mod meshgen;
pub mod netns;
pub mod ports;
pub mod proc;
pub mod process;
pub mod temporary;
mod wire;
pub mod worlds;
