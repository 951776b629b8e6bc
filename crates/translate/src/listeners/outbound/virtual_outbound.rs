//! The listener at which redirected outbound connections arrive.

use envoy_types::pb::envoy::config::{core::v3::TrafficDirection, listener::v3::Listener};
use fairlead_envoy::{
    address,
    listener::{filter_chain, listener},
};
use fairlead_incremental::{Query, Reader, Stratum};
use fairlead_model::{
    mesh::{Mesh, ResolvedMesh},
    proxy::{Interception, IpFamilies},
    sidecar::{Bind, OutboundTrafficPolicy},
    strata,
};
use fairlead_resource::EncodedResource;

use super::build::unknown;
use crate::{
    listeners::{encoded, second_wildcard, tcp, wildcard},
    names,
};

/// `virtualOutbound`; `None` where nothing is redirected.
pub struct VirtualOutbound;

impl Query for VirtualOutbound {
    type Key = (Interception, IpFamilies, OutboundTrafficPolicy);
    type Value = Option<EncodedResource>;
    const NAME: &'static str = "virtual_outbound";
    const STRATUM: Stratum = strata::RESOURCE;

    fn compute(cx: &Reader<'_>, (interception, families, policy): &Self::Key) -> Self::Value {
        let redirected = *interception != Interception::None;
        redirected.then(|| {
            encoded(&virtual_outbound(*interception, *families, *policy, &cx.get::<ResolvedMesh>(&())))
        })
    }
}

/// Hands each connection over to the listener of its original destination; one without a listener is passed on or
/// refused. A connection to the listener's own port would come back for ever, and is closed.
fn virtual_outbound(
    interception: Interception,
    families: IpFamilies,
    policy: OutboundTrafficPolicy,
    mesh: &Mesh,
) -> Listener {
    let any = wildcard(families);
    let port = mesh.outbound_port;
    let mut builder = listener(names::VIRTUAL_OUTBOUND, address::address(any.to_string(), port))
        .use_original_dst()
        .traffic_direction(TrafficDirection::Outbound)
        .filter_chain(
            filter_chain()
                .name("virtualOutbound-blackhole")
                .destination_port(port)
                .filter(tcp::to_cluster(names::BLACK_HOLE_CLUSTER, None, mesh))
                .build(),
        )
        .default_filter_chain(unknown(policy, mesh));
    if let Some(second) = second_wildcard(&Bind::Ip(any), families, port) {
        builder = builder.additional_address(second);
    }
    if interception == Interception::Tproxy {
        builder = builder.transparent();
    }
    builder.build()
}
