//! Scripts of requests and responses, one per rule.
//!
//! A script is the transcript that it expects. Lines that go in:
//! `publish CDS a=1 RDS 80{x=1} EDS c{0/x=1}` (a publication, with all its resources; in braces, those
//! that may come as resources of their own), `> CDS` (a first request),
//! `> EDS +a -b` (delta subscription), `> EDS a b` (state-of-the-world names), `> CDS have a=1` (reconnect),
//! `own SDS a=1` (all that belongs to the connection alone), `> CDS ack`, `> CDS nack <message>`, `again` (what the client's machine lacked may be tried again),
//! `reconnect` (another stream of the same client), `restart` (it has nothing any more). Lines that come out: `< CDS a=1 -b` (a response), `! CDS a=1` (a reported
//! rejection), `+ CDS a` (one that was accepted after all), `? StaleNonce` (a note), `x <reason>` (the end). `#` begins a comment.

mod again;
mod chains;
mod collections;
mod delta;
mod envoy;
mod hosts;
mod localities;
mod mesh;
mod model;
mod order;
mod overlay;
mod parts;
mod prop;
mod prop_chains;
mod reject;
mod resume;
mod script;
mod sotw;

use script::{check, check_fcds, check_known_bad, check_leds, check_sotw, check_vhds};
