//! End to end: changes that must not cost a request, faults that must not spread, and surroundings that fail.

#![allow(clippy::unwrap_used)] // a panic is how a test fails
#![allow(clippy::format_push_string)] // YAML is put together of parts

#[path = "../harness/mod.rs"]
mod harness;

mod chains;
mod faults;
mod files;
mod gateways;
mod pair;
mod parts;
mod services;
mod subsets;
mod surroundings;
