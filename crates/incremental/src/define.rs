//! The traits for users of the engine: inputs, indexes, queries and collections.

use imbl::OrdSet;

use crate::reader::Reader;
use crate::terms::{Key, Stratum};

/// A kind of base fact, set from outside through a [`ChangeSet`](crate::ChangeSet).
pub trait Input: 'static {
    /// Identifies one fact.
    type Key: Key;
    /// The fact. Setting an equal value is no change.
    type Value: PartialEq + Send + Sync + 'static;
    /// The name in explanations and statistics; unique among inputs.
    const NAME: &'static str;
}

/// A grouping of the facts of one input, kept up to date while changes are applied.
///
/// A reader of a bucket depends on the set of keys in it, not on the values of those facts.
pub trait Index: 'static {
    /// The input that is grouped.
    type Input: Input;
    /// Identifies a group.
    type Bucket: Key;
    /// The name in explanations and statistics; unique among indexes.
    const NAME: &'static str;

    /// The groups that a fact belongs to. A bucket named twice counts once. Must be a pure function.
    fn buckets(key: &<Self::Input as Input>::Key, value: &<Self::Input as Input>::Value)
    -> Vec<Self::Bucket>;
}

/// A derived value, computed from what `compute` reads through its [`Reader`] and from nothing else.
pub trait Query: 'static {
    /// The argument. The value may depend only on it and on what is read.
    type Key: Key;
    /// The result. Equality is the early cut-off: an equal result does not affect the readers.
    type Value: PartialEq + Send + Sync + 'static;
    /// The name in explanations and statistics; unique among queries and collections.
    const NAME: &'static str;
    /// The layer; only lower layers may be read.
    const STRATUM: Stratum;

    /// Computes the value.
    ///
    /// Must be pure and total: the engine may ask for a key that nothing would read in the newest
    /// revision, because its readers have not been recomputed yet.
    fn compute(cx: &Reader<'_>, key: &Self::Key) -> Self::Value;
}

/// The key of a member query of the collection `C`.
pub type MemberKey<C> = <<C as Collect>::Member as Query>::Key;
/// The value of a member query of the collection `C`.
pub type MemberValue<C> = <<C as Collect>::Member as Query>::Value;

/// The union of the entries of many member queries, kept as one persistent ordered map.
///
/// When one member changes, only its entries are touched: the cost does not depend on how many
/// members there are. A clone of the map is O(1), and two versions of it share what is equal.
pub trait Collect: 'static {
    /// Identifies one collection.
    type Key: Key;
    /// The query whose values are united. Must be of a lower stratum.
    type Member: Query;
    /// The key of an entry.
    type OutKey: Key;
    /// The value of an entry. An equal value is no change.
    type OutValue: Clone + PartialEq + Send + Sync + 'static;
    /// The name in explanations and statistics; unique among queries and collections.
    const NAME: &'static str;
    /// The layer; members and everything that `members` reads are of lower layers.
    const STRATUM: Stratum;

    /// The keys of the members.
    ///
    /// A set that was derived from the previous one, such as the one that [`Reader::index`] returns,
    /// is compared in the size of the difference; a set built anew costs its length.
    fn members(cx: &Reader<'_>, key: &Self::Key) -> OrdSet<MemberKey<Self>>;

    /// The entries of one member. Must be a pure function.
    ///
    /// When several members have the same key, the smallest member key wins, and when it goes the
    /// next one takes over. When one member has a key twice, the first counts.
    fn entries(
        member: &MemberKey<Self>,
        value: &MemberValue<Self>,
    ) -> impl IntoIterator<Item = (Self::OutKey, Self::OutValue)>;
}
