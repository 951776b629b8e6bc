//! The thread that follows a directory: waits for events, reads once they stop, sends the changes.
//!
//! An event only says which path to examine. If more may have changed (a directory was added or removed, there are
//! links, events were lost), and periodically, the whole directory is scanned, at one `stat` for each unchanged file.
//! So lost, duplicate and reordered events do no harm.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, mpsc as std_mpsc},
    time::{Duration, Instant},
};

use fairlead_config::{Code, Diagnostic, FieldPath, Kind, Location, Severity, SourceUpdate, Subject};
use notify::{
    EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode, CreateKind, ModifyKind},
};
use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::{
    Changes, Directory,
    scan::{self, Bounds, Files, Scanner, is_manifest},
};

/// Interval of checks for a directory that is gone.
const MISSING_INTERVAL: Duration = Duration::from_millis(100);

/// Time after which a new subdirectory is scanned once more: files may have been added before it was watched.
const NEW_DIRECTORY_INTERVAL: Duration = Duration::from_millis(100);

/// Maximum number of paths that are examined singly; for more, the whole directory is scanned.
const MOST_PATHS: usize = 4096;

/// How a directory is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Time without events before the directory is read. Default 10 ms.
    pub quiet_time: Duration,
    /// Maximum time to wait for a writer to close a file. Default 1 s.
    pub write_grace: Duration,
    /// Interval of scans without an event, for changes that cause none: targets of links outside the directory, network
    /// file systems. Default 30 s.
    pub rescan_interval: Duration,
    /// Interval of scans if the directory cannot be watched. Default 1 s.
    pub poll_interval: Duration,
    /// Limits of what is read from the directory.
    pub bounds: Bounds,
    /// Scans every [`Settings::poll_interval`] instead of watching. Default false.
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

/// A message to the thread.
#[derive(Debug)]
pub(crate) enum Message {
    Event(notify::Result<notify::Event>),
    Stop,
}

/// The state of the thread.
pub(crate) struct Follower {
    root: PathBuf,
    /// The same from the root of the file system, as events name it.
    absolute_root: PathBuf,
    settings: Settings,
    updates: mpsc::Sender<SourceUpdate>,
    events: std_mpsc::Sender<Message>,
    messages: std_mpsc::Receiver<Message>,
    watch: Watch,
    scanner: Scanner,
    directory: Directory,
    last_diagnostics: Option<Vec<Diagnostic>>,
    /// Files that are being written, and since when.
    writing: BTreeMap<PathBuf, Instant>,
    /// When to scan again even without an event.
    look_again: Option<Instant>,
    touched: Touched,
}

/// The paths of events since the directory was last read.
enum Touched {
    Everything,
    /// Paths from the root of the file system.
    Paths(BTreeSet<PathBuf>),
}

/// How the directory is watched.
enum Watch {
    /// Not yet, or not any more.
    None,
    /// By the system. The identity distinguishes the directory from another one of the same name.
    System { identity: Option<(u64, u64)>, _watcher: RecommendedWatcher },
    /// Not at all, for this reason.
    Polling { reason: String },
}

/// Events since the last read.
#[derive(Clone, Copy)]
struct Unrest {
    first: Instant,
    last: Instant,
}

/// Whether the thread goes on.
#[derive(PartialEq, Eq)]
enum Flow {
    Continue,
    Stop,
}

impl Follower {
    pub(crate) fn new(
        root: PathBuf,
        settings: Settings,
        updates: mpsc::Sender<SourceUpdate>,
        events: std_mpsc::Sender<Message>,
        messages: std_mpsc::Receiver<Message>,
    ) -> Self {
        Self {
            absolute_root: std::path::absolute(&root).unwrap_or_else(|_| root.clone()),
            root,
            scanner: Scanner::new(settings.bounds.clone()),
            settings,
            updates,
            events,
            messages,
            watch: Watch::None,
            directory: Directory::new(),
            last_diagnostics: None,
            writing: BTreeMap::new(),
            look_again: None,
            touched: Touched::Everything,
        }
    }

    pub(crate) fn run(mut self) {
        loop {
            // Watch first, then read: what changes in between is an event.
            self.establish_watch();
            if self.read() == Flow::Stop || self.wait() == Flow::Stop {
                return;
            }
        }
    }

    /// Reads the directory and sends what changed.
    fn read(&mut self) -> Flow {
        let changes = match self.touched_files() {
            Some(files) => self.directory.update_files(files),
            None => self.read_everything(),
        };
        let mut diagnostics = changes.diagnostics;
        diagnostics.extend(self.polling_finding());
        let is_first = self.last_diagnostics.is_none();
        if !is_first && changes.batch.is_empty() && self.last_diagnostics.as_ref() == Some(&diagnostics) {
            return Flow::Continue;
        }
        info!(path = %self.root.display(), changes = changes.batch.len(), diagnostics = diagnostics.len(), "directory read");
        self.last_diagnostics = Some(diagnostics.clone());
        let whole = if is_first { Kind::ALL.to_vec() } else { Vec::new() };
        let update = SourceUpdate { changes: changes.batch, whole, diagnostics, synced: true };
        if self.updates.blocking_send(update).is_err() { Flow::Stop } else { Flow::Continue }
    }

    /// The files that have changed, if the events name them.
    fn touched_files(&mut self) -> Option<Files> {
        let Touched::Paths(paths) = std::mem::replace(&mut self.touched, Touched::Paths(BTreeSet::new()))
        else {
            return None;
        };
        let below = paths.iter().map(|path| path.strip_prefix(&self.absolute_root));
        let paths =
            below.map(|below| below.map(|below| self.root.join(below))).collect::<Result<Vec<_>, _>>();
        self.scanner.look(&self.root, paths.ok()?)
    }

    fn read_everything(&mut self) -> Changes {
        let snapshot = self.scanner.scan(&self.root);
        if snapshot.is_partial() {
            // A cause that keeps a file from being read, such as a lack of descriptors, may end without an event.
            self.look_again = Some(Instant::now() + self.settings.poll_interval);
        }
        self.directory.update(snapshot)
    }

    /// Waits until it is time to read again.
    fn wait(&mut self) -> Flow {
        let mut unrest: Option<Unrest> = None;
        loop {
            let now = Instant::now();
            self.writing.retain(|_, since| now.duration_since(*since) < self.settings.write_grace);
            let Some(timeout) = self.time_left(unrest, now) else {
                if self.look_again.is_some_and(|at| at <= now) {
                    self.look_again = None;
                    self.touched = Touched::Everything;
                }
                return Flow::Continue;
            };
            match self.messages.recv_timeout(timeout) {
                Ok(Message::Event(event)) => {
                    if self.on_event(event) {
                        let last = Instant::now();
                        unrest = Some(Unrest { first: unrest.map_or(last, |unrest| unrest.first), last });
                    }
                }
                Ok(Message::Stop) | Err(std_mpsc::RecvTimeoutError::Disconnected) => return Flow::Stop,
                Err(std_mpsc::RecvTimeoutError::Timeout) if unrest.is_none() => {
                    self.look_again = None;
                    self.touched = Touched::Everything;
                    return Flow::Continue;
                }
                Err(std_mpsc::RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// How long to wait for the next event; none if it is time to read.
    fn time_left(&self, unrest: Option<Unrest>, now: Instant) -> Option<Duration> {
        let Some(unrest) = unrest else {
            let interval = match &self.watch {
                Watch::None => MISSING_INTERVAL,
                Watch::System { .. } => self.settings.rescan_interval,
                Watch::Polling { .. } => self.settings.poll_interval,
            };
            let soon = self.look_again.map_or(interval, |at| at.saturating_duration_since(now));
            return Some(soon.min(interval));
        };
        let quiet_left = self.settings.quiet_time.saturating_sub(now.duration_since(unrest.last));
        // A file that is written all the time must not hold up the others for ever.
        let patience_left = (2 * self.settings.write_grace).saturating_sub(now.duration_since(unrest.first));
        let grace_left = self
            .writing
            .values()
            .map(|since| self.settings.write_grace.saturating_sub(now.duration_since(*since)));
        let left = grace_left.max().map_or(quiet_left, |grace| grace.max(quiet_left)).min(patience_left);
        (!left.is_zero()).then_some(left)
    }

    /// Records an event; returns whether it concerns the directory.
    fn on_event(&mut self, event: notify::Result<notify::Event>) -> bool {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                warn!(path = %self.root.display(), error = %error, "watch failed, watching anew");
                self.watch = Watch::None;
                self.touched = Touched::Everything;
                return true;
            }
        };
        let concerns =
            event.need_rescan() || event.paths.iter().any(|path| path.starts_with(&self.absolute_root));
        if !concerns || is_reading(event.kind) {
            return false;
        }
        for path in event.paths.iter().filter(|path| is_manifest(path)) {
            match event.kind {
                EventKind::Modify(ModifyKind::Data(_)) | EventKind::Create(CreateKind::File) => {
                    self.writing.entry(path.clone()).or_insert_with(Instant::now);
                }
                EventKind::Access(AccessKind::Close(AccessMode::Write))
                | EventKind::Remove(_)
                | EventKind::Modify(ModifyKind::Name(_)) => {
                    self.writing.remove(path);
                }
                _ => {}
            }
        }
        if matches!(event.kind, EventKind::Create(CreateKind::Folder)) {
            self.look_again = Some(Instant::now() + NEW_DIRECTORY_INTERVAL);
        }
        self.touch(&event);
        true
    }

    fn touch(&mut self, event: &notify::Event) {
        let Touched::Paths(paths) = &mut self.touched else { return };
        let inside = event.paths.iter().filter(|path| path.starts_with(&self.absolute_root));
        paths.extend(inside.cloned());
        if event.need_rescan() || paths.len() > MOST_PATHS {
            self.touched = Touched::Everything;
        }
    }

    /// Watches the directory unless the current one is watched already.
    fn establish_watch(&mut self) {
        if self.settings.poll_only {
            self.watch = Watch::Polling { reason: "watching is switched off".to_owned() };
            return;
        }
        let Ok(metadata) = std::fs::metadata(&self.root) else {
            self.watch = Watch::None;
            return;
        };
        let now = scan::identity(&metadata);
        if matches!(&self.watch, Watch::System { identity, .. } if *identity == now) {
            return;
        }
        match watcher(&self.absolute_root, self.settings.bounds.links_outside, self.events.clone()) {
            Ok(watcher) => {
                self.watch = Watch::System { identity: now, _watcher: watcher };
                self.touched = Touched::Everything;
            }
            Err(error) => {
                let reason = error.to_string();
                if !matches!(&self.watch, Watch::Polling { reason: known } if *known == reason) {
                    warn!(path = %self.root.display(), error = %reason, "directory cannot be watched and is polled");
                }
                self.watch = Watch::Polling { reason };
            }
        }
    }

    fn polling_finding(&self) -> Option<Diagnostic> {
        let Watch::Polling { reason } = &self.watch else { return None };
        if self.settings.poll_only {
            return None;
        }
        let file: Arc<str> = self.root.to_string_lossy().into();
        let text = format!("changes are found by looking every {:?}: {reason}", self.settings.poll_interval);
        let on = Subject::File(file.clone());
        let mut finding =
            Diagnostic::new(Severity::Warning, on, Code::PollingFallback, FieldPath::root(), text);
        finding
            .help("raise the system's limits of watches (fs.inotify.max_user_watches, max_user_instances)");
        finding.position = Some(Location { file, line: 1, column: 1 });
        Some(finding)
    }
}

/// Whether an event only reports a read. Our own reads cause such events, so reacting to them would never end.
fn is_reading(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access != AccessKind::Close(AccessMode::Write),
        _ => false,
    }
}

/// Watches the tree under `root`, and the directory around it for the replacement of `root` itself. Links are followed
/// only if they may lead outside: other targets are under `root` and watched there.
fn watcher(
    root: &Path,
    through_links: bool,
    events: std_mpsc::Sender<Message>,
) -> notify::Result<RecommendedWatcher> {
    let send = move |event| {
        // Nobody listens any more while the thread ends.
        let _ = events.send(Message::Event(event));
    };
    let config = notify::Config::default().with_follow_symlinks(through_links);
    let mut watcher = RecommendedWatcher::new(send, config)?;
    // With a slash at its end, in case the root itself is a link.
    watcher.watch(&root.join(""), RecursiveMode::Recursive)?;
    if let Some(parent) = root.parent()
        && let Err(error) = watcher.watch(parent, RecursiveMode::NonRecursive)
    {
        // The periodic scan then finds a replacement.
        info!(path = %parent.display(), error = %error, "directory around the source is not watched");
    }
    Ok(watcher)
}

#[cfg(test)]
mod tests;
