//! The protocol, to the letter: every row of `docs/reference/xds-conformance.md` over a real socket.
//!
//! - `row`: what a row is;
//! - `rows`: the rows, by subject;
//! - `script`: the words of scripts, which the tests of `Session` have too;
//! - `player`: plays a row's script against a server, as a delta client and as a state-of-the-world client;
//! - `stream`, `world`: the client's end of a stream, and the server with its views;
//! - `transport`, `raw`, `child`: rows below gRPC, written frame by frame against a server in a process of its
//!   own, whose memory can be looked at;
//! - `page`: the page and the rows say the same.
#![expect(clippy::unwrap_used, reason = "tests fail by panic")]

mod child;
mod page;
mod player;
mod raw;
mod row;
mod rows;
#[path = "../script/mod.rs"]
mod script;
mod stream;
mod transport;
mod world;

use fairlead_xds::Protocol;
use row::{Body, Row};

/// Runs the scripts of one subject, and says of each row that fails what happened instead.
async fn play(rows: &[Row]) {
    let mut failures = Vec::new();
    for row in rows {
        let Body::Script(variants, text) = row.body else { continue };
        for variant in variants.list() {
            if let Err(failure) = player::play(*variant, text).await {
                failures.push(format!("{} as {variant:?}: {failure}", row.id));
            }
        }
    }
    assert!(failures.is_empty(), "{} rows fail:\n{}", failures.len(), failures.join("\n\n"));
}

#[tokio::test]
async fn subscriptions_are_served_as_written() {
    play(rows::SUBSCRIBING).await;
}

#[tokio::test]
async fn subscriptions_end_as_written() {
    play(rows::UNSUBSCRIBING).await;
}

#[tokio::test]
async fn acks_and_nacks_are_taken_as_written() {
    play(rows::ANSWERS).await;
}

#[tokio::test]
async fn pushes_come_in_the_order_that_is_written() {
    play(rows::ORDER).await;
}

#[tokio::test]
async fn reconnects_are_answered_as_written() {
    play(rows::RECONNECTING).await;
}

#[tokio::test]
async fn names_of_every_form_are_answered_as_written() {
    play(rows::NAMES).await;
}

#[tokio::test]
async fn streams_begin_and_end_as_written() {
    play(rows::STREAMS).await;
}

#[test]
fn connections_that_misbehave_are_borne_as_written() {
    transport::play(rows::TRANSPORT);
}
