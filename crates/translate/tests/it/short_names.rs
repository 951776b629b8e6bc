//! Who is reached by a short name: the Kubernetes Service, whatever others call themselves.

use crate::mesh::{Mesh, sidecar};

const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: ratings, namespace: default}
spec: {clusterIP: 10.96.0.1, ports: [{name: http, port: 80}]}
";
const OF_SERVICE: &str = "outbound|80||ratings.default.svc.cluster.local";
const NAMES: [&str; 5] =
    ["ratings", "ratings.default", "ratings.default.svc", "ratings.default.svc.cluster.local", "10.96.0.1"];

/// A mesh with the Service and a ServiceEntry of another team for `host`.
fn beside(host: &str) -> Mesh {
    Mesh::of(&format!(
        "{SERVICE}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: s, namespace: another-team}}
spec:
  hosts: ['{host}']
  addresses: [10.96.0.1]
  ports: [{{number: 80, protocol: HTTP, name: http}}]
  resolution: STATIC
  endpoints: [{{address: 10.244.0.4}}]
"
    ))
}

#[test]
fn the_short_names_of_a_service_are_its_own() {
    for host in [
        "a.example.com",
        "ratings.default.svc.c2.example.test",
        "ratings.default.svc.a.svc.cluster.local",
        "ratings.default.svc.svc.cluster.local",
        "ratings.default.svc.cluster.local.example.test",
        "ratings.default.svc",
        "ratings.default",
        "ratings",
        "*.default.svc.cluster.local",
        "*.default.svc",
        "*.svc.svc.cluster.local",
    ] {
        let mut mesh = beside(host);
        for name in NAMES {
            let reached = mesh.request(&sidecar("client", "default", "10.0.0.1"), "80", name);
            assert_eq!(reached, OF_SERVICE, "{name} beside {host}");
        }
    }
}

#[test]
fn a_wildcard_below_the_domain_of_the_mesh_does_not_take_unknown_hosts() {
    for host in ["*.default.svc.cluster.local", "*test.default.svc.cluster.local", "*.svc.cluster.local"] {
        let mut mesh = beside(host);
        let client = sidecar("client", "default", "10.0.0.1");
        assert_eq!(mesh.request(&client, "80", "unknown.example.test"), "PassthroughCluster", "{host}");
    }
    let mut mesh = beside("*.default.svc.cluster.local");
    for name in ["other.default.svc.cluster.local", "other.default.svc", "other.default"] {
        let reached = mesh.request(&sidecar("client", "default", "10.0.0.1"), "80", name);
        assert_eq!(reached, "outbound|80||*.default.svc.cluster.local", "{name}");
    }
}

#[test]
fn a_host_that_is_like_a_short_name_serves_those_to_whom_it_is_none() {
    let mut mesh = beside("ratings");
    let client = sidecar("client", "shop", "10.0.0.1");
    assert_eq!(mesh.request(&client, "80", "ratings"), "outbound|80||ratings");
    assert_eq!(mesh.request(&client, "80", "ratings.default"), OF_SERVICE);
}
