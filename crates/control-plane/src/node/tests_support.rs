use envoy_types::pb::google::protobuf::Struct;
use fairlead_model::proxy::ProxyKey;
use fairlead_xds::{Locality, Node};

use super::proxy_key;
use crate::settings::MeshSettings;

/// A sidecar without labels.
pub(crate) fn sidecar(name: &str, namespace: &str) -> ProxyKey {
    let node = Node {
        id: format!("sidecar~10.9.9.9~{name}.{namespace}~{namespace}.svc.cluster.local"),
        cluster: String::new(),
        metadata: Struct::default(),
        locality: Locality::default(),
        user_agent_name: "envoy".to_owned(),
        user_agent_version: None,
    };
    proxy_key(&node, &MeshSettings::default()).expect("a well-formed node")
}
