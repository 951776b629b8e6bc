//! The identity and behaviour of a client.

use std::{collections::BTreeSet, net::Ipv4Addr, time::Duration};

use envoy_types::pb::envoy::config::core::v3::Node;
use fairlead_resource::TypeUrl;
use serde_json::json;

use crate::{
    ads::{Protocol, node},
    meshgen::{MeshSpec, version},
};

/// The identity and behaviour of a client of a crowd.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its node; with the first request of each stream it lists as many extensions as Envoy does.
    pub node: Node,
    /// The variant of ADS.
    pub protocol: Protocol,
    /// Maximum number of bytes that it reads per second; 0 is without limit.
    pub bytes_per_second: u64,
    /// Whether it answers responses; one that does not stays subscribed.
    pub acknowledges: bool,
    /// The types whose responses it refuses.
    pub refuses: BTreeSet<TypeUrl>,
    /// Delay between the end of a stream and the next, up to twice as long; it stays away if `None`.
    pub reconnect_after: Option<Duration>,
}

impl Profile {
    /// The sidecar of pod `crowd-<i>` of `namespace`, with an address of its own that is no endpoint's.
    pub fn sidecar(i: usize, namespace: &str, protocol: Protocol) -> Self {
        Self::sidecar_of(&format!("crowd-{i}"), address(i), namespace, &json!({"app": "crowd"}), protocol)
    }

    /// The sidecar of a Pod of the mesh, which has the inbound side of its service; the first Pod of each service
    /// comes before the second of any.
    pub fn pod(i: usize, mesh: &MeshSpec, protocol: Protocol) -> Self {
        let (service, endpoint) = (i % mesh.services, i / mesh.services % mesh.endpoints_per_service);
        let (namespace, name) = (mesh.namespace_of(service), format!("svc-{service}-{endpoint}"));
        let labels = json!({"app": format!("svc-{service}"), "version": version(endpoint)});
        Self::sidecar_of(&name, mesh.pod_ip(service, endpoint), &namespace, &labels, protocol)
    }

    fn sidecar_of(
        name: &str,
        ip: Ipv4Addr,
        namespace: &str,
        labels: &serde_json::Value,
        protocol: Protocol,
    ) -> Self {
        let metadata = json!({
            "NAMESPACE": namespace,
            "LABELS": labels,
            "INSTANCE_IPS": ip.to_string(),
            "CLUSTER_ID": "Kubernetes",
            "INTERCEPTION_MODE": "REDIRECT",
        });
        let id = format!("sidecar~{ip}~{name}.{namespace}~{namespace}.svc.cluster.local");
        let service = labels["app"].as_str().unwrap_or(name);
        Self::of(node(&id, &format!("{service}.{namespace}"), &metadata), protocol)
    }

    /// The gateway of pod `gateway-<i>` of `namespace`, with the labels `istio: <selector>`.
    pub fn gateway(i: usize, namespace: &str, selector: &str, protocol: Protocol) -> Self {
        let ip = address(i);
        let metadata = json!({
            "NAMESPACE": namespace,
            "LABELS": {"app": "gateway", "istio": selector},
            "INSTANCE_IPS": ip.to_string(),
            "CLUSTER_ID": "Kubernetes",
        });
        let id = format!("router~{ip}~gateway-{i}.{namespace}~{namespace}.svc.cluster.local");
        Self::of(node(&id, &format!("gateway.{namespace}"), &metadata), protocol)
    }

    fn of(node: Node, protocol: Protocol) -> Self {
        Self {
            node,
            protocol,
            bytes_per_second: 0,
            acknowledges: true,
            refuses: BTreeSet::new(),
            reconnect_after: Some(Duration::from_millis(500)),
        }
    }
}

/// An address that generated meshes give to no endpoint and no service.
fn address(i: usize) -> Ipv4Addr {
    let i = u32::try_from(i).expect("a crowd has fewer than 2^32 clients");
    Ipv4Addr::from_bits(Ipv4Addr::new(100, 64, 0, 0).to_bits() + i + 1)
}
