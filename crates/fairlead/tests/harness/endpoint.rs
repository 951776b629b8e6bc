//! Servers of the mesh.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
};

use fairlead_lab::ports;
use fairlead_testkit::app::App;

/// Where the server of an endpoint without an Envoy listens.
pub(crate) const APP_PORT: u16 = 9080;
/// Where the Envoy of an endpoint takes what is for its server: the same port, so that a Service fits both.
pub(crate) const INBOUND_PORT: u16 = APP_PORT;

/// One version of a service, at a loopback address of its own.
pub(crate) struct Endpoint {
    /// The service that it plays, which is its label `app`.
    pub(crate) service: String,
    /// The version, which is its label `version`.
    pub(crate) version: String,
    /// Its namespace.
    pub(crate) namespace: String,
    /// Its labels.
    pub(crate) labels: BTreeMap<String, String>,
    /// Its address, which is the pod's.
    pub(crate) address: Ipv4Addr,
    /// The server.
    pub(crate) app: App,
    name: String,
}

impl Endpoint {
    /// A server that is called directly, at [`APP_PORT`] of its address.
    pub(crate) async fn bare(service: &str, version: &str, namespace: &str) -> Self {
        let address = ports::loopback();
        Self::start(service, version, namespace, address, (address, APP_PORT).into()).await
    }

    /// A server that leaves [`INBOUND_PORT`] of its address to an Envoy. It listens at a port of 127.0.0.1, which
    /// is where a Sidecar may send what comes in.
    pub(crate) async fn behind_envoy(service: &str, version: &str, namespace: &str) -> Self {
        let behind = ports::free_port(Ipv4Addr::LOCALHOST.into()).expect("a free port");
        Self::start(service, version, namespace, ports::loopback(), behind).await
    }

    async fn start(
        service: &str,
        version: &str,
        namespace: &str,
        address: Ipv4Addr,
        server: SocketAddr,
    ) -> Self {
        let app = App::http(service, version, server).await.expect("the address is free");
        let labels = BTreeMap::from([
            ("app".to_owned(), service.to_owned()),
            ("version".to_owned(), version.to_owned()),
        ]);
        let [.., host] = address.octets();
        let name = format!("{service}-{version}-{host}");
        Self {
            service: service.to_owned(),
            version: version.to_owned(),
            namespace: namespace.to_owned(),
            labels,
            address,
            app,
            name,
        }
    }

    /// Several bare servers of one service, one for each version.
    pub(crate) async fn several(service: &str, versions: &[&str], namespace: &str) -> Vec<Self> {
        let mut endpoints = Vec::new();
        for version in versions {
            endpoints.push(Self::bare(service, version, namespace).await);
        }
        endpoints
    }

    /// With one more label.
    pub(crate) fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// The name of its pod, unique in the mesh.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its Pod.
    pub(crate) fn pod(&self) -> String {
        let labels = serde_json::to_string(&self.labels).expect("labels are texts");
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {}, namespace: {}, labels: {labels}}}\nspec: {{}}\nstatus: {{phase: Running, podIP: {}, conditions: [{{type: Ready, status: \"True\"}}]}}\n",
            self.name, self.namespace, self.address
        )
    }
}
