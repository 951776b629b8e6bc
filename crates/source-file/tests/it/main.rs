//! A real directory and what is done to it.

#![allow(clippy::unwrap_used)] // a panic is how a test fails

mod fs_events;
