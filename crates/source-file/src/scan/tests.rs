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
fn links_that_lead_out_are_refused_by_name() {
    use std::os::unix::fs::symlink;
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(&dir.path().join("a.yaml"), "", Duration::ZERO);
    write(&other.path().join("b.yaml"), "secret", Duration::ZERO);
    symlink("/", dir.path().join("all")).unwrap();
    symlink(other.path().join("b.yaml"), dir.path().join("b.yaml")).unwrap();
    symlink("/etc/passwd", dir.path().join("passwd")).unwrap();
    // By way of a link inside.
    symlink("all", dir.path().join("again")).unwrap();
    let snapshot = Scanner::default().scan(dir.path());
    assert_eq!(names(&snapshot, dir.path()), ["/a.yaml"]);
    let refused: Vec<_> = snapshot.refused.values().cloned().collect();
    let target = fs::canonicalize(other.path()).unwrap().join("b.yaml").display().to_string();
    let (root, file) = (Refusal::Link("/".into()), Refusal::Link(target));
    assert_eq!(refused, [root.clone(), root, file]);

    let bounds = Bounds { links_outside: true, ..Bounds::default() };
    fs::remove_file(dir.path().join("all")).unwrap();
    let snapshot = Scanner::new(bounds).scan(dir.path());
    assert_eq!(names(&snapshot, dir.path()), ["/a.yaml", "/b.yaml"]);
}

#[cfg(unix)]
#[test]
fn a_config_map_is_read_as_kubernetes_mounts_it() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().unwrap();
    let mount = dir.path().join("mount");
    write(&mount.join("..2026_11_30/a.yaml"), "1", Duration::ZERO);
    symlink("..2026_11_30", mount.join("..data")).unwrap();
    symlink("..data/a.yaml", mount.join("a.yaml")).unwrap();
    for root in [dir.path().to_owned(), mount.clone()] {
        let snapshot = Scanner::default().scan(&root);
        assert_eq!(names(&snapshot, &mount), ["/a.yaml"]);
        assert!(snapshot.refused.is_empty());
    }
    // The directory itself may be reached by a link.
    symlink(&mount, dir.path().join("link")).unwrap();
    let snapshot = Scanner::default().scan(&dir.path().join("link"));
    assert_eq!((snapshot.files.len(), snapshot.refused.len()), (1, 0));
}

#[test]
fn what_is_over_a_bound_is_named_and_what_was_read_stays() {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..5 {
        write(&dir.path().join(format!("{i}.yaml")), "12345", Duration::ZERO);
    }
    write(&dir.path().join("a/b/c/d.yaml"), "", Duration::ZERO);
    let refused = |bounds: Bounds| {
        let snapshot = Scanner::new(bounds).scan(dir.path());
        let reasons: Vec<_> = snapshot.refused.into_values().collect();
        (snapshot.files.len(), reasons)
    };
    let bound = |text: &str| vec![Refusal::Bound(text.into())];
    assert_eq!(refused(Bounds { files: 3, ..Bounds::default() }), (3, bound("3 files")));
    assert_eq!(refused(Bounds { bytes: 12, ..Bounds::default() }), (3, bound("12 bytes")));
    let (files, deep) = refused(Bounds { levels: 3, ..Bounds::default() });
    assert_eq!((files, deep), (5, bound("it is nested deeper than 3 levels")));
    assert_eq!(refused(Bounds::default()), (6, Vec::new()));
}

#[cfg(unix)]
#[test]
fn pipes_are_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("a.yaml");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(Scanner::default().scan(dir.path()).files.is_empty());
}

/// What a look at these names tells; none if it takes a scan.
fn look(scanner: &mut Scanner, root: &Path, names: &[&str]) -> Option<Vec<(String, Option<FileState>)>> {
    let files = scanner.look(root, names.iter().map(|name| root.join(name)))?;
    let prefix = root.join("").to_string_lossy().into_owned();
    Some(
        files
            .into_iter()
            .map(|(path, state)| (path.strip_prefix(&prefix).unwrap().to_owned(), state))
            .collect(),
    )
}

#[test]
fn a_look_tells_of_the_files_that_it_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a.yaml", "b.yaml", "sub/c.yaml"] {
        write(&dir.path().join(name), "1", Duration::ZERO);
    }
    let mut scanner = Scanner::default();
    scanner.scan(dir.path());
    write(&dir.path().join("a.yaml"), "2", Duration::from_secs(1));
    write(&dir.path().join("sub/d.yaml"), "new", Duration::ZERO);
    fs::remove_file(dir.path().join("b.yaml")).unwrap();
    let asked = ["a.yaml", "b.yaml", "sub/c.yaml", "sub/d.yaml", ".a.swp", "a.yaml~", "sub/gone~"];
    let content = |text: &str| Some(FileState::Content(text.as_bytes().to_vec()));
    assert_eq!(
        look(&mut scanner, dir.path(), &asked).unwrap(),
        [
            ("a.yaml".to_owned(), content("2")),
            ("b.yaml".to_owned(), None),
            ("sub/c.yaml".to_owned(), Some(FileState::Unchanged)),
            ("sub/d.yaml".to_owned(), content("new")),
            ("a.yaml~".to_owned(), None),
            ("sub/gone~".to_owned(), None),
        ]
    );
    let after = scanner.scan(dir.path());
    assert!(after.files.values().all(|state| *state == FileState::Unchanged), "{:?}", after.files);
}

#[test]
fn directories_and_links_take_a_scan() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("a.yaml"), "1", Duration::ZERO);
    write(&dir.path().join("sub/b.yaml"), "1", Duration::ZERO);
    let mut scanner = Scanner::default();
    scanner.scan(dir.path());
    write(&dir.path().join("new/c.yaml"), "1", Duration::ZERO);
    assert_eq!(look(&mut scanner, dir.path(), &["new"]), None);
    assert_eq!(look(&mut scanner, dir.path(), &["new/c.yaml"]), None, "its directory is not known yet");
    fs::remove_dir_all(dir.path().join("sub")).unwrap();
    assert_eq!(look(&mut scanner, dir.path(), &["sub"]), None);
    scanner.scan(dir.path());
    assert!(look(&mut scanner, dir.path(), &["new/c.yaml"]).is_some());
    std::os::unix::fs::symlink(dir.path().join("a.yaml"), dir.path().join("l.yaml")).unwrap();
    assert_eq!(look(&mut scanner, dir.path(), &["l.yaml"]), None);
    scanner.scan(dir.path());
    assert_eq!(look(&mut scanner, dir.path(), &["a.yaml"]), None, "a link may lead to it");
}

#[test]
fn templates_of_charts_and_patches_of_kustomizations_are_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let kustomization = "resources: [web.yaml]\npatches: [{path: ./p1.yaml}, {path: sub/p2.yaml}, {patch: \"- op: x\"}]\n\
                         patchesStrategicMerge: [p3.yaml, \"kind: A\\n\"]\npatchesJson6902: [{path: p4.yaml}]\n";
    let old = |name: &str, text: &str| write(&dir.path().join(name), text, Duration::ZERO);
    for name in [
        "chart/Chart.yaml",
        "chart/values.yaml",
        "chart/values-prod.yaml",
        "chart/templates/a.yaml",
        "chart/charts/sub/Chart.yaml",
        "chart/crds/b.yaml",
        "chart/manifests/c.yaml",
        "k/p1.yaml",
        "k/sub/p2.yaml",
        "k/sub/web.yaml",
        "k/p3.yaml",
        "k/p4.yaml",
        "k/p5.yaml",
        "templates/d.yaml",
    ] {
        old(name, "");
    }
    old("k/kustomization.yaml", kustomization);
    let mut scanner = Scanner::default();
    let snapshot = scanner.scan(dir.path());
    let read = ["/chart/Chart.yaml", "/chart/manifests/c.yaml", "/k/kustomization.yaml", "/k/p5.yaml"];
    let read: Vec<_> = read.into_iter().chain(["/k/sub/web.yaml", "/templates/d.yaml"]).collect();
    assert_eq!(names(&snapshot, dir.path()), read);
    assert!(
        snapshot.refused.values().all(|refusal| *refusal == Refusal::Unrendered),
        "{:?}",
        snapshot.refused
    );

    let look = |scanner: &mut Scanner, name: &str| scanner.look(dir.path(), [dir.path().join(name)]);
    assert_eq!(look(&mut scanner, "chart/templates/a.yaml"), Some(Vec::new()), "it is not read");
    assert_eq!(look(&mut scanner, "k/p1.yaml"), Some(Vec::new()), "it is not read");
    assert!(look(&mut scanner, "k/p5.yaml").is_some_and(|files| files.len() == 1));
    assert_eq!(look(&mut scanner, "k/kustomization.yaml"), None, "it may name other patches");
    assert_eq!(look(&mut scanner, "templates/Chart.yaml"), None, "it makes a chart");
}
