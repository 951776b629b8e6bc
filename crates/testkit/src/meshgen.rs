//! Meshes of any size, the same for the same numbers.
//!
//! Object `i` of a kind belongs to namespace `i % namespaces`. VirtualServices and DestinationRules are those
//! of the first services: `VirtualService` `i` splits the traffic of service `i` over two subsets, so a mesh
//! that is to be valid has at least as many `DestinationRule`s as `VirtualService`s.

mod gateway;

use std::{fmt::Write as _, net::Ipv4Addr};

/// The size of a mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeshSpec {
    /// Namespaces `ns-0`, `ns-1`, ...; at least one.
    pub namespaces: usize,
    /// Kubernetes Services `svc-0`, `svc-1`, ..., with one EndpointSlice each.
    pub services: usize,
    /// Endpoints of each service and service entry, alternating between `version: v1` and `v2`.
    pub endpoints_per_service: usize,
    /// Whether each endpoint of a Service has a Pod, which is what carries its labels.
    pub pods: bool,
    /// ServiceEntries `ext-0`, `ext-1`, ... with inline endpoints.
    pub service_entries: usize,
    /// VirtualServices `svc-0`, ... with 80 percent to `v1` and 20 percent to `v2`.
    pub virtual_services: usize,
    /// DestinationRules `svc-0`, ... with the subsets `v1` and `v2`.
    pub destination_rules: usize,
    /// WorkloadEntries of each service entry, in place of its inline endpoints.
    pub workload_entries_per_service_entry: usize,
    /// Number of services that the Sidecar of each namespace lets its workloads see: its own first, then those of
    /// others. No namespace has a Sidecar if 0.
    pub sidecar_services: usize,
    /// HTTPS servers of the Gateway `edge`, each with a host, a port 443 and a Secret of its own; no Gateway if 0.
    pub gateway_servers: usize,
}

impl Default for MeshSpec {
    /// One namespace with ten services of two endpoints each.
    fn default() -> Self {
        Self { services: 10, endpoints_per_service: 2, ..Self::EMPTY }
    }
}

impl MeshSpec {
    /// One namespace with nothing in it.
    pub const EMPTY: Self = Self {
        namespaces: 1,
        services: 0,
        endpoints_per_service: 0,
        pods: true,
        service_entries: 0,
        virtual_services: 0,
        destination_rules: 0,
        workload_entries_per_service_entry: 0,
        sidecar_services: 0,
        gateway_servers: 0,
    };

    /// The whole mesh as files: name and YAML, one file for each object and the slice and pods of a service
    /// together, in an order that is always the same.
    pub fn files(&self) -> Vec<(String, String)> {
        let mut files = Vec::new();
        for i in 0..self.namespaces.max(1) {
            files.push((format!("namespace-{i}.yaml"), namespace(i)));
        }
        for i in 0..self.services {
            files.push((format!("service-{i}.yaml"), self.service(i)));
            files.push((format!("endpoints-{i}.yaml"), self.endpoints(i)));
        }
        for i in 0..self.service_entries {
            files.push((format!("serviceentry-{i}.yaml"), self.service_entry(i)));
            for j in 0..self.workload_entries_per_service_entry {
                files.push((format!("workloadentry-{i}-{j}.yaml"), self.workload_entry(i, j)));
            }
        }
        for i in 0..self.virtual_services {
            files.push((format!("virtualservice-{i}.yaml"), self.virtual_service(i, 80)));
        }
        for i in 0..self.destination_rules {
            files.push((format!("destinationrule-{i}.yaml"), self.destination_rule(i, 100)));
        }
        for i in 0..if self.sidecar_services == 0 { 0 } else { self.namespaces.max(1) } {
            files.push((format!("sidecar-{i}.yaml"), self.sidecar(i)));
        }
        if self.gateway_servers > 0 {
            files.push(("gateway.yaml".to_owned(), self.gateway(None)));
        }
        files
    }

    /// The whole mesh as one text of many documents.
    pub fn yaml(&self) -> String {
        let documents: Vec<_> = self.files().into_iter().map(|(_, yaml)| yaml).collect();
        documents.join("---\n")
    }

    /// The namespace of object `i`.
    pub fn namespace_of(&self, i: usize) -> String {
        format!("ns-{}", i % self.namespaces.max(1))
    }

    /// The host of service `i`.
    pub fn host(&self, i: usize) -> String {
        format!("svc-{i}.{}.svc.cluster.local", self.namespace_of(i))
    }

    /// The Service `i`, with an HTTP port 80.
    pub fn service(&self, i: usize) -> String {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: svc-{i}, namespace: {ns}}}\nspec:\n  \
             clusterIP: {ip}\n  selector: {{app: svc-{i}}}\n  \
             ports: [{{name: http, port: 80, targetPort: 8080, protocol: TCP}}]\n",
            ns = self.namespace_of(i),
            ip = address(Ipv4Addr::new(10, 96, 0, 0), i + 1),
        )
    }

    /// The EndpointSlice of service `i` and, if wanted, its pods.
    pub fn endpoints(&self, i: usize) -> String {
        self.endpoints_with(i, self.endpoints_per_service)
    }

    /// As [`MeshSpec::endpoints`], with another number of endpoints: a service that is scaled. Endpoints have
    /// the same address in both as long as the number stays below twice that of the mesh.
    pub fn endpoints_with(&self, i: usize, endpoints: usize) -> String {
        let ns = self.namespace_of(i);
        let mut yaml = format!(
            "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: svc-{i}-0\n  \
             namespace: {ns}\n  labels: {{kubernetes.io/service-name: svc-{i}}}\naddressType: IPv4\n\
             ports: [{{name: http, port: 8080, protocol: TCP}}]\n"
        );
        yaml.push_str(if endpoints == 0 { "endpoints: []\n" } else { "endpoints:\n" });
        for j in 0..endpoints {
            write(
                &mut yaml,
                format_args!(
                    "- {{addresses: [{ip}], conditions: {{ready: true}}, nodeName: node-{node}, zone: zone-{zone}, \
                     targetRef: {{kind: Pod, name: svc-{i}-{j}, namespace: {ns}}}}}\n",
                    ip = self.pod_ip(i, j),
                    node = j % 6,
                    zone = j % 3,
                ),
            );
        }
        for j in 0..if self.pods { endpoints } else { 0 } {
            write(
                &mut yaml,
                format_args!(
                    "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: svc-{i}-{j}\n  namespace: {ns}\n  \
                     labels: {{app: svc-{i}, version: {version}}}\nspec: {{nodeName: node-{node}, \
                     serviceAccountName: svc-{i}}}\nstatus: {{phase: Running, podIP: {ip}, podIPs: [{{ip: {ip}}}]}}\n",
                    version = version(j),
                    node = j % 6,
                    ip = self.pod_ip(i, j),
                ),
            );
        }
        yaml
    }

    /// The ServiceEntry `i`, with inline endpoints and an HTTP port 80.
    pub fn service_entry(&self, i: usize) -> String {
        let mut yaml = format!(
            "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: ext-{i}, namespace: {ns}}}\n\
             spec:\n  hosts: [ext-{i}.example.com]\n  addresses: [{vip}]\n  \
             ports: [{{number: 80, name: http, protocol: HTTP}}]\n  location: MESH_INTERNAL\n  resolution: STATIC\n",
            ns = self.namespace_of(i),
            vip = address(Ipv4Addr::new(240, 240, 0, 0), i + 1),
        );
        if self.workload_entries_per_service_entry > 0 {
            write(&mut yaml, format_args!("  workloadSelector: {{labels: {{app: ext-{i}}}}}\n"));
            return yaml;
        }
        yaml.push_str(if self.endpoints_per_service == 0 { "  endpoints: []\n" } else { "  endpoints:\n" });
        for j in 0..self.endpoints_per_service {
            let ip = address(Ipv4Addr::new(172, 16, 0, 0), i * self.endpoints_per_service + j + 1);
            let version = version(j);
            write(
                &mut yaml,
                format_args!(
                    "  - {{address: {ip}, ports: {{http: 8080}}, labels: {{version: {version}}}}}\n"
                ),
            );
        }
        yaml
    }

    /// The VirtualService of service `i`, with `weight` of 100 to `v1` and the rest to `v2`.
    pub fn virtual_service(&self, i: usize, weight: u32) -> String {
        let host = self.host(i);
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: svc-{i}, namespace: {ns}}}\n\
             spec:\n  hosts: [{host}]\n  http:\n  - route:\n    \
             - {{destination: {{host: {host}, subset: v1}}, weight: {weight}}}\n    \
             - {{destination: {{host: {host}, subset: v2}}, weight: {rest}}}\n",
            ns = self.namespace_of(i),
            rest = 100_u32.saturating_sub(weight),
        )
    }

    /// The DestinationRule of service `i`, with a pool of `connections`.
    pub fn destination_rule(&self, i: usize, connections: u32) -> String {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: svc-{i}, namespace: {ns}}}\n\
             spec:\n  host: {host}\n  trafficPolicy:\n    \
             connectionPool: {{tcp: {{maxConnections: {connections}}}}}\n  subsets:\n  \
             - {{name: v1, labels: {{version: v1}}}}\n  - {{name: v2, labels: {{version: v2}}}}\n",
            ns = self.namespace_of(i),
            host = self.host(i),
        )
    }

    /// The WorkloadEntry `j` of ServiceEntry `i`.
    pub fn workload_entry(&self, i: usize, j: usize) -> String {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {{name: ext-{i}-{j}, namespace: {ns}}}\n\
             spec: {{address: {ip}, ports: {{http: 8080}}, labels: {{app: ext-{i}, version: {version}}}}}\n",
            ns = self.namespace_of(i),
            ip = address(
                Ipv4Addr::new(12, 0, 0, 0),
                i * self.workload_entries_per_service_entry.max(1) * 2 + j + 1
            ),
            version = version(j),
        )
    }

    /// The Sidecar of namespace `i`.
    pub fn sidecar(&self, i: usize) -> String {
        let mut yaml = format!(
            "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {{name: default, namespace: ns-{i}}}\n\
             spec:\n  egress:\n  - hosts:\n"
        );
        for service in self.sidecar_scope(i) {
            let (ns, host) = (self.namespace_of(service), self.host(service));
            write(&mut yaml, format_args!("    - {ns}/{host}\n"));
        }
        yaml
    }

    /// The services that the Sidecar of namespace `i` lets its workloads see.
    pub fn sidecar_scope(&self, i: usize) -> Vec<usize> {
        let namespaces = self.namespaces.max(1);
        // First i, i + namespaces, ...: those of the namespace; then those of the next namespace.
        let of_namespace = |n: usize| (n..self.services).step_by(namespaces);
        let all = (0..namespaces).flat_map(|step| of_namespace((i + step) % namespaces));
        all.take(self.sidecar_services).collect()
    }

    /// Room for twice the endpoints, so that a service can be scaled without meeting its neighbour.
    pub(crate) fn pod_ip(&self, service: usize, endpoint: usize) -> Ipv4Addr {
        address(Ipv4Addr::new(11, 0, 0, 0), service * self.endpoints_per_service.max(1) * 2 + endpoint + 1)
    }
}

fn namespace(i: usize) -> String {
    format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: ns-{i}}}\n")
}

pub(crate) fn version(endpoint: usize) -> &'static str {
    if endpoint.is_multiple_of(2) { "v1" } else { "v2" }
}

/// The address `n` above `base`, without gaps.
fn address(base: Ipv4Addr, n: usize) -> Ipv4Addr {
    let n = u32::try_from(n).expect("a mesh has fewer than 2^32 addresses");
    Ipv4Addr::from_bits(base.to_bits() + n)
}

fn write(yaml: &mut String, text: std::fmt::Arguments<'_>) {
    yaml.write_fmt(text).expect("writing to a String does not fail");
}

#[cfg(test)]
mod tests;
