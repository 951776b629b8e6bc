//! What a plan must know of a VirtualService without depending on its routes.

use fairlead_incremental::{Query, Reader, Stratum};
use fairlead_model::{
    ConfigKey, strata,
    virtual_service::{ResolvedVirtualService, VirtualService},
};

/// What a plan must know of a VirtualService.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RouteTraits {
    /// Whether its HTTP routes ask about the Gateway (`match.gateways`).
    pub asks_gateway: bool,
}

/// The traits of a VirtualService: changing a weight does not change them, and so changes no plan.
pub(super) struct RouteTraitsOf;

impl Query for RouteTraitsOf {
    type Key = ConfigKey;
    type Value = RouteTraits;
    const NAME: &'static str = "route_traits";
    const STRATUM: Stratum = strata::REGISTRY;

    fn compute(cx: &Reader<'_>, key: &ConfigKey) -> RouteTraits {
        cx.get::<ResolvedVirtualService>(key)
            .as_ref()
            .as_ref()
            .map_or_else(RouteTraits::default, |vs| route_traits(vs))
    }
}

fn route_traits(service: &VirtualService) -> RouteTraits {
    let matches = || service.http.iter().flat_map(|route| &route.matches);
    RouteTraits { asks_gateway: matches().any(|m| !m.gateways.is_empty()) }
}
