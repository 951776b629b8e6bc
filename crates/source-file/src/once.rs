//! [`load_once`] and [`load_all`]: directories and files as they are now, for a command.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use fairlead_config::{AnyConfig, Code, Diagnostic, FieldPath, Severity, Subject};

use crate::{
    Directory, FileState, Snapshot, SourceError,
    scan::{Bounds, Scanner, read, shown},
    source::check,
};

/// The contents of a directory.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The objects without errors, in the order of their keys.
    pub objects: Vec<AnyConfig>,
    /// All findings, by file and line.
    pub diagnostics: Vec<Diagnostic>,
}

/// Something to read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A directory or a file, whatever the file is called.
    Path(PathBuf),
    /// A text without a file, with its name in findings.
    Text(String, Vec<u8>),
}

/// Reads a directory once.
///
/// # Errors
/// The directory is not there, is not a directory, or cannot be accessed. Its contents are never an error here.
pub fn load_once(directory: impl AsRef<Path>) -> Result<Loaded, SourceError> {
    let directory = directory.as_ref();
    check(directory)?;
    load_all([Input::Path(directory.to_owned())])
}

/// Reads directories and files once, as if one directory held them all. A file that is reached twice is read once.
///
/// # Errors
/// One of them is not there, or cannot be accessed. Their contents are never an error here.
pub fn load_all(inputs: impl IntoIterator<Item = Input>) -> Result<Loaded, SourceError> {
    let mut all = All::default();
    for input in inputs {
        all.add(input)?;
    }
    let mut state = Directory::new();
    let mut diagnostics = state.update(all.snapshot).diagnostics;
    let bare = all.read.iter().filter(|read| read.files.iter().all(|file| state.is_bare(file)));
    diagnostics.extend(bare.map(Read::finding));
    Ok(Loaded { objects: state.objects().cloned().collect(), diagnostics })
}

/// The files read, by input.
#[derive(Default)]
struct All {
    snapshot: Snapshot,
    /// The files that were reached, with all links resolved.
    seen: BTreeSet<PathBuf>,
    read: Vec<Read>,
}

/// The files of one input.
struct Read {
    name: Arc<str>,
    is_directory: bool,
    files: Vec<Arc<str>>,
}

impl All {
    fn add(&mut self, input: Input) -> Result<(), SourceError> {
        match input {
            Input::Text(name, bytes) => self.file(name.into(), bytes),
            Input::Path(path) => {
                let open = |source| SourceError::Open { path: path.clone(), source };
                if std::fs::metadata(&path).map_err(open)?.is_dir() {
                    self.directory(&path);
                } else if self.seen.insert(end_of(&path)) {
                    self.file(shown(&path), read(&path).map_err(open)?);
                }
            }
        }
        Ok(())
    }

    fn file(&mut self, name: Arc<str>, bytes: Vec<u8>) {
        self.read.push(Read { name: name.clone(), is_directory: false, files: vec![name.clone()] });
        self.snapshot.files.insert(name, FileState::Content(bytes));
    }

    fn directory(&mut self, path: &Path) {
        let Snapshot { files, unreadable, refused } = Scanner::new(Bounds::default()).scan(path);
        let is_whole = unreadable.is_empty() && refused.is_empty();
        let found = files.len();
        let new: Vec<_> = files.into_iter().filter(|(name, _)| self.seen.insert(end_of(&**name))).collect();
        // A file that cannot be read has a finding of its own, and one read before is not missing.
        if is_whole && new.len() == found {
            let files = new.iter().map(|(name, _)| name.clone()).collect();
            self.read.push(Read { name: shown(path), is_directory: true, files });
        }
        self.snapshot.files.extend(new);
        self.snapshot.unreadable.extend(unreadable);
        self.snapshot.refused.extend(refused);
    }
}

impl Read {
    /// The finding that it holds nothing.
    fn finding(&self) -> Diagnostic {
        let on = Subject::File(self.name.clone());
        let text = "no object is in it";
        let mut finding = Diagnostic::new(Severity::Warning, on, Code::NothingThere, FieldPath::root(), text);
        if self.is_directory {
            finding.help("objects are in files that end with .yaml, .yml or .json");
        }
        finding
    }
}

/// A path with all links resolved.
fn end_of(path: impl AsRef<Path>) -> PathBuf {
    let path = path.as_ref();
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
