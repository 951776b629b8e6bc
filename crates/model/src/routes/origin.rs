//! The origin of a route.

use fairlead_config::{Kind, Origin};

use super::{RouteAt, RouteSet};
use crate::virtual_service;

impl RouteSet {
    /// The field that defines a route; the kind of the object decides its path.
    pub fn origin_of(&self, route: RouteAt) -> Origin {
        match self.origin.kind {
            Kind::VirtualService => Origin::new(&self.origin, virtual_service::field(route)),
            kind => unreachable!("{kind} is no kind of routes: `RoutesOf` resolves none"),
        }
    }
}
