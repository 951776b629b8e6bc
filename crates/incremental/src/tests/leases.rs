//! What leases keep alive, and what happens when they end.

use super::toy::{Choice, Sum, Top, View, set_item};
use crate::{Db, Kind, Query};

fn set(db: &mut Db, key: u8, group: u8, value: u8) {
    let mut changes = db.change();
    set_item(&mut changes, key, group, value);
    db.apply(changes);
}

fn nodes(db: &Db, name: &str) -> u64 {
    db.stats().line(Kind::Query, name).map_or(0, |line| line.nodes)
}

#[test]
fn two_leases_share_one_root_and_either_may_end_first() {
    for first in [0, 1] {
        let mut db = Db::new();
        let mut leases = vec![db.lease::<Sum>(&0), db.lease::<Sum>(&0)];
        assert_eq!(leases[0].id(), leases[1].id());
        assert_eq!(nodes(&db, Sum::NAME), 1);
        db.release(leases.remove(first));
        assert_eq!(db.collect_garbage(0), 0);
        set(&mut db, 1, 0, 4);
        assert!(db.settle().has_changed(leases[0].id()));
        assert_eq!(*leases[0].value(&db), 4);
        db.release(leases.remove(0));
        assert!(db.collect_garbage(0) > 0);
        assert_eq!(db.stats().nodes(), 0);
    }
}

#[test]
fn a_released_root_is_not_recomputed() {
    let mut db = Db::new();
    set(&mut db, 1, 0, 4);
    let root = db.lease::<Top>(&0);
    drop(root);
    set(&mut db, 1, 0, 2);
    let settled = db.settle();
    assert_eq!((settled.total_recomputed(), settled.changed.len()), (0, 0));
}

#[test]
fn leasing_again_verifies_instead_of_recomputing() {
    let mut db = Db::new();
    set(&mut db, 1, 0, 3);
    let root = db.lease::<Choice>(&0);
    db.release(root);
    // Another item of another group: nothing that was read.
    set(&mut db, 2, 3, 4);
    let before = db.stats();
    let root = db.lease::<Choice>(&0);
    let counted = |stats: &crate::Stats| stats.line(Kind::Query, Choice::NAME).unwrap().recomputed;
    assert_eq!(counted(&db.stats()), counted(&before));
    db.release(root);
    // The same sum from another item: the doubt travels up, the verification stops it below.
    let mut changes = db.change();
    set_item(&mut changes, 1, 2, 3);
    set_item(&mut changes, 5, 0, 3);
    db.apply(changes);
    let root = db.lease::<Choice>(&0);
    assert_eq!(counted(&db.stats()), counted(&before));
    set(&mut db, 5, 0, 2);
    db.settle();
    assert_eq!(counted(&db.stats()), counted(&before) + 1);
    drop(root);
}

#[test]
fn a_lease_during_unsettled_changes_settles_first_and_reports_later() {
    let mut db = Db::new();
    let first = db.lease::<Sum>(&0);
    set(&mut db, 1, 0, 4);
    assert_eq!(*first.value(&db), 0);
    let second = db.lease::<View>(&1);
    assert_eq!((*first.value(&db), *second.value(&db)), (4, Some(4)));
    let settled = db.settle();
    assert!(settled.has_changed(first.id()));
    assert!(!settled.has_changed(second.id()));
    assert_eq!(settled.recomputed["sum"], 1);
}

#[test]
fn garbage_stays_for_the_grace_and_is_read_from_memory_until_then() {
    let mut db = Db::new();
    set(&mut db, 1, 0, 4);
    drop(db.lease::<Sum>(&0));
    assert_eq!(db.collect_garbage(2), 0);
    set(&mut db, 2, 1, 4);
    db.settle();
    assert_eq!(db.collect_garbage(2), 0);
    set(&mut db, 3, 1, 4);
    db.settle();
    assert!(db.collect_garbage(2) > 0);
    assert_eq!(db.stats().nodes(), 0);
}

#[test]
fn the_grace_counts_from_the_end_of_the_lease_not_from_the_last_computation() {
    let mut db = Db::new();
    set(&mut db, 1, 0, 4);
    let sum = db.lease::<Sum>(&0);
    for value in 0..5 {
        set(&mut db, 2, 1, value);
        db.settle();
    }
    db.release(sum);
    assert_eq!(db.collect_garbage(1), 0);
    set(&mut db, 2, 1, 9);
    assert!(db.collect_garbage(1) > 0);
}

#[test]
fn garbage_that_something_still_reads_stays() {
    let mut db = Db::new();
    set(&mut db, 1, 0, 4);
    let view = db.lease::<View>(&1);
    drop(db.lease::<Sum>(&0));
    assert!(db.collect_garbage(0) > 0);
    assert_eq!((nodes(&db, Sum::NAME), nodes(&db, View::NAME)), (0, 1));
    assert_eq!(*view.value(&db), Some(4));
}

#[test]
fn a_reused_node_is_not_taken_for_the_old_one() {
    let mut db = Db::new();
    let old = db.lease::<View>(&1);
    let old_id = old.id();
    let explained = db.explain::<View>(&1).unwrap().node.id;
    db.release(old);
    db.collect_garbage(0);
    assert_eq!(db.explain_node(explained), None);
    let new = db.lease::<View>(&2);
    assert_ne!(new.id(), old_id);
    assert_eq!(db.explain_node(explained), None);
    set(&mut db, 2, 0, 4);
    assert!(!db.settle().has_changed(old_id));
}

#[test]
fn a_lease_may_outlive_its_database() {
    let mut db = Db::new();
    let lease = db.lease::<Sum>(&0);
    drop(db);
    drop(lease);
}

#[test]
#[should_panic(expected = "the lease is of another database")]
fn a_lease_of_another_database_is_refused() {
    let mut db = Db::new();
    let lease = db.lease::<Sum>(&0);
    let _ = lease.value(&Db::new());
}

#[test]
fn a_lease_dropped_on_another_thread_ends() {
    let mut db = Db::new();
    let lease = db.lease::<Sum>(&0);
    std::thread::spawn(move || drop(lease)).join().unwrap();
    assert!(db.collect_garbage(0) > 0);
    assert_eq!(db.stats().nodes(), 0);
}

#[test]
fn a_question_sees_the_newest_facts_and_leaves_nothing_behind() {
    let mut db = Db::new();
    set(&mut db, 1, 0, 4);
    let leased = db.lease::<Sum>(&0);
    set(&mut db, 1, 0, 6);
    let answer = db.ask(|cx| (*cx.get::<Sum>(&0), cx.get::<Top>(&0), *cx.get::<Sum>(&0)));
    assert_eq!((answer.0, answer.2), (6, 6));
    assert!(db.settle().has_changed(leased.id()), "the question has settled, and settling reports it");
    assert!(nodes(&db, Top::NAME) > 0);
    assert!(db.collect_garbage(0) > 0);
    assert_eq!((nodes(&db, Top::NAME), nodes(&db, Sum::NAME)), (0, 1), "what is leased stays");
}
