//! The YAML of Kubernetes Services.

use std::fmt::Write as _;

use super::{APP_PORT, Endpoint};

/// A Service with its EndpointSlice and Pods, to be written as YAML.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    name: String,
    namespace: String,
    cluster_ip: Option<&'static str>,
    annotations: String,
    ports: Vec<String>,
    slice_ports: Vec<String>,
}

impl Service {
    /// A ClusterIP Service without a port.
    pub(crate) fn new(name: &str, namespace: &str) -> Self {
        Self {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            cluster_ip: None,
            annotations: String::new(),
            ports: Vec::new(),
            slice_ports: Vec::new(),
        }
    }

    /// Port `number`, named `http`, of servers at [`APP_PORT`].
    pub(crate) fn http(self, number: u16) -> Self {
        self.port("http", number, APP_PORT)
    }

    /// A port by name, number and target.
    pub(crate) fn port(mut self, name: &str, number: u16, target: u16) -> Self {
        self.ports.push(format!("{{name: {name}, port: {number}, targetPort: {target}}}"));
        self.slice_ports.push(format!("{{name: {name}, port: {target}}}"));
        self
    }

    /// A port with `appProtocol`.
    pub(crate) fn app_protocol(mut self, name: &str, number: u16, target: u16, protocol: &str) -> Self {
        self.ports
            .push(format!("{{name: {name}, port: {number}, targetPort: {target}, appProtocol: {protocol}}}"));
        self.slice_ports.push(format!("{{name: {name}, port: {target}}}"));
        self
    }

    /// Without an address of its own.
    pub(crate) fn headless(mut self) -> Self {
        self.cluster_ip = Some("None");
        self
    }

    /// With an address of its own.
    pub(crate) fn cluster_ip(mut self, address: &'static str) -> Self {
        self.cluster_ip = Some(address);
        self
    }

    /// Visible to these namespaces only, as `networking.istio.io/exportTo` has it.
    pub(crate) fn export_to(mut self, namespaces: &str) -> Self {
        self.annotations = format!(", annotations: {{networking.istio.io/exportTo: \"{namespaces}\"}}");
        self
    }

    /// Its host.
    pub(crate) fn host(&self) -> String {
        format!("{}.{}.svc.cluster.local", self.name, self.namespace)
    }

    /// The Service, an EndpointSlice of `endpoints`, and their Pods.
    pub(crate) fn yaml<'a>(&self, endpoints: impl IntoIterator<Item = &'a Endpoint>) -> String {
        let Self { name, namespace, annotations, .. } = self;
        let cluster_ip = self.cluster_ip.map_or_else(String::new, |ip| format!("  clusterIP: {ip}\n"));
        let mut text = format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}{annotations}}}\nspec:\n{cluster_ip}  selector: {{app: {name}}}\n  ports: [{}]\n",
            self.ports.join(", ")
        );
        let mut slice = String::new();
        let mut pods = String::new();
        for endpoint in endpoints {
            let line = writeln!(
                slice,
                "- {{addresses: [{}], conditions: {{ready: true}}, targetRef: {{kind: Pod, name: {}, namespace: {}}}}}",
                endpoint.address,
                endpoint.name(),
                endpoint.namespace
            );
            line.expect("writing to a String does not fail");
            pods.push_str("---\n");
            pods.push_str(&endpoint.pod());
        }
        let endpoints =
            if slice.is_empty() { "endpoints: []\n".to_owned() } else { format!("endpoints:\n{slice}") };
        let slice = format!(
            "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: {name}, namespace: {namespace}, labels: {{kubernetes.io/service-name: {name}}}}}\naddressType: IPv4\nports: [{}]\n{endpoints}",
            self.slice_ports.join(", ")
        );
        text.push_str(&slice);
        text.push_str(&pods);
        text
    }
}
