//! A client of ADS by the rules of Envoy 1.40, without socket and clock: bytes in, bytes out.
//!
//! [`Client`] subscribes to CDS, to the EDS that the clusters name, then to LDS and to what these refer to in turn
//! (FCDS, RDS, VHDS, SDS, and LEDS of assignments), acknowledges, and lists what it holds when it reconnects. It
//! behaves as real Envoys do where servers go wrong: it withholds the acknowledgement of CDS while a cluster waits for
//! its endpoints, and drops virtual hosts that arrive before their table.
//!
//! Contents are kept in a [`Library`], which any number of clients may share, so that each is decoded once.
//!
//! | driver | for |
//! |---|---|
//! | [`crate::fake_envoy`] | one client over a real stream, with a record of each response |
//! | [`crate::crowd`] | thousands of clients, with numbers in place of records |
//! | the tests of `fairlead-xds` | one client and a session, response by response in any order |
//!
//! A client shares no code with a server, only the protocol.

mod client;
mod holdings;
mod library;
mod node;
mod protocol;
mod references;
mod request;
mod response;
mod wire;

pub use client::{Changed, Client, Outgoing};
pub use library::{Content, Item, Library, NameId, Reader};
pub use node::node;
pub use protocol::{INITIAL_FETCH_TIMEOUT, Protocol};
pub use references::References;
pub use response::Response;
pub use wire::WireError;
