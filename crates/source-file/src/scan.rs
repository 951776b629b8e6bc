//! Reads a directory tree into a [`Snapshot`]; files whose metadata has not changed are not read again.

use std::{
    collections::BTreeMap,
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
}

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
            snapshot: Snapshot::default(),
        };
        walk.directory(root, &mut Vec::new());
        // Files of a directory that cannot be read now are read again when it can.
        self.seen = walk.seen;
        walk.snapshot
    }
}

struct Walk {
    before: BTreeMap<Arc<str>, Seen>,
    seen: BTreeMap<Arc<str>, Seen>,
    snapshot: Snapshot,
}

impl Walk {
    fn directory(&mut self, directory: &Path, ancestors: &mut Vec<PathBuf>) {
        let entries = fs::canonicalize(directory).and_then(|real| Ok((real, list(directory)?)));
        let (real, names) = match entries {
            Ok(entries) => entries,
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

/// The paths in a directory that are not hidden. Kubernetes' `..data` and its target are.
fn list(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
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
