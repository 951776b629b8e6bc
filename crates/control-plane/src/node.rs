//! Envoy's node → the model's key of a proxy.
//!
//! The form is Istio's: the id is `<type>~<ip>~<name>.<namespace>~<domain>`, and the metadata has the rest. All that a
//! client sends is bounded here, before it becomes a key that is kept.

mod error;
mod metadata;

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use fairlead_envoy::bootstrap::MOST_PROGRAM_METADATA;
use fairlead_model::{
    LabelSet, MOST_PROGRAM, Namespace,
    endpoints::Locality,
    proxy::{Interception, ProxyKey, ProxyKind},
};
use fairlead_xds::Node;

use crate::settings::MeshSettings;
pub use error::NodeError;
pub(crate) use metadata::METADATA;
use metadata::{Metadata, bounded, limits};

/// The model's key of the proxy with this node.
///
/// # Errors
/// The first problem of the node.
pub fn proxy_key(node: &Node, mesh: &MeshSettings) -> Result<ProxyKey, NodeError> {
    let metadata = Metadata(&node.metadata);
    let id = Id::parse(&node.id)?;
    let namespace = namespace(&id, &metadata)?;
    let labels = metadata.map("LABELS", limits::LABELS)?;
    Ok(ProxyKey {
        kind: id.kind,
        addresses: addresses(&id, &metadata)?,
        cluster: metadata.text("CLUSTER_ID")?.unwrap_or(&mesh.cluster_id).into(),
        network: metadata.text("NETWORK")?.unwrap_or_default().into(),
        locality: locality(node, &labels)?,
        labels: labels.into_iter().collect::<LabelSet>(),
        node: metadata.text("NODE_NAME")?.unwrap_or_default().into(),
        interception: interception(&metadata)?,
        dns_domain: match id.domain {
            "" => format!("{namespace}.svc.{}", mesh.domain).into(),
            domain => domain.into(),
        },
        privileged: !metadata.flag("UNPRIVILEGED_POD")?,
        takes_large_expressions: takes_large_expressions(&metadata),
        namespace,
    })
}

/// The id of the Kubernetes cluster of the proxy with this node.
pub(crate) fn cluster_id<'a>(node: &'a Node, mesh: &'a MeshSettings) -> &'a str {
    Metadata(&node.metadata).text("CLUSTER_ID").ok().flatten().unwrap_or(&mesh.cluster_id)
}

/// Whether the bootstrap sets the runtime key for the size of expressions: Fairlead's bootstraps declare it, and all of
/// istio-proxy's set it.
fn takes_large_expressions(metadata: &Metadata<'_>) -> bool {
    let text = |name| metadata.text(name).ok().flatten();
    let most = text(MOST_PROGRAM_METADATA).and_then(|most| most.parse::<u32>().ok());
    most.is_some_and(|most| most >= MOST_PROGRAM) || text("ISTIO_VERSION").is_some()
}

/// The parts of a node id.
struct Id<'a> {
    whole: &'a str,
    kind: ProxyKind,
    address: &'a str,
    name: &'a str,
    domain: &'a str,
}

impl<'a> Id<'a> {
    fn parse(whole: &'a str) -> Result<Self, NodeError> {
        bounded("the id", whole, limits::ID_BYTES)?;
        let parts: Vec<_> = whole.split('~').collect();
        let [kind, address, name, domain] = parts[..] else {
            return Err(NodeError::Form { id: whole.to_owned() });
        };
        let kind = match kind {
            "sidecar" => ProxyKind::Sidecar,
            "router" => ProxyKind::Gateway,
            other => return Err(NodeError::Type(other.to_owned())),
        };
        Ok(Self { whole, kind, address, name, domain })
    }
}

fn namespace(id: &Id<'_>, metadata: &Metadata<'_>) -> Result<Namespace, NodeError> {
    let of_id = id.name.rsplit_once('.').map(|(_, namespace)| namespace);
    let namespace = match metadata.text("NAMESPACE")?.filter(|namespace| !namespace.is_empty()) {
        // Another program may trust either of the two.
        Some(namespace) if of_id.is_some_and(|of_id| of_id != namespace) => {
            let of_id = of_id.unwrap_or_default().to_owned();
            return Err(NodeError::Namespaces { of_id, of_metadata: namespace.to_owned() });
        }
        Some(namespace) => namespace,
        None => of_id.ok_or_else(|| NodeError::Namespace { id: id.whole.to_owned() })?,
    };
    let is_label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if namespace.is_empty() || namespace.len() > 63 || !namespace.chars().all(is_label) {
        return Err(NodeError::BadNamespace(namespace.to_owned()));
    }
    Ok(Namespace::from(namespace))
}

/// `INSTANCE_IPS`, else the address of the id; sorted, each once.
fn addresses(id: &Id<'_>, metadata: &Metadata<'_>) -> Result<Arc<[IpAddr]>, NodeError> {
    let (texts, place) = match metadata.text("INSTANCE_IPS")?.filter(|list| !list.trim().is_empty()) {
        Some(list) => (list, "metadata INSTANCE_IPS"),
        None => (id.address, "the id"),
    };
    let parse = |text: &str| {
        text.parse::<IpAddr>().map_err(|_| NodeError::Address { address: text.to_owned(), place })
    };
    let texts = texts.split(',').map(str::trim).filter(|text| !text.is_empty());
    let mut addresses = texts.map(parse).collect::<Result<Vec<_>, _>>()?;
    if addresses.is_empty() {
        return Err(NodeError::NoAddress { id: id.whole.to_owned() });
    }
    if addresses.len() > limits::ADDRESSES {
        return Err(NodeError::TooLong { what: "metadata INSTANCE_IPS", limit: limits::ADDRESSES });
    }
    addresses.sort_unstable();
    addresses.dedup();
    Ok(addresses.into())
}

/// The node's own locality, else Istio's label, in which dots stand for slashes.
fn locality(node: &Node, labels: &BTreeMap<&str, &str>) -> Result<Locality, NodeError> {
    let said = &node.locality;
    for text in [&said.region, &said.zone, &said.sub_zone] {
        bounded("the locality", text, limits::TEXT_BYTES)?;
    }
    if said.region.is_empty()
        && let Some(label) = labels.get("istio-locality").filter(|label| !label.is_empty())
    {
        return Ok(Locality::parse(&label.replace('.', "/")));
    }
    Ok(Locality {
        region: said.region.as_str().into(),
        zone: said.zone.as_str().into(),
        subzone: said.sub_zone.as_str().into(),
    })
}

fn interception(metadata: &Metadata<'_>) -> Result<Interception, NodeError> {
    match metadata.text("INTERCEPTION_MODE")?.unwrap_or_default() {
        "" | "REDIRECT" => Ok(Interception::Redirect),
        "TPROXY" => Ok(Interception::Tproxy),
        "NONE" => Ok(Interception::None),
        other => Err(NodeError::Interception(other.to_owned())),
    }
}

#[cfg(test)]
mod tests;
/// Proxies for the tests of other modules.
#[cfg(test)]
pub(crate) mod tests_support;
