//! What a collection holds when members come, go, change and contend.

use imbl::OrdMap;

use super::toy::{Item, Tops, Values, set_item};
use crate::{ChangeSet, CollectLease, Db};

fn apply(db: &mut Db, fill: impl FnOnce(&mut ChangeSet)) {
    let mut changes = db.change();
    fill(&mut changes);
    db.apply(changes);
    db.settle();
    db.assert_consistent();
}

/// The item that provides each key below 100.
fn owners(db: &Db, lease: &CollectLease<Values>) -> Vec<(u8, u8)> {
    let values: OrdMap<u8, (u8, u8)> = lease.value(db);
    values.iter().filter(|(key, _)| **key < 100).map(|(key, (owner, _))| (*key, *owner)).collect()
}

#[test]
fn the_smallest_member_wins_and_the_next_takes_over() {
    let mut db = Db::new();
    let values = db.lease_collect::<Values>(&0);
    // Emits 2 from 7, then also from 5, then also from 3.
    apply(&mut db, |changes| set_item(changes, 7, 0, 2));
    assert_eq!(owners(&db, &values), [(2, 7)]);
    apply(&mut db, |changes| set_item(changes, 5, 0, 2));
    assert_eq!(owners(&db, &values), [(2, 5)]);
    apply(&mut db, |changes| set_item(changes, 3, 0, 2));
    assert_eq!(owners(&db, &values), [(2, 3)]);
    // The middle one goes, the winner goes, the last one changes what it emits.
    apply(&mut db, |changes| changes.remove::<Item>(5));
    assert_eq!(owners(&db, &values), [(2, 3)]);
    apply(&mut db, |changes| set_item(changes, 3, 1, 2));
    assert_eq!(owners(&db, &values), [(2, 7)]);
    apply(&mut db, |changes| set_item(changes, 7, 0, 4));
    assert_eq!(owners(&db, &values), [(4, 7)]);
}

#[test]
fn a_key_that_moves_between_members_in_one_revision_is_kept() {
    let mut db = Db::new();
    let values = db.lease_collect::<Values>(&0);
    apply(&mut db, |changes| {
        set_item(changes, 1, 0, 2);
        set_item(changes, 2, 0, 4);
    });
    assert_eq!(owners(&db, &values), [(2, 1), (4, 2)]);
    apply(&mut db, |changes| {
        set_item(changes, 1, 0, 4);
        set_item(changes, 2, 0, 2);
    });
    assert_eq!(owners(&db, &values), [(2, 2), (4, 1)]);
}

#[test]
fn two_new_members_that_emit_one_key_contend() {
    let mut db = Db::new();
    let values = db.lease_collect::<Values>(&0);
    apply(&mut db, |changes| {
        set_item(changes, 6, 0, 2);
        set_item(changes, 4, 0, 2);
    });
    assert_eq!(owners(&db, &values), [(2, 4)]);
    apply(&mut db, |changes| changes.remove::<Item>(4));
    assert_eq!(owners(&db, &values), [(2, 6)]);
}

#[test]
fn all_members_may_leave_and_return() {
    let mut db = Db::new();
    let values = db.lease_collect::<Values>(&0);
    for _ in 0..2 {
        apply(&mut db, |changes| (0..5).for_each(|key| set_item(changes, key, 0, key)));
        assert_eq!(owners(&db, &values).len(), 5);
        apply(&mut db, |changes| (0..5).for_each(|key| changes.remove::<Item>(key)));
        assert!(values.value(&db).is_empty());
    }
}

#[test]
fn a_collection_that_comes_out_equal_has_not_changed() {
    let mut db = Db::new();
    apply(&mut db, |changes| {
        set_item(changes, 1, 0, 2);
        set_item(changes, 3, 0, 2);
    });
    let tops = db.lease_collect::<Tops>(&0);
    let values = db.lease_collect::<Values>(&0);
    let before = values.value(&db);
    // 3 never wins a key.
    let mut changes = db.change();
    changes.remove::<Item>(3);
    db.apply(changes);
    let settled = db.settle();
    assert_eq!(settled.recomputed["values"], 1);
    assert!(!settled.has_changed(values.id()));
    assert!(before.ptr_eq(&values.value(&db)));
    drop(tops);
}

#[test]
fn a_collection_that_slept_through_changes_wakes_up_right_and_shares_what_is_equal() {
    let mut db = Db::new();
    apply(&mut db, |changes| (0..60).for_each(|key| set_item(changes, key, 0, key % 5)));
    let asleep = db.lease_collect::<Values>(&0);
    let before = asleep.value(&db);
    drop(asleep);
    apply(&mut db, |changes| set_item(changes, 59, 0, 2));
    let awake = db.lease_collect::<Values>(&0);
    assert!(before.ptr_eq(&awake.value(&db)), "the last item wins no key");
    apply(&mut db, |changes| set_item(changes, 0, 3, 0));
    assert_eq!(owners(&db, &awake)[0], (0, 5));
}

#[test]
fn a_change_of_most_members_gives_what_their_changes_one_by_one_give() {
    let mut whole = Db::new();
    let mut single = Db::new();
    for db in [&mut whole, &mut single] {
        apply(db, |changes| (0..40).for_each(|key| set_item(changes, key, 0, key % 5)));
    }
    let at_once = whole.lease_collect::<Values>(&0);
    let one_by_one = single.lease_collect::<Values>(&0);
    // Most members change together; one leaves and one joins; one changes alone.
    apply(&mut whole, |changes| (0..39).for_each(|key| set_item(changes, key, 0, (key + 2) % 5)));
    apply(&mut whole, |changes| {
        changes.remove::<Item>(39);
        set_item(changes, 41, 0, 1);
    });
    apply(&mut whole, |changes| set_item(changes, 3, 0, 2));
    for key in (0..39).filter(|key| *key != 3) {
        apply(&mut single, |changes| set_item(changes, key, 0, (key + 2) % 5));
    }
    apply(&mut single, |changes| set_item(changes, 41, 0, 1));
    apply(&mut single, |changes| changes.remove::<Item>(39));
    apply(&mut single, |changes| set_item(changes, 3, 0, 2));
    assert_eq!(at_once.value(&whole), one_by_one.value(&single));
}
