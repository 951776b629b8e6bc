//! Running Envoys.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use fairlead_envoy::bootstrap::{Bootstrap, Locality, Node, Xds, XdsProtocol};
use fairlead_lab::{
    client::{Answer, Client, Request},
    deadline::eventually,
    envoy_process::{Admin, EnvoyOptions, EnvoyProcess},
    load::{Load, Report},
    ports,
};
use serde_json::{Value, json};

use super::{Endpoint, INBOUND_PORT, Mesh};

/// How long an Envoy may take to start on a busy machine.
const STARTED_WITHIN: Duration = Duration::from_secs(60);
/// How many requests of a load are under way at once.
const WORKERS: u32 = 4;

/// What an Envoy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Beside a workload.
    Sidecar,
    /// At the edge.
    Gateway,
}

/// Who an Envoy is, and how it is started.
pub(crate) struct Proxy {
    /// Its name.
    pub(crate) name: String,
    /// The address that it listens at.
    pub(crate) address: Ipv4Addr,
    envoy: EnvoyProcess,
}

/// One egress listener of a client sidecar.
#[derive(Clone, Debug)]
pub(crate) struct Egress {
    port: u16,
    protocol: &'static str,
    hosts: Vec<String>,
}

impl Egress {
    /// An HTTP listener that sees everything.
    pub(crate) fn http(port: u16) -> Self {
        Self { port, protocol: "HTTP", hosts: vec!["*/*".to_owned()] }
    }

    /// A TCP listener that sees everything.
    pub(crate) fn tcp(port: u16) -> Self {
        Self { protocol: "TCP", ..Self::http(port) }
    }

    /// Another protocol, as a port of Istio's names it.
    pub(crate) fn protocol(mut self, protocol: &'static str) -> Self {
        self.protocol = protocol;
        self
    }

    /// Which hosts it sees, as `namespace/host`.
    pub(crate) fn hosts(mut self, hosts: &[&str]) -> Self {
        self.hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        self
    }
}

/// An Envoy to be started.
pub(crate) struct Starting<'a> {
    mesh: &'a Mesh,
    role: Role,
    name: String,
    namespace: String,
    labels: BTreeMap<String, String>,
    protocol: XdsProtocol,
    locality: Option<Locality>,
    address: Ipv4Addr,
    metadata: BTreeMap<String, Value>,
    reports_load: bool,
    through: Option<SocketAddr>,
}

impl Mesh {
    /// A client sidecar, and the Sidecar object that says where it listens. It has the label `app: <name>`.
    pub(crate) async fn client(&self, name: &str, namespace: &str, egress: &[Egress]) -> Proxy {
        let starting = self.sidecar(name, namespace);
        let sidecar = starting.sidecar_yaml("", &egress_yaml(starting.address, egress));
        self.publish(&format!("sidecar-{name}.yaml"), &sidecar).await;
        starting.start().await
    }

    /// A sidecar in front of `endpoint`, and its Sidecar object: what comes to the endpoint's address at
    /// [`INBOUND_PORT`] goes to its application.
    pub(crate) async fn sidecar_of(&self, endpoint: &Endpoint, egress: &[Egress]) -> Proxy {
        let mut starting = self.sidecar(endpoint.name(), &endpoint.namespace);
        starting.labels.clone_from(&endpoint.labels);
        starting.address = endpoint.address;
        let ingress = format!(
            "  ingress:\n  - port: {{number: {INBOUND_PORT}, name: http, protocol: HTTP}}\n    bind: {}\n    captureMode: NONE\n    defaultEndpoint: {}\n",
            endpoint.address,
            endpoint.app.address()
        );
        let sidecar = starting.sidecar_yaml(&ingress, &egress_yaml(starting.address, egress));
        self.publish(&format!("sidecar-{}.yaml", endpoint.name()), &sidecar).await;
        starting.start().await
    }

    /// A sidecar without an object of its own, to be changed before it is started.
    pub(crate) fn sidecar(&self, name: &str, namespace: &str) -> Starting<'_> {
        self.proxy(Role::Sidecar, name, namespace)
    }

    /// A gateway with the label `app: <name>`, to be started. Servers of a Gateway bind to its address.
    pub(crate) fn gateway(&self, name: &str, namespace: &str) -> Starting<'_> {
        self.proxy(Role::Gateway, name, namespace)
    }

    fn proxy(&self, role: Role, name: &str, namespace: &str) -> Starting<'_> {
        Starting {
            mesh: self,
            role,
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            labels: BTreeMap::from([("app".to_owned(), name.to_owned())]),
            protocol: XdsProtocol::Delta,
            locality: None,
            address: ports::loopback(),
            metadata: BTreeMap::new(),
            reports_load: false,
            through: None,
        }
    }
}

impl Starting<'_> {
    /// With one more label.
    pub(crate) fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Speaks the state-of-the-world variant.
    pub(crate) fn state_of_the_world(mut self) -> Self {
        self.protocol = XdsProtocol::StateOfTheWorld;
        self
    }

    /// Reports its load to the control plane (LRS).
    pub(crate) fn reporting_load(mut self) -> Self {
        self.reports_load = true;
        self
    }

    /// Reaches the control plane through something at this address.
    pub(crate) fn through(mut self, address: SocketAddr) -> Self {
        self.through = Some(address);
        self
    }

    /// Runs in a place.
    pub(crate) fn locality(mut self, region: &str, zone: &str) -> Self {
        self.locality =
            Some(Locality { region: region.to_owned(), zone: zone.to_owned(), sub_zone: String::new() });
        self
    }

    /// With more metadata.
    pub(crate) fn metadata(mut self, name: &str, value: Value) -> Self {
        self.metadata.insert(name.to_owned(), value);
        self
    }

    /// At an address that was taken before.
    pub(crate) fn at(mut self, address: Ipv4Addr) -> Self {
        self.address = address;
        self
    }

    /// The address that it will listen at.
    pub(crate) fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// A Sidecar object for this proxy alone, with `ingress:` and `egress:` blocks (indented by two).
    pub(crate) fn sidecar_yaml(&self, ingress: &str, egress: &str) -> String {
        let labels = serde_json::to_string(&self.labels).expect("labels are texts");
        format!(
            "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {{name: {}, namespace: {}}}\nspec:\n  workloadSelector: {{labels: {labels}}}\n{ingress}{egress}",
            self.name, self.namespace
        )
    }

    /// Starts it, and waits until it serves.
    pub(crate) async fn start(self) -> Proxy {
        let mut bootstrap = self.bootstrap().to_json();
        if self.reports_load {
            let ads = &bootstrap["dynamic_resources"]["ads_config"]["grpc_services"];
            bootstrap["cluster_manager"] = json!({ "load_stats_config": {
                "api_type": "GRPC", "transport_api_version": "V3", "grpc_services": ads,
            } });
        }
        let options = EnvoyOptions {
            log_level: "warning".to_owned(),
            ready_within: STARTED_WITHIN,
            ..EnvoyOptions::default()
        };
        let envoy = EnvoyProcess::start(&bootstrap.to_string(), &options).await;
        let envoy = envoy.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let proxy = Proxy { name: self.name, address: self.address, envoy };
        self.mesh.settled().await;
        proxy
    }

    fn bootstrap(&self) -> Bootstrap {
        let kind = match self.role {
            Role::Sidecar => "sidecar",
            Role::Gateway => "router",
        };
        let (name, namespace, address) = (&self.name, &self.namespace, self.address);
        let mut metadata = BTreeMap::from([
            ("NAMESPACE".to_owned(), namespace.as_str().into()),
            ("LABELS".to_owned(), json!(self.labels)),
            ("INSTANCE_IPS".to_owned(), address.to_string().into()),
            ("INTERCEPTION_MODE".to_owned(), "NONE".into()),
        ]);
        metadata.extend(self.metadata.clone());
        let xds = self.through.unwrap_or_else(|| self.mesh.control_plane().xds_address());
        Bootstrap {
            node: Node {
                id: format!("{kind}~{address}~{name}.{namespace}~{namespace}.svc.cluster.local"),
                cluster: format!("{name}.{namespace}"),
                metadata,
                locality: self.locality.clone(),
            },
            xds: Xds {
                host: xds.ip().to_string(),
                port: xds.port(),
                protocol: self.protocol,
                tls: None,
                token_secret_path: None,
            },
            // On a socket in its directory.
            admin: None,
            stats: None,
        }
    }
}

/// The `egress:` block of a Sidecar with listeners at `address`.
pub(crate) fn egress_yaml(address: Ipv4Addr, egress: &[Egress]) -> String {
    if egress.is_empty() {
        return String::new();
    }
    let listener = |Egress { port, protocol, hosts }: &Egress| {
        let name = protocol.to_lowercase();
        let hosts = serde_json::to_string(hosts).expect("hosts are texts");
        format!(
            "  - port: {{number: {port}, name: {name}, protocol: {protocol}}}\n    bind: {address}\n    captureMode: NONE\n    hosts: {hosts}\n"
        )
    };
    format!("  egress:\n{}", egress.iter().map(listener).collect::<String>())
}

impl Proxy {
    /// Its administration.
    pub(crate) fn admin(&self) -> &Admin {
        self.envoy.admin()
    }

    /// The process.
    pub(crate) fn envoy(&self) -> &EnvoyProcess {
        &self.envoy
    }

    /// Where one of its listeners is.
    pub(crate) fn at(&self, port: u16) -> SocketAddr {
        (IpAddr::from(self.address), port).into()
    }

    /// A client of one of its listeners.
    pub(crate) fn http(&self, port: u16) -> Client {
        Client::new(self.at(port))
    }

    /// One request to a listener; it is answered, with any status.
    pub(crate) async fn send(&self, port: u16, request: Request) -> Answer {
        let answer = self.http(port).send(&request).await;
        answer.unwrap_or_else(|failure| panic!("{} has no answer to {request:?}: {failure}", self.name))
    }

    /// `GET path` of `host`.
    pub(crate) async fn get(&self, port: u16, host: &str, path: &str) -> Answer {
        self.send(port, Request::get(path).host(host)).await
    }

    /// `count` requests, a few at a time over kept connections; each is answered.
    pub(crate) async fn load(
        &self,
        port: u16,
        count: u64,
        request: impl Fn(u64) -> Request + Send + Sync + 'static,
    ) -> Report {
        let address = self.at(port);
        let report =
            Load::count(count).workers(WORKERS).run(|| Client::new(address).keep_alive(), request).await;
        assert_eq!((report.requests(), report.failures()), (count, 0), "{report}");
        report
    }

    /// A counter or gauge by its whole name; 0 if Envoy has not made it yet.
    pub(crate) async fn stat(&self, name: &str) -> u64 {
        self.admin().stat(name).await.expect("Envoy's administration answers")
    }

    /// A counter of the cluster of a service's port, such as `upstream_rq_retry`.
    pub(crate) async fn cluster_stat(&self, cluster: &str, counter: &str) -> u64 {
        self.stat(&format!("cluster.{cluster}.{counter}")).await
    }

    /// Waits until a counter or gauge has a value.
    pub(crate) async fn stat_becomes(&self, name: &str, value: u64) {
        eventually(&format!("{name} = {value}"), Duration::from_secs(10), || async {
            let now = self.stat(name).await;
            if now == value { Ok(()) } else { Err(format!("it is {now}")) }
        })
        .await
        .expect("the statistic of Envoy");
    }

    /// Fails if Envoy has met a field that it does not know, or one that is deprecated.
    pub(crate) async fn assert_clean(&self) {
        assert_eq!(self.envoy.deprecation_warnings(), Vec::<String>::new(), "{}", self.name);
        let unknown = self.envoy.unknown_fields().await.expect("Envoy's administration answers");
        assert_eq!(unknown, 0, "{} has met unknown fields\n{}", self.name, self.envoy.log());
    }
}

/// The name of the cluster of a port of a service.
pub(crate) fn cluster(port: u16, subset: &str, host: &str) -> String {
    format!("outbound|{port}|{subset}|{host}")
}
