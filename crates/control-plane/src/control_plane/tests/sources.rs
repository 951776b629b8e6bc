//! Several sources of one control plane.

use fairlead_config::{Change, ConfigSource, NextUpdate, SourceId, SourceUpdate, decode_file};
use fairlead_source_file::FileSource;
use fairlead_testkit::fake_envoy::Held;

use super::*;

/// A source that tells what a test sends it, and ends with the test's sender.
struct Memory(tokio::sync::mpsc::UnboundedReceiver<SourceUpdate>);

impl ConfigSource for Memory {
    fn id(&self) -> SourceId {
        "memory".into()
    }

    fn next(&mut self) -> NextUpdate<'_> {
        Box::pin(self.0.recv())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_ends_takes_neither_its_objects_nor_those_of_another() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    write(directory.path(), "a.yaml", MESH);
    let mut settings = Settings::default();
    settings.xds.bind.set_port(0);
    settings.admin.bind.set_port(0);
    let file =
        FileSource::spawn(directory.path(), fairlead_source_file::Settings::default()).expect("a directory");
    let (tell, told) = tokio::sync::mpsc::unbounded_channel();
    let sources: Vec<Box<dyn ConfigSource>> = vec![Box::new(Memory(told)), Box::new(file)];
    let control_plane = ControlPlane::start_with(&settings, None, sources).await.expect("it starts");
    let running = Running { control_plane, directory };

    let objects = decode_file("memory", MESH.replace("cart", "till").as_bytes()).objects;
    let changes = objects.into_iter().map(Change::Set).collect();
    tell.send(SourceUpdate { changes, synced: true, ..SourceUpdate::default() }).expect("it listens");
    tokio::time::timeout(PATIENCE, running.control_plane.ready())
        .await
        .expect("in time")
        .expect("no failure");
    let envoy = running.envoy("sidecar~10.1.1.9~web-1.shop~shop.svc.cluster.local", &json!({}));
    let has = |hosts: &'static [&str]| {
        move |held: &Held| {
            hosts.iter().all(|host| held.has(TypeUrl::CLUSTER, &format!("outbound|80||{host}.example")))
        }
    };
    envoy.wait_for("both", PATIENCE, has(&["cart", "till"])).await.expect("both come");

    drop(tell);
    // A change of the other comes through, and what the first has told is still there.
    write(running.directory.path(), "b.yaml", &MESH.replace("cart", "shelf"));
    envoy.wait_for("all", PATIENCE, has(&["cart", "till", "shelf"])).await.expect("all are there");
    running.control_plane.shut_down().await;
}
