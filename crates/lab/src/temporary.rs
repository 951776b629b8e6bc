//! A directory that is removed with its owner value, and with this process however that ends.

use std::{io, path::Path};

use crate::process::Watchdog;

/// A temporary directory. Its drop removes it; if this process is killed, a shell does.
#[derive(Debug)]
pub struct Temporary {
    directory: tempfile::TempDir,
    watchdog: Watchdog,
}

impl Temporary {
    /// Makes one in the system's temporary directory, with this prefix in its name.
    ///
    /// # Errors
    /// If it cannot be made, or the shell that watches over it cannot be started.
    pub fn new(prefix: &str) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix(prefix).tempdir()?;
        let watchdog = Watchdog::over_directory(directory.path())?;
        Ok(Self { directory, watchdog })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // The shell is no longer needed: the drop of the field removes the directory.
        self.watchdog.dismiss();
    }
}
