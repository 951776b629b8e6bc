//! The checkout that tests run in.

use std::path::Path;

/// The root of the repository that this crate was built from.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
