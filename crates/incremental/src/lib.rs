//! A small incremental computation engine that is independent of any domain.
//!
//! A program that derives much from facts that change a little at a time must know for each change what to compute
//! again. This engine records that instead of having it declared.
//!
//! - An [`Input`] is a base fact. A [`ChangeSet`] sets and removes facts; applying it makes a new
//!   [`Revision`]. An [`Index`] groups facts into buckets while they are applied.
//! - A [`Query`] is a function from a key to a value. It sees its key and a [`Reader`], nothing else,
//!   and each read through the reader becomes an edge of the dependency graph.
//! - A [`Collect`] is the union of the entries of many queries, as one persistent ordered map that is
//!   edited instead of rebuilt.
//! - A large value that changes a little can be edited: a computation may start from
//!   [its own earlier value](Reader::previous).
//! - A [`Lease`] on a query or collection keeps it up to date. Values that no lease needs are not computed, and dropped
//!   after a grace.
//!
//! **Invalidation is pushed, recomputation is on demand, one revision at a time, and an equal result stops the wave.**
//! Applying a change set marks the direct readers of what changed and computes nothing. [`Db::settle`] then recomputes
//! marked nodes, the lowest [`Stratum`] first; only when the new value differs from the old one are the readers marked
//! in turn. A query reads lower strata only, so each node runs at most once in a revision, after everything it reads,
//! and there are no cycles. All leased values are of one revision: new ones become visible only once all are computed.
//!
//! Visible results are ordered by name and key, never by hash or address: the same facts give the same values and
//! reports, whatever the history. The crate reads no clock, file or environment.
//!
//! ```
//! use std::sync::Arc;
//!
//! use fairlead_incremental::{Db, Index, Input, Query, Reader, Stratum};
//!
//! /// What a person earns, and where.
//! struct Salary;
//! impl Input for Salary {
//!     type Key = &'static str;
//!     type Value = (&'static str, u32);
//!     const NAME: &'static str = "salary";
//! }
//!
//! struct ByTeam;
//! impl Index for ByTeam {
//!     type Input = Salary;
//!     type Bucket = &'static str;
//!     const NAME: &'static str = "salaries by team";
//!     fn buckets(_person: &&'static str, (team, _): &(&'static str, u32)) -> Vec<&'static str> {
//!         vec![team]
//!     }
//! }
//!
//! struct Highest;
//! impl Query for Highest {
//!     type Key = &'static str;
//!     type Value = u32;
//!     const NAME: &'static str = "highest salary";
//!     const STRATUM: Stratum = Stratum(10);
//!     fn compute(cx: &Reader<'_>, team: &&'static str) -> u32 {
//!         let people = cx.index::<ByTeam>(team);
//!         people.iter().filter_map(|person| cx.input::<Salary>(person)).map(|salary| salary.1).max().unwrap_or(0)
//!     }
//! }
//!
//! struct Report;
//! impl Query for Report {
//!     type Key = ();
//!     type Value = String;
//!     const NAME: &'static str = "report";
//!     const STRATUM: Stratum = Stratum(20);
//!     fn compute(cx: &Reader<'_>, (): &()) -> String {
//!         format!("red {}, blue {}", cx.get::<Highest>(&"red"), cx.get::<Highest>(&"blue"))
//!     }
//! }
//!
//! let mut db = Db::new();
//! let report = db.lease::<Report>(&());
//! assert_eq!(*report.value(&db), "red 0, blue 0");
//!
//! let mut changes = db.change();
//! changes.set::<Salary>("ann", Arc::new(("red", 7)));
//! changes.set::<Salary>("bob", Arc::new(("red", 5)));
//! db.apply(changes);
//! let settled = db.settle();
//! assert_eq!(*report.value(&db), "red 7, blue 0");
//! assert!(settled.has_changed(report.id()));
//!
//! // Bob gets more, but not the most: his team is looked at again, the report is not.
//! let mut changes = db.change();
//! changes.set::<Salary>("bob", Arc::new(("red", 6)));
//! db.apply(changes);
//! let settled = db.settle();
//! assert_eq!(settled.recomputed, [("highest salary", 1)].into());
//! assert!(settled.changed.is_empty());
//! ```

mod base;
mod bucket;
mod collect;
mod core;
mod db;
mod define;
mod edges;
mod edit;
mod explain;
mod garbage;
mod hold;
mod index;
mod input;
mod lease;
mod maintain;
mod node;
mod query;
mod reader;
mod reads;
mod settle;
mod stats;
mod table;
mod terms;
mod union;

#[cfg(test)]
mod tests;

pub use base::{Based, BasedCollect, BasedKey, BasedUnion, Distance, EditFrom, UnionOf};
pub use db::Db;
pub use define::{Collect, Index, Input, MemberKey, MemberValue, Query};
pub use edit::{few_changed_keys, is_few};
pub use explain::{Cause, Explanation, Mention, NodeId};
pub use hold::RootId;
pub use input::ChangeSet;
pub use lease::{CollectLease, Lease};
pub use reader::Reader;
pub use settle::{ChangedRoot, Settled};
pub use stats::{Stats, StatsLine};
pub use terms::{Key, Kind, Revision, Stratum};
