//! End to end at the edges of the mesh: TLS in and out, services that no cluster has, interception by the kernel,
//! large directories, and what must not break anything.

#![allow(clippy::unwrap_used)] // a panic is how a test fails

#[path = "../harness/mod.rs"]
mod harness;

mod chains;
mod gateway;
mod interception;
mod objects;
mod robustness;
mod scale;
mod service_entry;
mod tls_origination;

use harness::server;
