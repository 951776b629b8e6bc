//! Settings of the control plane that concern the mesh.

use std::sync::Arc;

use fairlead_config::Namespace;

/// Settings of the control plane that translation needs, set once, before the first revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The DNS domain of Kubernetes Services. Default `cluster.local`.
    pub domain: Arc<str>,
    /// The id of the cluster. Default `Kubernetes`.
    pub cluster: Arc<str>,
    /// The namespace whose configuration applies to the whole mesh. Default `istio-system`.
    pub root_namespace: Namespace,
    /// Minimum number of endpoints in a load assignment that makes each locality's a resource of its own. Default 100.
    pub assignment_elements: usize,
    /// Minimum number of filter chains of a gateway's listener that makes each a resource of its own. Default 32.
    pub listener_elements: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            domain: "cluster.local".into(),
            cluster: "Kubernetes".into(),
            root_namespace: Namespace::from("istio-system"),
            assignment_elements: 100,
            listener_elements: 32,
        }
    }
}
