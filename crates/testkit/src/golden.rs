//! Golden files: `tests/golden/<feature>/<case>/{in.yaml, proxy.yaml, out/*.yaml, diagnostics.yaml}`.
//!
//! A test gives the outputs of a case as text by file name; the runner compares them with the files, fails on files
//! that are no longer produced, and writes them anew when `UPDATE_GOLDEN=1`.
//!
//! ```no_run
//! # fn outputs_of(_: &fairlead_testkit::golden::Case) -> Result<fairlead_testkit::golden::Outputs, String> { todo!() }
//! fairlead_testkit::golden::check(&fairlead_testkit::golden::root(), outputs_of);
//! ```

mod diff;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use diff::diff;

/// Outputs by file name relative to the case, such as `out/cds.yaml` or `diagnostics.yaml`.
pub type Outputs = BTreeMap<String, String>;

/// The input files of a case.
const INPUTS: [&str; 2] = ["in.yaml", "proxy.yaml"];

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// `<feature>/<case>`.
    pub name: String,
    /// Its directory.
    pub directory: PathBuf,
    /// The text of `in.yaml`.
    pub input: String,
    /// The text of `proxy.yaml`, if there is one.
    pub proxy: Option<String>,
}

/// Whether files are compared or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Compare, and report differences.
    Compare,
    /// Write what differs, and remove files that are not produced.
    Update,
}

/// The directory of the repository's golden files.
pub fn root() -> PathBuf {
    crate::repository::root().join("tests/golden")
}

/// Checks every case under `root`, and updates instead if the environment says `UPDATE_GOLDEN=1`.
///
/// # Panics
/// If a case differs, an output cannot be made, or there is no case at all. The message shows all differences.
#[expect(
    clippy::disallowed_methods,
    reason = "UPDATE_GOLDEN is how a developer says which of the two is wanted"
)]
pub fn check(root: &Path, outputs: impl Fn(&Case) -> Result<Outputs, String>) {
    let update = std::env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1");
    let mode = if update { Mode::Update } else { Mode::Compare };
    match run(root, mode, outputs) {
        Ok(cases) => assert!(cases > 0, "no golden case under {}", root.display()),
        Err(problems) => panic!("{problems}\n(UPDATE_GOLDEN=1 rewrites the files)"),
    }
}

/// Runs every case under `root` and says how many there were.
///
/// # Errors
/// All problems of all cases, as text.
pub fn run(
    root: &Path,
    mode: Mode,
    outputs: impl Fn(&Case) -> Result<Outputs, String>,
) -> Result<usize, String> {
    let cases = cases(root).map_err(|error| format!("read {}: {error}", root.display()))?;
    let mut problems = Vec::new();
    for case in &cases {
        match outputs(case) {
            Ok(outputs) => problems.extend(settle(case, &outputs, mode)),
            Err(error) => problems.push(format!("{}: {error}", case.name)),
        }
    }
    if problems.is_empty() { Ok(cases.len()) } else { Err(problems.join("\n")) }
}

/// The cases under `root`, in order of their names.
///
/// # Errors
/// If a directory or a file cannot be read.
pub fn cases(root: &Path) -> io::Result<Vec<Case>> {
    let mut cases = Vec::new();
    for feature in directories(root)? {
        for directory in directories(&feature)? {
            let name = directory.strip_prefix(root).unwrap_or(&directory).display().to_string();
            let input = fs::read_to_string(directory.join("in.yaml"))
                .map_err(|error| io::Error::new(error.kind(), format!("{name}/in.yaml: {error}")))?;
            let proxy = directory.join("proxy.yaml");
            let proxy = if proxy.exists() { Some(fs::read_to_string(proxy)?) } else { None };
            cases.push(Case { name, directory, input, proxy });
        }
    }
    Ok(cases)
}

/// Compares or writes one case; the problems that remain.
fn settle(case: &Case, outputs: &Outputs, mode: Mode) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, text) in outputs {
        let path = case.directory.join(name);
        let golden = match fs::read_to_string(&path) {
            Ok(golden) => Some(golden),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                problems.push(format!("{}/{name}: {error}", case.name));
                continue;
            }
        };
        if golden.as_ref() == Some(text) {
            continue;
        }
        match mode {
            Mode::Update => {
                problems.extend(write(&path, text).err().map(|e| format!("{}/{name}: {e}", case.name)));
            }
            Mode::Compare => problems.push(match golden {
                None => format!("{}/{name}: there is no such golden file", case.name),
                Some(golden) => format!("{}/{name}:\n{}", case.name, diff(&golden, text)),
            }),
        }
    }
    problems.extend(orphans(case, outputs, mode));
    problems
}

/// Reports, or removes, files that are neither input nor output.
fn orphans(case: &Case, outputs: &Outputs, mode: Mode) -> Vec<String> {
    let files = match files(&case.directory) {
        Ok(files) => files,
        Err(error) => return vec![format!("{}: {error}", case.name)],
    };
    let orphans =
        files.into_iter().filter(|name| !outputs.contains_key(name) && !INPUTS.contains(&name.as_str()));
    orphans
        .filter_map(|name| match mode {
            Mode::Compare => Some(format!("{}/{name}: nothing produces this file", case.name)),
            Mode::Update => fs::remove_file(case.directory.join(&name))
                .err()
                .map(|e| format!("{}/{name}: {e}", case.name)),
        })
        .collect()
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(path, text)
}

/// The files of a case relative to its directory, one level of subdirectories deep.
fn files(directory: &Path) -> io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() {
            for inner in fs::read_dir(entry.path())? {
                names.insert(format!("{name}/{}", inner?.file_name().to_string_lossy()));
            }
        } else {
            names.insert(name);
        }
    }
    Ok(names)
}

fn directories(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests;
