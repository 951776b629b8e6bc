//! The constructors against golden files: each concept with its defaults and with everything set.

mod clusters;
mod endpoints;
mod listeners;
mod routes;
mod tls;
