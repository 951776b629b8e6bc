//! The settings of a control plane: one typed structure, read from one file, with flags over it.
//!
//! Precedence: flag, then file, then default. Names are lowerCamelCase in the file, as in Kubernetes.

mod load;
mod text;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use fairlead_api::ProtoDuration;
use serde::{Deserialize, Serialize};

pub use load::{LoadError, parse};
pub use text::{bind_address, log_levels};

/// All settings. Every field has a default; an unknown field is an error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// Where configuration comes from.
    pub source: SourceSettings,
    /// Defaults for the mesh.
    pub mesh: MeshSettings,
    /// The ADS server.
    pub xds: XdsSettings,
    /// Administration, debugging and metrics over HTTP.
    pub admin: AdminSettings,
    /// How changes are gathered before they are pushed.
    pub debounce: DebounceSettings,
    /// Logging.
    pub log: LogSettings,
}

/// Where configuration comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct SourceSettings {
    /// A directory of YAML, watched. There is no default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_dir: Option<PathBuf>,
    /// How long routes wait for a subset that is not defined, and how long a subset is kept that is no longer defined
    /// while routes lead to it. Default 5m; zero: no time, so requests are answered with 503 as in Istio.
    pub reference_grace: ProtoDuration,
    /// Follows links that lead out of the directory. Default false: the author of a link could make the server read any
    /// file.
    pub links_outside: bool,
    /// Maximum number of files read from the directory. Default 100,000.
    pub max_files: usize,
    /// Maximum size of all its files together in bytes. Default 1 GiB.
    pub max_bytes: u64,
}

impl Default for SourceSettings {
    fn default() -> Self {
        Self {
            config_dir: None,
            reference_grace: ProtoDuration(Duration::from_secs(300)),
            links_outside: false,
            max_files: 100_000,
            max_bytes: 1 << 30,
        }
    }
}

/// Defaults for the mesh. MeshConfig takes precedence where it says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct MeshSettings {
    /// The DNS domain of Kubernetes Services. Default `cluster.local`.
    pub domain: String,
    /// The id of the cluster. Default `Kubernetes`.
    pub cluster_id: String,
    /// The namespace whose configuration applies to the whole mesh. Default `istio-system`.
    pub root_namespace: String,
}

impl Default for MeshSettings {
    fn default() -> Self {
        Self {
            domain: "cluster.local".into(),
            cluster_id: "Kubernetes".into(),
            root_namespace: "istio-system".into(),
        }
    }
}

/// The ADS server.
#[expect(clippy::struct_excessive_bools, reason = "independent settings of a file")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct XdsSettings {
    /// The address of ADS, in plaintext. Default `127.0.0.1:15010`.
    #[serde(deserialize_with = "text::read_address")]
    pub bind: SocketAddr,
    /// Allows a bind to an address that is not loopback, although clients are not authenticated. Default false.
    pub allow_unauthenticated: bool,
    /// Sends virtual hosts as resources of their own (VHDS) to delta clients of a proven Envoy version.
    /// Default true.
    pub virtual_hosts_as_resources: bool,
    /// Sends the endpoints of large services as resources of their own (LEDS) to delta clients of a proven Envoy
    /// version. Default true.
    pub endpoints_as_resources: bool,
    /// Minimum number of endpoints for that; services with fewer are sent in one piece. Default 100.
    pub endpoints_as_resources_from: usize,
    /// Sends the filter chains of gateway listeners as resources of their own (FCDS) to delta clients of a proven
    /// Envoy version. Default true.
    pub filter_chains_as_resources: bool,
    /// Minimum number of filter chains for that; listeners with fewer are sent in one piece. Default 32.
    pub filter_chains_as_resources_from: usize,
    /// Maximum size of a request in bytes. Default 16 MiB.
    pub max_request_bytes: usize,
    /// Maximum time from a request's first byte to its last. Default 30s.
    pub request_timeout: ProtoDuration,
    /// Maximum size in bytes of the kept fields of a node. Default 64 KiB.
    pub max_node_bytes: usize,
    /// Maximum number of connections, lower if the limit of open files is lower; further ones wait. Default 16,384.
    pub max_connections: usize,
    /// Maximum number of connections from one address, never more than three quarters; further ones are closed. Default
    /// 12,288: all proxies may come through one gateway.
    pub max_connections_per_client: usize,
    /// Maximum number of different views of the proxies of one address; proxies with further ones are refused. Default
    /// 1,024.
    pub max_views_per_client: usize,
    /// Maximum number of bytes held for one address, apart from what its proxies are served. Default 128 MiB.
    pub client_bytes: usize,
    /// Maximum number of bytes held for all addresses together. Default 512 MiB.
    pub clients_bytes: usize,
    /// Maximum time for which a connection may be without a stream. Default 60s.
    pub idle_timeout: ProtoDuration,
    /// Maximum time for which a view is kept after its last proxy has gone. Default 30s.
    pub view_grace: ProtoDuration,
    /// Maximum time for a client to read one response before its connection is closed. Default 5m.
    pub send_timeout: ProtoDuration,
    /// Interval at which proxies report their load, if their bootstrap has `load_stats_config` (LRS). Default 10s;
    /// zero: reports are refused.
    pub load_report_interval: ProtoDuration,
    /// Serves client status (CSDS) to peers on other machines, although clients are not authenticated. Default false.
    pub client_status_beyond_loopback: bool,
    /// Maximum time for streams to end at shutdown. Default 10s.
    pub drain: ProtoDuration,
}

impl Default for XdsSettings {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 15010)),
            allow_unauthenticated: false,
            virtual_hosts_as_resources: true,
            endpoints_as_resources: true,
            endpoints_as_resources_from: 100,
            filter_chains_as_resources: true,
            filter_chains_as_resources_from: 32,
            max_request_bytes: 16 << 20,
            request_timeout: ProtoDuration(Duration::from_secs(30)),
            max_node_bytes: 64 << 10,
            max_connections: 16_384,
            max_connections_per_client: 12_288,
            max_views_per_client: 1_024,
            client_bytes: 128 << 20,
            clients_bytes: 512 << 20,
            idle_timeout: ProtoDuration(Duration::from_secs(60)),
            view_grace: ProtoDuration(Duration::from_secs(30)),
            send_timeout: ProtoDuration(Duration::from_secs(300)),
            load_report_interval: ProtoDuration(Duration::from_secs(10)),
            client_status_beyond_loopback: false,
            drain: ProtoDuration(Duration::from_secs(10)),
        }
    }
}

/// Administration, debugging and metrics over HTTP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AdminSettings {
    /// The address. Default `127.0.0.1:15014`.
    #[serde(deserialize_with = "text::read_address")]
    pub bind: SocketAddr,
    /// Allows a bind to an address that is not loopback, although clients are not authenticated. Default false.
    pub allow_unauthenticated: bool,
    /// Maximum number of connections; for a further one the oldest is closed. Default 64.
    pub max_connections: usize,
    /// Maximum time for which a connection may be idle in both directions. Default 30s.
    pub idle_timeout: ProtoDuration,
}

impl Default for AdminSettings {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 15014)),
            allow_unauthenticated: false,
            max_connections: 64,
            idle_timeout: ProtoDuration(Duration::from_secs(30)),
        }
    }
}

/// How changes are gathered before they are pushed. The quiet time adapts between the bounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DebounceSettings {
    /// The quiet time when nothing is going on. Default 10ms.
    pub min: ProtoDuration,
    /// Maximum time that a change waits while others keep coming. Default 10s.
    pub max: ProtoDuration,
}

impl Default for DebounceSettings {
    fn default() -> Self {
        Self { min: ProtoDuration(Duration::from_millis(10)), max: ProtoDuration(Duration::from_secs(10)) }
    }
}

/// Logging, to standard error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LogSettings {
    /// Levels as `tracing_subscriber::EnvFilter` reads them: `info`, `info,fairlead_xds=debug`. Default `info`.
    #[serde(deserialize_with = "text::read_levels")]
    pub level: String,
    /// The form of a line. Default `text`.
    pub format: LogFormat,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { level: "info".into(), format: LogFormat::Text }
    }
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Number of open files besides connections: those of the runtime and the watcher, and the files being read.
const OWN_FILES: usize = 32;

/// A setting that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A server would listen beyond loopback for clients that it cannot authenticate.
    #[error(
        "{setting}.bind is {address}, which is not loopback, and clients are not authenticated: bind to a \
         loopback address, or set {setting}.allowUnauthenticated to accept the risk"
    )]
    Exposed {
        /// `xds` or `admin`.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
    },
    /// The bounds of the quiet time are in the wrong order.
    #[error("debounce.min is longer than debounce.max")]
    Debounce,
}

impl Settings {
    /// The settings as the YAML of a settings file.
    ///
    /// # Panics
    /// Never: settings are plain data.
    pub fn to_yaml(&self) -> String {
        fairlead_envoy::json::to_yaml(&serde_json::to_value(self).expect("settings are plain data"))
    }

    /// The settings that the model needs.
    pub fn model(&self) -> fairlead_model::mesh::Settings {
        fairlead_model::mesh::Settings {
            domain: self.mesh.domain.as_str().into(),
            cluster: self.mesh.cluster_id.as_str().into(),
            root_namespace: self.mesh.root_namespace.as_str().into(),
            assignment_elements: if self.xds.endpoints_as_resources {
                self.xds.endpoints_as_resources_from
            } else {
                usize::MAX
            },
            listener_elements: self.xds.filter_chains_as_resources_from,
        }
    }

    /// Lowers the limits of connections so that they leave enough open files for the directory, the administration and
    /// the process itself. Returns whether that changed anything.
    pub fn fit_open_files(&mut self, open_files: usize) -> bool {
        let before = (self.xds.max_connections, self.admin.max_connections);
        self.admin.max_connections = self.admin.max_connections.min((open_files / 8).max(4));
        let others = self.admin.max_connections + OWN_FILES;
        self.xds.max_connections = self.xds.max_connections.min(open_files.saturating_sub(others).max(1));
        before != (self.xds.max_connections, self.admin.max_connections)
    }

    /// Checks what the types cannot express.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn validate(&self) -> Result<(), SettingsError> {
        for (setting, address, allowed) in [
            ("xds", self.xds.bind, self.xds.allow_unauthenticated),
            ("admin", self.admin.bind, self.admin.allow_unauthenticated),
        ] {
            if !address.ip().is_loopback() && !allowed {
                return Err(SettingsError::Exposed { setting, address });
            }
        }
        if self.debounce.min > self.debounce.max {
            return Err(SettingsError::Debounce);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
