//! The server under load: a `fairlead serve` process with a directory of its own.

use std::{
    collections::BTreeMap,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use fairlead_lab::{
    client::{Client, Request},
    deadline::eventually,
    ports,
    process::Process,
};
use fairlead_testkit::{meshgen::MeshSpec, proc::ProcessStats};

use crate::settings::Failure;

/// Maximum time for the server to load a mesh.
const LOAD: Duration = Duration::from_secs(300);

/// A running server and its directory of configuration; both end when this is dropped.
pub(crate) struct Server {
    process: Process,
    pub(crate) xds: SocketAddr,
    admin: Client,
    directory: tempfile::TempDir,
    pub(crate) stats: ProcessStats,
    /// The time from the start of the process until it was ready.
    pub(crate) loaded_after: Duration,
}

impl Server {
    /// Writes the mesh and starts `binary` on it.
    pub(crate) async fn start(binary: &Path, spec: &MeshSpec) -> Result<Self, Failure> {
        let directory = tempfile::Builder::new().prefix("fairlead-load").tempdir()?;
        let mesh = directory.path().join("mesh");
        fs::create_dir(&mesh)?;
        for (name, yaml) in spec.files() {
            fs::write(mesh.join(name), yaml)?;
        }
        if spec.gateway_servers > 0 {
            fs::write(mesh.join("secrets.yaml"), spec.gateway_secrets()?)?;
        }
        let ip = ports::loopback().into();
        let (xds, admin) = (ports::free_port(ip)?, ports::free_port(ip)?);
        let log = fs::File::create(directory.path().join("log"))?;
        let began = std::time::Instant::now();
        let process = Process::spawn(
            Command::new(binary)
                .arg("serve")
                .arg("--config-dir")
                .arg(&mesh)
                .args(["--xds-bind", &xds.to_string(), "--admin-bind", &admin.to_string()])
                .args(["--log-level", "warn"])
                .stdin(Stdio::null())
                .stdout(log.try_clone()?)
                .stderr(log),
        )
        .map_err(|error| format!("{}: {error}", binary.display()))?;
        let stats = ProcessStats::of(process.id());
        let admin = Client::new(admin);
        let mut server = Self { process, xds, admin, directory, stats, loaded_after: Duration::ZERO };
        server.wait_ready().await?;
        server.loaded_after = began.elapsed();
        Ok(server)
    }

    async fn wait_ready(&mut self) -> Result<(), Failure> {
        let ready = eventually("the server is ready", LOAD, async || {
            let answer = self.admin.send(&Request::get("/ready")).await.map_err(|error| error.to_string())?;
            if answer.status.is_success() { Ok(()) } else { Err(answer.text()) }
        })
        .await;
        if let Err(error) = ready {
            let exited = self.process.exited()?;
            return Err(format!("{error}; exit: {exited:?}; its log: {}", self.log()?).into());
        }
        Ok(())
    }

    /// Its log of warnings and errors.
    pub(crate) fn log(&self) -> io::Result<String> {
        fs::read_to_string(self.directory.path().join("log"))
    }

    /// Replaces the file `name` by `yaml` atomically, as an editor or a mounted ConfigMap does.
    pub(crate) fn write(&self, name: &str, yaml: &str) -> io::Result<()> {
        let fresh = self.directory.path().join("fresh.yaml");
        fs::write(&fresh, yaml)?;
        fs::rename(fresh, self.file(name))
    }

    /// Deletes a file of the configuration.
    pub(crate) fn delete(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.file(name))
    }

    /// The file `name` of the configuration.
    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join("mesh").join(name)
    }

    /// Its metrics now.
    pub(crate) async fn metrics(&self) -> Result<Metrics, Failure> {
        Ok(Metrics(self.admin.send(&Request::get("/metrics")).await?.text()))
    }
}

/// The queries that assemble the resources of a proxy, or of all proxies of a view.
const VIEWS: [&str; 3] = ["proxy_view", "publication", "view_sets"];

/// The metrics at one point in time.
pub(crate) struct Metrics(String);

impl Metrics {
    /// The sum of all series of a metric.
    pub(crate) fn sum(&self, name: &str) -> f64 {
        let series = self.0.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            // The name must be followed by labels or the value, and not continue.
            if !rest.starts_with(['{', ' ']) {
                return None;
            }
            rest.rsplit(' ').next()?.parse::<f64>().ok()
        });
        series.sum()
    }

    /// Computations of the engine.
    pub(crate) fn recomputed(&self) -> f64 {
        self.sum("fairlead_queries_recomputed_total")
    }

    /// The queries that the engine has computed since `before`, with counts.
    pub(crate) fn recomputed_since(&self, before: &Self) -> Vec<String> {
        let series = |metrics: &Self| -> BTreeMap<String, f64> {
            let all = metrics.0.lines().filter_map(|line| {
                let (query, value) =
                    line.strip_prefix("fairlead_queries_recomputed_total{query=\"")?.split_once("\"}")?;
                Some((query.to_owned(), value.trim().parse().ok()?))
            });
            all.collect()
        };
        let (before, now) = (series(before), series(self));
        let times = now.iter().map(|(query, n)| (query, n - before.get(query).copied().unwrap_or(0.0)));
        times.filter(|(_, n)| *n > 0.0).map(|(query, n)| format!("{query} {n}")).collect()
    }

    /// How often the engine has computed the resources of a view.
    pub(crate) fn views(&self) -> f64 {
        let of = |query| self.sum(&format!("fairlead_queries_recomputed_total{{query=\"{query}\"}}"));
        VIEWS.into_iter().map(of).sum()
    }

    /// How often changes were applied.
    pub(crate) fn rounds(&self) -> f64 {
        self.sum("fairlead_settle_duration_seconds_count")
    }

    /// The total time of that in seconds.
    pub(crate) fn rounds_took(&self) -> f64 {
        self.sum("fairlead_settle_duration_seconds_sum") + self.sum("fairlead_publish_duration_seconds_sum")
    }
}
