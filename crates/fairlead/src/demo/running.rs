//! The running demo: applications, control plane, Envoys and their directory of configuration.

mod directory;
mod live;
mod proxy;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow};
use fairlead_config::Diagnostic;
use fairlead_control_plane::{ControlPlane, settings::Settings};
use fairlead_lab::{
    client::{Answer, Client, Request},
    deadline::eventually,
    load::{Load, Report},
    ports::loopback,
    temporary::Temporary,
};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use hyper::StatusCode;

use super::{
    application::{Application, Behaviour},
    mesh::{self, Mesh},
    output::{Output, time},
    ports::Ports,
};
pub(super) use directory::Directory;
pub(super) use live::Condition;
use proxy::Launch;
pub(super) use proxy::Proxy;

/// Maximum time until an edit is in use. It takes milliseconds, longer on a busy machine.
const LIVE_WITHIN: Duration = Duration::from_secs(15);
/// Maximum time for all Envoys to start.
const STARTED_WITHIN: Duration = Duration::from_secs(60);
/// The workload whose sidecar decides where requests of the bookstore go.
const CLIENT: &str = "bookstore-v1";
/// Number of concurrent requests of a load.
const WORKERS: u32 = 4;

/// Everything that runs. [`Demo::shut_down`] ends it in order; dropping it ends it too.
pub(super) struct Demo {
    mesh: Mesh,
    proxies: Vec<Proxy>,
    control_plane: ControlPlane,
    applications: Vec<Application>,
    external: Application,
    directory: Directory,
    envoy: PathBuf,
    // Declared last, since its contents are used until the end.
    temporary: Temporary,
}

impl Demo {
    /// Starts the applications and the control plane, and writes the files of the mesh.
    pub(super) async fn set_up(envoy: PathBuf, ports: Ports, chosen: Option<&Path>) -> anyhow::Result<Self> {
        let temporary = Temporary::new("fairlead-demo-").context("make a temporary directory")?;
        let directory = Directory::open(temporary.path(), chosen)?;
        let mut mesh = Mesh::plan(ports);
        let mut applications = Vec::new();
        for workload in &mut mesh.workloads {
            let application = Application::start(workload.service, workload.version).await?;
            application.finds_services_at(workload.egress());
            workload.application = application.address();
            applications.push(application);
        }
        let external = Application::start("quotes", "v1").await?;
        for (name, text) in mesh::files(&mesh) {
            directory.write(name, &text)?;
        }
        let control_plane = ControlPlane::start(&settings(directory.path(), ports), None).await?;
        control_plane.ready().await.map_err(|message| anyhow!("the control plane has failed: {message}"))?;
        let proxies = Vec::new();
        Ok(Self { mesh, proxies, control_plane, applications, external, directory, envoy, temporary })
    }

    /// Starts the Envoys, and reports when each is ready.
    pub(super) async fn start_proxies(&mut self, out: Output) -> anyhow::Result<()> {
        let began = Instant::now();
        let launch = Launch {
            binary: self.envoy.clone(),
            directory: self.temporary.path().to_owned(),
            xds: self.control_plane.xds_address(),
            admin_port: self.mesh.ports.envoy_admin(),
        };
        self.proxies.push(Proxy::gateway(&self.mesh, &launch)?);
        for workload in &self.mesh.workloads {
            self.proxies.push(Proxy::sidecar(workload, &launch)?);
        }
        out.line(&format!("  starting {} Envoys", self.proxies.len()))?;
        let mut starting: FuturesUnordered<_> =
            self.proxies.iter_mut().map(|proxy| proxy.ready(STARTED_WITHIN)).collect();
        while let Some(ready) = starting.next().await {
            let (name, address) = ready?;
            let after = time(began.elapsed());
            out.line(&format!("  {} {name:<15} {address:<16} ready after {after}", out.mark(true)))?;
        }
        drop(starting);
        self.until_answered().await
    }

    /// Waits until the gateway serves the page of the bookstore.
    async fn until_answered(&self) -> anyhow::Result<()> {
        let page = eventually("the page of the bookstore", LIVE_WITHIN, || async {
            let answer = self.get("/").await.map_err(|error| error.to_string())?;
            let complete = answer.status == StatusCode::OK && !answer.text().contains("error");
            if complete { Ok(()) } else { Err(format!("{}: {}", answer.status, answer.text())) }
        });
        Ok(page.await?)
    }

    /// The addresses.
    pub(super) fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// The control plane.
    pub(super) fn control_plane(&self) -> &ControlPlane {
        &self.control_plane
    }

    /// The directory with the configuration of the mesh.
    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Every Envoy.
    pub(super) fn proxies(&self) -> &[Proxy] {
        &self.proxies
    }

    /// The sidecar of the bookstore, which decides where its requests go.
    pub(super) fn client(&self) -> &Proxy {
        self.proxies.iter().find(|proxy| proxy.name() == CLIENT).expect("the bookstore has a sidecar")
    }

    /// The application of a workload, such as `reviews-v2`.
    pub(super) fn application(&self, name: &str) -> &Application {
        let index = self.mesh.workloads.iter().position(|workload| workload.name() == name);
        &self.applications[index.expect("steps name workloads of the mesh")]
    }

    /// The application that is not part of the mesh.
    pub(super) fn external(&self) -> &Application {
        &self.external
    }

    /// Writes a file, and waits until the bookstore's sidecar uses it. Returns how long that took.
    pub(super) async fn apply(&self, file: &str, yaml: &str, live: &Condition) -> anyhow::Result<Duration> {
        let began = Instant::now();
        self.directory.write(file, yaml)?;
        self.wait(live).await?;
        Ok(began.elapsed())
    }

    /// Waits until a condition holds for the bookstore's sidecar.
    async fn wait(&self, condition: &Condition) -> anyhow::Result<()> {
        let admin = self.client().admin();
        Ok(eventually(&condition.to_string(), LIVE_WITHIN, || condition.check(admin)).await?)
    }

    /// Waits until the condition holds for each Envoy that it is about.
    pub(super) async fn wait_everywhere(&self, condition: &Condition) -> anyhow::Result<()> {
        for proxy in self.proxies.iter().filter(|proxy| !proxy.is_gateway() || !condition.is_about_routes()) {
            let what = format!("{condition} by {}", proxy.name());
            eventually(&what, LIVE_WITHIN, || condition.check(proxy.admin())).await?;
        }
        Ok(())
    }

    /// The current findings about a file.
    pub(super) async fn findings(&self, file: &str) -> anyhow::Result<Vec<Diagnostic>> {
        let all = self.control_plane.core().inspect(|core| core.diagnostics().clone()).await?;
        let path = self.directory.file(file).display().to_string();
        let about = |diagnostic: &&Diagnostic| {
            diagnostic.position.as_ref().is_some_and(|position| path.ends_with(&*position.file))
        };
        Ok(all.iter().filter(about).cloned().collect())
    }

    /// The cluster of a service in a sidecar.
    pub(super) fn cluster(&self, service: &str) -> String {
        self.mesh.cluster(service)
    }

    /// The configuration of each Envoy, without timestamps.
    pub(super) async fn configuration(&self) -> anyhow::Result<Vec<serde_json::Value>> {
        let mut all = Vec::new();
        for proxy in &self.proxies {
            all.push(live::configuration(proxy.admin()).await?);
        }
        Ok(all)
    }

    /// One request through the gateway.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(Request::get(path)).await
    }

    /// One request through the gateway.
    pub(super) async fn send(&self, request: Request) -> anyhow::Result<Answer> {
        Client::new(self.mesh.entrance()).send(&request).await.context("a request through the gateway")
    }

    /// Many requests through the gateway, a few at a time.
    pub(super) async fn load(
        &self,
        requests: u64,
        request: impl Fn(u64) -> Request + Send + Sync + 'static,
    ) -> Report {
        self.parallel(WORKERS, requests, request).await
    }

    /// Many requests through the gateway, `workers` at a time.
    pub(super) async fn parallel(
        &self,
        workers: u32,
        requests: u64,
        request: impl Fn(u64) -> Request + Send + Sync + 'static,
    ) -> Report {
        let entrance = self.mesh.entrance();
        Load::count(requests).workers(workers).run(|| Client::new(entrance).keep_alive(), request).await
    }

    /// Restores the state before the first step.
    pub(super) fn restore(&self) -> anyhow::Result<()> {
        self.applications.iter().for_each(|application| application.behave(Behaviour::default()));
        self.directory
            .remove_all_but(&mesh::files(&self.mesh).iter().map(|(name, _)| *name).collect::<Vec<_>>())
    }

    /// Ends everything: first all Envoys at the same time, then the control plane.
    pub(super) async fn shut_down(self) {
        let Self { proxies, control_plane, .. } = self;
        let ending: Vec<_> =
            proxies.into_iter().map(|proxy| tokio::task::spawn_blocking(move || drop(proxy))).collect();
        for ended in ending {
            // The drop of a proxy reports on standard error if it could not be ended.
            let _ = ended.await;
        }
        control_plane.shut_down().await;
    }
}

/// Settings with unused loopback addresses.
fn settings(directory: &Path, ports: Ports) -> Settings {
    let address = loopback();
    let mut settings = Settings::default();
    settings.source.config_dir = Some(directory.to_owned());
    settings.xds.bind = (address, ports.xds()).into();
    settings.admin.bind = (address, ports.admin()).into();
    settings
}
