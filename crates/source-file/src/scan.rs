//! Reads a directory tree into a [`Snapshot`], or a few files of it; files whose metadata has not changed are not
//! read again.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs, io,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use fairlead_config::yaml::limits::FILE_BYTES;

use crate::{FileState, Snapshot};

/// Deepest nesting of directories.
const MOST_LEVELS: usize = 32;

/// The kernel stamps files by a clock that ticks every few milliseconds, so a file may change twice within one
/// stamp. A file is trusted to be unchanged only if it was read at least this long after its stamp.
const STAMP_RESOLUTION: Duration = Duration::from_secs(1);

/// Reads a directory again and again.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    seen: BTreeMap<Arc<str>, Seen>,
    /// The directories that the last scan went through.
    directories: BTreeSet<PathBuf>,
    /// The last scan met something because of which one changed path may change what is under another: a link, or
    /// what could not be read.
    entangled: bool,
}

/// Files by path as they are now, `None` for those that are gone.
pub(crate) type Files = Vec<(Arc<str>, Option<FileState>)>;

/// What is remembered of a file.
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

/// What tells a file or directory from another one of the same name.
#[cfg(unix)]
#[allow(clippy::unnecessary_wraps)] // other systems have none
pub(crate) fn identity(metadata: &fs::Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    Some((metadata.dev(), metadata.ino()))
}

/// What tells a file or directory from another one of the same name.
#[cfg(not(unix))]
pub(crate) fn identity(_: &fs::Metadata) -> Option<(u64, u64)> {
    None
}

impl Scanner {
    /// Reads the files under `root`.
    pub(crate) fn scan(&mut self, root: &Path) -> Snapshot {
        let mut walk = Walk {
            before: std::mem::take(&mut self.seen),
            seen: BTreeMap::new(),
            directories: BTreeSet::new(),
            links: false,
            snapshot: Snapshot::default(),
        };
        walk.directory(root, &mut Vec::new());
        // Files of a directory that cannot be read now are read again when it can.
        self.seen = walk.seen;
        self.directories = walk.directories;
        self.entangled = walk.links || walk.snapshot.is_partial();
        walk.snapshot
    }

    /// Reads the files at these paths under `root`. None if that does not tell all that has changed: then
    /// everything has to be looked at.
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
    before: BTreeMap<Arc<str>, Seen>,
    seen: BTreeMap<Arc<str>, Seen>,
    directories: BTreeSet<PathBuf>,
    links: bool,
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
        // A link to a directory around it would lead in circles.
        if ancestors.contains(&real) || ancestors.len() >= MOST_LEVELS {
            return;
        }
        ancestors.push(real);
        for path in names {
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_dir() => self.directory(&path, ancestors),
                Ok(metadata) if metadata.is_file() && is_manifest(&path) => self.file(&path, &metadata),
                // What is gone since the directory was listed, or a link to nothing, is not there.
                Err(error) if is_manifest(&path) && error.kind() != io::ErrorKind::NotFound => {
                    self.snapshot.files.insert(shown(&path), FileState::Unreadable(error.to_string()));
                }
                Ok(_) | Err(_) => {}
            }
        }
        ancestors.pop();
    }

    fn file(&mut self, path: &Path, metadata: &fs::Metadata) {
        let name = shown(path);
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

fn shown(path: &Path) -> Arc<str> {
    path.to_string_lossy().into()
}

/// What is in a directory and not hidden.
struct Entries {
    paths: Vec<PathBuf>,
    /// Whether links are among them.
    links: bool,
}

/// What is in a directory, but for what is hidden. Kubernetes' `..data` and its target are.
fn list(directory: &Path) -> io::Result<Entries> {
    let mut entries = Entries { paths: Vec::new(), links: false };
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if !is_hidden(&entry.file_name()) {
            entries.links |= entry.file_type()?.is_symlink();
            entries.paths.push(entry.path());
        }
    }
    entries.paths.sort();
    Ok(entries)
}

fn is_hidden(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with('.')
}

/// Whether the name is that of a manifest; temporary files of editors (`a.yaml~`, `.a.yaml.swp`, `4913`) are none.
pub(crate) fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        ["yaml", "yml", "json"].iter().any(|known| known.eq_ignore_ascii_case(extension))
    })
}

/// The bytes of a file, at most one more than are allowed: the decoder refuses that many.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(FILE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
