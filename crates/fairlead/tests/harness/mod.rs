//! A mesh on loopback for the end-to-end tests: a directory of YAML, a control plane in this process, stock Envoys
//! and the servers beside or behind them.
//!
//! Nothing is redirected: each sidecar listens where a `Sidecar` object says, at a loopback address of its own.
//! A test calls the egress listener of a client sidecar as an application would, and counts who answered.
//!
//! | type | what it is |
//! |---|---|
//! | [`Mesh`] | the directory and the control plane; [`Mesh::apply`] returns when every Envoy uses what was written |
//! | [`Endpoint`] | a server at an address of its own, with or without an Envoy in front of it |
//! | [`Proxy`] | a running Envoy: a client sidecar, the sidecar of an endpoint, or a gateway |
//! | [`Service`] | the YAML of a Service, its EndpointSlice and its Pods |
//! | [`traffic`] | a steady load that crosses a change |
//! | [`claims`] | many claims about one mesh, each reported by its name |

#![allow(dead_code, unused_imports, unused_macros, reason = "each test binary uses a part of it")]

pub(crate) mod claims;
mod endpoint;
pub(crate) mod handshake;
pub(crate) mod mesh;
mod proxy;
mod secret;
pub(crate) mod server;
mod service;
pub(crate) mod traffic;

pub(crate) use endpoint::{APP_PORT, Endpoint, INBOUND_PORT};
pub(crate) use mesh::Mesh;
pub(crate) use proxy::{Egress, Proxy, Role, cluster, egress_yaml};
pub(crate) use secret::{secret, tls_secret};
pub(crate) use service::Service;
