//! A small incremental computation engine. It knows no domain word.

mod collect;
mod core;
mod db;
mod define;
mod edges;
mod explain;
mod garbage;
mod index;
mod input;
mod lease;
mod node;
mod query;
mod reader;
mod settle;
mod slab;
mod stats;
mod union;

pub use db::Db;
pub use define::{Collect, Index, Input, Key, MemberKey, MemberValue, Query, Revision, Stratum};
pub use explain::{Cause, Explanation, Mention, NodeId};
pub use input::ChangeSet;
pub use lease::{CollectLease, Lease, RootId};
pub use reader::Reader;
pub use settle::{ChangedRoot, Settled};
pub use stats::{Kind, Stats, StatsLine};
