//! Reads a directory tree into a [`Snapshot`], or a few files of it; files whose metadata has not changed are not
//! read again.

mod entries;
mod unrendered;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use fairlead_config::yaml::limits::FILE_BYTES;

use crate::{FileState, Refusal, Snapshot};

pub(crate) use entries::is_manifest;
use entries::{Found, is_hidden, list};

/// Limits of what is read from a directory. What exceeds one is reported, and files that were read before stay in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Links may lead out of the directory. Default false: the author of a link could make the server read any file.
    /// Links that stay inside are followed, such as those with which Kubernetes mounts ConfigMaps (`a.yaml` leads to
    /// `..data/a.yaml`).
    pub links_outside: bool,
    /// Maximum number of files that are read. Default 100,000; ten times as many may be examined.
    pub files: usize,
    /// Maximum number of bytes of all files together. Default 1 GiB.
    pub bytes: u64,
    /// Maximum nesting of directories. Default 32.
    pub levels: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { links_outside: false, files: 100_000, bytes: 1 << 30, levels: 32 }
    }
}

/// Maximum number of directory entries examined, for each file that may be read.
const ENTRIES_PER_FILE: usize = 10;

/// The kernel stamps files by a clock that ticks every few milliseconds, so a file may change twice within one
/// stamp. A file is trusted to be unchanged only if it was read at least this long after its stamp.
const STAMP_RESOLUTION: Duration = Duration::from_secs(1);

/// Reads a directory repeatedly.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    bounds: Bounds,
    seen: BTreeMap<Arc<str>, Seen>,
    /// The directories that the last scan went through.
    directories: BTreeSet<PathBuf>,
    /// Whether the last scan found something because of which one changed path may affect another: a link, or an
    /// unreadable file.
    entangled: bool,
    /// The files that the last scan left out because they must be rendered.
    unrendered: BTreeSet<PathBuf>,
}

/// Files by path as they are now, `None` for those that are gone.
pub(crate) type Files = Vec<(Arc<str>, Option<FileState>)>;

/// The remembered state of a file.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    stamp: Stamp,
    /// Whether a later change must have given another stamp.
    settled: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    identity: Option<(u64, u64)>,
}

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Self {
        Self { modified: metadata.modified().ok(), bytes: metadata.len(), identity: identity(metadata) }
    }

    fn is_settled(&self) -> bool {
        let age = self.modified.and_then(|modified| modified.elapsed().ok());
        age.is_some_and(|age| age > STAMP_RESOLUTION)
    }
}

/// The identity of a file or directory, which another one of the same name does not share.
#[cfg(unix)]
#[allow(clippy::unnecessary_wraps)] // other systems have none
pub(crate) fn identity(metadata: &fs::Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    Some((metadata.dev(), metadata.ino()))
}

/// The identity of a file or directory, which another one of the same name does not share.
#[cfg(not(unix))]
pub(crate) fn identity(_: &fs::Metadata) -> Option<(u64, u64)> {
    None
}

impl Scanner {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, ..Self::default() }
    }

    /// Reads the files under `root`.
    pub(crate) fn scan(&mut self, root: &Path) -> Snapshot {
        let mut walk = Walk {
            bounds: self.bounds.clone(),
            root: fs::canonicalize(root).unwrap_or_else(|_| root.to_owned()),
            entries: 0,
            bytes: 0,
            before: std::mem::take(&mut self.seen),
            seen: BTreeMap::new(),
            directories: BTreeSet::new(),
            links: false,
            unrendered: BTreeSet::new(),
            snapshot: Snapshot::default(),
        };
        walk.directory(root, &mut Vec::new());
        // Files of a directory that cannot be read now are read again when it can.
        self.seen = walk.seen;
        self.directories = walk.directories;
        self.unrendered = walk.unrendered;
        // Close to a limit, one more file may exceed it.
        let crowded = 2 * walk.snapshot.files.len() > self.bounds.files || 2 * walk.bytes > self.bounds.bytes;
        let refused = walk.snapshot.refused.values().any(|refusal| *refusal != Refusal::Unrendered);
        self.entangled = walk.links || crowded || refused || walk.snapshot.is_partial();
        walk.snapshot
    }

    /// Reads the files at these paths under `root`. `None` if other files may have changed too: then everything must be
    /// scanned.
    pub(crate) fn look(&mut self, root: &Path, paths: impl IntoIterator<Item = PathBuf>) -> Option<Files> {
        if self.entangled {
            return None;
        }
        let mut files = Files::new();
        for path in paths {
            let below = path.strip_prefix(root).ok()?;
            if below.components().any(|part| is_hidden(part.as_os_str())) {
                continue;
            }
            if unrendered::decides(&path) {
                return None;
            }
            if path.ancestors().any(|part| self.unrendered.contains(part)) {
                continue;
            }
            let known = self.directories.contains(path.parent()?);
            match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_file() && !is_manifest(&path) => {}
                Ok(metadata) if metadata.is_file() && known => {
                    files.push((shown(&path), Some(self.file(&path, &metadata).ok()?)));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    if self.directories.contains(&path) {
                        return None;
                    }
                    self.seen.remove(&*path.to_string_lossy());
                    files.push((shown(&path), None));
                }
                Ok(_) | Err(_) => return None,
            }
        }
        Some(files)
    }

    /// A file as it is now.
    fn file(&mut self, path: &Path, metadata: &fs::Metadata) -> io::Result<FileState> {
        let (name, stamp) = (shown(path), Stamp::of(metadata));
        if self.seen.get(&name).is_some_and(|seen| seen.settled && seen.stamp == stamp) {
            return Ok(FileState::Unchanged);
        }
        let bytes = read(path)?;
        let settled = stamp.is_settled();
        self.seen.insert(name, Seen { stamp, settled });
        Ok(FileState::Content(bytes))
    }
}

struct Walk {
    bounds: Bounds,
    /// The directory with all links resolved.
    root: PathBuf,
    /// Number of entries examined so far, and of bytes read.
    entries: usize,
    bytes: u64,
    before: BTreeMap<Arc<str>, Seen>,
    seen: BTreeMap<Arc<str>, Seen>,
    directories: BTreeSet<PathBuf>,
    links: bool,
    /// Files and directories that must be rendered before they are read.
    unrendered: BTreeSet<PathBuf>,
    snapshot: Snapshot,
}

impl Walk {
    fn directory(&mut self, directory: &Path, ancestors: &mut Vec<PathBuf>) {
        let entries = fs::canonicalize(directory).and_then(|real| Ok((real, list(directory)?)));
        let (real, names) = match entries {
            Ok((real, entries)) => {
                self.directories.insert(directory.to_owned());
                self.links |= entries.links;
                (real, entries.paths)
            }
            Err(error) => {
                self.snapshot.unreadable.insert(shown(directory), error.to_string());
                return;
            }
        };
        // A link to an enclosing directory would lead in circles.
        if ancestors.contains(&real) {
            return;
        }
        if ancestors.len() >= self.bounds.levels {
            self.refuse(directory, format!("it is nested deeper than {} levels", self.bounds.levels));
            return;
        }
        ancestors.push(real);
        self.unrendered.extend(unrendered::of(&names));
        for Found { path, link } in names {
            if self.is_full(directory) {
                break;
            }
            self.entries += 1;
            if self.unrendered.contains(&path) {
                self.snapshot.refused.insert(shown(&path), Refusal::Unrendered);
                continue;
            }
            if link && self.is_refused(&path) {
                continue;
            }
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() => self.directory(&path, ancestors),
                Ok(metadata) if metadata.is_file() && is_manifest(&path) => self.file(&path, &metadata),
                // A file deleted since the directory was listed, or a dangling link, does not exist.
                Err(error) if is_manifest(&path) && error.kind() != io::ErrorKind::NotFound => {
                    self.snapshot.files.insert(shown(&path), FileState::Unreadable(error.to_string()));
                }
                Ok(_) | Err(_) => {}
            }
        }
        ancestors.pop();
    }

    /// Whether a link leads where it must not.
    fn is_refused(&mut self, link: &Path) -> bool {
        if self.bounds.links_outside {
            return false;
        }
        match fs::canonicalize(link) {
            Ok(target) if !target.starts_with(&self.root) => {
                // A binary file beside the manifests is not meant to be read, so it is not reported.
                if target.is_dir() || is_manifest(link) {
                    self.snapshot.refused.insert(shown(link), Refusal::Link(target.display().to_string()));
                }
                true
            }
            Ok(_) | Err(_) => false,
        }
    }

    /// Whether a limit is reached; then the rest of this directory is left out.
    fn is_full(&mut self, directory: &Path) -> bool {
        let Bounds { files, bytes, .. } = self.bounds;
        let bound = if self.snapshot.files.len() >= files {
            format!("{files} files")
        } else if self.bytes >= bytes {
            format!("{bytes} bytes")
        } else if self.entries >= files.saturating_mul(ENTRIES_PER_FILE) {
            format!("{} entries of directories", files.saturating_mul(ENTRIES_PER_FILE))
        } else {
            return false;
        };
        self.refuse(directory, bound);
        true
    }

    fn refuse(&mut self, directory: &Path, bound: String) {
        self.snapshot.refused.insert(shown(directory), Refusal::Bound(bound));
    }

    fn file(&mut self, path: &Path, metadata: &fs::Metadata) {
        let name = shown(path);
        self.bytes = self.bytes.saturating_add(metadata.len().min(FILE_BYTES as u64));
        let stamp = Stamp::of(metadata);
        if let Some(seen) = self.before.remove(&name).filter(|seen| seen.settled && seen.stamp == stamp) {
            self.seen.insert(name.clone(), seen);
            self.snapshot.files.insert(name, FileState::Unchanged);
            return;
        }
        match read(path) {
            Ok(bytes) => {
                let settled = stamp.is_settled();
                self.seen.insert(name.clone(), Seen { stamp, settled });
                self.snapshot.files.insert(name, FileState::Content(bytes));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                self.snapshot.files.insert(name, FileState::Unreadable(error.to_string()));
            }
        }
    }
}

pub(crate) fn shown(path: &Path) -> Arc<str> {
    path.to_string_lossy().into()
}

/// The bytes of a file, at most one more than allowed: the decoder rejects that.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(FILE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
