//! The test kit against a real Envoy, a scripted server, and the kernel.

#![expect(clippy::unwrap_used, reason = "all of this is test code, its helper functions too")]

mod ads;
mod crowd;
mod envoy_process;
mod fake_envoy;
mod netns;
