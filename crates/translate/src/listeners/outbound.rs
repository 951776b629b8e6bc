//! The listeners of sidecars towards services: which there are, and their filter chains.
//!
//! HTTP services share one listener for each port; TCP services, and those whose protocol is detected, have
//! their own on their address. Mirrors istio pilot/pkg/networking/core/listener.go.

use fairlead_incremental::{BasedCollect, Collect, Reader, Stratum};
use fairlead_model::strata;
use fairlead_resource::{EncodedResource, ResourceName};
use imbl::OrdSet;

use crate::view::ListenerView;

mod arrive;
mod build;
mod draft;
mod key;
mod origins;
mod plan;
mod virtual_outbound;

pub use build::OutboundListener;
pub use key::{Addressed, OutboundListenerKey, TcpService};
pub(crate) use origins::origins;
use plan::OutboundListenerPlan;
pub use virtual_outbound::VirtualOutbound;

/// All outbound listeners of a view, by name.
pub struct OutboundListenerSet;

impl Collect for OutboundListenerSet {
    type Key = ListenerView;
    type Member = OutboundListener;
    type OutKey = ResourceName;
    type OutValue = EncodedResource;
    const NAME: &'static str = "outbound_listeners";
    const STRATUM: Stratum = strata::UNION;

    fn members(cx: &Reader<'_>, view: &ListenerView) -> OrdSet<OutboundListenerKey> {
        cx.get::<OutboundListenerPlan>(view).keys.clone()
    }

    fn entries(
        _: &OutboundListenerKey,
        listener: &EncodedResource,
    ) -> impl IntoIterator<Item = (ResourceName, EncodedResource)> {
        [listener.named()]
    }
}

impl BasedCollect for OutboundListenerSet {
    const UNION: &'static str = "all_outbound_listeners";
    const OWN: &'static str = "own_outbound_listeners";
    const HIDDEN: &'static str = "hidden_outbound_listeners";
}
