//! Envoy's concepts as small constructors, and the one way a message becomes bytes.
//!
//! Only Envoy's terms appear here, none of Istio's or Kubernetes'. A constructor takes what nearly always varies and
//! returns Envoy's own message, whose other fields the caller may set; unset ones have Envoy's defaults. No constructor
//! sets a deprecated field.

pub mod access_log;
pub mod address;
pub mod bootstrap;
pub mod cluster;
pub mod collection;
pub mod config_source;
pub mod data_source;
pub mod encode;
pub mod endpoint;
pub mod extension;
pub mod fragment;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod http;
pub mod json;
pub mod listener;
pub mod matcher;
pub mod metadata;
pub mod route;
pub mod secret;
pub mod tcp;
pub mod tls;
pub mod wkt;

pub use encode::{Template, encode, pack_any};
pub use wkt::IntoProto;

#[cfg(test)]
mod tests;
