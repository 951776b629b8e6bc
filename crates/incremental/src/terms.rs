//! The basic terms: keys, strata, revisions and kinds of nodes.

use std::fmt::{self, Debug};
use std::hash::Hash;

/// The identity of an input, a bucket, a query or an entry. Implemented for every type that fits.
pub trait Key: Clone + Eq + Ord + Hash + Debug + Send + Sync + 'static {}

impl<T: Clone + Eq + Ord + Hash + Debug + Send + Sync + 'static> Key for T {}

/// The layer of a query. A query reads lower strata only, so there are no cycles by construction.
///
/// The numbers are free-form: leave gaps to have room for a layer in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stratum(pub u8);

/// The number of an applied change set that changed something. Starts at 0 for an empty [`Db`](crate::Db).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

/// The kind of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A base fact.
    Input,
    /// A bucket of an index.
    Index,
    /// A query.
    Query,
    /// The member list of a collection.
    Members,
    /// The union of a collection.
    Collect,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "input",
            Self::Index => "index",
            Self::Query => "query",
            Self::Members => "member list",
            Self::Collect => "collection",
        })
    }
}
