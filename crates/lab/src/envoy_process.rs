//! A stock Envoy that runs for as long as a value lives.
//!
//! ```no_run
//! # async fn example(bootstrap: &str) -> Result<(), fairlead_lab::envoy_process::EnvoyError> {
//! use fairlead_lab::envoy_process::{EnvoyOptions, EnvoyProcess};
//! let envoy = EnvoyProcess::start(bootstrap, &EnvoyOptions::default()).await?;
//! let stats = envoy.admin().stats("cluster_manager").await?;
//! assert_eq!(envoy.deprecation_warnings(), Vec::<String>::new());
//! # Ok(()) }
//! ```

mod admin;

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

pub use admin::{Admin, AdminError};

use crate::{
    deadline::{DeadlineExceeded, eventually},
    envoy_binary::{self, BinaryError},
    process::Process,
};

/// Number of bytes that an error shows of the end of a log.
const TAIL_BYTES: usize = 4_000;
const VALIDATE_WITHIN: Duration = Duration::from_secs(30);

/// What can go wrong with a real Envoy.
#[derive(Debug, thiserror::Error)]
pub enum EnvoyError {
    /// There is no binary to start.
    #[error(transparent)]
    Binary(#[from] BinaryError),
    /// A file or the process could not be created.
    #[error("{what}")]
    Io {
        /// The operation.
        what: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The bootstrap is not YAML.
    #[error("bootstrap is not YAML: {0}")]
    Bootstrap(String),
    /// Envoy ended by itself.
    #[error("envoy ended with {status}; end of its log:\n{log}")]
    Ended {
        /// Its exit status.
        status: ExitStatus,
        /// The end of its log.
        log: String,
    },
    /// Envoy did not become ready in time.
    #[error("{source}; end of its log:\n{log}")]
    NotReady {
        /// The last reason.
        #[source]
        source: DeadlineExceeded,
        /// The end of its log.
        log: String,
    },
    /// The admin interface did not answer as it should.
    #[error(transparent)]
    Admin(#[from] AdminError),
}

/// The options for starting an Envoy.
#[derive(Clone, Debug)]
pub struct EnvoyOptions {
    /// The binary; the one of [`envoy_binary::find`] if `None`.
    pub binary: Option<PathBuf>,
    /// The parent of its working directory; the system's temporary directory if `None`.
    pub directory_in: Option<PathBuf>,
    /// The place of the admin interface.
    pub admin: AdminPlace,
    /// A command in front of Envoy's, such as `ip netns exec <name> setpriv ... --`.
    pub wrapper: Vec<OsString>,
    /// Whether the wrapper changes the user, so that the working directory must be open to all.
    pub other_user: bool,
    /// The log level. Default: `info`.
    pub log_level: String,
    /// Arguments after all others.
    pub arguments: Vec<OsString>,
    /// Maximum time to become ready.
    pub ready_within: Duration,
}

/// The place of an Envoy's admin interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminPlace {
    /// As in the bootstrap; a unix socket in the working directory if it has none.
    Bootstrap,
    /// A unix socket in the working directory, whatever the bootstrap says. It can be reached from outside a
    /// network namespace.
    UnixSocket,
}

impl Default for EnvoyOptions {
    fn default() -> Self {
        Self {
            binary: None,
            directory_in: None,
            admin: AdminPlace::Bootstrap,
            wrapper: Vec::new(),
            other_user: false,
            log_level: "info".to_owned(),
            arguments: Vec::new(),
            ready_within: Duration::from_secs(30),
        }
    }
}

/// A running Envoy. Dropping it ends the process and removes its working directory.
#[derive(Debug)]
pub struct EnvoyProcess {
    // Declared first, so that the process ends before its directory is removed.
    process: Process,
    admin: Admin,
    directory: tempfile::TempDir,
}

impl EnvoyProcess {
    /// Starts Envoy with `bootstrap` (YAML or JSON) and waits until it serves: `/ready` says LIVE and its
    /// workers are started, that is, its listeners accept.
    ///
    /// # Errors
    /// If it cannot be started, ends, or is not ready in time.
    pub async fn start(bootstrap: &str, options: &EnvoyOptions) -> Result<Self, EnvoyError> {
        let within = options.ready_within;
        let mut envoy = Self::launch(bootstrap, options)?;
        envoy.wait_ready(within).await?;
        Ok(envoy)
    }

    /// Starts Envoy without waiting, for one that is not expected to become ready yet.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn launch(bootstrap: &str, options: &EnvoyOptions) -> Result<Self, EnvoyError> {
        let directory = working_directory(options)?;
        let config = directory.path().join("bootstrap.yaml");
        write(&config, bootstrap)?;
        let mut command = command(options)?;
        command.arg("--config-path").arg(&config);
        command.args(["--disable-hot-restart", "--concurrency", "1", "--file-flush-interval-msec", "200"]);
        command.args(["--log-level", &options.log_level]);
        let address_file = directory.path().join("admin.address");
        command.arg("--admin-address-path").arg(&address_file);
        let admin = if options.admin == AdminPlace::UnixSocket || !has_admin(bootstrap)? {
            let socket = directory.path().join("admin.sock");
            command.arg("--config-yaml").arg(admin_overlay(&socket));
            Admin::on_unix_socket(socket)
        } else {
            Admin::announced_in(address_file)
        };
        command.args(&options.arguments);
        command.stdin(Stdio::null());
        command.stdout(create(&directory.path().join("stdout"))?);
        command.stderr(create(&directory.path().join("log"))?);
        let process = Process::spawn(&mut command).map_err(io_error("start envoy"))?;
        Ok(Self { process, admin, directory })
    }

    /// Waits until Envoy serves, as [`EnvoyProcess::start`] does.
    ///
    /// # Errors
    /// If it ends or is not ready in time.
    pub async fn wait_ready(&mut self, within: Duration) -> Result<(), EnvoyError> {
        let Self { process, admin, directory } = self;
        let admin = &*admin;
        let ready = eventually("envoy ready", within, || {
            let ended = process.exited();
            async move {
                match ended {
                    Ok(None) => {}
                    // The end of the process ends the wait, as a success that carries the status.
                    Ok(Some(status)) => return Ok(Some(status)),
                    Err(error) => return Err(error.to_string()),
                }
                admin.serves().await.map(|()| None)
            }
        })
        .await;
        let log = || tail(&read(&directory.path().join("log")));
        match ready {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(EnvoyError::Ended { status, log: log() }),
            Err(source) => Err(EnvoyError::NotReady { source, log: log() }),
        }
    }

    /// The admin interface.
    pub fn admin(&self) -> &Admin {
        &self.admin
    }

    /// Everything that Envoy has logged.
    pub fn log(&self) -> String {
        read(&self.directory.path().join("log"))
    }

    /// Everything that Envoy has written to `/dev/stdout`, as a rule access logs.
    pub fn stdout(&self) -> String {
        read(&self.directory.path().join("stdout"))
    }

    /// The lines of the log in which Envoy says that a field or a feature is deprecated.
    pub fn deprecation_warnings(&self) -> Vec<String> {
        deprecations(&self.log())
    }

    /// The number of unknown fields that Envoy has met, in the bootstrap and in resources since.
    ///
    /// # Errors
    /// If the admin interface does not answer.
    pub async fn unknown_fields(&self) -> Result<u64, EnvoyError> {
        let stats = self.admin.stats("^server\\.(dynamic|static)_unknown_fields$").await?;
        Ok(stats.values().sum())
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The exit status, if Envoy has ended.
    ///
    /// # Errors
    /// If the process cannot be waited for.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>, EnvoyError> {
        self.process.exited().map_err(io_error("wait for envoy"))
    }

    /// A directory that lives as long as this Envoy, for files that its configuration names.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Ends Envoy gracefully (SIGTERM) and returns its exit status.
    ///
    /// # Errors
    /// If the process cannot be signalled or waited for.
    pub fn stop(mut self) -> Result<ExitStatus, EnvoyError> {
        self.process.stop().map_err(io_error("stop envoy"))
    }
}

/// Asks Envoy (`--mode validate`) whether it would load `bootstrap`.
///
/// # Errors
/// What Envoy printed, or why it could not be asked.
pub async fn validate(bootstrap: &str) -> Result<(), String> {
    let output = run_validate(bootstrap).await.map_err(|error| error.to_string())?;
    match output {
        (status, _) if status.success() => Ok(()),
        (status, log) => Err(format!("{status}\n{log}")),
    }
}

async fn run_validate(bootstrap: &str) -> Result<(ExitStatus, String), EnvoyError> {
    let directory = working_directory(&EnvoyOptions::default())?;
    let config = directory.path().join("bootstrap.yaml");
    let log = directory.path().join("log");
    write(&config, bootstrap)?;
    let mut command = command(&EnvoyOptions::default())?;
    command.arg("--config-path").arg(&config).args(["--mode", "validate", "--disable-hot-restart"]);
    command.args(["--log-level", "warning"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(create(&log)?);
    let mut process = Process::spawn(&mut command).map_err(io_error("start envoy"))?;
    let status = eventually("envoy --mode validate", VALIDATE_WITHIN, || {
        let ended = process.exited();
        async move { ended.map_err(|error| error.to_string())?.ok_or_else(|| "still running".to_owned()) }
    })
    .await
    .map_err(|source| EnvoyError::NotReady { source, log: tail(&read(&log)) })?;
    Ok((status, read(&log)))
}

fn command(options: &EnvoyOptions) -> Result<Command, EnvoyError> {
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => envoy_binary::find()?,
    };
    // Without symbolic links: their directory may be closed to the user that a wrapper changes to.
    let binary = binary.canonicalize().map_err(io_error(format!("resolve {}", binary.display())))?;
    Ok(match options.wrapper.split_first() {
        Some((program, arguments)) => {
            let mut command = Command::new(program);
            command.args(arguments).arg(binary);
            command
        }
        None => Command::new(binary),
    })
}

fn working_directory(options: &EnvoyOptions) -> Result<tempfile::TempDir, EnvoyError> {
    let mut named = tempfile::Builder::new();
    named.prefix("envoy-");
    let directory = match &options.directory_in {
        Some(parent) => named.tempdir_in(parent),
        None => named.tempdir(),
    };
    let directory = directory.map_err(io_error("make a working directory"))?;
    if options.other_user {
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777))
            .map_err(io_error("open the working directory"))?;
    }
    Ok(directory)
}

fn has_admin(bootstrap: &str) -> Result<bool, EnvoyError> {
    let document: serde_json::Value =
        serde_saphyr::from_str(bootstrap).map_err(|error| EnvoyError::Bootstrap(error.to_string()))?;
    Ok(document.get("admin").is_some_and(|admin| admin.get("address").is_some()))
}

fn admin_overlay(socket: &Path) -> String {
    serde_json::json!({ "admin": { "address": { "pipe": { "path": socket } } } }).to_string()
}

fn deprecations(log: &str) -> Vec<String> {
    log.lines().filter(|line| line.to_ascii_lowercase().contains("deprecated")).map(str::to_owned).collect()
}

fn tail(log: &str) -> String {
    let start = log.len().saturating_sub(TAIL_BYTES);
    let start = (start..log.len()).find(|i| log.is_char_boundary(*i)).unwrap_or(log.len());
    log[start..].to_owned()
}

/// The text of a file that a process writes; what is not UTF-8 yet is replaced.
fn read(path: &Path) -> String {
    match fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => format!("({}: {error})", path.display()),
    }
}

fn write(path: &Path, text: &str) -> Result<(), EnvoyError> {
    fs::write(path, text).map_err(io_error(format!("write {}", path.display())))
}

fn create(path: &Path) -> Result<File, EnvoyError> {
    File::create(path).map_err(io_error(format!("create {}", path.display())))
}

fn io_error(what: impl Into<String>) -> impl FnOnce(io::Error) -> EnvoyError {
    let what = what.into();
    move |source| EnvoyError::Io { what, source }
}

#[cfg(test)]
mod tests;
