//! `fairlead serve`.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, anyhow, bail};
use clap::ValueEnum;
use fairlead_control_plane::{
    ControlPlane, StartError,
    settings::{self, LogFormat, Settings, SettingsError},
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use crate::{exit::Usage, logging, output};

/// Serve the configuration in a directory of YAML to Envoys, over ADS.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  fairlead serve --config-dir my-config/
  fairlead serve --config fairlead.yaml --log-level info,fairlead_xds=debug
  fairlead serve --config-dir my-config/ --xds-bind 127.0.0.1:16010 --print-config

On SIGTERM or SIGINT it lets the streams end (for up to 10 s, `xds.drain`), then exits.")]
pub(crate) struct Args {
    /// The directory to read and watch: Istio's kinds and Services, and where workloads are (Pods, EndpointSlices,
    /// ServiceEntries).
    #[arg(long, value_name = "DIR")]
    config_dir: Option<PathBuf>,
    /// A YAML file of settings; flags override it. `--print-config` prints one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where ADS is served, in plaintext. Default: 127.0.0.1:15010.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = settings::bind_address)]
    xds_bind: Option<SocketAddr>,
    /// Where administration and metrics are served, over plain HTTP. Default: 127.0.0.1:15014.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = settings::bind_address)]
    admin_bind: Option<SocketAddr>,
    /// Allow binding to addresses that are not loopback, although clients are not authenticated.
    #[arg(long)]
    allow_unauthenticated: bool,
    /// The DNS domain of Kubernetes Services. Default: cluster.local.
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,
    /// The namespace whose configuration applies to the whole mesh. Default: istio-system.
    #[arg(long, value_name = "NAMESPACE")]
    root_namespace: Option<String>,
    /// The cluster id of proxies that do not state one. Default: Kubernetes.
    #[arg(long, value_name = "ID")]
    cluster_id: Option<String>,
    /// Log levels, such as `info` or `info,fairlead_xds=debug`. Default: info.
    #[arg(long, value_name = "LEVELS", value_parser = settings::log_levels)]
    log_level: Option<String>,
    /// The format of the log. Default: text.
    #[arg(long, value_enum)]
    log_format: Option<LogForm>,
    /// Print the settings that result from file and flags, and exit.
    #[arg(long)]
    print_config: bool,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogForm {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

impl Args {
    /// The settings of the file, with the flags over them.
    fn settings(&self) -> anyhow::Result<Settings> {
        let mut settings = match &self.config {
            None => Settings::default(),
            Some(file) => {
                let name = file.display().to_string();
                let bytes = std::fs::read(file).with_context(|| Usage(format!("cannot read {name}")))?;
                settings::parse(&name, &bytes).map_err(|error| Usage(error.to_string()))?
            }
        };
        let Self { config_dir, xds_bind, admin_bind, domain, root_namespace, cluster_id, log_level, .. } =
            self;
        over(&mut settings.source.config_dir, config_dir.clone().map(Some));
        over(&mut settings.xds.bind, *xds_bind);
        over(&mut settings.admin.bind, *admin_bind);
        over(&mut settings.mesh.domain, domain.clone());
        over(&mut settings.mesh.root_namespace, root_namespace.clone());
        over(&mut settings.mesh.cluster_id, cluster_id.clone());
        over(&mut settings.log.level, log_level.clone());
        let format = self.log_format.map(|form| match form {
            LogForm::Text => LogFormat::Text,
            LogForm::Json => LogFormat::Json,
        });
        over(&mut settings.log.format, format);
        settings.xds.allow_unauthenticated |= self.allow_unauthenticated;
        settings.admin.allow_unauthenticated |= self.allow_unauthenticated;
        settings.validate().map_err(|error| match error {
            SettingsError::Exposed { .. } => Usage(format!("{error} (flag: --allow-unauthenticated)")),
            SettingsError::Debounce => Usage(error.to_string()),
        })?;
        Ok(settings)
    }
}

fn over<T>(setting: &mut T, flag: Option<T>) {
    if let Some(flag) = flag {
        *setting = flag;
    }
}

/// Serves until a signal arrives.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut settings = args.settings()?;
    if args.print_config {
        output::print(&settings.to_yaml())?;
        return Ok(ExitCode::SUCCESS);
    }
    if settings.source.config_dir.is_none() {
        bail!(Usage("which configuration? say --config-dir DIR (source.configDir in the file)".to_owned()));
    }
    let log = logging::install(&settings.log)?;
    if let Some(open_files) = allow_open_files()
        && settings.fit_open_files(open_files)
    {
        let connections = settings.xds.max_connections;
        info!(open_files, connections, "the limit of open files (ulimit -n) allows fewer connections");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        // Installed before anything starts, so that no signal is missed.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let control_plane = ControlPlane::start(&settings, Some(log)).await.map_err(failed_to_start)?;
        let failure = tokio::select! {
            _ = terminate.recv() => None,
            _ = interrupt.recv() => None,
            message = control_plane.failed() => Some(message),
        };
        control_plane.shut_down().await;
        match failure {
            None => Ok(ExitCode::SUCCESS),
            Some(message) => Err(anyhow!("the control plane has failed: {message}")),
        }
    })
}

fn failed_to_start(error: StartError) -> anyhow::Error {
    let is_usage = error.is_of_settings();
    let error = anyhow!(error);
    if is_usage { error.context(Usage("cannot start".to_owned())) } else { error }
}

/// Raises the soft limit of open files to the hard one, as each proxy takes one. Returns it; `None` if there is none.
fn allow_open_files() -> Option<usize> {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        warn!(%error, "limit of open files not raised");
    }
    getrlimit(Resource::Nofile).current.map(|files| usize::try_from(files).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests;
