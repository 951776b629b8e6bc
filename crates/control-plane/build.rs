//! Tells the compiler which commit this is built from: `FAIRLEAD_COMMIT` of the environment, else what git says.
//!
//! Development builds have no commit, because each further one would compile everything above this crate again. Nor
//! has a build outside a checkout; then the result depends on the sources alone.

#![allow(clippy::print_stdout)] // this is how a build script speaks

use std::{env, path::Path, process::Command};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=FAIRLEAD_COMMIT");
    let given = env::var_os("FAIRLEAD_COMMIT").and_then(|commit| commit.into_string().ok());
    let is_release = env::var_os("PROFILE").is_some_and(|profile| profile == "release");
    let commit = given.filter(|commit| !commit.is_empty());
    let commit = commit.or_else(|| if is_release { commit_of_checkout() } else { None });
    let version = env!("CARGO_PKG_VERSION");
    match commit {
        Some(commit) => {
            println!("cargo:rustc-env=FAIRLEAD_COMMIT={commit}");
            println!("cargo:rustc-env=FAIRLEAD_VERSION={version} (commit {commit})");
        }
        None => println!("cargo:rustc-env=FAIRLEAD_VERSION={version}"),
    }
}

/// The commit of the checkout around this crate, with `-dirty` if files that it knows were changed.
fn commit_of_checkout() -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().ok()?;
    // Of sources that were unpacked into somebody's repository, that one's commit says nothing.
    if Path::new(&git(&["rev-parse", "--show-toplevel"])?).canonicalize().ok()? != root {
        return None;
    }
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    for name in [Some("HEAD"), branch.as_deref(), Some("packed-refs")].into_iter().flatten() {
        watch(Path::new(&git(&["rev-parse", "--git-path", name])?));
    }
    watch(&root.join("crates"));
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changed.is_empty() { commit } else { format!("{commit}-dirty") })
}

/// Has this run again when a file changes. One that is not there would have it run each time.
fn watch(path: &Path) {
    if path.exists() {
        println!("cargo:rerun-if-changed={}", path.display());
    }
}

/// What git says, if it is there and all is well.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
