//! What only shows with many clients or after a long time: restarts, storms, slow readers, a week of changes.
//!
//! `make test` runs each for seconds and with tens of clients, `make soak` at full size; what is claimed is the same.
//! Figures of `make soak` go to `target/soak/`.

#![allow(clippy::unwrap_used)] // a panic is how a test fails
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "figures of thousands of clients and megabytes"
)]

#[path = "../harness/mod.rs"]
mod harness;

mod attacks;
mod crowds;
mod expressions;
mod neighbours;
mod report;
mod restart;
mod slow;
mod storm;
mod week;
