//! End to end: elements that are sent as resources of their own, under load, and two Envoys that differ only in the
//! protocol and have to end with the same configuration.

#![allow(clippy::unwrap_used)] // a panic is how a test fails

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../e2e_changes/pair.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod pair;
#[path = "../e2e_changes/faults/spoil.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod spoil;

mod alike;
mod cable;
mod comes_back;
mod cost;
mod crowd;
mod cut;
mod endpoints;
mod restart;
mod secrets;
mod spoilt;

use harness::server;
