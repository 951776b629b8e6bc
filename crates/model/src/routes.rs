//! Routes in domain words, independent of the kind that defines them.
//!
//! Each kind of route is a front end that resolves its objects into [`RouteSet`]s; [`RoutesOf`] chooses it by the kind
//! of the key. Everything behind this module (scopes, bindings, translation) knows route sets only.
//!
//! Reads: what its front ends read ([`crate::virtual_service`]) · Produces: [`RouteSet`], [`RouteSetHeader`]
//! Consumed by: [`crate::scope`], [`crate::gateway`], `translate::routes`, `translate::listeners`

mod client;
mod clients;
mod expression;
mod header;
mod origin;
mod queries;
mod set;

pub use client::{ClientMatch, GatewayRef, HttpClient, RoutesAt};
pub use clients::HttpClients;
pub use expression::is_large;
pub use header::{RouteSetHeader, destinations};
pub use queries::{RouteSetHeaderOf, RouteSetHeaders, RouteSetsAt, RoutesOf, SourceLabels};
pub use set::{
    AbortStatus, CorsPolicy, Destination, Fault, HeaderOperations, Headers, HttpAction, HttpMatch, HttpRoute,
    L4Match, Mirror, Percent, Redirect, RedirectPort, Retries, Rewrite, RouteAt, RouteSet, StringMatch,
    TcpRoute, TlsRoute, WeightedDestination,
};
