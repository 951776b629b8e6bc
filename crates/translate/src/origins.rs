//! The origins of a view's resources: fields of objects, looked up on demand.
//!
//! Nothing is stored. The functions that make messages are called again, without encoding, for the requested members of
//! a set.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};

use envoy_types::pb::envoy::config::listener::v3::Listener;
use fairlead_model::Origin;

/// Maximum number of origins named for a resource that many objects share.
pub const MOST_NAMED: usize = 4;

/// What one resource was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceOrigins {
    /// The fields that it was made from, the nearest first; none for a resource that every proxy of the type has.
    pub own: Vec<Origin>,
    /// The origins of its parts, in order: each route under the name of its virtual host, each filter chain under its
    /// own name (the default one last), each endpoint under its address.
    pub parts: Vec<(Arc<str>, Vec<Origin>)>,
}

impl ResourceOrigins {
    /// Adds the origins of the same resource from other members.
    pub fn extend(&mut self, more: Self) {
        self.own.extend(more.own);
        self.parts.extend(more.parts);
    }

    /// Its own origins and those of its parts.
    pub fn all(&self) -> impl Iterator<Item = &Origin> {
        self.own.iter().chain(self.parts.iter().flat_map(|(_, origins)| origins))
    }

    /// Those of the filter chains of a listener, in their order.
    pub(crate) fn of_listener(listener: &Listener, chains: impl Iterator<Item = Vec<Origin>>) -> Self {
        let all = listener.filter_chains.iter().chain(&listener.default_filter_chain);
        let parts = all.zip(chains).map(|(chain, origins)| (chain.name.as_str().into(), origins));
        Self { parts: parts.collect(), ..Self::default() }
    }
}

/// The requested resources of a type.
#[derive(Clone, Debug)]
pub enum Which {
    /// Those with certain names.
    Named(Named),
    /// Those of a range of the set's members: a large set is answered in slices.
    Members(Range<usize>),
}

impl Which {
    /// The resource of a name; of a route table, optionally one virtual host only.
    pub fn one(name: &str, host: Option<&str>) -> Self {
        Self::Named([(name, host)].into_iter().collect())
    }
}

/// Names of resources; of route tables, optionally some virtual hosts only.
#[derive(Clone, Debug, Default)]
pub struct Named(BTreeMap<Arc<str>, BTreeSet<Option<Arc<str>>>>);

impl<'a> FromIterator<(&'a str, Option<&'a str>)> for Named {
    fn from_iter<I: IntoIterator<Item = (&'a str, Option<&'a str>)>>(names: I) -> Self {
        let mut all = Self::default();
        for (name, host) in names {
            all.0.entry(name.into()).or_default().insert(host.map(Into::into));
        }
        all
    }
}

impl Named {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn has_host(&self, table: &str, host: &Arc<str>) -> bool {
        let hosts = self.0.get(table);
        hosts.is_some_and(|hosts| hosts.contains(&None) || hosts.contains(&Some(host.clone())))
    }
}
