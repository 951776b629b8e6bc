//! A stock Envoy of the demo.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use anyhow::Context as _;
use fairlead_envoy::bootstrap::{self, Bootstrap, Node, Xds, XdsProtocol};
use fairlead_lab::envoy_process::{Admin, EnvoyOptions, EnvoyProcess};
use serde_json::json;

use crate::demo::mesh::{Mesh, NAMESPACE, ROOT_NAMESPACE, Workload};

/// The options that all Envoys of the demo share.
pub(super) struct Launch {
    /// The binary.
    pub(super) binary: PathBuf,
    /// The parent of their working directories.
    pub(super) directory: PathBuf,
    /// The address of ADS.
    pub(super) xds: SocketAddr,
    /// The port of their admin interface.
    pub(super) admin_port: u16,
}

/// A running Envoy. Dropping it ends it.
pub(in crate::demo) struct Proxy {
    name: String,
    address: Ipv4Addr,
    gateway: bool,
    process: EnvoyProcess,
}

impl Proxy {
    /// The Envoy of the ingress gateway.
    pub(super) fn gateway(mesh: &Mesh, launch: &Launch) -> anyhow::Result<Self> {
        let labels = json!({ "istio": "ingressgateway" });
        let name = "ingressgateway".to_owned();
        Self::launch("router", name, ROOT_NAMESPACE, mesh.gateway, labels, launch)
    }

    /// The Envoy beside a workload.
    pub(super) fn sidecar(workload: &Workload, launch: &Launch) -> anyhow::Result<Self> {
        let labels = json!({ "app": workload.service, "version": workload.version });
        Self::launch("sidecar", workload.name(), NAMESPACE, workload.address, labels, launch)
    }

    fn launch(
        kind: &str,
        name: String,
        namespace: &str,
        address: Ipv4Addr,
        labels: serde_json::Value,
        launch: &Launch,
    ) -> anyhow::Result<Self> {
        let Launch { binary, directory, xds, admin_port } = launch;
        let metadata = BTreeMap::from([
            ("NAMESPACE".to_owned(), namespace.into()),
            ("LABELS".to_owned(), labels),
            ("INSTANCE_IPS".to_owned(), address.to_string().into()),
            ("INTERCEPTION_MODE".to_owned(), "NONE".into()),
        ]);
        let bootstrap = Bootstrap {
            node: Node {
                id: format!("{kind}~{address}~{name}.{namespace}~{namespace}.svc.cluster.local"),
                cluster: format!("{name}.{namespace}"),
                metadata,
                locality: None,
            },
            xds: Xds {
                host: xds.ip().to_string(),
                port: xds.port(),
                protocol: XdsProtocol::Delta,
                tls: None,
                token_secret_path: None,
            },
            admin: Some(bootstrap::Admin::Socket { host: address.into(), port: *admin_port }),
            // All stats: the steps read some, and users who keep the demo running may want others.
            stats: None,
        };
        let options = EnvoyOptions {
            binary: Some(binary.clone()),
            directory_in: Some(directory.clone()),
            log_level: "warning".to_owned(),
            ..EnvoyOptions::default()
        };
        let process = EnvoyProcess::launch(&bootstrap.to_json().to_string(), &options)
            .with_context(|| format!("start the Envoy of {name}"))?;
        Ok(Self { name, address, gateway: kind == "router", process })
    }

    /// Waits until it serves. Returns its name and address.
    pub(super) async fn ready(&mut self, within: Duration) -> anyhow::Result<(&str, Ipv4Addr)> {
        let ready = self.process.wait_ready(within).await;
        ready.with_context(|| format!("the Envoy of {}", self.name))?;
        Ok((&self.name, self.address))
    }

    /// The name of its workload, or `ingressgateway`.
    pub(in crate::demo) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is the ingress gateway's.
    pub(super) fn is_gateway(&self) -> bool {
        self.gateway
    }

    /// Its admin interface.
    pub(in crate::demo) fn admin(&self) -> &Admin {
        self.process.admin()
    }
}
