//! What a directory holds, by the names.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

/// What is in a directory and not hidden.
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

/// What is in a directory, but for what is hidden. Kubernetes' `..data` and its target are.
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

/// Whether the name is that of a manifest; temporary files of editors (`a.yaml~`, `.a.yaml.swp`, `4913`) are none.
pub(crate) fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        ["yaml", "yml", "json"].iter().any(|known| known.eq_ignore_ascii_case(extension))
    })
}
