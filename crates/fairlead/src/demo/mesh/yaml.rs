//! The files of the mesh as a user would write them: Kubernetes objects, and the few Istio ones always present.

use std::fmt::Write as _;

use super::{Mesh, NAMESPACE, ROOT_NAMESPACE, Workload};

/// The files of the mesh, by their names in its directory.
pub(in crate::demo) fn files(mesh: &Mesh) -> Vec<(&'static str, String)> {
    vec![
        ("mesh-config.yaml", mesh_config()),
        (
            "services.yaml",
            documents(Mesh::services().enumerate().map(|(index, name)| service(index, name, mesh))),
        ),
        ("pods.yaml", documents(mesh.workloads.iter().map(pod))),
        ("sidecars.yaml", documents(mesh.workloads.iter().map(sidecar))),
        ("gateway.yaml", gateway(mesh)),
        ("subsets.yaml", documents([subsets("reviews", mesh)])),
    ]
}

/// The mesh-wide configuration: unknown hosts cannot be reached.
fn mesh_config() -> String {
    format!(
        "apiVersion: v1
kind: ConfigMap
metadata:
  name: istio
  namespace: {ROOT_NAMESPACE}
data:
  mesh: |
    outboundTrafficPolicy:
      mode: REGISTRY_ONLY
"
    )
}

/// A Service and its EndpointSlice.
fn service(index: usize, name: &str, mesh: &Mesh) -> String {
    let mut text = format!(
        "apiVersion: v1
kind: Service
metadata:
  name: {name}
  namespace: {NAMESPACE}
spec:
  clusterIP: 10.96.0.{host}
  selector:
    app: {name}
  ports:
  - name: http
    port: {port}
    targetPort: {inbound}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: {name}
  namespace: {NAMESPACE}
  labels:
    kubernetes.io/service-name: {name}
addressType: IPv4
ports:
- name: http
  port: {inbound}
endpoints:
",
        host = index + 10,
        port = mesh.ports.service(),
        inbound = mesh.ports.inbound(),
    );
    for workload in mesh.of(name) {
        let (address, pod) = (workload.address, workload.name());
        let endpoint = format!(
            "- addresses: [{address}]
  conditions:
    ready: true
  targetRef:
    kind: Pod
    name: {pod}
    namespace: {NAMESPACE}
"
        );
        text.push_str(&endpoint);
    }
    text
}

fn pod(workload: &Workload) -> String {
    let (name, service, version, address) =
        (workload.name(), workload.service, workload.version, workload.address);
    format!(
        "apiVersion: v1
kind: Pod
metadata:
  name: {name}
  namespace: {NAMESPACE}
  labels:
    app: {service}
    version: {version}
spec:
  containers:
  - name: {service}
    ports:
    - name: http
      containerPort: {inbound}
status:
  phase: Running
  podIP: {address}
  conditions:
  - type: Ready
    status: \"True\"
",
        inbound = workload.ports.inbound(),
    )
}

/// The Sidecar of a workload, with its listeners, since nothing is redirected to Envoy.
fn sidecar(workload: &Workload) -> String {
    let (name, service, version, address, application) =
        (workload.name(), workload.service, workload.version, workload.address, workload.application);
    format!(
        "apiVersion: networking.istio.io/v1
kind: Sidecar
metadata:
  name: {name}
  namespace: {NAMESPACE}
spec:
  workloadSelector:
    labels:
      app: {service}
      version: {version}
  ingress:
  - port:
      number: {inbound}
      name: http
      protocol: HTTP
    bind: {address}
    captureMode: NONE
    defaultEndpoint: {application}
  egress:
  - port:
      number: {port}
      name: http
      protocol: HTTP
    bind: {address}
    captureMode: NONE
    hosts:
    - ./*
",
        inbound = workload.ports.inbound(),
        port = workload.ports.service(),
    )
}

/// The gateway, and the route from it to the bookstore.
fn gateway(mesh: &Mesh) -> String {
    let (address, port) = (mesh.gateway, mesh.ports.service());
    format!(
        "apiVersion: networking.istio.io/v1
kind: Gateway
metadata:
  name: entrance
  namespace: {NAMESPACE}
spec:
  selector:
    istio: ingressgateway
  servers:
  - port:
      number: {port}
      name: http
      protocol: HTTP
    bind: {address}
    hosts:
    - \"*\"
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: entrance
  namespace: {NAMESPACE}
spec:
  hosts:
  - \"*\"
  gateways:
  - entrance
  http:
  - name: bookstore
    route:
    - destination:
        host: bookstore
        port:
          number: {port}
"
    )
}

/// A DestinationRule with a subset for each version of a service.
fn subsets(service: &str, mesh: &Mesh) -> String {
    let mut text = format!(
        "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: {service}
  namespace: {NAMESPACE}
spec:
  host: {service}
  subsets:
"
    );
    for workload in mesh.of(service) {
        let version = workload.version;
        write!(text, "  - name: {version}\n    labels:\n      version: {version}\n")
            .expect("writing to a String does not fail");
    }
    text
}

fn documents(parts: impl IntoIterator<Item = String>) -> String {
    parts.into_iter().collect::<Vec<_>>().join("---\n")
}
