//! Clusters: one for each port of a service and each of its subsets, those of the inbound side, and the special
//! ones that every sidecar has.

use std::sync::Arc;

use fairlead_envoy::{Template, encode};
use fairlead_incremental::{Query, Reader, Stratum};
use fairlead_model::{
    Service,
    destination_rule::{DestinationRule, MergedRule},
    endpoints::EndpointsOf,
    mesh::ResolvedMesh,
    proxy::InboundKey,
    registry::ServiceByKey,
    service::Resolution,
    strata,
};
use fairlead_resource::EncodedResource;

use crate::{
    names,
    view::{ClusterView, ServiceInView},
};
use outbound::PlainShape;

mod inbound;
pub(crate) mod outbound;
mod special;
mod tls;
pub(crate) use tls::alt_name;
pub(crate) mod traffic_policy;

/// The clusters of one service: every port, for all endpoints and for each subset.
pub struct ServiceClusters;

impl Query for ServiceClusters {
    type Key = ServiceInView<ClusterView>;
    type Value = Arc<[EncodedResource]>;
    const NAME: &'static str = "service_clusters";
    const STRATUM: Stratum = strata::RESOURCE;

    fn compute(cx: &Reader<'_>, key: &Self::Key) -> Self::Value {
        let service = cx.get::<ServiceByKey>(&key.service);
        let Some(service) = service.as_ref() else { return Arc::new([]) };
        let rule = key.rule.as_ref().and_then(|rule| (*cx.get::<MergedRule>(rule)).clone());
        if rule.is_none()
            && let Some(clusters) = plain_clusters(cx, service, &key.view)
        {
            debug_assert_eq!(&*clusters, &*clusters_by_rule(cx, key, service, None), "{:?}", service.key);
            return clusters;
        }
        clusters_by_rule(cx, key, service, rule.as_deref())
    }
}

/// The clusters of a service without a rule: those of another such service, but for the names. `None` where more
/// than names differs.
fn plain_clusters(cx: &Reader<'_>, service: &Service, view: &ClusterView) -> Option<Arc<[EncodedResource]>> {
    if !outbound::has_endpoints(service, view.gateway) {
        return None;
    }
    let mut clusters = Vec::with_capacity(service.ports.len());
    for port in &service.ports {
        let shape = PlainShape { protocol: port.protocol, gateway: view.gateway };
        let template = cx.get::<PlainCluster>(&shape);
        let name = names::outbound_cluster(port.number, "", &service.key.host);
        let cluster = template.as_ref().as_ref()?.fill(&outbound::plain_names(&name, service));
        clusters.push(EncodedResource::whole(name, cluster));
    }
    Some(clusters.into())
}

/// The cluster of every service without a rule, but for its names.
struct PlainCluster;

impl Query for PlainCluster {
    type Key = PlainShape;
    type Value = Option<Template>;
    const NAME: &'static str = "plain_cluster";
    const STRATUM: Stratum = strata::TEMPLATE;

    fn compute(cx: &Reader<'_>, shape: &PlainShape) -> Option<Template> {
        outbound::plain(*shape, &cx.get::<ResolvedMesh>(&()))
    }
}

fn clusters_by_rule(
    cx: &Reader<'_>,
    key: &ServiceInView<ClusterView>,
    service: &Service,
    rule: Option<&DestinationRule>,
) -> Arc<[EncodedResource]> {
    // Clusters whose names Envoy resolves carry their endpoints; no other cluster depends on any.
    let dns = matches!(service.resolution, Resolution::StrictDns | Resolution::LogicalDns);
    let endpoints = dns.then(|| cx.get::<EndpointsOf>(&key.service));
    let inputs = outbound::ClusterInputs {
        service,
        rule,
        endpoints: endpoints.as_deref().map(AsRef::as_ref),
        mesh: &cx.get::<ResolvedMesh>(&()),
        view: &key.view,
    };
    outbound::clusters(&inputs).iter().map(encoded).collect()
}

/// The clusters of the inbound side: one for each port.
pub struct InboundClusters;

impl Query for InboundClusters {
    type Key = InboundKey;
    type Value = Arc<[EncodedResource]>;
    const NAME: &'static str = "inbound_clusters";
    const STRATUM: Stratum = strata::RESOURCE;

    fn compute(cx: &Reader<'_>, key: &InboundKey) -> Self::Value {
        let mesh = cx.get::<ResolvedMesh>(&());
        let mut clusters = Vec::new();
        for listener in key.listeners.iter() {
            let rule = listener.rule.as_ref().and_then(|rule| (*cx.get::<MergedRule>(rule)).clone());
            clusters.push(encoded(&inbound::cluster(listener, rule.as_deref(), key.families, &mesh)));
        }
        clusters.into()
    }
}

/// The clusters that a proxy has whatever it sees.
pub(crate) struct SpecialClusters;

impl Query for SpecialClusters {
    type Key = ClusterView;
    type Value = Arc<[EncodedResource]>;
    const NAME: &'static str = "special_clusters";
    const STRATUM: Stratum = strata::RESOURCE;

    fn compute(cx: &Reader<'_>, view: &ClusterView) -> Self::Value {
        special::clusters(view, &cx.get::<ResolvedMesh>(&())).iter().map(encoded).collect()
    }
}

fn encoded(cluster: &envoy_types::pb::envoy::config::cluster::v3::Cluster) -> EncodedResource {
    EncodedResource::whole(cluster.name.as_str(), encode(cluster))
}
