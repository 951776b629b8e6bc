//! The constructors against golden files: each concept with its defaults and with everything set.

mod clusters;
mod endpoints;
pub(crate) mod golden;
mod listeners;
mod routes;
mod tls;
