//! Translates the resolved mesh, as seen in a view, into Envoy resources.
//!
//! A query gathers, a plain function decides: each module has `impl Query` bodies that only read and call, and
//! functions from domain types to Envoy messages that are tested with literals. No function sees a proxy; the
//! types of [`view`] and the keys name exactly what may influence a resource.

mod access_log;
pub mod clusters;
mod derived;
mod destination;
mod discovery;
pub mod endpoints;
mod filters;
pub mod listeners;
mod maker;
mod metadata;
pub mod names;
pub mod origins;
pub mod publication;
pub mod routes;
pub mod secrets;
pub mod sets;
#[cfg(test)]
mod tests;
mod values;
pub mod view;
