//! [`FileSource`]: follows a directory.

use std::{
    io,
    path::{Path, PathBuf},
    sync::mpsc as std_mpsc,
    time::Duration,
};

use fairlead_config::{ChangeBatch, Diagnostic};
use tokio::sync::mpsc;

use crate::{
    scan::Bounds,
    watch::{Follower, Message},
};

/// Updates that wait for a slow reader; later changes are merged into one scan.
const WAITING_UPDATES: usize = 4;

/// How a directory is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Time without events before the directory is read. Default 10 ms.
    pub quiet_time: Duration,
    /// Longest time to wait for a writer to close a file. Default 1 s.
    pub write_grace: Duration,
    /// Time between looks at the directory that need no event, for changes that give none: targets of links
    /// outside the directory, network file systems. Default 30 s.
    pub rescan_interval: Duration,
    /// Time between looks if the directory cannot be watched. Default 1 s.
    pub poll_interval: Duration,
    /// What is read of the directory.
    pub bounds: Bounds,
    /// Do not watch, only look every [`Settings::poll_interval`]. Default false.
    pub poll_only: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            quiet_time: Duration::from_millis(10),
            write_grace: Duration::from_secs(1),
            rescan_interval: Duration::from_secs(30),
            poll_interval: Duration::from_secs(1),
            bounds: Bounds::default(),
            poll_only: false,
        }
    }
}

/// Why a directory cannot be a source.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It is not there or cannot be looked at.
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

/// News of a directory.
#[derive(Clone, Debug)]
pub struct Update {
    /// Objects that are new, different or gone.
    pub batch: ChangeBatch,
    /// All findings about the files as they are now, not only the new ones.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether this is the first update, which holds everything there is.
    pub first_sync: bool,
}

pub(crate) fn check(directory: &Path) -> Result<(), SourceError> {
    let path = || directory.to_owned();
    let metadata =
        std::fs::metadata(directory).map_err(|source| SourceError::Open { path: path(), source })?;
    if metadata.is_dir() { Ok(()) } else { Err(SourceError::NotADirectory { path: path() }) }
}

/// A directory that is followed by a thread until this is dropped.
#[derive(Debug)]
pub struct FileSource {
    updates: mpsc::Receiver<Update>,
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

    /// The next update; none if the thread has ended.
    pub async fn next(&mut self) -> Option<Update> {
        self.updates.recv().await
    }
}

impl Drop for FileSource {
    fn drop(&mut self) {
        self.updates.close();
        // The thread may have ended already.
        let _ = self.stop.send(Message::Stop);
    }
}
