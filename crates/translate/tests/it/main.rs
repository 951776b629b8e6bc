//! Scenarios: configuration in, Envoy resources out.

mod everyday;
mod mesh;
