//! Route tables and virtual hosts.
//!
//! | module | what it decides |
//! |---|---|
//! | [`outbound`] | which tables a sidecar has, and which hosts each |
//! | [`gateway`] | the same for gateways |
//! | [`virtual_host`] | the bytes of one host |
//! | [`table`] | a table assembled from its hosts |

mod domains;
pub mod gateway;
mod http;
mod implied;
pub mod outbound;
pub mod plan;
pub(crate) mod planner;
pub mod table;
pub mod virtual_host;
