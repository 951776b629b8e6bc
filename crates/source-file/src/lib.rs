//! A directory of YAML and JSON files as a source of configuration.
//!
//! [`load_once`] and [`load_all`] read directories and files for a command; [`FileSource`] follows it for as long as it lives.
//! What happens to an object whose file breaks is decided by [`Directory`], which touches no file system:
//! see its documentation for the rules of the last good version.

mod directory;
mod once;
mod scan;
mod source;
mod watch;

pub use directory::{Changes, Directory, FileState, Refusal, Snapshot};
pub use once::{Input, Loaded, load_all, load_once};
pub use scan::Bounds;
pub use source::{FileSource, SourceError};
pub use watch::Settings;
