//! The files of the repository: what is under the folders that hold its sources and pages.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::rust::Source;

/// Folders that are searched, beside the files at the top level.
const FOLDERS: &[&str] = &[".ci", "crates", "docs", "fuzz", "tests"];
/// Folders of build output and of fuzzing, at any depth.
const SKIPPED: &[&str] = &["target", "artifacts", "corpus", "node_modules", "__pycache__"];

/// A file of the repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct File {
    /// Its path from the root, with `/`.
    pub path: String,
    /// Its absolute path.
    pub absolute: PathBuf,
    /// Whether it is code that only tests, benchmarks and fuzzing run.
    pub is_test: bool,
}

impl File {
    /// The text of the file.
    ///
    /// # Panics
    /// If it cannot be read or is not UTF-8: rules ask for text files only.
    pub fn text(&self) -> String {
        fs::read_to_string(&self.absolute).unwrap_or_else(|error| panic!("read {}: {error}", self.path))
    }

    /// Whether its name ends in `.` and `extension`.
    pub fn has_extension(&self, extension: &str) -> bool {
        self.absolute.extension().is_some_and(|found| found == extension)
    }

    /// The crate whose folder it is in.
    pub fn crate_name(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }
}

/// The root of the repository.
///
/// # Panics
/// If the sources are no longer where they were built.
pub fn root() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .canonicalize()
        .expect("the crate is two folders below the root of the repository")
}

/// All files, sorted by path.
///
/// # Panics
/// If a folder cannot be listed.
pub fn all() -> Vec<File> {
    let root = root();
    let mut found = Vec::new();
    for entry in entries(&root) {
        if entry.is_file() {
            found.push(file(&root, entry));
        }
    }
    for folder in FOLDERS {
        let folder = root.join(folder);
        if folder.is_dir() {
            walk(&root, &folder, &mut found);
        }
    }
    found.sort();
    found
}

/// The Rust sources, sorted by path.
pub fn rust_sources() -> Vec<File> {
    let mut sources: Vec<File> = all().into_iter().filter(|file| file.has_extension("rs")).collect();
    let test_modules: Vec<String> = sources.iter().flat_map(test_modules_of).collect();
    for file in &mut sources {
        // `a/b.rs`, and what is below `a/b/`.
        file.is_test |= test_modules.iter().any(|module| {
            file.path.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        });
    }
    sources
}

/// The modules that `file` declares for tests only: their paths without `.rs`.
fn test_modules_of(file: &File) -> Vec<String> {
    let stem = file.path.trim_end_matches(".rs");
    let folder = match stem.rsplit_once('/') {
        Some((folder, "lib" | "main" | "mod")) => folder,
        _ => stem,
    };
    let names = Source::parse(&file.text()).test_modules();
    names.into_iter().map(|name| format!("{folder}/{name}")).collect()
}

/// The pages, sorted by path.
pub fn pages() -> Vec<File> {
    all().into_iter().filter(|file| file.has_extension("md")).collect()
}

/// The text of the file at `path` from the root; `None` if there is none.
pub fn text_at(path: &str) -> Option<String> {
    let absolute = root().join(path);
    absolute.is_file().then(|| File { path: path.to_owned(), absolute, is_test: false }.text())
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<File>) {
    for entry in entries(folder) {
        let name = entry.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if entry.is_dir() && !entry.is_symlink() {
            if !SKIPPED.contains(&name.as_str()) {
                walk(root, &entry, found);
            }
        } else if entry.is_file() {
            found.push(file(root, entry));
        }
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let listing = fs::read_dir(folder).unwrap_or_else(|error| panic!("list {}: {error}", folder.display()));
    listing.map(|entry| entry.expect("an entry of a folder that was just opened").path()).collect()
}

fn file(root: &Path, absolute: PathBuf) -> File {
    let relative = absolute.strip_prefix(root).expect("walked from the root");
    let path = relative.to_str().expect("paths of the repository are UTF-8").replace('\\', "/");
    let is_test = path.split('/').any(|part| matches!(part, "tests" | "benches" | "fuzz" | "tests.rs"));
    File { path, absolute, is_test }
}
