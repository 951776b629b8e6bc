//! Input without a server: directories, files and standard input.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use fairlead_control_plane::{
    offline::{Input, Mesh},
    settings::Settings,
};

use crate::exit::Usage;

/// The name of standard input in findings.
const STANDARD_INPUT: &str = "<stdin>";

/// The mesh of all these paths together; `-` is standard input.
pub(crate) fn mesh(paths: &[PathBuf], settings: &Settings) -> anyhow::Result<Mesh> {
    let inputs = paths.iter().map(|path| input(path)).collect::<anyhow::Result<Vec<_>>>()?;
    Mesh::load_all(inputs, settings).with_context(|| Usage(format!("cannot read {}", listed(paths))))
}

fn input(path: &Path) -> anyhow::Result<Input> {
    if path != Path::new("-") {
        return Ok(Input::Path(path.to_owned()));
    }
    let mut text = Vec::new();
    let read = std::io::stdin().lock().read_to_end(&mut text);
    read.with_context(|| Usage("cannot read standard input".to_owned()))?;
    Ok(Input::Text(STANDARD_INPUT.to_owned(), text))
}

/// The paths as text for messages.
pub(crate) fn listed(paths: &[PathBuf]) -> String {
    let names = paths.iter().map(|path| match path.to_str() {
        Some("-") => STANDARD_INPUT.to_owned(),
        _ => path.display().to_string(),
    });
    names.collect::<Vec<_>>().join(", ")
}
