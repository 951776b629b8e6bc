//! [`FileSource`]: follows a directory; [`load_once`]: reads it once.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::mpsc as std_mpsc,
    time::Duration,
};

use fairlead_config::{AnyConfig, ChangeBatch, Diagnostic};
use tokio::sync::mpsc;

use crate::{
    Directory, FileState, Snapshot,
    scan::{Bounds, Scanner, read, shown},
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

/// What a directory holds.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The objects without errors, in the order of their keys.
    pub objects: Vec<AnyConfig>,
    /// All findings, by file and line.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a directory once.
///
/// # Errors
/// The directory is not there, is not a directory, or cannot be looked at. What is in it is never an error here.
pub fn load_once(directory: impl AsRef<Path>) -> Result<Loaded, SourceError> {
    let directory = directory.as_ref();
    check(directory)?;
    load_all([Input::Path(directory.to_owned())])
}

/// Something to read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A directory or a file, whatever the file is called.
    Path(PathBuf),
    /// A text that is in no file, under the name that its findings have.
    Text(String, Vec<u8>),
}

/// Reads directories and files once, as if one directory held them all. What is reached twice is read once.
///
/// # Errors
/// One of them is not there, or cannot be looked at. What is in them is never an error here.
pub fn load_all(inputs: impl IntoIterator<Item = Input>) -> Result<Loaded, SourceError> {
    let mut all = Snapshot::default();
    let mut real = BTreeSet::new();
    for input in inputs {
        match input {
            Input::Text(name, bytes) => {
                all.files.insert(name.into(), FileState::Content(bytes));
            }
            Input::Path(path) => {
                let open = |source| SourceError::Open { path: path.clone(), source };
                if std::fs::metadata(&path).map_err(open)?.is_dir() {
                    let found = Scanner::new(Bounds::default()).scan(&path);
                    let files = found.files.into_iter().filter(|(name, _)| real.insert(end_of(&**name)));
                    all.files.extend(files);
                    all.unreadable.extend(found.unreadable);
                    all.refused.extend(found.refused);
                } else if real.insert(end_of(&path)) {
                    let bytes = read(&path).map_err(open)?;
                    all.files.insert(shown(&path), FileState::Content(bytes));
                }
            }
        }
    }
    let mut state = Directory::new();
    let changes = state.update(all);
    Ok(Loaded { objects: state.objects().cloned().collect(), diagnostics: changes.diagnostics })
}

/// Where a path leads in the end of all links.
fn end_of(path: impl AsRef<Path>) -> PathBuf {
    let path = path.as_ref();
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn check(directory: &Path) -> Result<(), SourceError> {
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
