//! A directory that vanishes with the value that owns it, and with this process however that ends.

use std::{io, path::Path};

use crate::process::Watchdog;

/// A temporary directory. Dropping it removes it; if this process is killed, a shell does.
#[derive(Debug)]
pub struct Temporary {
    directory: tempfile::TempDir,
    watchdog: Watchdog,
}

impl Temporary {
    /// Makes one where the system has such directories, with a name that begins so.
    ///
    /// # Errors
    /// If it cannot be made, or the shell that watches over it not be started.
    pub fn new(prefix: &str) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix(prefix).tempdir()?;
        let watchdog = Watchdog::over_directory(directory.path())?;
        Ok(Self { directory, watchdog })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // The shell would remove the same; what is in it goes when the field is dropped.
        self.watchdog.dismiss();
    }
}
