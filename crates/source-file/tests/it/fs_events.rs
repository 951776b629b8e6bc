use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use fairlead_config::{Change, ChangeBatch, ConfigSource as _, Kind, SourceUpdate};
use fairlead_source_file::{FileSource, Settings, SourceError, load_once};
use tempfile::TempDir;

const DEADLINE: Duration = Duration::from_secs(20);

fn ns(name: &str, v: &str) -> String {
    format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{v: \"{v}\"}}}}\n---\n")
}

fn shown(batch: &ChangeBatch) -> String {
    let show = |change: &Change| match change {
        Change::Set(object) => format!("+{}={}", object.key().name, object.labels().get("v").unwrap_or("?")),
        Change::Delete(key) => format!("-{}", key.name),
    };
    batch.iter().map(show).collect::<Vec<_>>().join(" ")
}

/// A directory that is followed.
struct Stage {
    temp: TempDir,
    source: FileSource,
}

impl Stage {
    /// A directory `conf` with these files, whose first update is `expected`.
    async fn with(files: &[(&str, &str)], expected: &str) -> Self {
        Self::with_settings(files, Settings::default(), expected).await
    }

    async fn with_settings(files: &[(&str, &str)], settings: Settings, expected: &str) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("conf");
        fs::create_dir(&root).unwrap();
        for (name, text) in files {
            fs::write(root.join(name), text).unwrap();
        }
        let source = FileSource::spawn(&root, settings).unwrap();
        let mut stage = Self { temp, source };
        let first = stage.update().await;
        assert_eq!((first.whole.len(), first.synced), (Kind::ALL.len(), true));
        assert_eq!(shown(&first.changes), expected);
        stage
    }

    fn root(&self) -> PathBuf {
        self.temp.path().join("conf")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    async fn update(&mut self) -> SourceUpdate {
        tokio::time::timeout(DEADLINE, self.source.next())
            .await
            .expect("an update in time")
            .expect("a live source")
    }

    /// Waits until the changes since the last call amount to `expected`.
    async fn expect(&mut self, expected: &str) -> SourceUpdate {
        let mut batch = ChangeBatch::new();
        loop {
            let update = self.update().await;
            assert!(update.whole.is_empty());
            batch.merge(update.changes.clone());
            if shown(&batch) == expected {
                return update;
            }
        }
    }

    /// Waits for findings with this code; nothing may change meanwhile.
    async fn expect_finding(&mut self, code: &str) {
        loop {
            let update = self.update().await;
            assert_eq!(shown(&update.changes), "");
            if update.diagnostics.iter().any(|finding| finding.code.name() == code) {
                return;
            }
        }
    }
}

/// Replaces a file as careful programs do.
fn replace(path: &Path, text: &str) {
    let temporary = path.with_file_name(".new");
    fs::write(&temporary, text).unwrap();
    fs::rename(&temporary, path).unwrap();
}

#[tokio::test]
async fn files_that_come_change_and_go_are_followed() {
    let mut stage = Stage::with(&[("a.yaml", &ns("a", "1"))], "+a=1").await;
    fs::write(stage.path("b.yaml"), ns("b", "1")).unwrap();
    stage.expect("+b=1").await;
    fs::write(stage.path("a.yaml"), ns("a", "2")).unwrap();
    stage.expect("+a=2").await;
    fs::remove_file(stage.path("b.yaml")).unwrap();
    stage.expect("-b").await;
}

#[tokio::test]
async fn atomic_replacement_is_one_change() {
    let mut stage = Stage::with(&[("a.yaml", &(ns("a", "1") + &ns("b", "1")))], "+a=1 +b=1").await;
    replace(&stage.path("a.yaml"), &(ns("a", "2") + &ns("b", "1")));
    let update = stage.update().await;
    assert_eq!(shown(&update.changes), "+a=2");
}

#[tokio::test]
async fn editors_leave_no_trace() {
    let mut stage = Stage::with(&[("a.yaml", &ns("a", "1"))], "+a=1").await;
    // As vim does: a probe, a swap file, the old file renamed, the new one written, the old one removed.
    fs::write(stage.path("4913"), "").unwrap();
    fs::remove_file(stage.path("4913")).unwrap();
    fs::write(stage.path(".a.yaml.swp"), ns("swap", "1")).unwrap();
    fs::rename(stage.path("a.yaml"), stage.path("a.yaml~")).unwrap();
    fs::write(stage.path("a.yaml"), ns("a", "2")).unwrap();
    fs::remove_file(stage.path("a.yaml~")).unwrap();
    fs::remove_file(stage.path(".a.yaml.swp")).unwrap();
    stage.expect("+a=2").await;
}

#[tokio::test]
async fn a_file_is_not_read_while_it_is_written() {
    let settings = Settings { write_grace: DEADLINE, ..Settings::default() };
    let mut stage =
        Stage::with_settings(&[("a.yaml", &(ns("a", "1") + &ns("b", "1")))], settings, "+a=1 +b=1").await;
    let mut file = fs::File::create(stage.path("a.yaml")).unwrap();
    file.write_all(ns("a", "2").as_bytes()).unwrap();
    // Another file's change is noticed, but waits for the writer: were the half-written file read, b would be gone.
    fs::write(stage.path("c.yaml"), ns("c", "1")).unwrap();
    let waited = tokio::time::timeout(Duration::from_millis(300), stage.source.next()).await;
    assert!(waited.is_err(), "{waited:?}");
    file.write_all(ns("b", "1").as_bytes()).unwrap();
    drop(file);
    let update = stage.update().await;
    assert_eq!(shown(&update.changes), "+a=2 +c=1");
}

#[tokio::test]
async fn a_writer_that_never_closes_delays_but_does_not_block() {
    let settings = Settings { write_grace: Duration::from_millis(50), ..Settings::default() };
    let mut stage = Stage::with_settings(&[], settings, "").await;
    let mut file = fs::File::create(stage.path("a.yaml")).unwrap();
    file.write_all(ns("a", "1").as_bytes()).unwrap();
    stage.expect("+a=1").await;
    drop(file);
}

#[tokio::test]
async fn a_file_that_is_written_all_the_time_delays_but_does_not_block() {
    let mut stage = Stage::with(&[("a.yaml", &ns("a", "1"))], "+a=1").await;
    let mut log = fs::File::create(stage.path("noise.log")).unwrap();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let noise = std::thread::spawn(move || {
        let every = Duration::from_millis(2);
        while stopped.recv_timeout(every) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            log.write_all(b"noise\n").unwrap();
        }
    });
    replace(&stage.path("a.yaml"), &ns("a", "2"));
    stage.expect("+a=2").await;
    drop(stop);
    noise.join().unwrap();
}

#[tokio::test]
async fn broken_content_is_isolated_and_keeps_the_last_good_version() {
    let mut stage = Stage::with(&[("a.yaml", &ns("a", "1")), ("b.yaml", &ns("b", "1"))], "+a=1 +b=1").await;
    replace(&stage.path("a.yaml"), "a: [\n");
    stage.expect_finding("yaml-syntax").await;
    replace(&stage.path("b.yaml"), &ns("b", "2"));
    stage.expect("+b=2").await;
    replace(&stage.path("a.yaml"), &ns("a", "2"));
    let update = stage.expect("+a=2").await;
    assert!(update.diagnostics.is_empty());
}

#[tokio::test]
async fn new_subdirectories_are_followed() {
    let mut stage = Stage::with(&[], "").await;
    fs::create_dir_all(stage.path("x/y")).unwrap();
    fs::write(stage.path("x/y/a.yaml"), ns("a", "1")).unwrap();
    stage.expect("+a=1").await;
    replace(&stage.path("x/y/a.yaml"), &ns("a", "2"));
    stage.expect("+a=2").await;
    fs::rename(stage.path("x"), stage.temp.path().join("x")).unwrap();
    stage.expect("-a").await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_mounted_config_map_is_followed_through_its_links() {
    use std::os::unix::fs::symlink;
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("conf");
    fs::create_dir_all(root.join("..1")).unwrap();
    fs::write(root.join("..1/a.yaml"), ns("a", "1")).unwrap();
    symlink("..1", root.join("..data")).unwrap();
    symlink("..data/a.yaml", root.join("a.yaml")).unwrap();
    let mut stage = Stage { source: FileSource::spawn(&root, Settings::default()).unwrap(), temp };
    assert_eq!(shown(&stage.update().await.changes), "+a=1");
    for v in 2..5 {
        let next = root.join(format!("..{v}"));
        fs::create_dir(&next).unwrap();
        fs::write(next.join("a.yaml"), ns("a", &v.to_string())).unwrap();
        symlink(format!("..{v}"), root.join("..data_tmp")).unwrap();
        fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
        fs::remove_dir_all(root.join(format!("..{}", v - 1))).unwrap();
        stage.expect(&format!("+a={v}")).await;
    }
}

#[tokio::test]
async fn a_directory_that_is_gone_keeps_everything_until_it_is_back() {
    let mut stage = Stage::with(&[("a.yaml", &ns("a", "1")), ("b.yaml", &ns("b", "1"))], "+a=1 +b=1").await;
    fs::rename(stage.root(), stage.temp.path().join("away")).unwrap();
    stage.expect_finding("unreadable-file").await;
    let staged = stage.temp.path().join("staged");
    fs::create_dir(&staged).unwrap();
    fs::write(staged.join("a.yaml"), ns("a", "2")).unwrap();
    fs::rename(&staged, stage.root()).unwrap();
    stage.expect("+a=2 -b").await;
    replace(&stage.path("a.yaml"), &ns("a", "3"));
    stage.expect("+a=3").await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_root_that_is_a_link_is_followed_to_its_new_target() {
    use std::os::unix::fs::symlink;
    let temp = tempfile::tempdir().unwrap();
    for v in ["1", "2"] {
        fs::create_dir(temp.path().join(v)).unwrap();
        fs::write(temp.path().join(v).join("a.yaml"), ns("a", v)).unwrap();
    }
    let root = temp.path().join("conf");
    symlink("1", &root).unwrap();
    let mut stage = Stage { source: FileSource::spawn(&root, Settings::default()).unwrap(), temp };
    assert_eq!(shown(&stage.update().await.changes), "+a=1");
    symlink("2", stage.temp.path().join("next")).unwrap();
    fs::rename(stage.temp.path().join("next"), &root).unwrap();
    stage.expect("+a=2").await;
    replace(&stage.temp.path().join("2/a.yaml"), &ns("a", "3"));
    stage.expect("+a=3").await;
}

#[tokio::test]
async fn polling_finds_the_same_changes() {
    let settings =
        Settings { poll_only: true, poll_interval: Duration::from_millis(20), ..Settings::default() };
    let mut stage = Stage::with_settings(&[("a.yaml", &ns("a", "1"))], settings, "+a=1").await;
    replace(&stage.path("a.yaml"), &ns("a", "2"));
    stage.expect("+a=2").await;
    fs::remove_file(stage.path("a.yaml")).unwrap();
    stage.expect("-a").await;
}

#[tokio::test]
async fn a_large_directory_is_read_whole_and_changed_by_one() {
    let files: Vec<_> = (0..2_000).map(|i| (format!("{i}.yaml"), ns(&format!("n{i}"), "1"))).collect();
    let temp = tempfile::tempdir().unwrap();
    for (name, text) in &files {
        fs::write(temp.path().join(name), text).unwrap();
    }
    let mut source = FileSource::spawn(temp.path(), Settings::default()).unwrap();
    let first = tokio::time::timeout(DEADLINE, source.next()).await.unwrap().unwrap();
    assert_eq!(first.changes.len(), 2_000);
    replace(&temp.path().join("7.yaml"), &ns("n7", "2"));
    let second = tokio::time::timeout(DEADLINE, source.next()).await.unwrap().unwrap();
    assert_eq!(shown(&second.changes), "+n7=2");
}

#[tokio::test]
async fn a_relative_path_is_followed_as_well() {
    let temp = tempfile::tempdir().unwrap();
    fs::create_dir(temp.path().join("conf")).unwrap();
    let here = std::env::current_dir().unwrap();
    let up: PathBuf = here.components().skip(1).map(|_| "..").collect();
    let root = up.join(temp.path().join("conf").strip_prefix("/").unwrap());
    assert!(root.is_relative());
    let mut stage = Stage { source: FileSource::spawn(root, Settings::default()).unwrap(), temp };
    assert_eq!(shown(&stage.update().await.changes), "");
    replace(&stage.path("a.yaml"), &ns("a", "1"));
    let update = stage.expect("+a=1").await;
    assert!(update.diagnostics.is_empty());
}

#[test]
fn a_directory_is_loaded_once_with_its_findings() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("a.yaml"), ns("a", "1") + "b: [\n").unwrap();
    let loaded = load_once(temp.path()).unwrap();
    assert_eq!((loaded.objects.len(), loaded.diagnostics.len()), (1, 1));
    assert!(matches!(load_once(temp.path().join("none")), Err(SourceError::Open { .. })));
    assert!(matches!(load_once(temp.path().join("a.yaml")), Err(SourceError::NotADirectory { .. })));
}
