//! The names in a directory.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

/// The entries of a directory that are not hidden.
pub(super) struct Entries {
    pub(super) paths: Vec<Found>,
    /// Whether links are among them.
    pub(super) links: bool,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) link: bool,
}

/// Lists a directory without hidden entries, such as Kubernetes' `..data` and its target.
pub(super) fn list(directory: &Path) -> io::Result<Entries> {
    let mut entries = Entries { paths: Vec::new(), links: false };
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if !is_hidden(&entry.file_name()) {
            let link = entry.file_type()?.is_symlink();
            entries.links |= link;
            entries.paths.push(Found { path: entry.path(), link });
        }
    }
    entries.paths.sort();
    Ok(entries)
}

pub(super) fn is_hidden(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with('.')
}

/// Whether the name is that of a manifest and not of an editor's temporary file (`a.yaml~`, `.a.yaml.swp`, `4913`).
pub(crate) fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        ["yaml", "yml", "json"].iter().any(|known| known.eq_ignore_ascii_case(extension))
    })
}
