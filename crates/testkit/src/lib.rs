//! What tests, benchmarks and the load harness share, beside the stock Envoys and HTTP clients of `fairlead-lab`.
//!
//! | module | what it is |
//! |---|---|
//! | [`judge`] | which of many listeners and clusters a stock Envoy refuses |
//! | [`app`], [`certs`] | servers that play the applications, and certificates for them |
//! | [`fake_envoy`] | a client of ADS, of both protocols, that behaves as an Envoy and records what it got |
//! | [`crowd`], [`proc`] | thousands of cheap clients of ADS, and what the server spends on them |
//! | [`golden`], [`meshgen`], [`worlds`] | golden files, meshes of any size, random objects of all kinds |
//! | [`netns`] | network namespaces that play pods, with interception |
//! | [`repository`] | the checkout that tests run in |
//!
//! Everything that waits has a deadline, and everything that is started ends with the value that owns it.

pub mod app;
pub mod certs;
pub mod crowd;
pub mod fake_envoy;
pub mod golden;
pub mod judge;
pub mod meshgen;
pub mod netns;
pub mod proc;
pub mod repository;
pub mod worlds;
