//! The directory of YAML and the control plane that follows it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use fairlead_config::{ConfigKey, Diagnostic, Kind, Severity};
use fairlead_control_plane::{ControlPlane, node::proxy_key, settings::Settings};
use fairlead_lab::deadline::eventually;
use fairlead_translate::publication::PublicationKey;
use fairlead_xds::server::ConnectionStatus;

/// How long a change may take until every Envoy uses it. It takes milliseconds; a busy machine is allowed for.
pub(crate) const SETTLED_WITHIN: Duration = Duration::from_secs(20);
/// The namespace of the objects that tell which edition of a file has been read.
const MARKER_NAMESPACE: &str = "edition";
const EDITION: &str = "example.com/edition";

/// A control plane in this process and the directory that it follows. Dropping it ends both.
pub(crate) struct Mesh {
    // Declared first: the control plane ends before its directory goes.
    control_plane: ControlPlane,
    settings: Settings,
    directory: tempfile::TempDir,
    edition: AtomicU64,
}

impl Mesh {
    /// Starts a control plane with an empty directory, and hosts that no service is known for not reached.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// As [`Mesh::start`], with other settings.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let directory = tempfile::Builder::new().prefix("mesh-").tempdir().expect("a temporary directory");
        let mut settings = Settings::default();
        settings.source.config_dir = Some(directory.path().to_owned());
        settings.xds.bind = ([127, 0, 0, 1], 0).into();
        settings.admin.bind = ([127, 0, 0, 1], 0).into();
        change(&mut settings);
        let control_plane = ControlPlane::start(&settings, None).await.expect("the control plane starts");
        let mesh = Self { control_plane, settings, directory, edition: AtomicU64::new(0) };
        mesh.control_plane.ready().await.expect("the control plane becomes ready");
        mesh.apply("mesh.yaml", &mesh_config("outboundTrafficPolicy: {mode: REGISTRY_ONLY}")).await;
        mesh
    }

    /// The control plane.
    pub(crate) fn control_plane(&self) -> &ControlPlane {
        &self.control_plane
    }

    /// The path of a file of the directory.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    /// Writes a file, whole, and waits until every connected Envoy uses what it says.
    pub(crate) async fn apply(&self, file: &str, yaml: &str) {
        self.publish(file, yaml).await;
        self.settled().await;
    }

    /// Empties a file, and waits until every connected Envoy has forgotten what it said.
    pub(crate) async fn remove(&self, file: &str) {
        self.apply(file, "").await;
    }

    /// Writes a file, whole, and waits until the control plane has published what it says; Envoys may be behind.
    pub(crate) async fn publish(&self, file: &str, yaml: &str) {
        let edition = self.edition.fetch_add(1, Ordering::Relaxed) + 1;
        self.write(file, &format!("{yaml}\n---\n{}", marker(file, edition)));
        let key = marker_key(file);
        eventually(&format!("{file} published"), SETTLED_WITHIN, || {
            let key = key.clone();
            async move {
                let core = self.control_plane.core();
                let read = core
                    .inspect(move |core| {
                        core.objects()
                            .get(&key)
                            .and_then(|object| object.annotations().get(EDITION).map(str::to_owned))
                    })
                    .await
                    .map_err(|error| error.to_string())?;
                // A later edition by another task contains what this one said, or replaces it on purpose.
                let read = read.and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
                if read >= edition { Ok(()) } else { Err(format!("edition {read} is read, not {edition}")) }
            }
        })
        .await
        .unwrap_or_else(|error| {
            panic!("{error}\n{}", fs::read_to_string(self.path(file)).unwrap_or_default())
        });
    }

    /// Replaces a file without waiting for anything.
    pub(crate) fn write(&self, file: &str, text: &str) {
        write(&self.path(file), text);
    }

    /// Waits until every connected Envoy has accepted everything that is published for it.
    pub(crate) async fn settled(&self) {
        eventually("every Envoy in sync", SETTLED_WITHIN, || self.check_settled())
            .await
            .expect("a settled mesh");
    }

    async fn check_settled(&self) -> Result<(), String> {
        for session in self.control_plane.sessions().snapshot() {
            let published = self.published_revision(&session).await?;
            if session.revision != published {
                return Err(format!(
                    "{} is at revision {}, not {published}",
                    session.node.id, session.revision
                ));
            }
            // What an Envoy has rejected is never in sync; the rest of its type is.
            if let Some(late) = session.types.iter().find(|status| !status.in_sync && status.rejected == 0) {
                return Err(format!("{} is behind: {late:?}", session.node.id));
            }
        }
        Ok(())
    }

    async fn published_revision(&self, session: &ConnectionStatus) -> Result<u64, String> {
        let proxy = proxy_key(&session.node, &self.settings.mesh).map_err(|error| error.to_string())?;
        // Loopback clients are sent secrets.
        let key = PublicationKey { proxy, secrets: true };
        let published = self.control_plane.core().inspect(move |core| core.latest(&key)).await;
        let published = published.map_err(|error| error.to_string())?;
        Ok(published.ok_or_else(|| format!("{} has no view", session.node.id))?.revision())
    }

    /// The session of a proxy, by the name that it was started with.
    pub(crate) fn session(&self, name: &str) -> Option<ConnectionStatus> {
        let is = |session: &ConnectionStatus| session.node.id.contains(&format!("~{name}."));
        self.control_plane.sessions().snapshot().into_iter().find(is)
    }

    /// What the control plane finds in all files now.
    pub(crate) async fn findings(&self) -> Vec<Diagnostic> {
        let findings = self.control_plane.core().inspect(|core| core.diagnostics().clone()).await;
        findings.expect("the core runs").to_vec()
    }

    /// The findings about one file.
    pub(crate) async fn findings_in(&self, file: &str) -> Vec<Diagnostic> {
        let mut findings = self.findings().await;
        findings.retain(|d| d.position.as_ref().is_some_and(|position| position.file.ends_with(file)));
        findings
    }

    /// Fails if an object of a file is not valid by itself; what it refers to may be unknown.
    pub(crate) async fn assert_valid(&self, file: &str) {
        let mut findings = self.findings_in(file).await;
        // Codes from FL0300 on are about several objects, or about proxies.
        findings.retain(|finding| finding.severity == Severity::Error && finding.code.as_str() < "FL0300");
        assert!(findings.is_empty(), "{file}: {findings:#?}");
    }

    /// Ends the control plane in order, draining its streams.
    pub(crate) async fn shut_down(self) {
        self.control_plane.shut_down().await;
    }
}

/// The ConfigMap that holds the settings of the whole mesh.
pub(crate) fn mesh_config(mesh: &str) -> String {
    let indented = mesh.replace('\n', "\n    ");
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: istio, namespace: istio-system}}\ndata:\n  mesh: |\n    {indented}\n"
    )
}

fn marker_name(file: &str) -> String {
    file.replace(['/', '_', '.'], "-").to_lowercase()
}

/// An object that no proxy sees, whose annotation tells the edition of the file that it is in.
fn marker(file: &str, edition: u64) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {}, namespace: {MARKER_NAMESPACE}, annotations: {{{EDITION}: \"{edition}\"}}}}\n",
        marker_name(file)
    )
}

fn marker_key(file: &str) -> ConfigKey {
    ConfigKey {
        kind: Kind::ConfigMap,
        namespace: MARKER_NAMESPACE.into(),
        name: marker_name(file).as_str().into(),
    }
}

/// Replaces a file by a rename, so that nobody reads half of it.
fn write(path: &Path, text: &str) {
    let parent = path.parent().expect("a file of the directory");
    fs::create_dir_all(parent).expect("the directory can be written");
    let mut temporary =
        tempfile::Builder::new().prefix(".new-").tempfile_in(parent).expect("a temporary file");
    std::io::Write::write_all(&mut temporary, text.as_bytes()).expect("the file can be written");
    temporary.persist(path).expect("the file can be renamed");
}
