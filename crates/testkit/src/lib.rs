//! Tools for tests, benchmarks and the load harness, in addition to the stock Envoys and HTTP clients of
//! `fairlead-lab`.
//!
//! | module | what it is |
//! |---|---|
//! | [`judge`] | which of many listeners and clusters a stock Envoy refuses |
//! | [`app`], [`certs`] | servers that play the applications, and certificates for them |
//! | [`ads`] | a client of ADS by Envoy's rules, without socket and clock |
//! | [`fake_envoy`] | one over a real stream, which records what it got |
//! | [`crowd`], [`proc`] | thousands of them, and what the server spends on them |
//! | [`golden`], [`meshgen`], [`worlds`] | golden files, meshes of any size, random objects of all kinds |
//! | [`netns`] | network namespaces that play pods, with interception |
//! | [`repository`] | the checkout that tests run in |
//!
//! Everything that waits has a deadline, and everything that is started ends with the value that owns it.

pub mod ads;
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
mod stream;
pub mod worlds;
