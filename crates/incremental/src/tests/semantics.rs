//! Early cut-off, dynamic dependencies, absence, strata, batches.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::toy::{ByGroup, Choice, Item, ItemValue, Rule, Sum, View, set_item};
use crate::{ChangeSet, Collect, Db, Index, Input, Kind, Query, Reader, Revision, Settled, Stratum};

fn change(db: &mut Db, fill: impl FnOnce(&mut ChangeSet)) -> Settled {
    let mut changes = db.change();
    fill(&mut changes);
    db.apply(changes);
    db.settle()
}

fn recomputed(settled: &Settled) -> Vec<(&'static str, u64)> {
    settled.recomputed.iter().map(|(name, count)| (*name, *count)).collect()
}

#[test]
fn a_change_reaches_what_is_leased() {
    let mut db = Db::new();
    let sum = db.lease::<Sum>(&1);
    assert_eq!(*sum.value(&db), 0);
    let settled = change(&mut db, |changes| set_item(changes, 7, 1, 4));
    assert_eq!(*sum.value(&db), 4);
    assert_eq!(recomputed(&settled), [("sum", 1), ("view", 1)]);
    assert!(settled.has_changed(sum.id()));
    assert_eq!(settled.revision, Revision(1));
}

#[test]
fn an_equal_result_stops_the_wave() {
    let mut db = Db::new();
    change(&mut db, |changes| {
        set_item(changes, 1, 0, 3);
        changes.set::<Rule>(0, Arc::new(1));
    });
    let sum = db.lease::<Sum>(&0);
    let before = sum.value(&db);
    // 3 + 1 becomes 4, which needs no rule.
    let settled = change(&mut db, |changes| set_item(changes, 1, 0, 4));
    assert_eq!(recomputed(&settled), [("view", 1)]);
    assert!(settled.changed.is_empty());
    assert!(Arc::ptr_eq(&before, &sum.value(&db)));
}

#[test]
fn a_recomputation_forgets_what_it_does_not_read_any_more() {
    let mut db = Db::new();
    change(&mut db, |changes| {
        set_item(changes, 1, 0, 3);
        changes.set::<Rule>(0, Arc::new(1));
    });
    let view = db.lease::<View>(&1);
    change(&mut db, |changes| set_item(changes, 1, 0, 6));
    assert_eq!(*view.value(&db), Some(6));
    // An even item does not look at its rule.
    let settled = change(&mut db, |changes| changes.set::<Rule>(0, Arc::new(9)));
    assert_eq!(settled.total_recomputed(), 0);
}

#[test]
fn absence_is_a_dependency() {
    let mut db = Db::new();
    let view = db.lease::<View>(&1);
    assert_eq!(*view.value(&db), None);
    change(&mut db, |changes| set_item(changes, 1, 0, 3));
    assert_eq!(*view.value(&db), Some(3));
    change(&mut db, |changes| changes.set::<Rule>(0, Arc::new(5)));
    assert_eq!(*view.value(&db), Some(8));
    change(&mut db, |changes| changes.remove::<Item>(1));
    assert_eq!(*view.value(&db), None);
}

#[test]
fn an_equal_set_is_no_change() {
    let mut db = Db::new();
    let first = db.apply({
        let mut changes = db.change();
        set_item(&mut changes, 1, 0, 3);
        changes
    });
    let mut again = db.change();
    set_item(&mut again, 1, 0, 9);
    set_item(&mut again, 1, 0, 3);
    again.remove::<Item>(2);
    assert_eq!(again.len(), 2);
    assert_eq!(db.apply(again), first);
}

#[test]
fn applying_computes_nothing() {
    let mut db = Db::new();
    let sum = db.lease::<Sum>(&0);
    let before = db.stats();
    let mut changes = db.change();
    set_item(&mut changes, 1, 0, 3);
    db.apply(changes);
    let counts = |stats: &crate::Stats| stats.lines.iter().map(|line| line.recomputed).sum::<u64>();
    assert_eq!(counts(&db.stats()), counts(&before));
    assert_eq!(*sum.value(&db), 0, "the value of the settled revision");
    assert!(db.explain::<Sum>(&0).is_some_and(|sum| sum.is_pending));
}

#[test]
fn a_bucket_depends_on_its_keys_only() {
    struct Size;
    impl Query for Size {
        type Key = u8;
        type Value = usize;
        const NAME: &'static str = "size";
        const STRATUM: Stratum = Stratum(1);
        fn compute(cx: &Reader<'_>, group: &u8) -> usize {
            cx.index::<ByGroup>(group).len()
        }
    }
    let mut db = Db::new();
    let size = db.lease::<Size>(&0);
    change(&mut db, |changes| set_item(changes, 1, 0, 3));
    assert_eq!(*size.value(&db), 1);
    let settled = change(&mut db, |changes| set_item(changes, 1, 0, 4));
    assert_eq!(settled.total_recomputed(), 0);
    let settled = change(&mut db, |changes| set_item(changes, 1, 1, 4));
    assert_eq!((*size.value(&db), settled.total_recomputed()), (0, 1));
}

#[test]
fn an_index_takes_up_facts_from_before_its_first_read() {
    let mut db = Db::new();
    change(&mut db, |changes| {
        set_item(changes, 1, 0, 2);
        set_item(changes, 2, 0, 4);
        set_item(changes, 3, 1, 4);
    });
    assert_eq!(*db.lease::<Sum>(&0).value(&db), 6);
}

#[test]
fn each_node_runs_once_however_many_of_its_reads_change() {
    let mut db = Db::new();
    change(&mut db, |changes| (0..8).for_each(|key| set_item(changes, key, 0, 2)));
    let _sum = db.lease::<Sum>(&0);
    let settled = change(&mut db, |changes| (0..8).for_each(|key| set_item(changes, key, 0, 4)));
    assert_eq!(recomputed(&settled), [("sum", 1), ("view", 8)]);
}

#[test]
fn changes_of_several_batches_settle_together() {
    let mut db = Db::new();
    let sum = db.lease::<Sum>(&0);
    for value in [2, 4, 2] {
        let mut changes = db.change();
        set_item(&mut changes, 1, 0, value);
        db.apply(changes);
    }
    let settled = db.settle();
    assert_eq!((*sum.value(&db), settled.revision), (2, Revision(3)));
    assert_eq!(settled.recomputed["sum"], 1);
}

#[test]
fn reading_the_own_stratum_panics_with_both_names() {
    struct Sideways;
    impl Query for Sideways {
        type Key = u8;
        type Value = u32;
        const NAME: &'static str = "sideways";
        const STRATUM: Stratum = Stratum(30);
        fn compute(cx: &Reader<'_>, group: &u8) -> u32 {
            *cx.get::<Choice>(group)
        }
    }
    let panic = catch_unwind(AssertUnwindSafe(|| Db::new().lease::<Sideways>(&0))).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.contains("`sideways` of stratum 30 may not read `choice` of stratum 30"), "{message}");
}

#[test]
fn collecting_the_own_stratum_panics_with_both_names() {
    struct Flat;
    impl Collect for Flat {
        type Key = u8;
        type Member = Choice;
        type OutKey = u8;
        type OutValue = u8;
        const NAME: &'static str = "flat";
        const STRATUM: Stratum = Stratum(30);
        fn members(_: &Reader<'_>, _: &u8) -> imbl::OrdSet<u8> {
            imbl::OrdSet::new()
        }
        fn entries(_: &u8, _: &u32) -> impl IntoIterator<Item = (u8, u8)> {
            []
        }
    }
    let panic = catch_unwind(AssertUnwindSafe(|| Db::new().lease_collect::<Flat>(&0))).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.contains("`flat` of stratum 30 may not collect `choice` of stratum 30"), "{message}");
}

#[test]
fn a_name_is_taken_once() {
    struct Other;
    impl Input for Other {
        type Key = u8;
        type Value = u8;
        const NAME: &'static str = Item::NAME;
    }
    let mut db = Db::new();
    change(&mut db, |changes| set_item(changes, 1, 0, 2));
    let mut changes = db.change();
    changes.set::<Other>(1, Arc::new(1));
    assert!(catch_unwind(AssertUnwindSafe(|| db.apply(changes))).is_err());
}

#[test]
fn settled_roots_and_counts_are_ordered_by_name_and_key() {
    let mut db = Db::new();
    let sums: Vec<_> = [3, 1, 2, 0].iter().map(|group| db.lease::<Sum>(group)).collect();
    let views: Vec<_> = [3, 1].iter().map(|key| db.lease::<View>(key)).collect();
    let settled = change(&mut db, |changes| (0..4).for_each(|key| set_item(changes, key, key, 4)));
    let ids: Vec<_> = settled.changed.iter().map(|root| root.id).collect();
    let expected = [sums[3].id(), sums[1].id(), sums[2].id(), sums[0].id(), views[1].id(), views[0].id()];
    assert_eq!(ids, expected);
}

#[test]
fn nodes_of_a_stratum_run_in_the_order_of_name_and_key() {
    thread_local! {
        static RUNS: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
    }
    struct Logged;
    impl Query for Logged {
        type Key = u8;
        type Value = u8;
        const NAME: &'static str = "logged";
        const STRATUM: Stratum = Stratum(1);
        fn compute(cx: &Reader<'_>, key: &u8) -> u8 {
            RUNS.with_borrow_mut(|runs| runs.push(*key));
            cx.input::<Item>(&0).map_or(0, |item| item.value) + key
        }
    }
    let mut db = Db::new();
    let leases: Vec<_> = [5, 1, 4, 2, 3].iter().map(|key| db.lease::<Logged>(key)).collect();
    RUNS.take();
    change(&mut db, |changes| set_item(changes, 0, 0, 1));
    assert_eq!(RUNS.take(), [1, 2, 3, 4, 5]);
    drop(leases);
}

#[test]
fn facts_can_be_looked_up_without_a_trace() {
    let mut db = Db::new();
    assert_eq!(db.input::<Item>(&1), None);
    change(&mut db, |changes| set_item(changes, 1, 0, 3));
    assert_eq!(db.input::<Item>(&1), Some(Arc::new(ItemValue { group: 0, value: 3 })));
    let stats = db.stats();
    let items = stats.line(Kind::Input, Item::NAME).unwrap();
    assert_eq!((items.facts, items.nodes), (1, 0));
    assert_eq!(stats.line(Kind::Index, ByGroup::NAME), None);
}

#[test]
fn a_database_and_what_it_hands_out_can_move_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Db>();
    is_send::<ChangeSet>();
    is_send::<crate::Lease<Sum>>();
    is_send::<crate::CollectLease<super::toy::Values>>();
}

/// The items of a group, edited; with the bucket that they were taken from.
#[derive(Clone, Debug, Default)]
struct Kept {
    bucket: imbl::OrdSet<u8>,
    small: imbl::OrdSet<u8>,
    edits: usize,
}

/// What it was made of is not what it is.
impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.small == other.small
    }
}

struct SmallItems;

impl Query for SmallItems {
    type Key = u8;
    type Value = Kept;
    const NAME: &'static str = "small items";
    const STRATUM: Stratum = Stratum(10);

    fn compute(cx: &Reader<'_>, group: &u8) -> Kept {
        let bucket = cx.index::<ByGroup>(group);
        let mut kept = cx.previous::<Self>().map(|kept| Kept::clone(&kept)).unwrap_or_default();
        for item in kept.bucket.clone().diff(&bucket) {
            kept.edits += 1;
            match item {
                imbl::ordset::DiffItem::Add(item) if *item < 10 => drop(kept.small.insert(*item)),
                imbl::ordset::DiffItem::Remove(item) => drop(kept.small.remove(item)),
                imbl::ordset::DiffItem::Add(_) => {}
            }
        }
        Kept { bucket, ..kept }
    }
}

#[test]
fn a_computation_can_start_from_its_earlier_value() {
    let mut db = Db::new();
    change(&mut db, |changes| (1..=4).for_each(|item| set_item(changes, item, 0, 1)));
    let lease = db.lease::<SmallItems>(&0);
    assert_eq!(lease.value(&db).edits, 4);
    let settled = change(&mut db, |changes| set_item(changes, 5, 0, 1));
    assert!(settled.has_changed(lease.id()));
    assert_eq!((lease.value(&db).edits, lease.value(&db).small.len()), (5, 5));
    // Equal, so nobody is told; but the next computation starts from here.
    let settled = change(&mut db, |changes| set_item(changes, 50, 0, 1));
    assert!(settled.changed.is_empty());
    assert_eq!(lease.value(&db).bucket.len(), 6);
    change(&mut db, |changes| changes.remove::<Item>(1));
    assert_eq!((lease.value(&db).edits, lease.value(&db).small.len()), (7, 4));
}

struct Thief;

impl Query for Thief {
    type Key = u8;
    type Value = bool;
    const NAME: &'static str = "thief";
    const STRATUM: Stratum = Stratum(20);

    fn compute(cx: &Reader<'_>, _: &u8) -> bool {
        cx.previous::<SmallItems>().is_some()
    }
}

#[test]
#[should_panic(expected = "no earlier value but its own")]
fn the_earlier_value_of_another_query_cannot_be_had() {
    let _lease = Db::new().lease::<Thief>(&0);
}
