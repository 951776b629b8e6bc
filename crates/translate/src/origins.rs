//! What the resources of a view were made from: fields of objects, told when somebody asks.
//!
//! Nothing of it is kept. The functions that make messages are called again, without encoding, for the members of a
//! set that are asked for.

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use envoy_types::pb::envoy::config::listener::v3::Listener;
use fairlead_model::{ConfigKey, Origin};

/// Origins that are named at most of a resource that many objects share.
pub const MOST_NAMED: usize = 4;

/// What one resource was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceOrigins {
    /// The fields that it was made from, the nearest first; none for one that every proxy of its sort has.
    pub own: Vec<Origin>,
    /// Those of its parts, in their order: of each route under the name of its virtual host, of each filter chain
    /// under its own name (the default one comes last), of each endpoint under its address.
    pub parts: Vec<(Arc<str>, Vec<Origin>)>,
    /// The services and DestinationRules that its routes lead to.
    pub behind: BTreeSet<ConfigKey>,
}

impl ResourceOrigins {
    /// Adds what other members tell of the same resource.
    pub fn extend(&mut self, more: Self) {
        self.own.extend(more.own);
        self.parts.extend(more.parts);
        self.behind.extend(more.behind);
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

/// The resources of a type that are asked about.
#[derive(Clone, Debug)]
pub enum Which<'a> {
    /// The one of this name; of a route table perhaps one virtual host only.
    Named(&'a str, Option<&'a str>),
    /// Those of some members of the set, by their number: a large set is told in slices.
    Members(Range<usize>),
}
