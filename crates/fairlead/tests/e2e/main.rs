//! End to end: Istio's YAML in a directory, stock Envoys, and requests that are counted.

#[path = "../harness/mod.rs"]
mod harness;

mod routing_matches;
mod shop;
mod smoke;
