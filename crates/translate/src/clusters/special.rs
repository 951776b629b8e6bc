//! The clusters that every proxy has, whatever it sees.

use std::time::Duration;

use envoy_types::pb::envoy::config::{cluster::v3::Cluster, core::v3::BindConfig};
use fairlead_envoy::{
    cluster::{
        Discovery, OriginalDst, cluster,
        protocol::{
            AutoSni, CommonHttp, Http2, UpstreamHttp, http_protocol_options, set_http_protocol_options,
        },
        upstream::bind_config,
    },
    endpoint::load_assignment,
};
use fairlead_model::{ConnectionPool, mesh::Mesh, proxy::IpFamilies};

use super::traffic_policy;
use crate::{names, view::ClusterView};

/// Longest safe interval: 24.8 days, which in milliseconds just fits into 31 bits.
pub(super) const NEVER: Duration = Duration::from_secs(2_147_483);

/// Idle timeout of connections to unknown destinations (Istio, passthroughHttpProtocolOptions).
const PASSTHROUGH_IDLE: Duration = Duration::from_secs(300);

/// The special clusters of a view.
pub(super) fn clusters(view: &ClusterView, mesh: &Mesh) -> Vec<Cluster> {
    let black_hole = cluster(
        names::BLACK_HOLE_CLUSTER,
        Discovery::Static(load_assignment(names::BLACK_HOLE_CLUSTER, [])),
        Some(mesh.connect_timeout),
    );
    if view.gateway {
        return vec![black_hole];
    }
    let mut inbound = passthrough(names::INBOUND_PASSTHROUGH_CLUSTER, mesh);
    inbound.upstream_bind_config = Some(inbound_source(view.families));
    vec![black_hole, passthrough(names::PASSTHROUGH_CLUSTER, mesh), inbound]
}

/// Leads to the original destination of the connection.
fn passthrough(name: &str, mesh: &Mesh) -> Cluster {
    let mut cluster =
        cluster(name, Discovery::OriginalDst(OriginalDst::default()), Some(mesh.connect_timeout));
    traffic_policy::connection_pool(&mut cluster, &ConnectionPool::default(), mesh);
    let common = CommonHttp { idle_timeout: Some(PASSTHROUGH_IDLE), ..CommonHttp::default() };
    let options =
        http_protocol_options(UpstreamHttp::UseDownstream(Http2::default()), common, AutoSni::default());
    set_http_protocol_options(&mut cluster, &options);
    cluster
}

/// The address from which a sidecar connects to its application, which the interception rules let pass.
pub(super) fn inbound_source(families: IpFamilies) -> BindConfig {
    const V4: &str = "127.0.0.6";
    const V6: &str = "::6";
    match families {
        IpFamilies::V4 => bind_config(V4, []),
        IpFamilies::V6 => bind_config(V6, []),
        IpFamilies::Dual => bind_config(V4, [V6.to_owned()]),
    }
}
