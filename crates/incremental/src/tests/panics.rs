//! A panic in a computation leaves no wrong data behind that anybody can read.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::toy::{Item, ItemValue, set_item};
use crate::{Db, Index, Query, Reader, Stratum};

struct Fragile;

impl Query for Fragile {
    type Key = u8;
    type Value = u8;
    const NAME: &'static str = "fragile";
    const STRATUM: Stratum = Stratum(1);

    fn compute(cx: &Reader<'_>, key: &u8) -> u8 {
        let item = cx.input::<Item>(key).map_or(0, |item| item.value);
        assert_ne!(item, 13, "unlucky");
        item
    }
}

fn message<T>(operation: impl FnOnce() -> T) -> String {
    let panic = catch_unwind(AssertUnwindSafe(operation)).err().expect("it panics");
    let formatted = panic.downcast_ref::<String>().cloned();
    formatted.unwrap_or_else(|| panic.downcast_ref::<&str>().expect("a panic has a message").to_string())
}

#[test]
fn a_panic_while_facts_are_written_poisons_too() {
    struct Picky;
    impl Index for Picky {
        type Input = Item;
        type Bucket = u8;
        const NAME: &'static str = "picky";
        fn buckets(key: &u8, _: &ItemValue) -> Vec<u8> {
            assert_ne!(*key, 2, "no second item");
            vec![0]
        }
    }
    let mut db = Db::new();
    db.register_index::<Picky>();
    let mut changes = db.change();
    (1..4).for_each(|key| set_item(&mut changes, key, 0, 1));
    assert!(message(|| db.apply(changes)).contains("no second item"));
    assert_eq!(message(|| db.settle()), "the database is poisoned: an operation panicked");
}

#[test]
fn a_panic_poisons_the_database_and_names_the_computation() {
    let mut db = Db::new();
    let lease = db.lease::<Fragile>(&7);
    let kept = lease.value(&db);
    let mut changes = db.change();
    set_item(&mut changes, 7, 0, 13);
    db.apply(changes);
    assert!(message(|| db.settle()).contains("unlucky"));

    assert!(db.is_poisoned());
    let expected = "the database is poisoned: the computation of `fragile` for 7 panicked";
    assert_eq!(message(|| lease.value(&db)), expected);
    assert_eq!(message(|| db.settle()), expected);
    assert_eq!(message(|| db.lease::<Fragile>(&8)), expected);
    assert_eq!(message(|| db.collect_garbage(0)), expected);
    assert_eq!(message(|| db.input::<Item>(&7)), expected);

    // What helps to find the bug, and what was read before, is still there.
    assert!(db.explain::<Fragile>(&7).is_some());
    assert_eq!(kept, Arc::new(0));
    drop(lease);
}
