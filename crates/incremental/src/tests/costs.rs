//! Recomputation is bounded by what was read.

use std::sync::Arc;

use imbl::OrdSet;
use proptest::prelude::*;

use super::toy::{All, Choice, Sum, Top, Tops, Values, View, set_item};
use crate::{Collect, Db, Index, Input, Kind, NodeId, Query, Reader, Stratum};

/// As many items as are needed, one entry each.
struct Wide;

struct Number;

impl Input for Number {
    type Key = u32;
    type Value = u32;
    const NAME: &'static str = "number";
}

struct Numbers;

impl Index for Numbers {
    type Input = Number;
    type Bucket = ();
    const NAME: &'static str = "numbers";
    fn buckets(_: &u32, _: &u32) -> Vec<()> {
        vec![()]
    }
}

struct Double;

impl Query for Double {
    type Key = u32;
    type Value = u32;
    const NAME: &'static str = "double";
    const STRATUM: Stratum = Stratum(1);
    fn compute(cx: &Reader<'_>, key: &u32) -> u32 {
        cx.input::<Number>(key).map_or(0, |number| *number * 2)
    }
}

thread_local! {
    /// How often `Wide::entries` has run on this thread.
    static EMISSIONS: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

impl Collect for Wide {
    type Key = ();
    type Member = Double;
    type OutKey = u32;
    type OutValue = u32;
    const NAME: &'static str = "wide";
    const STRATUM: Stratum = Stratum(2);
    fn members(cx: &Reader<'_>, (): &()) -> OrdSet<u32> {
        cx.index::<Numbers>(&())
    }
    fn entries(key: &u32, value: &u32) -> impl IntoIterator<Item = (u32, u32)> {
        EMISSIONS.set(EMISSIONS.get() + 1);
        [(*key, *value)]
    }
}

#[test]
fn one_change_among_ten_thousand_members_touches_one_member() {
    let mut db = Db::new();
    let mut changes = db.change();
    (0..10_000).for_each(|key| changes.set::<Number>(key, Arc::new(key)));
    db.apply(changes);
    let wide = db.lease_collect::<Wide>(&());
    for (change, entries, emissions) in [(5_000, 10_000, 2), (20_000, 10_001, 1)] {
        EMISSIONS.set(0);
        let mut changes = db.change();
        changes.set::<Number>(change, Arc::new(1));
        db.apply(changes);
        let settled = db.settle();
        assert_eq!(settled.recomputed, [("double", 1), ("wide", 1)].into());
        assert_eq!(wide.value(&db).len(), entries);
        assert_eq!(wide.value(&db)[&change], 2);
        assert_eq!(EMISSIONS.get(), emissions);
    }
    EMISSIONS.set(0);
    let mut changes = db.change();
    changes.remove::<Number>(20_000);
    db.apply(changes);
    db.settle();
    assert_eq!((wide.value(&db).len(), EMISSIONS.get()), (10_000, 1));
}

#[test]
fn a_node_costs_about_a_hundred_bytes_beside_its_key_and_value() {
    assert!(size_of::<crate::node::Node>() <= 104, "{}", size_of::<crate::node::Node>());
}

/// All nodes that `root` read, directly or not.
fn cone(db: &Db, root: NodeId) -> std::collections::BTreeSet<(Kind, &'static str, String)> {
    let mut seen = std::collections::BTreeSet::new();
    let mut stack = vec![root];
    while let Some(id) = stack.pop() {
        let explained = db.explain_node(id).expect("what is read stays in memory");
        if seen.insert((explained.node.kind, explained.node.name, explained.node.key.clone())) {
            stack.extend(explained.reads.iter().map(|read| read.id));
        }
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn a_node_never_runs_for_an_input_that_it_has_not_read(
        items in prop::collection::vec((0..8_u8, 0..4_u8, 0..10_u8), 0..12),
        changed in (0..8_u8, 0..4_u8, 0..10_u8),
    ) {
        let mut db = Db::new();
        let mut changes = db.change();
        for (key, group, value) in items {
            set_item(&mut changes, key, group, value);
        }
        db.apply(changes);
        let choices: Vec<_> = (0..4).map(|group| db.lease::<Choice>(&group)).collect();
        let tops: Vec<_> = (0..4).map(|group| db.lease::<Top>(&group)).collect();
        let values: Vec<_> = (0..4).map(|group| db.lease_collect::<Values>(&group)).collect();
        let all = db.lease_collect::<Tops>(&3);
        let before = db.stats();
        // Which roots have read the item or one of its buckets?
        let touched = |db: &Db| {
            let mut touched = std::collections::BTreeSet::new();
            let fact = (Kind::Input, "item", format!("{}", changed.0));
            for group in 0..4_u8 {
                for id in [
                    db.explain::<Choice>(&group).unwrap().node.id,
                    db.explain::<Top>(&group).unwrap().node.id,
                    db.explain_collect::<Values>(&group).unwrap().node.id,
                ] {
                    let cone = cone(db, id);
                    if cone.contains(&fact) || cone.iter().any(|node| node.0 == Kind::Index) {
                        touched.insert(id);
                    }
                }
            }
            touched
        };
        let touched = touched(&db);
        let mut changes = db.change();
        set_item(&mut changes, changed.0, changed.1, changed.2);
        db.apply(changes);
        let settled = db.settle();
        for root in &settled.changed {
            if root.name != Tops::NAME {
                prop_assert!(touched.contains(&NodeId(root.id.0)));
            }
        }
        // The views of all other items stay as they are; new ones may be read for the first time.
        let ran = |stats: &crate::Stats, name| stats.line(Kind::Query, name).map_or((0, 0), |line| (line.recomputed, line.nodes));
        let (runs_before, views_before) = ran(&before, View::NAME);
        let (runs, views) = ran(&db.stats(), View::NAME);
        prop_assert!(runs - runs_before <= 1 + (views - views_before));
        prop_assert!(settled.recomputed.get(Sum::NAME).copied().unwrap_or(0) <= 8);
        drop((choices, tops, values, all));
    }

    #[test]
    fn the_order_of_set_up_does_not_change_the_bound(readers in 1..60_u32) {
        // More and fewer readers than the reader list switches its form at.
        struct Reads;
        impl Query for Reads {
            type Key = u32;
            type Value = u32;
            const NAME: &'static str = "reads";
            const STRATUM: Stratum = Stratum(2);
            fn compute(cx: &Reader<'_>, key: &u32) -> u32 {
                key + *cx.get::<Double>(&0)
            }
        }
        let mut db = Db::new();
        let mut leases: Vec<_> = (0..readers).map(|key| db.lease::<Reads>(&key)).collect();
        let mut changes = db.change();
        changes.set::<Number>(0, Arc::new(1));
        db.apply(changes);
        let settled = db.settle();
        prop_assert_eq!(settled.recomputed["reads"], u64::from(readers));
        prop_assert_eq!(settled.changed.len(), leases.len());
        while let Some(lease) = leases.pop() {
            db.release(lease);
            db.collect_garbage(0);
            db.assert_consistent();
        }
        prop_assert_eq!(db.stats().nodes(), 0);
    }
}

#[test]
fn the_index_over_everything_is_read_by_reference() {
    struct Keys;
    impl Query for Keys {
        type Key = ();
        type Value = OrdSet<u8>;
        const NAME: &'static str = "keys";
        const STRATUM: Stratum = Stratum(1);
        fn compute(cx: &Reader<'_>, (): &()) -> OrdSet<u8> {
            cx.index::<All>(&())
        }
    }
    let mut db = Db::new();
    let mut changes = db.change();
    (0..100).for_each(|key| set_item(&mut changes, key, 0, 1));
    db.apply(changes);
    let keys = db.lease::<Keys>(&()).value(&db);
    let again = db.lease::<Keys>(&()).value(&db);
    assert!(keys.ptr_eq(&again));
    assert!(keys.iter().copied().eq(0..100));
}
