//! Properties of decoding, and the page of diagnostics.

#![allow(clippy::unwrap_used)] // a panic is how a test fails

mod diagnostics_page;
mod prop_decode;
