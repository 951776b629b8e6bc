//! End to end: what the commands say of a control plane and its Envoys, and what they print for them.

#![allow(clippy::unwrap_used)] // a panic is how a test fails

#[path = "../harness/mod.rs"]
mod harness;

mod static_files;
mod status;
