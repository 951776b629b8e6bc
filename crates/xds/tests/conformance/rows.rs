//! The rows, by subject.

mod answers;
mod names;
mod order;
mod reconnecting;
mod streams;
mod subscribing;
mod transport;
mod unsubscribing;

pub(crate) use answers::ROWS as ANSWERS;
pub(crate) use names::ROWS as NAMES;
pub(crate) use order::ROWS as ORDER;
pub(crate) use reconnecting::ROWS as RECONNECTING;
pub(crate) use streams::ROWS as STREAMS;
pub(crate) use subscribing::ROWS as SUBSCRIBING;
pub(crate) use transport::ROWS as TRANSPORT;
pub(crate) use unsubscribing::ROWS as UNSUBSCRIBING;

use crate::row::Row;

/// The subjects in the order of the page, with their headings.
pub(crate) const SUBJECTS: &[(&str, &[Row])] = &[
    ("Subscribing", SUBSCRIBING),
    ("Unsubscribing", UNSUBSCRIBING),
    ("ACK and NACK", ANSWERS),
    ("Order", ORDER),
    ("Reconnecting", RECONNECTING),
    ("Names, locators, TTL", NAMES),
    ("Streams", STREAMS),
    ("Below gRPC", TRANSPORT),
];
