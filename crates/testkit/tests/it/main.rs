//! The test kit against scripted servers and the kernel.

#![expect(clippy::unwrap_used, reason = "all of this is test code, its helper functions too")]

mod ads;
mod crowd;
mod fake_envoy;
mod netns;
