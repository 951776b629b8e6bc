//! The crates and their dependencies, as cargo sees them.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand};

use crate::files;

const PREFIX: &str = "fairlead-";

/// A crate of the workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crate {
    /// Crates of the workspace that it depends on, tests aside; names without the prefix.
    pub inside: BTreeSet<String>,
    /// Crates of the workspace that its tests depend on.
    pub inside_tests: BTreeSet<String>,
    /// Other crates that it depends on, tests aside.
    pub outside: BTreeSet<String>,
    /// Other crates that its tests depend on.
    pub outside_tests: BTreeSet<String>,
}

/// The crates of the workspace by name without the prefix `fairlead-`.
///
/// # Panics
/// If `cargo metadata` fails.
pub fn crates() -> BTreeMap<String, Crate> {
    let metadata = metadata();
    let members: BTreeSet<String> =
        metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    let packages = metadata.workspace_packages();
    let described = packages.into_iter().map(|package| {
        let mut described = Crate::default();
        for dependency in &package.dependencies {
            let tests = dependency.kind == DependencyKind::Development;
            let inside = members.contains(&dependency.name);
            let list = match (inside, tests) {
                (true, false) => &mut described.inside,
                (true, true) => &mut described.inside_tests,
                (false, false) => &mut described.outside,
                (false, true) => &mut described.outside_tests,
            };
            list.insert(short(&dependency.name).to_owned());
        }
        (short(&package.name).to_owned(), described)
    });
    described.collect()
}

/// The names in `[workspace.dependencies]` of the root manifest that are not crates of the workspace.
///
/// # Panics
/// If the manifest is missing.
pub fn shared_dependencies() -> BTreeSet<String> {
    let manifest = files::text_at("Cargo.toml").expect("the workspace has a manifest");
    let section = manifest.lines().skip_while(|line| line.trim() != "[workspace.dependencies]").skip(1);
    section
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| Some(line.split_once('=')?.0.trim()))
        .filter(|name| !name.starts_with('#') && !name.starts_with(PREFIX))
        .map(str::to_owned)
        .collect()
}

/// The name of a package as in the pages: without the prefix.
fn short(package: &str) -> &str {
    package.strip_prefix(PREFIX).unwrap_or(package)
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(files::root().join("Cargo.toml"))
        .features(CargoOpt::AllFeatures)
        .no_deps()
        .exec()
        .unwrap_or_else(|error| panic!("cargo metadata: {error}"))
}
