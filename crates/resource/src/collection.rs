//! Collections: the names under which the endpoints of a load assignment are resources of their own (LEDS).
//!
//! `xdstp:///envoy.config.endpoint.v3.LbEndpoint/<epoch>/<cluster>/<locality>/<endpoint>`: a client subscribes to
//! everything below the last `/`. The locality is the number of its collection within the assignment. The epoch is
//! one of two letters: an assignment that is sent again names other collections than the time before, see
//! [`Epoch`].

use std::fmt;

use crate::{Digest, Elements, EncodedResource, ResourceName, ResourceSet, TypeUrl};

#[cfg(test)]
mod tests;

const PREFIX: &str = "xdstp:///envoy.config.endpoint.v3.LbEndpoint/";

/// Which of two names the same collections have.
///
/// An Envoy that receives an assignment again keeps its subscriptions to known collections, and with them removed
/// endpoints and a dangling pointer to the previous assignment. It subscribes anew to collections of another name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Epoch {
    /// The initial one.
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
    /// Only a digest has an epoch; the digest of any other resource seems to have one too.
    pub fn of_version(version: &str) -> Option<Self> {
        let last = version.chars().last()?.to_digit(16)?;
        Some(if last & 1 == 0 { Self::First } else { Self::Second })
    }

    /// The digest of an assignment in this epoch, which is its last bit.
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

/// A collection in one epoch: the prefix of its endpoints' names, up to the last `/`.
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

    /// The prefix of an endpoint's name: that of its collection.
    pub fn prefix_of(endpoint: &str) -> Option<&str> {
        endpoint.rsplit_once('/').map(|(prefix, _)| prefix)
    }

    /// The prefix of its endpoints' names, without the `/`.
    pub fn prefix(&self) -> &str {
        &self.0
    }

    /// The name by which clients subscribe to it.
    pub fn glob(&self) -> String {
        format!("{}/*", self.0)
    }

    /// The same collection in an epoch.
    #[must_use]
    pub fn in_epoch(&self, epoch: Epoch) -> Self {
        if self.epoch() == epoch { self.clone() } else { Self(renamed(&self.0, epoch)) }
    }

    /// The prefix of its endpoints' names, shared.
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

/// The name of a collection's endpoint in an epoch; `None` for other names.
pub fn endpoint_in(endpoint: &str, epoch: Epoch) -> Option<ResourceName> {
    Collection::of_endpoint(endpoint).map(|_| renamed(endpoint, epoch))
}

/// A name with a collection's prefix, in another epoch: the letters have the same length.
fn renamed(endpoint: &str, epoch: Epoch) -> ResourceName {
    format!("{PREFIX}{}{}", epoch.letter(), &endpoint[PREFIX.len() + 1..]).into()
}

impl Elements {
    /// The second form of a load assignment: its parent in either epoch, and the endpoints by their names in the first.
    /// The digests of the parents show the epoch.
    pub fn of_collections([first, second]: [EncodedResource; 2], children: ResourceSet) -> Self {
        let marked = |parent: EncodedResource, epoch: Epoch| {
            let digest = epoch.mark(parent.digest);
            parent.with_digest(digest)
        };
        Self {
            element_type: TypeUrl::LB_ENDPOINT,
            parent: marked(first, Epoch::First),
            children,
            in_second_epoch: Some(marked(second, Epoch::Second)),
        }
    }

    /// The parent in an epoch; types without epochs have one form.
    pub fn parent_in(&self, epoch: Epoch) -> &EncodedResource {
        match (&self.in_second_epoch, epoch) {
            (Some(in_second_epoch), Epoch::Second) => in_second_epoch,
            _ => &self.parent,
        }
    }
}
