//! Clusters: one for each port of a service and each of its subsets, those of the inbound side, and the special
//! ones that every sidecar has.

use std::sync::Arc;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use fairlead_envoy::{cluster::encode_with_metadata, encode};
use fairlead_incremental::{Query, Reader, Stratum};
use fairlead_model::{
    destination_rule::MergedRule, endpoints::EndpointsOf, mesh::ResolvedMesh, proxy::InboundKey,
    registry::ServiceByKey, service::Resolution, strata,
};
use fairlead_resource::{EncodedResource, ResourceName};

use crate::{
    maker::Maker,
    view::{ClusterView, ServiceInView},
};

mod inbound;
pub(crate) mod outbound;
use outbound::OutboundCluster;
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
        let mut clusters = Vec::new();
        each_of_service(cx, key, &mut |OutboundCluster { mut message, metadata, .. }| {
            let name = ResourceName::from(message.name.as_str());
            clusters.push(EncodedResource::whole(name, encode_with_metadata(&mut message, &metadata)));
        });
        clusters.into()
    }
}

/// Visits the clusters of a service, each with its maker.
pub(crate) fn each_of_service(
    cx: &Reader<'_>,
    key: &ServiceInView<ClusterView>,
    visit: &mut dyn FnMut(OutboundCluster<'_>),
) {
    let service = cx.get::<ServiceByKey>(&key.service);
    let Some(service) = service.as_ref() else { return };
    let rule = key.rule.as_ref().and_then(|rule| (*cx.get::<MergedRule>(rule)).clone());
    // Clusters whose names Envoy resolves carry their endpoints; no other cluster depends on any.
    let dns = matches!(service.resolution, Resolution::StrictDns | Resolution::LogicalDns);
    let endpoints = dns.then(|| cx.get::<EndpointsOf>(&key.service));
    let inputs = outbound::ClusterInputs {
        service,
        rule: rule.as_deref(),
        endpoints: endpoints.as_deref().map(AsRef::as_ref),
        mesh: &cx.get::<ResolvedMesh>(&()),
        view: &key.view,
    };
    outbound::clusters(&inputs, visit);
}

/// The clusters of the inbound side: one for each port.
pub struct InboundClusters;

impl Query for InboundClusters {
    type Key = InboundKey;
    type Value = Arc<[EncodedResource]>;
    const NAME: &'static str = "inbound_clusters";
    const STRATUM: Stratum = strata::RESOURCE;

    fn compute(cx: &Reader<'_>, key: &InboundKey) -> Self::Value {
        let mut clusters = Vec::new();
        each_inbound(cx, key, &mut |cluster, _| clusters.push(encoded(&cluster)));
        clusters.into()
    }
}

/// Visits the clusters of an inbound side, each with its maker.
pub(crate) fn each_inbound(cx: &Reader<'_>, key: &InboundKey, visit: &mut dyn FnMut(Cluster, Maker<'_>)) {
    let mesh = cx.get::<ResolvedMesh>(&());
    for listener in key.listeners.iter() {
        let rule = listener.rule.as_ref().and_then(|rule| (*cx.get::<MergedRule>(rule)).clone());
        let cluster = inbound::cluster(listener, rule.as_deref(), key.families, &mesh);
        visit(cluster, Maker::Inbound(listener, rule.as_deref()));
    }
}

/// The clusters that every proxy has, whatever it sees.
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

fn encoded(cluster: &Cluster) -> EncodedResource {
    EncodedResource::whole(cluster.name.as_str(), encode(cluster))
}
