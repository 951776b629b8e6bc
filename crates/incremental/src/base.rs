//! Values that differ little from key to key: most are edited out of the value of one key, the base.
//!
//! Their common parts exist once, in shared persistent maps, and a change of these is computed once.

use std::{collections::BTreeSet, marker::PhantomData, sync::Arc};

use imbl::{OrdMap, OrdSet, ordset::DiffItem};

use crate::{
    Stratum,
    define::{Collect, MemberKey, MemberValue, Query},
    edit::changed_keys,
    reader::Reader,
    terms::Key,
};

/// A key whose value is edited out of that of another key, the base.
pub trait BasedKey: Key {
    /// The base, perhaps this key itself; `None` for a value that stands alone.
    fn base(&self) -> Option<Self>;
}

/// A query whose value for most keys is edited out of the value for another key, the base.
pub trait Based: 'static {
    /// Identifies a value.
    type Key: BasedKey;
    /// The result. A clone is cheap.
    type Value: PartialEq + Clone + Send + Sync + 'static;
    /// The name for reports.
    const NAME: &'static str;
    /// The name of the same query for bases.
    const BASE_NAME: &'static str;
    /// Its place in the order. Bases are one stratum lower.
    const STRATUM: Stratum;

    /// The value, edited out of what it can be edited from, or made anew.
    fn edit(cx: &Reader<'_>, key: &Self::Key, from: EditFrom<'_, Self::Value>) -> Self::Value;
}

/// The values that another can be edited out of.
#[derive(Debug)]
pub struct EditFrom<'a, V> {
    /// The previous one of the same key.
    pub previous: Option<&'a V>,
    /// That of the base.
    pub base: Option<&'a V>,
}

impl<Q: Based> Query for Q {
    type Key = <Q as Based>::Key;
    type Value = <Q as Based>::Value;
    const NAME: &'static str = <Q as Based>::NAME;
    const STRATUM: Stratum = <Q as Based>::STRATUM;

    fn compute(cx: &Reader<'_>, key: &<Q as Based>::Key) -> <Q as Based>::Value {
        let base = key.base();
        if base.as_ref() == Some(key) {
            return (*cx.get::<BaseOf<Q>>(key)).clone();
        }
        let base = base.map(|base| cx.get::<BaseOf<Q>>(&base));
        Q::edit(cx, key, EditFrom { previous: cx.previous::<Q>().as_deref(), base: base.as_deref() })
    }
}

/// A query for the keys of its bases.
struct BaseOf<Q>(PhantomData<fn() -> Q>);

impl<Q: Based> Query for BaseOf<Q> {
    type Key = <Q as Based>::Key;
    type Value = <Q as Based>::Value;
    const NAME: &'static str = Q::BASE_NAME;
    const STRATUM: Stratum = Stratum(<Q as Based>::STRATUM.0 - 1);

    fn compute(cx: &Reader<'_>, key: &<Q as Based>::Key) -> <Q as Based>::Value {
        Q::edit(cx, key, EditFrom { previous: cx.previous::<Self>().as_deref(), base: None })
    }
}

/// A collection whose union for most keys is edited out of that for another key, the base. No two members of one union
/// emit the same key.
pub trait BasedCollect: Collect<Key: BasedKey> {
    /// The name of [`UnionOf`] of it.
    const UNION: &'static str;
    /// The name of its query for the entries of members that the base does not have.
    const OWN: &'static str;
    /// The name of its query for the keys of members that only the base has.
    const HIDDEN: &'static str;
}

/// The entries of a collection. The union of a base has an edge to each member; one edited out of it has edges only to
/// members that differ.
pub struct UnionOf<C>(PhantomData<fn() -> C>);

impl<C: BasedCollect> Query for UnionOf<C> {
    type Key = C::Key;
    type Value = BasedUnion<C::OutKey, C::OutValue>;
    const NAME: &'static str = C::UNION;
    const STRATUM: Stratum = Stratum(C::STRATUM.0 + 1);

    fn compute(cx: &Reader<'_>, key: &C::Key) -> Self::Value {
        let Some(base) = key.base().filter(|base| base != key) else {
            return BasedUnion { entries: cx.collect::<C>(key), ..BasedUnion::default() };
        };
        let sources = Sources {
            base: cx.collect::<C>(&base),
            own: cx.collect::<Own<C>>(key),
            hidden: cx.collect::<Hidden<C>>(key),
        };
        BasedUnion::new(cx.previous::<Self>().as_deref(), sources)
    }
}

/// The entries of a union, and their sources.
#[derive(Clone, Debug)]
pub struct BasedUnion<K: Ord + Clone, V: Clone> {
    entries: OrdMap<K, V>,
    sources: Sources<K, V>,
    /// Number of entries edited since the union was last edited out of the base's.
    since: usize,
}

impl<K: Ord + Clone, V: Clone> Default for BasedUnion<K, V> {
    fn default() -> Self {
        Self { entries: OrdMap::new(), sources: Sources::default(), since: 0 }
    }
}

/// Equality ignores what is kept for editing.
impl<K: Ord + Clone, V: Clone + PartialEq> PartialEq for BasedUnion<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

/// The sources of a union.
#[derive(Clone, Debug)]
struct Sources<K: Ord + Clone, V: Clone> {
    base: OrdMap<K, V>,
    /// The entries from members that the base does not have.
    own: OrdMap<K, V>,
    /// The keys from members that only the base has.
    hidden: OrdMap<K, ()>,
}

impl<K: Ord + Clone, V: Clone> Default for Sources<K, V> {
    fn default() -> Self {
        Self { base: OrdMap::new(), own: OrdMap::new(), hidden: OrdMap::new() }
    }
}

impl<K: Key, V: Clone + PartialEq> BasedUnion<K, V> {
    /// The entries by key.
    pub fn entries(&self) -> &OrdMap<K, V> {
        &self.entries
    }

    fn new(previous: Option<&Self>, sources: Sources<K, V>) -> Self {
        debug_assert!(
            sources.own.keys().all(|key| !sources.base.contains_key(key) || sources.hidden.contains_key(key)),
            "no two members of one union emit the same key"
        );
        let distinct = sources.own.len() + sources.hidden.len();
        let near = previous.and_then(|previous| {
            let changed = previous.sources.changed(&sources);
            let since = previous.since + changed.len();
            (since <= distinct).then(|| (previous.entries.clone(), changed, since))
        });
        let (mut entries, changed, since) = near.unwrap_or_else(|| {
            let keys = sources.own.keys().chain(sources.hidden.keys());
            (sources.base.clone(), keys.cloned().collect(), 0)
        });
        for key in changed {
            match sources.get(&key) {
                Some(value) => drop(entries.insert(key, value.clone())),
                None => drop(entries.remove(&key)),
            }
        }
        Self { entries, sources, since }
    }
}

impl<K: Ord + Clone, V: Clone + PartialEq> Sources<K, V> {
    fn get(&self, key: &K) -> Option<&V> {
        let of_base = || if self.hidden.contains_key(key) { None } else { self.base.get(key) };
        self.own.get(key).or_else(of_base)
    }

    /// The keys that differ in `new`.
    fn changed(&self, new: &Self) -> BTreeSet<K> {
        let mut changed = BTreeSet::new();
        changed.extend(changed_keys(&self.base, &new.base));
        changed.extend(changed_keys(&self.own, &new.own));
        changed.extend(changed_keys(&self.hidden, &new.hidden));
        changed
    }
}

/// The entries of members that the base does not have.
struct Own<C>(PhantomData<fn() -> C>);

impl<C: BasedCollect> Collect for Own<C> {
    type Key = C::Key;
    type Member = C::Member;
    type OutKey = C::OutKey;
    type OutValue = C::OutValue;
    const NAME: &'static str = C::OWN;
    const STRATUM: Stratum = C::STRATUM;

    fn members(cx: &Reader<'_>, key: &C::Key) -> OrdSet<MemberKey<C>> {
        let (of_base, own) = members::<C>(cx, key);
        only_in(&own, &of_base)
    }

    fn entries(
        member: &MemberKey<C>,
        value: &MemberValue<C>,
    ) -> impl IntoIterator<Item = (C::OutKey, C::OutValue)> {
        C::entries(member, value)
    }
}

/// The keys of members that only the base has.
struct Hidden<C>(PhantomData<fn() -> C>);

impl<C: BasedCollect> Collect for Hidden<C> {
    type Key = C::Key;
    type Member = C::Member;
    type OutKey = C::OutKey;
    type OutValue = ();
    const NAME: &'static str = C::HIDDEN;
    const STRATUM: Stratum = C::STRATUM;

    fn members(cx: &Reader<'_>, key: &C::Key) -> OrdSet<MemberKey<C>> {
        let (of_base, own) = members::<C>(cx, key);
        only_in(&of_base, &own)
    }

    fn entries(member: &MemberKey<C>, value: &MemberValue<C>) -> impl IntoIterator<Item = (C::OutKey, ())> {
        C::entries(member, value).into_iter().map(|(key, _)| (key, ()))
    }
}

/// The members for the base of a key, and for the key itself.
fn members<C: BasedCollect>(cx: &Reader<'_>, key: &C::Key) -> (OrdSet<MemberKey<C>>, OrdSet<MemberKey<C>>) {
    let base = key.base().expect("differences are asked for where there is a base");
    (C::members(cx, &base), C::members(cx, key))
}

fn only_in<M: Ord + Clone>(these: &OrdSet<M>, others: &OrdSet<M>) -> OrdSet<M> {
    let differences = others.diff(these);
    let only = differences.filter_map(|item| match item {
        DiffItem::Add(member) => Some(member.clone()),
        DiffItem::Remove(_) => None,
    });
    only.collect()
}

/// The distance of a value from the base out of which it was edited: the keys by which they differ.
///
/// A change is edited into both, and each such edit leaves them with less in common. After as many edits as there are
/// differences, editing the value out of the base again costs no more than the edits since did.
#[derive(Clone, Debug)]
pub struct Distance<K> {
    distinct: Arc<BTreeSet<K>>,
    since: BTreeSet<K>,
}

impl<K: Ord + Clone> Distance<K> {
    /// The distance of a value just edited out of the base, from which it differs by these keys.
    pub fn new(distinct: BTreeSet<K>) -> Self {
        Self { distinct: Arc::new(distinct), since: BTreeSet::new() }
    }

    /// Whether editing the value out of the base again is cheaper than also editing these keys.
    pub fn is_far(&self, changed: &BTreeSet<K>) -> bool {
        self.since.len() + changed.len() > self.distinct.len()
    }

    /// The distance after these keys are edited as well.
    #[must_use]
    pub fn with(&self, changed: &BTreeSet<K>) -> Self {
        Self { distinct: self.distinct.clone(), since: self.since.union(changed).cloned().collect() }
    }

    /// The keys by which they may differ.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.distinct.iter().chain(&self.since)
    }
}
