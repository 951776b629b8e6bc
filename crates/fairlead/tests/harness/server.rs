//! `fairlead serve` as a process of its own, with a directory that it follows.

use std::{
    ffi::OsString,
    fs::{self, File},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use fairlead_lab::{
    client::{Client, Request},
    deadline::eventually,
    envoy_process::{AdminPlace, EnvoyOptions, EnvoyProcess},
    ports,
    process::Process,
};
use http::StatusCode;
use serde_json::Value;

/// The binary under test.
pub(crate) const FAIRLEAD: &str = env!("CARGO_BIN_EXE_fairlead");
const READY_WITHIN: Duration = Duration::from_secs(30);

/// A control plane that can be killed and started again. Dropping it ends the process.
pub(crate) struct Server {
    // Declared first: the process ends before its directory goes.
    process: Option<Process>,
    xds: SocketAddr,
    admin: SocketAddr,
    levels: &'static str,
    /// What the process is started by, with its arguments: a command that runs the rest of its line.
    wrapper: Vec<OsString>,
    log: PathBuf,
    directory: tempfile::TempDir,
}

impl Server {
    /// Starts with these files, and waits until it is ready.
    pub(crate) async fn start(files: &[(&str, &str)]) -> Self {
        Self::logging("info", files).await
    }

    /// As [`Server::start`], with these levels of the log.
    pub(crate) async fn logging(levels: &'static str, files: &[(&str, &str)]) -> Self {
        let mut server = Self::prepared(files);
        server.levels = levels;
        server.launch();
        server.ready().await;
        server
    }

    /// A server with these files that is yet to be launched.
    pub(crate) fn prepared(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::Builder::new().prefix("serve-").tempdir().unwrap();
        fs::create_dir(directory.path().join("config")).unwrap();
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let (xds, admin) = (ports::free_port(ip).unwrap(), ports::free_port(ip).unwrap());
        let log = directory.path().join("log");
        let server = Self { process: None, xds, admin, levels: "info", wrapper: Vec::new(), log, directory };
        for (file, yaml) in files {
            server.write(file, yaml);
        }
        server
    }

    /// Is started by a command that runs the rest of its line.
    pub(crate) fn wrapped(mut self, wrapper: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.wrapper = wrapper.into_iter().map(Into::into).collect();
        self
    }

    /// With a file of settings.
    pub(crate) fn settings(self, yaml: &str) -> Self {
        fs::write(self.settings_path(), yaml).unwrap();
        self
    }

    fn settings_path(&self) -> PathBuf {
        self.directory.path().join("settings.yaml")
    }

    /// Writes its log to this file.
    pub(crate) fn logs_to(mut self, log: &Path) -> Self {
        log.clone_into(&mut self.log);
        self
    }

    /// Logs only this.
    pub(crate) fn levels(mut self, levels: &'static str) -> Self {
        self.levels = levels;
        self
    }

    /// Launches it, and waits until it is ready.
    pub(crate) async fn launched(mut self) -> Self {
        self.launch();
        self.ready().await;
        self
    }

    /// Starts the process, at the addresses of before.
    pub(crate) fn launch(&mut self) {
        let log = File::options().create(true).append(true).open(self.log_path()).unwrap();
        let mut line = self.wrapper.iter().cloned().chain([FAIRLEAD.into()]);
        let mut command = Command::new(line.next().expect("the binary is in it"));
        command.args(line);
        command.arg("serve").arg("--config-dir").arg(self.config());
        command.args(["--xds-bind", &self.xds.to_string(), "--admin-bind", &self.admin.to_string()]);
        command.args(["--log-level", self.levels]);
        if self.settings_path().exists() {
            command.arg("--config").arg(self.settings_path());
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.process = Some(Process::spawn(&mut command).unwrap());
    }

    /// Waits until the first configuration is served.
    pub(crate) async fn ready(&self) {
        let ready = eventually("fairlead serve ready", READY_WITHIN, || async {
            match self.get("/ready").await {
                Ok((StatusCode::OK, _)) => Ok(()),
                Ok((status, text)) => Err(format!("{status}: {text}")),
                Err(error) => Err(error),
            }
        });
        ready.await.unwrap_or_else(|error| panic!("{error}\n{}", self.log()));
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.process.take().expect("it runs").kill().unwrap();
    }

    /// The directory of YAML.
    pub(crate) fn config(&self) -> PathBuf {
        self.directory.path().join("config")
    }

    /// A place beside it.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Replaces a file by a rename.
    pub(crate) fn write(&self, file: &str, text: &str) {
        let temporary = self.directory.path().join("new");
        fs::write(&temporary, text).unwrap();
        fs::rename(&temporary, self.config().join(file)).unwrap();
    }

    /// Everything that it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> &Path {
        &self.log
    }

    /// Where ADS is served.
    pub(crate) fn xds(&self) -> SocketAddr {
        self.xds
    }

    /// Where administration is served.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The process, or what it is started by.
    pub(crate) fn id(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    /// The sum of all series of a metric.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let (_, text) = self.get("/metrics").await.unwrap();
        let series = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            rest.starts_with(['{', ' ']).then(|| rest.rsplit(' ').next()?.parse::<f64>().ok())?
        });
        series.sum()
    }

    /// What its administration answers.
    pub(crate) async fn get(&self, path: &str) -> Result<(StatusCode, String), String> {
        let answer =
            Client::new(self.admin).send(&Request::get(path)).await.map_err(|error| error.to_string())?;
        Ok((answer.status, answer.text()))
    }

    /// A JSON answer of its administration.
    pub(crate) async fn json(&self, path: &str) -> Value {
        let (status, text) = self.get(path).await.unwrap();
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }

    /// Waits until a finding satisfies `wanted`.
    pub(crate) async fn finding(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let found = eventually(what, READY_WITHIN, || async {
            let findings = self.json("/debug/diagnosticz").await;
            findings.as_array().into_iter().flatten().find(|f| wanted(f)).cloned().ok_or(findings.to_string())
        });
        found.await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Waits until `count` proxies are connected.
    pub(crate) async fn connected(&self, count: usize) {
        let connected = eventually("proxies connected", READY_WITHIN, || async {
            let proxies = self.json("/debug/syncz").await;
            if proxies.as_array().is_some_and(|all| all.len() == count) {
                Ok(())
            } else {
                Err(proxies.to_string())
            }
        });
        connected.await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Waits until `count` proxies are connected and have what is published.
    pub(crate) async fn in_sync(&self, count: usize) {
        let synced = eventually("proxies in sync", READY_WITHIN, || async {
            let proxies = self.json("/debug/syncz").await;
            let list = proxies.as_array().cloned().unwrap_or_default();
            let all = list.len() == count && list.iter().all(|proxy| proxy["synced"] == true);
            if all { Ok(()) } else { Err(proxies.to_string()) }
        });
        synced.await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Starts an Envoy with the bootstrap that `fairlead bootstrap` prints for it.
    pub(crate) async fn envoy(&self, arguments: &[&str]) -> EnvoyProcess {
        let bootstrap = bootstrap(&self.xds.to_string(), arguments);
        let options = EnvoyOptions {
            admin: AdminPlace::UnixSocket,
            log_level: "warning".to_owned(),
            ready_within: Duration::from_secs(60),
            ..EnvoyOptions::default()
        };
        EnvoyProcess::start(&bootstrap, &options)
            .await
            .unwrap_or_else(|error| panic!("{error}\n{}", self.log()))
    }
}

/// What `fairlead bootstrap` prints.
pub(crate) fn bootstrap(xds: &str, arguments: &[&str]) -> String {
    let mut all: Vec<OsString> =
        ["bootstrap", "--xds-address", xds, "--admin-port", "0"].map(Into::into).into();
    all.extend(arguments.iter().map(Into::into));
    run(&all)
}

/// What `fairlead` prints.
pub(crate) fn run(arguments: &[OsString]) -> String {
    let output = Command::new(FAIRLEAD).args(arguments).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "fairlead {arguments:?}: {}\n{said}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Points `link` at `target`, at one moment.
pub(crate) fn swap_link(link: &Path, target: &Path) {
    let temporary = link.with_file_name("..swapped");
    std::os::unix::fs::symlink(target, &temporary).unwrap();
    fs::rename(&temporary, link).unwrap();
}
