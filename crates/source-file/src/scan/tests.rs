use std::time::{Duration, SystemTime};

use super::*;

fn names(snapshot: &Snapshot, root: &Path) -> Vec<String> {
    let strip = |path: &Arc<str>| path.strip_prefix(root.to_str().unwrap()).unwrap().to_owned();
    snapshot.files.keys().map(strip).collect()
}

fn write(path: &Path, text: &str, age: Duration) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000) - age).unwrap();
}

#[test]
fn manifests_are_found_in_all_directories_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    for name in [
        "b.yaml",
        "a/c.yml",
        "a/d.JSON",
        "x.txt",
        "e.yaml~",
        ".e.yaml.swp",
        ".hidden.yaml",
        ".git/f.yaml",
        "4913",
    ] {
        write(&dir.path().join(name), "", Duration::ZERO);
    }
    let snapshot = Scanner::default().scan(dir.path());
    assert_eq!(names(&snapshot, dir.path()), ["/a/c.yml", "/a/d.JSON", "/b.yaml"]);
    assert!(snapshot.unreadable.is_empty());
}

#[test]
fn settled_files_are_not_read_again_until_they_change() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.yaml");
    let mut scanner = Scanner::default();
    let mut state = || scanner.scan(dir.path()).files.into_values().next().unwrap();
    write(&file, "1", Duration::ZERO);
    assert_eq!(state(), FileState::Content(b"1".to_vec()));
    assert_eq!(state(), FileState::Unchanged);
    write(&file, "2", Duration::from_secs(1));
    assert_eq!(state(), FileState::Content(b"2".to_vec()));
    fs::write(&file, "3").unwrap();
    assert_eq!(state(), FileState::Content(b"3".to_vec()));
    assert_eq!(state(), FileState::Content(b"3".to_vec()), "a fresh stamp is not trusted");
}

#[test]
fn a_missing_root_is_unreadable_and_not_empty() {
    let dir = tempfile::tempdir().unwrap();
    let snapshot = Scanner::default().scan(&dir.path().join("none"));
    assert!(snapshot.files.is_empty());
    assert_eq!(snapshot.unreadable.len(), 1);
}

#[cfg(unix)]
#[test]
fn links_are_followed_but_not_in_circles() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("a/b.yaml"), "", Duration::ZERO);
    symlink(dir.path(), dir.path().join("a/up")).unwrap();
    symlink("a/b.yaml", dir.path().join("c.yaml")).unwrap();
    symlink("nothing", dir.path().join("d.yaml")).unwrap();
    let snapshot = Scanner::default().scan(dir.path());
    assert_eq!(names(&snapshot, dir.path()), ["/a/b.yaml", "/c.yaml"]);
}

#[cfg(unix)]
#[test]
fn pipes_are_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("a.yaml");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(Scanner::default().scan(dir.path()).files.is_empty());
}
