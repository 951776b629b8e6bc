//! End to end: Istio's YAML in a directory, stock Envoys, and requests that are counted.

#![allow(clippy::unwrap_used)] // a panic is how a test fails

#[path = "../harness/mod.rs"]
mod harness;

mod both_protocols;
mod cors;
mod live_changes;
mod load_balancing;
mod load_reports;
mod localities;
mod resilience;
mod routing_actions;
mod routing_matches;
mod services;
mod shop;
mod sidecars;
