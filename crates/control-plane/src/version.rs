//! The version of Fairlead.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Version and commit in one line.
pub const TEXT: &str = env!("FAIRLEAD_VERSION");

/// A version of Fairlead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Version {
    /// The version.
    pub version: String,
    /// The commit from which it was built, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

impl Version {
    /// The version of this program.
    pub fn own() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: option_env!("FAIRLEAD_COMMIT").filter(|commit| !commit.is_empty()).map(str::to_owned),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.version)?;
        match &self.commit {
            Some(commit) => write!(f, " (commit {commit})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
