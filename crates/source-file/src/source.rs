//! [`FileSource`]: follows a directory.

use std::{
    io,
    path::{Path, PathBuf},
    sync::mpsc as std_mpsc,
};

use fairlead_config::{ConfigSource, NextUpdate, SourceId, SourceUpdate};
use tokio::sync::mpsc;

use crate::watch::{Follower, Message, Settings};

/// Maximum number of updates that wait for a slow reader; later changes are merged into one scan.
const WAITING_UPDATES: usize = 4;

/// Why a directory cannot be a source.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It does not exist or cannot be accessed.
    #[error("open `{path}`")]
    Open {
        /// The directory or file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// It is a file.
    #[error("`{path}` is not a directory")]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// The thread that follows it cannot be started.
    #[error("start the thread that follows `{path}`")]
    Thread {
        /// The directory.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
}

pub(crate) fn check(directory: &Path) -> Result<(), SourceError> {
    let path = || directory.to_owned();
    let metadata =
        std::fs::metadata(directory).map_err(|source| SourceError::Open { path: path(), source })?;
    if metadata.is_dir() { Ok(()) } else { Err(SourceError::NotADirectory { path: path() }) }
}

/// A directory that a thread follows until this is dropped.
#[derive(Debug)]
pub struct FileSource {
    updates: mpsc::Receiver<SourceUpdate>,
    stop: std_mpsc::Sender<Message>,
}

impl FileSource {
    /// Follows `directory`. The first update comes at once and holds all objects.
    ///
    /// # Errors
    /// The directory is not there, is not a directory, or the thread cannot be started.
    pub fn spawn(directory: impl Into<PathBuf>, settings: Settings) -> Result<Self, SourceError> {
        let directory = directory.into();
        check(&directory)?;
        let (sender, updates) = mpsc::channel(WAITING_UPDATES);
        let (stop, messages) = std_mpsc::channel();
        let follower = Follower::new(directory.clone(), settings, sender, stop.clone(), messages);
        std::thread::Builder::new()
            .name("source-file".to_owned())
            .spawn(move || follower.run())
            .map_err(|source| SourceError::Thread { path: directory, source })?;
        Ok(Self { updates, stop })
    }
}

impl ConfigSource for FileSource {
    fn id(&self) -> SourceId {
        "file".into()
    }

    /// Ends only if its thread does.
    fn next(&mut self) -> NextUpdate<'_> {
        Box::pin(self.updates.recv())
    }
}

impl Drop for FileSource {
    fn drop(&mut self) {
        self.updates.close();
        // The thread may have ended already.
        let _ = self.stop.send(Message::Stop);
    }
}
