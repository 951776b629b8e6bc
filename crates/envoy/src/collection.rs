//! Collections: the names under which the endpoints of a load assignment are resources of their own (LEDS).
//!
//! `xdstp:///envoy.config.endpoint.v3.LbEndpoint/<epoch>/<cluster>/<locality>/<endpoint>`: a client subscribes to
//! everything below the last `/`. The locality is the number of its collection within the assignment. The epoch is
//! one of two letters: an assignment that is sent again names other collections than the time before, see
//! [`Epoch`].

use std::{fmt, net::IpAddr, sync::Arc};

use envoy_types::pb::envoy::config::{
    core::v3::{Pipe, SocketAddress, address, socket_address::PortSpecifier},
    endpoint::v3::{
        ClusterLoadAssignment, LbEndpoint, LedsClusterLocalityConfig, LocalityLbEndpoints,
        lb_endpoint::HostIdentifier, locality_lb_endpoints::LbConfig,
    },
};

use crate::{Digest, Elements, EncodedResource, ResourceName, ResourceSet, TypeUrl, config_source, encode};

#[cfg(test)]
mod tests;

/// The longest path of a socket (`sun_path` without its end).
const PATH_BYTES: usize = 107;

const PREFIX: &str = "xdstp:///envoy.config.endpoint.v3.LbEndpoint/";

/// One of two names for the same collections.
///
/// An Envoy that is sent an assignment again keeps the subscriptions of collections that it knows, and with them
/// endpoints that are long gone, and a pointer to the assignment before, which it has freed. Collections of another
/// name are subscribed anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Epoch {
    /// The one that is used first.
    #[default]
    First,
    /// The other.
    Second,
}

impl Epoch {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    /// The epoch of an assignment with collections, by the version that a client lists.
    ///
    /// What is no digest is of no epoch; every digest of another resource seems to be of one.
    pub fn of_version(version: &str) -> Option<Self> {
        let last = version.chars().last()?.to_digit(16)?;
        Some(if last & 1 == 0 { Self::First } else { Self::Second })
    }

    /// The digest of an assignment in this epoch: its last bit tells.
    fn mark(self, Digest(digest): Digest) -> Digest {
        Digest(digest & !1 | u128::from(self == Self::Second))
    }

    const fn letter(self) -> char {
        match self {
            Self::First => 'a',
            Self::Second => 'b',
        }
    }
}

/// A collection in one epoch: what the names of its endpoints begin with, up to the last `/`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Collection(ResourceName);

impl Collection {
    /// The collection of a cluster's locality.
    pub fn new(epoch: Epoch, cluster: &str, locality: usize) -> Self {
        Self(format!("{PREFIX}{}/{cluster}/{locality}", epoch.letter()).into())
    }

    /// The collection that a client subscribes to, if `glob` is the name of one.
    pub fn of_glob(glob: &str) -> Option<Self> {
        let collection = Self(glob.strip_suffix("/*")?.into());
        collection.parts().is_some().then_some(collection)
    }

    /// The collection that an endpoint belongs to, if it has the name of one that does.
    pub fn of_endpoint(endpoint: &str) -> Option<Self> {
        let collection = Self(Self::prefix_of(endpoint)?.into());
        collection.parts().is_some().then_some(collection)
    }

    /// What the name of an endpoint begins with, as the prefix of its collection.
    pub fn prefix_of(endpoint: &str) -> Option<&str> {
        endpoint.rsplit_once('/').map(|(prefix, _)| prefix)
    }

    /// What the names of its endpoints begin with, without the `/`.
    pub fn prefix(&self) -> &str {
        &self.0
    }

    /// The name by which it is subscribed.
    pub fn glob(&self) -> String {
        format!("{}/*", self.0)
    }

    /// The same collection in an epoch.
    #[must_use]
    pub fn in_epoch(&self, epoch: Epoch) -> Self {
        if self.epoch() == epoch { self.clone() } else { Self(renamed(&self.0, epoch)) }
    }

    /// What the names of its endpoints begin with, shared.
    pub fn into_prefix(self) -> ResourceName {
        self.0
    }

    /// The epoch.
    pub fn epoch(&self) -> Epoch {
        self.parts().map(|(epoch, _)| epoch).unwrap_or_default()
    }

    /// The name of the cluster.
    pub fn cluster(&self) -> &str {
        self.parts().map(|(_, cluster)| cluster).unwrap_or_default()
    }

    fn parts(&self) -> Option<(Epoch, &str)> {
        let (epoch, path) = self.0.strip_prefix(PREFIX)?.split_once('/')?;
        let epoch = [Epoch::First, Epoch::Second].into_iter().find(|e| epoch.chars().eq([e.letter()]))?;
        let (cluster, _) = path.rsplit_once('/')?;
        Some((epoch, cluster))
    }
}

impl std::borrow::Borrow<str> for Collection {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of an endpoint of a collection in an epoch; `None` for what is no such name.
pub fn endpoint_in(endpoint: &str, epoch: Epoch) -> Option<ResourceName> {
    Collection::of_endpoint(endpoint).map(|_| renamed(endpoint, epoch))
}

/// What begins as a collection does, in another epoch: the letters are of the same length.
fn renamed(endpoint: &str, epoch: Epoch) -> ResourceName {
    format!("{PREFIX}{}{}", epoch.letter(), &endpoint[PREFIX.len() + 1..]).into()
}

impl Elements {
    /// The second form of a load assignment: its parent in either epoch, and the endpoints by their names in the
    /// first. The digests of the parents are made to tell the epoch.
    pub fn of_collections([first, second]: [EncodedResource; 2], children: ResourceSet) -> Self {
        let marked = |mut parent: EncodedResource, epoch: Epoch| {
            parent.digest = epoch.mark(parent.digest);
            parent
        };
        Self {
            element_type: TypeUrl::LbEndpoint,
            parent: marked(first, Epoch::First),
            children,
            turned: Some(marked(second, Epoch::Second)),
        }
    }

    /// The parent in an epoch; types without epochs have one form.
    pub fn parent_in(&self, epoch: Epoch) -> &EncodedResource {
        match (&self.turned, epoch) {
            (Some(turned), Epoch::Second) => turned,
            _ => &self.parent,
        }
    }
}

/// A load assignment that has its endpoints as elements, one collection for each locality.
///
/// It has no second form if it has no endpoint: Envoy would wait for endpoints that never come. Nor has it one if
/// Envoy cannot read an address: an assignment with that is rejected, but an endpoint ends the process, as soon as
/// another one of the assignment changes (`std::terminate`, uncaught `malformed IP address`).
pub fn load_assignment(assignment: &ClusterLoadAssignment) -> EncodedResource {
    let mut full = EncodedResource::whole(assignment.cluster_name.as_str(), encode(assignment));
    if !assignment.endpoints.iter().flat_map(|locality| &locality.lb_endpoints).all(is_readable) {
        return full;
    }
    let children = endpoints(assignment);
    if !children.is_empty() {
        let parents = [Epoch::First, Epoch::Second].map(|epoch| parent(assignment, epoch));
        full.elements = Some(Arc::new(Elements::of_collections(parents, children)));
    }
    full
}

/// Whether Envoy can read the address of an endpoint: that of an IP address, or of a socket in a file.
fn is_readable(endpoint: &LbEndpoint) -> bool {
    let Some(HostIdentifier::Endpoint(of)) = &endpoint.host_identifier else { return false };
    match of.address.as_ref().and_then(|address| address.address.as_ref()) {
        Some(address::Address::SocketAddress(SocketAddress { address, .. })) => {
            address.parse::<IpAddr>().is_ok()
        }
        Some(address::Address::Pipe(Pipe { path, .. })) => (1..=PATH_BYTES).contains(&path.len()),
        _ => false,
    }
}

/// The localities that have endpoints, numbered: a collection without one would never be answered.
fn localities(assignment: &ClusterLoadAssignment) -> impl Iterator<Item = (usize, &LocalityLbEndpoints)> {
    assignment.endpoints.iter().filter(|locality| !locality.lb_endpoints.is_empty()).enumerate()
}

/// The assignment with collections in place of the endpoints.
fn parent(assignment: &ClusterLoadAssignment, epoch: Epoch) -> EncodedResource {
    let name = &assignment.cluster_name;
    let collected = |(number, locality): (usize, &LocalityLbEndpoints)| LocalityLbEndpoints {
        locality: locality.locality.clone(),
        load_balancing_weight: locality.load_balancing_weight,
        priority: locality.priority,
        proximity: locality.proximity,
        metadata: locality.metadata.clone(),
        lb_config: Some(LbConfig::LedsClusterLocalityConfig(LedsClusterLocalityConfig {
            // Without an answer in time Envoy would go on with a locality that has no endpoint.
            leds_config: Some(config_source::ads_without_timeout()),
            leds_collection_name: Collection::new(epoch, name, number).glob(),
        })),
        ..LocalityLbEndpoints::default()
    };
    let parent = ClusterLoadAssignment {
        cluster_name: name.clone(),
        endpoints: localities(assignment).map(collected).collect(),
        named_endpoints: assignment.named_endpoints.clone(),
        policy: assignment.policy.clone(),
    };
    EncodedResource::whole(name.as_str(), encode(&parent))
}

/// The endpoints under their names in the first epoch. Of several at one address the first counts, as in Envoy.
fn endpoints(assignment: &ClusterLoadAssignment) -> ResourceSet {
    let mut set = ResourceSet::new();
    for (number, locality) in localities(assignment) {
        let collection = Collection::new(Epoch::First, &assignment.cluster_name, number);
        for endpoint in &locality.lb_endpoints {
            let body = encode(endpoint);
            let name: ResourceName = format!("{}/{}", collection.prefix(), id(endpoint, &body)).into();
            if !set.contains_key(&name) {
                set.insert(name.clone(), EncodedResource::whole(name, body));
            }
        }
    }
    set
}

/// What an endpoint is called in its collection: its address, or a digest where that is no IP address and port.
fn id(endpoint: &LbEndpoint, body: &[u8]) -> String {
    let of = match &endpoint.host_identifier {
        Some(HostIdentifier::Endpoint(of)) => of.address.as_ref().and_then(|a| a.address.as_ref()),
        _ => None,
    };
    match of {
        Some(address::Address::SocketAddress(SocketAddress {
            address,
            port_specifier: Some(PortSpecifier::PortValue(port)),
            ..
        })) if address.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-')) => {
            format!("{address}:{port}")
        }
        Some(other) => {
            let address = envoy_types::pb::envoy::config::core::v3::Address { address: Some(other.clone()) };
            Digest::of(&encode(&address)).to_string()
        }
        None => Digest::of(body).to_string(),
    }
}
