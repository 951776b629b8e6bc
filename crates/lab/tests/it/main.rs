//! The lab with a real Envoy.

mod envoy_process;
