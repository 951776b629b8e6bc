//! The test kit against a real Envoy.

mod envoy_process;
mod fake_envoy;
