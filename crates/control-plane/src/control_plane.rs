//! A running control plane: the core, its sources, the ADS server and the administration.

use std::{io, net::SocketAddr, sync::Arc, thread::JoinHandle as ThreadHandle};

use fairlead_config::ConfigSource;
use fairlead_source_file::{Bounds, FileSource, SourceError};
use fairlead_xds::server::{Endpoint, Server, ServerOptions, Sessions};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    admin,
    clock::Clock,
    core::{self, CoreHandle, Readiness},
    metrics::Metrics,
    node,
    resolver::{MeshResolver, is_loopback},
    settings::{Settings, SettingsError},
    telemetry::{self, LogLevels},
};

/// Why a control plane does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// There is no source of configuration.
    #[error("no source of configuration: set source.configDir")]
    NoSource,
    /// The directory cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// An address cannot be bound to.
    #[error("bind {setting}.bind to {address}")]
    Bind {
        /// `xds` or `admin`.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// The thread of the core cannot be started.
    #[error("start the thread of the core")]
    Thread(#[source] io::Error),
}

impl StartError {
    /// Whether only other settings would help.
    pub fn is_of_settings(&self) -> bool {
        match self {
            Self::Settings(_) | Self::NoSource => true,
            Self::Source(error) => !matches!(error, SourceError::Thread { .. }),
            Self::Bind { .. } | Self::Thread(_) => false,
        }
    }
}

/// A control plane that serves. It owns its tasks: [`ControlPlane::shut_down`] ends them all.
pub struct ControlPlane {
    core: CoreHandle,
    sessions: Sessions,
    metrics: Arc<Metrics>,
    xds_address: SocketAddr,
    admin_address: SocketAddr,
    tasks: Tasks,
}

/// The tasks that have to end at shutdown.
struct Tasks {
    stop: CancellationToken,
    core: ThreadHandle<()>,
    sources: Vec<JoinHandle<()>>,
    xds: JoinHandle<()>,
    admin: JoinHandle<()>,
}

impl ControlPlane {
    /// Starts with a directory of YAML as its source, as the settings say.
    ///
    /// # Errors
    /// If a setting cannot be used, the directory cannot be read, or an address is in use.
    pub async fn start(settings: &Settings, log: Option<Arc<dyn LogLevels>>) -> Result<Self, StartError> {
        settings.validate()?;
        let directory = settings.source.config_dir.clone().ok_or(StartError::NoSource)?;
        let listeners = Listeners::bind(settings).await?;
        let quiet = fairlead_source_file::Settings {
            quiet_time: settings.debounce.min.0,
            bounds: Bounds {
                links_outside: settings.source.links_outside,
                files: settings.source.max_files,
                bytes: settings.source.max_bytes,
                ..Bounds::default()
            },
            ..fairlead_source_file::Settings::default()
        };
        let source = FileSource::spawn(directory, quiet)?;
        Self::run(settings, log, listeners, vec![Box::new(source)])
    }

    /// Starts with sources, whose ids must differ. It serves as soon as all of them are synced; if several have an
    /// object, the first source's is used.
    ///
    /// # Errors
    /// If a setting cannot be used, or an address is taken.
    pub async fn start_with(
        settings: &Settings,
        log: Option<Arc<dyn LogLevels>>,
        sources: Vec<Box<dyn ConfigSource>>,
    ) -> Result<Self, StartError> {
        settings.validate()?;
        let listeners = Listeners::bind(settings).await?;
        Self::run(settings, log, listeners, sources)
    }

    fn run(
        settings: &Settings,
        log: Option<Arc<dyn LogLevels>>,
        listeners: Listeners,
        sources: Vec<Box<dyn ConfigSource>>,
    ) -> Result<Self, StartError> {
        let metrics = Arc::new(Metrics::new());
        let ids = sources.iter().map(|source| source.id()).collect();
        let (core, thread) =
            core::start(settings, ids, metrics.clone(), Clock::system()).map_err(StartError::Thread)?;
        let resolver = Arc::new(MeshResolver::new(core.clone(), settings, metrics.clone()));
        let server = Server::new(resolver.clone(), server_options(settings));
        let sessions = server.sessions();
        resolver.watch(sessions.clone());
        metrics.watch(sessions.clone());

        let stop = CancellationToken::new();
        let (xds_address, admin_address) = (listeners.xds_address, listeners.admin_address);
        let state = admin::State::new(core.clone(), sessions.clone(), metrics.clone(), settings.clone(), log);
        for (server, address) in [("xds", xds_address), ("admin", admin_address)] {
            telemetry::serving(server, address);
            if !is_loopback(address.ip()) {
                telemetry::exposed(server, address);
            }
        }
        let tasks = Tasks {
            core: thread,
            sources: sources
                .into_iter()
                .map(|source| tokio::spawn(follow(source, core.clone(), stop.clone())))
                .collect(),
            xds: tokio::spawn(serve_xds(server, listeners.xds, stop.clone())),
            admin: tokio::spawn(admin::serve(listeners.admin, state, stop.clone())),
            stop,
        };
        Ok(Self { core, sessions, metrics, xds_address, admin_address, tasks })
    }

    /// The address of the ADS server.
    pub fn xds_address(&self) -> SocketAddr {
        self.xds_address
    }

    /// The address of the administration server.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// The core, to send it updates or look at it.
    pub fn core(&self) -> &CoreHandle {
        &self.core
    }

    /// The connected proxies.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The metrics in the OpenMetrics text format.
    pub fn metrics(&self) -> String {
        self.metrics.encode()
    }

    /// Waits until the first configuration is ready.
    ///
    /// # Errors
    /// The message of the panic, if the core fails instead.
    pub async fn ready(&self) -> Result<(), Arc<str>> {
        self.until(|readiness| *readiness == Readiness::Ready).await
    }

    /// Waits until the core fails, which is a bug, and returns the panic's message. Proxies keep what they have;
    /// the process should end with an error, so that it is started again.
    pub async fn failed(&self) -> Arc<str> {
        match self.until(|_| false).await {
            Ok(()) => unreachable!("nothing but a failure is waited for"),
            Err(message) => message,
        }
    }

    async fn until(&self, reached: impl Fn(&Readiness) -> bool) -> Result<(), Arc<str>> {
        let mut readiness = self.core.readiness();
        let ended = readiness.wait_for(|now| matches!(now, Readiness::Failed(_)) || reached(now)).await;
        match ended.as_deref() {
            Ok(Readiness::Failed(message)) => Err(message.clone()),
            Ok(_) => Ok(()),
            Err(_closed) => Err("the core has ended".into()),
        }
    }

    /// Drains the connections of the proxies and ends everything.
    pub async fn shut_down(self) {
        telemetry::draining();
        let Tasks { stop, core, sources, xds, admin } = self.tasks;
        stop.cancel();
        let sources = sources.into_iter().map(|source| ("source", source));
        for (what, task) in sources.chain([("xds", xds), ("admin", admin)]) {
            if let Err(error) = task.await {
                telemetry::server_failed(what, &error);
            }
        }
        self.core.shut_down();
        // The core ends between two events; a round may take a moment, which must not block the runtime.
        if let Ok(Err(_panic)) = tokio::task::spawn_blocking(move || core.join()).await {
            telemetry::core_failed("its thread has panicked");
        }
    }
}

fn server_options(settings: &Settings) -> ServerOptions {
    ServerOptions {
        max_request_bytes: settings.xds.max_request_bytes,
        request_timeout: settings.xds.request_timeout.0,
        metadata: node::METADATA,
        max_node_bytes: settings.xds.max_node_bytes,
        max_connections: settings.xds.max_connections,
        max_connections_per_client: settings.xds.max_connections_per_client,
        client_bytes: settings.xds.client_bytes,
        clients_bytes: settings.xds.clients_bytes,
        idle_timeout: settings.xds.idle_timeout.0,
        stall_timeout: settings.xds.send_timeout.0,
        drain_timeout: settings.xds.drain.0,
        load_report_interval: Some(settings.xds.load_report_interval.0)
            .filter(|interval| !interval.is_zero()),
        client_status_beyond_loopback: settings.xds.client_status_beyond_loopback,
        ..ServerOptions::default()
    }
}

/// Both ports, bound before anything else starts, so that an address in use is an error at once.
struct Listeners {
    xds: TcpListener,
    xds_address: SocketAddr,
    admin: TcpListener,
    admin_address: SocketAddr,
}

impl Listeners {
    async fn bind(settings: &Settings) -> Result<Self, StartError> {
        let (xds, xds_address) = bind("xds", settings.xds.bind).await?;
        let (admin, admin_address) = bind("admin", settings.admin.bind).await?;
        Ok(Self { xds, xds_address, admin, admin_address })
    }
}

async fn bind(setting: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Bind { setting, address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

async fn serve_xds(server: Server<MeshResolver>, listener: TcpListener, stop: CancellationToken) {
    if let Err(error) = server.serve(Endpoint::plain(listener), stop.cancelled_owned()).await {
        telemetry::server_failed("xds", &error);
    }
    server.ended().await;
}

/// Passes on the updates of a source, until the end.
async fn follow(mut source: Box<dyn ConfigSource>, core: CoreHandle, stop: CancellationToken) {
    let id = source.id();
    loop {
        let update = tokio::select! {
            () = stop.cancelled() => return,
            update = source.next() => update,
        };
        let Some(update) = update else {
            telemetry::source_ended(&id);
            return;
        };
        if core.source_update(&id, update).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
