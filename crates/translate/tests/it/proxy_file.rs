//! `proxy.yaml` of a golden case: whose resources are shown, and which of them.

use std::sync::Arc;

use fairlead_model::{
    Namespace,
    endpoints::Locality,
    proxy::{Interception, ProxyKey, ProxyKind},
};
use fairlead_resource::TypeUrl;
use serde::Deserialize;

/// A proxy, as `proxy.yaml` describes it. All fields have defaults: a sidecar in `default` at 10.1.0.9.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct ProxyFile {
    /// `sidecar` or `gateway`.
    kind: String,
    namespace: String,
    labels: std::collections::BTreeMap<String, String>,
    addresses: Vec<String>,
    network: String,
    /// `region/zone/subzone`.
    locality: String,
    node: String,
    /// `REDIRECT`, `TPROXY` or `NONE`.
    interception: String,
    privileged: bool,
    /// Whether secrets may be sent.
    secrets: bool,
    /// The types that the case is about; empty: all.
    show: Vec<String>,
}

impl Default for ProxyFile {
    fn default() -> Self {
        Self {
            kind: "sidecar".into(),
            namespace: "default".into(),
            labels: std::collections::BTreeMap::new(),
            addresses: vec!["10.1.0.9".into()],
            network: String::new(),
            locality: String::new(),
            node: String::new(),
            interception: "REDIRECT".into(),
            privileged: true,
            secrets: true,
            show: Vec::new(),
        }
    }
}

/// The types that are shown, with the names of their files.
pub(crate) const TYPES: [(&str, TypeUrl); 5] = [
    ("cds", TypeUrl::CLUSTER),
    ("eds", TypeUrl::CLUSTER_LOAD_ASSIGNMENT),
    ("lds", TypeUrl::LISTENER),
    ("rds", TypeUrl::ROUTE_CONFIGURATION),
    ("sds", TypeUrl::SECRET),
];

impl ProxyFile {
    pub(crate) fn parse(text: Option<&str>) -> Result<Self, String> {
        let Some(text) = text else { return Ok(Self::default()) };
        let file: Self = serde_saphyr::from_str(text).map_err(|error| format!("proxy.yaml: {error}"))?;
        match file.show.iter().find(|name| TYPES.iter().all(|(known, _)| known != name)) {
            Some(unknown) => Err(format!("proxy.yaml: `{unknown}` is no type")),
            None => Ok(file),
        }
    }

    pub(crate) fn shows(&self, name: &str) -> bool {
        self.show.is_empty() || self.show.iter().any(|shown| shown == name)
    }

    pub(crate) fn secrets(&self) -> bool {
        self.secrets
    }

    pub(crate) fn key(&self) -> ProxyKey {
        let labels = self.labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let mut addresses: Vec<_> =
            self.addresses.iter().map(|ip| ip.parse().expect("an IP address")).collect();
        addresses.sort();
        ProxyKey {
            kind: match self.kind.as_str() {
                "sidecar" => ProxyKind::Sidecar,
                "gateway" => ProxyKind::Gateway,
                other => panic!("`{other}` is neither sidecar nor gateway"),
            },
            namespace: Namespace::from(self.namespace.as_str()),
            labels: labels.collect(),
            addresses: addresses.into(),
            cluster: "Kubernetes".into(),
            network: self.network.as_str().into(),
            locality: if self.locality.is_empty() {
                Locality::default()
            } else {
                Locality::parse(&self.locality)
            },
            node: self.node.as_str().into(),
            interception: match self.interception.as_str() {
                "REDIRECT" => Interception::Redirect,
                "TPROXY" => Interception::Tproxy,
                "NONE" => Interception::None,
                other => panic!("`{other}` is no interception mode"),
            },
            dns_domain: Arc::from(format!("{}.svc.cluster.local", self.namespace)),
            takes_large_expressions: true,
            privileged: self.privileged,
        }
    }
}
