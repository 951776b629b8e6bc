//! The directory of YAML: a temporary one, or the one that the user chose.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

use crate::exit::Usage;

/// A directory that the demo writes to.
pub(in crate::demo) struct Directory {
    path: PathBuf,
    /// Whether it stays when the demo ends.
    stays: bool,
}

impl Directory {
    /// Creates one in a temporary directory, or uses `chosen`, which is created if necessary and must be empty.
    pub(super) fn open(temporary: &Path, chosen: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = chosen else {
            let path = temporary.join("mesh");
            fs::create_dir(&path).with_context(|| format!("make directory {}", path.display()))?;
            return Ok(Self { path, stays: false });
        };
        fs::create_dir_all(path).with_context(|| format!("make directory {}", path.display()))?;
        let mut entries = fs::read_dir(path).with_context(|| format!("look into {}", path.display()))?;
        if entries.next().is_some() {
            let path = path.display();
            bail!(Usage(format!("directory {path} is not empty: the demo would mix its files with others")));
        }
        Ok(Self { path: path.canonicalize()?, stays: true })
    }

    /// Its path.
    pub(in crate::demo) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it stays when the demo ends.
    pub(in crate::demo) fn stays(&self) -> bool {
        self.stays
    }

    /// The path of a file in it.
    pub(in crate::demo) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file in place, as many editors do.
    pub(in crate::demo) fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.file(name);
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))
    }

    /// Removes every file but these.
    pub(super) fn remove_all_but(&self, kept: &[&str]) -> anyhow::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if !kept.iter().any(|name| entry.file_name() == *name) {
                let path = entry.path();
                fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
            }
        }
        Ok(())
    }
}
